"""Whether a model is asked in the right way: does its noise prediction look like noise at every noise level?

    loss(t) = E|eps - n(x, t)|^2/d      0 for the noise itself, 1 for n = 0, and below 1 for any model of these data

Measured with the model as it was given, and where it fails with its clock the other way round, its sign, and as another
prediction, so that the message can say which of them fits. Source: this project.
"""

from __future__ import annotations

import dataclasses
import warnings
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from thermodiff.array_types import ByIdentity, Key, Process, pytree_dataclass
from thermodiff.distributions.gaussian import Gaussian
from thermodiff.distributions.reference import exact_gaussian, sample_gaussian
from thermodiff.distributions.rows import as_rows
from thermodiff.numerics.estimates import as_float64
from thermodiff.runtime.devices import in_full_precision
from thermodiff.scores.diffusion import LearnedDiffusion, learned_diffusion
from thermodiff.scores.model_times import Backwards, ContinuousTime
from thermodiff.scores.parameterisations import ModelScore
from thermodiff.scores.predictions import PREDICTIONS
from thermodiff.thermodynamics.ensembles import is_array
from thermodiff.thermodynamics.moments import NoiseMoments, ScoreError
from thermodiff.thermodynamics.time_grid import TimeGrid, time_grid
from thermodiff.types import Estimate, aligned
from thermodiff.validation import check_key, check_points, complain

NODES, ROWS = 9, 256
ALIGNED = 0.9
"""A prediction must correlate with the noise so much of what a Gaussian's does, at the largest noise at the least."""
SIGMAS = 5.0


class ModelCheck(NamedTuple):
    """E|eps - n|^2/d at ``noise_ratio`` sigma/alpha (T,), from the least to the largest noise, at ``time`` (T,).

    ``loss`` is an Estimate over (T,), without a unit; ``gaussian`` (T,) that of the best prediction by the data's first
    two moments alone, which a trained model should come below or near.
    """

    time: Float[np.ndarray, " T"]
    noise_ratio: Float[np.ndarray, " T"]
    loss: Estimate
    gaussian: Float[np.ndarray, " T"]

    @property
    def explained(self) -> float:
        """1 - loss at the largest noise: 1 where the prediction is the noise."""
        return float(1 - self.loss.mean[-1])

    @property
    def worse_than_nothing(self) -> Bool[np.ndarray, " T"]:
        """Where the loss is above 1 by more than 5 standard errors."""
        return np.asarray(self.loss.mean - 1 > SIGMAS * self.loss.stderr)

    @property
    def fits(self) -> bool:
        """Whether the prediction is no worse than none anywhere, and the noise itself where there is hardly else."""
        most = ALIGNED**2 * (1 - self.gaussian[-1])
        return bool(self.explained >= most and not self.worse_than_nothing.any())

    @property
    def convinces(self) -> bool:
        """Whether it fits and, over all noise levels, explains as much of the noise as a Gaussian's, or nearly."""
        return self.fits and float(np.mean(1 - self.loss.mean)) >= ALIGNED**2 * float(
            np.mean(1 - self.gaussian)
        )

    def __str__(self) -> str:
        """A row for each noise level."""
        lines = [
            "E|eps - n|^2/d (0: the noise itself, 1: no prediction)",
            "  sigma/alpha   loss" + " " * 19 + "Gaussian",
        ]
        for r, mean, stderr, g in zip(
            self.noise_ratio, self.loss.mean, self.loss.stderr, self.gaussian, strict=True
        ):
            lines.append(f"  {r:<12.4g}{aligned(mean, stderr):<24}{g:.4f}")
        return "\n".join(lines)


@in_full_precision
def check_model(
    key: Key, score: Any, process: Process, data: Any, *, t_min: float | None = None, nodes: int = NODES
) -> ModelCheck:
    """Whether ``score``, made by ``td.score_from_...``, is asked on the right clock, with the right sign and formula.

    ``data`` is a distribution or samples (n, d), of which the first 256 are used; ``nodes`` noise levels even in
    log-SNR, a few thousand evaluations in all. ``td.audit`` does this by itself.

    Raises ValueError where the prediction explains less of the noise than it must, or is worse than none, and another
    clock, sign or parameterisation would do, saying which; warns where none does. Raises ScoreError for NaN, naming the
    time. Source: this project.
    """
    drawing, noising = jax.random.split(check_key(key))
    x0, reference = _drawn(drawing, data)
    diffusion = learned_diffusion(score, process, reference.dim).taking(None)
    grid = time_grid(process, diffusion.starting_time(t_min), nodes)
    eps = jax.random.normal(noising, (nodes, *x0.shape))
    given = _seen(_square_errors((diffusion,), reference, grid.time, x0, eps)[0], reference, grid)
    _check_finite(given)
    if given.fits or not isinstance(diffusion.score, ModelScore):
        return given
    others = _others(diffusion, grid)
    errors = _square_errors(tuple(others.values()), reference, grid.time, x0, eps)
    tried = {name: _seen(units, reference, grid) for name, units in zip(others, errors, strict=True)}
    better = [(name, other) for name, other in tried.items() if other.convinces]
    if better:
        name, best = min(better, key=lambda pair: float(pair[1].loss.mean.mean()))
        if best.loss.mean.mean() < given.loss.mean.mean():
            raise complain("model", _fault(given), f"{name}, with which these are {_values(best)}")
    warnings.warn(
        f"model: {_fault(given)}; no other clock, sign or parameterisation does better", stacklevel=3
    )
    return given


