"""Densities and processes by name that several claims on paths and their price are measured in."""

from __future__ import annotations

from typing import Any

import thermodiff as td

VARIANCE = 0.25
"""Of the Gaussian on the line."""
SCALE = 1 / 1.5
"""Of the mixture on the line."""

DENSITIES = {
    "gaussian": lambda: td.Gaussian([0.0], [[VARIANCE]]),
    "narrow": lambda: td.GaussianMixture([0.5, 0.5], [[-0.9], [0.6]], [[[0.01]], [[0.04]]]),
    "mixture": lambda: td.GaussianMixture(
        [0.3, 0.7], [[-2 * SCALE], [SCALE]], [[[(0.4 * SCALE) ** 2]], [[(0.6 * SCALE) ** 2]]]
    ),
    "off_centre": lambda: td.Gaussian([0.6, 0.8], [[0.25, 0.1], [0.1, 0.25]]),
    "eight": lambda: td.eight_gaussians(radius=1.4, width=0.1),
}
"""On the line, about as wide as a quarter to one; then in the plane."""
PROCESSES = {
    "VE10": lambda: td.VarianceExploding(10.0),
    "VE25": lambda: td.VarianceExploding(25.0),
    "VP20": lambda: td.VariancePreserving(0.1, 20.0),
    "cosine": lambda: td.CosineVariancePreserving(0.01),
}


def density(name: str) -> Any:
    """The density of that name."""
    return DENSITIES[name]()


def process(name: str) -> Any:
    """The process of that name."""
    return PROCESSES[name]()
