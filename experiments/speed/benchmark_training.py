"""The benchmark's rows on training: a step, the loop, a sweep, folds; each a dict with the ratio and what made it."""

from __future__ import annotations

import dataclasses
import time
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import thermodiff as td
from experiments.harness.types import Row
from experiments.speed import benchmark_reference as reference
from experiments.speed.paired_timing import Pairs, by_turns, summary
from thermodiff.information.cross_fitting.folds import DEFAULT_TRAINING
from thermodiff.training.cores import available_cores
from thermodiff.training.jobs import one_by_one
from thermodiff.training.problem import prepare
from thermodiff.training.step import advance_one, initial_state, step

NOISE = 25.0


def mixture(dim: int) -> td.GaussianMixture:
    """Two Gaussians of different weight, place and width, about zero mean and unit variance."""
    covs = [0.6 * np.eye(dim), 0.2 * np.eye(dim)]
    return td.GaussianMixture([0.3, 0.7], [[-1.5] * dim, [0.65] * dim], covs)


def process() -> td.VarianceExploding:
    """The diffusion of all rows."""
    return td.VarianceExploding(NOISE)


def row_of(pairs: Pairs, speedup: bool, **more: Any) -> Row:
    """Median and range of the ratio, with both medians in seconds and whatever else there is to say."""
    seconds = {
        "ours_seconds": float(np.median(pairs.ours)),
        "theirs_seconds": float(np.median(pairs.theirs)),
    }
    return {**summary(pairs.ratios(speedup)), **seconds, "pairs": len(pairs.ours), **more}


def training_step(width: int, batch: int, steps: int, pairs: int) -> Row:
    """A step inside the loop against the matrix products of its forward and backward pass; ``steps`` of each a time."""
    config = td.TrainingConfig(width=width, batch_size=batch)
    problem, network = prepare(jax.random.key(0), mixture(2), process(), config)
    state = initial_state(config, network, validated=False)
    products = reference.bare_products(network, batch)

    def ours() -> None:
        jax.block_until_ready(advance_one(config, problem, state, 0, steps))

    def theirs() -> None:
        jax.block_until_ready([products() for _ in range(steps)][-1])

    return row_of(by_turns(ours, theirs, pairs), speedup=False, width=width, steps=steps)


def training_loop(width: int, batch: int, steps: int, pairs: int) -> Row:
    """The loop against the same compiled step called from Python, data drawn by numpy and the loss read each time."""
    config = td.TrainingConfig(width=width, batch_size=batch)
    data = mixture(2)
    problem, network = prepare(jax.random.key(0), data, process(), config)
    state = initial_state(config, network, validated=False)
    compiled = jax.jit(partial(step, config))
    rng = np.random.default_rng(0)

    def ours() -> None:
        jax.block_until_ready(advance_one(config, problem, state, 0, steps))

    def theirs() -> None:
        now, losses = state, []
        for i in range(steps):
            rows = jnp.asarray(reference.host_mixture(rng, data, batch // 2))
            now, loss, _ = compiled(problem._replace(data=reference.Given(rows)), i, now)
            losses.append(float(loss))

    return row_of(by_turns(ours, theirs, pairs), speedup=True, width=width, steps=steps)


def sweep(networks: int, width: int, batch: int, steps: int, pairs: int) -> Row:
    """A sweep against one fit after another, each pair compiled from nothing."""
    keys = jax.random.split(jax.random.key(0), networks)
    settings = {"width": width, "batch_size": batch, "steps": steps}
    data, diffusion = mixture(2), process()

    def ours() -> None:
        jax.clear_caches()
        td.fit_sweep(keys, data, diffusion, **settings)

    def theirs() -> None:
        jax.clear_caches()
        for key in keys:
            td.fit(key, data, diffusion, **settings)

    return row_of(by_turns(ours, theirs, pairs, warm=False), speedup=True, networks=networks, steps=steps)


def folds(rows: int, steps: int, pairs: int) -> Row:
    """The six trainings behind an entropy of data at once, one a core, against one after another; compiled before.

    The default setting in fewer steps. ``processor`` is the ratio of seconds of processor: alone a training is shared
    out between cores, which costs.
    """
    samples = np.random.default_rng(0).normal(size=(rows, 6)) ** 3
    chunk = max(1, steps // 10)
    config = dataclasses.replace(DEFAULT_TRAINING, steps=steps, chunk=chunk, patience=steps)
    settings, key = td.CrossFitting(training=config), jax.random.key(0)
    processor: dict[str, list[float]] = {"ours": [], "theirs": []}

    def ours() -> None:
        start = time.process_time()
        td.data_entropy(key, samples, settings=settings)
        processor["ours"].append(time.process_time() - start)

    def theirs() -> None:
        start = time.process_time()
        with one_by_one():
            td.data_entropy(key, samples, settings=settings)
        processor["theirs"].append(time.process_time() - start)

    taken = by_turns(ours, theirs, pairs)
    ratios = np.divide(processor["ours"][1:], processor["theirs"][1:])  # the first ones compiled
    return row_of(
        taken, speedup=False, rows=rows, steps=steps, processor=summary(ratios), cores=available_cores()
    )
