"""pass@k for more rollouts than there are: bounds that hold, and two numbers that need not, each with what it may be.

n rollouts a problem fix the moments E (1-p)^j, j <= n, of the distribution of difficulty and nothing else; pass@k
beyond n is another moment. The bounds are what the data say of it. The numbers assume more: the nonparametric one that
the likeliest distribution is the true one, the beta-binomial one that difficulty has a beta distribution.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from thermodiff.exploration.beta_binomial import fit_beta_binomial
from thermodiff.exploration.difficulty import fit_difficulty, pass_at_k_of, range_over_maximisers
from thermodiff.exploration.moment_bounds import moment_bounds
from thermodiff.exploration.rollouts import Counts, counts_of
from thermodiff.types import Estimate
from thermodiff.validation import complain

NOT_UNIQUE = 0.01
"""A range over maximisers wider than this gets a remark."""
NOT_CERTIFIED = 1e-2
"""Nats by which the log-likelihood may lie below its maximum before a remark says so."""


class Extrapolation(NamedTuple):
    """pass@k for each k; arrays are of shape (K,).

    lower, upper          bounds that hold for all k at once with probability ``confidence``
    nonparametric         the middle of its range, which is all pass@k of distributions as likely as the likeliest
    certificate           max D - 1: the log-likelihood is within M times this of its maximum
    beta_binomial         with a standard error for problems drawn, sandwich and delta method; bias is not in it
    samples, confidence   of the bounds (``samples``: what all problems were thinned to); ``problems``: drawn or fixed
    """

    k: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    nonparametric: np.ndarray
    nonparametric_lower: np.ndarray
    nonparametric_upper: np.ndarray
    certificate: float
    beta_binomial: Estimate
    samples: int
    confidence: float
    problems: str
    remarks: tuple[str, ...]

    def __str__(self) -> str:
        M = self.beta_binomial.n
        head = f"pass@k from {self.samples} rollouts of {M} problems ({self.problems}), {self.confidence:.0%} for all k"
        lines = [
            head,
            f"{'k':>8} {'bounds':>17} {'nonparametric':>14} {'as likely':>17} {'beta-binomial':>17}",
        ]
        beta = self.beta_binomial
        for i, k in enumerate(self.k):
            lines.append(
                f"{k:>8} [{self.lower[i]:.4f}, {self.upper[i]:.4f}] {self.nonparametric[i]:>14.4f}"
                f" [{self.nonparametric_lower[i]:.4f}, {self.nonparametric_upper[i]:.4f}]"
                f" {beta.mean[i]:>8.4f} ± {beta.stderr[i]:.4f}"
            )
        return "\n".join([*lines, *(f"  {remark}" for remark in self.remarks)])


class ExtrapolatedDifference(NamedTuple):
    """pass@k of b less that of a: bounds for all k at once, shape (K,), and what each policy's own counts say."""

    k: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    nonparametric: np.ndarray
    nonparametric_lower: np.ndarray
    nonparametric_upper: np.ndarray
    a: Extrapolation
    """At confidence 1 - error/2, as is b."""
    b: Extrapolation
    confidence: float
    remarks: tuple[str, ...]

    def __str__(self) -> str:
        lines = [
            f"pass@k of b less a, {self.confidence:.0%} for all k",
            f"{'k':>8} {'bounds':>19} {'nonparametric':>14}",
        ]
        for i, k in enumerate(self.k):
            lines.append(
                f"{k:>8} [{self.lower[i]:+.4f}, {self.upper[i]:+.4f}] {self.nonparametric[i]:>+14.4f}"
            )
        return "\n".join([*lines, *(f"  {remark}" for remark in self.remarks)])


def extrapolate_pass_at_k(
    data: Any, k: Any, confidence: float = 0.95, problems: str = "drawn", key: int = 0
) -> Extrapolation:
    """What counts say of pass@k beyond the rollouts there are, for one k or several.

    ``data`` as ``counts_of`` takes it. ``problems``: "drawn", if pass@k of the population is meant that they are
    independent draws of, "fixed" if that of these very problems. Rollouts must be independent, all of a problem with
    one chance. The bounds (``moment_bounds``) hold at any number of problems; where problems have unequal numbers of
    rollouts they are of counts thinned once, without replacement, to the least, by ``numpy.random.default_rng(key)``.
    The two numbers are fitted to all counts as they are. This project (theory section 1, P5).

    Raises ValueError for k that are not whole numbers from 1 on, a confidence outside (0, 1) and other ``problems``.
    """
    counts = counts_of(data)
    k = _whole(k)
    if not 0 < confidence < 1:
        raise complain("confidence", f"{confidence}", "a probability in (0, 1)")
    if problems not in ("drawn", "fixed"):
        raise complain("problems", f"{problems!r}", "'drawn' or 'fixed'")
    correct, samples = thinned(counts, key)
    lower, upper = moment_bounds(correct, samples, k, confidence, problems == "fixed")
    difficulty = fit_difficulty(counts.correct, counts.samples)
    least, most = range_over_maximisers(difficulty, counts.correct, counts.samples, k)
    middle = np.where(np.isnan(least + most), pass_at_k_of(difficulty, k), (least + most) / 2)
    beta = fit_beta_binomial(counts.correct, counts.samples, k)
    answer = Extrapolation(
        k=k,
        lower=lower,
        upper=upper,
        nonparametric=middle,
        nonparametric_lower=least,
        nonparametric_upper=most,
        certificate=difficulty.excess,
        beta_binomial=beta.pass_at_k,
        samples=samples,
        confidence=confidence,
        problems=problems,
        remarks=(f"beta-binomial: {beta.remark}",) if beta.remark else (),
    )
    return answer._replace(remarks=_remarks(answer, counts, key))


