"""pass@k for more rollouts than there are: bounds that hold, and two numbers that need not, each with what it may be.

n rollouts a problem fix the moments E (1-p)^j, j <= n, of the distribution of difficulty and nothing else; pass@k
beyond n is another moment. The bounds are what the data say of it. The numbers assume more: the nonparametric one that
the likeliest distribution is the true one, the beta-binomial one that difficulty has a beta distribution.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from thermodiff.exploration.extrapolation.beta_binomial import fit_beta_binomial
from thermodiff.exploration.extrapolation.difficulty import (
    fit_difficulty,
    pass_at_k_of,
    range_over_maximisers,
)
from thermodiff.exploration.extrapolation.moment_bounds import moment_bounds
from thermodiff.exploration.rollouts import Counts, counts_of, paired
from thermodiff.types import Estimate
from thermodiff.validation import complain

NOT_UNIQUE = 0.01
"""A range over maximisers wider than this gets a remark."""
NOT_CERTIFIED = 1e-2
"""Nats by which the log-likelihood may lie below its maximum before a remark says so."""


class Extrapolation(NamedTuple):
    """pass@k for each k; arrays are of shape (K,).

    low, high          bounds that hold for all k at once with probability ``level``
    nonparametric         the middle of its range, which is all pass@k of distributions as likely as the likeliest
    certificate           max D - 1: the log-likelihood is within M times this of its maximum
    beta_binomial         with a standard error for problems drawn, sandwich and delta method; bias is not in it
    samples, level   of the bounds (``samples``: what all problems were thinned to); ``problems``: drawn or fixed
    """

    k: np.ndarray
    low: np.ndarray
    high: np.ndarray
    nonparametric: np.ndarray
    nonparametric_low: np.ndarray
    nonparametric_high: np.ndarray
    certificate: float
    beta_binomial: Estimate
    samples: int
    level: float
    problems: str
    remarks: tuple[str, ...]

    def __str__(self) -> str:
        M = self.beta_binomial.n
        head = f"pass@k from {self.samples} rollouts of {M} problems ({self.problems}), {self.level:.0%} for all k"
        lines = [
            head,
            f"{'k':>8} {'bounds':>17} {'nonparametric':>14} {'as likely':>17} {'beta-binomial':>17}",
        ]
        beta = self.beta_binomial
        for i, k in enumerate(self.k):
            lines.append(
                f"{k:>8} [{self.low[i]:.4f}, {self.high[i]:.4f}] {self.nonparametric[i]:>14.4f}"
                f" [{self.nonparametric_low[i]:.4f}, {self.nonparametric_high[i]:.4f}]"
                f" {beta.mean[i]:>8.4f} ± {beta.stderr[i]:.4f}"
            )
        return "\n".join([*lines, *(f"  {remark}" for remark in self.remarks)])


class ExtrapolatedDifference(NamedTuple):
    """pass@k of b less that of a: bounds for all k at once, shape (K,), and what each policy's own counts say."""

    k: np.ndarray
    low: np.ndarray
    high: np.ndarray
    nonparametric: np.ndarray
    nonparametric_low: np.ndarray
    nonparametric_high: np.ndarray
    a: Extrapolation
    """At level 1 - error/2, as is b."""
    b: Extrapolation
    level: float
    remarks: tuple[str, ...]

    def __str__(self) -> str:
        lines = [
            f"pass@k of b less a, {self.level:.0%} for all k",
            f"{'k':>8} {'bounds':>19} {'nonparametric':>14}",
        ]
        for i, k in enumerate(self.k):
            lines.append(f"{k:>8} [{self.low[i]:+.4f}, {self.high[i]:+.4f}] {self.nonparametric[i]:>+14.4f}")
        return "\n".join([*lines, *(f"  {remark}" for remark in self.remarks)])


