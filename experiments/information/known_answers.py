"""Samples whose entropy or mutual information is known, for the experiments on estimators; numpy and scipy only.

A family is a function (rng, n, dim) -> rows, with its entropy a function of dim; a task is a function (rng, n) -> x, y
with a number. The mutual-information families are those of Czyz et al., NeurIPS 2023, written anew: x and y normal
(``dense``: every pair of coordinates has correlation 1/2; ``sparse``: only the first two of x with the first two of y,
4/5) or Student-t with unit dispersion, each then mapped by an invertible function of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import integrate
from scipy.special import digamma, gammaln, logsumexp, ndtr

Rng = np.random.Generator
LOG_2_PI_E = float(np.log(2 * np.pi * np.e))


# --- entropy --------------------------------------------------------------------------------------


class Family(NamedTuple):
    """rows = sample(rng, n, dim), whose differential entropy is entropy(dim) nats."""

    sample: Callable[[Rng, int, int], np.ndarray]
    entropy: Callable[[int], float]


AR = 0.9
"""Correlation of neighbours in the autoregressive Gaussian; its coordinates have unit variance."""
CURVE_NOISE = 0.2
RING_RADIUS, RING_WIDTH, RING_MODES = 4.0, 0.5, 8
FREEDOM = 3.0


def _autoregressive(rng: Rng, n: int, dim: int) -> np.ndarray:
    x = rng.normal(size=(n, dim))
    for j in range(1, dim):
        x[:, j] = AR * x[:, j - 1] + np.sqrt(1 - AR**2) * x[:, j]
    return x


def _ring(rng: Rng, n: int, dim: int) -> np.ndarray:
    angle = 2 * np.pi * rng.integers(RING_MODES, size=n) / RING_MODES
    return RING_RADIUS * np.stack([np.cos(angle), np.sin(angle)], 1) + RING_WIDTH * rng.normal(size=(n, 2))


def ring_entropy(dim: int = 2) -> float:
    """-int p ln p by Simpson's rule on a square that leaves out less than 1e-12 of the ring."""
    axis = np.linspace(-8.0, 8.0, 801)
    x = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1)
    angle = 2 * np.pi * np.arange(RING_MODES) / RING_MODES
    centres = RING_RADIUS * np.stack([np.cos(angle), np.sin(angle)], 1)
    distance = np.sum((x[..., None, :] - centres) ** 2, axis=-1)
    log_p = logsumexp(-0.5 * distance / RING_WIDTH**2, axis=-1) - np.log(
        2 * np.pi * RING_WIDTH**2 * RING_MODES
    )
    inner = integrate.simpson(-np.exp(log_p) * log_p, x=axis, axis=1)
    return float(integrate.simpson(inner, x=axis))


def _student(rng: Rng, n: int, dim: int) -> np.ndarray:
    return rng.normal(size=(n, dim)) / np.sqrt(rng.chisquare(FREEDOM, size=(n, 1)) / FREEDOM)


def student_entropy(dim: int, freedom: float = FREEDOM) -> float:
    """Of the multivariate Student-t with unit dispersion, nats."""
    half = 0.5 * (freedom + dim)
    constant = gammaln(0.5 * freedom) - gammaln(half) + 0.5 * dim * np.log(freedom * np.pi)
    return float(constant + half * (digamma(half) - digamma(0.5 * freedom)))


def _curve(rng: Rng, n: int, k: int) -> np.ndarray:
    x = rng.normal(size=(n, k))
    return np.hstack([x, x**2 + CURVE_NOISE * rng.normal(size=(n, k))])


FAMILIES: dict[str, Family] = {
    "gaussian": Family(lambda rng, n, d: rng.normal(size=(n, d)), lambda d: 0.5 * d * LOG_2_PI_E),
    "autoregressive": Family(
        _autoregressive, lambda d: 0.5 * d * LOG_2_PI_E + 0.5 * (d - 1) * np.log(1 - AR**2)
    ),
    "uniform": Family(lambda rng, n, d: rng.random((n, d)), lambda d: 0.0),
    "ring": Family(_ring, ring_entropy),
    "student": Family(_student, student_entropy),
    "laplace": Family(lambda rng, n, d: rng.laplace(size=(n, d)), lambda d: d * (1 + np.log(2.0))),
    "curve": Family(_curve, lambda k: k * (LOG_2_PI_E + np.log(CURVE_NOISE))),
}
"""By name. ``dim`` is the number of columns, and for ``curve`` (y = x^2 + 0.2 noise) half of it."""


# --- mutual information ---------------------------------------------------------------------------


class Task(NamedTuple):
    """x, y = sample(rng, n), whose mutual information is ``truth`` nats."""

    sample: Callable[[Rng, int], tuple[np.ndarray, np.ndarray]]
    truth: float


DENSE, SPARSE, SINGLE = 0.5, 0.8, 0.75


def _normal_task(a: int, b: int, cov: np.ndarray) -> Task:
    factor = np.linalg.cholesky(cov)

    def sample(rng: Rng, n: int) -> tuple[np.ndarray, np.ndarray]:
        z = rng.normal(size=(n, a + b)) @ factor.T
        return z[:, :a], z[:, a:]

    blocks = (cov[:a, :a], cov[a:, a:], cov)
    first, second, both = (np.linalg.slogdet(block)[1] for block in blocks)
    return Task(sample, float(0.5 * (first + second - both)))


