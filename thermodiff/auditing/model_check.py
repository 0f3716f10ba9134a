"""Whether a model is asked in the right way: does its noise prediction look like noise at every noise level?

    loss(t) = E|eps - n(x, t)|^2/d      0 for the noise itself, 1 for n = 0, and below 1 for any model of these data

Measured with the model as it was given, and where it fails as ``other_conventions`` would have it, so that the message
can say which of them fits. Source: this project.
"""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from thermodiff.array_types import Key, Process
from thermodiff.auditing.other_conventions import other_clocks, other_readings
from thermodiff.distributions.gaussian import Gaussian
from thermodiff.distributions.reference import exact_gaussian, sample_gaussian
from thermodiff.distributions.rows import as_rows
from thermodiff.numerics.estimates import as_float64
from thermodiff.runtime.devices import in_full_precision
from thermodiff.scores.diffusion import LearnedDiffusion, learned_diffusion
from thermodiff.scores.parameterisations import ModelScore
from thermodiff.thermodynamics.ensembles import is_array
from thermodiff.thermodynamics.moments import NoiseMoments, ScoreError
from thermodiff.thermodynamics.point_sets import Points
from thermodiff.thermodynamics.time_grid import TimeGrid, time_grid
from thermodiff.types import Estimate, aligned
from thermodiff.validation import ModelError, check_key, check_points, complain

NODES, ROWS = 9, 256
ALIGNED = 0.9
"""A prediction must correlate with the noise so much of what a Gaussian's does, at the largest noise at the least."""
SIGMAS = 5.0
WORSE, LEAST_WORSE, WORSE_SIGMAS = 0.2, 0.03, 3.0
"""A trained model's loss is not above the Gaussian's by this part of it, this much and so many standard errors at once:
where noise is all there is the Gaussian's is next to 0, and any network's many times that."""
NOISY = 0.3
"""Below this sigma/alpha networks may be worse than the Gaussian: they were hardly trained on so little noise."""


