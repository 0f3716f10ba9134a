"""The clock of a score that nobody measured: from samples that it makes itself, once, kept while the score lives."""

from __future__ import annotations

import weakref
from typing import Any

import jax

from thermodiff.distributions.gaussian import Gaussian
from thermodiff.runtime.progress import shown
from thermodiff.sampling.clocks import Clock, clock
from thermodiff.sampling.generation import generate
from thermodiff.sampling.samplers import MultistepDPM
from thermodiff.sampling.schedules import schedule_between
from thermodiff.scores.diffusion import LearnedDiffusion
from thermodiff.types import is_concrete
from thermodiff.validation import complain

POINTS, STEPS, SEED = 1024, 64, 0
_KEPT: dict[int, tuple[weakref.ref, Any, Clock]] = {}
"""By the score's identity: the score (to know when it is gone), the process, the clock."""


def own_clock(score: Any, diffusion: LearnedDiffusion, prior: Gaussian) -> Clock:
    """The flow-curvature clock on ``POINTS`` samples of the score, made in ``STEPS`` steps of log-SNR by dpmpp_2m.

    The seed is fixed, so that the clock is a function of score, process and the prior of the first call. Raises
    ValueError under a trace, where nothing can be measured.
    """
    process = diffusion.process
    if not is_concrete((score, process, prior)):
        raise complain(
            "schedule",
            "none for a score, process or prior that JAX is tracing",
            "a td.Schedule made outside jax.jit",
        )
    kept = _KEPT.get(id(score))
    if kept is not None and kept[0]() is score and kept[1] is process:
        return kept[2]
    with shown("the score's own clock", None, "measuring where steps are needed"):
        measured = _measure(diffusion, prior)
    name = id(score)
    try:
        owner = weakref.ref(score, lambda _: _KEPT.pop(name, None))
    except TypeError:  # what cannot be referred to weakly is measured each time
        return measured
    _KEPT[name] = owner, process, measured
    return measured


def _measure(diffusion: LearnedDiffusion, prior: Gaussian) -> Clock:
    start = diffusion.starting_time()
    schedule = schedule_between("log_snr", diffusion.process, STEPS, start, diffusion.reference)
    sample_key, clock_key = jax.random.split(jax.random.key(SEED))
    points, _ = generate(sample_key, MultistepDPM(), diffusion, prior, schedule, POINTS)
    return clock(clock_key, diffusion.score, diffusion.process, points)
