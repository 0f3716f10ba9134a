"""The entropy experiment: truths it compares with, and the words of its table."""

import numpy as np
import pytest

import thermodiff as td
from experiments.harness import trained
from experiments.information import entropy_from_bound as experiment
from experiments.information import entropy_from_bound_figure as figure


@pytest.mark.parametrize("sigma", [0.0, 0.3])
def test_a_mixtures_entropy_by_the_chain_rule_is_that_by_quadrature(sigma):
    data = trained.distribution("mixture", 2)
    assert experiment.mixture_entropy(data, 0.9, sigma) == pytest.approx(
        data.noised_entropy(0.9, sigma), abs=2e-3
    )


@pytest.mark.parametrize("name", experiment.Config().data)
def test_data_have_unit_variance_and_a_known_entropy(name):
    data = experiment.distribution(name, 3)
    assert np.diag(np.asarray(data.moments()[1])) == pytest.approx(np.ones(3), rel=1e-5)
    sharp, blurred = (experiment.true_entropy(data, 1.0, sigma) for sigma in (0.0, 1e-3))
    assert 0 <= blurred - sharp < 2e-3


def row(**changes):
    values = {"data": "uniform", "dim": 2, "n": 1000, "seed": 0}
    for name in (*figure.LOOKS, "nll"):
        values |= {name: 1.0, f"{name}_stderr": 0.01, f"{name}_error": 0.02}
    return values | changes


def test_the_error_bar_of_several_seeds_is_the_larger_of_stated_and_scattered():
    quiet = [row(), row(seed=1)]
    assert figure.combined(quiet, "flow") == pytest.approx((0.02, 0.01 / np.sqrt(2)))
    apart = [row(flow_error=0.1), row(seed=1, flow_error=0.3)]
    assert figure.combined(apart, "flow") == pytest.approx((0.2, 0.1))


def test_ceilings_are_broken_only_beyond_their_errors():
    assert not figure.ceiling_broken(row(bound_error=-0.02), "bound")
    assert figure.ceiling_broken(row(bound_error=-0.04), "bound")
    assert figure.bracketed(row(quadratic_error=-0.1), "quadratic")
    assert not figure.bracketed(row(quadratic_error=0.1), "quadratic")


def test_table_and_figure_need_records_only(tmp_path):
    rows = [row(seed=seed, n=n) for seed in (0, 1) for n in (1000, 10000)]
    text = figure.table(rows)
    assert "+0.0200 ± 0.0071" in text
    assert "no theorem" in text
    assert all(path.stat().st_size > 1000 for path in figure.draw(rows, tmp_path))


def test_samples_of_a_cell_are_split_and_repeat():
    cell = {"data": "laplace", "dim": 2, "n": 100, "seed": 0}
    parts = experiment.samples(cell)
    assert [len(part) for part in parts] == [70, 10, 20]
    experiment.split_samples.cache_clear()
    assert np.array_equal(parts.test, experiment.samples(cell).test)
    assert isinstance(experiment.distribution("student", 2), td.StudentT)
