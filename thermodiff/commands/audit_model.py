"""An audit of a model of the user's own on the user's rows: nothing is trained, mapped or split.

``prepare`` runs the user's file, and finds everything that can be wrong with it, the model and the rows; ``run``
measures and writes.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from thermodiff import plotting
from thermodiff.array_types import Process
from thermodiff.auditing.audit import audit
from thermodiff.auditing.model_check import check_model
from thermodiff.auditing.report import Audit as Measured
from thermodiff.commands.options import Audit
from thermodiff.commands.own_code import OwnCode, what_failed
from thermodiff.commands.shared import (
    check_steps_and_seed,
    describe_reading,
    make_folder,
    remark_lines,
    wanted,
    write_results,
)
from thermodiff.commands.training import process_by_name
from thermodiff.data.columns import Choice
from thermodiff.data.intake import read
from thermodiff.distributions.samples import Samples
from thermodiff.runtime.records import plain, versions
from thermodiff.scores.callables import as_score
from thermodiff.thermodynamics.moments import ScoreError
from thermodiff.units import unit_of
from thermodiff.validation import check_callable, check_process, complain

FORMAT = "thermodiff audit of a model 1"


class ModelJob(NamedTuple):
    """A model, its process, the rows (n, d) to measure on, and the record so far."""

    score: Any
    process: Process
    rows: np.ndarray
    out: Path
    about: dict[str, Any]


def prepare(options: Audit) -> ModelJob:
    """Reads the rows, runs the user's file, checks one against the other; makes the folder ``out``.

    Raises ValueError or OSError, one line, for anything that the user can put right.
    """
    assert options.score is not None
    _check_options(options)
    asked = wanted(options.file, options.key, Choice("columns", options.columns, options.without), options)
    samples = read(asked, np.random.default_rng(options.seed))
    rows = samples.table.values[: options.max_points]
    score, process = _model(options, rows.shape[1])
    warned = _check_model(options, score, process, rows)
    n, dim = samples.table.values.shape
    names = (
        "file",
        "columns",
        "without",
        "score",
        "process",
        "sigma",
        "seed",
        "max_points",
        "prior",
        "unit",
        "paths",
    )
    about = {
        "options": describe_reading(asked) | {name: getattr(options, name) for name in names},
        "source": samples.table.source,
        "columns": samples.table.columns,
        "rows": n,
        "dim": dim,
        "audited": len(rows),
        "process": type(process).__name__,
        "notes": samples.notes,
        "remarks": [*samples.remarks, *warned],
        "versions": versions(),
    }
    make_folder(options.out)
    return ModelJob(score, process, rows, options.out, about)


def _check_options(options: Audit) -> None:
    check_steps_and_seed(options.steps, options.seed)
    if options.steps is not None:
        raise complain("steps", f"{options.steps} with --score", "no steps: nothing is trained")
    if options.max_points < 2:
        raise complain(
            "max-points", f"{options.max_points}", "at least 2, since error bars are the spread of points"
        )
    by_name = options.process is not None and ":" not in options.process
    if options.sigma is not None and not by_name:
        raise complain(
            "sigma", f"{options.sigma:g} with a process of your own", "it for --process ve or vp alone"
        )


def _model(options: Audit, dim: int) -> tuple[Any, Process]:
    """The score and the process that the options name."""
    own, address = OwnCode(), options.score
    assert address is not None
    score = own.take("score", address)
    check_callable(score, dim)
    if options.process is None:
        process = getattr(score, "process", None)
        if process is None:
            need = "--process ve, vp or FILE.py:NAME"
            raise complain("process", f"none for a {type(score).__name__}, which does not know its own", need)
    elif ":" in options.process:
        process = own.take("process", options.process)
    else:
        process, _ = process_by_name(options.process, options.sigma)
    check_process(process)
    return score, process


def _check_model(options: Audit, score: Any, process: Process, rows: np.ndarray) -> list[str]:
    """Raise ValueError, one line, where the score does not fit the rows, fails on them, or is asked in a wrong way.

    Returns what is to be distrusted.
    """
    dim = rows.shape[1]
    try:
        as_score(score, dim)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            check_model(jax.random.key(options.seed), score, process, rows)
    except ValueError:  # ours, one line
        raise
    except ScoreError as error:
        raise ValueError(str(error)) from error
    except Exception as error:  # whatever the user's own lines raise
        raise complain(
            "score", what_failed(error), f"a score of {dim} columns that can be evaluated"
        ) from error
    return [str(warning.message) for warning in caught if warning.category is UserWarning]


def run(job: ModelJob) -> str:
    """Measures, writes the four results into ``job.out`` (each whole or not at all); returns the table."""
    options, start = job.about["options"], time.monotonic()
    measured = audit(
        jax.random.key(options["seed"]),
        job.score,
        job.process,
        Samples(job.rows),
        max_points=len(job.rows),
        prior=options["prior"],
        paths=options["paths"] or None,
        progress=True,
    ).in_unit(unit_of(options["unit"], job.rows.shape[1]))
    record = _record(job.about, measured, time.monotonic() - start)
    text = _table(record, measured)
    write_results(job.out, "audit", _figure(record), text, record)
    return text


def _record(about: Mapping[str, Any], measured: Measured, seconds: float) -> dict[str, Any]:
    unit = measured.unit
    return plain(
        {
            "format": FORMAT,
            **about,
            "t_min": measured.t_min,
            "unit": unit.name,
            "units": f"{unit.per_sample}, in the data's own units; rates in nats per unit of t",
            "audit": measured.to_dict(),
            "seconds": seconds,
        }
    )


def _table(record: Mapping[str, Any], measured: Measured) -> str:
    options = record["options"]
    used = "" if record["audited"] == record["rows"] else f", the first {record['audited']} of them used"
    of = f" of {options['process']}" if options["process"] else ""
    lines = [
        f"{record['source']}: {record['rows']} rows of {record['dim']} columns{used}",
        *(f"  {note}" for note in record["notes"]),
        f"  score {options['score']}, nothing trained",
        f"  process {record['process']}{of}, seed {options['seed']}, {record['seconds']:.0f} s",
        "",
        "In the data's own units:",
        str(measured),
    ]
    return "\n".join([*lines, *remark_lines(record["remarks"])])


def _figure(record: Mapping[str, Any]) -> plotting.Figure:
    """Rates on the left, the ladder of bounds on the right."""
    with plotting.style():
        drawn = plotting.new_figure(2 * plotting.COLUMN + 0.2, 3.2)
        left, right = drawn.subplots(1, 2)
        rates = record["audit"]["rates"]
        plotting.plot_rates(left, rates, against="log_snr")
        plotting.plot_ladder(right, record["audit"], 0.0)
        left.set_title(f"entropy rates in {rates['orientation']}, {rates['reading']} reading")
        right.set_title("bounds and likelihoods")
    return drawn
