"""What thermodiff is timed against: the bare products, and the way in which public code does the same things.

Each is written as well as such code allows, compiled where it is compiled there, and warm when it is timed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.integrate import solve_ivp

from thermodiff.array_types import pytree_dataclass
from thermodiff.runtime.devices import in_full_precision
from thermodiff.thermodynamics.priors import moment_prior

LEVEL_LAYERS = ("embed", "modulate")
"""Layers of a score network that read the noise level and not x."""

# --- products -----------------------------------------------------------------------------------


def bare_products(network: Any, batch: int) -> Callable[[], Any]:
    """The matrix products of a forward and backward pass, and nothing else, as one compiled call.

    For a layer of weights W: x W, x^T g, and g W^T but where x is the network's own input.
    """
    weights = {
        jax.tree_util.keystr(path): leaf
        for path, leaf in jax.tree_util.tree_leaves_with_path(network.params)
        if leaf.ndim == 2
    }
    key = jax.random.key(0)
    left = {name: jax.random.normal(key, (batch, w.shape[0])) for name, w in weights.items()}
    right = {name: jax.random.normal(key, (batch, w.shape[1])) for name, w in weights.items()}
    first = {name for name in weights if "embed" in name or "enter" in name}
    assert len(first) == 2, f"expected the layers embed and enter among {sorted(weights)}"

    @jax.jit
    def products(weights: Any, left: Any, right: Any) -> Any:
        forward = {name: left[name] @ w for name, w in weights.items()}
        to_weights = {name: left[name].T @ right[name] for name in weights}
        to_inputs = {name: right[name] @ w.T for name, w in weights.items() if name not in first}
        return forward, to_weights, to_inputs

    return lambda: products(weights, left, right)


def network_products(network: Any, batch: int) -> Callable[[], Any]:
    """x W of every layer that reads x, for ``batch`` points at one noise level, and nothing else, as one compiled call.

    The layers that read the noise level are left out: they are needed once for all points.
    """
    weights = {
        name: leaf
        for path, leaf in jax.tree_util.tree_leaves_with_path(network.params)
        if leaf.ndim == 2
        and not any(of_level in (name := jax.tree_util.keystr(path)) for of_level in LEVEL_LAYERS)
    }
    assert len(weights) == 6, f"expected enter, leave and four layers of blocks: {sorted(weights)}"
    return _products(weights, batch)


def forward_products(policy: Any, batch: int) -> Callable[[], Any]:
    """x W of every layer of a policy that is a network for ``batch`` tokens, and nothing else, as one compiled call."""
    weights = {
        jax.tree_util.keystr(path): leaf
        for path, leaf in jax.tree_util.tree_leaves_with_path(policy.params)
        if leaf.ndim == 2 and "embedding" not in jax.tree_util.keystr(path)
    }
    assert len(weights) == 4 * policy.depth + 1, (
        f"expected four layers a block and the last: {sorted(weights)}"
    )
    return _products(weights, batch)


def _products(weights: dict[str, Any], batch: int) -> Callable[[], Any]:
    """x W of each for ``batch`` rows as one compiled call."""
    key = jax.random.key(0)
    left = {name: jax.random.normal(key, (batch, w.shape[0])) for name, w in weights.items()}

    @jax.jit
    def products(weights: Any, left: Any) -> Any:
        return {name: left[name] @ w for name, w in weights.items()}

    return lambda: products(weights, left)


# --- training -----------------------------------------------------------------------------------


@pytree_dataclass
class Given:
    """A distribution whose samples were drawn outside: what a host's data loader hands to a step."""

    array: Any

    @property
    def dim(self) -> int:
        return self.array.shape[1]

    def sample(self, key: Any, n: int) -> Any:
        return self.array[:n]


def host_mixture(rng: np.random.Generator, mixture: Any, n: int) -> np.ndarray:
    """n samples of a Gaussian mixture drawn with numpy, float32."""
    factors = np.linalg.cholesky(np.asarray(mixture.covs, float))
    which = rng.choice(len(factors), n, p=np.asarray(mixture.weights, float) / np.sum(mixture.weights))
    noise = rng.normal(size=(n, mixture.dim))
    return (np.asarray(mixture.means)[which] + np.einsum("nij,nj->ni", factors[which], noise)).astype(
        np.float32
    )


# --- rates --------------------------------------------------------------------------------------


def plain_monte_carlo_variance(key: Any, score: Any, process: Any, data: Any, t_min: float, n: int) -> float:
    """Variance of one evaluation of (1 - t_min) D |s(x_t, t)|^2, t uniform on [t_min, 1]."""

    @jax.jit
    def values(key: Any) -> Any:
        keys = jax.random.split(key, 3)
        t = jax.random.uniform(keys[0], (n,), minval=t_min, maxval=1.0)
        x0 = data.sample(keys[1], n)
        eps = jax.random.normal(keys[2], x0.shape)
        x = process.alpha(t)[:, None] * x0 + process.sigma(t)[:, None] * eps
        return (1 - t_min) * process.diffusivity(t) * jnp.sum(jax.vmap(score)(x, t) ** 2, axis=1)

    return float(np.var(np.asarray(values(key), dtype=float)))


# --- likelihood ---------------------------------------------------------------------------------


class HostFlow(NamedTuple):
    """Likelihoods by scipy's RK45 over the flattened batch, in t, and how often the compiled right-hand side ran."""

    log_likelihood: np.ndarray
    evaluations: int


def host_flow(score: Any, process: Any, x: Any, t_min: float, key: Any | None) -> Callable[[float], HostFlow]:
    """tolerance -> likelihoods of x (n, d), as score_sde's ``likelihood.py`` computes them.

    The divergence is exact without ``key``; with one, Hutchinson's with one Rademacher vector a point, drawn once.
    """
    n, d = x.shape
    probes = None if key is None else jax.random.rademacher(key, (n, d), dtype=jnp.float32)

    def along(t: Any, x: Any, probe: Any) -> tuple[Any, Any]:
        def drift(y: Any) -> Any:
            return process.drift_rate(t) * y - process.diffusivity(t) * score(y, t)

        if probe is None:
            return drift(x), jnp.trace(jax.jacfwd(drift)(x))
        value, slope = jax.jvp(drift, (x,), (probe,))
        return value, probe @ slope

    @jax.jit
    def compiled(t: Any, state: Any, probes: Any) -> Any:
        position = state[: n * d].reshape(n, d)
        velocity, divergence = jax.vmap(along, in_axes=(None, 0, 0 if key is not None else None))(
            t, position, probes
        )
        return jnp.concatenate([velocity.ravel(), divergence])

    def right_hand_side(t: float, state: np.ndarray) -> np.ndarray:
        return np.asarray(compiled(np.float32(t), jnp.asarray(state, jnp.float32), probes), dtype=np.float64)

    contraction = float(process.alpha(t_min))
    start = np.concatenate([contraction * np.asarray(x, float).ravel(), np.zeros(n)])
    prior = moment_prior(score.reference, process)

    @in_full_precision  # as ours is: an accelerator's default would not reach the accuracy asked for
    def solve(tolerance: float) -> HostFlow:
        solution = solve_ivp(
            right_hand_side, (t_min, 1.0), start, method="RK45", rtol=tolerance, atol=tolerance
        )
        end = solution.y[:, -1]
        log_prior = np.asarray(prior.log_prob(jnp.asarray(end[: n * d].reshape(n, d), jnp.float32)), float)
        return HostFlow(log_prior + end[n * d :] + d * np.log(contraction), solution.nfev)

    return solve
