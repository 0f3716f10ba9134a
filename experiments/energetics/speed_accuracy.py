"""Speed against accuracy: how much of a wrong start is left in the samples, and what bounds it.

    python -m experiments.energetics.speed_accuracy --preset paper --out results/speed_accuracy-paper

In one dimension, by quantiles and quadrature (``td.speed_accuracy``): eta <= c1 <= c2 for densities with one and two
modes under four processes and wrong starts of several sizes. In two, the closed form of a Gaussian N(0, 1/4) that a
rotating force carries (Ikeda et al. (2025), eq. (99), with h = T_fin = tau = 1): the cost int T Sdot rises with the
rotation g while the response to a small shift does not move, so that for isotropic data rotation only loosens the
bound.
"""

from __future__ import annotations

import dataclasses
from itertools import product

import numpy as np
from scipy.integrate import solve_ivp

import thermodiff as td
from experiments.energetics import speed_accuracy_figure
from experiments.harness.cells import one_by_one
from experiments.harness.command import Experiment
from experiments.harness.types import Cell, Row
from experiments.harness.worlds import VARIANCE, density, process


@dataclasses.dataclass(frozen=True)
class Config:
    """Densities, processes and wrong starts; rotations of the closed form."""

    data: tuple[str, ...] = ("gaussian", "mixture", "narrow")
    processes: tuple[str, ...] = ("VE10", "VE25", "VP20", "cosine")
    shifts: tuple[float, ...] = (0.01, 0.03, 0.1, 0.3, 0.5, 1.0, 1.5)
    rotations: tuple[float, ...] = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0)
    nodes: int = 64


PRESETS = {
    "paper": Config(),
    "smoke": Config(
        data=("mixture",),
        processes=("VP20", "cosine"),
        shifts=(0.01, 0.5),
        rotations=(0.0, 3.0, 5.0),
        nodes=16,
    ),
}
CELL_KEYS = ("data", "process", "size")
ROTATION = "rotation"
SMALL_SHIFT = 1e-4


def cells(config: Config) -> list[Cell]:
    """Every wrong start of every density under every process, then the rotations."""
    lines = product(config.data, config.processes, config.shifts)
    rotating = [(ROTATION, "closed form", g) for g in config.rotations]
    return [dict(zip(CELL_KEYS, cell, strict=True)) for cell in (*lines, *rotating)]


def measure(config: Config, cell: Cell) -> Row:
    """The three terms of one cell."""
    if cell["data"] == ROTATION:
        return rotation(cell["size"])
    answer = td.speed_accuracy(
        density(cell["data"]), process(cell["process"]), shift=cell["size"], nodes=config.nodes
    )
    return {
        "response": answer.response,
        "error_speed": answer.error_speed,
        "cost": answer.cost,
        "pearson": answer.pearson,
        "w1_start": answer.w1_start,
        "w1_end": answer.w1_end,
        "quadrature_error": max(answer.quadrature_error),
    }


def rotation(g: float) -> Row:
    """f = [[H, -G], [G, H]] x with H = -(1 - t) - t^2, G = g (1 - t), T = t^2, on N(0, I/4): v' = 2 H v + 2 T.

    E|nu|^2 = 2 v [(H + T/v)^2 + G^2], of which the part without G is the speed of the marginals alone. A start that is
    wrong by delta is wrong at t by delta times the flow's stretch sqrt(v_t/v_1), turned; W1 of equal covariances is the
    length of the shift.
    """

    def slopes(t: float, y: np.ndarray) -> list[float]:
        v, H, T, G = y[0], -(1 - t) - t**2, t**2, g * (1 - t)
        straight = 2 * v * (H + T / v) ** 2
        return [2 * H * v + 2 * T, straight + 2 * v * G**2, straight]

    solved = solve_ivp(slopes, (0.0, 1.0), [VARIANCE, 0.0, 0.0], rtol=1e-11, atol=1e-13).y[:, -1]
    v1 = float(solved[0])
    shift = SMALL_SHIFT * np.sqrt(v1)
    start, end = shift, shift * np.sqrt(VARIANCE / v1)
    pearson = float(np.expm1(shift**2 / v1))
    return {
        "response": (end - start) ** 2 / pearson,
        "cost": float(solved[1]),
        "marginal_cost": float(solved[2]),
        "pearson": pearson,
        "w1_start": start,
        "w1_end": end,
    }


EXPERIMENT = Experiment(
    "energetics.speed_accuracy",
    PRESETS,
    CELL_KEYS,
    cells,
    one_by_one(measure),
    speed_accuracy_figure.table,
    speed_accuracy_figure.draw,
)
main = EXPERIMENT.main

if __name__ == "__main__":
    raise SystemExit(main())
