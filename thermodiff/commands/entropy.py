"""The command ``thermodiff entropy``: the entropy of a user's samples, and how other density models do on them.

``prepare`` finds everything that a user can get wrong and says so in one line; ``run`` does the work.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from thermodiff.array_types import Key
from thermodiff.commands import information_output
from thermodiff.commands.information_settings import cross_fitting
from thermodiff.commands.options import Entropy
from thermodiff.commands.shared import (
    check_steps_and_seed,
    describe_reading,
    make_folder,
    wanted,
    working,
    write_results,
)
from thermodiff.data.columns import Choice
from thermodiff.data.intake import check_density, divide, read
from thermodiff.distributions.rows import Rows
from thermodiff.information.baselines.density_models import (
    DensityModel,
    GaussianBaseline,
    KernelBaseline,
    MixtureBaseline,
)
from thermodiff.information.baselines.nearest_neighbours import nearest_neighbour_entropy
from thermodiff.information.cross_fitting.folds import CrossFitting
from thermodiff.information.entropy import data_entropy
from thermodiff.information.held_out import held_out_nll
from thermodiff.numerics.estimates import estimate_rows
from thermodiff.runtime.records import versions
from thermodiff.training.fit import TrainingDivergedError
from thermodiff.types import Estimate
from thermodiff.units import Unit, convert, unit_of

RESULTS = ("entropy.txt", "entropy.png", "entropy.pdf", "entropy.json")
FORESEEN = (TrainingDivergedError, OSError)
"""What can go wrong once the work has started, and says itself in one line what it was."""
BASELINES = (GaussianBaseline, MixtureBaseline, KernelBaseline)


class Job(NamedTuple):
    """Rows (n, d) that can be measured, those of them to train and to compare on, the settings, the record so far."""

    rows: Rows
    training: np.ndarray
    test: np.ndarray
    settings: CrossFitting
    out: Path
    about: dict[str, Any]


def prepare(options: Entropy) -> Job:
    """Reads, checks and splits; makes the folder ``out``. The options are those of ``thermodiff entropy``.

    Raises ValueError or OSError, one line, for anything that the user can put right.
    """
    check_steps_and_seed(options.steps, options.seed)
    rng = np.random.default_rng(options.seed)
    choice = Choice("columns", options.columns, options.without)
    asked = wanted(options.file, options.key, choice, options)
    samples = read(asked, rng)
    check_density(samples)
    training, test = divide(samples, rng)
    GaussianBaseline(training[:, :1])  # scikit-learn is missed now rather than after an hour
    settings = cross_fitting(options.effort, options.steps)
    n, dim = samples.table.values.shape
    about = {
        "options": describe_reading(asked)
        | {
            name: getattr(options, name)
            for name in ("file", "columns", "without", "effort", "steps", "seed", "alone")
        },
        "unit": options.unit,
        "source": samples.table.source,
        "columns": samples.table.columns,
        "rows": n,
        "dim": dim,
        "split": {"training": len(training), "test": len(test)},
        "log_steps": samples.log_steps,
        "notes": samples.notes,
        "remarks": samples.remarks,
        "settings": settings.described(n),
        "versions": versions(),
    }
    make_folder(options.out)
    return Job(samples.table.rows, training, test, settings, options.out, about)


def run(job: Job) -> str:
    """Estimates, compares, writes the four results into ``job.out`` (each whole or not at all); returns the table."""
    whole_key, split_key = jax.random.split(jax.random.key(job.about["options"]["seed"]))
    training = job.training
    start = time.monotonic()
    entropy = data_entropy(whole_key, job.rows, settings=job.settings, progress=True)
    middle = time.monotonic()
    unit = unit_of(job.about["unit"], training.shape[1])
    rows = [] if job.about["options"]["alone"] else _others(job, split_key, unit)
    entropy, neighbours = entropy.in_unit(unit), convert(_neighbours(job.rows), unit)
    steps = job.about["log_steps"]
    record = {
        **job.about,
        "log_steps": None if steps is None else steps / unit.nats,
        "entropy": entropy.to_dict(),
        "nearest_neighbours": _numbers(neighbours),
        "held_out": rows,
        "seconds": {"entropy": middle - start, "comparison": time.monotonic() - middle},
    }
    record = information_output.entropy_record(record)
    text = information_output.entropy_text(record, entropy)
    write_results(job.out, "entropy", information_output.entropy_figure(record), text, record)
    return text


def _others(job: Job, key: Key, unit: Unit) -> list[dict[str, Any]]:
    """-ln p of the test rows by scores and by other density models, all of the training rows."""
    score = held_out_nll(key, job.training, job.test, settings=job.settings, progress=True) / unit.nats
    with working("fitting other density models"):
        models = [make(job.training) for make in BASELINES]
        rows = [_compared("score", score, score)]
        return rows + [_compared(_label(m), -m.log_prob(job.test) / unit.nats, score) for m in models]


def _neighbours(rows: Rows) -> Estimate:
    """By nearest neighbours of unit columns, which are neighbours in any unit, back in the units of the rows, nats."""
    x = np.asarray(rows.values, dtype=np.float64)
    std = x.std(axis=0)
    found = nearest_neighbour_entropy(x / std)
    return Estimate(found.mean + float(np.log(std).sum()), found.stderr, found.n)


def _label(model: DensityModel) -> str:
    """The model's name with what was chosen by held-out likelihood."""
    if isinstance(model, MixtureBaseline):
        return f"mixture of {model.components}"
    if isinstance(model, KernelBaseline):
        return f"kernels, width {model.bandwidth:.2g}"
    assert isinstance(model, GaussianBaseline)
    return f"Gaussian, shrunk {model.shrinkage:.2g}"


def _compared(name: str, nll: np.ndarray, score: np.ndarray) -> dict[str, Any]:
    """Mean -ln p of the test rows, and by how much it exceeds the score's, row by row."""
    return {"name": name, **_numbers(estimate_rows(nll)), "difference": _numbers(estimate_rows(nll - score))}


def _numbers(estimate: Estimate) -> dict[str, float]:
    return {"mean": float(estimate.mean), "stderr": float(estimate.stderr)}
