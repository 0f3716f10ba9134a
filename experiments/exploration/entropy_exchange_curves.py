"""What the numbers of a training's steps say: stages, the law, correct and wrong ones, covariance and change.

That the change of entropy is -eta Cov(ln pi, A) is exact for one softmax with free logits and a natural gradient, to
first order in the step. A training has shared parameters and Adam's steps, its states move, and entropies of two steps
are those of two batches of problems: the change from one step to the next is mostly their noise (its autocorrelation
at one step would be -1/2 if it were nothing else). In blocks of steps, change and covariance from different batches,
the noise is less; what stays are the other three.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from experiments.harness.types import Row
from thermodiff.exploration.exchange.curves import FEWEST
from thermodiff.exploration.exchange.entropy_law import fit_entropy_law
from thermodiff.exploration.exchange.stages import entropy_stages

History = Mapping[str, np.ndarray]
BLOCK = 10
"""Steps of a block in which changes of entropy are set against covariances."""
POINTS = 40
"""Points of a curve that are kept for the figure."""


def of_steps(history: History) -> Row:
    """All of these; stages and law need 12 steps, and curves that vary."""
    step = np.arange(len(history["reward"]))
    readable = len(step) >= FEWEST and min(np.ptp(history[name]) for name in ("reward", "entropy")) > 0
    return {
        "steps": len(step),
        "curves": thinned(history),
        "stages": stages(history) if readable else None,
        "law": law(history) if readable else None,
        "sides": sides(history),
        "covariance": covariance(history),
    }


def thinned(history: History) -> Row:
    """Means over at most ``POINTS`` blocks of steps; NaN where a block has no correct response."""
    names = ("reward", "entropy", "entropy_correct", "entropy_wrong", "covariance")
    parts = np.array_split(np.arange(len(history["reward"])), min(POINTS, len(history["reward"])))
    curves = {name: [_mean_known(history[name][part]) for part in parts] for name in names}
    return {"step": [float(part.mean()) for part in parts], **curves}


def stages(history: History) -> Row:
    """The verdict of ``entropy_stages``, the step of the change, slopes before and after."""
    found = entropy_stages(np.arange(len(history["reward"])), history["reward"], history["entropy"])
    return {
        "verdict": found.verdict,
        "change": found.change,
        "interval": found.interval,
        "p_value": found.p_value,
        "reward": [slope.mean for slope in found.reward],
        "entropy": [slope.mean for slope in found.entropy],
        "smooth_aic": found.smooth_aic,
    }


def law(history: History) -> Row:
    """Fits of ``fit_entropy_law``: which, if any, and by how much the exponential is better than a line."""
    found = fit_entropy_law(np.arange(len(history["reward"])), history["reward"], history["entropy"])
    return {
        "verdict": found.verdict,
        "line_less_exponential": found.line_less_exponential,
        "contrast": found.contrast,
        "range": found.range,
        "parameters": {
            name: [found.fits[name].parameters[x].mean for x in ("a", "b")]
            for name in ("exponential", "line")
        },
        "residual": {name: fit.residual for name, fit in found.fits.items()},
    }


def straight_or_exponential(entropy: np.ndarray, accuracy: list[float]) -> Row:
    """Both curves by least squares through exact points (H, p), and the root of the mean square that each leaves."""
    fits = {"exponential": -np.exp(entropy), "line": -np.asarray(entropy)}
    row: Row = {}
    for name, column in fits.items():
        design = np.stack([column, np.ones(len(column))], axis=1)
        values = np.linalg.lstsq(design, np.asarray(accuracy), rcond=None)[0]
        left = np.asarray(accuracy) - design @ values
        row[name] = {"a": values[0], "b": values[1], "residual": float(np.sqrt(np.mean(left**2)))}
    return row


def sides(history: History) -> Row:
    """Share of steps whose wrong responses have the higher entropy a token, of the steps that have correct ones.

    And the slopes a step of the entropies in correct and in wrong ones over the first half, by least squares.
    """
    wrong, correct = history["entropy_wrong"], history["entropy_correct"]
    known = np.isfinite(wrong) & np.isfinite(correct)
    half = np.flatnonzero(known & (np.arange(len(known)) < len(known) / 2))
    slopes = [np.polyfit(half, side[half], 1)[0] if len(half) > 2 else np.nan for side in (correct, wrong)]
    return {
        "share": float((wrong > correct)[known].mean()) if known.any() else None,
        "steps": int(known.sum()),
        "difference": float((wrong - correct)[known].mean()) if known.any() else None,
        "slopes": slopes,
    }


def covariance(history: History) -> Row:
    """Changes of entropy against covariances, by steps and by blocks of ``BLOCK`` steps."""
    entropy, product = history["entropy"], history["covariance"]
    change = np.diff(entropy)
    size = min(BLOCK, max(len(entropy) // 4, 1))
    blocks = len(entropy) // size
    by_block = [x[: blocks * size].reshape(blocks, size).mean(axis=1) for x in (entropy, product)]
    # From the block before to the one after: its two ends share no batch with the covariance between them.
    central = (by_block[0][2:] - by_block[0][:-2]) / (2 * size)
    return {
        "block": size,
        "by_step": _line_through_zero(product[:-1], change),
        "by_block": _line_through_zero(by_block[1][1:-1], central),
        "noise": _correlation(change[:-1], change[1:]),
        "points": [by_block[1][1:-1], central],
    }


def _line_through_zero(x: np.ndarray, y: np.ndarray) -> Row:
    return {"slope": float(x @ y / (x @ x)) if x @ x > 0 else None, "correlation": _correlation(x, y)}


def _correlation(x: np.ndarray, y: np.ndarray) -> float | None:
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    return float(np.corrcoef(x, y)[0, 1])


def _mean_known(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")
