"""Curves of a training (step, reward, entropy), and least squares where neighbouring residuals hang together.

Residuals have correlation phi^g over a gap g (in median steps), 0 <= phi < 1, and variance sigma^2. Differences
    (x_t - phi^g x_(t-1))/sqrt(1 - phi^(2g)),   and x_0 itself,
are then independent, and with S the sum of squares that a fit leaves of them,
    -2 ln L = n ln(S/n) + sum ln(1 - phi^(2g)) + const                  (exact, for a stationary start).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from thermodiff.validation import check_finite, complain

PHIS = np.concatenate([np.arange(0, 0.9, 0.05), [0.9, 0.92, 0.94, 0.96, 0.97, 0.98, 0.99]])
"""Autocorrelations over one median step that are tried."""
FEWEST = 12
"""Steps that a curve needs: six numbers are fitted to each."""


class Curve(NamedTuple):
    """A training in the order of its steps, each (n,), and the gaps between steps in median gaps, (n - 1,)."""

    step: np.ndarray
    reward: np.ndarray
    entropy: np.ndarray
    gaps: np.ndarray


def curve_of(step: Any, reward: Any, entropy: Any) -> Curve:
    """The curve in the order of its steps. Raises ValueError unless there are at least 12 different, finite rows."""
    named = {"step": step, "reward": reward, "entropy": entropy}
    columns = {name: np.asarray(values, dtype=np.float64) for name, values in named.items()}
    shape = columns["step"].shape
    for name, values in columns.items():
        if values.shape != shape or values.ndim != 1:
            raise complain(name, f"shape {values.shape}", f"one number a step, as step has, {shape}")
        check_finite(name, values)
    if shape[0] < FEWEST:
        raise complain("step", f"{shape[0]} steps", f"at least {FEWEST}")
    order = np.argsort(columns["step"])
    step, reward, entropy = (values[order] for values in columns.values())
    gaps = np.diff(step)
    if (gaps == 0).any():
        raise complain("step", f"step {step[:-1][gaps == 0][0]:g} twice", "each step once")
    return Curve(step, reward, entropy, gaps / np.median(gaps))


def whiten(x: np.ndarray, gaps: np.ndarray, phi: float) -> np.ndarray:
    """Independent differences of ``x`` (n, ...) for autocorrelation ``phi``."""
    keep = (phi**gaps).reshape(-1, *[1] * (x.ndim - 1))
    return np.concatenate([x[:1], (x[1:] - keep * x[:-1]) / np.sqrt(1 - keep**2)])


def log_determinant(gaps: np.ndarray, phi: float) -> float:
    """sum ln(1 - phi^(2g)): ln of the determinant of the residuals' correlations."""
    return float(np.log1p(-(phi ** (2 * gaps))).sum())


class Columns(NamedTuple):
    """Fixed columns and K candidates for one more, whitened for one phi: what least squares needs of them."""

    base: np.ndarray
    """Orthonormal basis of the fixed columns, (n, f)."""
    directions: np.ndarray
    """Each candidate less its projection on them, of length 1, (n, K); 0 where nothing is left."""
    phi: float
    gaps: np.ndarray

    def squares(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Sums of squares of each series y (n, B) left by the fixed columns, (B,), and with each candidate, (K, B)."""
        own = whiten(y, self.gaps, self.phi)
        own = own - self.base @ (self.base.T @ own)
        alone = np.maximum(np.square(own).sum(axis=0), 1e-300)
        return alone, np.maximum(alone - np.square(self.directions.T @ own), 1e-12 * alone)


def columns_of(fixed: np.ndarray, candidates: np.ndarray, gaps: np.ndarray, phi: float) -> Columns:
    """``fixed`` (n, f) and ``candidates`` (n, K), whitened for ``phi``."""
    base = np.linalg.qr(whiten(fixed, gaps, phi))[0]
    white = whiten(candidates, gaps, phi)
    left = white - base @ (base.T @ white)
    length = np.linalg.norm(left, axis=0)
    usable = length > 1e-9 * np.linalg.norm(white, axis=0)
    return Columns(base, np.where(usable, left / np.where(usable, length, 1), 0), phi, gaps)


def likelihoods(
    y: np.ndarray, fixed: np.ndarray, candidates: np.ndarray, gaps: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """-2 ln L at the likeliest phi, up to a constant: fixed columns alone (B,), and with each candidate (K, B)."""
    n = len(y)
    alone: Any = np.inf
    each: Any = np.inf
    for phi in PHIS:
        less, more = columns_of(fixed, candidates, gaps, phi).squares(y)
        scale = log_determinant(gaps, phi)
        alone = np.minimum(alone, n * np.log(less / n) + scale)
        each = np.minimum(each, n * np.log(more / n) + scale)
    return alone, each


class Fitted(NamedTuple):
    """A series by least squares on a design, its residuals autocorrelated."""

    phi: float
    coefficients: np.ndarray
    covariance: np.ndarray
    """Of the coefficients, (f, f)."""
    mean: np.ndarray
    """Design times coefficients, (n,)."""
    innovations: np.ndarray
    """Whitened residuals over their standard deviation, (n,)."""
    sigma: float


def fit_design(y: np.ndarray, design: np.ndarray, gaps: np.ndarray) -> Fitted:
    """Least squares of y (n,) on ``design`` (n, f) at the phi of greatest restricted likelihood."""
    phi = restricted_phi(y, design, gaps)
    white = whiten(design, gaps, phi)
    inverse = np.linalg.pinv(white.T @ white)
    coefficients = inverse @ (white.T @ whiten(y, gaps, phi))
    left = whiten(y - design @ coefficients, gaps, phi)
    sigma = max(float(np.sqrt(left @ left / (len(y) - design.shape[1]))), 1e-300)
    return Fitted(phi, coefficients, inverse * sigma**2, design @ coefficients, left / sigma, sigma)


def simulate(fits: list[Fitted], gaps: np.ndarray, count: int, rng: np.random.Generator) -> list[np.ndarray]:
    """``count`` new draws of each of two series, (n, count): their means, phi, sigma, and what both share by chance."""
    first, second = fits
    shared = float(np.clip(np.corrcoef(first.innovations, second.innovations)[0, 1], -1, 1))
    own = rng.normal(size=(2, len(gaps) + 1, count))
    own[1] = shared * own[0] + np.sqrt(1 - shared**2) * own[1]
    drawn = []
    for fit, noise in zip(fits, own, strict=True):
        for i, keep in enumerate(fit.phi**gaps):
            noise[i + 1] = keep * noise[i] + np.sqrt(1 - keep**2) * noise[i + 1]
        drawn.append(fit.mean[:, None] + fit.sigma * noise)
    return drawn


def restricted_phi(y: np.ndarray, design: np.ndarray, gaps: np.ndarray) -> float:
    """The phi of greatest restricted likelihood, less biased than the greatest likelihood's; design (n, f).

    -2 ln L_R = (n - f) ln S + sum ln(1 - phi^(2g)) + ln det X' V^-1 X.
    """
    n, f = design.shape
    values = []
    for phi in PHIS:
        q, r = np.linalg.qr(whiten(design, gaps, phi))
        left = whiten(y, gaps, phi)
        left = left - q @ (q.T @ left)
        spread = 2 * np.log(np.abs(np.diag(r))).sum()
        values.append((n - f) * np.log(max(left @ left, 1e-300)) + log_determinant(gaps, phi) + spread)
    return float(PHIS[int(np.argmin(values))])
