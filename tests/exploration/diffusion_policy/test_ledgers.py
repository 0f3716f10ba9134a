"""Ledgers of linear Gaussian chains against their closed form, on the grid and from paths."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from oracles_chains import LinearChain, gaussian_divergence
from problems_diffusion import close
from scipy.integrate import quad
from scipy.stats import norm

import thermodiff as td
from thermodiff import exploration as explore

STEPS, MEAN, VARIANCE, FACTOR, SHIFT = 12, 0.7, 0.4, 0.9, 0.12
REWARD = explore.HalfSpace([2.0], 2.2)
PROCESS = td.VariancePreserving(0.1, 20.0)
BASE = td.exact_score(td.Gaussian([MEAN], [[VARIANCE]]), PROCESS)
POLICY = td.shifted(td.scaled(BASE, FACTOR), np.array([SHIFT]))
CHAIN = explore.reverse_chain(PROCESS, STEPS)
LINEAR = LinearChain.of(STEPS, MEAN, VARIANCE, FACTOR, SHIFT)
LINEAR_BASE = LinearChain.of(STEPS, MEAN, VARIANCE)


class Truth:
    """Every term of the ledger, by closed forms and scipy's quadrature."""

    def __init__(self):
        (m, v), (m0, v0) = ([a[-1] for a in chain.moments()] for chain in (LINEAR, LINEAR_BASE))
        new, old = norm(m, np.sqrt(v)), norm(m0, np.sqrt(v0))
        self.accuracy, self.base_accuracy = new.sf(1.1), old.sf(1.1)
        self.by_step = LINEAR.step_divergences(LINEAR_BASE)
        self.path_divergence = gaussian_divergence(*LINEAR.path_law(), *LINEAR_BASE.path_law())
        self.sample_divergence = gaussian_divergence(m, v, m0, v0)
        x, y = self.accuracy, self.base_accuracy
        self.paid = x * np.log(x / y) + (1 - x) * np.log((1 - x) / (1 - y))
        right = quad(lambda u: new.pdf(u) * (new.logpdf(u) - old.logpdf(u)), 1.1, 12)[0]
        self.waste_right = right - x * np.log(x / y)
        self.waste_wrong = self.sample_divergence - self.paid - self.waste_right
        self.hidden = self.path_divergence - self.sample_divergence
        self.path_entropy = 0.5 * np.linalg.slogdet(2 * np.pi * np.e * LINEAR.path_law()[1])[1]
        self.sample_entropy = new.entropy()
        self.entropy_given_sample = self.path_entropy - self.sample_entropy


TRUTH = Truth()
TERMS = (
    "base_accuracy",
    "accuracy",
    "path_divergence",
    "sample_divergence",
    "paid",
    "waste_right",
    "waste_wrong",
)
TERMS = (*TERMS, "hidden", "sample_entropy", "entropy_given_sample")


@pytest.fixture(scope="module")
def line():
    return explore.line_ledger(POLICY, BASE, CHAIN, REWARD)


@pytest.fixture(scope="module")
def drawn():
    return explore.path_ledger(jax.random.key(3), POLICY, BASE, CHAIN, REWARD, 1, n=4096, kernels=8192)


def test_the_oracle_agrees_with_itself():
    assert TRUTH.by_step.sum() == pytest.approx(TRUTH.path_divergence, rel=1e-9)


@pytest.mark.parametrize("name", [*TERMS, "path_entropy"])
def test_on_the_line(line, name):
    """Single precision of the scores, and cells cut by the edge of the reward to a thousandth of their width."""
    assert getattr(line, name) == pytest.approx(getattr(TRUTH, name), abs=5e-5)


def test_parts_add_up_on_the_line(line):
    assert line.by_step == pytest.approx(TRUTH.by_step, abs=1e-5)
    assert line.paid + line.waste_right + line.waste_wrong == pytest.approx(line.sample_divergence, abs=1e-12)
    assert line.sample_divergence + line.hidden == pytest.approx(line.path_divergence, abs=1e-12)
    assert 0 <= line.paid <= line.sample_divergence <= line.path_divergence


@pytest.mark.slow
@pytest.mark.parametrize("name", TERMS)
def test_from_paths(drawn, name):
    close(getattr(drawn, name), getattr(TRUTH, name), z=4)


