"""Samples with their exact log densities, unlike those of the other experiments on information; numpy and scipy only.

The calibration families, on which settings may be chosen: edges at angles, corners, clusters, curves, scales that
depend on a neighbour, long tails, holes and shells here, columns with margins of their own in ``known_columns`` and
thin or divided shapes in ``known_shapes``. Those of ``known_answers`` and ``unseen_families`` must not come here.
"""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln, logsumexp

from experiments.information import known_columns, known_shapes
from experiments.information.density_types import Drawn, Known, Rng, rotation, standard, table


def simplex(rng: Rng, n: int) -> Drawn:
    """Uniform where x_j > 0 and sum_j x_j < 1, four columns."""
    return rng.dirichlet(np.ones(5), size=n)[:, :4], np.full(n, gammaln(5))


def exponential(rng: Rng, n: int) -> Drawn:
    """Six exponential variables, turned: a corner and edges at angles."""
    e = rng.exponential(size=(n, 6))
    return e @ rotation(6, 1).T, -e.sum(axis=1)


def clusters(rng: Rng, n: int) -> Drawn:
    """Five round Gaussians of unequal size and weight in eight dimensions."""
    d, weights = 8, np.array([0.4, 0.25, 0.2, 0.1, 0.05])
    means, widths = 2 * np.random.default_rng(5).normal(size=(5, d)), np.array([0.5, 0.3, 1.0, 0.7, 0.4])
    which = rng.choice(5, size=n, p=weights)
    x = means[which] + widths[which, None] * rng.normal(size=(n, d))
    square = np.sum((x[:, None] - means) ** 2, axis=-1)
    log_parts = np.log(weights) - 0.5 * square / widths**2 - d * np.log(widths * np.sqrt(2 * np.pi))
    return x, logsumexp(log_parts, axis=1)


def sine(rng: Rng, n: int) -> Drawn:
    """Three pairs (x, sin 2x + 0.1 noise), turned."""
    x, e = rng.normal(size=(2, n, 3))
    rows = np.hstack([x, np.sin(2 * x) + 0.1 * e]) @ rotation(6, 2).T
    return rows, standard(x) + standard(e) - 3 * np.log(0.1)


def scales(rng: Rng, n: int) -> Drawn:
    """Four pairs (x, (0.1 + |x|) noise)."""
    x, e = rng.normal(size=(2, n, 4))
    width = 0.1 + np.abs(x)
    return np.hstack([x, width * e]), standard(x) + standard(e) - np.log(width).sum(axis=1)


def long_tails(rng: Rng, n: int) -> Drawn:
    """Student-t with five degrees of freedom in eight dimensions."""
    d, f = 8, 5.0
    x = rng.normal(size=(n, d)) / np.sqrt(rng.chisquare(f, size=(n, 1)) / f)
    constant = gammaln((f + d) / 2) - gammaln(f / 2) - 0.5 * d * np.log(f * np.pi)
    return x, constant - 0.5 * (f + d) * np.log1p(np.sum(x**2, axis=1) / f)


def annulus(rng: Rng, n: int) -> Drawn:
    """Uniform between circles of radius 1 and 2."""
    radius, angle = np.sqrt(rng.uniform(1, 4, size=n)), rng.uniform(0, 2 * np.pi, size=n)
    return radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1), np.full(n, -np.log(3 * np.pi))


def checkers(rng: Rng, n: int) -> Drawn:
    """Uniform on eight of sixteen squares."""
    square = rng.integers(8, size=n)
    column = square // 2
    corner = np.stack([column, 2 * (square % 2) + column % 2], 1)
    return corner + rng.random((n, 2)), np.full(n, -np.log(8.0))


def shell(rng: Rng, n: int) -> Drawn:
    """Radius 3 +- 0.2 in ten dimensions."""
    d, noise = 10, rng.normal(size=n)
    radius, direction = 3 + 0.2 * noise, rng.normal(size=(n, d))
    direction /= np.linalg.norm(direction, axis=1)[:, None]
    log_area = np.log(2) + 0.5 * d * np.log(np.pi) - gammaln(d / 2) + (d - 1) * np.log(np.abs(radius))
    return radius[:, None] * direction, standard(noise[:, None]) - np.log(0.2) - log_area


FAMILIES: dict[str, Known] = {
    **table(simplex, exponential, clusters, sine, scales, long_tails, annulus, checkers, shell),
    **known_columns.FAMILIES,
    **known_shapes.FAMILIES,
}
