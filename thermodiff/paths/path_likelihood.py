"""The likelihood of the reverse SDE, ln p_th(x), by Jarzynski's equality along paths of noising.

    p_th(x) = <e^-W>  over noising from x,        -ELBO(x) = <W> >= E NLL_2 >= E NLL_3 >= ... -> -ln p_th(x),
    NLL_K = -ln (1/K) sum_k e^-W_k,    E e^-NLL_K = p_th(x) at every K,    bias about Var(w/E w)/(2 K), w = e^-W,
for the generator as it is, with its finite steps (``paths.waste`` has W). The gap <W> - NLL is the work dissipated,
KL(q(path | x) || p_th(path | x)). It is importance sampling of paths (Burda et al. 2016 for K; Jarzynski 1997); the
second cumulant <W> - Var W/2 is no estimate of it.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from thermodiff.array_types import Key, Process, Score
from thermodiff.distributions.gaussian import Gaussian
from thermodiff.distributions.rows import as_rows
from thermodiff.distributions.sample_checks import check_samples
from thermodiff.numerics.estimates import as_float64, estimate_rows
from thermodiff.numerics.path_ratio import effective_samples, log_mean_exp
from thermodiff.paths.denoising import MOST_MEASURED, kernel_for
from thermodiff.paths.waste import refuse_no_noise, volume_terms
from thermodiff.runtime.devices import in_full_precision, map_over_batch, spread
from thermodiff.sampling.kernels import Kernel, KernelSteps, Steps, named_kernel, steps_of
from thermodiff.sampling.schedules import Schedule
from thermodiff.sampling.schedules import schedule as schedule_of
from thermodiff.scores.diffusion import LearnedDiffusion, learned_diffusion
from thermodiff.thermodynamics.chosen_prior import chosen_prior
from thermodiff.thermodynamics.moments import EVALUATIONS_AT_ONCE, ScoreError
from thermodiff.types import Estimate
from thermodiff.validation import check_count, check_key, check_magnitude, check_points

DEFAULT_STEPS = 64
FEWEST_EFFECTIVE = 4.0
"""Effective paths below which a row's own estimate of its bias says little: it cannot exceed (K - 1)/(2 K)."""
UNRESOLVED_SHARE = 0.05
"""Share of such rows above which the whole is called not converged."""


class PathLikelihood(NamedTuple):
    """ln p_th(x) of each row, nats, from K paths each; the mean over rows is -NLL_SDE.

    log_likelihood (n,) = -NLL_K, below ln p_th on average by ``bias``; elbo (n,) = -mean W; dissipated (n,) their
    difference; ess (n,) the effective number of the K paths; variance (n,) of W, given the row; bias the mean of
    Var(w/E w)/(2 K) over rows; work (n, K); t_min where the paths start; steps N; ``converged`` whether the bias is
    smaller than the standard error of the mean and all but 5 % of the rows have 4 effective paths.
    """

    log_likelihood: Float[np.ndarray, " n"]
    elbo: Float[np.ndarray, " n"]
    dissipated: Float[np.ndarray, " n"]
    ess: Float[np.ndarray, " n"]
    variance: Float[np.ndarray, " n"]
    bias: Estimate
    work: Float[np.ndarray, "n K"]
    t_min: float
    steps: int
    converged: bool
    remarks: tuple[str, ...] = ()

    @property
    def nll(self) -> Estimate:
        """NLL_K, an upper bound on NLL_SDE, with the error of the rows."""
        return _mean(-self.log_likelihood)

    @property
    def neg_elbo(self) -> Estimate:
        """-ELBO of the N steps, NLL_1."""
        return _mean(-self.elbo)

    def jackknife(self) -> Float[np.ndarray, " n"]:
        """ln p_th(x) (n,) with the bias of order 1/K removed: K L_K - (K - 1) mean L_{K-1}. Source: Nowozin (2018)."""
        return jackknifed(self.work)

    def __str__(self) -> str:
        n, K = self.work.shape
        lines = [
            f"NLL_SDE <= {self.nll} nats ({n} rows, {K} paths, {self.steps} steps; bias about {self.bias})",
            f"-ELBO = {self.neg_elbo}; effective paths {self.ess.mean():.3g} of {K}",
        ]
        return "\n".join([*lines, *self.remarks])


