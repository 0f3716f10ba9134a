"""Intervals and bands of pass@k and of its difference between two policies, for problems drawn or fixed.

Which of the two is meant decides much (DeepScaleR at k = 16: 0.0015 against 0.0108), so every answer says it. Problems
drawn: the statement is about the population that the problems came from. Fixed: about these problems, other rollouts.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from thermodiff.exploration.pairs import common_problems
from thermodiff.exploration.pass_at_k import budgets
from thermodiff.exploration.rollouts import Counts, counts_of
from thermodiff.exploration.simultaneous import sup_t
from thermodiff.exploration.squares import Squares, drawn_squares, failures, fixed_squares
from thermodiff.types import Estimate
from thermodiff.validation import complain

FEW_PROBLEMS = 100
FEW_CARRIERS = 10


class PassAtKBand(NamedTuple):
    """pass@k, or the difference of two, with an interval at each k; arrays have the shape of k.

    ``carriers`` = (sum s)^2/sum s^2 over the problems' squared errors s: how many of them the error rests on.
    ``conservative`` where the error is larger than it need be (problems fixed, 2k > n). ``quantile``: in standard errors,
    before small samples widen it. ``remarks``: what to distrust, a sentence each.
    """

    k: np.ndarray
    estimate: Estimate
    low: np.ndarray
    high: np.ndarray
    carriers: np.ndarray
    conservative: np.ndarray
    quantile: float
    level: float
    problems: str
    simultaneous: bool
    remarks: tuple[str, ...]

    def __str__(self) -> str:
        what = "at every k together" if self.simultaneous else "at each k"
        lines = [f"{self.level:.0%} {what}, {self.estimate.n} problems {self.problems}"]
        rows = zip(*map(np.atleast_1d, (self.k, *self.estimate[:2], self.low, self.high)), strict=True)
        lines += [f"  k = {k:<5d} {m:8.4f} ± {s:.4f}   [{lo:.4f}, {hi:.4f}]" for k, m, s, lo, hi in rows]
        return "\n".join(lines + [f"  {remark}" for remark in self.remarks])


def pass_at_k_interval(
    data: Any,
    k: Any = None,
    *,
    problems: str = "drawn",
    simultaneous: bool = False,
    level: float = 0.95,
    draws: int = 10_000,
    seed: int = 0,
) -> PassAtKBand:
    """An interval of pass@k at each k, or with ``simultaneous`` a band that holds at all of them together.

    On the logit scale, mean -+ quantile stderr / (mean (1 - mean)). The quantile is the normal one, or of sup-t from
    ``draws`` Gaussians with the estimates' correlations over k, read as one of Student's t with as many degrees of
    freedom as the problems' squared errors have between them (Satterthwaite). Without any spread between the problems
    mean r <= pass@k <= 1 - (1 - mean) r, r = (1 - level)^(1/(M-1)), which always holds. This project.

    ``data`` and ``k`` as for ``pass_at_k``, and its errors; also ValueError for another ``problems`` than "drawn" and
    "fixed" and a ``level`` outside (0, 1).
    """
    return _band((counts_of(data),), k, problems, simultaneous, level, draws, seed)


def pass_at_k_difference(
    a: Any,
    b: Any,
    k: Any = None,
    *,
    problems: str = "drawn",
    simultaneous: bool = False,
    level: float = 0.95,
    draws: int = 10_000,
    seed: int = 0,
) -> PassAtKBand:
    """pass@k of ``b`` less that of ``a`` on the problems that both answered: what b gained, problem against problem.

    Problems drawn: the spread of the differences; fixed: the two variances added. mean -+ quantile stderr, the quantile
    as for ``pass_at_k_interval``; without any spread r (1 + mean) - 1 to 1 - r (1 - mean). Errors as there and of
    ``common_problems``. Yang, Zhang, Chen 2026 (arXiv 2609.22547) for problems drawn, this project for problems fixed.
    """
    first, second, remarks = common_problems(a, b)
    band = _band((first, second), k, problems, simultaneous, level, draws, seed)
    return band._replace(remarks=remarks + band.remarks)


def _band(
    policies: tuple[Counts, ...],
    k: Any,
    problems: str,
    simultaneous: bool,
    level: float,
    draws: int,
    seed: int,
) -> PassAtKBand:
    from scipy.special import ndtr, ndtri, stdtrit

    if problems not in ("drawn", "fixed"):
        raise complain("problems", f"{problems!r}", "'drawn' or 'fixed'")
    if not 0 < level < 1:
        raise complain("level", f"{level}", "a probability in (0, 1)")
    shape = np.shape(budgets(k, *policies))
    data = failures(policies, budgets(k, *policies).reshape(-1))
    squares = (drawn_squares if problems == "drawn" else fixed_squares)(data)
    M = len(data.samples)
    total = squares.values.sum(0)
    mean, stderr = data.rows.mean(0), np.where(total > 0, np.sqrt(total) / M, np.nan)
    carriers = total**2 / np.maximum(np.square(squares.values).sum(0), np.finfo(float).tiny)
    quantile = sup_t(squares.covariances, level, draws, seed) if simultaneous else 0.0
    quantile = max(quantile, float(ndtri(0.5 + 0.5 * level)))
    freedom = np.minimum(2 * np.maximum(carriers, 1), max(M - 1, 1))
    ends = _wald if len(policies) == 2 else _logit
    low, high = ends(
        mean,
        stderr,
        stdtrit(freedom, ndtr(quantile)),
        (2 * ndtr(-quantile)) ** (1 / (M - 1)) if M > 1 else 0.0,
    )
    arrays = (mean, stderr, low, high, carriers, squares.conservative, data.ks)
    remarks = _remarks(data.ks, total, carriers, squares, M)
    mean, stderr, low, high, carriers, conservative, ks = (array.reshape(shape) for array in arrays)
    estimate = Estimate(mean, stderr, M)
    return PassAtKBand(
        ks, estimate, low, high, carriers, conservative, quantile, level, problems, simultaneous, remarks
    )


def _logit(mean: np.ndarray, stderr: np.ndarray, t: np.ndarray, r: float) -> tuple[np.ndarray, np.ndarray]:
    from scipy.special import expit, logit

    with np.errstate(divide="ignore", invalid="ignore"):
        half = t * stderr / (mean * (1 - mean))
        low, high = expit(logit(mean) - half), expit(logit(mean) + half)
    still = np.isnan(stderr)
    return np.where(still, mean * r, low), np.where(still, 1 - (1 - mean) * r, high)


def _wald(mean: np.ndarray, stderr: np.ndarray, t: np.ndarray, r: float) -> tuple[np.ndarray, np.ndarray]:
    still = np.isnan(stderr)
    low, high = np.maximum(mean - t * stderr, -1), np.minimum(mean + t * stderr, 1)
    return np.where(still, r * (1 + mean) - 1, low), np.where(still, 1 - r * (1 - mean), high)


def _remarks(
    ks: np.ndarray, total: np.ndarray, carriers: np.ndarray, squares: Squares, M: int
) -> tuple[str, ...]:
    few, still = (total > 0) & (carriers < FEW_CARRIERS), total == 0
    conservative = squares.conservative & ~still
    remarks = [
        (M < FEW_PROBLEMS, f"{M} problems, fewer than {FEW_PROBLEMS}: intervals are approximate"),
        (
            few.any(),
            f"at {_listed(ks[few])} fewer than {FEW_CARRIERS} problems carry the error: intervals may be too narrow, "
            "extrapolate_pass_at_k has bounds that hold",
        ),
        (
            still.any(),
            f"at {_listed(ks[still])} all problems are alike: no standard error, the interval is a bound",
        ),
        (
            conservative.any(),
            f"at {_listed(ks[conservative])} 2k is more than the rollouts of a problem, or none shows any spread: "
            "the error for problems fixed is conservative",
        ),
    ]
    return tuple(text for said, text in remarks if said)


def _listed(ks: np.ndarray) -> str:
    return f"k = {ks.min()} to {ks.max()}" if len(ks) > 1 else f"k = {', '.join(map(str, ks))}"
