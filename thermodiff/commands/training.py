"""A score trained on a user's own samples, as the commands that measure one share it: read, split, standardise, train.

    x -> z = M (x - mean)/std -> score trained on 70 %, stopped by 10 % -> the other 20 % to measure on

The same rows, options and versions give the same training, so that a command goes on from what another left in the
same folder.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from thermodiff.array_types import Key, Process
from thermodiff.commands.options import Audit, Ledger
from thermodiff.commands.shared import check_steps_and_seed, describe_reading, make_folder, wanted
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
from thermodiff.distributions.sample_checks import check_samples
from thermodiff.processes.exploding import VarianceExploding
from thermodiff.processes.preserving import VariancePreserving
from thermodiff.runtime.records import versions
from thermodiff.training.fit import Fit, fit
from thermodiff.validation import complain

BETA_MIN = 0.1
PROCESSES: dict[str, tuple[Callable[[float], Process], float]] = {
    "ve": (VarianceExploding, 25.0),
    "vp": (lambda beta_max: VariancePreserving(BETA_MIN, beta_max), 20.0),
}
"""By name: the process as a function of ``--sigma``, and the default of that."""


class Job(NamedTuple):
    """A training that can start: standardised and split data (each (., d)), the process, and the record so far."""

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


def prepare_training(options: Audit | Ledger) -> Job:
    """Reads, checks, splits and standardises; makes the folder ``out``.

    What options say beside the training is for the caller to add to ``about["options"]``.

    Raises ValueError or OSError, one line, for anything that the user can put right.
    """
    _check_options(options)
    name = options.process or next(iter(PROCESSES))
    dynamics, sigma = process_by_name(name, options.sigma)
    rng = np.random.default_rng(options.seed)
    choice = Choice("columns", options.columns, options.without)
    asked = wanted(options.file, options.key, choice, options)
    samples = read(asked, rng)
    check_table(samples.table)
    split, scaling = _standardised_split(samples.table, rng, options.max_points)
    training = training_settings(samples.table.values.shape[1], options.steps)
    said = describe_reading(asked) | {name: getattr(options, name) for name in ("file", "columns", "without")}
    said |= {"process": name, "sigma": sigma, "seed": options.seed}
    said |= {"max_points": options.max_points}
    about = {
        "options": said,
        "training": training,
        **_describe(samples, split, scaling, options.max_points),
    }
    checkpoints = options.out / "checkpoints" / _digest(split, about)
    make_folder(options.out)
    return Job(split, dynamics, training, options.out, checkpoints, about)


def process_by_name(name: str, sigma: float | None) -> tuple[Process, float]:
    """The process and its noise, ``sigma`` or by default that of the name. Raises ValueError for another name."""
    if name not in PROCESSES:
        raise complain(
            "process", repr(name), f"one of {', '.join(PROCESSES)}, or FILE.py:NAME together with --score"
        )
    make, default = PROCESSES[name]
    sigma = default if sigma is None else sigma
    if name == "vp" and sigma < BETA_MIN:
        need = f"at least {BETA_MIN:g}: beta(t) rises from there to it"
        raise complain("sigma", f"{sigma:g} with --process vp", need)
    return make(sigma), sigma


def _check_options(options: Audit | Ledger) -> None:
    check_steps_and_seed(options.steps, options.seed)
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
    check_samples(f"{table.source}, rows to train on", table._replace(values=split.training).rows)
    check_samples(f"{table.source}, rows to measure on", table._replace(values=split.test[:max_points]).rows)
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


def train(key: Key, job: Job) -> Fit:
    """The score of the job's rows, from its checkpoints where there are any, with its progress."""
    return fit(
        key,
        job.split.training,
        job.process,
        validation=job.split.validation,
        checkpoint_dir=job.checkpoints,
        progress=True,
        **job.training,
    )
