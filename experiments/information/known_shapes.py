"""Calibration families along thin or divided shapes; ln p in closed form, or a sum that is exact to rounding."""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp

from experiments.information.density_types import Drawn, Known, Rng, standard, table


def _half_moon(x: np.ndarray) -> np.ndarray:
    """ln p where the angle is uniform in (0, pi) and the radius 1 +- 0.1 (a negative one has probability 1e-23)."""
    radius, angle = np.hypot(*x.T), np.arctan2(x[:, 1], x[:, 0])
    log_radius = standard((radius[:, None] - 1) / 0.1) - np.log(0.1)
    return np.where(angle > 0, log_radius - np.log(np.pi * radius), -np.inf)


def half_moons(rng: Rng, n: int) -> Drawn:
    """Two interlocked half rings of weights 0.6 and 0.4, the second one turned by half a turn and moved."""
    angle, radius = rng.uniform(0, np.pi, size=n), 1 + 0.1 * rng.normal(size=n)
    x, moved = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1), np.array([1.0, 0.4])
    x = np.where(rng.random((n, 1)) < 0.6, x, moved - x)
    return x, np.logaddexp(np.log(0.6) + _half_moon(x), np.log(0.4) + _half_moon(moved - x))


def helix(rng: Rng, n: int) -> Drawn:
    """Two turns, radius 1 +- 0.1, height angle/4 +- 0.2; every turn that could have given the row is summed."""
    angle, radius = rng.uniform(0, 4 * np.pi, size=n), 1 + 0.1 * rng.normal(size=n)
    height = angle / 4 + 0.2 * rng.normal(size=n)
    turns = angle[:, None] % (2 * np.pi) + 2 * np.pi * np.arange(2)
    square = (radius[:, None] - 1) ** 2 / 0.1**2 + (height[:, None] - turns / 4) ** 2 / 0.2**2
    constant = np.log(2 * np.pi * 0.1 * 0.2) + np.log(4 * np.pi) + np.log(radius)
    rows = np.stack([radius * np.cos(angle), radius * np.sin(angle), height], 1)
    return rows, logsumexp(-0.5 * square, axis=1) - constant


def lattice(rng: Rng, n: int) -> Drawn:
    """Nine Gaussians at the points of a lattice, of unequal weights, lengths, widths and directions."""
    law = np.random.default_rng(9)
    weights, turn = law.dirichlet(3 * np.ones(9)), law.uniform(0, np.pi, size=9)
    widths = law.uniform(0.1, 0.4, size=(9, 2))
    centres = np.stack(np.divmod(np.arange(9), 3), 1).astype(float)
    axes = np.moveaxis(np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]), -1, 0)
    which = rng.choice(9, size=n, p=weights)
    x = centres[which] + np.einsum("nk,nkj->nj", widths[which] * rng.normal(size=(n, 2)), axes[which])
    scaled = np.einsum("nmj,mkj->nmk", x[:, None] - centres, axes) / widths
    log_parts = -0.5 * np.sum(scaled**2, axis=-1) - np.log(2 * np.pi * widths.prod(axis=1))
    return x, logsumexp(log_parts + np.log(weights), axis=1)


def hole(rng: Rng, n: int) -> Drawn:
    """A Gaussian strip, widths 2 and 0.5, times 1 - exp(-|x|^2/2 s^2) with s = 0.4, drawn by rejection.

    The factor keeps 1 - prod_j s/sqrt(s^2 + width_j^2) of the strip.
    """
    widths, s = np.array([2.0, 0.5]), 0.4
    kept = 1 - np.prod(s / np.sqrt(s**2 + widths**2))
    e = np.empty((0, 2))
    while len(e) < n:
        new = rng.normal(size=(n, 2))
        e = np.vstack([e, new[rng.random(n) < -np.expm1(-0.5 * np.sum((widths * new) ** 2, axis=1) / s**2)]])
    x = widths * e[:n]
    through = np.log(-np.expm1(-0.5 * np.sum(x**2, axis=1) / s**2))
    return x, standard(e[:n]) - np.log(widths).sum() + through - np.log(kept)


def arm(rng: Rng, n: int) -> Drawn:
    """Where the joints of an arm of three links are: lengths 1 +- 0.1, each link turned by up to 1 from the last."""
    length, turn = 1 + 0.1 * rng.normal(size=(n, 3)), rng.uniform(-1, 1, size=(n, 3))
    angle = np.cumsum(turn, axis=1)
    links = length[..., None] * np.stack([np.cos(angle), np.sin(angle)], -1)
    log_p = (
        standard((length - 1) / 0.1) - 3 * np.log(0.1) - 3 * np.log(2) - np.log(np.abs(length)).sum(axis=1)
    )
    return np.cumsum(links, axis=1).reshape(n, 6), log_p


def closed_curve(rng: Rng, n: int) -> Drawn:
    """(cos k a, sin k a), k = 1, 2, 3, at a uniform angle a, plus noise of 0.2 in the six columns.

    p is a mean over a by the trapezium rule, whose error on 256 nodes is below e^-90 for a noise this wide.
    """
    nodes, noise = 2 * np.pi * np.arange(256) / 256, 0.2
    x = _harmonics(rng.uniform(0, 2 * np.pi, size=n)) + noise * rng.normal(size=(n, 6))
    curve = _harmonics(nodes)
    square = np.sum(x**2, axis=1)[:, None] - 2 * x @ curve.T + 3
    return x, logsumexp(-0.5 * square / noise**2, axis=1) - np.log(256) - 3 * np.log(2 * np.pi * noise**2)


def _harmonics(angle: np.ndarray) -> np.ndarray:
    """(cos a, sin a, cos 2a, sin 2a, cos 3a, sin 3a) (n, 6), of square norm 3."""
    return np.stack([f(k * angle) for k in (1, 2, 3) for f in (np.cos, np.sin)], 1)


FAMILIES: dict[str, Known] = table(half_moons, helix, lattice, hole, arm, closed_curve)
