"""Rules for integrals on given nodes, with an estimate of their error."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

FEWEST_NODES = 3


class Quadrature(NamedTuple):
    """Weights of a rule on given nodes and of the same rule on every second node.

    The difference of the two, divided by 2^order - 1 (Richardson), estimates the error of the finer.
    """

    weights: Any
    coarse_weights: Any
    order: int

    def error(self, values: Any) -> Any:
        """Estimated absolute quadrature error of the integral of ``values`` (..., T)."""
        return abs(values @ (self.weights - self.coarse_weights)) / (2**self.order - 1)


def _trapezoid(nodes: np.ndarray) -> np.ndarray:
    steps = np.diff(nodes)
    weights = np.zeros_like(nodes)
    weights[:-1] += steps / 2
    weights[1:] += steps / 2
    return weights


def _simpson(nodes: np.ndarray) -> np.ndarray:
    h = (nodes[-1] - nodes[0]) / (len(nodes) - 1)
    weights = np.full(len(nodes), 2.0)
    weights[1::2] = 4.0
    weights[[0, -1]] = 1.0
    return weights * h / 3


def quadrature(nodes: Any) -> Quadrature:
    """The rule for an integral over increasing ``nodes`` (T,); fewer than 3 make none, its weights are NaN.

    Simpson's rule where the nodes are evenly spaced and 4k + 1 in number, the trapezoid rule otherwise. Where T is even
    the coarse rule keeps the last interval at full resolution.
    """
    nodes = np.asarray(nodes, dtype=np.float64)
    if len(nodes) < FEWEST_NODES:
        none = np.full(len(nodes), np.nan)
        return Quadrature(none, none, 2)
    steps = np.diff(nodes)
    even = np.allclose(steps, steps.mean(), rtol=1e-4)
    rule, order = (_simpson, 4) if even and len(nodes) % 4 == 1 else (_trapezoid, 2)
    coarse = np.zeros_like(nodes)
    if len(nodes) % 2 == 0:
        # The last interval is kept at full resolution so that both rules cover the same range.
        coarse[:-1][::2] = rule(nodes[:-1][::2])
        coarse[-2:] += steps[-1] / 2
    else:
        coarse[::2] = rule(nodes[::2])
    return Quadrature(rule(nodes), coarse, order)
