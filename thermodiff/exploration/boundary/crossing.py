"""From which k on a policy loses: the first such k as a confidence set."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from thermodiff.exploration.boundary.pass_at_k_intervals import PassAtKBand, pass_at_k_difference


class Crossing(NamedTuple):
    """Where the difference b - a is above 0, below 0 and neither, by a band that holds at every k together.

    ``first_loss`` = (low, high): the first k at which b is worse than a lies in it. ``high`` is None where no loss is
    certain up to the largest k: then b may never lose; ``low`` is beyond the largest k where b gains at all of them.
    """

    first_loss: tuple[int, int | None]
    gains: np.ndarray
    losses: np.ndarray
    undecided: np.ndarray
    difference: PassAtKBand

    def __str__(self) -> str:
        low, high = self.first_loss
        top = int(self.difference.k[-1])
        if low > top:
            where = f"b gains at every k up to {top}"
        elif high is None:
            where = f"no loss is certain up to k = {top}; the first could be at k = {low} or later"
        else:
            where = f"the first k at which b loses is in [{low}, {high}]"
        gains, losses, undecided = map(len, (self.gains, self.losses, self.undecided))
        counts = f"b gains at {gains} of {top} k, loses at {losses}, {undecided} undecided"
        return "\n".join(
            [f"{where} ({self.difference.level:.0%}, problems {self.difference.problems})", counts]
        )


def crossing(
    a: Any, b: Any, *, problems: str = "drawn", level: float = 0.95, draws: int = 10_000, seed: int = 0
) -> Crossing:
    """The first k, of all from 1 to the least n, at which pass@k of ``b`` is below that of ``a``: a confidence set.

    With the simultaneous band of ``pass_at_k_difference`` it begins after the ks from 1 on at which b is above a for
    certain, and ends with the first at which b is below for certain. Yang, Zhang, Chen 2026 (arXiv 2609.22547). Errors
    as for ``pass_at_k_difference``.
    """
    band = pass_at_k_difference(
        a, b, problems=problems, simultaneous=True, level=level, draws=draws, seed=seed
    )
    above, below = band.low > 0, band.high < 0
    prefix = int(np.argmin(above)) if not above.all() else len(above)
    high = int(band.k[below][0]) if below.any() else None
    return Crossing((prefix + 1, high), band.k[above], band.k[below], band.k[~above & ~below], band)
