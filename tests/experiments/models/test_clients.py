"""Three models trained in plain PyTorch, audited, against the same weights written in JAX: ``make test-peers``."""

import ast
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

import thermodiff as td
from thermodiff.trajectories.probability_flow import Tolerance

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.peer

FOLDER = Path(__file__).resolve().parents[3] / "experiments" / "models"
# Where a table's schedule bends the flow's steps depend on rounding: both are solved to more digits than are shown.
SMALL = {"points": 16, "replicates": 3, "nodes": 6, "tolerance": Tolerance(1e-8, 1e-8)}
NAMES = ("ddpm", "flow_matching", "edm")


def weights(module):
    return {name: jnp.asarray(value.numpy(force=True)) for name, value in module.state_dict().items()}


def linear(w, name, x):
    return w[f"{name}.weight"] @ x + w[f"{name}.bias"]


def through_hidden(w, h, prefix="", shift=0.0):
    for i in range(3):
        h = h + linear(w, f"{prefix}hidden.{i}", jax.nn.silu(h + shift))
    return linear(w, f"{prefix}last", h)


def ddpm(net):
    w = weights(net)

    def f(x, k):
        angles = k * w["embed.0.frequencies"]
        e = jax.nn.silu(linear(w, "embed.1", jnp.concatenate([jnp.sin(angles), jnp.cos(angles)])))
        return through_hidden(w, linear(w, "first", x), shift=e)

    from experiments.models.ddpm_train import BETAS

    process = td.TabulatedProcess.from_betas(BETAS)
    return td.score_from_noise_prediction(f, process), process


def flow_matching(net):
    w = weights(net)

    def f(x, t):
        angles = t * w["frequencies"]
        h = jnp.concatenate([x, t[None], jnp.sin(angles), jnp.cos(angles)])
        return through_hidden(w, linear(w, "first", h))

    process = td.LinearInterpolant()
    return td.score_from_velocity(f, process, time=td.ContinuousTime(noise=0.0, data=1.0)), process


def edm(net):
    """The network inside alone: its preconditioning is thermodiff's here, and the module's own in the audit."""
    w = weights(net)

    def f(x, c_noise):
        return through_hidden(w, linear(w, "inner.first", jnp.append(x, c_noise)), prefix="inner.")

    process = td.EDM(0.002, 80.0)
    return td.score_from_denoiser(f, process, time=td.EDMNoise(), scaling=td.EDMScaling(0.7)), process


@pytest.mark.parametrize("in_jax", [flow_matching, edm, ddpm])
def test_the_audit_is_that_of_the_same_weights_in_jax(in_jax):
    name = in_jax.__name__
    training = __import__(f"experiments.models.{name}_train", fromlist=["train"])
    client = __import__(f"experiments.models.{name}_audit", fromlist=["audit"])
    net = training.train(iterations=200, batch=128).double()
    with jax.enable_x64(True):
        got = client.audit(net, **SMALL)
        score, process = in_jax(net)
        expected = td.audit(jax.random.key(0), score, process, td.two_moons(noise=0.1), **SMALL)
    # What is 0 but for rounding may have either sign.
    assert str(got).replace("+0.00000", " 0.00000") == str(expected).replace("+0.00000", " 0.00000")
    above = got["nll_minus_S0"]
    assert above.mean > -4 * above.stderr


@pytest.mark.parametrize("name", NAMES)
def test_training_knows_nothing_of_thermodiff_and_the_audit_has_few_lines(name):
    assert "thermodiff" not in (FOLDER / f"{name}_train.py").read_text(encoding="utf-8")
    tree = ast.parse((FOLDER / f"{name}_audit.py").read_text(encoding="utf-8"))
    function = next(node for node in tree.body if isinstance(node, ast.FunctionDef))
    assert len(function.body) <= 5
