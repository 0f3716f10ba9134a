"""The benchmark's rows on evaluation: entropy rates, likelihoods along the flow, and the command's first result."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import jax
import numpy as np

import thermodiff as td
from experiments.harness.types import Row
from experiments.speed import benchmark_reference as reference
from experiments.speed.benchmark_training import mixture, process, row_of
from experiments.speed.paired_timing import Pairs, by_turns, summary, timed
from thermodiff.likelihood import flow_likelihood
from thermodiff.trajectories.probability_flow import Tolerance

ACCURACY = 1e-3
"""Nats: the standard error of an integral, the root mean square error of a point's likelihood."""
TOLERANCES = (1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 3e-6, 1e-6)
TIGHT = 1e-7
NODES, REPLICATES, MOST_POINTS = 33, 16, 4096
PILOT = 2**18


def trained(dim: int, steps: int, **settings: Any) -> Any:
    """The default network, or one of other ``settings``, on the mixture."""
    return td.fit(jax.random.key(0), mixture(dim), process(), steps=steps, **settings).score


# --- rates --------------------------------------------------------------------------------------


def entropy_rates(steps: int, seeds: int) -> Row:
    """Network evaluations for the integrals of all three rates to 1e-3 nats, against plain Monte Carlo."""
    score, data, diffusion = trained(2, steps), mixture(2), process()
    evaluations, t_min = _evaluations(seeds, score, diffusion, data)
    theirs = [
        reference.plain_monte_carlo_variance(
            jax.random.key(1000 + seed), score, diffusion, data, t_min, PILOT
        )
        / ACCURACY**2
        for seed in range(seeds)
    ]
    return {
        **summary(np.divide(theirs, evaluations)),
        "ours_evaluations": float(evaluations),
        "theirs_evaluations": float(np.median(theirs)),
        "pairs": seeds,
    }


def _evaluations(seeds: int, score: Any, diffusion: Any, data: Any) -> tuple[int, float]:
    """Evaluations in the smallest point sets whose error, the median over seeds, is small enough; where t starts.

    The error is the largest standard error of the three integrals, or the quadrature's if that is larger.
    """
    points = 64
    while points <= MOST_POINTS:
        errors = []
        for seed in range(seeds):
            rates = td.entropy_rates(
                jax.random.key(seed),
                score,
                diffusion,
                data,
                nodes=NODES,
                replicates=REPLICATES,
                points=points,
            )
            errors.append([max(float(i.stderr), float(i.quadrature_error)) for i in rates.integral()])
        if np.median(np.max(errors, axis=1)) <= ACCURACY:
            return NODES * REPLICATES * points, float(rates.time[0])
        points *= 2
    raise RuntimeError(f"entropy rates: no standard error of {ACCURACY:g} nats with {MOST_POINTS} points")


# --- flow ---------------------------------------------------------------------------------------


def loosest(likelihood: Callable[[float], np.ndarray]) -> tuple[float, float]:
    """The loosest tolerance whose likelihoods are within 1e-3 nats (rms over points) of a tight one's; its error."""
    truth = likelihood(TIGHT)

    def first(tolerances: Iterable[float]) -> tuple[float, float] | None:
        for tolerance in tolerances:
            error = float(np.sqrt(np.mean((likelihood(tolerance) - truth) ** 2)))
            if error <= ACCURACY:
                return tolerance, error
        return None

    found = first(TOLERANCES)
    if found is None:
        raise RuntimeError(f"flow: no tolerance down to {TOLERANCES[-1]:g} is within {ACCURACY:g} nats")
    # Up to three times as loose may do: two more steps in between.
    return first([found[0] * 3 ** (2 / 3), found[0] * 3 ** (1 / 3)]) or found


def flow(dim: int, exact: bool, points: int, steps: int, pairs: int) -> Row:
    """Likelihoods of ``points`` points to 1e-3 nats, each at its loosest sufficient tolerance, against scipy's RK45.

    Theirs has the exact divergence or, not ``exact``, one probe a point; ours is exact in any case.
    """
    score, diffusion = trained(dim, steps), process()
    x = mixture(dim).sample(jax.random.key(5), points)

    def solve(tolerance: float) -> Any:
        return jax.block_until_ready(
            flow_likelihood(score, diffusion, x, tolerance=Tolerance(tolerance, tolerance))
        )

    t_min = float(solve(TOLERANCES[0]).t_min)
    host = reference.host_flow(score, diffusion, x, t_min, None if exact else jax.random.key(6))
    ours, our_error = loosest(lambda tolerance: np.asarray(solve(tolerance).log_likelihood, float))
    theirs, their_error = loosest(lambda tolerance: host(tolerance).log_likelihood)
    return row_of(
        by_turns(lambda: solve(ours), lambda: host(theirs), pairs),
        speedup=True,
        dim=dim,
        ours_tolerance=ours,
        theirs_tolerance=theirs,
        ours_rms=our_error,
        theirs_rms=their_error,
        ours_steps=float(np.mean(solve(ours).steps)),
        theirs_evaluations=host(theirs).evaluations,
    )


# --- command ------------------------------------------------------------------------------------


def first_result(rows: int, pairs: int) -> Row:
    """``thermodiff audit`` on ``rows`` x 2 in a new process, without and with programs kept from an earlier run."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.save(folder / "samples.npy", np.asarray(mixture(2).sample(jax.random.key(7), rows)))
        cold, warm = [], []
        for i in range(pairs):
            for label, seconds in (("cold", cold), ("warm", warm)):
                # A folder for each: the second run must not find the first one's checkpoint.
                seconds.append(timed(lambda i=i, label=label: _audit(folder, f"{label}{i}", f"cache{i}")))
    return row_of(Pairs(tuple(warm), tuple(cold)), speedup=True, cold_seconds=float(np.median(cold)))


def _audit(folder: Path, out: str, cache: str) -> None:
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / cache)}
    for name in ("JAX_COMPILATION_CACHE_DIR", "THERMODIFF_NO_CACHE", "JAX_ENABLE_COMPILATION_CACHE"):
        environment.pop(name, None)
    command = [sys.executable, "-m", "thermodiff", "audit", str(folder / "samples.npy")]
    subprocess.run(
        [*command, "--out", str(folder / out)], env=environment, capture_output=True, text=True, check=True
    )
