"""What experiments draw from many records, and what those with networks share."""

import dataclasses

import numpy as np
import pytest

from experiments.harness import trained
from experiments.harness.cluster import HERE
from experiments.harness.records import Records
from experiments.harness.summaries import mean_over_seeds, power_law, rank_correlation, spread

RNG = np.random.default_rng(0)


def test_power_law_of_noisy_points():
    x = np.geomspace(1.0, 1e3, 200)
    noise = RNG.normal(size=200)
    slope, stderr = power_law(x, -3.0 * x**-0.7 * np.exp(0.3 * noise))
    assert abs(slope + 0.7) < 4 * stderr
    # Theory: sd of the noise over the root of the summed squares of ln x.
    assert stderr == pytest.approx(0.3 / np.sqrt(200 * np.var(np.log(x))), rel=0.15)


def test_rank_correlation_sees_order_only():
    x = RNG.normal(size=50)
    assert rank_correlation(x, np.exp(3 * x)) == pytest.approx((1.0, 0.0), abs=1e-12)
    rho, stderr = rank_correlation(x, RNG.normal(size=50))
    assert abs(rho) < 4 * stderr
    assert stderr == pytest.approx(1 / np.sqrt(49), rel=0.3)


def test_rank_correlation_of_three_pairs_is_finite():
    assert np.isfinite(rank_correlation([1.0, 2.0, 3.0], [2.0, 1.0, 3.0])).all()


def test_spread_is_median_range_and_worst_error():
    rows = [{"J": value, "J_stderr": value / 10} for value in (3.0, 1.0, 2.0)]
    assert spread(rows, "J") == (2.0, 1.0, 3.0, 0.3, 3)


def test_mean_over_seeds():
    assert mean_over_seeds([1.0, 3.0]) == (2.0, 1.0)
    assert np.isnan(mean_over_seeds([1.0])[1])


@pytest.mark.parametrize("name", ["gaussian", "correlated", "mixture", "uniform"])
def test_every_distribution_has_mean_zero_and_unit_variances(name):
    mean, cov = trained.distribution(name, 3).moments()
    np.testing.assert_allclose(mean, 0.0, atol=1e-6)
    np.testing.assert_allclose(np.diag(cov), 1.0, rtol=1e-6)


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="data: got 'cat'"):
        trained.distribution("cat", 2)
    with pytest.raises(ValueError, match="process: got 'VX'"):
        trained.process("VX", 1.0)


CELLS = [{"data": data, "seed": seed} for data in ("a", "b", "c") for seed in (0, 1)]


def run_toy(tmp_path, train):
    records = Records(tmp_path, _Toy(), ("data", "seed"))
    measure = lambda config, cell, score: {"value": score + cell["seed"]}  # noqa: E731
    trained.ahead(lambda cell: cell["data"], train, measure)(_Toy(), records, CELLS, "toy", HERE)
    return records


@dataclasses.dataclass(frozen=True)
class _Toy:
    """A toy."""

    steps: int = 1


def test_groups_train_once_and_only_where_rows_are_missing(tmp_path):
    trainings = []

    def train(config, group, tell):
        tell(0.5)
        trainings.append([cell["seed"] for cell in group])
        return [10.0] * len(group)

    assert len(run_toy(tmp_path, train).rows()) == 6
    run_toy(tmp_path, train)
    assert trainings == [[0, 1]] * 3


def test_a_group_that_cannot_be_trained_is_rows_with_its_error(tmp_path):
    def train(config, group, tell):
        if group[0]["data"] == "b":
            raise RuntimeError("diverged")
        return [0.0] * len(group)

    records = run_toy(tmp_path, train)
    assert [cell["data"] for cell in records.missing(CELLS)] == ["b", "b"]
    assert "RuntimeError: diverged" in records.path.read_text()
