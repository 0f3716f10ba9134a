"""The benchmark's rows on samples and paths: against the score calls, or the products, that they cannot do without."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import thermodiff as td
from experiments.harness.types import Row
from experiments.speed.benchmark_evaluation import trained
from experiments.speed.benchmark_reference import network_products
from experiments.speed.benchmark_training import mixture, process, row_of
from experiments.speed.paired_timing import by_turns, summary
from thermodiff.paths.denoising import denoising_curve

STEPS, WIDTH = 16, 128
WASTED_STEPS = 32
ERROR = 1e-2
"""Nats that the divergence of paths is wanted to."""


def _schedule(score: Any, steps: int = STEPS) -> Any:
    return td.schedule("log_snr", process(), steps, float(score.t_min))


def sampling(dim: int, train_steps: int, points: int, pairs: int) -> Row:
    """``td.sample`` in 16 steps of DPM-Solver++(2M) against the products of as many forward passes of its network."""
    score = trained(dim, train_steps, width=WIDTH)
    schedule, products = _schedule(score), network_products(score.network, points)

    def ours() -> None:
        jax.block_until_ready(
            td.sample(jax.random.key(1), score, process(), points, sampler="dpmpp_2m", schedule=schedule).x
        )

    def theirs() -> None:
        jax.block_until_ready([products() for _ in range(STEPS)][-1])

    return row_of(by_turns(ours, theirs, pairs), speedup=False, dim=dim, steps=STEPS, points=points)


def path_likelihood(dim: int, train_steps: int, points: int, pairs: int) -> Row:
    """The likelihood of the reverse SDE, 16 paths of 16 steps a row, against its score calls alone, in one program."""
    score, paths = trained(dim, train_steps, width=WIDTH), 16
    schedule = _schedule(score)
    x = np.asarray(mixture(dim).sample(jax.random.key(5), points // paths))
    batch = jnp.asarray(np.repeat(x, paths, axis=0))
    times = jnp.asarray(schedule.time[:-1], jnp.float32)

    @jax.jit
    def calls(batch: Any, times: Any) -> Any:
        # Each call starts from the last one's answer, so that none can be left out.
        def step(x: Any, t: Any) -> tuple[Any, None]:
            return jax.vmap(score, in_axes=(0, None))(x, t), None

        return jax.lax.scan(step, batch, times)[0]

    def ours() -> None:
        td.path_log_likelihood(jax.random.key(2), score, process(), x, schedule, "posterior", paths)

    def theirs() -> None:
        jax.block_until_ready(calls(batch, times))

    return row_of(by_turns(ours, theirs, pairs), speedup=False, dim=dim, steps=STEPS, points=points)


def clock(train_steps: int, pairs: int) -> Row:
    """The flow-curvature clock against ``td.entropy_rates`` at as many times and points."""
    score, data = trained(2, train_steps, width=WIDTH), mixture(2)
    sizes = {"nodes": 65, "replicates": 8, "points": 256}

    def ours() -> None:
        td.clock(jax.random.key(1), score, process(), data, **sizes)

    def theirs() -> None:
        rates = td.entropy_rates(jax.random.key(1), score, process(), data, **sizes)
        jax.block_until_ready(rates.system.mean)

    return row_of(by_turns(ours, theirs, pairs), speedup=False, **sizes)


def waste(train_steps: int, paths: int, seeds: int) -> Row:
    """Score calls for the divergence <R> of 32 steps to 1e-2 nats: along simulated paths of noising, by the formula.

    Both are measured at a size that is quick; calls times error squared does not depend on it.
    """
    score, data = trained(2, train_steps, width=WIDTH), mixture(2)
    schedule = _schedule(score, WASTED_STEPS)
    sizes = {"nodes": 65, "replicates": 16, "points": 1024}
    ours, theirs = [], []
    for seed in range(seeds):
        key = jax.random.key(seed)
        curve = denoising_curve(key, score, process(), data, **sizes)
        by_formula = td.discretisation_waste(curve, schedule, "posterior").divergence
        rows = np.asarray(data.sample(jax.random.key(100 + seed), paths))
        noised = td.noising_paths(key, process(), rows, schedule)
        simulated = td.path_waste(noised, score, process(), "posterior", data).mean
        ours.append(np.prod([*sizes.values()]) * (by_formula.stderr / ERROR) ** 2)
        theirs.append(WASTED_STEPS * paths * (simulated.stderr / ERROR) ** 2)
    return {
        **summary(np.divide(theirs, ours)),
        "ours_evaluations": float(np.median(ours)),
        "theirs_evaluations": float(np.median(theirs)),
        "pairs": seeds,
    }
