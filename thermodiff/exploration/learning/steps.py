"""What every training of a policy shares: steps in compiled chunks, policies kept on the way, checkpoints.

Step i draws its randomness from fold_in(key, i), and a chunk is a loop with i as its counter, so where a training was
interrupted leaves no trace in the result.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from thermodiff.runtime.digests import digest
from thermodiff.runtime.progress import Callback, Report, watchers
from thermodiff.training.checkpoints import Keeper
from thermodiff.training.cores import available_cores
from thermodiff.training.optimiser import Optimiser
from thermodiff.validation import complain


class LearningDivergedError(RuntimeError):
    """The loss of a policy became NaN or infinite; the message names the step and the last good checkpoint."""


class State(NamedTuple):
    """All that changes: weights, the optimiser's moments, and a row of numbers a step."""

    policy: Any
    optimiser: Any
    history: dict[str, Any]


class Learned(NamedTuple):
    """A trained policy, the numbers of every step, and the policies kept on the way."""

    policy: Any
    history: dict[str, np.ndarray]
    """One entry a step, of the batch that it was made with."""
    kept: list[tuple[int, Any]]
    """(steps made, policy), of every ``keep_every`` steps."""


StepOf = Callable[[Any, State], tuple[State, dict[str, Any]]]


def chunk_of(step: StepOf, state: State, start: Any, stop: Any) -> State:
    """Steps start..stop-1; both are data, so that a chunk of any length is the same program."""

    def body(i: Any, state: State) -> State:
        new, numbers = step(i, state)
        history = {name: state.history[name].at[i].set(value) for name, value in numbers.items()}
        return new._replace(history=history)

    return jax.lax.fori_loop(start, stop, body, state)


def initial_state(policy: Any, optimiser: Optimiser, steps: int, names: tuple[str, ...]) -> State:
    """The state before the first step; numbers that there are not yet are NaN."""
    history = {name: jnp.full(steps, jnp.nan) for name in names}
    return State(policy, optimiser.transformation().init(policy), history)


def run_steps(
    advance: Callable[[State, int, int], State],
    state: State,
    config: Any,
    keeper: Keeper,
    resume: bool,
    tell: Callback,
) -> Learned:
    """Chunk after chunk of ``config.steps`` from the newest checkpoint on."""
    steps, every = config.steps, config.keep_every
    kept_at = [] if every is None else list(range(every, steps + 1, every))
    ends = sorted({*range(config.chunk, steps, config.chunk), *kept_at, steps})
    # Policies of steps to come stand for themselves by the first: a checkpoint has one structure.
    new = (state, [state.policy] * len(kept_at))
    done, (state, kept) = keeper.restore(new, resume) or (0, new)
    try:
        for end in ends[int(np.searchsorted(ends, done, side="right")) :]:
            state = advance(state, done, end)
            _check_rewards(state.history, done, end)
            _check(state, done, end, steps, keeper)
            done = end
            if done in kept_at:
                kept = [
                    state.policy if at == done else policy for at, policy in zip(kept_at, kept, strict=True)
                ]
            keeper.offer(done, (state, kept))
            tell(Report(done, np.asarray(state.history["loss"][done - 1]), np.asarray(np.nan)))
    finally:
        keeper.flush()
    history = {name: np.asarray(values) for name, values in state.history.items()}
    return Learned(state.policy, history, list(zip(kept_at, kept, strict=True)))


def _check(state: State, start: int, end: int, steps: int, keeper: Keeper) -> None:
    bad = ~np.isfinite(np.asarray(state.history["loss"][start:end]))
    if bad.any():
        keeper.flush()
        at = start + int(np.flatnonzero(bad)[0]) + 1
        raise LearningDivergedError(
            f"loss not finite at step {at} of {steps}; {keeper}. A smaller learning rate may help."
        )


def _check_rewards(history: dict[str, Any], start: int, end: int) -> None:
    """Raise ValueError where a step's mean reward cannot be that of rewards of 0 and 1; NaN ones make a loss of 0."""
    rewards = np.asarray(history.get("reward", np.zeros(end))[start:end])
    bad = np.flatnonzero(~((rewards >= 0) & (rewards <= 1 + 1e-6)))  # a mean may be rounded
    if len(bad):
        raise complain("task.reward", f"a mean of {rewards[bad[0]]:g} in step {start + bad[0] + 1}", "0 or 1")


def learn(
    title: str,
    advance: Callable[[State, int, int], State],
    state: State,
    config: Any,
    depends_on: dict[str, Any],
    checkpoint_dir: str | Path | None,
    resume: bool,
    progress: bool,
    callback: Callback | None,
) -> Learned:
    """``run_steps`` with a checkpoint's marks made of the settings and the arrays that a training ``depends_on``.

    Checkpoints from before the task was among these are taken, with a warning: they are good unless it has changed.
    """
    marks = {} if checkpoint_dir is None else _marks(config, depends_on)
    with watchers(title, config.steps, progress, callback) as tell:
        return run_steps(
            advance, state, config, Keeper(checkpoint_dir, marks, may_lack=("task",)), resume, tell
        )


def apart(
    title: str,
    one: Callable[[int, Callback], Learned],
    number: int,
    steps: int,
    progress: bool,
    callback: Callback | None,
) -> list[Learned]:
    """``one(s, tell)`` for s = 0..number-1, as many at once as there are cores; an exception in one ends all."""
    done, stopped = np.zeros(number), threading.Event()

    def alone(s: int) -> Learned:
        def heard(report: Report) -> None:
            if stopped.is_set():
                raise StoppedBesideError
            done[s] = report.step
            tell(report._replace(step=int(done.mean())))

        try:
            return one(s, heard)
        except BaseException:
            stopped.set()
            raise

    with (
        watchers(title, steps, progress, callback) as tell,
        ThreadPoolExecutor(min(available_cores(), number), thread_name_prefix="training") as pool,
    ):
        trainings = [pool.submit(alone, s) for s in range(number)]
        wait(trainings, return_when=FIRST_EXCEPTION)
        for training in trainings:
            training.cancel()
        ended = [t for t in trainings if not t.cancelled()]
        errors = [error for t in ended if (error := t.exception()) is not None]
        for error in sorted(errors, key=lambda error: isinstance(error, StoppedBesideError)):
            raise error
        return [training.result() for training in trainings]


class StoppedBesideError(RuntimeError):
    """A training was ended because one beside it failed."""


def _marks(config: Any, depends_on: dict[str, Any]) -> dict[str, str]:
    settings = {f.name: repr(getattr(config, f.name)) for f in dataclasses.fields(config)}
    return settings | {name: digest(value) for name, value in depends_on.items()}
