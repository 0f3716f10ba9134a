"""Which clock a sampler should step by: quality of samples at equal score calls, on exact and trained scores.

    python -m experiments.sampling.clocks --preset paper --out results/clocks-paper

Energy distance to the truth beside its floor, for every clock, sampler and number of calls; with a known density and a
deterministic sampler also the exact divergence from it, for scores that are exact. The two rank differently: the
divergence is dominated by the finest scale. Clocks of a trained score are measured on its training data.
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
from experiments.harness.summaries import grouped, mean_over_seeds
from experiments.harness.types import Cell, Row
from experiments.sampling.clocks_figure import figure
from thermodiff.distributions import GaussianMixture

MEASURED = ("flow_curvature", "least_waste", "conditional_entropy", "rescaled_entropic")
NAMED = ("log_snr", "edm", "cosine")


@dataclasses.dataclass(frozen=True)
class Config:
    """Samples of ``data`` by ``samplers`` on all clocks, ``evaluations`` score calls a sample."""

    data: tuple[str, ...] = ("ring", "hierarchy", "spectrum", "uniform", "moons", "digits")
    scores: tuple[str, ...] = ("exact", "trained")
    samplers: tuple[str, ...] = ("dpmpp_2m", "multistep")
    evaluations: tuple[int, ...] = (8, 16)
    clocks: tuple[str, ...] = (*NAMED, *MEASURED)
    seeds: tuple[int, ...] = (0, 1, 2)
    samples: int = 8192
    steps: int = 4000
    width: int = 128
    sigma: float = 25.0


PRESETS = {
    "paper": Config(),
    "smoke": Config(
        data=("ring", "spectrum"),
        samplers=("dpmpp_2m",),
        evaluations=(8,),
        clocks=("log_snr", "flow_curvature"),
        seeds=(0,),
        samples=512,
        steps=50,
        width=16,
    ),
}
CELL_KEYS = ("data", "score", "seed")


def distribution(name: str) -> Any:
    """The truth: a density, or for digits held-out rows to be compared with."""
    if name == "ring":  # eight narrow modes on a circle
        angles = 2 * np.pi * np.arange(8) / 8
        return GaussianMixture(
            np.full(8, 1 / 8), np.stack([np.cos(angles), np.sin(angles)], 1), _spherical(8 * [0.08])
        )
    if name == "hierarchy":  # two groups of three modes, of two widths
        angles = 2 * np.pi * np.arange(3) / 3
        three = 0.4 * np.stack([np.cos(angles), np.sin(angles)], 1)
        means = np.concatenate([three - np.eye(2)[0], three + np.eye(2)[0]])
        return GaussianMixture(np.full(6, 1 / 6), means, _spherical(3 * [0.05] + 3 * [0.1]))
    if name == "spectrum":  # a decaying spectrum in 8 dimensions, two modes along the first axis
        cov = np.diag(1.0 / np.arange(1, 9) ** 2)
        apart = np.eye(8)[0] * 2.0
        return GaussianMixture([0.5, 0.5], np.stack([apart, -apart]), np.stack([cov, cov]))
    if name == "uniform":
        return td.Uniform([-1.0, -1.0], [1.0, 1.0])
    if name == "moons":
        return td.two_moons(0.1)
    raise ValueError(f"data: got {name!r}, need ring, hierarchy, spectrum, uniform, moons or digits")


def _spherical(widths: list[float]) -> np.ndarray:
    return np.stack([width**2 * np.eye(2) for width in widths])


def cells(config: Config) -> list[Cell]:
    """Every cell; digits have no exact score."""
    return [
        {"data": data, "score": score, "seed": seed}
        for seed, data, score in product(config.seeds, config.data, config.scores)
        if not (data == "digits" and score == "exact")
    ]


def _problem(config: Config, cell: Cell, key: Any) -> tuple[Any, Any, Any, Any]:
    """Score, process, what clocks are measured on, and the truth."""
    process = td.VarianceExploding(config.sigma)
    if cell["data"] == "digits":
        named = td.named_data("digits")
        scale = named.training.std(axis=0).mean()
        train, truth = named.training / scale, named.test / scale
    else:
        train = truth = distribution(cell["data"])
    if cell["score"] == "exact":
        return td.exact_score(truth, process), process, truth, truth
    fit = td.fit(key, train, process, steps=config.steps, width=config.width)
    return fit.score, process, train, truth


def measure(config: Config, cell: Cell) -> Row:
    """One row: for every clock, sampler and number of calls the energy distance and, where it can be had, the KL."""
    number = int(fingerprint_of(cell), 16) % 2**31
    fit_key, clock_key, sample_key, truth_key = jax.random.split(jax.random.key(number), 4)
    score, process, train, truth = _problem(config, cell, fit_key)
    clocks = {
        name: td.clock(clock_key, score, process, train, name) if name in MEASURED else name
        for name in config.clocks
    }
    found, floor = [], None
    for sampler, calls, name in product(config.samplers, config.evaluations, config.clocks):
        deterministic = sampler != "ancestral" and cell["score"] == "exact"
        chosen = {"sampler": sampler, "steps": calls, "schedule": clocks[name]}
        if deterministic:
            made: Any = td.deterministic_sampler(score, process, **chosen)
        else:
            made = td.sample(sample_key, score, process, config.samples, **chosen)
        quality = td.sample_quality(truth_key, made, truth, n=config.samples)
        floor = quality.floor
        energy = {"energy": quality.energy_distance.mean, "energy_stderr": quality.energy_distance.stderr}
        kl = {} if quality.kl is None else {"kl": quality.kl.mean, "kl_stderr": quality.kl.stderr}
        found.append({"sampler": sampler, "evaluations": calls, "clock": name, **energy, **kl})
    assert floor is not None
    return {"found": found, "floor": floor.mean, "floor_stderr": floor.stderr}


def flat(rows: list[Row]) -> list[Row]:
    """A row for each clock, sampler and number of calls of each cell."""
    return [{**{key: row[key] for key in CELL_KEYS}, **one} for row in rows for one in row["found"]]


def table(rows: list[Row]) -> str:
    """Means over seeds, with the error that their scatter makes (of one seed: its own)."""
    lines = ["energy distance x 1e4 and KL (nats), mean over seeds; floor: two samples of the truth"]
    for (data, score), cells_of in grouped(rows, "data", "score"):
        floor, floor_error = _mean(cells_of, "floor")
        lines.append(f"{data}, {score} score: floor {1e4 * floor:.1f} ± {1e4 * floor_error:.1f}")
        for (sampler, calls), chosen in grouped(flat(cells_of), "sampler", "evaluations"):
            for (clock,), group in grouped(chosen, "clock"):
                energy, error = _mean(group, "energy")
                line = f"  {sampler:<10}{calls:>4}  {clock:<22}{1e4 * energy:>9.1f} ± {1e4 * error:<8.1f}"
                if all("kl" in row for row in group):
                    kl, kl_error = _mean(group, "kl")
                    line += f"{kl:>10.4f} ± {kl_error:.4f}"
                lines.append(line)
    return "\n".join(lines)


def _mean(rows: list[Row], name: str) -> tuple[float, float]:
    mean, error = mean_over_seeds([row[name] for row in rows])
    return mean, error if len(rows) > 1 else rows[0][f"{name}_stderr"]


def draw(rows: list[dict[str, Any]], out: Path) -> tuple[Path, ...]:
    """Energy distance and divergence against score calls."""
    return figure(rows, flat(rows), out)


EXPERIMENT = Experiment("sampling.clocks", PRESETS, CELL_KEYS, cells, one_by_one(measure), table, draw)
main = EXPERIMENT.main

if __name__ == "__main__":
    raise SystemExit(main())