def refuse_if_wrong(key: Key, diffusion: LearnedDiffusion, data: Any, seen: ModelCheck) -> None:
    """For an audit: look closer where what it ``seen`` does not fit a model. Raises and warns as ``check_model``."""
    if isinstance(diffusion.score, ModelScore) and not seen.fits:
        check_model(
            jax.random.fold_in(key, NODES),
            diffusion.score,
            diffusion.process,
            data,
            t_min=float(seen.time[0]),
        )


def losses(moments: NoiseMoments, reference: Gaussian, grid: TimeGrid) -> ModelCheck:
    """The check of averages that are there: E|eps - n|^2 = d - 2 c + b."""
    excess = as_float64(moments.square) - 2 * as_float64(moments.overlap)
    return _seen(1 + excess / reference.dim, reference, grid)


def _seen(units: Float[np.ndarray, "units T"], reference: Gaussian, grid: TimeGrid) -> ModelCheck:
    """The check of losses of independent units."""
    n, square = len(units), np.exp(2 * as_float64(grid.ell))[:, None]
    loss = Estimate(units.mean(axis=0), units.std(axis=0, ddof=1) / np.sqrt(n), n)
    gaussian = 1 - (square / (as_float64(reference.variances) + square)).mean(axis=1)
    return ModelCheck(as_float64(grid.time), np.sqrt(square[:, 0]), loss, gaussian)


def _drawn(key: Key, data: Any) -> tuple[Float[Array, "n d"], Gaussian]:
    """Rows of the data or draws of a distribution, and the Gaussian of the data's moments."""
    if not is_array(data):
        drawn = data.sample(key, ROWS)
        return drawn, exact_gaussian(data) or sample_gaussian(drawn)
    rows = as_rows("data", getattr(data, "array", data)).values
    check_points("data", rows)
    return jnp.asarray(rows[:ROWS], dtype=float), sample_gaussian(rows)


def _square_errors(
    diffusions: tuple[LearnedDiffusion, ...], reference: Gaussian, times: Any, x0: Any, eps: Any
) -> list[Float[np.ndarray, "units T"]]:
    """|eps - n|^2/d of each way to ask, point (n,) and time (T,), all in one program.

    Each less that of the Gaussian's prediction, plus its mean: its scatter is most of the scatter at any noise.
    """
    return [as_float64(part) for part in _errors_of_all(diffusions, reference, times, x0, eps)]


@jax.jit
def _errors_of_all(diffusions: Any, reference: Gaussian, times: Any, x0: Any, eps: Any) -> list[Any]:
    def one(diffusion: LearnedDiffusion, x0: Any, eps: Any, t: Any) -> Any:
        alpha, sigma = diffusion.process.alpha(t), diffusion.process.sigma(t)
        x = alpha * x0 + sigma * eps
        n, of_gaussian = diffusion.noise(x, t), -sigma * reference.noised_score(x, alpha, sigma)
        v = alpha**2 * reference.variances
        # (eps - n)^2 - (eps - n_G)^2, as a product: at little noise both are eps.
        return jnp.mean((of_gaussian - n) * (2 * eps - n - of_gaussian)) + jnp.mean(v / (v + sigma**2))

    over = lambda d: jax.vmap(jax.vmap(lambda x, e, t: one(d, x, e, t), (0, 0, None)), (None, 0, 0))  # noqa: E731
    return [over(diffusion)(x0, eps, times).T for diffusion in diffusions]


def _check_finite(seen: ModelCheck) -> None:
    """Raise where the loss is not finite, naming the times between which it is."""
    bad = np.flatnonzero(~np.isfinite(seen.loss.mean))
    if bad.size:
        good = np.flatnonzero(np.isfinite(seen.loss.mean))
        lowest = f", finite from {seen.time[good[0]]:.3g} on" if good.size and good[0] > bad[-1] else ""
        raise ScoreError(
            f"model: NaN or infinite at t = {seen.time[bad[0]]:.3g} (sigma/alpha = {seen.noise_ratio[bad[0]]:.3g})"
            f"{lowest}; give t_min= if it is not meant to be used there"
        )


@pytree_dataclass
class _Opposite:
    """A model with the other sign."""

    model: Any

    def __call__(self, x: Any, time: Any) -> Any:
        model = self.model.inside if isinstance(self.model, ByIdentity) else self.model
        return -model(x, time)


def _others(diffusion: LearnedDiffusion, grid: TimeGrid) -> dict[str, LearnedDiffusion]:
    """What else may have been meant, by what it is in words."""
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
                candidates[f"{maker}: it predicts that"] = dataclasses.replace(score, prediction=other)
    return {name: dataclasses.replace(diffusion, score=candidate) for name, candidate in candidates.items()}


def _turned(clock: Any) -> str:
    if not isinstance(clock, ContinuousTime):
        return ""
    return f", time=td.ContinuousTime(noise={float(clock.data):g}, data={float(clock.noise):g})"


def _fault(seen: ModelCheck) -> str:
    return f"a noise prediction n with E|eps - n|^2/d = {_values(seen)}; 1 is no prediction at all"


def _values(seen: ModelCheck) -> str:
    at = sorted({0, len(seen.time) // 2, len(seen.time) - 1})
    return ", ".join(f"{seen.loss.mean[i]:.3g} at sigma/alpha = {seen.noise_ratio[i]:.3g}" for i in at)
