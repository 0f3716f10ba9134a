"""Folds, the Gaussian's known biases, rescaling, truncation, and that no network sees what it is judged on."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import oracles as oracle
import pytest
from problems_information import SMALL, N, gaussian_entropy, gaussian_rows

import thermodiff as td
from thermodiff.cross_fitting import (
    LARGEST_SCALE,
    FoldRows,
    MeanScore,
    Trained,
    best_scale,
    cross_fit,
    gaussian_biases,
    gaussian_fold,
    in_order,
    split_folds,
    train,
    truncation,
)
from thermodiff.gaussian_correction import LEVELS, SIGMA_LOW, Correction, canonical, evaluate, gaussian_only

# --- folds ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "folds"), [(60, 3), (61, 3), (1000, 4), (64, 5)])
def test_folds_partition_the_rows(n, folds):
    settings = dataclasses.replace(SMALL, folds=folds)
    split = split_folds(1, n, settings)
    assert len(split) == folds
    for part in ("held_out", "seen"):
        together = np.concatenate([getattr(fold, part) for fold in split])
        np.testing.assert_array_equal(np.sort(together), np.arange(n))
    for fold in split:
        held_out, seen, validation, training = (set(part.tolist()) for part in fold)
        assert len(validation) >= 2
        assert seen <= training
        assert not held_out & training
        assert not validation & (training | held_out)
        assert len(set(range(n)) - held_out - validation - training) <= 1
    # The same shapes for all: one compilation.
    assert len({(len(fold.validation), len(fold.training)) for fold in split}) == 1


def test_folds_come_from_the_seed_alone():
    a, b, c = (split_folds(seed, 100, SMALL) for seed in (3, 3, 4))
    assert all(np.array_equal(x, y) for f, g in zip(a, b, strict=True) for x, y in zip(f, g, strict=True))
    assert not np.array_equal(a[0].held_out, c[0].held_out)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"folds": 2}, "folds: got 2, need at least 3"),
        ({"folds": 0}, "folds: got 0, need a positive whole number"),
        ({"validation": 0.0}, r"validation: got 0.0, need a fraction of a fold, in \(0, 1\)"),
        ({"validation": 1.0}, "validation: got 1.0, need a fraction"),
        ({"training": td.TrainingConfig(steps=10)}, "training: got no patience, need a TrainingConfig"),
    ],
)
def test_bad_settings_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        td.CrossFitting(**changes)


# --- the Gaussian part ----------------------------------------------------------------------------


@pytest.mark.parametrize(("m", "d"), [(30, 5), (12, 1), (200, 2)])
def test_gaussian_biases_by_simulation(m, d):
    """Fit a Gaussian to m rows and ask what it says of them and of others; correlated, off-centre."""
    rng = np.random.default_rng(m)
    root = rng.normal(size=(d, d)) + 2 * np.eye(d)
    cov, mean = root @ root.T, 5 + np.arange(d)
    entropy = gaussian_entropy(cov)
    seen, held_out = [], []
    for _ in range(4000):
        x = mean + rng.normal(size=(m, d)) @ root.T
        centre, fitted = x.mean(axis=0), np.cov(x, rowvar=False).reshape(d, d)
        log_det = np.linalg.slogdet(2 * np.pi * fitted)[1]
        inverse = np.linalg.inv(fitted)
        seen.append(0.5 * (log_det + np.einsum("ni,ij,nj->n", x - centre, inverse, x - centre).mean()))
        # Rows not seen: their mean in closed form.
        apart = centre - mean
        held_out.append(0.5 * (log_det + np.trace(inverse @ cov) + apart @ inverse @ apart))
    for expected, values in zip(gaussian_biases(m, d), (held_out, seen), strict=True):
        bias = np.asarray(values) - entropy
        assert abs(bias.mean() - expected) < 4 * bias.std(ddof=1) / np.sqrt(len(bias))
    assert gaussian_biases(m, d)[1] < 0 < gaussian_biases(m, d)[0]


def test_gaussian_biases_fall_as_one_over_m():
    for d in (1, 3, 10):
        held_out, seen = gaussian_biases(100_000, d)
        assert held_out == pytest.approx(d * (d + 3) / 4e5, rel=1e-3)
        assert seen == pytest.approx(-d * (d + 3) / 4e5, rel=1e-3)
    assert gaussian_biases(7, 5) == (0.0, 0.0)
    assert gaussian_biases(8, 5)[0] > 1


@pytest.mark.parametrize("d", [1, 3])
def test_normal_columns_need_no_network(d):
    """The known biases taken out, held-out and seen rows give the same number: no bracket, on average over 100."""
    cov = np.eye(d) + 0.5
    gaps, errors = [], []
    for seed in range(100):
        z = gaussian_rows(seed, np.full(d, 2.0), cov, 120)
        folds = split_folds(seed, len(z), SMALL)
        rows = in_order(
            cross_fit(jax.random.key(0), z, tuple(range(d)), folds, SMALL, True, lambda loss: None), len(z)
        )
        gaps.append(rows.held_out.mean() - rows.seen.mean())
        errors.append(rows.middle.mean() - gaussian_entropy(cov))
        np.testing.assert_array_equal(rows.held_out, rows.quadratic)
        np.testing.assert_array_equal(rows.held_out, rows.divergence)
    for values in (gaps, errors):
        assert abs(np.mean(values)) < 4 * np.std(values, ddof=1) / np.sqrt(len(values))


# --- the network ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def table():
    """Skewed and curved, 900 x 2."""
    rng = np.random.default_rng(5)
    x = rng.exponential(size=N) - 1
    return np.column_stack([x, (x**2 - 1) / 3 + 0.4 * rng.normal(size=N)])


def test_a_network_never_sees_the_rows_it_is_judged_on(table):
    fold = split_folds(0, N, SMALL)[0]
    spoiled = table.copy()
    spoiled[fold.held_out] = 17.0
    a, b = (train(jax.random.key(1), z.astype(np.float32), fold, SMALL) for z in (table, spoiled))
    for one, other in zip(jax.tree.leaves(a.score), jax.tree.leaves(b.score), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(a.scale, b.scale)
    assert a.loss == b.loss
    assert 0 < a.best_step <= SMALL.training.steps
    assert a.scale.shape == (LEVELS,)
    assert np.all((a.scale >= 0) & (a.scale <= LARGEST_SCALE))
    rows = table[fold.training]
    np.testing.assert_allclose(a.reference.mean, rows.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(a.reference.cov, np.cov(rows, rowvar=False), rtol=1e-4)


def test_rows_return_to_where_they_were(table):
    """Two networks' worth of numbers that name the row they belong to."""
    answers = []
    for fold in split_folds(2, N, SMALL):
        trained = Trained(None, td.Gaussian(np.zeros(2), np.eye(2)), np.ones(LEVELS), 0, 0.0)
        zero = np.zeros((len(fold.held_out), LEVELS))
        corrections = [
            Correction(rows + offset, zero, zero, np.zeros(LEVELS), 0.1)
            for rows, offset in ((fold.held_out, 0.0), (fold.seen, 0.5))
        ]
        answers.append(FoldRows(fold, trained, *corrections))
    rows = in_order(answers, N)
    held_out, seen = gaussian_biases(len(answers[0].fold.training), 2)
    np.testing.assert_allclose(rows.held_out, np.arange(N) - held_out)
    np.testing.assert_allclose(rows.seen, np.arange(N) + 0.5 - seen)
    np.testing.assert_allclose(rows.middle, np.arange(N) + 0.25 - 0.5 * (held_out + seen))


