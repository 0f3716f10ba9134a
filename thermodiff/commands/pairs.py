"""``thermodiff mi --pairs``: every two columns of one table; and which columns ``--discrete`` names."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from thermodiff import plotting
from thermodiff.commands.information_settings import shortened
from thermodiff.commands.options import MutualInformation
from thermodiff.commands.shared import describe_reading, make_folder, wanted, write_results
from thermodiff.data.columns import Choice, places
from thermodiff.data.intake import check_density, read, read_as_they_are
from thermodiff.distributions.rows import Rows
from thermodiff.information.classes.sides import check_no_classes
from thermodiff.information.cross_fitting.folds import CrossFitting
from thermodiff.information.pairwise import PAIR_EFFORTS, pairwise_mutual_information
from thermodiff.runtime.records import plain, versions
from thermodiff.validation import complain


class PairsJob(NamedTuple):
    """Rows (n, d) with a name for each column and the numbers of those that are classes, and the record so far."""

    rows: Rows
    names: tuple[str, ...]
    discrete: list[int]
    settings: CrossFitting
    out: Path
    about: dict[str, Any]


def classes_of(
    words: str, whole: tuple[tuple[str, ...] | None, int] | None, taken: Mapping[str, list[int]]
) -> dict[str, list[int]]:
    """By side the columns, from 0 among those ``taken`` of it, that ``words`` lists: sides, or columns of one file.

    ``whole`` has that file's names and number of columns; None where there are two files. Raises ValueError for a word
    that is nothing of these.
    """
    found: dict[str, set[int]] = {side: set() for side in taken}
    for word in (w.strip() for w in words.split(",")):
        if word in taken:
            found[word].update(range(len(taken[word])))
            continue
        if whole is None:
            raise complain(
                "discrete", repr(word), f"{' or '.join(taken)}, all columns of a file, with two files"
            )
        (place,) = places("discrete", word, *whole)
        sides = [side for side, columns in taken.items() if place in columns]
        if not sides:
            raise complain(
                "discrete",
                repr(word),
                f"a column that is used, one of {' or '.join(f'{side}-columns' for side in taken)}",
            )
        for side in sides:
            found[side].add(taken[side].index(place))
    return {side: sorted(columns) for side, columns in found.items() if columns}


def refuse_dequantise(asked: bool) -> None:
    """Raise where noise is to be added beside columns that are to be classes."""
    if asked:
        raise complain("dequantise", "it with --discrete", "one of them: noise would end the classes")


def prepare_pairs(options: MutualInformation) -> PairsJob:
    """Reads and checks the table.

    Raises ValueError or OSError, one line, for anything that the user can put right, options that pairs cannot have
    among it.
    """
    without = {"FILE-Y": options.file_y, "y-columns": options.y_columns, "permutations": options.permutations}
    without |= {"unit": None if options.unit == "nats" else options.unit}
    for name, value in without.items():
        if value is not None:
            need = f"one file, and --x-columns for some of its columns, without {name}"
            raise complain("pairs", f"it with {name}", need)
    asked = wanted(options.file_x, options.key, Choice("x-columns", options.x_columns), options)
    classes: list[int] = []
    if options.discrete is None:
        samples = read(asked, np.random.default_rng(options.seed))
        check_density(samples)
    else:
        refuse_dequantise(options.dequantise)
        ((samples, whole, taken),) = read_as_they_are(asked)
        classes = classes_of(options.discrete, whole, {"x": taken}).get("x", [])
        check_no_classes({asked.file: samples.table.rows}, {asked.file: classes})
    table = samples.table
    width = table.values.shape[1]
    if width < 2:
        raise complain("pairs", f"{width} column of {table.source}", "at least two")
    settings = shortened(CrossFitting.of(options.effort, PAIR_EFFORTS), options.steps)
    said = {
        name: getattr(options, name) for name in ("x_columns", "discrete", "effort", "steps", "seed", "pairs")
    }
    about = {
        "options": {**describe_reading(asked), **said, "file": asked.file},
        "source": table.source,
        "rows": len(table.values),
        "notes": samples.notes,
        "settings": settings.described(len(table.values)),
        "versions": versions(),
    }
    make_folder(options.out)
    return PairsJob(table.rows, table.words, classes, settings, options.out, about)


def run_pairs(job: PairsJob) -> str:
    """Estimates, writes the four results into ``job.out`` (each whole or not at all); returns the table."""
    start, seed = time.monotonic(), job.about["options"]["seed"]
    found = pairwise_mutual_information(
        jax.random.key(seed),
        job.rows,
        names=job.names,
        discrete=job.discrete,
        settings=job.settings,
        progress=True,
    )
    seconds = time.monotonic() - start
    record = {"format": "thermodiff pairs 1", "units": "nats per sample", **job.about, **found.to_dict()}
    head = f"{job.about['source']}: {job.about['rows']} rows, seed {seed}, {seconds:.0f} s"
    text = "\n".join([head, *(f"  {note}" for note in job.about["notes"]), "", str(found)])
    size = max(plotting.COLUMN, 0.55 * len(job.names) + 1.5)
    with plotting.style():
        figure = plotting.new_figure(size, size)
        plotting.plot_pairs(figure.subplots(), record)
    write_results(job.out, "mi", figure, text, plain({**record, "seconds": seconds}))
    return text
