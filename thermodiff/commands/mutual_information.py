"""The command ``thermodiff mi``: mutual information of two files, or of columns of one.

``prepare`` finds everything that a user can get wrong and says so in one line; ``run`` does the work.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from thermodiff.commands import information_output
from thermodiff.commands.information_settings import cross_fitting
from thermodiff.commands.options import MutualInformation
from thermodiff.commands.pairs import PairsJob, classes_of, prepare_pairs, refuse_dequantise, run_pairs
from thermodiff.commands.shared import (
    check_steps_and_seed,
    make_folder,
    wanted,
    working,
    write_results,
)
from thermodiff.data.columns import Choice
from thermodiff.data.intake import UserSamples, check_density, read_as_they_are, read_pair
from thermodiff.distributions.rows import Rows
from thermodiff.information.baselines.gaussian_formula import gaussian_mutual_information
from thermodiff.information.baselines.nearest_neighbours import nearest_neighbour_mutual_information
from thermodiff.information.classes.sides import check_no_classes, sides
from thermodiff.information.cross_fitting.folds import CrossFitting
from thermodiff.information.dependence import check_pair, mutual_information
from thermodiff.information.independence import FEWEST_PERMUTATIONS, independence_test
from thermodiff.runtime.records import versions
from thermodiff.training.fit import TrainingDivergedError
from thermodiff.types import Estimate
from thermodiff.units import convert, unit_of
from thermodiff.validation import complain

RESULTS = ("mi.txt", "mi.png", "mi.pdf", "mi.json")
FORESEEN = (TrainingDivergedError, OSError)
"""What can go wrong once the work has started, and says itself in one line what it was."""


SAID = (
    *("file_x", "file_y", "key", "key_y", "x_columns", "y_columns", "discrete", "permutations", "pairs"),
    *("effort", "steps", "seed", "dequantise", "missing", "separator", "header"),
)
"""Options that the record repeats."""
OTHERS = {
    "nearest neighbours": nearest_neighbour_mutual_information,
    "Gaussian formula": gaussian_mutual_information,
}
"""What the estimate is put beside; both need a density."""


class Job(NamedTuple):
    """Paired rows x (n, a) and y (n, b) with their columns' names, the settings, and the record so far."""

    x: Rows
    y: Rows
    discrete: dict[str, list[int]]
    permutations: int | None
    settings: CrossFitting
    out: Path
    about: dict[str, Any]


def prepare(options: MutualInformation) -> Job | PairsJob:
    """Reads and checks both tables; makes the folder ``out``. The options are those of ``thermodiff mi``.

    Raises ValueError or OSError, one line, for anything that the user can put right.
    """
    check_steps_and_seed(options.steps, options.seed)
    if options.pairs:
        return prepare_pairs(options)
    _check_tables_are_named(options)
    x, y, classes = _read(options)
    settings = cross_fitting(options.effort, options.steps)
    about = {
        "options": {name: getattr(options, name) for name in SAID},
        "unit": options.unit,
        "x": _describe(x),
        "y": _describe(y),
        "rows": len(x.table.values),
        "remarks": tuple(dict.fromkeys((*x.remarks, *y.remarks))),
        "settings": settings.described(len(x.table.values)),
        "versions": versions(),
    }
    make_folder(options.out)
    tables = x.table.rows, y.table.rows
    return Job(*tables, classes, options.permutations, settings, options.out, about)


def _check_tables_are_named(options: MutualInformation) -> None:
    """Raise unless the options say which columns are x and which are y."""
    if options.permutations is not None and options.permutations < FEWEST_PERMUTATIONS:
        raise complain(
            "permutations", f"{options.permutations}", f"at least {FEWEST_PERMUTATIONS}, to reach p = 0.05"
        )
    if options.file_y is not None:
        return
    if options.x_columns is None or options.y_columns is None:
        got = f"one file, {options.file_x!r}, alone"
        raise complain("mi", got, "two files, or --x-columns and --y-columns of the one")
    if options.key_y is not None:
        raise complain("key-y", f"{options.key_y!r} without a second file", "it with FILE-Y only")


