"""The samples that estimators are judged by have the entropies and the mutual information that are claimed for them."""

import numpy as np
import pytest
from scipy import stats

from experiments.information.known_answers import FAMILIES, TASKS, ring_entropy, spiral, stored_tasks, wiggly

LAWS = {
    "gaussian": (3, stats.multivariate_normal(np.zeros(3), np.eye(3)).logpdf),
    "autoregressive": (
        3,
        stats.multivariate_normal(np.zeros(3), 0.9 ** np.abs(np.subtract.outer(range(3), range(3)))).logpdf,
    ),
    "student": (4, stats.multivariate_t(np.zeros(4), np.eye(4), df=3).logpdf),
    "laplace": (2, lambda x: stats.laplace.logpdf(x).sum(axis=1)),
    "curve": (
        2,
        lambda x: (stats.norm.logpdf(x[:, :2]) + stats.norm.logpdf(x[:, 2:], x[:, :2] ** 2, 0.2)).sum(axis=1),
    ),
}


@pytest.mark.parametrize("name", LAWS)
def test_entropy_is_minus_the_mean_log_density_of_the_rows(name):
    dim, log_density = LAWS[name]
    values = -log_density(FAMILIES[name].sample(np.random.default_rng(0), 200_000, dim))
    stderr = values.std() / np.sqrt(len(values))
    assert abs(values.mean() - FAMILIES[name].entropy(dim)) < 4 * stderr


def test_ring_entropy_is_that_of_its_modes_and_angles_less_their_overlap():
    apart = np.log(8) + np.log(2 * np.pi * np.e * 0.25)
    assert apart - 0.01 < ring_entropy() < apart
    assert ring_entropy() == pytest.approx(3.52473, abs=1e-5)


@pytest.mark.parametrize("plane", [0, 1])
def test_spiral_keeps_norms_and_volumes(plane):
    x = np.random.default_rng(1).normal(size=(50, 3))
    assert np.allclose(np.linalg.norm(spiral(x, plane), axis=1), np.linalg.norm(x, axis=1))
    steps = 1e-5 * np.eye(3)
    columns = [(spiral(x + h, plane) - spiral(x - h, plane)) / 2e-5 for h in steps]
    assert np.allclose(np.linalg.det(np.stack(columns, axis=-1)), 1.0, atol=1e-7)


def test_wiggly_is_increasing():
    assert np.all(np.diff(wiggly(np.linspace(-8, 8, 10_001))) > 0)


def pair_density(rho):
    return stats.multivariate_normal([0, 0], [[1, rho], [rho, 1]]).logpdf


@pytest.mark.parametrize(("name", "pairs", "rho"), [("normal-1-1", 1, 0.75), ("sparse-5-5", 2, 0.8)])
def test_normal_tasks_are_sums_over_correlated_pairs(name, pairs, rho):
    x, y = TASKS[name].sample(np.random.default_rng(2), 200_000)
    values = sum(
        pair_density(rho)(np.stack([x[:, j], y[:, j]], 1))
        - stats.norm.logpdf(x[:, j])
        - stats.norm.logpdf(y[:, j])
        for j in range(pairs)
    )
    assert abs(values.mean() - TASKS[name].truth) < 4 * values.std() / np.sqrt(len(values))


def test_student_task_is_the_mean_log_ratio_of_its_densities():
    x, y = TASKS["student-2-2-df2"].sample(np.random.default_rng(3), 200_000)
    single, both = (stats.multivariate_t(np.zeros(d), np.eye(d), df=2).logpdf for d in (2, 4))
    values = both(np.hstack([x, y])) - single(x) - single(y)
    assert abs(values.mean() - TASKS["student-2-2-df2"].truth) < 4 * values.std() / np.sqrt(len(values))


def test_dense_task_is_the_determinant_of_its_covariance():
    x, y = TASKS["dense-5-5"].sample(np.random.default_rng(4), 100_000)
    correlation = np.corrcoef(np.hstack([x, y]), rowvar=False)
    assert np.allclose(correlation[~np.eye(10, dtype=bool)], 0.5, atol=0.02)
    block = 0.5 * np.ones((5, 5)) + 0.5 * np.eye(5)
    whole = 0.5 * np.ones((10, 10)) + 0.5 * np.eye(10)
    truth = np.log(np.linalg.det(block)) - 0.5 * np.log(np.linalg.det(whole))
    assert TASKS["dense-5-5"].truth == pytest.approx(truth)


def test_stored_tasks_are_read_with_their_truth(tmp_path):
    x, y = np.arange(10.0).reshape(5, 2), np.arange(5.0).reshape(5, 1)
    np.savez(tmp_path / "pair.npz", x=x, y=y)
    (tmp_path / "truth.csv").write_text("task,dim_x,dim_y,mutual_information_nats\npair,2,1,0.5\n")
    task = stored_tasks(tmp_path)["pair"]
    some_x, some_y = task.sample(np.random.default_rng(0), 3)
    assert task.truth == 0.5
    assert np.array_equal(some_x[:, 0], 2 * some_y[:, 0])
    assert len(some_x) == 3
    assert np.array_equal(task.sample(np.random.default_rng(0), 5)[0], x)