@pytest.mark.slow
def test_the_divergence_of_paths_both_ways(drawn):
    close(drawn.path_log_ratio, TRUTH.path_divergence, z=4)
    close(drawn.by_step, TRUTH.by_step, z=4.5)
    assert drawn.path_divergence.stderr < drawn.path_log_ratio.stderr
    assert drawn.remarks == ()


@pytest.mark.slow
def test_the_entropy_of_paths_does_not_know_the_score(drawn, line):
    base = explore.line_ledger(BASE, BASE, CHAIN, REWARD)
    assert drawn.path_entropy == line.path_entropy == base.path_entropy
    close(drawn.path_entropy_drawn, TRUTH.path_entropy, z=4)
    moved = line.sample_entropy - base.sample_entropy
    assert abs(moved) > 0.01
    assert line.entropy_given_sample - base.entropy_given_sample == pytest.approx(-moved, abs=1e-12)


@pytest.mark.slow
def test_errors_are_those_of_repetition():
    """Over 24 keys, half of them with few kernels, the scatter is that of the stated errors."""
    names = ("sample_divergence", "waste_right", "sample_entropy")
    runs = [
        explore.path_ledger(jax.random.key(i), POLICY, BASE, CHAIN, REWARD, 1, n=1024, kernels=1024)
        for i in range(24)
    ]
    for name in names:
        z = [(getattr(r, name).mean - getattr(TRUTH, name)) / getattr(r, name).stderr for r in runs]
        assert np.mean(np.square(z)) < 1 + 3 * np.sqrt(2 / 24)


@pytest.mark.slow
def test_two_dimensions_are_two_lines():
    """A base and a policy whose coordinates are independent copies: twice the divergences and entropies."""
    base = td.exact_score(td.Gaussian([MEAN] * 2, VARIANCE * np.eye(2)), PROCESS)
    policy = td.shifted(td.scaled(base, FACTOR), np.full(2, SHIFT))
    plane = explore.path_ledger(
        jax.random.key(4), policy, base, CHAIN, explore.HalfSpace([2.0, 0.0], 2.2), 2, n=2048
    )
    close(plane.path_divergence, 2 * TRUTH.path_divergence, z=4)
    close(plane.sample_divergence, 2 * TRUTH.sample_divergence, z=4)
    close(plane.sample_entropy, 2 * TRUTH.sample_entropy, z=4)
    assert plane.path_entropy == pytest.approx(2 * TRUTH.path_entropy, abs=1e-4)


@pytest.mark.slow
def test_samples_where_there_are_no_kernels_are_remarked():
    far = td.shifted(BASE, np.array([6.0]))
    ledger = explore.path_ledger(jax.random.key(0), far, BASE, CHAIN, REWARD, 1, n=256, kernels=256)
    assert any("kernels" in remark for remark in ledger.remarks)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: explore.reverse_chain(PROCESS, 0), "steps: got 0, need a positive whole number"),
        (lambda: explore.reverse_chain(PROCESS, times=[0.5, 0.7]), "times: got [0.5 0.7], need two or more"),
        (lambda: explore.reverse_chain(PROCESS, times=[1.5, 0.7]), "times: got 1.5, need times in [0, 1]"),
        (lambda: explore.line_ledger(BASE, BASE, CHAIN, jnp.sum), "reward: got a value of -"),
        (
            lambda: explore.line_ledger(BASE, BASE, CHAIN, REWARD, extent=1.0),
            "extent: got 1, beyond which lie 0.",
        ),
        (
            lambda: explore.path_ledger(jax.random.key(0), BASE, BASE, CHAIN, jnp.sum, 1, n=16, kernels=16),
            "reward: got a value of ",
        ),
        (
            lambda: explore.line_ledger(BASE, BASE, explore.reverse_chain(PROCESS, 30000), REWARD),
            "chain: got steps as narrow as 0.0018",
        ),
        (lambda: explore.HalfSpace([0.0], 1.0), "direction: got [0.0], need a vector (d,) that is not 0"),
        (lambda: explore.Balls([0.0], 1.0), "centres: got shape (1,), need shape (K, d)"),
        (lambda: explore.Balls([[0.0], [1.0]], 0.5), "centres: got two that are 1 apart, need balls that"),
        (lambda: explore.Quadratic([0.0], -1.0), "curvature: got -1.0, need a positive"),
    ],
)
def test_messages(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
