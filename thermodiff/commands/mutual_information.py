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
from thermodiff.commands.pairs import PairsJob, classes_of, prepare_pairs, refuse_dequantise, run_pairs
from thermodiff.commands.shared import (
    check_steps_and_seed,
    describe_reading,
    make_folder,
    working,
    write_results,
)
from thermodiff.data.columns import Choice
from thermodiff.data.intake import UserSamples, Wanted, check_density, read_as_they_are, read_pair
from thermodiff.distributions.sample_checks import check_samples
from thermodiff.information.arguments import check_no_function
from thermodiff.information.baselines.gaussian_formula import gaussian_mutual_information
from thermodiff.information.baselines.nearest_neighbours import nearest_neighbour_mutual_information
from thermodiff.information.classes.sides import sides
from thermodiff.information.coordinate_maps import Gaussianise
from thermodiff.information.cross_fitting.folds import CrossFitting
from thermodiff.information.dependence import mutual_information
from thermodiff.information.independence import FEWEST_PERMUTATIONS, independence_test
from thermodiff.runtime.records import versions
from thermodiff.training.fit import TrainingDivergedError
from thermodiff.units import convert, unit_of
from thermodiff.validation import complain

RESULTS = ("mi.txt", "mi.png", "mi.pdf", "mi.json")
FORESEEN = (TrainingDivergedError, OSError)
"""What can go wrong once the work has started, and says itself in one line what it was."""


OTHERS = {
    "nearest neighbours": nearest_neighbour_mutual_information,
    "Gaussian formula": gaussian_mutual_information,
}
"""What the estimate is put beside; both need a density."""


class Job(NamedTuple):
    """Paired rows x (n, a) and y (n, b), the settings, and the record so far."""

    x: np.ndarray
    y: np.ndarray
    discrete: dict[str, list[int]]
    permutations: int | None
    settings: CrossFitting
    out: Path
    about: dict[str, Any]


def prepare(
    *,
    file_x: str,
    file_y: str | None,
    out: Path,
    key: str | None,
    key_y: str | None,
    x_columns: str | None,
    y_columns: str | None,
    discrete: str | None,
    permutations: int | None,
    pairs: bool,
    steps: int | None,
    seed: int,
    dequantise: bool,
    missing: str,
    separator: str,
    header: str,
    unit: str,
) -> Job | PairsJob:
    """Reads and checks both tables; makes the folder ``out``. The options are those of ``thermodiff mi``.

    Raises ValueError or OSError, one line, for anything that the user can put right.
    """
    check_steps_and_seed(steps, seed)
    if pairs:
        without = {"FILE-Y": file_y, "y-columns": y_columns, "permutations": permutations}
        without |= {"unit": None if unit == "nats" else unit}
        wanted = Wanted(file_x, key, Choice("x-columns", x_columns), dequantise, missing, separator, header)
        return prepare_pairs(without, wanted, out, discrete, steps, seed)
    if permutations is not None and permutations < FEWEST_PERMUTATIONS:
        raise complain("permutations", f"{permutations}", f"at least {FEWEST_PERMUTATIONS}")
    if file_y is None and (x_columns is None or y_columns is None):
        got = f"one file, {file_x!r}, alone"
        raise complain("mi", got, "two files, or --x-columns and --y-columns of the one")
    if file_y is None and key_y is not None:
        raise complain("key-y", f"{key_y!r} without a second file", "it with FILE-Y only")
    rng = np.random.default_rng(seed)
    other, other_key = (file_x, key) if file_y is None else (file_y, key_y)
    wanted_x = Wanted(file_x, key, Choice("x-columns", x_columns), dequantise, missing, separator, header)
    wanted_y = wanted_x._replace(file=other, key=other_key, choice=Choice("y-columns", y_columns))
    classes: dict[str, list[int]] = {}
    if discrete is None:
        x, y = read_pair(wanted_x, wanted_y, rng)
        check_density(x)
        check_density(y)
        _check_pair(x, y)
    else:
        refuse_dequantise(dequantise)
        x, whole, taken = read_as_they_are(wanted_x)
        y, _, taken_y = read_as_they_are(wanted_y)
        classes = classes_of(discrete, whole if file_y is None else None, {"x": taken, "y": taken_y})
        sides({"x": x.table.values, "y": y.table.values}, classes)
    settings = cross_fitting(steps)
    options = describe_reading(wanted_x) | {"file_x": file_x, "file_y": file_y, "key_y": key_y}
    options |= {"discrete": discrete, "permutations": permutations, "pairs": False}
    options |= {"x_columns": x_columns, "y_columns": y_columns, "steps": steps, "seed": seed}
    about = {
        "options": options,
        "unit": unit,
        "x": _describe(x),
        "y": _describe(y),
        "rows": len(x.table.values),
        "remarks": tuple(dict.fromkeys((*x.remarks, *y.remarks))),
        "settings": vars(settings) | {"training": vars(settings.training)},
        "versions": versions(),
    }
    make_folder(out)
    return Job(x.table.values, y.table.values, classes, permutations, settings, out, about)


def _check_pair(x: UserSamples, y: UserSamples) -> None:
    """As many rows in both, and nothing of one that the other gives exactly: that has no finite information."""
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
    tables = [x.table.values, y.table.values]
    check_samples("x and y side by side", np.hstack(tables))
    check_no_function(np.hstack([Gaussianise(table).forward(table) for table in tables]))


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
        others = {} if job.discrete else {name: estimate(job.x, job.y) for name, estimate in OTHERS.items()}
    test = None
    if job.permutations is not None:
        with working("permutations"):
            test = independence_test(key, job.x, job.y, discrete=job.discrete, permutations=job.permutations)
    unit = unit_of(job.about["unit"])
    information = information.in_unit(unit)
    others = {name: convert(estimate, unit) for name, estimate in others.items()}
    record = {
        **job.about,
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
