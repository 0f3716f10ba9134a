"""Intervals and bands of pass@k and of its difference between two policies, for problems drawn or fixed.

Which of the two is meant decides much (DeepScaleR at k = 16: 0.0015 against 0.0108), so every answer says it. Problems
drawn: the statement is about the population that the problems came from. Fixed: about these problems, other rollouts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from thermodiff.exploration.boundary.bounded_means import bounds_of_mean
from thermodiff.exploration.boundary.pass_at_k import budgets
from thermodiff.exploration.boundary.simultaneous import sup_t
from thermodiff.exploration.boundary.squares import drawn_squares, failures, fixed_squares
from thermodiff.exploration.rollouts import Counts, counts_of, paired
from thermodiff.types import Estimate
from thermodiff.validation import complain

FEW_PROBLEMS = 100
FEW_CARRIERS = 10
"""With fewer, 95 % intervals by standard errors alone held in as little as 85 % of simulated data sets."""
ALWAYS = 0.2
"""Share of 1 - level at which the bound that always holds is taken: all that cutting an interval there can cost."""


class PassAtKBand(NamedTuple):
    """pass@k, or the difference of two, with an interval at each k; arrays have the shape of k.

    ``carriers`` = (sum s)^2/sum s^2 over the problems' squared errors s: how many of them the error rests on.
    ``conservative``: where the error is larger than it need be (problems fixed: 2k > n for
    some, or a policy without spread). ``quantile``: in standard
    errors, before few carriers widen it. ``remarks``: what to distrust, a sentence each.
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

    On the logit scale, mean -+ quantile stderr/(mean (1 - mean)). The quantile is the normal one, or of sup-t from
    ``draws`` Gaussians with the estimates' correlations over k, read as one of Student's t with M - 1 degrees of
    freedom. Where fewer than 10 problems carry the error these are 2 ``carriers`` (Satterthwaite's, from the squares)
    and the interval is never narrower than what holds for problems that are all alike: mean r <= pass@k
    <= 1 - (1 - mean) r, r = (1 - level)^(1/(M-1)), since M equal values have at most chance r^(M-1) if each has less
    than r. Nor is it then wider than Hoeffding's bound (``bounds_of_mean``), which holds at any M with error
    (1 - level)/5, with ``simultaneous`` divided by the number of ks. As pass@k cannot fall with k, a band is replaced
    by the largest lower end at smaller k and the least upper end at larger k: if it holds, so do these. This project.

    ``data`` and ``k`` as for ``pass_at_k``, and its errors; also ValueError for another ``problems`` than "drawn" and
    "fixed" and a ``level`` outside (0, 1).
    """
    how = _How(problems, simultaneous, level, draws, seed)
    band = _band((counts_of(data),), k, how, _logit, 0.0)
    return _rising(band) if simultaneous else band


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
    as for ``pass_at_k_interval``; with fewer than 10 carriers never narrower than from r (1 + mean) - 1 to
    1 - r (1 - mean), nor wider than Hoeffding's bound of (1 + difference)/2. Errors as there and of ``paired``. The
    band for problems drawn is that of Yang, Zhang and Chen 2026 (arXiv 2609.22547): their Gaussian multipliers have
    just these correlations. The rest is this project's.
    """
    first, second, remarks = paired(a, b)
    how = _How(problems, simultaneous, level, draws, seed)
    band = _band((first, second), k, how, _plain, -1.0)
    return band._replace(remarks=remarks + band.remarks)


class _How(NamedTuple):
    problems: str
    simultaneous: bool
    level: float
    draws: int
    seed: int

    def check(self) -> None:
        if self.problems not in ("drawn", "fixed"):
            raise complain("problems", f"{self.problems!r}", "'drawn' or 'fixed'")
        if not 0 < self.level < 1:
            raise complain("level", f"{self.level}", "a probability in (0, 1)")

    def share(self, K: int) -> float:
        """The error of the bound that always holds, at each of K ks."""
        return ALWAYS * (1 - self.level) / (K if self.simultaneous else 1)

    def quantile(self, covariances: tuple[np.ndarray, ...]) -> float:
        """In standard errors; of one k alone it is the normal quantile."""
        from scipy.special import ndtri

        alone = float(ndtri(0.5 + 0.5 * self.level))
        return (
            max(sup_t(covariances, self.level, self.draws, self.seed), alone) if self.simultaneous else alone
        )


def _band(policies: tuple[Counts, ...], k: Any, how: _How, ends: Callable, least: float) -> PassAtKBand:
    """``ends`` makes an interval from means and half widths, ``least`` is the smallest value there can be."""
    from scipy.special import ndtr, stdtrit

    how.check()
    ks = budgets(k, *policies)
    data = failures(policies, ks.reshape(-1))
    squares = (drawn_squares if how.problems == "drawn" else fixed_squares)(data)
    M, total = len(data.samples), squares.values.sum(0)
    mean, stderr = data.rows.mean(0), np.where(total > 0, np.sqrt(total) / M, np.nan)
    shares = np.square(squares.values / np.where(total > 0, total, 1)).sum(0)
    carriers = np.divide(1, shares, out=np.zeros(len(shares)), where=shares > 0)
    quantile = how.quantile(squares.covariances)
    few, most = carriers < FEW_CARRIERS, max(M - 1, 1)
    t = stdtrit(np.where(few, np.clip(2 * carriers, 1, most), most), ndtr(quantile))
    low, high = ends(mean, np.where(total > 0, t * stderr, 0.0))
    wide_low, wide_high = _few_carry(mean, low, high, M, least, quantile, how.share(len(mean)))
    low, high = np.where(few, wide_low, low), np.where(few, wide_high, high)
    remarks = _remarks(data.ks, carriers, squares.conservative, M)
    arrays = (mean, stderr, low, high, carriers, squares.conservative)
    mean, stderr, low, high, carriers, conservative = (array.reshape(ks.shape) for array in arrays)
    estimate = Estimate(mean, stderr, M)
    settings = (quantile, how.level, how.problems, how.simultaneous)
    return PassAtKBand(ks, estimate, low, high, carriers, conservative, *settings, remarks)


def _few_carry(
    mean: np.ndarray, low: np.ndarray, high: np.ndarray, M: int, least: float, quantile: float, share: float
) -> tuple[np.ndarray, np.ndarray]:
    """Ends not narrower than those of values that are all alike, and not wider than the bound that always holds."""
    from scipy.special import ndtr

    if M == 1:
        return np.full_like(mean, least), np.ones_like(mean)
    r = (2 * ndtr(-quantile)) ** (1 / (M - 1))
    bounds = bounds_of_mean((mean - least) / (1 - least), M, share)
    lowest, highest = (least + (1 - least) * bound for bound in bounds)
    low = np.maximum(np.minimum(low, least + (mean - least) * r), lowest)
    return low, np.minimum(np.maximum(high, 1 - (1 - mean) * r), highest)


def _rising(band: PassAtKBand) -> PassAtKBand:
    """The part of a band of a curve that does not fall with k in which such curves lie."""
    ks, low, high = (np.ravel(array) for array in (band.k, band.low, band.high))
    order = np.argsort(ks)
    ends = np.empty((2, len(ks)))
    ends[0, order] = np.maximum.accumulate(low[order])
    ends[1, order] = np.minimum.accumulate(high[order][::-1])[::-1]
    return band._replace(low=ends[0].reshape(band.k.shape), high=ends[1].reshape(band.k.shape))


def _logit(mean: np.ndarray, half: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from scipy.special import expit, logit

    inside = (mean > 0) & (mean < 1)
    odds = logit(np.where(inside, mean, 0.5))
    half = half / np.where(inside, mean * (1 - mean), 1)
    return np.where(inside, expit(odds - half), mean), np.where(inside, expit(odds + half), mean)


def _plain(mean: np.ndarray, half: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.maximum(mean - half, -1), np.minimum(mean + half, 1)


def _remarks(ks: np.ndarray, carriers: np.ndarray, conservative: np.ndarray, M: int) -> tuple[str, ...]:
    still, few = carriers == 0, (carriers > 0) & (carriers < FEW_CARRIERS)
    conservative = conservative & ~still
    remarks = []
    if M < FEW_PROBLEMS:
        remarks.append(f"{M} problems, fewer than {FEW_PROBLEMS}: intervals are approximate")
    if few.any():
        remarks.append(
            f"{_listed(ks[few])}: fewer than {FEW_CARRIERS} problems carry the error, the interval was widened and may "
            "still not hold; extrapolate_pass_at_k has bounds that do"
        )
    if still.any():
        remarks.append(
            f"{_listed(ks[still])}: all problems are alike, so there is a bound but no standard error"
        )
    if conservative.any():
        remarks.append(
            f"{_listed(ks[conservative])}: 2k is more than the rollouts of some problems, or no problem of a policy "
            "shows any spread; the error for problems fixed is conservative"
        )
    return tuple(remarks)


def _listed(ks: np.ndarray) -> str:
    return f"k = {ks[0]}" if len(ks) == 1 else f"k = {ks.min()} to {ks.max()}"
