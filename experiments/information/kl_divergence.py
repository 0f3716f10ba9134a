"""KL(p || q) of samples by td.kl_divergence against the truth and nearest neighbours, for pairs of Gaussians.

    python -m experiments.information.kl_divergence --preset paper --out results/kl_divergence-paper

q is standard normal; p is shifted by 1/2 in every coordinate, KL = d/8, or wider by 3/2 in every coordinate,
KL = d (9/4 - 1 - ln 9/4)/2. The same settings as for entropy and mutual information.
"""

from __future__ import annotations

import dataclasses
from itertools import product
from pathlib import Path
from typing import Any

import jax
import numpy as np

import thermodiff as td
from experiments.harness.cells import one_by_one
from experiments.harness.command import Experiment
from experiments.harness.records import fingerprint_of
from experiments.harness.summaries import grouped
from experiments.harness.types import Cell, Row
from experiments.information import runs
from experiments.information.data_entropy_figure import LOOKS, METHODS, errors
from thermodiff import plotting
from thermodiff.types import aligned, to_error


@dataclasses.dataclass(frozen=True)
class Config(runs.Sizes):
    """Divergence of Gaussian samples from cross-fitted scores against the truth."""

    pairs: tuple[str, ...] = ("shifted", "wider")
    dims: tuple[int, ...] = (1, 2, 10, 50)
    samples: int = 10_000
    seeds: tuple[int, ...] = (0,)


PRESETS = {
    "paper": Config(),
    "smoke": Config(
        pairs=("wider",),
        dims=(2,),
        samples=2_000,
        **runs.SMALL,
    ),
}
CELL_KEYS = ("pair", "dim", "n", "seed")
NEIGHBOURS = 3
SHIFT, SCALE = 0.5, 1.5


def truth(pair: str, dim: int) -> float:
    """KL(p || q) in closed form, nats."""
    if pair == "shifted":
        return 0.5 * dim * SHIFT**2
    return 0.5 * dim * (SCALE**2 - 1 - np.log(SCALE**2))


def samples(pair: str, n: int, dim: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """n rows each of p and q."""
    p, q = np.random.default_rng(seed).normal(size=(2, n, dim))
    return (p + SHIFT if pair == "shifted" else SCALE * p), q


def cells(config: Config) -> list[Cell]:
    """Every cell."""
    return [
        {"pair": pair, "dim": dim, "n": config.samples, "seed": seed}
        for seed, dim, pair in product(config.seeds, config.dims, config.pairs)
    ]


def measure(config: Config, cell: Cell) -> Row:
    """One row: the truth and both estimates with their standard errors and errors, nats."""
    number = int(fingerprint_of(cell), 16) % 2**31
    p, q = samples(cell["pair"], cell["n"], cell["dim"], number)
    exact = truth(cell["pair"], cell["dim"])
    found = td.kl_divergence(jax.random.key(number), p, q, settings=runs.settings(config))
    neighbours = td.nearest_neighbour_divergence(p, q, NEIGHBOURS)
    return {
        "truth": exact,
        **runs.information_row(found, exact),
        **runs.estimate_row("neighbours", neighbours, exact),
    }


def table(rows: list[dict[str, Any]]) -> str:
    """Truth, estimates and errors of each pair and dimension."""
    lines = [
        "KL divergence, nats (mean over seeds; ± the estimate's own standard error)",
        f"  {'pair':<10}{'d':>4}{'truth':>10}   {'score networks':<19}{'error':>10}{'neighbours':>12}{'error':>10}",
    ]
    for (pair, dim, exact), group in grouped(rows, "pair", "dim", "truth"):
        names = ("score", "score_stderr", "neighbours", "neighbours_stderr")
        score, stderr, others, of_others = (np.mean([row[name] for row in group]) for name in names)
        lines.append(
            f"  {pair:<10}{dim:>4}{to_error(exact, stderr):>10}{aligned(score, stderr):<22}"
            f"{to_error(score - exact, stderr, '+'):>10}"
            f"{to_error(others, of_others):>12}{to_error(others - exact, of_others, '+'):>10}"
        )
    covered = sum(row["covered"] for row in rows)
    return "\n".join([*lines, f"90 % intervals hold the truth in {covered} of {len(rows)} cells"])


def draw(rows: list[dict[str, Any]], out: Path) -> tuple[Path, Path]:
    """Error of both estimates against dimension, a panel for each pair."""
    pairs = list(dict.fromkeys(row["pair"] for row in rows))
    with plotting.style():
        figure = plotting.new_figure(2 * plotting.COLUMN + 0.2, 2.4)
        panels = figure.subplots(1, len(pairs), sharey=True, squeeze=False)[0]
        for axes, pair in zip(panels, pairs, strict=True):
            chosen = [row for row in rows if row["pair"] == pair]
            for method, look in LOOKS.items():
                stderr = [row[f"{method}_stderr"] for row in chosen]
                dims = [row["dim"] for row in chosen]
                axes.errorbar(
                    dims, errors(chosen, method), stderr, linestyle="", label=METHODS[method], **look
                )
            axes.axhline(0, color=plotting.BLACK, linewidth=0.6)
            axes.set_xscale("log")
            axes.set_xticks(sorted({row["dim"] for row in rows}), sorted({row["dim"] for row in rows}))
            axes.minorticks_off()
            axes.set_yscale("symlog", linthresh=0.05)
            axes.set_yticks([-10, -1, -0.1, 0, 0.1], ["−10", "−1", "−0.1", "0", "0.1"])
            axes.set_title({"shifted": "mean shifted by 1/2", "wider": "wider by 3/2"}[pair])
            axes.set_xlabel("dimension d")
        panels[0].set_ylabel("error of KL(p‖q) (nats)")
        panels[0].legend()
        return plotting.save_figure(figure, out / "kl_divergence")


EXPERIMENT = Experiment(
    "information.kl_divergence", PRESETS, CELL_KEYS, cells, one_by_one(measure), table, draw
)
main = EXPERIMENT.main

if __name__ == "__main__":
    raise SystemExit(main())
