"""The gradient of what a reward is worth to a denoising chain, E r(x_0) - beta KL(paths), from sampled paths.

With K_k(x) = |mu(x) - mu_ref(x)|^2/(2 std_k^2) the divergence of step k, and the return of step k what comes after it,
A_k = r(x_0) - beta sum_{later j} K_j(x_j),
    grad = E sum_k [(A_k - b_k) grad ln pi(x' | x) - beta grad K_k(x)],
b_k the mean of A_k over the other paths, which leaves the mean of the gradient as it is. Advantages are centred but not
divided by their spread, which would change beta. Sources: Black et al. (2024) for denoising as actions, Fan et al.
(2023) for the divergence, of which they take grad K alone; the gradient with what comes after a step: this project.
"""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from thermodiff.array_types import Key, Score
from thermodiff.exploration.diffusion_policy.reverse_chain import ReverseChain


class Batch(NamedTuple):
    """Paths (n, T + 1, d), their rewards (n,), and the divergence of each step at the state it left from (n, T)."""

    paths: Any
    rewards: Any
    divergences: Any


def step_divergences(
    chain: ReverseChain, policy: Score, base: Score, path: Float[Array, "T_plus_one d"]
) -> Float[Array, " T"]:
    """K_k = |mu - mu_ref|^2/(2 std_k^2) of every step along a path, nats."""
    apart = chain.means(policy, path) - chain.means(base, path)
    return jnp.sum(apart**2, axis=-1) / (2 * chain.std**2)


def draw_batch(
    key: Key, chain: ReverseChain, policy: Score, base: Score, reward: Any, n: int, dim: int
) -> Batch:
    """n paths of the policy with all that is asked of them."""
    paths = chain.draw(key, policy, n, dim)
    divergences = jax.vmap(lambda path: step_divergences(chain, policy, base, path))(paths)
    return Batch(paths, jax.vmap(reward)(paths[:, -1]), divergences)


def advantages(batch: Batch, beta: float) -> Float[Array, "n T"]:
    """A_k - b_k, b_k the mean over the other paths."""
    later = jnp.cumsum(batch.divergences[:, ::-1], axis=1)[:, ::-1] - batch.divergences
    returns = batch.rewards[:, None] - beta * later
    n = len(returns)
    return (returns - returns.mean(axis=0)) * (n / (n - 1))


def surrogate(chain: ReverseChain, policy: Score, base: Score, batch: Batch, beta: float) -> Float[Array, ""]:
    """A number whose gradient in the policy is that of E r - beta KL(paths), estimated on the batch."""
    shaped = advantages(jax.lax.stop_gradient(batch), beta)

    def one(path: Any, shaped: Any) -> Any:
        means, base_means = chain.means(policy, path), chain.means(base, path)
        log_prob = -jnp.sum((path[1:] - means) ** 2, axis=-1) / (2 * chain.std**2)
        divergence = jnp.sum((means - base_means) ** 2, axis=-1) / (2 * chain.std**2)
        return jnp.sum(shaped * log_prob - beta * divergence)

    return jnp.mean(jax.vmap(one)(jax.lax.stop_gradient(batch.paths), shaped))


def with_network(score: Any, network: Any) -> Any:
    """The same score with another network."""
    return dataclasses.replace(score, network=network)