class ModelCheck(NamedTuple):
    """E|eps - n|^2/d at ``noise_ratio`` sigma/alpha (T,), from the least to the largest noise, at ``time`` (T,).

    ``loss`` is an Estimate over (T,), without a unit; ``gaussian`` (T,) that of the best prediction by the data's first
    two moments alone, which a trained model should come below or near. ``unsure`` is d/n where those moments are those
    of n rows, by about which their own Gaussian is better than it would be for other rows; 0 where they are known.
    """

    time: Float[np.ndarray, " T"]
    noise_ratio: Float[np.ndarray, " T"]
    loss: Estimate
    gaussian: Float[np.ndarray, " T"]
    unsure: float = 0.0

    @property
    def explained(self) -> float:
        """1 - loss at the largest noise: 1 where the prediction is the noise."""
        return float(1 - self.loss.mean[-1])

    @property
    def worse_than_nothing(self) -> Bool[np.ndarray, " T"]:
        """Where the loss is above 1 by more than 5 standard errors."""
        return np.asarray(self.loss.mean - 1 > SIGMAS * self.loss.stderr)

    @property
    def worse_than_gaussian(self) -> Bool[np.ndarray, " T"]:
        """Where sigma/alpha >= 0.3 and the loss is above the Gaussian's by a fifth, 0.03 and 3 standard errors."""
        return self._above_gaussian & (self.noise_ratio >= NOISY)

    @property
    def _above_gaussian(self) -> Bool[np.ndarray, " T"]:
        excess = self.loss.mean - self.gaussian
        most = np.maximum((WORSE + self.unsure) * self.gaussian, LEAST_WORSE)
        return np.asarray((excess > most) & (excess > WORSE_SIGMAS * self.loss.stderr))

    @property
    def wrong(self) -> bool:
        """Whether the prediction is worse than none somewhere, or not the noise where there is hardly else."""
        most = ALIGNED**2 * (1 - self.gaussian[-1])
        return bool(self.explained < most or self.worse_than_nothing.any())

    @property
    def fits(self) -> bool:
        """Whether it is not ``wrong``, nor anywhere ``worse_than_gaussian``."""
        return not self.wrong and not bool(self.worse_than_gaussian.any())

    @property
    def convinces(self) -> bool:
        """Whether it is finite, not ``wrong``, and at no noise level worse than the Gaussian by as much as above."""
        finite = bool(np.isfinite(self.loss.mean).all())
        return finite and not self.wrong and not bool(self._above_gaussian.any())

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
    clock, sign or parameterisation would do, saying which; warns where none does, and where the prediction is worse
    than that of the data's Gaussian by a fifth at some sigma/alpha >= 0.3. Raises ScoreError for NaN, naming the time.
    Source: this project.
    """
    drawing, noising = jax.random.split(check_key(key))
    x0, reference, unsure = _drawn(drawing, data)
    diffusion = learned_diffusion(score, process, reference.dim).taking(None)
    grid = time_grid(process, diffusion.starting_time(t_min), nodes)
    eps = jax.random.normal(noising, (nodes, *x0.shape))

    def seen(diffusions: list[LearnedDiffusion]) -> list[ModelCheck]:
        errors = _square_errors(tuple(diffusions), reference, grid.time, x0, eps)
        return [_seen(units, reference, grid, unsure) for units in errors]

    (given,) = seen([diffusion])
    _check_finite(given)
    if given.fits:
        return given
    if not isinstance(diffusion.score, ModelScore):
        need = "a network that predicts noise, x_0, v or a velocity is made a score by td.score_from_..."
        warnings.warn(f"score: {_fault(given)}; {need}", stacklevel=3)
        return given
    name, best = _best(given, diffusion, grid, seen)
    if best is None:
        warnings.warn(f"model: {_fault(given)}; {NOTHING_FITS}", stacklevel=3)
    elif given.wrong:
        raise complain("model", _fault(given), f"{name}, with which these are {_values(best)}")
    else:
        warnings.warn(f"model: {_fault(given)}; they are {_values(best)} with {name}", stacklevel=3)
    return given


NOTHING_FITS = (
    "none of the other conventions tried fits (clock, its scale, sign, parameterisation): it may be badly trained, or "
    "the number that it is told (t, 999 t, 1000 t, sigma, ln(sigma)/4: time=) or what it is shown of x "
    "(scaling=td.EDMScaling(sigma_data) and others) is not as in its training"
)


def _best(
    given: ModelCheck, diffusion: LearnedDiffusion, grid: TimeGrid, seen: Any
) -> tuple[str, ModelCheck | None]:
    """What fits better than what was given, in words, and its check; None where nothing that was tried does."""
    tried: dict[str, ModelCheck] = {}
    for others in other_readings(diffusion, grid), other_clocks(diffusion):
        try:
            tried |= zip(others, seen(list(others.values())), strict=True)
        except ModelError:  # a model outside JAX that does not take such times, which then are not its own
            continue
    better = [(n, c) for n, c in tried.items() if c.convinces and c.loss.mean.mean() < given.loss.mean.mean()]
    return min(better, key=lambda pair: float(pair[1].loss.mean.mean()), default=("", None))


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


def losses(moments: NoiseMoments, points: Points, grid: TimeGrid) -> ModelCheck:
    """The check of averages that are there: E|eps - n|^2 = d - 2 c + b."""
    excess, dim = as_float64(moments.square) - 2 * as_float64(moments.overlap), points.reference.dim
    unsure = 0.0 if float(points.population) else dim / len(excess)
    return _seen(1 + excess / dim, points.reference, grid, unsure)


def _seen(
    units: Float[np.ndarray, "units T"], reference: Gaussian, grid: TimeGrid, unsure: float
) -> ModelCheck:
    """The check of losses of independent units."""
    n, square = len(units), np.exp(2 * as_float64(grid.ell))[:, None]
    loss = Estimate(units.mean(axis=0), units.std(axis=0, ddof=1) / np.sqrt(n), n)
    gaussian = 1 - (square / (as_float64(reference.variances) + square)).mean(axis=1)
    return ModelCheck(as_float64(grid.time), np.sqrt(square[:, 0]), loss, gaussian, unsure)


def _drawn(key: Key, data: Any) -> tuple[Float[Array, "n d"], Gaussian, float]:
    """Rows of the data or draws of a distribution, the Gaussian of the data's moments, and how unsure these are."""
    if not is_array(data):
        drawn = data.sample(key, ROWS)
        known = exact_gaussian(data)
        return drawn, known or sample_gaussian(drawn), 0.0 if known else drawn.shape[1] / ROWS
    rows = as_rows("data", getattr(data, "array", data)).values
    check_points("data", rows)
    n, dim = np.shape(rows)
    return jnp.asarray(rows[:ROWS], dtype=float), sample_gaussian(rows), dim / n


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


def _fault(seen: ModelCheck) -> str:
    start = "a noise prediction n with E|eps - n|^2/d = "
    if seen.wrong:
        return f"{start}{_values(seen)}; 1 is no prediction at all"
    i = int(np.argmax(np.where(seen.worse_than_gaussian, seen.loss.mean / seen.gaussian, 0.0)))
    at = f"{seen.loss.mean[i]:.3g} at sigma/alpha = {seen.noise_ratio[i]:.3g}"
    return f"{start}{at}, where the Gaussian of the data has {seen.gaussian[i]:.3g}"


def _values(seen: ModelCheck) -> str:
    at = sorted({0, len(seen.time) // 2, len(seen.time) - 1})
    return ", ".join(f"{seen.loss.mean[i]:.3g} at sigma/alpha = {seen.noise_ratio[i]:.3g}" for i in at)
