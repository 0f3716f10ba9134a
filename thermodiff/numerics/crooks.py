"""Crooks' line by maximum likelihood: which side drew a path, as a function of its R.

With n_F values of R drawn forward and n_B backward, ln P_F(R)/P_B(R) = slope R + intercept makes a path with R a
forward one with probability expit(ln(n_F/n_B) + intercept + slope R): a logistic regression. With the slope fixed at 1
its likelihood equation is Bennett's acceptance ratio (Shirts et al. 2003), intercept = -c.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from thermodiff.types import Estimate

ITERATIONS = 200
_NOT = Estimate(np.nan, np.nan, 0)


class CrooksFit(NamedTuple):
    """Slope and intercept of ln P_F(R)/P_B(R), the constant c of slope 1, and what could not be told."""

    slope: Estimate
    intercept: Estimate
    bar: Estimate
    remarks: tuple[str, ...]


class _Sides(NamedTuple):
    """Values of R that both sides can take, whether forward (1) or backward (0), the row of each, and ln n_F/n_B."""

    R: np.ndarray
    side: np.ndarray
    row: np.ndarray
    rows: int
    offset: float
    forward_rows: int


def crooks_fit(forward: Float[np.ndarray, "n k"], backward: Float[np.ndarray, "m l"]) -> CrooksFit:
    """The line through ln P_F(R)/P_B(R), from R on forward paths (n, k) and backward ones (m, l), rows independent."""
    s = _sides(forward, backward)
    f, b = s.R[s.side == 1], s.R[s.side == 0]
    if not len(f) or not len(b):
        return CrooksFit(_NOT, _NOT, _NOT, ("Crooks: one side has no path that the other can take",))
    bar, bar_error = _fit(s, np.ones((len(s.R), 1)), s.offset + s.R)
    free = Estimate(-float(bar[0]), float(bar_error[0]), s.rows)
    spread = max(f.max(), b.max()) - min(f.min(), b.min())
    if spread <= 1e-6 * (1 + np.abs(s.R).max()):
        return CrooksFit(_NOT, _NOT, free, ("Crooks: R is the same on every path, which has no slope",))
    if f.min() >= b.max() or f.max() <= b.min():
        none = (
            "Crooks: the values of R forward and backward do not overlap, slope and difference are not known"
        )
        return CrooksFit(_NOT, _NOT, _NOT, (none,))
    line, errors = _fit(s, np.stack([np.ones_like(s.R), s.R], axis=1), np.full(len(s.R), s.offset))
    slope, intercept = (Estimate(float(line[i]), float(errors[i]), s.rows) for i in (1, 0))
    return CrooksFit(slope, intercept, free, ())


def _sides(forward: np.ndarray, backward: np.ndarray) -> _Sides:
    R = np.concatenate([forward.ravel(), backward.ravel()])
    side = np.repeat([1, 0], [forward.size, backward.size])
    row = np.concatenate(
        [
            np.repeat(np.arange(len(forward)), forward.shape[1]),
            len(forward) + np.repeat(np.arange(len(backward)), backward.shape[1]),
        ]
    )
    there = np.isfinite(
        R
    )  # an infinite R tells the side by itself: it is in the other's means, not in the line
    offset = float(np.log(forward.size / backward.size))
    return _Sides(R[there], side[there], row[there], len(forward) + len(backward), offset, len(forward))


def _fit(s: _Sides, design: np.ndarray, offset: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Maximum-likelihood coefficients of the logistic model, by Newton with halved steps, and their errors."""
    from scipy.special import expit

    scale = np.maximum(np.abs(design).max(axis=0), 1.0)
    X = design / scale
    beta = np.zeros(X.shape[1])
    if X.shape[1] == 2:
        beta[1] = scale[1]  # theory's line

    def loss(beta: np.ndarray) -> float:
        eta = offset + X @ beta
        return float(np.sum(np.logaddexp(0.0, eta) - s.side * eta))

    here = loss(beta)
    for _ in range(ITERATIONS):
        p = expit(offset + X @ beta)
        gradient, hessian = X.T @ (p - s.side), (X.T * (p * (1 - p))) @ X
        step = np.linalg.lstsq(hessian, gradient, rcond=None)[0]
        factor, there = 1.0, loss(beta - step)
        while there > here and factor > 1e-9:
            factor /= 2
            there = loss(beta - factor * step)
        beta, gain, here = beta - factor * step, here - there, there
        if gain <= 1e-12 * (1 + abs(here)):
            break
    p = expit(offset + X @ beta)
    bread = np.linalg.pinv((X.T * (p * (1 - p))) @ X)
    return beta / scale, np.sqrt(np.diag(bread @ _meat(s, X * (p - s.side)[:, None]) @ bread)) / scale


def _meat(s: _Sides, scores: np.ndarray) -> np.ndarray:
    """Covariance of the summed scores: rows are drawn on each side, whose own mean score is no fluctuation."""
    rows = np.stack([np.bincount(s.row, weights=column, minlength=s.rows) for column in scores.T], axis=1)
    parts = (rows[: s.forward_rows], rows[s.forward_rows :])
    return sum((len(part) * np.atleast_2d(np.cov(part, rowvar=False)) for part in parts), np.zeros((1, 1)))
