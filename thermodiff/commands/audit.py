"""An audit of a user's own samples, from the file to the written results: prepare, train, measure, write.

    x -> z = M (x - mean)/std -> score trained on 70 %, stopped by 10 % -> td.audit on 20 % -> record, table, figure

``prepare`` finds everything that a user can get wrong and says so in one line; ``run`` does the work. Numbers are
measured on z; nats in the data's own units are those plus the log Jacobian (``data.splits``).
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from thermodiff.array_types import Process
from thermodiff.auditing.audit import audit
from thermodiff.commands import audit_output
from thermodiff.commands.options import Audit
from thermodiff.commands.shared import (
    check_steps_and_seed,
    describe_reading,
    make_folder,
    wanted,
    write_results,
)
from thermodiff.data.columns import Choice
from thermodiff.data.intake import UserSamples, read
from thermodiff.data.remarks import far_out, few_values
from thermodiff.data.splits import (
    Split,
    Standardisation,
    check_table,
    split_rows,
    standardisation,
)
from thermodiff.data.tables import Table
from thermodiff.distributions.rows import Rows
from thermodiff.distributions.sample_checks import check_samples
from thermodiff.distributions.samples import Samples
from thermodiff.processes.exploding import VarianceExploding
from thermodiff.processes.preserving import VariancePreserving
from thermodiff.runtime.records import versions
from thermodiff.thermodynamics.moments import ScoreError
from thermodiff.training.fit import TrainingDivergedError, fit
from thermodiff.trajectories.probability_flow import FlowError
from thermodiff.units import unit_of
from thermodiff.validation import complain

RESULTS = ("audit.txt", "audit.png", "audit.pdf", "audit.json")
FORESEEN = (TrainingDivergedError, FlowError, ScoreError, OSError)
"""What can go wrong once an audit has started, and says itself in one line what it was."""
BETA_MIN = 0.1
PROCESSES: dict[str, tuple[Callable[[float], Process], float]] = {
    "ve": (VarianceExploding, 25.0),
    "vp": (lambda beta_max: VariancePreserving(BETA_MIN, beta_max), 20.0),
}
"""By name: the process as a function of ``--sigma``, and the default of that."""


class Job(NamedTuple):
    """An audit that can start: standardised and split data (each (., d)), the process, and the record so far."""

    split: Split
    process: Process
    training: dict[str, Any]
    out: Path
    checkpoints: Path
    about: dict[str, Any]


def training_settings(dim: int, steps: int | None) -> dict[str, Any]:
    """Size and length of the training for d columns, from trials on a few thousand rows of 3 and of 64 columns.

    Narrower networks and a smaller rate than ``fit``'s own, because few rows are soon learned by heart; the training
    ends after ten looks at the held-out rows without a better one.
    """
    width, default = (64, 4000) if dim <= 16 else (256, 2000)
    steps = steps or default
    small = {"steps": steps, "warmup": min(100, steps // 2), "chunk": min(100, steps), "patience": 10}
    return {**small, "width": width, "depth": 2, "batch_size": 256, "learning_rate": 1.5e-3}


def prepare(options: Audit) -> Job:
    """Reads, checks, splits and standardises; makes the folder ``out``. The options are those of ``thermodiff audit``.

    Raises ValueError or OSError, one line, for anything that the user can put right.
    """
    _check_options(options)
    make, default = PROCESSES[options.process]
    sigma = default if options.sigma is None else options.sigma
    if options.process == "vp" and sigma < BETA_MIN:
        raise complain(
            "sigma", f"{sigma:g} with --process vp", f"at least {BETA_MIN:g}: beta(t) rises from there to it"
        )
    dynamics = make(sigma)
    rng = np.random.default_rng(options.seed)
    choice = Choice("columns", options.columns, options.without)
    asked = wanted(options.file, options.key, choice, options)
    samples = read(asked, rng)
    check_table(samples.table)
    split, scaling = _standardised_split(samples.table, rng, options.max_points)
    training = training_settings(samples.table.values.shape[1], options.steps)
    said = describe_reading(asked) | {name: getattr(options, name) for name in ("file", "columns", "without")}
    said |= {"process": options.process, "sigma": sigma, "seed": options.seed}
    said |= {"max_points": options.max_points}
    about = {
        "options": said,
        "training": training,
        **_describe(samples, split, scaling, options.max_points),
    }
    checkpoints = options.out / "checkpoints" / _digest(split, about)
    said |= {
        "prior": options.prior,
        "unit": options.unit,
        "paths": options.paths,
    }  # which the training does not depend on
    make_folder(options.out)
    return Job(split, dynamics, training, options.out, checkpoints, about)


def _check_options(options: Audit) -> None:
    check_steps_and_seed(options.steps, options.seed)
    if options.paths < 0 or options.paths == 1:
        raise complain(
            "paths", f"{options.paths}", "at least 2 paths a row, or 0 for no likelihood of the SDE"
        )
    if options.max_points < 2:
        raise complain(
            "max-points", f"{options.max_points}", "at least 2, since error bars are the spread of points"
        )


def _standardised_split(
    table: Table, rng: np.random.Generator, max_points: int
) -> tuple[Split, Standardisation]:
    """The rows mapped by the moments of those to train on; what is trained and measured on checked again."""
    rows = split_rows(table.values, rng)
    scaling = standardisation(rows.training, table)
    split = Split(*(scaling(part) for part in rows))
    check_samples(f"{table.source}, rows to train on", Rows(split.training, table.columns))
    check_samples(f"{table.source}, rows to measure on", Rows(split.test[:max_points], table.columns))
    return split, scaling


def _describe(
    samples: UserSamples, split: Split, scaling: Standardisation, max_points: int
) -> dict[str, Any]:
    table = samples.table
    n, dim = table.values.shape
    return {
        "source": table.source,
        "columns": table.columns,
        "rows": n,
        "dim": dim,
        "split": {name: len(part) for name, part in split._asdict().items()},
        "audited": min(len(split.test), max_points),
        "standardisation": {
            "mean": scaling.mean.tolist(),
            "std": scaling.std.tolist(),
            "mix": scaling.mix.tolist(),
            "log_jacobian": scaling.log_jacobian,
        },
        "notes": samples.notes,
        "remarks": [*samples.remarks, *few_values(table), *far_out(table)],
        "versions": versions(),
    }


def _digest(split: Split, about: Mapping[str, Any]) -> str:
    """A short name for this training: the same rows, options and versions give the same, and so resume each other."""
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for part in split:
        digest.update(part.tobytes())
    return digest.hexdigest()[:12]


def run(job: Job) -> str:
    """Trains, measures, writes the four results into ``job.out`` (each whole or not at all); returns the table."""
    train_key, audit_key = jax.random.split(jax.random.key(job.about["options"]["seed"]))
    start = time.monotonic()
    trained = fit(
        train_key,
        job.split.training,
        job.process,
        validation=job.split.validation,
        checkpoint_dir=job.checkpoints,
        progress=True,
        **job.training,
    )
    middle = time.monotonic()
    n = job.about["audited"]
    rows = Samples(job.split.test[:n])
    prior = job.about["options"]["prior"]
    measured = audit(
        audit_key,
        trained.score,
        job.process,
        rows,
        max_points=n,
        prior=prior,
        paths=job.about["options"]["paths"] or None,
        progress=True,
    ).in_unit(unit_of(job.about["options"]["unit"], rows.dim))
    seconds = {"training": middle - start, "audit": time.monotonic() - middle}
    record = audit_output.record(job.about, trained, measured, seconds)
    text = audit_output.table(record, measured)
    write_results(job.out, "audit", audit_output.figure(record), text, record)
    return text
