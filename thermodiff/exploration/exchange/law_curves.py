"""The curves that reward may follow against entropy, each fitted with autocorrelated residuals.

The exchange curve inverts H L = h(R) + R S_c + (1 - R) S_w. Its right side is greatest at R* = 1/(1 + exp(S_w - S_c))
and falls from there to S_c at R = 1: that branch is the curve, flat beyond its ends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from thermodiff.exploration.exchange.curves import PHIS, Curve, log_determinant, whiten
from thermodiff.types import Estimate

LENGTHS = (1.0, 10.0, 100.0, 1000.0)
"""Lengths of responses from which the search for L starts."""
LONGEST = 1e6
"""Greatest L: long before it the curve is a straight line."""


class LawFit(NamedTuple):
    """One curve through the points of a training."""

    parameters: Mapping[str, Estimate]
    """a and b; or S_c/L, S_w/L (nats a token) and L of the exchange, which have no errors (NaN)."""
    aic: float
    """-2 ln L + 2 x (parameters, phi and sigma), up to a constant that all fits share."""
    residual: float
    """Root of the mean square residual, in units of reward."""
    autocorrelation: float
    """phi over one median step."""
    fitted: np.ndarray
    """R of the curve at each step, in the order of the steps, (n,)."""


def fit_linear(y: np.ndarray, design: np.ndarray, gaps: np.ndarray) -> LawFit:
    """Least squares at the likeliest phi; columns are those of a and b, or of b alone."""

    def solve(phi: float) -> tuple[np.ndarray, np.ndarray]:
        white = whiten(design, gaps, phi)
        inverse = np.linalg.pinv(white.T @ white)
        return inverse @ (white.T @ whiten(y, gaps, phi)), inverse

    phi, square, score = _likeliest(lambda phi: y - design @ solve(phi)[0], gaps)
    values, inverse = solve(phi)
    errors = np.sqrt(np.diag(inverse) * square / max(len(y) - design.shape[1], 1))
    names = ("a", "b")[-len(values) :]
    parameters = {
        name: Estimate(float(value), float(error), len(y))
        for name, value, error in zip(names, values, errors, strict=True)
    }
    fitted = design @ values
    aic = score + 2 * (len(values) + 2)
    return LawFit(parameters, aic, float(np.sqrt(np.mean((y - fitted) ** 2))), phi, fitted)


def _likeliest(residuals: Callable[[float], np.ndarray], gaps: np.ndarray) -> tuple[float, float, float]:
    """phi of least -2 ln L, the whitened sum of squares there, and -2 ln L up to a constant."""
    best = (0.0, 0.0, np.inf)
    for phi in PHIS:
        left = whiten(residuals(phi), gaps, phi)
        square = max(float(left @ left), 1e-300)
        score = len(left) * np.log(square / len(left)) + log_determinant(gaps, phi)
        if score < best[2]:
            best = (float(phi), square, float(score))
    return best


def fit_exchange(curve: Curve, length: float | None) -> LawFit:
    """The exchange curve with constant S_c and S_w, at a given length or the best one."""
    parameters, square, phi, score = None, np.inf, 0.0, np.inf
    for tried in PHIS:
        # From the last phi's answer, and at the first from several lengths.
        starts = [parameters] if parameters is not None else _starts(curve, length)
        parameters, square = min(
            (_search(curve, tried, start, length) for start in starts), key=lambda x: x[1]
        )
        found = len(curve.step) * np.log(max(square, 1e-300) / len(curve.step)) + log_determinant(
            curve.gaps, tried
        )
        if found < score:
            best, phi, score = parameters, float(tried), float(found)
    fitted = exchange_curve(curve.entropy, *best)
    names = ("S_c/L", "S_w/L", "L")
    values = {
        name: Estimate(float(value), np.nan, len(fitted)) for name, value in zip(names, best, strict=True)
    }
    aic = score + 2 * ((3 if length is None else 2) + 2)
    residual = float(np.sqrt(np.mean(np.square(curve.reward - fitted))))
    return LawFit(values, aic, residual, phi, fitted)


def exchange_curve(entropy: np.ndarray, correct: float, wrong: float, length: float) -> np.ndarray:
    """R at each H (n,), both entropies and H in nats a token, for responses of ``length`` tokens."""
    s_c, s_w = correct * length, wrong * length
    top = 1 / (1 + np.exp(np.clip(s_w - s_c, -700, 700)))
    # Denser towards R = 1, where the slope of h is infinite.
    p = top + (1 - top) * (1 - np.linspace(1, 0, 1001) ** 3)
    h = -p * np.log(np.maximum(p, 1e-300)) - (1 - p) * np.log(np.maximum(1 - p, 1e-300))
    total = h + p * s_c + (1 - p) * s_w
    return np.interp(entropy * length, total[::-1], p[::-1])


def _starts(curve: Curve, length: float | None) -> list[np.ndarray]:
    """S_c and S_w of least squares in H, for some lengths."""
    r = np.clip(curve.reward, 1e-6, 1 - 1e-6)
    h = -r * np.log(r) - (1 - r) * np.log(1 - r)
    starts = []
    for tried in LENGTHS if length is None else (length,):
        ends = np.linalg.lstsq(np.stack([r, 1 - r], 1), curve.entropy - h / tried, rcond=None)[0]
        starts.append(np.array([*np.maximum(ends, 1e-6), tried]))
    return starts


def _search(curve: Curve, phi: float, start: np.ndarray, length: float | None) -> tuple[np.ndarray, float]:
    """Parameters of least whitened squares near ``start``, and these squares."""
    from scipy.optimize import least_squares

    def parameters(logs: np.ndarray) -> np.ndarray:
        values = np.exp(np.clip(logs, -30, 30))
        return (
            np.append(values, length) if length is not None else np.minimum(values, [np.inf, np.inf, LONGEST])
        )

    def left(logs: np.ndarray) -> np.ndarray:
        return whiten(curve.reward - exchange_curve(curve.entropy, *parameters(logs)), curve.gaps, phi)

    free = np.log(np.maximum(start, 1e-12))[: 2 if length is not None else 3]
    found = least_squares(left, free, method="trf", max_nfev=60)
    return parameters(found.x), float(2 * found.cost)