@in_full_precision
def path_log_likelihood(
    key: Key,
    score: Score,
    process: Process,
    x: Any,
    schedule: Schedule | None = None,
    kernel: Kernel | str = "analytic",
    paths: int = 16,
    *,
    data: Any = None,
    prior: Gaussian | str | None = None,
    t_min: float | None = None,
) -> PathLikelihood:
    """ln p_th(x) of each row of x (n, d) under the reverse SDE in finitely many steps, from ``paths`` paths of noising.

    The generator draws x_N from ``prior`` (as in ``td.flow_likelihood``) and goes down ``schedule``, by default 64
    steps even in log-SNR to ``t_min``, with the variances of ``kernel``: "analytic", "posterior", "forward" or one of
    ``sampling.kernels``. The analytic ones are measured on ``data``, a distribution or rows (n, d), by default on x,
    which favours x by some N e^2/(2 n (1 + e)^2) nats a row: give other rows where n is small. One score evaluation a
    step and path; rows are streamed, nothing but W is kept. As in ``td.flow_likelihood`` a row stands for x(t_min) in
    units of the data.

    exp(log_likelihood) is unbiased for p_th at any number of paths; its logarithm lies below by ``bias``, more where
    few paths are effective, and the verdict says so. Raises ValueError for bad arguments, ScoreError where the score
    gives NaN. Source: Jarzynski (1997); Burda et al. (2016); Bao et al. (2022); this project.
    """
    key_kernel, key_paths = jax.random.split(check_key(key))
    rows = as_rows("x", x).values
    check_points("x", rows)
    check_magnitude("x", rows)
    check_count("paths", paths)
    dim = rows.shape[1]
    diffusion = learned_diffusion(score, process, dim).taking(None)
    start = diffusion.starting_time(t_min)
    if schedule is None:
        schedule = schedule_of("log_snr", process, DEFAULT_STEPS, start)
    steps = steps_of(process, schedule, getattr(score, "t_min", None))
    if data is None and named_kernel(kernel) is None:
        _check_measurable(rows)
    kernel = kernel_for(key_kernel, kernel, diffusion, rows if data is None else data, steps)
    prior, _ = chosen_prior(prior, diffusion.score, process, dim)
    work = path_work(key_paths, diffusion, rows, steps, kernel, prior, paths)
    return likelihood_of(work, schedule)


def _check_measurable(rows: Any) -> None:
    """Raise where x itself cannot be what the analytic variances are measured on, saying what else there is."""
    try:
        check_samples("x", np.asarray(rows)[:MOST_MEASURED])
    except ValueError as error:
        need = "; or give other rows as data, or another kernel: the analytic variances are measured on x"
        raise ValueError(f"{error}{need}") from error


def path_work(
    key: Key, diffusion: LearnedDiffusion, z: Any, steps: Steps, kernel: Kernel, prior: Gaussian, paths: int
) -> Float[np.ndarray, "n K"]:
    """W of K = ``paths`` paths from each of the points z = x(t_min)/alpha(t_min) (n, d): of p_th as a density of z."""
    at = kernel.at(steps, diffusion.dim)
    refuse_no_noise(at)
    exchanged, log_prior = _path_sums(key, diffusion, z, steps, at, prior, paths)
    return (
        exchanged
        - log_prior
        + volume_terms(at, steps, diffusion.dim)
        - diffusion.dim * np.log(steps.alpha[0])
    )


def jackknifed(work: Float[np.ndarray, "n K"]) -> Float[np.ndarray, " n"]:
    """ln <e^-W> of each row without the bias of order 1/K; NaN from a single path."""
    K = work.shape[1]
    if K < 2:
        return np.full(len(work), np.nan)
    left_out = [log_mean_exp(-np.delete(work, i, axis=1)) for i in range(K)]
    return K * log_mean_exp(-work) - (K - 1) * np.mean(left_out, axis=0)


