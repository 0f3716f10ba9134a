"""Noising against the generator, ratio (c): the work W of a path, and its waste R = ln p_0(x_0) + W.

With r_k = (sqrt(1 - a_k) n_th(x_k) - eps_k)/sqrt(a_k) (``sampling.kernels``; other gains g in place of 1 - a),
    W = -ln pi(x_N) + sum_k [|r_k|^2/(2 (1 + e_k)) + (d/2) ln(1 + e_k) - |eps_k|^2/2 + (d/2) ln a_k] + d
    ln(alpha_0/alpha_N)
is the log ratio of the noising kernels to the generator's, in a form without large numbers that cancel. Then
    p_th(x_0) = <e^-W>  over noising from x_0,      <W> = -ELBO of the discretised generator,
    <e^-R>_F = 1,   <e^R>_th = 1,   P_F(R)/P_th(R) = e^R,   <R>_F = KL(P_F || P_th) >= KL(p_0 || p_th),
all exact at any number of steps and for any score. A perfect score has R = 0 on every path in the limit of many steps.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from thermodiff.array_types import Process, Score
from thermodiff.distributions.gaussian import Gaussian
from thermodiff.numerics.estimates import as_float64, estimate_rows
from thermodiff.numerics.path_ratio import effective_samples, log_mean_exp
from thermodiff.paths.denoising import DenoisingCurve
from thermodiff.paths.generation import GeneratedPaths
from thermodiff.paths.noising import NoisingPaths
from thermodiff.paths.predictions import log_density, noise_predictions
from thermodiff.runtime.devices import in_full_precision
from thermodiff.sampling.kernels import (
    ANALYTIC,
    AnalyticKernel,
    Kernel,
    KernelSteps,
    Steps,
    named_kernel,
    steps_of,
)
from thermodiff.scores.diffusion import learned_diffusion
from thermodiff.thermodynamics.chosen_prior import chosen_prior
from thermodiff.types import Estimate
from thermodiff.validation import complain


class PathWork(NamedTuple):
    """W of K paths from each of n starting points, nats.

    work (n, K); log_weight (n,) = ln mean_K e^-W, the estimate of ln p_th(x_0) as a density of x(t_min); waste (n, K) =
    R = ln p_0(x_0) + W, None where p_0 is not known; ess (n,) the effective number of the K paths, variance (n,) that
    of W over them, NaN for one path.
    """

    work: Float[np.ndarray, "n K"]
    log_weight: Float[np.ndarray, " n"]
    waste: Float[np.ndarray, "n K"] | None
    ess: Float[np.ndarray, " n"]
    variance: Float[np.ndarray, " n"]

    @property
    def mean(self) -> Estimate:
        """<R>, or <W> where p_0 is not known, with the error of independent starting points."""
        return estimate_rows((self.work if self.waste is None else self.waste).mean(axis=1))

    def __str__(self) -> str:
        name = "<W>" if self.waste is None else "<R>"
        return f"{name} = {self.mean} nats; effective paths {self.ess.mean():.3g} of {self.work.shape[1]}"


@in_full_precision
def path_waste(
    paths: Any,
    score: Score,
    process: Process,
    kernel: Kernel | str | None = None,
    data: Any = None,
    *,
    prior: Gaussian | str | None = None,
) -> PathWork:
    """W of given paths between noising and the generator of ``score`` with this kernel and prior; R where p_0 is known.

    ``paths`` are those of ``td.noising_paths`` or of ``td.generated_paths``; ``data`` is the distribution that the rows
    were drawn from; None gives the work alone. Of paths of noising ``kernel`` is by default "analytic", measured on the
    paths themselves; generated paths have their own kernel and prior, and may be given no others. With
    ``kernel=generated.kernel`` for the noised ones both kinds make ``td.fluctuation_theorem(noised.waste,
    generated.waste)``. Raises NotKnownError for data whose density is not known, naming what does without. Source:
    Jarzynski (1997) read along noising; the stable form is this project's.
    """
    if not isinstance(paths, NoisingPaths | GeneratedPaths):
        raise complain("paths", type(paths).__name__, "what td.noising_paths or td.generated_paths makes")
    dim = paths.x.shape[2]
    diffusion = learned_diffusion(score, process, dim).taking(None)
    steps = steps_of(process, paths.schedule, getattr(score, "t_min", None))
    log_p = None if data is None else log_density(data, process, float(steps.time[0]), paths.x[:, 0])
    n_th = noise_predictions(diffusion, paths.x[:, 1:], steps.time[1:])
    if isinstance(paths, GeneratedPaths):
        _check_own(paths, kernel, prior)
        at, chosen = paths.kernel.at(steps, dim), paths.prior
        refuse_no_noise(at)
        exchanged = _generated_terms(at, steps, n_th, paths.noise)
    else:
        at = (named_kernel(kernel or ANALYTIC) or _kernel_of_paths(paths, steps, n_th)).at(steps, dim)
        chosen, _ = chosen_prior(prior, diffusion.score, process, dim)
        refuse_no_noise(at)
        exchanged = _noised_terms(at, steps, n_th, paths.noise)
    log_prior = as_float64(chosen.log_prob(jnp.asarray(paths.x[:, -1], float)))
    work = exchanged.sum(axis=1) + volume_terms(at, steps, dim) - log_prior
    work = work.reshape(-1, paths.per_point)
    waste = None if log_p is None else work + log_p.reshape(work.shape)
    several = work.shape[1] > 1
    variance = work.var(axis=1, ddof=1) if several else np.full(len(work), np.nan)
    return PathWork(work, log_mean_exp(-work), waste, effective_samples(-work), variance)


def refuse_no_noise(at: KernelSteps) -> None:
    """Raise for a kernel without noise."""
    if np.any(at.inflation <= 0):
        need = "a generator with noise: the work of the flow is infinite"
        raise complain("kernel", "stochasticity 0", need)


def volume_terms(at: KernelSteps, steps: Steps, dim: int) -> float:
    """What W has on every path: (d/2) sum ln(a (1 + e)) + d ln(alpha_0/alpha_N)."""
    shrink = np.log(steps.s[0] / steps.s[-1]) + np.log(steps.alpha[0] / steps.alpha[-1])
    return float(dim * (shrink + 0.5 * np.sum(np.log(at.inflation))))


def _noised_terms(at: KernelSteps, steps: Steps, n_th: Any, eps: Any) -> Float[np.ndarray, "n N"]:
    """(|r|^2/(1 + e) - |eps|^2)/2 of paths whose eps are known."""
    r = at.lift(steps)[:, None] * n_th - eps
    return 0.5 * (np.sum(r**2, axis=2) / (steps.a * at.inflation) - np.sum(eps**2, axis=2))


def _generated_terms(at: KernelSteps, steps: Steps, n_th: Any, xi: Any) -> Float[np.ndarray, "n N"]:
    """The same of paths whose xi are known: r = sqrt(1 + e) xi, and eps follows."""
    eps = at.lift(steps)[:, None] * n_th - np.sqrt(steps.a * at.inflation)[:, None] * xi
    return 0.5 * (np.sum(xi**2, axis=2) - np.sum(eps**2, axis=2))


def _kernel_of_paths(paths: NoisingPaths, steps: Steps, n_th: Any) -> Kernel:
    """The analytic kernel from the paths' own denoising errors, x_0 - D = x_0 - z + s n_th."""
    s = steps.s[1:]
    x0 = np.repeat(paths.rows, paths.per_point, axis=0)[:, None]
    missed = (x0 - paths.x[:, 1:] / steps.alpha[1:, None]) / s[:, None] + n_th
    dim = paths.x.shape[2]
    return DenoisingCurve(np.log(s), np.sum(missed**2, axis=2), dim).kernel()


def _check_own(paths: GeneratedPaths, kernel: Any, prior: Any) -> None:
    """Raise where a generated path is given another kernel or prior than it was drawn with."""
    own = paths.kernel
    named = own if kernel is None else named_kernel(kernel)
    if not (named is own or (named is None and isinstance(own, AnalyticKernel))):
        raise complain("kernel", "another than the paths were drawn with", "that of the paths, or None")
    if prior is not None and prior is not paths.prior:
        raise complain("prior", "another than the paths were drawn from", "that of the paths, or None")