def extrapolate_pass_at_k(
    data: Any, k: Any, *, problems: str = "drawn", level: float = 0.95, seed: int = 0
) -> Extrapolation:
    """What counts say of pass@k beyond the rollouts there are, for one k or several.

    ``data`` as ``counts_of`` takes it. ``problems``: "drawn", if pass@k of the population is meant that they are
    independent draws of, "fixed" if that of these very problems. Rollouts must be independent, all of a problem with
    one chance. The bounds (``moment_bounds``) hold at any number of problems; where problems have unequal numbers of
    rollouts they are of counts thinned once, without replacement, to the least, by ``numpy.random.default_rng(seed)``.
    The two numbers are fitted to all counts as they are. This project (theory section 1, P5).

    Raises ValueError for k that are not whole numbers from 1 on, a level outside (0, 1) and other ``problems``.
    """
    counts = counts_of(data)
    k = _whole(k)
    if not 0 < level < 1:
        raise complain("level", f"{level}", "a probability in (0, 1)")
    if problems not in ("drawn", "fixed"):
        raise complain("problems", f"{problems!r}", "'drawn' or 'fixed'")
    correct, samples = thinned(counts, seed)
    low, high = moment_bounds(correct, samples, k, level, problems == "fixed")
    difficulty = fit_difficulty(counts.correct, counts.samples)
    least, most = range_over_maximisers(difficulty, counts.correct, counts.samples, k)
    middle = np.where(np.isnan(least + most), pass_at_k_of(difficulty, k), (least + most) / 2)
    beta = fit_beta_binomial(counts.correct, counts.samples, k)
    answer = Extrapolation(
        k=k,
        low=low,
        high=high,
        nonparametric=middle,
        nonparametric_low=least,
        nonparametric_high=most,
        certificate=difficulty.excess,
        beta_binomial=beta.pass_at_k,
        samples=samples,
        level=level,
        problems=problems,
        remarks=(f"beta-binomial: {beta.remark}",) if beta.remark else (),
    )
    return answer._replace(remarks=_remarks(answer, counts, seed))


def extrapolate_difference(
    a: Any, b: Any, k: Any, *, problems: str = "drawn", level: float = 0.95, seed: int = 0
) -> ExtrapolatedDifference:
    """pass@k of b less that of a beyond the rollouts there are, on the problems that both answered (``paired``).

    Each policy's bounds at level 1 - error/2, so that both hold together, however the two depend on each other;
    low is that of b less the high of a. The numbers are differences of the two fits. Errors as for
    ``extrapolate_pass_at_k`` and ``paired``. This project.
    """
    first, second, left_out = paired(a, b)
    half = (1 + level) / 2
    a, b = (
        extrapolate_pass_at_k(policy, k, problems=problems, level=half, seed=seed)
        for policy in (first, second)
    )
    return ExtrapolatedDifference(
        k=a.k,
        low=b.low - a.high,
        high=b.high - a.low,
        nonparametric=b.nonparametric - a.nonparametric,
        nonparametric_low=b.nonparametric_low - a.nonparametric_high,
        nonparametric_high=b.nonparametric_high - a.nonparametric_low,
        a=a,
        b=b,
        level=level,
        remarks=left_out
        + tuple(f"{name}: {remark}" for name, policy in (("a", a), ("b", b)) for remark in policy.remarks),
    )


def thinned(counts: Counts, seed: int) -> tuple[np.ndarray, int]:
    """Correct ones, shape (M,), among as many rollouts of every problem as the least has, drawn without replacement."""
    samples = int(counts.samples.min())
    if np.all(counts.samples == samples):
        return counts.correct, samples
    rng = np.random.default_rng(seed)
    return rng.hypergeometric(counts.correct, counts.samples - counts.correct, samples), samples


def _whole(k: Any) -> np.ndarray:
    ks = np.atleast_1d(np.asarray(k))
    if (
        ks.ndim != 1
        or ks.size == 0
        or ks.dtype.kind not in "iuf"
        or not np.all((ks >= 1) & (ks == np.round(ks)))
    ):
        raise complain("k", f"{k}", "one or several whole numbers from 1 on")
    return ks.astype(int)


def _remarks(answer: Extrapolation, counts: Counts, seed: int) -> tuple[str, ...]:
    remarks = list(answer.remarks)
    most = int(counts.samples.max())
    if most > answer.samples:
        remarks.append(
            f"bounds: from counts thinned to {answer.samples} rollouts (some have {most}; seed {seed})"
        )
    if np.isnan(answer.low).any():
        remarks.append(
            "bounds: none, no distribution of difficulty gives such counts (they vary too little between problems): "
            "rollouts are not independent, or this is one of the data sets, 1 - level of all, where bounds fail"
        )
    if answer.k.min() <= answer.samples:
        remarks.append(f"k <= {answer.samples}: pass_at_k is unbiased there, use it")
    if len(counts.correct) * answer.certificate > NOT_CERTIFIED:
        short = len(counts.correct) * answer.certificate
        remarks.append(f"nonparametric: the likelihood may lie {short:.2g} nats below its maximum")
    wide = answer.nonparametric_high - answer.nonparametric_low
    if (wide > NOT_UNIQUE).any():
        remarks.append(
            f"nonparametric: distributions as likely differ by up to {np.nanmax(wide):.3f}, see the range"
        )
    if np.isnan(wide).any():
        remarks.append(
            "nonparametric: the range over maximisers was not found, its linear program was not solved"
        )
    beta = answer.beta_binomial.mean
    outside = answer.k[(beta < answer.low) | (beta > answer.high)]
    if len(outside):
        remarks.append(
            f"beta-binomial: outside the bounds at k = {', '.join(map(str, outside))}, so it is ruled out"
        )
    return tuple(remarks)
