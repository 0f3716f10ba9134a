"""Many samples by one sampler: one compiled program, streamed in equal batches and split over the devices."""

from __future__ import annotations

import contextlib
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from thermodiff.array_types import Key, Scalar, Vector
from thermodiff.distributions.gaussian import Gaussian
from thermodiff.runtime.devices import batch_parts, map_over_batch, spread
from thermodiff.runtime.progress import shown
from thermodiff.sampling.samplers import Sampler, Step, sampler_steps
from thermodiff.sampling.schedules import Schedule
from thermodiff.scores.diffusion import LearnedDiffusion
from thermodiff.thermodynamics.moments import EVALUATIONS_AT_ONCE, ScoreError
from thermodiff.types import is_concrete

SAMPLES_AT_ONCE = EVALUATIONS_AT_ONCE
"""Samples that take their steps side by side."""
CALLS_AT_ONCE = 2**22
"""Score calls in one run of the program, after which a bar moves on: some seconds of a small network."""


def generate(
    key: Key,
    sampler: Sampler,
    diffusion: LearnedDiffusion,
    prior: Gaussian,
    schedule: Schedule,
    n: int,
    paths: bool = False,
) -> tuple[Any, Any]:
    """n samples (n, d) at the schedule's end and, if ``paths``, where they were at its times, (n, N+1, d), data first.

    Sample i is the same whatever n is. Raises ScoreError where samples are NaN or infinite; under a trace that is not
    looked for.
    """
    at_once = -(-n // -(-n // SAMPLES_AT_ONCE))
    batches = -(-n // at_once)
    batches_a_run = min(batches, max(1, CALLS_AT_ONCE // (at_once * schedule.steps * sampler.calls)))
    rows, runs = at_once * batches_a_run, -(-batches // batches_a_run)
    keys = jax.random.split(key, rows * runs)  # the last batch is filled up: all are of one size
    program = functools.partial(_generate, at_once, paths)
    problem = sampler, diffusion, prior, sampler_steps(schedule)
    told = runs > 1 and is_concrete((problem, keys))
    made = []
    with shown("sampling", runs, "compiling") if told else contextlib.nullcontext() as bar:
        for i in range(runs):
            made.append(spread(program, *problem, keys[i * rows : (i + 1) * rows]))
            if bar is not None:
                jax.block_until_ready(made[-1])
                bar.tell(i + 1, f"{min((i + 1) * rows, n)} samples")
    whole = jax.tree.map(lambda *leaves: jnp.concatenate(leaves)[:n], *made)
    return _finite(whole, schedule)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _generate(
    at_once: int,
    paths: bool,
    sampler: Sampler,
    diffusion: LearnedDiffusion,
    prior: Gaussian,
    steps: Step,
    keys: Any,
) -> tuple[Any, Any]:
    def one(key: Key) -> tuple[Any, Any]:
        start_key, step_key = jax.random.split(key)
        normal = jax.random.normal(start_key, (prior.dim,), prior.mean.dtype)
        x = prior.mean + prior.axes @ (jnp.sqrt(prior.variances) * normal)
        return carry_down(sampler, diffusion, steps, x, step_key, paths)

    return map_over_batch(one, keys, max(1, at_once // batch_parts()))


def carry_down(
    sampler: Sampler, diffusion: LearnedDiffusion, steps: Step, x: Vector, key: Key, paths: bool = False
) -> tuple[Any, Any]:
    """One x (d,) at the first time, at the last and, if ``paths``, at all of them, (N+1, d), data first."""
    process = diffusion.process

    def noise(z: Vector, t: Scalar) -> Vector:
        return diffusion.noise(process.alpha(t) * z, t)

    def step(carry: Any, at: Any) -> tuple[Any, Any]:
        z, memory = carry
        z, memory = sampler.step(noise, z, memory, at, jax.random.fold_in(key, at.index))
        return (z, memory), process.alpha(at.next_time) * z if paths else None

    z = x / process.alpha(steps.time[0])
    (z, _), visited = jax.lax.scan(step, (z, sampler.start(z)), steps)
    last = process.alpha(steps.next_time[-1]) * z
    return last, jnp.concatenate([x[None], visited])[::-1] if paths else None


def _finite(made: tuple[Any, Any], schedule: Schedule) -> tuple[Any, Any]:
    """The samples, looked at where they can be."""
    if is_concrete(made):
        bad = int(np.sum(~np.isfinite(np.asarray(made[0])).all(axis=1)))
        if bad:
            raise ScoreError(
                f"score: NaN or infinite values made {bad} of {len(made[0])} samples so, between t = 1 and "
                f"t = {schedule.t_min:.3g}; look at the score there, or end the schedule earlier"
            )
    return made
