"""How good samples are: their energy distance to the truth, and a deterministic sampler's divergence from it.

    energy distance   2 E|X - Y| - E|X - X'| - E|Y - Y'|     X samples, Y truth; 0 only where the laws are the same
    divergence        KL(q || p) = E[ln pi(x_1) - ln|det dF/dx_1| - ln p(F(x_1))],   x_1 ~ pi
with F the map that a deterministic sampler makes of its noise and p the truth at t_min. The first is estimated without
bias in independent blocks, so that it can come out below 0, and is to be read beside its floor, the same between two
samples of the truth. The second is exact but for the average over x_1; where F folds it is a lower bound, since q then
has other preimages. Source: Szekely & Rizzo (2013) for the first, this project for the second.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from thermodiff.array_types import Key, as_pytree
from thermodiff.numerics.estimates import estimate_rows
from thermodiff.numerics.quasi_random import owen_scramble, sobol
from thermodiff.runtime.devices import in_full_precision, map_over_batch, spread
from thermodiff.sampling.generation import carry_down, generate
from thermodiff.sampling.sample import DEFAULT_STEPS, Prepared, Sampled, prepare
from thermodiff.sampling.samplers import sampler_steps
from thermodiff.thermodynamics.ensembles import is_array
from thermodiff.types import Estimate, NotKnownError
from thermodiff.validation import check_count, check_key, check_points, complain

LARGEST_BLOCK, FEWEST_BLOCKS = 1024, 8
"""Rows of a block, of which all pairs are taken, and the least number of them that makes an error."""
MOST_DIMENSIONS = 16
"""Up to here a Jacobian is taken, which costs d derivatives of the whole sampler."""
POINTS, REPLICATES = 256, 16
JACOBIANS_AT_ONCE = 256


class Quality(NamedTuple):
    """``energy_distance`` to the truth and its ``floor`` between two samples of the truth, both in units of x.

    ``kl`` is KL(sampler || truth at t_min), nats, None for samples, for truths without a density and above 16
    dimensions; ``evaluations`` the score calls a sample, None where they are not known.
    """

    energy_distance: Estimate
    floor: Estimate
    kl: Estimate | None
    evaluations: int | None


class DeterministicSampler(NamedTuple):
    """A map from the prior's noise to samples, as ``td.deterministic_sampler`` makes it."""

    prepared: Prepared

    def __call__(self, x: Any) -> Any:
        """x (d,) at t = 1 carried to the schedule's last time, (d,)."""
        sampler, diffusion, _, schedule = self.prepared
        return carry_down(
            sampler, diffusion, sampler_steps(schedule), jnp.asarray(x, dtype=float), jax.random.key(0)
        )[0]

    def sample(self, key: Key, n: int) -> Sampled:
        """``n`` samples, as ``td.sample`` makes them."""
        check_count("n", n)
        sampler, diffusion, prior, schedule = self.prepared
        x, _ = generate(check_key(key), sampler, diffusion, prior, schedule, n)
        return Sampled(x, self.prepared.evaluations, schedule)


def deterministic_sampler(
    score: Any,
    process: Any,
    *,
    sampler: Any = "multistep",
    steps: int = DEFAULT_STEPS,
    schedule: Any = None,
    prior: Any = None,
) -> DeterministicSampler:
    """The map from noise to samples of multistep, dpmpp_2m, euler, heun or a sampler of one's own that draws nothing.

    Arguments and errors are those of ``td.sample``; raises ValueError also for a sampler that is not deterministic.
    """
    ready = prepare(score, process, sampler, steps, schedule, 1.0, "posterior", prior)
    if not getattr(ready.sampler, "deterministic", False):
        raise complain(
            "sampler", f"{sampler!r}", "one that draws nothing, such as multistep, dpmpp_2m or heun"
        )
    return DeterministicSampler(ready)


@in_full_precision
def sample_quality(
    key: Key,
    samples: Any,
    truth: Any,
    *,
    n: int = 16384,
    points: int = POINTS,
    replicates: int = REPLICATES,
) -> Quality:
    """How far ``samples`` are from ``truth``: a distribution, or held-out rows (m, d), of which half make the floor.

    ``samples`` is an array (n, d), what ``td.sample`` gave, or a ``td.deterministic_sampler``, of which ``n`` are then
    drawn and, for a truth with a density, the divergence is taken on ``replicates`` randomised Sobol' sets of
    ``points``. Samples carry noise of sigma(t_min), which the divergence's truth has as well and that of the energy
    distance has not. Raises ValueError for fewer than 16 rows on a side, other dimensions and ``points`` that is not a
    power of two. Source: ``sampling.sample_quality``.
    """
    draw_key, truth_key, noise_key = jax.random.split(check_key(key), 3)
    evaluations, kl = getattr(samples, "evaluations", None), None
    if isinstance(samples, DeterministicSampler):
        _check_columns(samples.prepared.prior.dim, truth)
        evaluations = samples.prepared.evaluations
        kl = _divergence(noise_key, samples, truth, points, replicates)
        samples = samples.sample(draw_key, n)
    x = np.asarray(getattr(samples, "x", samples), dtype=np.float64)
    check_points("samples", x)
    _check_columns(x.shape[1], truth)
    first, second = _truth(truth_key, truth, len(x))
    rows = min(len(x), len(first))
    if rows < 2 * FEWEST_BLOCKS:
        raise complain("samples", f"{rows} rows beside as many of the truth", f"at least {2 * FEWEST_BLOCKS}")
    return Quality(energy_distance(x, first), energy_distance(second, first), kl, evaluations)


