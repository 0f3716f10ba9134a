"""Samples of one score by ``td.sample`` and by diffusers' DPM-Solver++ on Karras' steps: run by ``make test-peers``."""

import sys

import jax
import numpy as np
import pytest

import thermodiff as td

pytestmark = pytest.mark.peer

N = 16384


def ring():
    """Eight narrow modes on a circle."""
    angles = 2 * np.pi * np.arange(8) / 8
    covs = np.tile(0.08**2 * np.eye(2), (8, 1, 1))
    return td.GaussianMixture(np.full(8, 1 / 8), np.stack([np.cos(angles), np.sin(angles)], 1), covs)


def their_samples(data, key, calls):
    """Samples (N, 2) by diffusers, and the noise ratios that it stepped by, the last of them 0."""
    diffusers, torch = pytest.importorskip("diffusers"), pytest.importorskip("torch")
    scheduler = diffusers.DPMSolverMultistepScheduler(
        algorithm_type="dpmsolver++", solver_order=2, use_karras_sigmas=True
    )
    scheduler.set_timesteps(calls)
    s = scheduler.sigmas.numpy().astype(np.float64)
    alpha = 1 / np.sqrt(1 + s**2)
    noise = jax.jit(lambda z, s: -s * jax.vmap(lambda row: data.noised_score(row, 1.0, s))(z))
    z = s[0] * np.asarray(jax.random.normal(key, (N, 2)))
    x = torch.tensor(alpha[0] * z)
    for i, t in enumerate(scheduler.timesteps):
        predicted = noise(np.float32(x.numpy() / alpha[i]), np.float32(s[i]))
        x = scheduler.step(torch.tensor(np.asarray(predicted)), t, x).prev_sample
    return x.numpy().astype(np.float32), s


def our_samples(data, key, calls, s, sampler):
    """The same number of calls between the same noise ratios, by the clock measured on the score's own samples."""
    low = 0.1 * s[-2]
    process = td.GeometricVarianceExploding(low, np.hypot(s[0], low))
    t_min = np.log1p((s[-2] / low) ** 2) / np.log1p((s[0] / low) ** 2)
    score = td.exact_score(data, process)
    clock = td.clock(jax.random.key(0), score, process, data, t_min=float(t_min))
    return td.sample(key, score, process, N, sampler=sampler, schedule=clock, steps=calls).x


def distance(data, x):
    """The energy distance to the truth, an Estimate."""
    return td.sample_quality(jax.random.key(9), x, data, n=N).energy_distance


def energy(data, x):
    """The same in its own standard errors."""
    found = distance(data, x)
    return found.mean / found.stderr


def test_eight_calls_on_the_clock_do_what_more_than_sixteen_on_karras_steps_do():
    """The clock costs score calls of its own, once. With 32 calls they are at the floor too: it is the same score."""
    data, key = ring(), jax.random.key(1)
    theirs = {calls: their_samples(data, key, calls) for calls in (16, 32)}
    s = theirs[32][1]
    for sampler in ("dpmpp_2m", "multistep"):
        assert abs(energy(data, our_samples(data, key, 8, s, sampler))) < 3, sampler
    assert energy(data, theirs[16][0]) > 5
    assert abs(energy(data, theirs[32][0])) < 3


def main():
    """The table of docs/sampling.md."""
    data = ring()
    for calls in (6, 8, 12, 16, 20, 24):
        key = jax.random.key(calls)
        theirs, s = their_samples(data, key, calls)
        ours = (our_samples(data, key, calls, s, sampler) for sampler in ("dpmpp_2m", "multistep"))
        found = [distance(data, x) for x in (theirs, *ours)]
        numbers = "  ".join(f"{1e4 * e.mean:.1f} ± {1e4 * e.stderr:.1f}" for e in found)
        sys.stdout.write(f"{calls}  {numbers}\n")


if __name__ == "__main__":
    main()
