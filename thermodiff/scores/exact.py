"""The exact score of a density carried through a process."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from thermodiff.array_types import Process, Scalar, Vector, computed_now, pytree_dataclass
from thermodiff.distributions.base import Family
from thermodiff.distributions.gaussian import Gaussian
from thermodiff.scores.base import WrappedScore
from thermodiff.types import NotKnownError, is_concrete
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


ELSEWHERE = (0.1, 0.5, 0.9)
"""Times at which an exact score's process is compared with the one that it is used under."""
SAME = 1e-2
"""Relative difference of alpha or sigma up to which they are the same: a table is that of its formula."""


def check_process_of(score: Any, process: Process) -> None:
    """Raise where ``score``, or what it wraps, is the exact score of another process: its numbers would mean nothing.

    A score of other data under the same process is a model like any other. What JAX traces is not looked at.
    """
    while isinstance(score, WrappedScore):
        score = score.score
    if not isinstance(score, ExactScore) or score.process is process:
        return
    if not is_concrete((score.process, process)):
        return
    with computed_now(score.process, process):
        for t in ELSEWHERE:
            for letter in ("alpha", "sigma"):
                own, given = (float(getattr(p, letter)(t)) for p in (score.process, process))
                if abs(own - given) > SAME * abs(given):
                    got = f"the exact score of {letter} = {own:.4g} at t = {t:g}, where the process has {given:.4g}"
                    raise complain("score", got, "td.exact_score(distribution, process) of this process")


def exact_score_if_known(data: Any, process: Process) -> ExactScore | None:
    """The exact score of ``data`` where it is a distribution that knows one, else None."""
    if not isinstance(data, Family):
        return None
    try:
        return exact_score(data, process)
    except NotKnownError:
        return None
