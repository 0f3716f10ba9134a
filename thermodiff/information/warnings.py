"""What to distrust in an estimate of information: one sentence for each thing, none for a healthy one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from thermodiff.numerics.estimates import estimate_rows
from thermodiff.types import Estimate, to_error

SPREAD_SIGMAS = 3.0
SPREAD_NATS = 0.1
WIDE_PER_DIM = 0.05
RANKS_LOSE, STRONG_NATS = 3.0, 0.03
"""Ranks of n rows take 3 exp(I)/n nats from a Gaussian dependence I (simulated), and above 0.03 a warning says so."""
ABOVE_NATS, BELOW_NATS = 0.05, 0.1
"""By how much, beyond three standard errors, an answer may pass the Gaussian's of the rows before a warning says so."""
FAR_OUT = 15.0
"""Standard deviations from the mean at which a value is called far out."""


def spread_warning(quadratic: np.ndarray, denoising: np.ndarray) -> list[str]:
    """The readings of a true score agree; these, row by row, do not."""
    gap = estimate_rows(quadratic - denoising)
    if abs(gap.mean) < max(SPREAD_NATS, SPREAD_SIGMAS * gap.stderr):
        return []
    return [f"the quadratic and denoising readings differ by {gap} nats: the networks are far from the score"]


def missing_warning(missing: float, doubt: float, dim: int) -> list[str]:
    """Half the effort tells another story than all of it: too few rows or steps for what there is to learn."""
    if abs(missing) < WIDE_PER_DIM * dim:
        return []
    done = "taken off" if missing > 0 else "added"
    return [
        f"still to be learned: about {Estimate(abs(missing), doubt, 0)} nats, which are {done}; "
        "more rows would tell better"
    ]


def training_warning(best_steps: list[int], most: int) -> list[str]:
    """Networks that were still getting better when their steps ran out."""
    unfinished = sum(step >= most for step in best_steps)
    if not unfinished:
        return []
    return [
        f"{unfinished} of {len(best_steps)} trainings were still improving at step {most}: allow more steps"
    ]


def strong_warning(per_column: float, n: int) -> list[str]:
    """A dependence so strong, nats a column, that the ranks of n rows do not resolve it: they lose 3 exp(I)/n of it."""
    lost = RANKS_LOSE * np.exp(per_column) / n
    if lost < STRONG_NATS:
        return []
    return [
        f"{per_column:.1f} nats a column: the ranks of {n} rows lose {lost:.2f} or more of each, so it is too small"
    ]


def narrowest_in_ranks(n: int) -> float:
    """The smallest eigenvalue of correlations, about exp(-2 I)/2 of a pair, that the ranks of n rows resolve."""
    return 0.5 * (RANKS_LOSE / (n * STRONG_NATS)) ** 2


def rank_warnings(per_column: float, z: np.ndarray, called: Sequence[str]) -> list[str]:
    """What ranks z (n, D) do not resolve: columns that are nearly functions of one another, or a strong dependence."""
    n, d = z.shape
    values, axes = np.linalg.eigh(np.corrcoef(z, rowvar=False).reshape(d, d))
    if d < 2 or n < 10 * d or values[0] > narrowest_in_ranks(n):
        return strong_warning(per_column, n)
    among = ", ".join(called[j] for j in np.flatnonzero(np.abs(axes[:, 0]) > 0.1).tolist())
    width = np.sqrt(values[0])
    return [
        f"columns {among} are nearly functions of one another: after ranks they are "
        f"{width:.1g} wide together, of which {n} rows lose {RANKS_LOSE / n / width / np.sqrt(2):.2f} nats or more"
    ]


def above_gaussian_warning(value: Estimate, gaussian: float) -> list[str]:
    """An entropy above that of the Gaussian of the rows' covariance, which no density exceeds."""
    if value.mean - gaussian < ABOVE_NATS + SPREAD_SIGMAS * value.stderr:
        return []
    shown = to_error(gaussian, value.stderr)
    return [
        f"{value} nats, but no density of the rows' covariance has more than {shown}: the coordinates "
        "do not resolve something narrow, or the networks are far from the score"
    ]


def below_scatter_warning(value: Estimate, scatter: float, mapped: float, allowance: float) -> list[str]:
    """A dependence far below that of a Gaussian with the rows' own robust scatter: the map has lost it."""
    if scatter - value.mean < BELOW_NATS + allowance + SPREAD_SIGMAS * value.stderr:
        return []
    of_mapped, of_rows = (to_error(number, value.stderr) for number in (mapped, scatter))
    return [
        f"{value} nats, and {of_mapped} of a Gaussian of the mapped rows, but {of_rows} of a Gaussian "
        "with the scatter of the rows themselves: the map of single coordinates may have lost something narrow"
    ]


def tail_warning(z: np.ndarray, called: Sequence[str]) -> list[str]:
    """Values so far out that they decide the averages alone; the columns of z (n, D) are ``called`` so (D,)."""
    farthest = np.abs(z).max(axis=0)
    if farthest.max() < FAR_OUT:
        return []
    worst = int(farthest.argmax())
    return [
        f"{called[worst]} has a value {farthest[worst]:.0f} standard deviations out: an outlier, or a long tail"
    ]


def few_rows_warning(n: int, dim: int) -> list[str]:
    """Fewer than ten rows a dimension."""
    return [f"{n} rows for {dim} dimensions: fewer than ten each"] if n < 10 * dim else []
