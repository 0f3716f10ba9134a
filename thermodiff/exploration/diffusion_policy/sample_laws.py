"""The density of a chain's samples, where the last step is a Gaussian: a mean over what came before it.

    p(x_0) = E N(x_0; mu(x_1), std_1^2 I),   estimated by the mean over M drawn x_1, without bias
The logarithm of a mean of M is low by Var(kernel)/(2 M p^2) to first order, which is added back. Source: this project.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from thermodiff.array_types import Score
from thermodiff.exploration.diffusion_policy.reverse_chain import ReverseChain
from thermodiff.numerics.estimates import as_float64

FEW_KERNELS = 5.0


class LogDensity(NamedTuple):
    """Of n points by M kernels: ``values`` ln p(x) (n,); ``kernels`` (M,), what each moves their mean by; ``thin``.

    ``thin`` is the share of points whose density came from fewer than ``FEW_KERNELS`` effective kernels, 1/sum of
    squared shares: there the value is a guess.
    """

    values: np.ndarray
    kernels: np.ndarray
    thin: float


@jax.jit
def _shares(means: Any, std: Any, x: Any) -> tuple[Any, Any, Any]:
    """ln of the mean kernel (n,), the sum of squared shares (n,), and the shares summed over points (M,)."""
    dim, M = means.shape[1], means.shape[0]

    def one(total: Any, x: Any) -> tuple[Any, tuple[Any, Any]]:
        exponents = -0.5 * jnp.sum((x - means) ** 2, axis=-1) / std**2
        top = jnp.max(exponents)
        weights = jnp.exp(exponents - top)
        whole = jnp.sum(weights)
        shares = weights / whole
        log_mean = top + jnp.log(whole / M) - 0.5 * dim * jnp.log(2 * jnp.pi * std**2)
        return total + shares, (log_mean, jnp.sum(shares**2))

    total, (log_means, squares) = jax.lax.scan(one, jnp.zeros(M), x)
    return log_means, squares, total


@jax.jit
def last_means(chain: ReverseChain, score: Score, paths: Any) -> Any:
    """mu of the last step of every path, (n, d)."""
    return jax.vmap(lambda path: chain.mean(score, path[-2], chain.steps - 1))(paths)


def log_density(chain: ReverseChain, score: Score, paths: Any, x: Any) -> LogDensity:
    """ln p of a chain's samples at x (n, d), from other ``paths`` (M, T + 1, d) of it."""
    log_means, squares, total = _shares(last_means(chain, score, paths), chain.std[-1], jnp.asarray(x))
    M, squares = len(paths), as_float64(squares)
    bias = 0.5 * (squares - 1 / M)
    influence = M * as_float64(total) / len(x) - 1
    return LogDensity(as_float64(log_means) + bias, influence, float(np.mean(squares > 1 / FEW_KERNELS)))
