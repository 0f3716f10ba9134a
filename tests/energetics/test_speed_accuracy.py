"""Speed against accuracy: the closed forms of a shifted Gaussian, the order of the three, and a prior of one's own."""

import jax
import numpy as np
import pytest
from problems_energetics import process

import thermodiff as td

pytestmark = pytest.mark.usefixtures("double_precision")

NARROW = 0.25
PRINTED = [
    ("VE25", 0.01, 87.565968, 155.083750, 155.091505),
    ("VP20", 0.01, 0.249971, 0.521234, 0.521260),
    ("cosine", 0.01, 0.249950, 0.306446, 0.306461),
    ("VE25", 0.5, 77.079675, 136.511995, 155.091505),
    ("VP20", 0.5, 0.220036, 0.458815, 0.521260),
    ("cosine", 0.5, 0.220018, 0.269748, 0.306461),
]


@pytest.mark.parametrize(
    ("name", "shift", "eta", "c1", "c2"),
    [PRINTED[1], *(pytest.param(*row, marks=pytest.mark.slow) for row in PRINTED if row != PRINTED[1])],
)
def test_a_shifted_gaussian(name, shift, eta, c1, c2):
    answer = td.speed_accuracy(td.Gaussian([0.0], [[NARROW]]), process(name), shift=shift, t_min=1e-10)
    for value, printed in ((answer.response, eta), (answer.error_speed, c1), (answer.cost, c2)):
        assert value == pytest.approx(printed, abs=1.1e-6)
    assert answer.pearson == pytest.approx(np.expm1(shift**2), rel=1e-9)
    assert max(answer.quadrature_error) < 1e-9


def test_the_order_of_the_three_for_a_mixture_and_a_prior_of_ones_own():
    """Two modes, off centre, and a start that is wrong in mean and width; W1 by sorted draws as the oracle."""
    mixture = td.GaussianMixture([0.3, 0.7], [[-1.4], [0.9]], [[[0.07]], [[0.16]]])
    dynamics, prior = td.VariancePreserving(0.1, 8.0), td.Gaussian([0.3], [[0.8]])
    answer = td.speed_accuracy(mixture, dynamics, prior=prior, nodes=16)
    assert 0 < answer.response < answer.error_speed < answer.cost
    alpha, sigma = float(dynamics.alpha(1.0)), float(dynamics.sigma(1.0))
    keys = jax.random.split(jax.random.key(0), 3)
    n = 200_000
    ends = alpha * mixture.sample(keys[0], n) + sigma * jax.random.normal(keys[1], (n, 1))
    apart = np.abs(np.sort(np.asarray(ends).ravel()) - np.sort(np.asarray(prior.sample(keys[2], n)).ravel()))
    assert answer.w1_start == pytest.approx(apart.mean(), abs=0.01)
    assert answer.w1[-1] == pytest.approx(answer.w1_start, rel=0.05)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"distribution": td.Gaussian([0.0, 0.0], np.eye(2))},
            "distribution: got 2 dimensions, need a known",
        ),
        ({"distribution": np.zeros((3, 1))}, "distribution: got ndarray, need a known density in one"),
        ({"shift": 0.0}, "shift: got 0, need a start that is wrong"),
        ({"nodes": 4}, "nodes: got 4, need at least 8"),
        ({"prior": 1.0}, "prior: got float, need a td.Gaussian in one dimension"),
        pytest.param(
            {"distribution": td.StudentT(3.0, [0.0], [[1.0]])},
            "quantiles of StudentT: its tails have mass",
            marks=pytest.mark.slow,
        ),
        ({"prior": td.Gaussian([0.0], [[4.0]])}, "prior: got a start for which D0 is infinite"),
    ],
)
def test_bad_input_gets_one_line(options, message):
    arguments = {"distribution": td.Gaussian([0.0], [[NARROW]]), "process": process("VP20")} | options
    with pytest.raises(ValueError, match=message):
        td.speed_accuracy(**arguments)
