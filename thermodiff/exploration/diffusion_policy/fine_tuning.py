"""A diffusion fine-tuned by reward: Adam along the policy gradient, compiled in chunks, resumable bit for bit.

Step i draws its paths from fold_in(key, i) and its learning rate from i, and a chunk is a loop with i as its counter,
so where a training was interrupted leaves no trace in the result.
"""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from thermodiff.array_types import Key, Score
from thermodiff.exploration.diffusion_policy.config import FineTuningConfig
from thermodiff.exploration.diffusion_policy.controlled import controlled_score
from thermodiff.exploration.diffusion_policy.policy_gradient import draw_batch, surrogate, with_network
from thermodiff.exploration.diffusion_policy.reverse_chain import ReverseChain
from thermodiff.exploration.diffusion_policy.rewards import as_reward
from thermodiff.runtime.digests import digest
from thermodiff.runtime.progress import Callback, Report, watchers
from thermodiff.scores.callables import as_score
from thermodiff.training.checkpoints import Keeper
from thermodiff.training.optimiser import adam, adam_step
from thermodiff.validation import check_count, check_key, check_score, complain


class FineTuningDivergedError(RuntimeError):
    """Reward, divergence or gradient became NaN or infinite; the message names the step and the last checkpoint."""


class FineTuningHistory(NamedTuple):
    """One entry a chunk: ``step`` reached, mean ``reward`` and mean ``path_divergence`` (nats) of the chunk's paths."""

    step: np.ndarray
    reward: np.ndarray
    path_divergence: np.ndarray


class FineTuned(NamedTuple):
    """The policy as a score, how it got there, and with what settings."""

    score: Any
    history: FineTuningHistory
    config: FineTuningConfig


class Problem(NamedTuple):
    """All that a compiled step reads besides the state. ``policy`` gives the form of the score, not its weights."""

    key: Any
    chain: ReverseChain
    policy: Any
    base: Any
    reward: Any


class State(NamedTuple):
    """All that changes."""

    network: Any
    optimiser: Any


class Record(NamedTuple):
    """Of one chunk: mean reward and divergence, and the first step that was not finite (-1: none)."""

    reward: Any
    divergence: Any
    bad_step: Any


def _step(config: FineTuningConfig, dim: int, problem: Problem, i: Any, state: State) -> tuple[State, Any]:
    """One step of Adam: the new state, and mean reward, divergence and whether all was finite."""
    key, chain, base = jax.random.fold_in(problem.key, i), problem.chain, problem.base
    policy = with_network(problem.policy, state.network)
    batch = draw_batch(key, chain, policy, base, problem.reward, config.paths, dim)

    def loss(network: Any) -> Any:
        return -surrogate(chain, with_network(problem.policy, network), base, batch, config.beta)

    gradient = jax.grad(loss)(state.network)
    network, optimiser = adam_step(config.optimiser, state.network, state.optimiser, gradient)
    reward, divergence = jnp.mean(batch.rewards), jnp.mean(jnp.sum(batch.divergences, axis=1))
    size = sum(jnp.sum(g**2) for g in jax.tree.leaves(gradient))
    return State(network, optimiser), (reward, divergence, jnp.isfinite(reward + divergence + size))


@functools.partial(jax.jit, static_argnums=(0, 1))
def advance(
    config: FineTuningConfig, dim: int, problem: Problem, state: State, start: Any, stop: Any
) -> tuple[State, Record]:
    """Steps start..stop-1."""

    def body(i: Any, carry: tuple[State, Record]) -> tuple[State, Record]:
        state, record = carry
        state, (reward, divergence, finite) = _step(config, dim, problem, i, state)
        bad_step = jnp.where(finite | (record.bad_step >= 0), record.bad_step, i)
        return state, Record(record.reward + reward, record.divergence + divergence, bad_step)

    none = Record(jnp.zeros(()), jnp.zeros(()), jnp.int32(-1))
    state, total = jax.lax.fori_loop(start, stop, body, (state, none))
    n = stop - start
    return state, Record(total.reward / n, total.divergence / n, total.bad_step)


