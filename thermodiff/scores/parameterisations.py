"""Somebody else's network as a score: noise, x_0, v or velocity predicted, on its own clock and scale.

    f(c x, time(t))  ->  n(x, t)  ->  s = -n/sigma

``model_times`` has the clocks, ``model_scalings`` what the network sees of x, ``predictions`` the formulae.
"""

from __future__ import annotations

from typing import Any

from thermodiff.array_types import Scalar, Vector, as_pytree, pytree_dataclass
from thermodiff.distributions.base import Family
from thermodiff.distributions.gaussian import Gaussian
from thermodiff.distributions.reference import exact_gaussian, sample_gaussian
from thermodiff.distributions.rows import as_rows
from thermodiff.scores.base import NoiseScore
from thermodiff.scores.model_calls import check_is_model, for_one_sample, held
from thermodiff.scores.model_scalings import Scaling, Unscaled
from thermodiff.scores.model_times import as_model_time
from thermodiff.scores.predictions import Denoiser, NoisePrediction, Seen, Velocity, VPrediction
from thermodiff.types import is_concrete
from thermodiff.validation import check_points, check_process, complain


@pytree_dataclass
class ModelScore(NoiseScore):
    """s = -n/sigma of a network's prediction, with the clock and scaling that it was trained on.

    ``model(x, time) -> (d,)`` is the network, ``ByIdentity`` where it is no pytree of arrays; ``prediction`` one of
    ``predictions.PREDICTIONS``, ``time`` of ``model_times``, ``scaling`` of ``model_scalings``. ``reference`` and
    ``t_min`` may be None.
    """

    model: Any
    process: Any
    prediction: Any
    time: Any
    scaling: Any
    reference: Gaussian | None
    t_min: Any

    def noise(self, x: Vector, t: Scalar) -> Vector:
        """n(x, t), shape (d,)."""
        process, alpha, sigma = self.process, self.process.alpha(t), self.process.sigma(t)
        c = self.scaling.factor(alpha, sigma)
        at = Seen(c * x, c * alpha, c * sigma, self.time.direction, process, self.scaling, t)
        answer = self.time.ask(self._for_one_sample(x.shape[-1]), at.x, process, t)
        return self.scaling.noise(self.prediction, answer, at)

    def check_for(self, dim: int) -> None:
        """Raise ValueError, in words of the model, if it does not fit data of ``dim`` columns."""
        self._for_one_sample(dim)

    def _for_one_sample(self, dim: int) -> Any:
        return for_one_sample(self.model, dim, self.time.whole)


def _model_score(
    prediction: Any, f: Any, process: Any, time: Any, scaling: Any, reference: Any, t_min: Any
) -> ModelScore:
    check_process(process)
    check_is_model(f)
    scaling = Unscaled() if scaling is None else scaling
    if not isinstance(scaling, Scaling):
        name = scaling.__name__ if isinstance(scaling, type) else type(scaling).__name__
        raise complain("scaling", name, "a scaling such as td.EDMScaling(0.5) or td.VEToVP()")
    if scaling.makes_denoiser and not isinstance(prediction, Denoiser):
        got = f"{type(scaling).__name__} for a {prediction.says}"
        raise complain(
            "scaling", got, "td.score_from_denoiser: it makes a denoiser of what the network answers"
        )
    if t_min is not None and is_concrete(t_min) and not 0 < float(t_min) < 1:
        raise complain("t_min", f"{t_min}", "a time strictly between 0 and 1")
    return ModelScore(
        held(f),
        as_pytree(process),
        prediction,
        as_model_time(time, process),
        scaling,
        _reference(reference),
        t_min,
    )


def _reference(given: Any) -> Gaussian | None:
    """The Gaussian of the data's moments, from a Gaussian, another distribution, or rows (n, d)."""
    if given is None or isinstance(given, Gaussian):
        return given
    if isinstance(given, Family):
        return exact_gaussian(given)
    rows = as_rows("reference", getattr(given, "array", given)).values
    check_points("reference", rows)
    return sample_gaussian(rows)


def score_from_noise_prediction(
    f: Any,
    process: Any,
    *,
    time: Any = None,
    scaling: Any = None,
    reference: Any = None,
    t_min: float | None = None,
) -> ModelScore:
    """The score of a network that predicts the noise, f = E[eps | x]:  s = -f/sigma (DDPM).

    ``f(x, time) -> (d,)`` for x of shape (d,) is any callable that JAX can trace, of one sample or of batches (n, d),
    (n,); a condition is closed over. ``process`` is the diffusion that it was trained on. ``time`` is what the network
    is told in the place of t (``scores.model_times``): a clock such as ``td.StepNumber(1000)`` or
    ``td.ContinuousTime()``, or a function of t; by default the step where the process is a table, else t. ``scaling``
    is what it is shown of x (``scores.model_scalings``), by default x itself. ``reference`` are the data, their
    Gaussian or their law, for variance reduction, the default prior, and d in ``td.sample``; ``t_min`` is where
    integrals and samples end, by default the process's own choice.

    Raises ValueError for what is no model, process, clock or scaling; a network of another shape is refused where the
    data's dimension is known. Source: Ho et al. (2020), eq. 12.
    """
    return _model_score(NoisePrediction(), f, process, time, scaling, reference, t_min)


def score_from_denoiser(
    f: Any,
    process: Any,
    *,
    time: Any = None,
    scaling: Any = None,
    reference: Any = None,
    t_min: float | None = None,
) -> ModelScore:
    """The score of a network that predicts the data, f = E[x_0 | x]:  s = (alpha f - x)/sigma^2.

    With ``scaling=td.EDMScaling(sigma_data)`` and ``time=td.EDMNoise()`` f is the inner network F of Karras et al.,
    without its c_skip, c_out and c_in; a denoiser that has them inside takes no scaling. Arguments and what is raised
    are as in ``score_from_noise_prediction``. Source: Karras et al. (2022), eq. 3.
    """
    return _model_score(Denoiser(), f, process, time, scaling, reference, t_min)


def score_from_v_prediction(
    f: Any,
    process: Any,
    *,
    time: Any = None,
    scaling: Any = None,
    reference: Any = None,
    t_min: float | None = None,
) -> ModelScore:
    """The score of a network that predicts v = alpha eps - sigma x_0:  s = -(x + (alpha/sigma) f)/(alpha^2 + sigma^2).

    Arguments and what is raised are as in ``score_from_noise_prediction``. Source: Salimans & Ho (2022), appendix D,
    where alpha^2 + sigma^2 = 1; for any alpha and sigma this project's.
    """
    return _model_score(VPrediction(), f, process, time, scaling, reference, t_min)


def score_from_velocity(
    f: Any,
    process: Any,
    *,
    time: Any = None,
    scaling: Any = None,
    reference: Any = None,
    t_min: float | None = None,
) -> ModelScore:
    """The score of a network that predicts the velocity u = E[dx/dt | x]:  s = (a x - u)/D (flow matching).

    For ``td.LinearInterpolant()`` u = E[eps - x_0 | x] and s = -(x + (1 - t) u)/t; for another process the velocity of
    its probability flow. u is per unit of t in [0, 1], whatever numbers the network is told, in the direction in which
    they grow: with ``time=td.ContinuousTime(noise=0.0, data=1.0)`` it is E[x_0 - eps | x]. Arguments and what is
    raised are as in ``score_from_noise_prediction``. Source: Lipman et al. (2023); for any process this project's.
    """
    return _model_score(Velocity(), f, process, time, scaling, reference, t_min)
