"""The exact score of a density carried through a process."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from thermodiff.array_types import Process, Scalar, Vector, pytree_dataclass
from thermodiff.distributions.base import Family
from thermodiff.distributions.gaussian import Gaussian
from thermodiff.types import NotKnownError
from thermodiff.validation import check_process, check_time, complain


@pytree_dataclass
class ExactScore:
    """s(x, t) = grad log p_t(x) of a known density carried through a process."""

    distribution: Family
    process: Process

    def __call__(self, x: Vector, t: Scalar) -> Vector:
        """The score at x (d,) and time t; raises ValueError for x of another shape or t outside [0, 1]."""
        if jnp.shape(x) != (self.distribution.dim,):
            raise complain(
                "x", f"shape {jnp.shape(x)}", f"shape ({self.distribution.dim},): map over more with jax.vmap"
            )
        check_time(t)
        return self.distribution.noised_score(x, self.process.alpha(t), self.process.sigma(t))

    @property
    def reference(self) -> Gaussian | None:
        """The Gaussian with the distribution's exact moments, None where it has none."""
        try:
            return Gaussian(*self.distribution.moments())
        except NotKnownError:
            return None


def exact_score(distribution: Family, process: Process) -> ExactScore:
    """s(x, t) = grad ln p_t(x) of ``distribution`` under ``process``, (d,), () -> (d,), in units of 1/x.

    Raises NotKnownError for a distribution whose noised marginal is not known (a user's samples, say), ValueError for
    what is no distribution or no process.
    """
    check_process(process)
    if not hasattr(distribution, "noised_score"):
        raise complain(
            "distribution",
            type(distribution).__name__,
            "a distribution whose density is known, such as Gaussian",
        )
    probe = jax.ShapeDtypeStruct((distribution.dim,), jnp.float32)
    jax.eval_shape(lambda x: distribution.noised_score(x, 1.0, 0.1), probe)
    return ExactScore(distribution, process)


def exact_score_if_known(data: Any, process: Process) -> ExactScore | None:
    """The exact score of ``data`` where it is a distribution that knows one, else None."""
    if not isinstance(data, Family):
        return None
    try:
        return exact_score(data, process)
    except NotKnownError:
        return None