def fine_tune_diffusion(
    key: Key,
    base: Score,
    chain: ReverseChain,
    reward: Any,
    dim: int,
    *,
    policy: Any = None,
    config: FineTuningConfig | None = None,
    checkpoint_dir: str | Path | None = None,
    resume: bool = True,
    progress: bool = False,
    callback: Callback | None = None,
    **settings: Any,
) -> FineTuned:
    """Train the means of a denoising chain for E r(x_0) - beta KL(paths), by the policy gradient.

    ``key`` fixes everything random, the result bit for bit. ``base`` is the score (x, t) that the divergence is from,
    ``chain`` its ``reverse_chain``, ``reward`` a function of x (``dim``,) with a value (), in jax.numpy; it is never
    differentiated. ``policy`` is where training starts: a score with a ``network``, by default the base itself,
    or, where that has none, the base with a correction (``ControlledScore``). ``config`` is a ``FineTuningConfig``;
    ``settings`` override its fields, as in ``fine_tune_diffusion(..., beta=0.2, steps=300)``.

    ``checkpoint_dir``, ``resume``, ``progress`` and ``callback`` are as in ``td.fit``; the ``Report`` of a chunk has
    minus the objective as its loss. Raises ValueError for arguments that do not fit or a checkpoint of another
    training, TypeError for a setting that there is not, OSError where no checkpoint can be written,
    FineTuningDivergedError when something is not finite. Sources: Black et al. (2024), Fan et al. (2023).
    """
    key, config = check_key(key), _configured(config, settings)
    problem, state = _prepare(key, base, chain, reward, dim, policy, config)
    marks = {} if checkpoint_dir is None else _marks(problem, state, config)
    keeper = Keeper(checkpoint_dir, marks)
    with watchers("fine-tuning", config.steps, progress, callback) as tell:
        state, history = _run(config, dim, problem, state, keeper, resume, tell)
    return FineTuned(with_network(problem.policy, state.network), history, config)


def _configured(config: FineTuningConfig | None, settings: dict[str, Any]) -> FineTuningConfig:
    known = [f.name for f in dataclasses.fields(FineTuningConfig)]
    for name in settings:
        if name not in known:
            raise TypeError(f"{name}: got an unknown setting, need one of {', '.join(known)}")
    return dataclasses.replace(config or FineTuningConfig(), **settings)


def _prepare(
    key: Key, base: Any, chain: ReverseChain, reward: Any, dim: int, policy: Any, config: FineTuningConfig
) -> tuple[Problem, State]:
    check_count("dim", dim)
    base, reward = as_score(base, dim), as_reward(reward, dim)
    key_network, key_steps = jax.random.split(key)
    if policy is None:
        own = hasattr(base, "network") and dataclasses.is_dataclass(base)
        policy = base if own else controlled_score(key_network, base, chain.process, dim)
    if not (dataclasses.is_dataclass(policy) and hasattr(policy, "network")):
        raise complain("policy", type(policy).__name__, "a score with a network, such as PreconditionedScore")
    check_score(policy, dim)
    problem = Problem(key_steps, chain, policy, base, reward)
    network = policy.network  # type: ignore[attr-defined]
    return problem, State(network, adam(config.optimiser).init(network))


def _marks(problem: Problem, state: State, config: FineTuningConfig) -> dict[str, str]:
    """What two fine-tunings must have in common for one to go on where the other stopped."""
    settings = {f.name: repr(getattr(config, f.name)) for f in dataclasses.fields(config)}
    parts = {"key": problem.key, "chain": problem.chain, "policy": state.network}
    return settings | {name: digest(part) for name, part in parts.items()} | {
        "base": digest(problem.base), "reward": digest(problem.reward)
    }  # fmt: skip


def _run(
    config: FineTuningConfig,
    dim: int,
    problem: Problem,
    state: State,
    keeper: Keeper,
    resume: bool,
    tell: Callback,
) -> tuple[State, FineTuningHistory]:
    """Chunk after chunk from the newest checkpoint on; ``tell`` hears of each when it is safe."""
    ends = np.append(np.arange(config.chunk, config.steps, config.chunk), config.steps)
    empty = np.full(len(ends), np.nan, np.float32)
    first = (state, empty, empty.copy())
    done, (state, *curves) = keeper.restore(first, resume) or (0, first)
    history = FineTuningHistory(ends, *(np.array(curve) for curve in curves))
    try:
        for k in range(int(np.searchsorted(ends, done, side="right")), len(ends)):
            state, record = advance(config, dim, problem, state, done, int(ends[k]))
            done = int(ends[k])
            if int(record.bad_step) >= 0:
                raise _diverged(int(record.bad_step), config, keeper)
            history.reward[k], history.path_divergence[k] = record.reward, record.divergence
            keeper.offer(done, (state, history.reward.copy(), history.path_divergence.copy()))
            loss = np.asarray(config.beta * history.path_divergence[k] - history.reward[k])
            tell(Report(done, loss, np.asarray(np.nan)))
    finally:
        keeper.flush()
    return state, history


def _diverged(bad_step: int, config: FineTuningConfig, keeper: Keeper) -> FineTuningDivergedError:
    keeper.flush()
    return FineTuningDivergedError(
        f"reward, divergence or gradient not finite at step {bad_step + 1} of {config.steps}; {keeper}. "
        f"A learning rate below {config.learning_rate:g} or a reward on a scale of order 1 may help."
    )
