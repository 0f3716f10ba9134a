"""Calibration families of columns with margins of their own, scaled or turned together; ln p in closed form."""

from __future__ import annotations

import numpy as np
from scipy import stats
from scipy.special import gammaln, kve, log_ndtr, ndtr

from experiments.information.density_types import Drawn, Known, Rng, rotation, standard, table


def _correlated(d: int, correlation: float) -> np.ndarray:
    """Columns i and j with correlation^|i - j|."""
    return correlation ** np.abs(np.subtract.outer(np.arange(d), np.arange(d)))


def _normal(z: np.ndarray, cov: np.ndarray) -> np.ndarray:
    factor = np.linalg.cholesky(cov)
    return standard(np.linalg.solve(factor, z.T).T) - np.log(np.diag(factor)).sum()


def copula(rng: Rng, n: int) -> Drawn:
    """Two Beta and two exponential columns, their normal scores correlated by 0.7, 0.49 and 0.34."""
    cov = _correlated(4, 0.7)
    z = rng.normal(size=(n, 4)) @ np.linalg.cholesky(cov).T
    margins = (stats.beta(2, 5), stats.beta(1.5, 1.5))
    bounded = np.stack([law.ppf(ndtr(z[:, j])) for j, law in enumerate(margins)], 1)
    waiting = -log_ndtr(-z[:, 2:])
    log_margins = sum(law.logpdf(bounded[:, j]) for j, law in enumerate(margins)) - waiting.sum(axis=1)
    return np.hstack([bounded, waiting]), _normal(z, cov) - standard(z) + log_margins


def edges(rng: Rng, n: int) -> Drawn:
    """Five independent columns that end at edges: a half normal, two truncated normals, two Beta; not turned."""
    a = rng.normal(size=n)
    cut = stats.truncnorm(-1, 0.5), stats.truncnorm(-0.3, 2)
    between = [law.rvs(n, random_state=rng) for law in cut]
    ends = stats.beta(1, 3), stats.beta(2, 1.2)
    shares = [law.rvs(n, random_state=rng) for law in ends]
    log_p = np.log(2) + standard(a[:, None]) + sum(law.logpdf(x) for law, x in zip(cut, between, strict=True))
    log_p = log_p + sum(law.logpdf(x) for law, x in zip(ends, shares, strict=True))
    return np.stack([np.abs(a), *between, *shares], 1), log_p


def turned_cube(rng: Rng, n: int) -> Drawn:
    """Uniform in a cube of side 1, turned, three columns."""
    return rng.random((n, 3)) @ rotation(3, 3).T, np.zeros(n)


def skew(rng: Rng, n: int) -> Drawn:
    """Skew-normal (Azzalini & Dalla Valle 1996), three columns of correlation 0.6; the last one's exponential."""
    cov, slant = _correlated(3, 0.6), np.array([4.0, -2.0, 1.0])
    z = rng.normal(size=(n, 3)) @ np.linalg.cholesky(cov).T
    z = np.where((rng.normal(size=n) < z @ slant)[:, None], z, -z)
    log_p = np.log(2) + _normal(z, cov) + log_ndtr(z @ slant) - z[:, 2]
    return np.hstack([z[:, :2], np.exp(z[:, 2:])]), log_p


def gamma_scaled(rng: Rng, n: int) -> Drawn:
    """Normal of four correlated columns, their variance drawn from an exponential law: a cusp at 0.

    ln p = ln 2 - (d/2) ln 2 pi - ln|C|/2 + (v/2) ln(q/2) + ln K_v(sqrt(2q)), v = 1 - d/2, q = x' C^-1 x
    (Kotz, Kozubowski & Podgorski 2001).
    """
    cov, d = _correlated(4, 0.5), 4
    normal = rng.normal(size=(n, d))
    variance = rng.exponential(size=(n, 1))
    square = variance[:, 0] * np.sum(normal**2, axis=1)
    order, root = 1 - d / 2, np.sqrt(2 * square)
    log_bessel = np.log(kve(order, root)) - root
    constant = np.log(2) - 0.5 * d * np.log(2 * np.pi) - 0.5 * np.linalg.slogdet(cov)[1]
    rows = np.sqrt(variance) * normal @ np.linalg.cholesky(cov).T
    return rows, constant + 0.5 * order * np.log(square / 2) + log_bessel


def swelling(rng: Rng, n: int) -> Drawn:
    """A pair (x, sin 3x + 0.3 exp(x) noise)."""
    x, e = rng.normal(size=(2, n, 1))
    width = 0.3 * np.exp(x)
    return np.hstack([x, np.sin(3 * x) + width * e]), standard(x) + standard(e) - np.log(width[:, 0])


def shares(rng: Rng, n: int) -> Drawn:
    """Three of the four shares of a Dirichlet law, with powers 2, 0, 1 and 1/2 at the faces."""
    powers = np.array([3.0, 1.0, 2.0, 1.5])
    x = rng.dirichlet(powers, size=n)
    constant = gammaln(powers.sum()) - gammaln(powers).sum()
    return x[:, :3], constant + np.log(x) @ (powers - 1)


def stretched_tails(rng: Rng, n: int) -> Drawn:
    """Student-t with four degrees of freedom in three dimensions, stretched by 1, 3 and 1/3 and turned."""
    d, f, stretch = 3, 4.0, np.array([1.0, 3.0, 1 / 3])
    x = rng.normal(size=(n, d)) / np.sqrt(rng.chisquare(f, size=(n, 1)) / f)
    constant = gammaln((f + d) / 2) - gammaln(f / 2) - 0.5 * d * np.log(f * np.pi) - np.log(stretch).sum()
    return (x * stretch) @ rotation(d, 4).T, constant - 0.5 * (f + d) * np.log1p(np.sum(x**2, axis=1) / f)


FAMILIES: dict[str, Known] = table(
    copula, edges, turned_cube, skew, gamma_scaled, swelling, shares, stretched_tails
)
