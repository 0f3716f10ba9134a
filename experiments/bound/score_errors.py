"""Exact scores with errors whose form is known: which bounds break, where, by how much, and which never do.

    python -m experiments.bound.score_errors --preset paper --out results/score_errors-paper

No training. To the exact score s of Gaussian, mixture and uniform data in d dimensions under VE and VP an error of
size e is added, with n = -sigma s the noise prediction and n_th the wrong one:
    scaled    n_th = (1 + e) n            shifted   n_th = n + e u sigma/sqrt(alpha^2 v + sigma^2), u a unit vector
    rotated   n_th = Q(e) n, e radians    drifting  n_th = (1 + e sin(2 pi (ell - ell_0)/4)) n
    smooth, rough    n_th = n + e sigma/sqrt(alpha^2 v + sigma^2) times a random field of wavenumber 1, 8 (``td.noisy``)
The second part draws errors of every kind at once at random and asks whether a certified bound is ever broken.
"""

from __future__ import annotations

import dataclasses
from itertools import product
from typing import Any

import jax
import numpy as np

import thermodiff as td
from experiments.bound import score_errors_figure
from experiments.bound.wrong_scores import change, wrong_score
from experiments.harness.cells import one_by_one
from experiments.harness.command import Experiment
from experiments.harness.records import fingerprint_of
from experiments.harness.types import Cell, Row


@dataclasses.dataclass(frozen=True)
class Config:
    """Known score errors against the bounds (this project's audit of arXiv 2510.06174, eq. 1)."""

    data: tuple[str, ...] = ("gaussian", "mixture", "uniform")
    dims: tuple[int, ...] = (1, 2, 8)
    processes: tuple[str, ...] = ("VE", "VP")
    errors: tuple[str, ...] = ("scaled", "shifted", "rotated", "drifting", "smooth", "rough")
    sizes: tuple[float, ...] = (-0.3, -0.1, -0.01, 0.01, 0.1, 0.3)
    draws: int = 2000
    nodes: int = 65
    replicates: int = 16
    points: int = 128
    flow_points: int = 32


PRESETS = {
    "paper": Config(),
    # Every data, dimension and process is a compilation of its own, some 10 s: two of them.
    "smoke": Config(
        data=("gaussian", "uniform"),
        dims=(2,),
        processes=("VE",),
        sizes=(-0.1, -0.01, 0.01, 0.1),
        draws=20,
        nodes=33,
        replicates=8,
        points=64,
    ),
}
CELL_KEYS = ("data", "dim", "process", "kind", "size", "draw")


def distribution(name: str, dim: int) -> Any:
    """Off-centre, correlated data; the mixture is skewed, with unequal weights and covariances."""
    first = np.eye(dim)[0]
    if name == "gaussian":
        return td.Gaussian(0.5 * first, 0.7 * np.eye(dim) + 0.3 * np.ones((dim, dim)))
    if name == "mixture":
        covs = np.stack([0.15 * np.eye(dim), 0.5 * np.eye(dim) + 0.2 * np.ones((dim, dim))])
        return td.GaussianMixture([0.3, 0.7], np.stack([-1.2 * first, 0.6 * first]), covs)
    if name == "uniform":
        return td.Uniform(-1.5 * np.ones(dim), 2.0 * np.ones(dim))
    raise ValueError(f"data: got {name!r}, need gaussian, mixture or uniform")


def process(name: str) -> Any:
    """VE with sigma = 25, or VP with beta from 0.1 to 20."""
    return td.VarianceExploding(25.0) if name == "VE" else td.VariancePreserving(0.1, 20.0)


