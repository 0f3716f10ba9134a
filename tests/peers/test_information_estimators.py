"""Estimators of other packages are called as they are meant: against their formulas written out, and against truths."""

import numpy as np
import pytest
from problems_classes import LABELLED
from scipy import stats
from scipy.special import digamma

from experiments.harness.own_environment import environment
from experiments.information import benchmark_mi
from experiments.information.estimators_side_by_side import ESTIMATORS
from experiments.information.known_answers import TASKS
from experiments.information.side_by_side_data import CLASSES, ENTROPY, INFORMATION

pytestmark = pytest.mark.peer

NEIGHBOURS = {"infomeasure": 4, "ennemi": 3, "npeet-plus": 3}
"""k of each: what its documentation takes."""


def distances(x):
    """The largest difference in a coordinate, of every two rows."""
    return np.abs(x[:, None] - x[None]).max(axis=-1)


def information_by_loops(x, y, k):
    """psi(k) + psi(n) - <psi(n_x + 1) + psi(n_y + 1)> of columns of unit standard deviation, nats."""
    n = len(x)
    first, second = distances(x / x.std(axis=0)), distances(y / y.std(axis=0))
    radius = np.sort(np.maximum(first, second), axis=1)[:, [k]]
    inside = [
        digamma((part < radius).sum(axis=1)) for part in (first, second)
    ]  # a row counts itself: n_x + 1
    return digamma(k) + digamma(n) - np.mean(inside[0] + inside[1])


@pytest.mark.parametrize("name", NEIGHBOURS)
def test_information_is_that_of_the_formula_in_nats(name):
    x, y = TASKS["normal-1-1"].sample(np.random.default_rng(0), 400)
    found = ESTIMATORS[name].answers[INFORMATION](0, 3 * x, 0.2 * y)
    assert found.mean == pytest.approx(information_by_loops(x, y, NEIGHBOURS[name]), abs=1e-4)


@pytest.mark.parametrize("name", ["infomeasure", "npeet-plus"])
def test_several_columns_are_one_variable(name):
    x, y = TASKS["dense-5-5"].sample(np.random.default_rng(1), 400)
    found = ESTIMATORS[name].answers[INFORMATION](0, x * np.arange(1, 6), y)
    assert found.mean == pytest.approx(information_by_loops(x, y, NEIGHBOURS[name]), abs=1e-4)


@pytest.mark.parametrize("name", NEIGHBOURS)
def test_entropy_is_that_of_the_formula_in_nats(name):
    x = np.random.default_rng(2).normal(size=(400, 3)) * [1.0, 2.0, 0.5]
    n, d, k = 400, 3, NEIGHBOURS[name]
    radius = np.sort(distances(x), axis=1)[:, k]
    expected = digamma(n) - digamma(k) + d * np.mean(np.log(2 * radius))
    assert ESTIMATORS[name].answers[ENTROPY](0, x).mean == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("name", NEIGHBOURS)
def test_bivariate_normal(name):
    """ln p(x, y)/p(x)p(y) has variance rho^2."""
    n, task = 4000, TASKS["normal-1-1"]
    found = ESTIMATORS[name].answers[INFORMATION](0, *task.sample(np.random.default_rng(3), n))
    assert abs(found.mean - task.truth) < 4 * 0.75 / np.sqrt(n)


def pointwise(problem, x, c):
    """ln p(x | c)/p(x) of each row (n,), nats."""
    density = stats.norm.pdf(x, problem.means, problem.widths)
    return np.log(density[np.arange(len(c)), c] / (density @ np.array(problem.weights)))


@pytest.mark.parametrize("name", ["ennemi", "npeet-plus"])
def test_classes(name):
    problem, n = LABELLED["three"], 4000
    x, c = problem.draw(4, n)
    found = ESTIMATORS[name].answers[CLASSES](0, x, c)
    assert abs(found.mean - problem.information()) < 4 * pointwise(problem, x, c).std() / np.sqrt(n)


def test_the_bootstrap_of_neighbours_misses_its_own_estimate():
    """Rows drawn twice are neighbours at distance zero; docs/which-estimator.md says so."""
    rows = TASKS["normal-1-1"].sample(np.random.default_rng(5), 1000)
    found = ESTIMATORS["npeet-plus"].answers[INFORMATION](0, *rows)
    low, high = found.interval
    assert found.mean + 0.3 < low < high


@pytest.mark.parametrize("name", ["InfoNCE", "NWJ"])
def test_neural_estimators_in_their_environment(name):
    """A bound of held-out rows, half of them, that a small network all but reaches for normal rows."""
    environment(benchmark_mi.NAME, benchmark_mi.REQUIREMENTS)
    n, task = 4000, TASKS["normal-1-1"]
    found = ESTIMATORS[name].answers[INFORMATION](1, *task.sample(np.random.default_rng(6), n))
    assert abs(found.mean - task.truth) < 4 * 0.75 / np.sqrt(n / 2)
    assert found.seconds > 0