def _dense(d: int) -> Task:
    return _normal_task(d, d, DENSE * np.ones((2 * d, 2 * d)) + (1 - DENSE) * np.eye(2 * d))


def _sparse(d: int) -> Task:
    cov = np.eye(2 * d)
    for j in range(2):
        cov[j, d + j] = cov[d + j, j] = SPARSE
    return _normal_task(d, d, cov)


def _student_task(d: int, freedom: float) -> Task:
    def sample(rng: Rng, n: int) -> tuple[np.ndarray, np.ndarray]:
        z = rng.normal(size=(n, 2 * d)) / np.sqrt(rng.chisquare(freedom, size=(n, 1)) / freedom)
        return z[:, :d], z[:, d:]

    return Task(sample, 2 * student_entropy(d, freedom) - student_entropy(2 * d, freedom))


def half_cube(x: np.ndarray) -> np.ndarray:
    """sign(x) |x|^(3/2), coordinate by coordinate."""
    return np.sign(x) * np.abs(x) ** 1.5


def wiggly(x: np.ndarray) -> np.ndarray:
    """x + 0.4 sin x + 0.2 sin(1.7 x + 1) + 0.03 sin(3.3 x - 2.5): slopes between 0.16 and 1.84."""
    return x + 0.4 * np.sin(x) + 0.2 * np.sin(1.7 * x + 1) + 0.03 * np.sin(3.3 * x - 2.5)


SPIRAL_SPEED = 1 / 3


def spiral(x: np.ndarray, plane: int = 0) -> np.ndarray:
    """Coordinates ``plane`` and the next one turned by |x|^2/3 radians: volumes and norms stay as they are."""
    angle = SPIRAL_SPEED * np.sum(x**2, axis=1)
    c, s = np.cos(angle), np.sin(angle)
    turned = x.copy()
    turned[:, plane] = c * x[:, plane] - s * x[:, plane + 1]
    turned[:, plane + 1] = s * x[:, plane] + c * x[:, plane + 1]
    return turned


def _mapped(task: Task, of_x: Callable, of_y: Callable | None = None) -> Task:
    def sample(rng: Rng, n: int) -> tuple[np.ndarray, np.ndarray]:
        x, y = task.sample(rng, n)
        return of_x(x), (of_y or of_x)(y)

    return Task(sample, task.truth)


def _spiralled(task: Task) -> Task:
    """x turned in its first plane, y in its second, so that the two do not undo each other."""
    return _mapped(task, spiral, lambda y: spiral(y, 1))


def _single() -> Task:
    return _normal_task(1, 1, np.array([[1.0, SINGLE], [SINGLE, 1.0]]))


TASKS: dict[str, Task] = {
    "normal-1-1": _single(),
    **{f"dense-{d}-{d}": _dense(d) for d in (5, 25, 50)},
    **{f"sparse-{d}-{d}": _sparse(d) for d in (5, 25)},
    "student-1-1-df1": _student_task(1, 1.0),
    **{f"student-{d}-{d}-df{f}": _student_task(d, float(f)) for d, f in ((2, 1), (2, 2), (3, 2), (3, 3), (5, 2))},
    "half_cube-normal-1-1": _mapped(_single(), half_cube),
    "wiggly-normal-1-1": _mapped(_single(), wiggly),
    **{f"half_cube-sparse-{d}-{d}": _mapped(_sparse(d), half_cube) for d in (5, 25)},
    **{f"normal_cdf-sparse-{d}-{d}": _mapped(_sparse(d), ndtr) for d in (5, 25)},
    **{f"asinh-student-{d}-{d}-df2": _mapped(_student_task(d, 2.0), np.arcsinh) for d in (3, 5)},
    **{f"spiral-sparse-{d}-{d}": _spiralled(_sparse(d)) for d in (3, 5, 25)},
    "spiral-normal_cdf-sparse-5-5": _spiralled(_mapped(_sparse(5), ndtr)),
}  # fmt: skip
"""Our own generators, by name and the dimensions of x and y."""


def stored_tasks(folder: Path) -> dict[str, Task]:
    """The tasks of a folder with ``truth.csv`` (task, dim_x, dim_y, nats) and an .npz (x, y) for each; seeds draw rows.

    Asked for as many rows as are stored, or more, ``sample`` gives all of them.
    """
    lines = [line.split(",") for line in (folder / "truth.csv").read_text().splitlines()[1:] if line.strip()]
    return {line[0]: Task(_stored(folder / f"{line[0]}.npz"), float(line[3])) for line in lines}


def _stored(path: Path) -> Callable[[Rng, int], tuple[np.ndarray, np.ndarray]]:
    def sample(rng: Rng, n: int) -> tuple[np.ndarray, np.ndarray]:
        with np.load(path) as arrays:
            x, y = (np.asarray(arrays[name], dtype=np.float64) for name in ("x", "y"))
        chosen = np.sort(rng.permutation(len(x))[:n])
        return x[chosen], y[chosen]

    return sample
