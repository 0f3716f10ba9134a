"""Large samples in parts: the same numbers as in one, memory that does not grow, rows straight from a file."""

import jax
import numpy as np
import pytest

import thermodiff as td
from thermodiff.distributions import repeats
from thermodiff.numerics import estimates
from thermodiff.numerics.estimates import streamed_moments
from thermodiff.thermodynamics import ensembles
from thermodiff.thermodynamics.ensembles import ensemble

COV = np.array([[1.0, 0.6], [0.6, 0.8]])


@pytest.fixture(scope="module")
def rows():
    return np.random.default_rng(0).multivariate_normal([100.0, -3.0], COV, size=3001).astype(np.float32)


@pytest.fixture
def small_parts(monkeypatch):
    for module in (estimates, ensembles, repeats):
        monkeypatch.setattr(module, "ROWS_AT_ONCE", 256)
    monkeypatch.setattr(ensembles, "MOST_SINGLE", 100)
    monkeypatch.setattr(ensembles, "MOST_SHARED", 100)


def test_moments_in_parts_are_those_of_the_whole(rows, small_parts):
    mean, cov = streamed_moments(rows)
    np.testing.assert_allclose(mean, rows.astype(float).mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(cov, np.cov(rows.astype(float), rowvar=False, ddof=0), rtol=1e-10)


def test_parts_hold_every_row_once_in_units_of_one_size(rows, small_parts):
    """3001 rows, at most 100 units: 31 rows a unit, 96 units, 25 rows left over; no part above 256 rows."""
    parts = list(ensembles.ensembles(jax.random.key(0), rows, 3))
    assert {part.per_unit for part in parts} == {31}
    assert sum(part.units for part in parts) == 96
    assert max(part.units * part.per_unit for part in parts) <= 256
    found = np.concatenate([np.asarray(part.x0).reshape(-1, 2) for part in parts])
    np.testing.assert_array_equal(found, rows[: 96 * 31])
    seeds = np.concatenate([np.asarray(part.seeds) for part in parts])
    assert len(np.unique(seeds[:, 0])) == 96, "parts share their randomness"
    for part in parts:
        np.testing.assert_allclose(part.reference.mean, rows.mean(axis=0), rtol=1e-4)


def test_repeated_rows_are_counted_as_sorting_would(small_parts):
    rng = np.random.default_rng(1)
    for array in (
        rng.integers(0, 40, (2000, 2)).astype(np.float32),
        np.where(rng.random((500, 3)) < 0.5, 0.0, -0.0),
        rng.normal(size=(1000, 4)),
        2.0 ** rng.integers(-3, 3, (3000, 2)),
    ):
        assert repeats.distinct_rows(array) == len(np.unique(array, axis=0))


@pytest.mark.slow
def test_an_audit_in_parts_agrees_with_one_at_once_and_with_the_truth(rows, small_parts, tmp_path):
    data, process = td.Gaussian([100.0, -3.0], COV), td.VarianceExploding(25.0)
    score = td.scaled(td.exact_score(data, process), 0.95)
    np.save(tmp_path / "rows.npy", rows)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    options = {"nodes": 17, "max_points": 10**6}
    streamed = td.audit(jax.random.key(0), score, process, mapped, flow_points=8, **options)
    assert streamed["nll"].n == 96
    truth = td.audit(jax.random.key(1), score, process, data, nodes=17, replicates=8, points=128)
    for name in ("nll", "neg_elbo", "B", "C", "integral_divergence"):
        distance = float(streamed[name].mean - truth[name].mean)
        error = np.hypot(float(streamed[name].stderr), float(truth[name].stderr))
        assert abs(distance) < 5 * error + 1e-3, name
        assert float(streamed[name].stderr) < 0.2


@pytest.mark.slow
def test_the_error_bar_of_units_is_that_of_their_rows(rows, small_parts, monkeypatch):
    """Grouping independent rows leaves the standard error of the mean what it was."""
    process = td.VariancePreserving()
    score = td.exact_score(td.Gaussian([100.0, -3.0], COV), process)
    options = {"nodes": 9, "max_points": 10**6, "flow_points": None}
    grouped = td.audit(jax.random.key(0), score, process, rows, **options)["nll"]
    monkeypatch.setattr(ensembles, "MOST_SINGLE", 10**6)
    single = td.audit(jax.random.key(0), score, process, rows, **options)["nll"]
    assert single.n == 3001
    assert float(grouped.mean) == pytest.approx(float(single.mean), abs=0.02)
    assert float(grouped.stderr) == pytest.approx(float(single.stderr), rel=5 / np.sqrt(2 * 96))


class WithoutMoments:
    """A user's standard normal that says nothing of its moments, drawn by transport or by sampling alone."""

    dim = 2

    def sample(self, key, n):
        return jax.random.normal(key, (n, 2))


class WithTransport(WithoutMoments):
    """The same with its transport from the square."""

    transport_dim = 2

    def transport(self, u):
        return jax.scipy.special.ndtri(u)


@pytest.mark.parametrize("data", [WithoutMoments(), WithTransport()], ids=["sampled", "transported"])
def test_the_gaussian_of_a_distribution_that_states_no_moments_follows_the_key(data):
    """No randomness but the caller's: other keys other draws, and both near the truth by z = 5."""
    found = [np.asarray(ensemble(jax.random.key(i), data, 1, 2, 64).reference.cov) for i in (0, 0, 1)]
    np.testing.assert_array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])
    draws = 65536 if hasattr(data, "transport") else 2 * 64
    np.testing.assert_allclose(found[2], np.eye(2), atol=5 * np.sqrt(2 / draws))