def _read(options: MutualInformation) -> tuple[UserSamples, UserSamples, dict[str, list[int]]]:
    """Both tables, checked, and of each side which columns are classes."""
    one_file = options.file_y is None
    file_y = options.file_y or options.file_x
    key_y = options.key if one_file else options.key_y
    asked_x = wanted(options.file_x, options.key, Choice("x-columns", options.x_columns), options)
    asked_y = asked_x._replace(file=file_y, key=key_y, choice=Choice("y-columns", options.y_columns))
    if options.discrete is None:
        x, y = read_pair(asked_x, asked_y, np.random.default_rng(options.seed))
        if not options.dequantise:
            check_no_classes({"x": x.table.rows, "y": y.table.rows})
        check_density(x)
        check_density(y)
        _check_pair(x, y)
        return x, y, {}
    refuse_dequantise(options.dequantise)
    x_taken, y_taken = read_as_they_are(asked_x, asked_y)
    places = {"x": x_taken.places, "y": y_taken.places}
    classes = classes_of(options.discrete, x_taken.whole if one_file else None, places)
    x, y = x_taken.samples, y_taken.samples
    named = {"x": x.table.rows, "y": y.table.rows}
    told = sides(named, classes)
    if told["x"].dim * told["y"].dim:
        check_no_classes(named, classes)
    return x, y, classes


def _check_pair(x: UserSamples, y: UserSamples) -> None:
    """As many rows in both, no column in both, and nothing else that has no finite information."""
    n = len(x.table.values)
    if len(y.table.values) != n:
        got = f"{len(y.table.values)} rows"
        raise complain(
            y.table.source, got, f"as many as {x.table.source} has, {n}: row i of both is one pair"
        )
    for j, column in enumerate(y.table.values.T):
        if (column[:, None] == x.table.values).all(axis=0).any():
            raise complain(
                f"column {y.table.column(j)} of y", "it in x too", "it in one: of itself a column tells all"
            )
    check_pair(x.table.rows, y.table.rows)


def _describe(samples: UserSamples) -> dict[str, Any]:
    return {
        "source": samples.table.source,
        "columns": samples.table.columns,
        "dim": samples.table.values.shape[1],
        "notes": samples.notes,
    }


def run(job: Job | PairsJob) -> str:
    """Estimates, writes the four results into ``job.out`` (each whole or not at all); returns the table."""
    if isinstance(job, PairsJob):
        return run_pairs(job)
    start = time.monotonic()
    key = jax.random.key(job.about["options"]["seed"])
    information = mutual_information(
        key, job.x, job.y, discrete=job.discrete, settings=job.settings, progress=True
    )
    with working("other estimates"):
        others, refused = ({}, ()) if job.discrete else _others(job)
    test = None
    if job.permutations is not None:
        with working("permutations"):
            test = independence_test(key, job.x, job.y, discrete=job.discrete, permutations=job.permutations)
    unit = unit_of(job.about["unit"])
    information = information.in_unit(unit)
    others = {name: convert(estimate, unit) for name, estimate in others.items()}
    record = {
        **job.about,
        "remarks": (*job.about["remarks"], *refused),
        "mutual_information": information.to_dict(),
        "others": [
            {"name": name, "mean": float(e.mean), "stderr": float(e.stderr)} for name, e in others.items()
        ],
        "independence": None if test is None else test.to_dict(),
        "seconds": time.monotonic() - start,
    }
    record = information_output.mi_record(record)
    text = information_output.mi_text(record, information) + ("" if test is None else f"\n{test}")
    write_results(job.out, "mi", information_output.mi_figure(record), text, record)
    return text


def _others(job: Job) -> tuple[dict[str, Estimate], tuple[str, ...]]:
    """The other estimates by name; of those that refuse rows which ``mutual_information`` takes, the reason instead.

    Ranks of y that are those of x, as where they differ by little, have no nearest-neighbour estimate.
    """
    others, refused = {}, []
    for name, estimate in OTHERS.items():
        try:
            others[name] = estimate(job.x, job.y)
        except ValueError as error:
            refused.append(f"no estimate by {name}: {error}")
    return others, tuple(refused)
