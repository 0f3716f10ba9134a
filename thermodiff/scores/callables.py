"""Other people's scores: any callable (x, t) -> (d,) that JAX can trace, or of batches (n, d), (n,) -> (n, d)."""

from __future__ import annotations

from typing import Any

import jax

from thermodiff.array_types import ByIdentity, Scalar, Score, Vector, pytree_dataclass, static
from thermodiff.distributions.gaussian import Gaussian
from thermodiff.scores.base import WrappedScore, reference_of
from thermodiff.validation import batched_form, check_callable, check_score


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


@pytree_dataclass
class BatchedScore(WrappedScore):
    """A score of batches, (n, d), (n,) -> (n, d), called for one sample: x (d,), t () -> (d,).

    ``function`` is the user's, ``ByIdentity`` where it is no pytree of arrays; ``batch_of_times`` says whether it wants
    as many times as rows, or one for all.
    """

    function: Any
    batch_of_times: bool = static()

    @property
    def score(self) -> Any:  # type: ignore[override]  # what WrappedScore asks for reference and starting time
        """The user's score of batches."""
        return self.function.inside if isinstance(self.function, ByIdentity) else self.function

    def __call__(self, x: Vector, t: Scalar) -> Vector:
        """The score at x (d,) and time t, by a batch of one row."""
        return self._row(self.score, x, t)

    @property
    def noise(self) -> Any:
        """The noise prediction, of batches like the score, for one sample; None where there is none."""
        inside = getattr(self.score, "noise", None)
        return None if inside is None else lambda x, t: self._row(inside, x, t)

    def _row(self, function: Any, x: Vector, t: Scalar) -> Vector:
        return function(x[None], t[None] if self.batch_of_times else t)[0]


def as_score(score: Any, dim: int) -> Score:
    """Whatever a user calls a score, for data of ``dim`` columns, as a pytree that maps (d,), () to (d,).

    A score that fails with one sample is tried with a batch; where it gives back as many rows as it got it is mapped,
    one row at a time. Raises ValueError for what is neither, and for integer or complex values.
    """
    check_callable(score, dim)
    if hasattr(score, "check_for"):
        score.check_for(dim)  # in its own words
    try:
        check_score(score, dim)
    except ValueError:
        batched = batched_form(score, dim)
        if batched is None:
            raise
        score = BatchedScore(score if traceable(score) is score else ByIdentity(score), batched)
        check_score(score, dim)
    return traceable(score)