def test_a_mean_of_scores():
    law = td.Gaussian([0.0, 1.0], np.eye(2))
    score = td.exact_score(law, canonical())
    mean = MeanScore((score, td.scaled(score, 3.0), td.shifted(score, [1.0, 0.0])))
    x, t = jnp.array([2.0, -1.0]), jnp.asarray(0.5)
    expected = (5 * np.asarray(score(x, t)) + [1.0, 0.0]) / 3
    np.testing.assert_allclose(mean(x, t), expected, rtol=1e-5)


# --- rescaling and truncation ---------------------------------------------------------------------


WIDTH = 0.1
NARROW = td.Uniform([0.3], [0.3 + WIDTH])


@pytest.fixture(scope="module")
def narrow():
    """The exact score of a box 33 sigma_low wide, at 16384 quantiles: edges weigh, and are resolved."""
    rows = 0.3 + WIDTH * (np.arange(16384)[:, None] + 0.5) / 16384
    reference = td.Gaussian([0.3 + WIDTH / 2], [[WIDTH**2 / 12]])
    return evaluate(jax.random.key(4), td.exact_score(NARROW, canonical()), reference, rows, (0,), 1)


@pytest.mark.parametrize("factor", [1.0, 2.0, 0.9, 0.5, -1.0])
def test_best_scale_undoes_a_scaled_correction(narrow, factor):
    """Where there is something to rescale: far above the width of the box the correction is below the noise."""
    scaled = dataclasses.replace(narrow, square=factor**2 * narrow.square, overlap=factor * narrow.overlap)
    scale = best_scale(scaled)
    worth = narrow.square.mean(axis=0) > 0.02
    assert worth.sum() >= 8
    expected = np.clip(1 / factor, 0.0, LARGEST_SCALE)
    np.testing.assert_allclose(scale[worth], expected, atol=0.06 * abs(expected))
    assert np.all((scale >= 0) & (scale <= LARGEST_SCALE))


