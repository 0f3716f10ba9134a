"""The command ``thermodiff sample``: new samples of a saved score, to a file, with a picture of two of their columns.

``prepare`` finds everything that a user can get wrong and says so in one line; ``run`` does the work.
"""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from thermodiff import plotting
from thermodiff.commands.options import Sample
from thermodiff.commands.shared import check_steps_and_seed, make_folder, working, write_results
from thermodiff.runtime.files import write_atomically
from thermodiff.runtime.records import versions
from thermodiff.sampling.sample import Sampled, sample
from thermodiff.scores.saved import load_score
from thermodiff.thermodynamics.moments import ScoreError
from thermodiff.validation import check_count, complain

FORESEEN = (ScoreError, OSError)
"""What can go wrong once the work has started, and says itself in one line what it was."""
DATA = ("samples.npy", "samples.csv")
RESULTS = ("samples.txt", "samples.png", "samples.pdf", "samples.json", *DATA)
MEASURED = "flow_curvature"
"""The clock that the score itself is asked for; the others are named schedules."""
MOST_DRAWN = 5000
"""Points of the picture."""


class Job(NamedTuple):
    """A score with its process, the options, and the record so far."""

    score: Any
    options: Sample
    out: Path
    about: dict[str, Any]


def prepare(options: Sample) -> Job:
    """Reads and checks; makes the folder ``out``. The options are those of ``thermodiff sample``.

    Raises ValueError or OSError, one line, for anything that the user can put right.
    """
    check_steps_and_seed(options.steps, options.seed)
    check_count("n", options.n)
    score = load_score(options.folder)
    if not hasattr(score, "process"):
        raise complain(
            "folder", f"a {type(score).__name__}", "a score that knows its process, such as td.fit makes"
        )
    if not options.stochasticity >= 0:
        raise complain("stochasticity", f"{options.stochasticity}", "a number of at least 0")
    about = {
        "options": {name: str(v) if isinstance(v, Path) else v for name, v in vars(options).items()},
        "score": type(score).__name__,
        "process": repr(score.process),
        "versions": versions(),
    }
    make_folder(options.out)
    return Job(score, options, options.out, about)


def run(job: Job) -> str:
    """Samples and writes the results into ``job.out``, each whole or not at all; returns the text."""
    options, process = job.options, job.score.process
    start = time.monotonic()
    with working("sampling"):
        made = sample(
            jax.random.key(options.seed),
            job.score,
            process,
            options.n,
            sampler=options.sampler,
            steps=options.steps,
            schedule=None if options.clock == MEASURED else options.clock,
            stochasticity=options.stochasticity,
            kernel=options.kernel,
        )
    x = np.asarray(made.x)
    record = {
        **job.about,
        "rows": len(x),
        "dim": x.shape[1],
        "evaluations": made.evaluations,
        "schedule": {
            "name": made.schedule.name,
            "time": made.schedule.time,
            "noise_ratio": made.schedule.noise_ratio,
        },
        "mean": x.mean(axis=0),
        "std": x.std(axis=0, ddof=1) if len(x) > 1 else None,
        "seconds": time.monotonic() - start,
    }
    text = _text(made, x)
    _write_rows(job.out, x)
    write_results(job.out, "samples", _picture(x), text, record)
    return text


def _text(made: Sampled, x: np.ndarray) -> str:
    lines = [
        f"{len(x)} samples of {x.shape[1]} columns, {made.evaluations} score calls each",
        f"{made.schedule}",
        f"  {'column':>6}{'mean':>12}{'deviation':>12}",
    ]
    deviations = x.std(axis=0, ddof=1) if len(x) > 1 else np.full(x.shape[1], np.nan)
    lines += [
        f"  {i:>6}{m:>12.4g}{s:>12.4g}"
        for i, (m, s) in enumerate(zip(x.mean(axis=0), deviations, strict=True))
    ]
    return "\n".join(lines)


def _write_rows(out: Path, x: np.ndarray) -> None:
    packed, text = io.BytesIO(), io.StringIO()
    np.save(packed, x)
    np.savetxt(text, x, delimiter=",", fmt="%.9g")
    write_atomically(out / DATA[0], packed.getvalue())
    write_atomically(out / DATA[1], text.getvalue())


def _picture(x: np.ndarray) -> plotting.Figure:
    """The first two columns, or the histogram of the only one."""
    with plotting.style():
        figure = plotting.new_figure(plotting.COLUMN, plotting.COLUMN if x.shape[1] > 1 else 2.4)
        axes = figure.subplots()
        if x.shape[1] > 1:
            axes.plot(*x[:MOST_DRAWN, :2].T, ".", markersize=1.5, color=plotting.BLUE)
            axes.set(xlabel="column 0", ylabel="column 1", aspect="equal")
        else:
            axes.hist(x[:, 0], bins=80, color=plotting.BLUE)
            axes.set(xlabel="column 0", ylabel="samples")
    return figure
