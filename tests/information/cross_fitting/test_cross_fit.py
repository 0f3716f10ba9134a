"""Folds, the Gaussian's known biases, rescaling, truncation, and that no network sees what it is judged on."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import oracles as oracle
import pytest
from problems_information import SMALL, N, gaussian_entropy, gaussian_rows

import thermodiff as td
from thermodiff.information.cross_fitting.conditional import unconditional
from thermodiff.information.cross_fitting.cross_fit import cross_fit
from thermodiff.information.cross_fitting.folds import split_folds
from thermodiff.information.cross_fitting.half_effort import FoldRows, Part, truncation
from thermodiff.information.cross_fitting.judged_rows import in_order
from thermodiff.information.cross_fitting.margins import Margins
from thermodiff.information.cross_fitting.missing import Lost, missing_of
from thermodiff.information.cross_fitting.negentropy import (
    LEVELS,
    SIGMA_LOW,
    Correction,
    canonical,
    evaluate,
    gaussian_only,
)
from thermodiff.information.cross_fitting.one_fold import Approach, Trained, gaussian_fold, train
from thermodiff.information.cross_fitting.rescaling import LARGEST_SCALE, MeanScore, best_scale
from thermodiff.training import cores
from thermodiff.training.jobs import run_plans

# --- folds ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "folds"), [(60, 3), (61, 3), (1000, 4), (64, 5)])
def test_folds_partition_the_rows(n, folds):
    settings = dataclasses.replace(SMALL, folds=folds)
    split = split_folds(1, n, settings)
    assert len(split) == folds
    together = np.concatenate([fold.held_out for fold in split])
    np.testing.assert_array_equal(np.sort(together), np.arange(n))
    for fold in split:
        held_out, validation, training, half = (set(part.tolist()) for part in fold)
        assert len(validation) >= 2
        assert half < training
        assert len(half) == len(training) // 2
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
        ({"folds": 1}, "folds: got 1, need at least 2"),
        ({"folds": 0}, "folds: got 0, need a positive whole number"),
        ({"validation": 0.0}, r"validation: got 0.0, need a fraction of a fold, in \(0, 1\)"),
        ({"validation": 1.0}, "validation: got 1.0, need a fraction"),
        ({"training": td.TrainingConfig(steps=10)}, "training: got no patience, need a TrainingConfig"),
        ({"rates": ()}, r"rates: got \(\), need multiples of the learning rate, above 0, one at least"),
        ({"rates": (1.0, 0.0)}, r"rates: got \(1.0, 0.0\), need multiples"),
    ],
)
def test_bad_settings_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        td.CrossFitting(**changes)


# --- the Gaussian part ----------------------------------------------------------------------------


@pytest.mark.parametrize("part", [Part((0,)), Part((0, 1, 2)), Part((0, 2), (1,))])
def test_normal_columns_need_no_network(part):
    """The known biases taken out, all rows and half of them give the same number: no loss, on average over 100."""
    cov = np.eye(3) + 0.5
    given = gaussian_entropy(cov[1:2, 1:2]) if part.given else 0.0
    columns = sorted(part.columns + part.given)
    expected = gaussian_entropy(cov[np.ix_(columns, columns)]) - given
    gaps, errors = [], []
    for seed in range(100):
        z = gaussian_rows(seed, np.full(3, 2.0), cov, 120)
        folds = split_folds(seed, len(z), SMALL)
        plan = cross_fit(jax.random.key(0), z, part, folds, SMALL, normal=True, map_columns=False)
        rows = in_order(run_plans([plan], "trainings", progress=False)[0], len(z), part.dim)
        gaps.append(rows.half.mean() - rows.held_out.mean())
        errors.append(rows.best.mean() - expected)
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
    a, b = (
        train(jax.random.key(1), z.astype(np.float32), 2, fold.training, fold.validation, SMALL.training)
        for z in (table, spoiled)
    )
    for one, other in zip(jax.tree.leaves(a.score), jax.tree.leaves(b.score), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(a.scale, b.scale)
    assert a.loss == b.loss
    assert 0 < a.best_step <= SMALL.training.steps
    assert a.scale.shape == (LEVELS,)
    assert np.all((a.scale >= 0) & (a.scale <= LARGEST_SCALE))
    rows = table[fold.training]
    np.testing.assert_allclose(a.reference.mean, rows.mean(axis=0), atol=1e-5)
    cov = a.reference.axes @ np.diag(a.reference.variances) @ a.reference.axes.T
    np.testing.assert_allclose(cov, np.cov(rows, rowvar=False), rtol=1e-4)


def assert_same(one, other):
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_trainings_at_once_are_the_trainings_one_by_one_bit_for_bit(table, monkeypatch):
    """Of two parts of which one has a shape of its own; twice the cores that there are, in full precision."""
    training = dataclasses.replace(SMALL.training, steps=60, chunk=20)
    settings = dataclasses.replace(SMALL, training=training)
    folds = split_folds(3, N, settings)
    found = []
    for number in (1, 4):
        monkeypatch.setattr(cores, "available_cores", lambda number=number: number)
        plans = [
            cross_fit(jax.random.key(1), table, part, folds, settings, normal=False, map_columns=True)
            for part in (Part((1,)), Part((1,), (0,)))
        ]
        with jax.default_matmul_precision("float32"):
            found.append(run_plans(plans, "trainings", progress=False))
    assert [len(answers) for answers in found[0]] == [3, 3]
    for one, other in zip(*([a for part in answers for a in part] for answers in found), strict=True):
        assert_same(one.trained.score, other.trained.score)
        assert_same(one.less.score, other.less.score)
        for reading in ("denoising", "quadratic", "divergence"):
            np.testing.assert_array_equal(one.values(reading), other.values(reading))
        np.testing.assert_array_equal(one.half_values(), other.half_values())


def test_rows_return_to_where_they_were(table):
    """Numbers that name the row they belong to, by all effort and by half of it; a score of any kind has learned."""
    answers = []
    for fold in split_folds(2, N, SMALL):
        reference = unconditional(td.Gaussian(np.zeros(2), np.eye(2)))
        whole, less = (
            Trained("a score", reference, Margins(), np.ones(LEVELS), bias, 0, 0.0, 0.0, Approach())
            for bias in (0.1, 0.2)
        )
        zero = np.zeros((len(fold.held_out), LEVELS))
        first, second = (
            Correction(fold.held_out + offset, zero, zero, np.zeros(LEVELS), 0.1) for offset in (0.0, 0.5)
        )
        answers.append(FoldRows(fold, whole, first, less, second))
    rows = in_order(answers, N, 2)
    np.testing.assert_allclose(rows.held_out, np.arange(N) - 0.1)
    np.testing.assert_allclose(rows.half, np.arange(N) + 0.3)
    expected = missing_of(Lost(0.4), 2, N)
    np.testing.assert_allclose(rows.best, np.arange(N) - 0.1 - expected.kappa * 0.4)
    assert rows.doubt == pytest.approx(expected.doubt)
    assert rows.missing == pytest.approx(expected.kappa * 0.4)


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
    reference = unconditional(td.Gaussian([0.3 + WIDTH / 2], [[WIDTH**2 / 12]]))
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
    trained = gaussian_fold(np.random.default_rng(0).normal(size=(60, 1)), 1, fold.training)
    return FoldRows(fold, trained, correction, trained, correction)


@pytest.mark.parametrize("variance", [1.0, 0.01, 1e-3])
def test_what_a_gaussian_loses_below_the_lowest_noise(variance):
    g = td.Gaussian([0.0, 3.0], variance * np.array([[1.0, 0.4], [0.4, 2.0]]))
    got = truncation([answer(gaussian_only(unconditional(g), np.zeros((4, 2))))] * 3)
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
