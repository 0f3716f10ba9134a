"""The price of one sample of a user's own data: prepare and train as an audit does, measure, write.

``prepare`` finds everything that a user can get wrong and says so in one line; ``run`` does the work. All is for the
standardised rows: a variance-exploding process costs what its largest noise is beside the data.
"""

from __future__ import annotations

import time

import jax

from thermodiff.commands import ledger_output
from thermodiff.commands.options import Ledger
from thermodiff.commands.shared import working, write_results
from thermodiff.commands.training import Job, prepare_training, train
from thermodiff.distributions.samples import Samples
from thermodiff.energetics.driving import driving_cost
from thermodiff.energetics.hardware import Hardware, check_stochasticity
from thermodiff.energetics.ledger import energy_ledger
from thermodiff.energetics.uncertainty import uncertainty_bound
from thermodiff.thermodynamics.moments import ScoreError
from thermodiff.training.fit import TrainingDivergedError
from thermodiff.trajectories.probability_flow import FlowError

RESULTS = ("ledger.txt", "ledger.png", "ledger.pdf", "ledger.json")
FORESEEN = (TrainingDivergedError, FlowError, ScoreError, OSError)
"""What can go wrong once the work has started, and says itself in one line what it was."""
FLOW_ROWS = 512
"""Rows that the probability flow carries for the upper end of W2: its error is then a few per cent."""


def prepare(options: Ledger) -> Job:
    """Reads, checks, splits and standardises; makes the folder ``out``. The options are those of ``thermodiff ledger``.

    Raises ValueError or OSError, one line, for anything that the user can put right.
    """
    check_stochasticity(options.stochasticity)
    Hardware(options.temperature, options.relaxation_time)
    job = prepare_training(options)
    names = ("temperature", "relaxation_time", "stochasticity")  # which the training does not depend on
    job.about["options"] |= {name: getattr(options, name) for name in names}
    return job


def run(job: Job) -> str:
    """Trains, measures, writes the four results into ``job.out`` (each whole or not at all); returns the table."""
    options = job.about["options"]
    # As an audit's, so that either command goes on from the other's training.
    train_key, measure_key = jax.random.split(jax.random.key(options["seed"]))
    keys = jax.random.split(measure_key, 3)
    start = time.monotonic()
    trained = train(train_key, job)
    middle = time.monotonic()
    n = job.about["audited"]
    rows, hardware = Samples(job.split.test[:n]), Hardware(options["temperature"], options["relaxation_time"])
    score, process = trained.score, job.process
    with working("measuring what a sample costs"):
        ledger = energy_ledger(
            keys[0], score, process, rows, stochasticity=options["stochasticity"], hardware=hardware
        )
        rates = uncertainty_bound(keys[1], score, process, rows)
    with working("carrying rows along the probability flow"):
        cost = driving_cost(keys[2], score, process, Samples(job.split.test[: min(n, FLOW_ROWS)]))
    seconds = {"training": middle - start, "ledger": time.monotonic() - middle}
    record = ledger_output.record(job.about, trained, ledger, cost, rates, process, seconds)
    text = ledger_output.table(record, ledger, cost)
    write_results(job.out, "ledger", ledger_output.figure(record), text, record)
    return text