def test_the_three_readings_agree_where_they_were_rescaled(narrow):
    """Over the whole range and without clipping; and the denoising reading cannot rise."""
    wrong = dataclasses.replace(narrow, square=4 * narrow.square, overlap=2 * narrow.overlap)
    scale = best_scale(wrong)
    readings = {name: wrong.entropy(name, scale).mean() for name in ("quadratic", "divergence", "denoising")}
    assert max(readings.values()) - min(readings.values()) < 0.01
    assert readings["denoising"] < wrong.entropy("denoising").mean() - 0.1


def test_no_correction_has_no_scale():
    zero = np.zeros((10, LEVELS))
    nothing = Correction(np.zeros(10), zero, zero, np.ones(LEVELS), 0.25)
    np.testing.assert_array_equal(best_scale(nothing), np.zeros(LEVELS))


def answer(correction):
    """As much of a fold's answer as truncation needs."""
    fold = split_folds(0, 60, SMALL)[0]
    return FoldRows(
        fold, gaussian_fold(np.random.default_rng(0).normal(size=(60, 1)), fold), correction, correction
    )


@pytest.mark.parametrize("variance", [1.0, 0.01, 1e-3])
def test_what_a_gaussian_loses_below_the_lowest_noise(variance):
    g = td.Gaussian([0.0, 3.0], variance * np.array([[1.0, 0.4], [0.4, 2.0]]))
    got = truncation([answer(gaussian_only(g, np.zeros((4, 2))))] * 3)
    values = np.linalg.eigvalsh(np.asarray(g.cov, dtype=float))
    expected = 0.5 * np.log1p(SIGMA_LOW**2 / values).sum()
    assert got == pytest.approx(expected, rel=0.05)


def test_what_edges_lose_below_the_lowest_noise(narrow):
    """0.9032 sigma/width for each of two edges; the same by quadrature."""
    s = SIGMA_LOW
    low, middle = 0.3, 0.3 + WIDTH / 2

    def integrand(x):
        log_p = oracle.blurred_box(x, low, low + WIDTH, s)[0]
        return -np.exp(log_p) * log_p

    blurred = 2 * oracle.line_integral(integrand, [low - 30 * s, low - 6 * s, low, low + 6 * s, middle])
    expected = blurred - np.log(WIDTH)
    assert expected == pytest.approx(2 * 0.9032 * s / WIDTH, rel=1e-3)
    assert truncation([answer(narrow)] * 3) == pytest.approx(expected, rel=0.08)


def test_the_power_law_is_kept_between_edges_and_smooth_densities():
    """gamma from 1 to 2, whatever the noise in the rates."""
    step = 0.25
    levels = np.arange(LEVELS)
    for growth, gamma in ((0.3, 1.0), (1.0, 1.0), (1.5, 1.5), (2.0, 2.0), (3.0, 2.0)):
        total = 1e-3 * np.exp(growth * step * levels)
        zero = np.zeros((1, LEVELS))
        got = truncation([answer(Correction(np.zeros(1), zero, zero, total, step))] * 3)
        assert got == pytest.approx(1e-3 * np.exp(-0.5 * gamma * step) / gamma, rel=1e-6)
