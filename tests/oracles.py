"""Independent answers in double precision: numpy and scipy only, nothing of thermodiff.

A one-dimensional law noised is described by (ln p, score, d score/dx) at x.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
from scipy.integrate import quad
from scipy.special import erfcx, expit, gammaln, log_ndtr, logsumexp, ndtr

LOG_ROOT_2PI = 0.5 * np.log(2 * np.pi)


def blurred_box(x: float, low: float, high: float, sigma: float) -> tuple[float, float, float]:
    """U(low, high) + sigma eps, by cumulants of eps truncated to the box, adaptive quadrature outside it."""
    a, b = (x - low) / sigma, (x - high) / sigma
    side, near, far = (1, b, a) if a + b >= 0 else (-1, -a, -b)
    if near < -1:
        mass = ndtr(-near) - ndtr(-far)
        log_mass = np.log1p(-ndtr(near) - ndtr(-far))
        at_near, at_far = np.exp(-0.5 * np.array([near, far]) ** 2 - LOG_ROOT_2PI)
        mean = at_near * -np.expm1(-0.5 * (far - near) * (far + near)) / mass
        less_than_one = (near * at_near - far * at_far) / mass - mean**2
    else:
        # eps = near + z with weight e^(-near z - z^2/2); e^-60 is the cut.
        end = min((high - low) / sigma, 120 / (near + np.sqrt(near**2 + 120)))
        m0, m1, m2 = (
            quad(
                lambda z, k=k: z**k * np.exp(-near * z - z * z / 2), 0, end, epsabs=0, epsrel=1e-12, limit=200
            )[0]
            for k in range(3)
        )
        log_mass = -0.5 * near**2 - LOG_ROOT_2PI + np.log(m0)
        mean, less_than_one = near + m1 / m0, m2 / m0 - (m1 / m0) ** 2 - 1
    return log_mass - np.log(high - low), -side * mean / sigma, less_than_one / sigma**2


def log_mills(v: float) -> float:
    """ln [P(eps > v)/phi(v)]."""
    return (
        np.log(np.sqrt(np.pi / 2) * erfcx(v / np.sqrt(2)))
        if v > -5
        else log_ndtr(-v) + v * v / 2 + LOG_ROOT_2PI
    )


def blurred_laplace(x: float, scale: float, sigma: float) -> tuple[float, float, float]:
    """Laplace(0, scale) + sigma eps from erfcx."""
    r, y = sigma / scale, abs(x) / sigma
    near, far = log_mills(r - y), log_mills(r + y)
    if r - y > -5:
        log_p = -0.5 * y**2 - LOG_ROOT_2PI + np.logaddexp(near, far)
    else:
        log_p = np.logaddexp(r * (0.5 * r - y) + log_ndtr(y - r), -0.5 * y**2 - LOG_ROOT_2PI + far)
    other, same = expit(far - near), expit(near - far)
    # d ln M/dv = v - 1/M
    excess = (np.exp(-near) - (r - y)) + (np.exp(-far) - (r + y))
    return (
        log_p - np.log(2 * scale),
        -np.sign(x) * (same - other) / scale,
        -2 * other * same * excess / (scale * sigma),
    )


def blurred_student(x: float, df: float, scale: float, sigma: float) -> float:
    """ln p of scale t_df + sigma eps in one dimension, the convolution itself by adaptive quadrature."""
    log_norm = gammaln(0.5 * (df + 1)) - gammaln(0.5 * df) - 0.5 * np.log(df * np.pi) - np.log(scale)

    def log_integrand(y: float) -> float:
        tail = -0.5 * (df + 1) * np.log1p((y / scale) ** 2 / df)
        return log_norm + tail - 0.5 * ((x - y) / sigma) ** 2 - LOG_ROOT_2PI - np.log(sigma)

    grid = np.unique(
        np.concatenate([x + sigma * np.linspace(-40, 40, 401), scale * np.linspace(-40, 40, 401)])
    )
    top = log_integrand(grid).max()
    marks = np.unique(np.append(grid[::16], grid[-1]))
    return top + np.log(line_integral(lambda y: np.exp(log_integrand(y) - top), marks))


def mixture_log_density(x: np.ndarray, weights, means, covs) -> np.ndarray:
    """ln sum_k w_k N(x; m_k, C_k) for x (n, d), by linear solves."""
    terms = []
    for w, m, c in zip(weights, np.asarray(means, float), np.asarray(covs, float), strict=True):
        apart = x - m
        square = np.einsum("ni,ni->n", apart, np.linalg.solve(c, apart.T).T)
        terms.append(np.log(w) - 0.5 * (square + np.linalg.slogdet(2 * np.pi * c)[1]))
    return logsumexp(terms, axis=0)


def blurred_curve(x: np.ndarray, path: Callable, breaks, variance: float) -> float:
    """ln int_0^1 N(x; path(u), variance I) du in the plane, adaptively; path maps u () to (2,)."""

    def square(u: float) -> float:
        return float(np.sum((x - path(u)) ** 2))

    marks = np.unique(np.concatenate([breaks, np.linspace(0, 1, 65)]))
    nearest = min(square(u) for u in np.linspace(0, 1, 2001))
    total = line_integral(lambda u: np.exp((nearest - square(u)) / (2 * variance)), marks)
    return np.log(total) - nearest / (2 * variance) - np.log(2 * np.pi * variance)


def blurred_board(x: np.ndarray, board: list[str], width: float, sigma: float) -> np.ndarray:
    """ln p at x (n, 2) of a board's filled squares ("#"), row by row from the lowest y, + sigma eps."""
    edges = width * (np.arange(len(board) + 1) / len(board) - 0.5)
    columns = []
    for a, b in itertools.pairwise(edges):
        # On the side of the square where Phi does not round to 1.
        side = np.where(2 * x > a + b, -1, 1) / sigma
        columns.append(np.abs(ndtr(side * (x - a)) - ndtr(side * (x - b))))
    columns = np.array(columns)
    squares = [(i, j) for j, row in enumerate(board) for i, square in enumerate(row) if square == "#"]
    area = (width / len(board)) ** 2
    return np.log(sum(columns[i, :, 0] * columns[j, :, 1] for i, j in squares) / (len(squares) * area))


