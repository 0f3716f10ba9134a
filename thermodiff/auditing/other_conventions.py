"""What else may be meant by a model that does not fit: another clock, scale of the time, sign or prediction."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax.numpy as jnp

from thermodiff.array_types import ByIdentity, pytree_dataclass
from thermodiff.scores.diffusion import LearnedDiffusion
from thermodiff.scores.model_times import Backwards, ContinuousTime, EDMNoise, NoiseLevel
from thermodiff.scores.predictions import PREDICTIONS
from thermodiff.thermodynamics.time_grid import TimeGrid

SCALES = (1.0, 999.0, 1000.0)
"""What the last time is called: t itself, and t in steps."""


@pytree_dataclass
class _Opposite:
    """A model with the other sign."""

    model: Any

    def __call__(self, x: Any, time: Any) -> Any:
        model = self.model.inside if isinstance(self.model, ByIdentity) else self.model
        return -model(x, time)


def other_readings(diffusion: LearnedDiffusion, grid: TimeGrid) -> dict[str, LearnedDiffusion]:
    """The clock the other way round, the sign and the predictions, each by what it is in words."""
    score: Any = diffusion.score
    ends = jnp.asarray(grid.time[0], dtype=float), jnp.asarray(grid.time[-1], dtype=float)
    backwards = dataclasses.replace(score, time=Backwards(score.time, *ends))
    turned = "a clock that runs the other way" + _turned(score.time)
    opposite = dataclasses.replace(score, model=_Opposite(score.model))
    candidates = {
        turned: backwards,
        "the opposite sign, lambda x, time: -f(x, time)": opposite,
        f"{turned} and the opposite sign": dataclasses.replace(backwards, model=opposite.model),
    }
    if not score.scaling.makes_denoiser:
        for other in PREDICTIONS:
            if type(other) is not type(score.prediction):
                maker = f"td.score_from_{other.says.replace(' ', '_')}"
                candidates[f"{maker}: that fits better"] = dataclasses.replace(score, prediction=other)
    return _with_scores(diffusion, candidates)


def _turned(clock: Any) -> str:
    if not isinstance(clock, ContinuousTime):
        return ""
    return f", time=td.ContinuousTime(noise={float(clock.data):g}, data={float(clock.noise):g})"


def other_clocks(diffusion: LearnedDiffusion) -> dict[str, LearnedDiffusion]:
    """Other numbers for the same t, in the direction of the clock given; none where it tells whole steps."""
    score: Any = diffusion.score
    if score.time.whole:
        return {}
    candidates: dict[str, Any] = {}
    for scale in SCALES:
        ends = (0.0, scale) if float(score.time.direction) < 0 else (scale, 0.0)
        name = f"time=td.ContinuousTime(noise={ends[0]:g}, data={ends[1]:g})"
        candidates[name] = ContinuousTime(*ends)
    if float(score.time.direction) > 0:
        candidates |= {"time=td.NoiseLevel()": NoiseLevel(), "time=td.EDMNoise()": EDMNoise()}
    return _with_scores(diffusion, {n: dataclasses.replace(score, time=c) for n, c in candidates.items()})


def _with_scores(diffusion: LearnedDiffusion, scores: dict[str, Any]) -> dict[str, LearnedDiffusion]:
    return {name: dataclasses.replace(diffusion, score=score) for name, score in scores.items()}
