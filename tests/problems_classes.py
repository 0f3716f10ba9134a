"""Classes with a column of numbers whose mutual information is known by quadrature, with nothing of the package."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Labelled(NamedTuple):
    """x ~ N(m_c, s_c^2) for class c of probability w_c; the class is drawn anew, evenly, with probability ``noise``."""

    means: tuple[float, ...]
    widths: tuple[float, ...]
    weights: tuple[float, ...]
    noise: float = 0.0

    def draw(self, seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
        """x (n, 1) and the class seen (n,)."""
        rng = np.random.default_rng(seed)
        k = len(self.weights)
        true = rng.choice(k, n, p=self.weights)
        x = np.array(self.means)[true] + np.array(self.widths)[true] * rng.normal(size=n)
        anew = rng.random(n) < self.noise
        return x[:, None], np.where(anew, rng.choice(k, n), true)

    def information(self) -> float:
        """sum_c int p(x, c) ln p(x, c)/(p(x) p(c)) dx, nats, on a fine grid."""
        x = np.linspace(-30, 50, 200_001)
        m, s = np.array(self.means)[:, None], np.array(self.widths)[:, None]
        density = np.exp(-0.5 * ((x - m) / s) ** 2) / (s * np.sqrt(2 * np.pi))
        k = len(self.weights)
        seen = np.full((k, k), self.noise / k) + (1 - self.noise) * np.eye(k)
        joint = (seen * np.array(self.weights)) @ density
        apart = joint.sum(axis=0) * (seen @ np.array(self.weights))[:, None]
        ratio = np.log(np.maximum(joint, 1e-300) / np.maximum(apart, 1e-300))
        return float(np.sum(joint * ratio) * (x[1] - x[0]))


LABELLED = {
    "two": Labelled((0.0, 2.0), (1.0, 1.0), (0.5, 0.5)),
    "three": Labelled((0.0, 2.0, 3.0), (1.0, 0.5, 2.0), (0.2, 0.5, 0.3)),
    "noisy": Labelled((0.0, 2.0), (1.0, 1.0), (0.5, 0.5), 0.3),
    "independent": Labelled((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (0.2, 0.5, 0.3)),
    "far apart": Labelled((0.0, 20.0), (1.0, 1.0), (0.5, 0.5)),
    "by width": Labelled((0.0, 0.0), (1.0, 3.0), (0.5, 0.5)),
    "rare": Labelled((0.0, 2.0), (1.0, 1.0), (0.97, 0.03)),
}


def table_information(table: np.ndarray) -> float:
    """I of two classes with joint probabilities ``table``, nats."""
    p = table / table.sum()
    apart = p.sum(axis=1, keepdims=True) * p.sum(axis=0)
    return float(np.sum(p[p > 0] * np.log(p[p > 0] / apart[p > 0])))
