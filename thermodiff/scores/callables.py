"""Other people's scores: any callable (x, t) -> (d,) that JAX can trace."""

from __future__ import annotations

from typing import Any

import jax

from thermodiff.array_types import ByIdentity, Scalar, Score, Vector, pytree_dataclass, static
from thermodiff.distributions.gaussian import Gaussian
from thermodiff.scores.base import reference_of


@pytree_dataclass
class CallableScore:
    """A user's own callable (x, t) -> (d,), compiled in as it is, with what else it may carry."""

    function: ByIdentity = static()

    def __call__(self, x: Vector, t: Scalar) -> Vector:
        """The user's function."""
        return self.function.inside(x, t)

    @property
    def noise(self) -> Any:
        """The user's own noise prediction, or None."""
        return getattr(self.function.inside, "noise", None)

    @property
    def reference(self) -> Gaussian | None:
        """The user's own reference, or None."""
        return reference_of(self.function.inside)

    @property
    def t_min(self) -> Any:
        """The user's own starting time, or None."""
        return getattr(self.function.inside, "t_min", None)


def traceable(score: Score) -> Score:
    """``score`` itself if it is a pytree of arrays, else the same wrapped so that compiled functions can take it."""
    leaves = jax.tree.leaves(score)
    if all(isinstance(leaf, jax.Array | float | int) for leaf in leaves):
        return score
    return CallableScore(ByIdentity(score))
