"""The ledger of a diffusion policy in any dimension, from its paths, with errors.

The same terms as in ``line``, each from samples: the divergence of paths in two ways (the divergence of each step in
closed form along the policy's paths, and the logarithm of the ratio of the paths' densities), that of the samples from
``sample_laws``, and what accuracy costs from both.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from thermodiff.array_types import Key, Score
from thermodiff.exploration.diffusion_policy.policy_gradient import step_divergences
from thermodiff.exploration.diffusion_policy.reverse_chain import ReverseChain
from thermodiff.exploration.diffusion_policy.rewards import as_reward
from thermodiff.exploration.diffusion_policy.sample_laws import FEW_KERNELS, LogDensity, log_density
from thermodiff.exploration.exchange.cost import paid_from_counts
from thermodiff.numerics.estimates import as_float64, estimate_rows
from thermodiff.scores.callables import as_score
from thermodiff.types import Estimate
from thermodiff.validation import check_count, check_key, complain

MOST_THIN = 0.01
"""Share of samples whose density may come from few kernels, without a remark."""


class PathLedger(NamedTuple):
    """Estimates in nats, accuracies in [0, 1]; ``n`` counts paths.

    ``path_divergence`` by steps in closed form, ``path_log_ratio`` E ln pi(path)/pi_ref(path): the same number;
    ``sample_divergence`` KL of the samples, ``hidden`` what is left of the paths' divergence given the sample;
    ``paid`` kl(p' || p), ``waste_right`` p' KL(correct), ``waste_wrong`` (1 - p') KL(wrong).
    ``path_entropy`` is exact, ``path_entropy_drawn`` -E ln pi(path), ``sample_entropy`` H(x_0),
    ``entropy_given_sample`` their difference. ``by_step`` are means (T,) and their errors. ``remarks`` say what to
    distrust.
    """

    base_accuracy: Estimate
    accuracy: Estimate
    path_divergence: Estimate
    path_log_ratio: Estimate
    sample_divergence: Estimate
    hidden: Estimate
    paid: Estimate
    waste_right: Estimate
    waste_wrong: Estimate
    path_entropy: float
    path_entropy_drawn: Estimate
    sample_entropy: Estimate
    entropy_given_sample: Estimate
    by_step: Estimate
    remarks: tuple[str, ...]


class Along(NamedTuple):
    """Of n paths: steps' divergences (n, T), ln pi/pi_ref (n,), -ln pi (n,), rewards (n,)."""

    divergences: np.ndarray
    log_ratio: np.ndarray
    surprise: np.ndarray
    rewards: np.ndarray


@jax.jit
def _along(
    chain: ReverseChain, policy: Score, base: Score, reward: Any, paths: Any
) -> tuple[Any, Any, Any, Any]:
    def one(path: Any) -> tuple[Any, Any, Any, Any]:
        scale = jnp.append(chain.start_std, chain.std)
        away, base_away = path[1:] - chain.means(policy, path), path[1:] - chain.means(base, path)
        squares = jnp.sum(away**2, axis=-1) / chain.std**2
        base_squares = jnp.sum(base_away**2, axis=-1) / chain.std**2
        start = jnp.sum(path[0] ** 2) / chain.start_std**2
        constant = path.shape[1] * jnp.sum(jnp.log(2 * jnp.pi * scale**2))
        return (
            step_divergences(chain, policy, base, path),
            0.5 * jnp.sum(base_squares - squares),
            0.5 * (constant + start + jnp.sum(squares)),
            reward(path[-1]),
        )

    return jax.vmap(one)(paths)


def path_ledger(
    key: Key,
    policy: Score,
    base: Score,
    chain: ReverseChain,
    reward: Any,
    dim: int,
    *,
    n: int = 4096,
    kernels: int = 16384,
) -> PathLedger:
    """The ledger of ``policy`` against ``base`` from ``n`` paths of each, and ``kernels`` more for their densities.

    Both are scores (x, t), with x and value of shape (``dim``,); ``reward`` is 0 or 1. Errors are those of paths and
    kernels together, to first order. Densities from kernels are for a few dimensions. Raises ValueError for scores and
    rewards that do not fit. Source: this project (theory of exploration, sections 5 and 6, P9).
    """
    key = check_key(key)
    for name, value in (("n", n), ("kernels", kernels), ("dim", dim)):
        check_count(name, value)
    policy, base, reward = as_score(policy, dim), as_score(base, dim), as_reward(reward, dim)
    draw = jax.jit(type(chain).draw, static_argnums=(3, 4))
    keys = jax.random.split(key, 4)
    paths, base_paths = (draw(chain, keys[i], (policy, base)[i], n, dim) for i in range(2))
    along = Along(*(as_float64(a) for a in _along(chain, policy, base, reward, paths)))
    base_rewards = as_float64(jax.vmap(reward)(base_paths[:, -1]))
    for values in (along.rewards, base_rewards):
        if not np.isin(values, (0.0, 1.0)).all():
            raise complain("reward", f"a value of {values[~np.isin(values, (0, 1))][0]:g}", "0 or 1")
    x = paths[:, -1]
    own, ref = (
        log_density(chain, score, draw(chain, keys[2 + i], score, kernels, dim), x)
        for i, score in enumerate((policy, base))
    )
    return _ledger(along, base_rewards, own, ref, chain.entropy(dim))


def _ledger(
    along: Along, base_rewards: np.ndarray, own: LogDensity, ref: LogDensity, path_entropy: float
) -> PathLedger:
    log_ratio, totals = own.values - ref.values, along.divergences.sum(axis=1)
    correct = along.rewards
    kernels = (own.kernels, -ref.kernels)
    p, p_new = base_rewards.mean(), correct.mean()
    paid, parts = _accuracy(log_ratio, correct, base_rewards, kernels)
    sample_entropy = _estimate(-own.values, -own.kernels)
    steps = along.divergences
    by_step = Estimate(steps.mean(axis=0), steps.std(axis=0, ddof=1) / np.sqrt(len(steps)), len(steps))
    return PathLedger(
        estimate_rows(base_rewards),
        estimate_rows(correct),
        estimate_rows(totals),
        estimate_rows(along.log_ratio),
        _estimate(log_ratio, *kernels),
        _estimate(totals - log_ratio, *kernels),
        paid,
        *parts,
        path_entropy,
        estimate_rows(along.surprise),
        sample_entropy,
        Estimate(path_entropy - sample_entropy.mean, sample_entropy.stderr, sample_entropy.n),
        by_step,
        _remarks(max(ref.thin, own.thin), p, p_new),
    )


def _estimate(rows: np.ndarray, *influences: np.ndarray, mean: float | None = None) -> Estimate:
    """Mean of the rows (or ``mean``); its error from independent groups, each with what its members move it by."""
    variance = sum(float(np.var(g, ddof=1)) / len(g) for g in (rows, *influences))
    return Estimate(float(rows.mean()) if mean is None else mean, float(np.sqrt(variance)), len(rows))


def _accuracy(
    log_ratio: np.ndarray, correct: np.ndarray, base_correct: np.ndarray, kernels: tuple[np.ndarray, ...]
) -> tuple[Estimate, tuple[Estimate, Estimate]]:
    """kl(p' || p), and the waste among correct and among wrong samples, by theory P9, errors by the delta method."""
    n, p, p_new = len(correct), base_correct.mean(), correct.mean()
    counts = (correct.sum(), n, base_correct.sum(), len(base_correct))
    paid = float(paid_from_counts(*(np.array([c]) for c in counts))[0])
    if min(p, 1 - p, p_new, 1 - p_new) == 0:
        unknown = Estimate(float("nan"), float("nan"), n)
        return unknown, (unknown, unknown)
    logs = np.log(p_new / p), np.log((1 - p_new) / (1 - p))
    slope, base_slope = logs[0] - logs[1], (p - p_new) / (p * (1 - p))
    parts = []
    for inside, base_inside, log, x, base in (
        (correct, base_correct, logs[0], p_new, p),
        (1 - correct, 1 - base_correct, logs[1], 1 - p_new, 1 - p),
    ):
        rows, other = inside * (log_ratio - log - 1), x / base * base_inside
        # Kernels move correct and wrong samples together; the whole of their error is put on each.
        parts.append(_estimate(rows, other, *kernels, mean=float(np.mean(inside * log_ratio) - x * log)))
    return _estimate(slope * correct, base_slope * base_correct, mean=paid), (parts[0], parts[1])


def _remarks(thin: float, p: float, p_new: float) -> tuple[str, ...]:
    remarks = []
    if thin > MOST_THIN:
        remarks.append(
            f"the density of {thin:.1%} of the samples came from fewer than {FEW_KERNELS:g} kernels: the divergence of "
            "samples is uncertain beyond its error; more kernels or wider last steps would help"
        )
    if min(p, 1 - p, p_new, 1 - p_new) == 0:
        remarks.append(
            f"of the base {p:.0%} and of the policy {p_new:.0%} correct: kl is not known from these paths"
        )
    return tuple(remarks)
