"""Figure 1: the negative log-likelihood of trained score networks against the paper's bound, and their entropy rates.

    python -m experiments.nll_bound --preset paper --out results/figure1-paper

Cells: {Gaussian, uniform} x {VE, VP} x sigma x seed. The Gaussian is N(0, 1) and the uniform density the box of unit
variance, in ``dim`` dimensions; VE is dx = sigma^t dw and VP has beta(t) from 0.1 to sigma. Dimension, network and
the meaning of sigma are our reading of arXiv 2510.06174. All networks of one data and process train as one program.
"""

from __future__ import annotations

import dataclasses
import json
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import groupby, product
from pathlib import Path
from typing import Any

import jax
import numpy as np

import thermodiff as td
from experiments import figure1, harness


@dataclasses.dataclass(frozen=True)
class Config:
    """NLL against the bound for trained networks (the paper's Figure 1)."""

    data: tuple[str, ...] = ("gaussian", "uniform")
    processes: tuple[str, ...] = ("VE", "VP")
    sigmas: tuple[float, ...] = (10.0, 15.0, 20.0, 25.0, 30.0)
    seeds: tuple[int, ...] = (0, 1, 2)
    dim: int = 2
    steps: int = 4000
    batch_size: int = 256
    width: int = 64
    depth: int = 2
    nodes: int = 65
    replicates: int = 16
    points: int = 512


PRESETS = {
    "paper": Config(),
    "smoke": Config(sigmas=(25.0,), seeds=(0,), steps=500, width=32, nodes=33, replicates=8, points=128),
}
CELL_KEYS = ("data", "process", "noise", "seed", "dim")


def cells(config: Config) -> list[harness.Cell]:
    """Every cell of the experiment, those that train together next to each other."""
    return [
        {"data": data, "process": process, "noise": sigma, "seed": seed, "dim": config.dim}
        for data, process, sigma, seed in product(config.data, config.processes, config.sigmas, config.seeds)
    ]


def distribution(name: str, dim: int) -> Any:
    """The data: zero mean and unit variance in every coordinate."""
    if name == "gaussian":
        return td.Gaussian(np.zeros(dim), np.eye(dim))
    if name == "uniform":
        half = np.sqrt(3.0) * np.ones(dim)
        return td.Uniform(-half, half)
    raise ValueError(f"data: got {name!r}, need gaussian or uniform")


def process(name: str, sigma: float) -> Any:
    """The diffusion that "sigma" names."""
    if name == "VE":
        return td.VarianceExploding(sigma)
    if name == "VP":
        return td.VariancePreserving(0.1, sigma)
    raise ValueError(f"process: got {name!r}, need VE or VP")


def cell_key(cell: harness.Cell) -> Any:
    """A random key that depends on the cell alone, so that a cell run by itself repeats its row."""
    number = int(harness.fingerprint_of({k: cell[k] for k in CELL_KEYS}), 16) % 2**31
    return jax.random.fold_in(jax.random.key(cell["seed"]), number)


class Stopped(Exception):
    """Training was told to stop."""


def train(
    config: Config, group: list[harness.Cell], meter: harness.Meter, stop: threading.Event
) -> tuple[list[Any], float]:
    """Trained scores of cells that share data and kind of process, as one program, and the seconds it took."""
    start = time.perf_counter()
    done = 0

    def tell(report: Any) -> None:
        nonlocal done
        if stop.is_set():
            raise Stopped
        meter.advance(len(group) * (report.step - done) / config.steps)
        done = report.step

    fits = td.fit_sweep(
        jax.numpy.stack([cell_key(cell) for cell in group]),
        distribution(group[0]["data"], config.dim),
        [process(cell["process"], cell["noise"]) for cell in group],
        callback=tell,
        parameterisation=td.PlainScore,
        steps=config.steps,
        batch_size=config.batch_size,
        width=config.width,
        depth=config.depth,
    )
    return [fit.score for fit in fits], time.perf_counter() - start


