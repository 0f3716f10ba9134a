"""How the divergence of a score is taken: in closed form where the network has one, else by products or by probes.

A score that knows w and div_z w of ``scores.diffusion`` without derivatives has a method ``relative_velocity(z, t)``
that returns both, and says by ``has_closed_divergence`` whether it may be called: that depends on the network inside.
"""

from __future__ import annotations

from typing import Any

from thermodiff.array_types import Score
from thermodiff.numerics.divergence import Divergence, ExactDivergence, HutchinsonDivergence
from thermodiff.scores.base import has_closed_divergence

EXACT_DIVERGENCE_MAX_DIM = 16
"""Measured on a flow (docs/performance.md): exact by products costs as much as 8 probes at about 12 dimensions, at 16 a
third more; up to there that is paid for having no noise."""


def default_divergence(score: Score, dim: int) -> Divergence:
    """Exact where the score has it in closed form and up to 16 dimensions, else Hutchinson's with 8 probes."""
    exact = has_closed_divergence(score) or dim <= EXACT_DIVERGENCE_MAX_DIM
    return ExactDivergence() if exact else HutchinsonDivergence()


def without_products(score: Any, divergence: Divergence | None) -> bool:
    """Whether this divergence of this score is a formula: an exact one is asked for, and the score has it."""
    return isinstance(divergence, ExactDivergence) and has_closed_divergence(score)
