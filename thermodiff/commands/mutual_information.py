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
    make_folder,
    working,
    write_results,
)
from thermodiff.data.intake import UserSamples, read_as_they_are, read_columns
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
) -> Job | PairsJob:
    """Reads and checks both tables; makes the folder ``out``. The options are those of ``thermodiff mi``.

    Raises ValueError or OSError, one line, for anything that the user can put right.
    """
    check_steps_and_seed(steps, seed)
    if pairs:
        given = {"FILE-Y": file_y, "y-columns": y_columns, "permutations": permutations}
        return prepare_pairs(given, file_x, out, key, x_columns, discrete, steps, seed, dequantise)
    if permutations is not None and permutations < FEWEST_PERMUTATIONS:
        raise complain("permutations", f"{permutations}", f"at least {FEWEST_PERMUTATIONS}")
    if file_y is None and (x_columns is None or y_columns is None):
        got = f"one file, {file_x!r}, alone"
        raise complain("mi", got, "two files, or --x-columns and --y-columns of the one")
    if file_y is None and key_y is not None:
        raise complain("key-y", f"{key_y!r} without a second file", "it with FILE-Y only")
    rng = np.random.default_rng(seed)
    chosen = {"x-columns": x_columns, "y-columns": y_columns}
    columns = [None if words is None else (option, words) for option, words in chosen.items()]
    other, other_key = (file_x, key) if file_y is None else (file_y, key_y)
    classes: dict[str, list[int]] = {}
    if discrete is None:
        x = read_columns(file_x, key, columns[0], dequantise, rng)
        y = read_columns(other, other_key, columns[1], dequantise, rng)
        _check_pair(x, y)
    else:
        refuse_dequantise(dequantise)
        x, whole, taken = read_as_they_are(file_x, key, columns[0])
        y, _, taken_y = read_as_they_are(other, other_key, columns[1])
        classes = classes_of(discrete, whole if file_y is None else None, {"x": taken, "y": taken_y})
        sides({"x": x.table.values, "y": y.table.values}, classes)
    settings = cross_fitting(steps)
    options: dict[str, Any] = {
        "file_x": file_x,
        "file_y": file_y,
        "key": key,
        "key_y": key_y,
        "x_columns": x_columns,
    }
    options |= {"discrete": discrete, "permutations": permutations, "pairs": False}
    options |= {"y_columns": y_columns, "steps": steps, "seed": seed, "dequantise": dequantise}
    about = {
        "options": options,
        "x": _describe(x),
        "y": _describe(y),
        "rows": len(x.table.values),
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