def measure(config: Config, cell: harness.Cell, score: Any) -> harness.Row:
    """One row: entropies, likelihoods, bounds with paired errors, and the rates of generation.

    ``elbo`` is the ELBO and ``neg_elbo`` -ELBO, on the scale of ``nll``, as ``cross``, N_th, is. ``data_entropy`` is
    S(p_0), ``S0`` that at t_min; ``slack`` is nll - bound_quadratic, ``certified`` the bound on nll that always holds.
    """
    data, diffusion = distribution(cell["data"], config.dim), process(cell["process"], cell["noise"])
    audit = td.audit(
        jax.random.fold_in(cell_key(cell), 1),
        score,
        diffusion,
        data,
        nodes=config.nodes,
        replicates=config.replicates,
        points=config.points,
    )
    record = audit.to_dict()
    return {
        "data_entropy": data.entropy(),
        "noise_entropy": record.pop("S1"),
        "elbo": -record["neg_elbo"],
        "elbo_stderr": record["neg_elbo_stderr"],
        "slack": record["slack_quadratic"],
        "slack_stderr": record["slack_quadratic_stderr"],
        "certified": record["certified_flow"],
        **record,
    }


def run(config: Config, records: harness.Records) -> None:
    """Trains and measures every cell that has no row yet; while one group is measured the next one trains."""
    todo = records.missing(cells(config))
    groups = [list(members) for _, members in groupby(todo, key=lambda cell: (cell["data"], cell["process"]))]
    stop = threading.Event()
    with harness.meter(2 * len(todo), "Figure 1") as meter, ThreadPoolExecutor(max_workers=1) as trainer:
        trainings = [trainer.submit(train, config, group, meter, stop) for group in groups]
        try:
            for group, training in zip(groups, trainings, strict=True):
                measure_group(config, records, group, training, meter)
        finally:
            stop.set()
            trainer.shutdown(wait=False, cancel_futures=True)


def measure_group(
    config: Config,
    records: harness.Records,
    group: list[harness.Cell],
    training: Future,
    meter: harness.Meter,
) -> None:
    """One row for each cell of a group; where training failed, a row with its error for each."""
    name = f"{group[0]['data']} {group[0]['process']}"
    try:
        scores, seconds = training.result()
    except Exception as error:  # noqa: BLE001  one bad group must not end the run: it becomes rows
        for cell in group:
            records.append(cell, harness.failure(error), 0.0)
        meter.advance(0, f"{name}: training failed: {error}")
        return
    for cell, score in zip(group, scores, strict=True):
        start = time.perf_counter()
        try:
            row = measure(config, cell, score)
        except Exception as error:  # noqa: BLE001  a failed cell is a row with its error
            row = harness.failure(error)
        records.append(cell, row, time.perf_counter() - start + seconds / len(group))
        meter.advance(1, f"{name} sigma={cell['noise']:g} seed={cell['seed']}")


def main(argv: list[str] | None = None) -> int:
    """Runs what is missing, draws the figure from the records, prints the headline table."""
    call = harness.parse_command("nll_bound", PRESETS, argv)
    if call.dry_run:
        print(
            json.dumps(
                {
                    "preset": call.preset,
                    "out": str(call.out),
                    **harness.plain(dataclasses.asdict(call.config)),
                },
                indent=2,
            )
        )
        return 0
    records = harness.Records(call.out, call.config, CELL_KEYS)
    start = time.perf_counter()
    run(call.config, records)
    rows = records.rows()
    failed = records.missing(cells(call.config))
    if rows:
        print(figure1.table(rows))
        paths = figure1.draw(rows, Path(call.out) / "figure1")
        print(f"\nfigure   {paths[0]}\n         {paths[1]}")
    print(f"records  {records.path}   ({len(rows)} cells, {time.perf_counter() - start:.0f} s)")
    return harness.report_failures(failed)


if __name__ == "__main__":
    raise SystemExit(main())