def derivatives(f: Callable, x: np.ndarray, step: float) -> tuple[np.ndarray, float]:
    """Gradient and Laplacian of f at x (d,) by central differences of fourth order; f maps (n, d) to (n,)."""
    d = len(x)
    shifts = step * np.arange(-2, 3)[:, None, None] * np.eye(d)
    values = f((x + shifts).reshape(-1, d)).reshape(5, d)
    gradient = np.array([1, -8, 0, 8, -1]) @ values / (12 * step)
    return gradient, float(np.sum(np.array([-1, 16, -30, 16, -1]) @ values) / (12 * step**2))


def line_integral(f: Callable, points) -> float:
    """int f between the first and the last of increasing ``points``, adaptively on each interval."""
    return sum(quad(f, a, b, epsabs=1e-13, epsrel=1e-11, limit=400)[0] for a, b in itertools.pairwise(points))


def plane_integral(f: Callable, x_marks, y_marks, n: int = 40) -> float:
    """int f over a rectangle, n Gauss-Legendre nodes between consecutive marks; f maps (m, 2) to (m,)."""
    nodes, weights = np.polynomial.legendre.leggauss(n)

    def axis(marks):
        low, size = np.asarray(marks[:-1])[:, None], np.diff(marks)[:, None]
        return (low + 0.5 * size * (1 + nodes)).ravel(), (0.5 * size * weights).ravel()

    (x, wx), (y, wy) = axis(x_marks), axis(y_marks)
    grid = np.stack(np.meshgrid(x, y, indexing="ij"), axis=-1)
    return float(wx @ f(grid.reshape(-1, 2)).reshape(len(x), len(y)) @ wy)