def _check_columns(columns: int, truth: Any) -> None:
    """Raise where samples have other dimensions than a truth that tells its own; what tells none is refused later."""
    shape: tuple[int, ...] = np.shape(getattr(truth, "array", truth)) if is_array(truth) else ()
    known = shape[1] if len(shape) == 2 else getattr(truth, "dim", columns)
    if known != columns:
        raise complain("samples", f"{columns} columns beside a truth of {known}", "as many in both")


def energy_distance(x: Float[np.ndarray, "n d"], y: Float[np.ndarray, "m d"]) -> Estimate:
    """2 E|X - Y| - E|X - X'| - E|Y - Y'|, unbiased, from the pairs inside blocks of as many rows of both."""
    from scipy.spatial.distance import cdist, pdist  # slow to import

    rows = min(len(x), len(y))
    block = min(LARGEST_BLOCK, rows // FEWEST_BLOCKS)
    parts = (slice(i, i + block) for i in range(0, rows - block + 1, block))
    each = [2 * cdist(x[p], y[p]).mean() - pdist(x[p]).mean() - pdist(y[p]).mean() for p in parts]
    return estimate_rows(np.array(each))


def _truth(key: Key, truth: Any, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Two samples of the truth: fresh ones, or the halves of the rows in random order."""
    if is_array(truth):
        rows = np.asarray(getattr(truth, "array", truth), dtype=np.float64)
        check_points("truth", rows)
        rows = rows[np.asarray(jax.random.permutation(key, len(rows)))]
        return rows[::2], rows[1::2]
    if not hasattr(truth, "sample"):
        raise complain("truth", type(truth).__name__, "a distribution or an array of samples (n, d)")
    both = np.asarray(truth.sample(key, 2 * n), dtype=np.float64)
    return both[:n], both[n:]


def _divergence(
    key: Key, sampler: DeterministicSampler, truth: Any, points: int, replicates: int
) -> Estimate | None:
    """KL(q || p_tmin), None where it cannot be had."""
    prior = sampler.prepared.prior
    if points < 1 or points & (points - 1):
        raise complain(
            "points", f"{points}", "a power of two (the sizes at which Sobol' points are balanced)"
        )
    if prior.dim > MOST_DIMENSIONS or not hasattr(truth, "noised_log_prob"):
        return None
    try:
        truth.noised_log_prob(prior.mean, 1.0, 1.0)
    except NotKnownError:
        return None
    base = jnp.asarray(sobol(points, prior.dim))
    seeds = jax.random.bits(key, (replicates, prior.dim), dtype=jnp.uint32)
    chosen, diffusion, _, schedule = sampler.prepared
    problem = chosen, diffusion, prior, sampler_steps(schedule), as_pytree(truth)
    each = np.asarray(spread(_log_ratios, problem, jax.vmap(owen_scramble, (None, 0))(base, seeds)))
    return estimate_rows(each.astype(np.float64).reshape(replicates, points).mean(axis=1))


@jax.jit
def _log_ratios(problem: Any, u: Any) -> Any:
    """ln q - ln p at the images of prior.transport(u), for all u (replicates, points, d) in a row."""
    sampler, diffusion, prior, steps, truth = problem
    end = steps.next_time[-1]
    alpha, sigma = diffusion.process.alpha(end), diffusion.process.sigma(end)
    image = functools.partial(_image, sampler, diffusion, steps)

    def one(at: Any) -> Any:
        x1 = prior.transport(at)
        _, log_det = jnp.linalg.slogdet(jax.jacfwd(image)(x1))
        return prior.log_prob(x1) - log_det - truth.noised_log_prob(image(x1), alpha, sigma)

    return map_over_batch(one, u.reshape(-1, u.shape[-1]), JACOBIANS_AT_ONCE)


def _image(sampler: Any, diffusion: Any, steps: Any, x: Any) -> Any:
    return carry_down(sampler, diffusion, steps, x, jax.random.key(0))[0]