def cells(config: Config) -> list[Cell]:
    """The grid of errors (rotations need a plane), then the random draws."""
    base = product(config.data, config.dims, config.processes)
    result = []
    for data, dim, name in base:
        world = {"data": data, "dim": dim, "process": name}
        for error, size in product(config.errors, config.sizes):
            if not (error == "rotated" and dim == 1):
                result.append({**world, "kind": error, "size": size, "draw": None})
    worlds = list(product(config.data, config.dims, config.processes))
    for draw in range(config.draws):
        data, dim, name = worlds[draw % len(worlds)]
        result.append(
            {"data": data, "dim": dim, "process": name, "kind": "random", "size": None, "draw": draw}
        )
    return sorted(
        result, key=lambda c: (config.data.index(c["data"]), c["dim"], c["process"], c["kind"] == "random")
    )


def random_change(rng: np.random.Generator, dim: int) -> dict[str, Any]:
    """Every kind of error at once, of random size and sign, small and large."""
    size = 10 ** rng.uniform(-2, 0)
    return {
        "scale": 1 + size * rng.normal(),
        "wobble": 0.5 * size * rng.normal(),
        "phase": rng.uniform(0, 4),
        "angle": size * rng.normal(),
        "shift": 0.5 * size * rng.normal(size=dim),
        "amplitude": 0.3 * size * abs(rng.normal()),
        "wavenumber": rng.choice([1.0, 3.0]),
    }


def expected_integrals(cell: Cell, A: float) -> Row:
    """B, C and J where the kind of error gives them from A alone, which comes from entropies."""
    e = cell["size"]
    if cell["kind"] == "scaled":
        return {"B_expected": (1 + e) ** 2 * A, "C_expected": (1 + e) * A, "J_expected": e**2 * A}
    if cell["kind"] == "rotated" and cell["dim"] % 2 == 0:
        # The antisymmetric part of Q drops out of E[n . Q n].
        return {"B_expected": A, "C_expected": np.cos(e) * A, "J_expected": 2 * (1 - np.cos(e)) * A}
    return {}


KEPT = (
    "S0", "S1", "A", "A_rate", "B", "C", "J", "KL", "nll", "neg_elbo", "cross", "nll_minus_S0", "elbo_minus_S0",
    "bound_quadratic", "bound_divergence", "bound_denoising", "bound_flow", "slack_quadratic", "slack_divergence",
    "slack_denoising", "slack_flow", "elbo_slack_quadratic", "elbo_slack_divergence", "elbo_slack_denoising",
    "elbo_slack_flow", "certified_elbo_slack", "certified_elbo_rate_slack", "certified_flow_slack", "floor_slack_flow",
    "cross_slack_quadratic", "readings_spread", "t_min", "quadrature_error", "truncation_entropy",
    "known", "identities",
)  # fmt: skip


def measure(config: Config, cell: Cell) -> Row:
    """The audit of one wrong score."""
    dim, diffusion, data = cell["dim"], process(cell["process"]), distribution(cell["data"], cell["dim"])
    seed = int(fingerprint_of(cell), 16) % 2**31
    key, field_key = jax.random.split(jax.random.key(seed))
    is_draw = cell["kind"] == "random"
    changes = (
        random_change(np.random.default_rng(seed), dim)
        if is_draw
        else change(cell["kind"], cell["size"], dim)
    )
    score = wrong_score(field_key, td.exact_score(data, diffusion), diffusion, dim, **changes)
    audit = td.audit(
        key,
        score,
        diffusion,
        data,
        nodes=config.nodes,
        replicates=config.replicates,
        points=config.points,
        flow_points=config.flow_points,
    )
    record = audit.to_dict()
    kept = {name: record[name] for name in KEPT if name in record}
    kept |= {f"{name}_stderr": record[f"{name}_stderr"] for name in KEPT if f"{name}_stderr" in record}
    extra = {} if is_draw else expected_integrals(cell, record["A"])
    return {**kept, **extra, "changes": changes if is_draw else {}}


EXPERIMENT = Experiment(
    "bound.score_errors",
    PRESETS,
    CELL_KEYS,
    cells,
    one_by_one(measure),
    score_errors_figure.table,
    score_errors_figure.draw,
)
main = EXPERIMENT.main

if __name__ == "__main__":
    raise SystemExit(main())
