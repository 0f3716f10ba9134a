"""Stages of a training: does entropy stop falling, and reward stop rising, at a step that can be told?

Reward and entropy are each a line with a kink at one common step tau, a + b t + c (t - tau)+, with autocorrelated
residuals. Three answers compete: one straight line each (tested by the greatest likelihood ratio over tau, whose law
without a kink is simulated: tau is unknown, so it is no chi-square), a kink, and a smooth slowing a + b exp(-t/theta)
with common theta (by AIC). The interval of tau holds the steps whose likelihood ratio is not significant, by a
threshold that is simulated too. This project; the stages are those that arXiv 2508.07534 sees by eye.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from thermodiff.exploration.exchange.curves import Curve, Fitted, curve_of, fit_design, likelihoods, simulate
from thermodiff.types import Estimate
from thermodiff.validation import complain

MOST_CANDIDATES = 200
SIMULATED = 499
MARGIN = 4.0
"""AIC by which a kink must be better than a smooth slowing to be called one."""
RISING, SMOOTH = "rising, then plateau", "no stage: a smooth slowing does as well"
STRAIGHT, OTHER = "no stage: straight lines do as well", "no stage: a kink, but not from rising to plateau"


class Stages(NamedTuple):
    """Whether a training has a rising stage and a plateau, and where the one ends."""

    verdict: str
    """"rising, then plateau", or one of three that begin with "no stage"."""
    change: float
    """Step of the kink; NaN where there is no stage."""
    interval: tuple[float, float]
    """Steps between which the kink lies at the level asked for; NaN where there is no stage."""
    p_value: float
    """Of "no kink"."""
    reward: tuple[Estimate, Estimate]
    """Slope per step before and after the likeliest kink, and their errors for that kink."""
    entropy: tuple[Estimate, Estimate]
    """The same of entropy, nats a step."""
    smooth_aic: float
    """AIC of the smooth slowing less that of the kink: a stage needs 4 or more."""
    autocorrelation: tuple[float, float]
    """Of the residuals of reward and of entropy, over one median step."""
    remarks: tuple[str, ...]

    def __str__(self) -> str:
        where = ""
        if not np.isnan(self.change):
            where = f" at step {self.change:g}, between {self.interval[0]:g} and {self.interval[1]:g}"
        slopes = [
            f"  {name} per step {before:.3g} before, {after:.3g} after"
            for name, (before, after) in (("reward", self.reward), ("entropy", self.entropy))
        ]
        return "\n".join([f"{self.verdict}{where} (no kink: p = {self.p_value:.3g})", *slopes, *self.remarks])


def entropy_stages(step: Any, reward: Any, entropy: Any, level: float = 0.95, seed: int = 0) -> Stages:
    """Rising stage and plateau of a training's curves (n,), n >= 12, the steps in any order.

    ``level`` is that of the interval, and 1 - level that of the test; ``seed`` that of twice 499 simulated curves.
    Steps need not be even. Raises ValueError for curves of different lengths, repeated steps or entries that are no
    numbers.
    """
    if not 0 < level < 1:
        raise complain("level", f"{level}", "a probability in (0, 1)")
    curve = curve_of(step, reward, entropy)
    series = (curve.reward, curve.entropy)
    if min(np.ptp(y) for y in series) == 0:
        raise complain("reward and entropy", "a constant", "curves that vary")
    kinks = _candidates(curve)
    hinges = np.maximum(curve.step[:, None] - kinks, 0)
    line = np.stack([np.ones(len(curve.step)), curve.step], axis=1)
    straight, kinked = _scores([y[:, None] for y in series], line, hinges, curve.gaps)
    best = int(np.argmin(kinked[:, 0]))
    rng = np.random.default_rng(seed)
    flat = [fit_design(y, line, curve.gaps) for y in series]
    bent = [fit_design(y, np.column_stack([line, hinges[:, best]]), curve.gaps) for y in series]
    alone, each = _scores(simulate(flat, curve.gaps, SIMULATED, rng), line, hinges, curve.gaps)
    larger = alone - each.min(axis=0) >= straight[0] - kinked[best, 0]
    p_value = float((1 + larger.sum()) / (SIMULATED + 1))
    # Of each series the columns, phi and sigma; and what is common to both, once.
    smooth_aic = _smooth(series, curve) + 2 * (2 * 4 + 1) - (float(kinked[best, 0]) + 2 * (2 * 5 + 1))
    slopes = _slopes(bent[0]), _slopes(bent[1])
    verdict = _verdict(p_value, 1 - level, smooth_aic, slopes)
    change, interval = float("nan"), (float("nan"), float("nan"))
    if verdict == RISING:
        again = _scores(simulate(bent, curve.gaps, SIMULATED, rng), line, hinges, curve.gaps)[1]
        threshold = np.quantile(again[best] - again.min(axis=0), level)
        change = float(kinks[best])
        interval = _interval(kinked[:, 0] - kinked[best, 0] <= threshold, curve.step, kinks)
    ends = verdict == RISING and (interval[0] == curve.step[0] or interval[1] == curve.step[-1])
    remarks = ("the interval of the change reaches an end of the curve: it may lie beyond",) if ends else ()
    phis = bent[0].phi, bent[1].phi
    return Stages(verdict, change, interval, p_value, slopes[0], slopes[1], smooth_aic, phis, remarks)


def _candidates(curve: Curve) -> np.ndarray:
    """Steps at which a kink may be: with three or more on either side."""
    inner = curve.step[3:-3]
    take = np.unique(np.linspace(0, len(inner) - 1, min(len(inner), MOST_CANDIDATES)).round().astype(int))
    return inner[take]


def _scores(
    series: list[np.ndarray], line: np.ndarray, hinges: np.ndarray, gaps: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """-2 ln L of both series together: straight, (B,), and with each common kink, (K, B)."""
    pairs = [likelihoods(y, line, hinges, gaps) for y in series]
    return pairs[0][0] + pairs[1][0], pairs[0][1] + pairs[1][1]


def _interval(inside: np.ndarray, step: np.ndarray, kinks: np.ndarray) -> tuple[float, float]:
    """From the last step before the kinks that are not refused to the first one after: a kink may lie between steps."""
    index = np.flatnonzero(inside)
    ends = np.concatenate([step[:1], kinks, step[-1:]])
    return float(ends[index[0]]), float(ends[index[-1] + 2])


def _smooth(series: tuple[np.ndarray, ...], curve: Curve) -> float:
    """Least -2 ln L of a + b exp(-t/theta) with a common theta, from a fiftieth of the range to three times it."""
    past = (curve.step - curve.step[0]) / np.ptp(curve.step)
    decays = np.exp(-past[:, None] / np.geomspace(0.02, 3, 60))
    ones = np.ones((len(past), 1))
    return float(
        np.sum([likelihoods(y[:, None], ones, decays, curve.gaps)[1][:, 0] for y in series], axis=0).min()
    )


def _slopes(fit: Fitted) -> tuple[Estimate, Estimate]:
    """Slopes before and after the kink, with their errors."""
    _, before, bend = fit.coefficients
    c, n = fit.covariance, len(fit.mean)
    after_error = np.sqrt(max(c[1, 1] + c[2, 2] + 2 * c[1, 2], 0))
    return Estimate(float(before), float(np.sqrt(c[1, 1])), n), Estimate(
        float(before + bend), float(after_error), n
    )


def _verdict(
    p_value: float,
    size: float,
    smooth_aic: float,
    slopes: tuple[tuple[Estimate, Estimate], tuple[Estimate, Estimate]],
) -> str:
    if p_value > size:
        return STRAIGHT
    (reward, reward_after), (entropy, entropy_after) = slopes
    rises = reward.mean > 2 * reward.stderr and reward_after.mean < reward.mean
    falls = entropy.mean < -2 * entropy.stderr and entropy_after.mean > entropy.mean
    if not (rises and falls):
        return OTHER
    return RISING if smooth_aic >= MARGIN else SMOOTH