def likelihood_of(work: Float[np.ndarray, "n K"], schedule: Schedule) -> PathLikelihood:
    """What K works of each row say of ln p_th."""
    n, K = work.shape
    log_p, elbo, ess = log_mean_exp(-work), -work.mean(axis=1), effective_samples(-work)
    # (sum w)^2/sum w^2 = K/(1 + cv^2), cv^2 with 1/K; the unbiased variance of w has 1/(K - 1).
    relative = (K / ess - 1) * K / (K - 1) if K > 1 else np.full(n, np.nan)
    bias = _mean(relative / (2 * K))
    remarks = _remarks(bias, _mean(-log_p), ess, K)
    variance = work.var(axis=1, ddof=1) if K > 1 else np.full(n, np.nan)
    return PathLikelihood(
        log_likelihood=log_p,
        elbo=elbo,
        dissipated=log_p - elbo,
        ess=ess,
        variance=variance,
        bias=bias,
        work=work,
        t_min=schedule.t_min,
        steps=schedule.steps,
        converged=not remarks,
        remarks=remarks,
    )


def _remarks(bias: Estimate, nll: Estimate, ess: np.ndarray, K: int) -> tuple[str, ...]:
    found = []
    few = float(np.mean(ess < FEWEST_EFFECTIVE))
    if few > UNRESOLVED_SHARE:
        found.append(
            f"not converged: {few:.0%} of the rows have fewer than {FEWEST_EFFECTIVE:.0f} effective paths of {K}; the "
            "number is an upper bound, its bias is not known: take more steps or more paths"
        )
    elif not bias.mean <= nll.stderr and len(ess) > 1:
        found.append(
            f"not converged: the bias, about {bias.mean:.2g} nats, is larger than the standard error: take more paths, "
            "or the jackknife()"
        )
    return tuple(found)


def _mean(values: np.ndarray) -> Estimate:
    if len(values) == 1:
        return Estimate(float(values[0]), float("nan"), 1)
    return estimate_rows(values)


def _path_sums(
    key: Key,
    diffusion: LearnedDiffusion,
    rows: Any,
    steps: Steps,
    at: KernelSteps,
    prior: Gaussian,
    paths: int,
) -> tuple[Float[np.ndarray, "n K"], Float[np.ndarray, "n K"]]:
    """sum_k (|r_k|^2/(1 + e_k) - |eps_k|^2)/2 and ln pi(x_N) of K paths from each row."""
    root = np.sqrt(steps.a * at.inflation)
    by_step = (steps.time[1:], steps.alpha[1:], steps.spread, at.lift(steps) / root, 1 / root)
    arrays = tuple(jnp.asarray(value, float) for value in by_step)
    keys = jax.random.split(key, len(rows))
    made = spread(partial(_compiled, paths), diffusion, prior, keys, jnp.asarray(rows, float), arrays)
    sums, log_prior = (as_float64(part) for part in made)
    bad = ~(np.isfinite(sums) & np.isfinite(log_prior)).all(axis=1)
    if bad.any():
        first = int(np.argmax(bad))
        raise ScoreError(
            f"score: NaN or infinite along the paths of {int(bad.sum())} rows, the first is row {first}"
        )
    return sums, log_prior


@partial(jax.jit, static_argnums=0)
def _compiled(
    paths: int,
    diffusion: LearnedDiffusion,
    prior: Gaussian,
    keys: Any,
    rows: Float[Array, "n d"],
    by_step: Any,
) -> tuple[Float[Array, "n K"], Float[Array, "n K"]]:
    noise_of = jax.vmap(diffusion.noise, in_axes=(0, None))

    def of_row(keyed: tuple[Key, Any]) -> tuple[Any, Any]:
        own, row = keyed

        def step(carry: Any, at: Any) -> tuple[Any, None]:
            z, total, lost = carry
            (time, alpha, spread_, lift, scale), index = at
            eps = jax.random.normal(jax.random.fold_in(own, index), z.shape)
            z = z + spread_ * eps
            r = lift * noise_of(alpha * z, time) - scale * eps  # over sqrt(1 + e)
            term = 0.5 * jnp.sum(r**2 - eps**2, axis=1)
            # Kahan's sum: what an addition rounds off is carried to the next.
            corrected = term - lost
            new = total + corrected
            return (z, new, (new - total) - corrected), None

        zeros = jnp.zeros(paths)
        start = (jnp.broadcast_to(row, (paths, row.shape[0])), zeros, zeros)
        (z, total, _), _ = jax.lax.scan(step, start, (by_step, jnp.arange(by_step[0].shape[0])))
        return total, prior.log_prob(by_step[1][-1] * z)

    return map_over_batch(of_row, (keys, rows), max(1, EVALUATIONS_AT_ONCE // paths))
