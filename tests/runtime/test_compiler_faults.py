"""A compiler whose sums over large batches are wrong is told to do without what makes them so."""

import os
import subprocess
import sys
from importlib import metadata

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import thermodiff as td
from thermodiff.runtime import compiler_faults
from thermodiff.runtime.compiler_faults import FAULTY, OPTION, avoid_wrong_sums

PROCESS = td.VarianceExploding(25.0)


def mixture(components, dim):
    rng = np.random.default_rng([components, dim])
    a = rng.normal(size=(components, dim, dim))
    cov = a @ a.swapaxes(1, 2) / dim + 0.1 * np.eye(dim)
    return td.GaussianMixture(
        np.full(components, 1 / components), 2 * rng.normal(size=(components, dim)), cov
    )


@pytest.mark.parametrize(("components", "dim"), [(1, 5), (2, 3), (2, 5), (2, 8), (2, 16), (3, 4)])
def test_a_score_is_the_same_in_a_large_batch_and_by_formula(components, dim):
    """In batches of 8192 to float32's rounding; each of these but one was off by order 1."""
    data = mixture(components, dim)
    x = 10 * np.random.default_rng(0).normal(size=(8192, dim))
    sigma = float(PROCESS.sigma(0.7))
    found = jax.jit(jax.vmap(td.exact_score(data, PROCESS), (0, None)))(jnp.asarray(x), 0.7)
    precision = np.linalg.inv(np.asarray(data.covs, float) + sigma**2 * np.eye(dim))
    off = x[:, None] - np.asarray(data.means, float)
    pulled = np.einsum("kij,nkj->nki", precision, off)
    log_w = 0.5 * np.linalg.slogdet(precision)[1] - 0.5 * np.sum(off * pulled, axis=2)
    w = np.exp(log_w - log_w.max(axis=1, keepdims=True))
    truth = -np.einsum("nk,nki->ni", w / w.sum(axis=1, keepdims=True), pulled)
    np.testing.assert_allclose(found, truth, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("version", "before", "after"),
    [
        ("0.10.2", {}, {"XLA_FLAGS": f"{OPTION}="}),
        ("0.11.0", {"XLA_FLAGS": "--xla_foo=1"}, {"XLA_FLAGS": f"--xla_foo=1 {OPTION}="}),
        ("0.10.2", {"XLA_FLAGS": f"{OPTION}=dot"}, {"XLA_FLAGS": f"{OPTION}=dot"}),
        ("0.10.1", {}, {}),
    ],
)
def test_the_option_is_given_to_the_versions_that_need_it(version, before, after, monkeypatch):
    monkeypatch.setattr(compiler_faults.metadata, "version", lambda name: version)
    monkeypatch.setattr(compiler_faults, "_has_started", lambda: False)
    environment = dict(before)
    avoid_wrong_sums(environment)
    assert environment == after


@pytest.mark.skipif(metadata.version("jaxlib") not in FAULTY, reason="this jaxlib needs no option")
@pytest.mark.parametrize(("first", "warned"), [("jax.numpy.ones(3)", True), ("None", False)])
def test_an_option_that_comes_too_late_is_said(first, warned):
    code = f"import jax; import jax.numpy; {first}; import thermodiff"
    environment = {name: value for name, value in os.environ.items() if name != "XLA_FLAGS"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert ("import thermodiff first, or set XLA_FLAGS" in done.stderr) == warned