def extrapolate_difference(
    a: Any, b: Any, k: Any, confidence: float = 0.95, problems: str = "drawn", key: int = 0
) -> ExtrapolatedDifference:
    """pass@k of b less that of a beyond the rollouts there are, both on the same problems.

    Each policy's bounds at confidence 1 - error/2, so that both hold together, however the two depend on each other;
    lower = lower of b - upper of a. The numbers are differences of the two fits. Errors as for
    ``extrapolate_pass_at_k``; also ValueError where a and b are not counts of the same problems. This project.
    """
    first, second = counts_of(a, "a"), counts_of(b, "b")
    _check_same_problems(first, second)
    half = (1 + confidence) / 2
    a, b = (extrapolate_pass_at_k(policy, k, half, problems, key) for policy in (first, second))
    return ExtrapolatedDifference(
        k=a.k,
        lower=b.lower - a.upper,
        upper=b.upper - a.lower,
        nonparametric=b.nonparametric - a.nonparametric,
        nonparametric_lower=b.nonparametric_lower - a.nonparametric_upper,
        nonparametric_upper=b.nonparametric_upper - a.nonparametric_lower,
        a=a,
        b=b,
        confidence=confidence,
        remarks=tuple(
            f"{name}: {remark}" for name, policy in (("a", a), ("b", b)) for remark in policy.remarks
        ),
    )


def thinned(counts: Counts, key: int) -> tuple[np.ndarray, int]:
    """Correct ones, shape (M,), among as many rollouts of every problem as the least has, drawn without replacement."""
    samples = int(counts.samples.min())
    if np.all(counts.samples == samples):
        return counts.correct, samples
    rng = np.random.default_rng(key)
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


def _check_same_problems(a: Counts, b: Counts) -> None:
    if len(a.correct) != len(b.correct):
        raise complain("b", f"{len(b.correct)} problems", f"the {len(a.correct)} problems of a")
    if a.problems is not None and b.problems is not None and set(a.problems) != set(b.problems):
        other = sorted(map(str, set(a.problems) ^ set(b.problems)))[0]
        raise complain("a and b", f"problem {other!r} in only one of them", "the same problems in both")


def _remarks(answer: Extrapolation, counts: Counts, key: int) -> tuple[str, ...]:
    remarks = list(answer.remarks)
    most = int(counts.samples.max())
    if most > answer.samples:
        remarks.append(
            f"bounds: from counts thinned to {answer.samples} rollouts (some have {most}; key {key})"
        )
    if np.isnan(answer.lower).any():
        remarks.append(
            "bounds: none, no distribution of difficulty gives such counts (they vary too little between problems): "
            "rollouts are not independent, or this is one of the data sets, 1 - confidence of all, where bounds fail"
        )
    if answer.k.min() <= answer.samples:
        remarks.append(f"k <= {answer.samples}: pass_at_k is unbiased there, use it")
    if len(counts.correct) * answer.certificate > NOT_CERTIFIED:
        short = len(counts.correct) * answer.certificate
        remarks.append(f"nonparametric: the likelihood may lie {short:.2g} nats below its maximum")
    wide = answer.nonparametric_upper - answer.nonparametric_lower
    if (wide > NOT_UNIQUE).any():
        remarks.append(
            f"nonparametric: distributions as likely differ by up to {np.nanmax(wide):.3f}, see the range"
        )
    if np.isnan(wide).any():
        remarks.append(
            "nonparametric: the range over maximisers was not found, its linear program was not solved"
        )
    beta = answer.beta_binomial.mean
    outside = answer.k[(beta < answer.lower) | (beta > answer.upper)]
    if len(outside):
        remarks.append(
            f"beta-binomial: outside the bounds at k = {', '.join(map(str, outside))}, so it is ruled out"
        )
    return tuple(remarks)
