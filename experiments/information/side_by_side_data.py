"""What estimators are run on side by side: samples of known information or entropy, by kind and dimension.

Continuous ones are of ``known_answers``. A class c of probability w_c beside columns x has
    I(x; c) = S(x) - sum_c w_c S(x | c),
for normal x by quadrature, and for x uniform on [c, c + 2], c one of m, ln m - (m - 1) ln(2)/m (Gao et al., 2017).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import integrate, stats

from experiments.information.known_answers import FAMILIES, TASKS, Rng

INFORMATION, CLASSES, ENTROPY = "mutual information", "information on classes", "entropy"
"""What is asked: of x and y, of x and a class, of x."""


class DataSet(NamedTuple):
    """arrays = sample(rng, n), the arguments of the question ``asked``, whose answer is ``truth`` nats."""

    asked: str
    kind: str
    columns: str
    sample: Callable[[Rng, int], tuple[np.ndarray, ...]]
    truth: float


def _task(name: str, kind: str) -> DataSet:
    task = TASKS[name]
    x, y = task.sample(np.random.default_rng(0), 1)
    return DataSet(INFORMATION, kind, f"{x.shape[1]} + {y.shape[1]}", task.sample, task.truth)


def _family(name: str, dim: int, kind: str) -> DataSet:
    family = FAMILIES[name]
    return DataSet(ENTROPY, kind, f"{dim}", lambda rng, n: (family.sample(rng, n, dim),), family.entropy(dim))


def normal_classes_information(
    weights: tuple[float, ...], means: tuple[float, ...], widths: tuple[float, ...]
) -> float:
    """I(x; c) of x ~ N(m_c, s_c^2), nats, by Simpson's rule over twelve widths on each side."""
    m, s = np.array(means), np.array(widths)
    x = np.linspace(np.min(m - 12 * s), np.max(m + 12 * s), 20_001)
    density = stats.norm.pdf(x[:, None], m, s) @ np.array(weights)
    entropy = integrate.simpson(-density * np.log(np.maximum(density, 1e-300)), x=x)
    return float(entropy - np.array(weights) @ (0.5 * np.log(2 * np.pi * np.e) + np.log(s)))


WEIGHTS, MEANS, WIDTHS = (0.2, 0.5, 0.3), (0.0, 2.0, 3.0), (1.0, 0.5, 2.0)
SHIFT = 0.8
"""Between the two classes in each of five columns."""
STEPS = 5


def _three_normal(rng: Rng, n: int) -> tuple[np.ndarray, np.ndarray]:
    c = rng.choice(3, n, p=WEIGHTS)
    return (np.array(MEANS)[c] + np.array(WIDTHS)[c] * rng.normal(size=n))[:, None], c


def _two_normal(rng: Rng, n: int) -> tuple[np.ndarray, np.ndarray]:
    c = rng.integers(2, size=n)
    return SHIFT * c[:, None] + rng.normal(size=(n, 5)), c


def _steps(rng: Rng, n: int) -> tuple[np.ndarray, np.ndarray]:
    c = rng.integers(STEPS, size=n)
    return (c + rng.uniform(0, 2, size=n))[:, None], c


DATA: dict[str, DataSet] = {
    **{name: _task(name, "linear") for name in ("normal-1-1", "dense-5-5", "dense-25-25")},
    **{name: _task(name, "bent margins") for name in ("half_cube-normal-1-1", "half_cube-sparse-5-5")},
    **{name: _task(name, "heavy tails") for name in ("student-1-1-df1", "student-3-3-df2", "student-5-5-df2")},
    **{name: _task(name, "spirals") for name in ("spiral-sparse-3-3", "spiral-sparse-5-5")},
    "classes-normal-1": DataSet(
        CLASSES, "three normal classes", "1 + class", _three_normal,
        normal_classes_information(WEIGHTS, MEANS, WIDTHS),
    ),
    "classes-normal-5": DataSet(
        CLASSES, "two normal classes", "5 + class", _two_normal,
        normal_classes_information((0.5, 0.5), (0.0, SHIFT * np.sqrt(5)), (1.0, 1.0)),
    ),
    "classes-steps-1": DataSet(
        CLASSES, "five overlapping steps", "1 + class", _steps,
        float(np.log(STEPS) - (STEPS - 1) * np.log(2) / STEPS),
    ),
    "autoregressive-2": _family("autoregressive", 2, "linear"),
    "autoregressive-10": _family("autoregressive", 10, "linear"),
    "uniform-2": _family("uniform", 2, "edges"),
    "uniform-10": _family("uniform", 10, "edges"),
    "ring-2": _family("ring", 2, "eight modes"),
    "student-2": _family("student", 2, "heavy tails"),
    "student-5": _family("student", 5, "heavy tails"),
}  # fmt: skip
"""By name."""
