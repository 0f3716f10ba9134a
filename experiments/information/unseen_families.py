"""Families that nobody may tune on: chains of squares, cascades, products and ratios, spikes, Cauchy margins, parity.

A family is a function (rng, n) -> rows (n, d), ln p (n,), as in ``known_densities``, by name and number of columns;
``entropy`` is exact, in closed form or for the spikes by quadrature. No setting, constant or choice of method of the
package may come from an error on these families: ``unseen`` reports what the library's own setting does on them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import integrate, stats
from scipy.special import digamma, gammaln

from experiments.information.density_types import Drawn, Known, Rng, standard

NORMAL = float(0.5 * np.log(2 * np.pi * np.e))
"""Entropy of a standard normal variable."""


class Family(NamedTuple):
    """Rows with ln p, and the entropy, nats."""

    draw: Known
    entropy: float


def squares(d: int, linear: float, square: float, bend: float, noise: float) -> Family:
    """x_{i+1} = linear x_i + square x_i^2/(1 + bend x_i^2) + noise e_i, from a normal x_1."""

    def draw(rng: Rng, n: int) -> Drawn:
        e = rng.normal(size=(n, d))
        x = e.copy()
        for i in range(d - 1):
            x[:, i + 1] = (
                linear * x[:, i] + square * x[:, i] ** 2 / (1 + bend * x[:, i] ** 2) + noise * e[:, i + 1]
            )
        return x, standard(e) - (d - 1) * np.log(noise)

    return Family(draw, d * NORMAL + (d - 1) * np.log(noise))


def cascade(d: int, square: float, noise: float) -> Family:
    """x_{i+1} = square x_i^2 + noise e_i from a normal x_1, so that the tail of x_d is that of a 2^(d-1)th power."""
    return squares(d, 0.0, square, 0.0, noise)


def products(factors: int, noise: float) -> Family:
    """Normal factors, and after them the product of every two plus noise: 3 columns of 2 factors, 6 of 3."""
    first, second = np.triu_indices(factors, 1)

    def draw(rng: Rng, n: int) -> Drawn:
        x, e = rng.normal(size=(n, factors)), rng.normal(size=(n, len(first)))
        return np.hstack([x, x[:, first] * x[:, second] + noise * e]), (
            standard(x) + standard(e) - len(first) * np.log(noise)
        )

    return Family(draw, (factors + len(first)) * NORMAL + len(first) * np.log(noise))


def noisy_ratio(spread: float, noise: float) -> Family:
    """x normal, y log-normal, and x/y plus noise."""

    def draw(rng: Rng, n: int) -> Drawn:
        e = rng.normal(size=(n, 3))
        y = np.exp(spread * e[:, 1])
        rows = np.stack([e[:, 0], y, e[:, 0] / y + noise * e[:, 2]], 1)
        return rows, standard(e) - np.log(spread * noise * y)

    return Family(draw, 3 * NORMAL + np.log(spread * noise))


def common_divisor(numerators: int, shape: float) -> Family:
    """x_j/y for normal x_j, and the y, of a gamma law, that divides them all."""

    def draw(rng: Rng, n: int) -> Drawn:
        x, y = rng.normal(size=(n, numerators)), rng.gamma(shape, size=n)
        log_p = standard(x) + numerators * np.log(y) + (shape - 1) * np.log(y) - y - gammaln(shape)
        return np.column_stack([x / y[:, None], y]), log_p

    divisor = shape + gammaln(shape) + (1 - shape) * digamma(shape)
    return Family(draw, numerators * (NORMAL - digamma(shape)) + float(divisor))


def spike(d: int, width: float, weight: float) -> Family:
    """A round Gaussian of width 1, and at its centre one of ``width`` with ``weight`` of the rows."""
    weights, widths = np.array([1 - weight, weight]), np.array([1.0, width])

    def log_density(square: np.ndarray) -> np.ndarray:
        """ln p where |x|^2 = ``square``."""
        parts = np.log(weights) - d * np.log(widths * np.sqrt(2 * np.pi))
        return np.logaddexp(*(part - 0.5 * square / w**2 for part, w in zip(parts, widths, strict=True)))

    def draw(rng: Rng, n: int) -> Drawn:
        x = np.where(rng.random(n) < weight, width, 1.0)[:, None] * rng.normal(size=(n, d))
        return x, log_density(np.sum(x**2, axis=1))

    def at(u: float) -> float:
        """-ln p times the density of u = ln |x|."""
        log_p = log_density(np.exp(2 * u))
        log_sphere = np.log(2) + 0.5 * d * np.log(np.pi) - gammaln(d / 2)
        return -log_p * np.exp(log_p + log_sphere + d * u)

    ends = np.log(width) - 20, np.log(12)
    found = integrate.quad(
        at, *ends, points=np.log(np.array([width, 5 * width, 1.0])), epsabs=1e-11, limit=500
    )
    return Family(draw, float(found[0]))


def cauchy(d: int, freedom: float, correlation: float) -> Family:
    """Cauchy columns that are joined by the copula of a Student-t of ``freedom``, every two with the correlation.

    ln p = ln t_d(z) - sum_j ln t_1(z_j) + sum_j ln Cauchy(x_j), z_j the quantile of the t law at the level of x_j.
    """
    cov = correlation * np.ones((d, d)) + (1 - correlation) * np.eye(d)
    joint, margin = stats.multivariate_t(np.zeros(d), cov, df=freedom), stats.t(freedom)

    def draw(rng: Rng, n: int) -> Drawn:
        z = rng.normal(size=(n, d)) @ np.linalg.cholesky(cov).T
        z /= np.sqrt(rng.chisquare(freedom, size=(n, 1)) / freedom)
        x = np.sign(z) / np.tan(np.pi * margin.sf(np.abs(z)))
        log_margins = margin.logpdf(z) - stats.cauchy.logpdf(x)
        return x, joint.logpdf(z) - log_margins.sum(axis=1)

    return Family(draw, float(joint.entropy() + d * (stats.cauchy.entropy() - margin.entropy())))


def parity(d: int) -> Family:
    """Normal columns whose product is positive; any d - 1 of them are independent."""

    def draw(rng: Rng, n: int) -> Drawn:
        x = rng.normal(size=(n, d))
        x[:, -1] = np.abs(x[:, -1]) * np.sign(np.prod(x[:, :-1], axis=1))
        return x, np.log(2) + standard(x)

    return Family(draw, d * NORMAL - np.log(2))


def volatility(d: int, depth: float) -> Family:
    """x_{i+1} = exp(depth tanh x_i) e_i from a normal x_1; all x_i are symmetric, so that E ln width = 0."""

    def draw(rng: Rng, n: int) -> Drawn:
        e = rng.normal(size=(n, d))
        x, log_width = e.copy(), np.zeros((n, d))
        for i in range(1, d):
            log_width[:, i] = depth * np.tanh(x[:, i - 1])
            x[:, i] = np.exp(log_width[:, i]) * e[:, i]
        return x, standard(e) - log_width.sum(axis=1)

    return Family(draw, d * NORMAL)


_TABLE: dict[str, Family] = {
    "squares-4": squares(4, 0.6, 0.3, 0.0, 0.5),
    "squares-10": squares(10, 0.5, 0.4, 0.1, 0.5),
    "cascade-3": cascade(3, 0.6, 0.3),
    "cascade-5": cascade(5, 0.35, 0.3),
    "product-3": products(2, 0.2),
    "product-6": products(3, 0.2),
    "ratio-3": noisy_ratio(0.7, 0.1),
    "ratio-4": common_divisor(3, 2.0),
    "spike-2": spike(2, 0.01, 0.3),
    "spike-5": spike(5, 0.01, 0.3),
    "cauchy-2": cauchy(2, 2.0, 0.6),
    "cauchy-4": cauchy(4, 2.0, 0.6),
    "parity-3": parity(3),
    "volatility-4": volatility(4, 1.5),
    "volatility-8": volatility(8, 1.5),
}
FAMILIES: dict[str, Known] = {name: family.draw for name, family in _TABLE.items()}


def entropy(name: str) -> float:
    """S(p) of a family, nats, exact."""
    return float(_TABLE[name].entropy)
