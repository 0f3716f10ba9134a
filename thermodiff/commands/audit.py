"""An audit of a user's own samples, from the file to the written results: prepare, train, measure, write.

``prepare`` finds everything that a user can get wrong and says so in one line; ``run`` does the work. Numbers are
measured on the standardised rows; nats in the data's own units are those plus the log Jacobian (``data.splits``).
A model of the user's own is audited by ``commands.audit_model``.
"""

from __future__ import annotations

import time

import jax

from thermodiff.auditing.audit import audit
from thermodiff.commands import audit_model, audit_output
from thermodiff.commands.audit_model import ModelJob
from thermodiff.commands.options import Audit
from thermodiff.commands.shared import write_results
from thermodiff.commands.training import Job, prepare_training, train
from thermodiff.distributions.samples import Samples
from thermodiff.thermodynamics.moments import ScoreError
from thermodiff.training.fit import TrainingDivergedError
from thermodiff.trajectories.probability_flow import FlowError
from thermodiff.units import unit_of
from thermodiff.validation import complain

RESULTS = ("audit.txt", "audit.png", "audit.pdf", "audit.json")
FORESEEN = (TrainingDivergedError, FlowError, ScoreError, OSError)
"""What can go wrong once an audit has started, and says itself in one line what it was."""


def prepare(options: Audit) -> Job | ModelJob:
    """Reads, checks, splits and standardises; makes the folder ``out``. The options are those of ``thermodiff audit``.

    Raises ValueError or OSError, one line, for anything that the user can put right.
    """
    if options.paths < 0 or options.paths == 1:
        raise complain(
            "paths", f"{options.paths}", "at least 2 paths a row, or 0 for no likelihood of the SDE"
        )
    if options.score is not None:
        return audit_model.prepare(options)
    job = prepare_training(options)
    # What the training does not depend on.
    job.about["options"] |= {"prior": options.prior, "unit": options.unit, "paths": options.paths}
    return job


def run(job: Job | ModelJob) -> str:
    """Trains, measures, writes the four results into ``job.out`` (each whole or not at all); returns the table."""
    if isinstance(job, ModelJob):
        return audit_model.run(job)
    train_key, audit_key = jax.random.split(jax.random.key(job.about["options"]["seed"]))
    start = time.monotonic()
    trained = train(train_key, job)
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
