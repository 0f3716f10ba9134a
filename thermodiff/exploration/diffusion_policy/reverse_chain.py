"""The reverse chain of any process and any score: Gaussian steps from noise to data, each an action.

From time t to s < t, with alpha_ts = alpha_t/alpha_s and sigma_ts^2 = sigma_t^2 - alpha_ts^2 sigma_s^2, the noise that
the process adds between them,
    pi(x_s | x_t) = N(mu, sigma_ts^2 I),   mu = (x_t + sigma_ts^2 score(x_t, t))/alpha_ts.
The variance is fixed, that of the true reverse step for N(0, I) under a variance-preserving process, and positive down
to time 0. Source: Ho et al. (2020), section 3.2. This is the one place that knows how a step is made.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from thermodiff.array_types import Key, Process, Score, Vector, as_pytree, pytree_dataclass
from thermodiff.distributions.base import gaussian_entropy
from thermodiff.numerics.estimates import as_float64
from thermodiff.scores.base import noise_prediction
from thermodiff.validation import check_count, check_finite, check_process, check_time, complain


@pytree_dataclass
class ReverseChain:
    """x_T ~ N(0, start_std^2 I), then step after step x_s = mu(x_t) + std xi; made by ``reverse_chain``.

    ``times``, ``gain`` = 1/alpha_ts, ``pull`` = sigma_ts^2/(alpha_ts sigma_t) and ``std`` = sigma_ts have one entry a
    step, (T,), in the order in which the steps are taken; std in units of x.
    """

    process: Process
    times: Any
    gain: Any
    pull: Any
    std: Any
    start_std: Any

    @property
    def steps(self) -> int:
        """Number of steps T."""
        return self.times.shape[0]

    def mean(self, score: Score, x: Vector, k: Any) -> Vector:
        """mu of step k (0 the first taken) at x (d,)."""
        noise = noise_prediction(score, self.process, x, self.times[k])
        return self.gain[k] * x - self.pull[k] * noise

    def path(self, score: Score, xi: Float[Array, "T_plus_one d"]) -> Float[Array, "T_plus_one d"]:
        """x_T, ..., x_0 of one path from its standard normal numbers, the first for the start."""

        def step(x: Vector, k_xi: tuple[Any, Vector]) -> tuple[Vector, Vector]:
            k, xi = k_xi
            after = self.mean(score, x, k) + self.std[k] * xi
            return after, after

        start = self.start_std * xi[0]
        _, rest = jax.lax.scan(step, start, (jnp.arange(self.steps), xi[1:]))
        return jnp.concatenate([start[None], rest])

    def means(self, score: Score, path: Float[Array, "T_plus_one d"]) -> Float[Array, "T d"]:
        """mu of every step along a path."""
        return jax.vmap(lambda x, k: self.mean(score, x, k))(path[:-1], jnp.arange(self.steps))

    def draw(self, key: Key, score: Score, n: int, dim: int) -> Float[Array, "n T_plus_one d"]:
        """n independent paths."""
        return jax.vmap(lambda xi: self.path(score, xi))(jax.random.normal(key, (n, self.steps + 1, dim)))

    def entropy(self, dim: int) -> float:
        """H(x_0, ..., x_T) in nats: (d/2) ln(2 pi e std^2) a step and of the start, whatever the score."""
        spread = np.append(as_float64(self.std), float(self.start_std)) ** 2
        return gaussian_entropy(np.tile(spread, dim))


def reverse_chain(process: Process, steps: int = 50, *, times: Any = None) -> ReverseChain:
    """The reverse chain of ``process`` in ``steps`` equal steps of time from 1 to 0, or between decreasing ``times``.

    The start is N(0, sigma(t)^2 I) at the first time: forgotten by the data only where alpha is small there
    (``finite_step_optima`` says what that costs). Raises ValueError for what is no process, and for times that do not
    fall from at most 1 to at least 0.
    """
    check_process(process)
    check_count("steps", steps)
    grid = np.linspace(1.0, 0.0, steps + 1) if times is None else np.asarray(times, dtype=np.float64)
    check_finite("times", grid)
    check_time(grid, "times")
    if grid.ndim != 1 or len(grid) < 2 or not np.all(np.diff(grid) < 0):
        raise complain("times", f"{grid}", "two or more decreasing times, noise first")
    with jax.enable_x64(True):
        alpha, sigma = as_float64(process.alpha(grid)), as_float64(process.sigma(grid))
    ratio = alpha[:-1] / alpha[1:]
    added = sigma[:-1] ** 2 - (ratio * sigma[1:]) ** 2
    if not np.all(added > 0):
        k = int(np.argmax(~(added > 0)))
        raise complain("times", f"{grid[k]:g} and {grid[k + 1]:g}, between which no noise is added", "others")
    arrays = (grid[:-1], 1 / ratio, added / (ratio * sigma[:-1]), np.sqrt(added), sigma[0])
    return ReverseChain(as_pytree(process), *(jnp.asarray(a, dtype=float) for a in arrays))
