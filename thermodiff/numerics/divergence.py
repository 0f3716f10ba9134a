"""The divergence of a vector field at a point: exact by d derivatives, or by Hutchinson's random probes."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from thermodiff.array_types import Key, Scalar, Vector, pytree_dataclass, static


@pytree_dataclass
class ExactDivergence:
    """div v = sum_i d v_i / d x_i by d Jacobian-vector products; no randomness, cost d."""

    def __call__(
        self, field: Callable[[Vector], Vector], x: Vector, key: Key | None = None
    ) -> tuple[Vector, Scalar]:
        """The value and the divergence of ``field`` at x (d,)."""
        value, jvp = jax.linearize(field, x)
        jacobian_columns = jax.vmap(jvp)(jnp.eye(x.shape[0], dtype=x.dtype))
        return value, jnp.trace(jacobian_columns)


@pytree_dataclass
class HutchinsonDivergence:
    """div v = E[u . (dv/dx) u] averaged over ``probes`` Rademacher vectors u; unbiased, cost ``probes``.

    Source: Hutchinson (1990); the average over probes is what makes it an estimate of one number.
    """

    probes: int = static(default=8)

    def __post_init__(self) -> None:
        if self.probes < 1:
            raise ValueError(f"probes: got {self.probes}, need at least 1")

    def __call__(
        self, field: Callable[[Vector], Vector], x: Vector, key: Key | None = None
    ) -> tuple[Vector, Scalar]:
        """The value and an unbiased estimate of the divergence of ``field`` at x (d,)."""
        if key is None:
            raise ValueError("key: got None, need a PRNG key for Hutchinson's random probes")
        u = jax.random.rademacher(key, (self.probes, x.shape[0]), dtype=x.dtype)
        value, jvp = jax.linearize(field, x)
        return value, jnp.mean(jnp.sum(u * jax.vmap(jvp)(u), axis=-1))


Divergence = ExactDivergence | HutchinsonDivergence
