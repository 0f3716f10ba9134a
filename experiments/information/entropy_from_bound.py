"""The data's entropy from a trained network alone, by every reading and by the paper's bound, against the truth.

    python -m experiments.information.entropy_from_bound --preset paper --out results/entropy_from_bound-paper

Cells: data x dimension x number of samples x seed, unit variances, under dx = 25^t dw. Of the n samples 70 % train
``td.fit`` at its defaults, 10 % choose among its averaged weights, and on at most ``points`` of the rest is taken every
estimate of ``thermodynamics.implied_entropies``: four readings, NLL_ode, and the ceilings "bound" and "rescaled". What
a network estimates is the entropy at t_min, and that is its truth; the nearest-neighbour estimate, from all n samples,
is of the data's own.
"""

from __future__ import annotations

import dataclasses
import functools
from itertools import product
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import thermodiff as td
from experiments.harness import trained
from experiments.harness.command import Experiment
from experiments.harness.types import Cell, Row
from experiments.information import entropy_from_bound_figure as figure
from thermodiff.data.splits import Split, split_rows
from thermodiff.distributions.base import gaussian_entropy
from thermodiff.thermodynamics.implied_entropies import implied_entropies


@dataclasses.dataclass(frozen=True)
class Config:
    """Entropy of data from a trained score network (an estimate that arXiv 2510.06174's successor announces)."""

    data: tuple[str, ...] = ("correlated", "uniform", "mixture", "laplace", "student")
    dims: tuple[int, ...] = (1, 2, 4, 8, 16)
    samples: tuple[int, ...] = (1_000, 10_000, 100_000)
    seeds: tuple[int, ...] = (0, 1)
    steps: int = 4000
    points: int = 1024
    nodes: int = 65


PRESETS = {
    "paper": Config(),
    "smoke": Config(
        data=("uniform", "mixture"), dims=(2,), samples=(1_000,), seeds=(0,), steps=500, points=200
    ),
}
CELL_KEYS = ("data", "dim", "n", "seed")
NEIGHBOURS = 3
NEIGHBOUR_ROWS = {1: 100_000, 2: 100_000, 4: 100_000}
"""Rows that the neighbour search takes by dimension; 20,000 in others, beyond which it is slower than the training."""


# --- data ---------------------------------------------------------------------------------------


def distribution(name: str, dim: int) -> Any:
    """The data, of unit variance in every coordinate."""
    if name == "laplace":
        return td.Laplace(np.zeros(dim), np.full(dim, np.sqrt(0.5)))
    if name == "student":
        return td.StudentT(5.0, np.zeros(dim), 0.6 * np.eye(dim))
    return trained.distribution(name, dim)


def process() -> Any:
    """VE with sigma = 25: what noise adds to S(p_1) - CE(p_1, pi) is below 1e-4 nats."""
    return td.VarianceExploding(25.0)


def true_entropy(data: Any, alpha: float, sigma: float) -> float:
    """Entropy of alpha x_0 + sigma eps.

    Where only that of x_0 is known, for the Student-t in more than two dimensions, a sigma of 1e-3 adds less
    than 1e-5 d.
    """
    if isinstance(data, td.GaussianMixture):
        return mixture_entropy(data, alpha, sigma)
    try:
        return data.noised_entropy(alpha, sigma)
    except td.NotKnownError:
        return data.entropy() + data.dim * np.log(alpha)


def mixture_entropy(data: td.GaussianMixture, alpha: float, sigma: float, draws: int = 2**17) -> float:
    """S = sum_k w_k S_k + H(w) - E H(K | x), the last by sampling: good to 1e-3 in any dimension."""
    covs = alpha**2 * np.asarray(data.covs) + sigma**2 * np.eye(data.dim)
    blurred = td.GaussianMixture(data.weights, alpha * np.asarray(data.means), covs)
    w = np.asarray(blurred.weights, dtype=np.float64)
    within = w @ [gaussian_entropy(v) for v in np.asarray(blurred.variances)]
    x = blurred.sample(jax.random.key(0), draws)
    parts = [td.Gaussian(m, c).log_prob(x) for m, c in zip(blurred.means, covs, strict=True)]
    log_share = jax.nn.log_softmax(jnp.stack(parts) + jnp.log(blurred.weights)[:, None], axis=0)
    doubt = -jnp.sum(jnp.exp(log_share) * log_share, axis=0)
    return float(within - w @ np.log(w) - np.asarray(doubt, dtype=np.float64).mean())


@functools.lru_cache(maxsize=4)
def split_samples(name: str, dim: int, n: int, seed: int) -> Split:
    """The cell's samples, in three parts."""
    cell = {"data": name, "dim": dim, "n": n, "seed": seed}
    x = distribution(name, dim).sample(trained.cell_key(cell, CELL_KEYS), n)
    return split_rows(np.asarray(x), np.random.default_rng(seed))


def samples(cell: Cell) -> Split:
    """The cell's samples, in three parts; the same at every call."""
    return split_samples(cell["data"], cell["dim"], cell["n"], cell["seed"])


# --- cells --------------------------------------------------------------------------------------


def cells(config: Config) -> list[Cell]:
    """Every cell; those of one shape follow each other, so that they share what is compiled."""
    return [
        {"data": data, "dim": dim, "n": n, "seed": seed}
        for dim, n, data, seed in product(config.dims, config.samples, config.data, config.seeds)
    ]


def train(config: Config, group: list[Cell], tell: trained.Tell) -> list[Any]:
    """The trained score of each cell of the group."""
    scores = []
    for i, cell in enumerate(group):
        parts = samples(cell)
        fit = td.fit(
            jax.random.fold_in(trained.cell_key(cell, CELL_KEYS), 1),
            parts.training,
            process(),
            validation=parts.validation,
            steps=config.steps,
            callback=lambda report, i=i: tell((i + report.step / config.steps) / len(group)),
        )
        scores.append(fit.score)
    return scores


def neighbour_estimate(x: np.ndarray) -> td.Estimate:
    """The nearest-neighbour estimate from the rows that can be searched."""
    rows = NEIGHBOUR_ROWS.get(x.shape[1], 20_000)
    return td.nearest_neighbour_entropy(x[:rows], NEIGHBOURS)


def measure(config: Config, cell: Cell, score: Any) -> Row:
    """One row: every estimate with its standard error, and the true entropies of the data and of p(t_min)."""
    data, parts, diffusion = distribution(cell["data"], cell["dim"]), samples(cell), process()
    t_min = float(score.t_min)
    key = jax.random.fold_in(trained.cell_key(cell, CELL_KEYS), 2)
    rows = parts.test[: config.points]
    found = implied_entropies(key, score, diffusion, rows, t_min=t_min, nodes=config.nodes)._asdict()
    found["neighbours"] = neighbour_estimate(np.concatenate(parts))
    sharp = true_entropy(data, 1.0, 0.0)
    blurred = true_entropy(data, float(diffusion.alpha(t_min)), float(diffusion.sigma(t_min)))
    row = {"data_entropy": sharp, "S0": blurred, "t_min": t_min}
    for name, value in found.items():
        row |= {name: value.mean, f"{name}_stderr": value.stderr}
        row[f"{name}_error"] = value.mean - (sharp if name == "neighbours" else blurred)
    return row


EXPERIMENT = Experiment(
    "information.entropy_from_bound",
    PRESETS,
    CELL_KEYS,
    cells,
    trained.ahead(lambda cell: tuple(cell.values()), train, measure),
    figure.table,
    figure.draw,
)
main = EXPERIMENT.main

if __name__ == "__main__":
    raise SystemExit(main())
