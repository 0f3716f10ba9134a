"""Training one score: Adam on the denoising loss, compiled in chunks of steps, resumable bit for bit.

Step i draws its randomness from fold_in(key, i) and its learning rate from i, and a chunk is a loop with i as its
counter, so where a training was interrupted leaves no trace in the result.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from thermodiff.array_types import Key, Process, Score
from thermodiff.runtime.compiled_once import compiled_once
from thermodiff.runtime.devices import batch_mesh, local, place, run
from thermodiff.runtime.progress import Callback, Report, watchers
from thermodiff.training.checkpoints import Keeper
from thermodiff.training.config import TrainingConfig
from thermodiff.training.fingerprint import fingerprint
from thermodiff.training.problem import Problem, prepare
from thermodiff.training.step import Record, State, advance_one, initial_state
from thermodiff.validation import check_key


class TrainingDivergedError(RuntimeError):
    """The loss or its gradient became NaN or infinite; the message names the step and the last good checkpoint."""


class History(NamedTuple):
    """One entry a chunk: ``step`` reached, mean training ``loss``, ``validation`` loss of the averaged weights.

    Losses are in nats under the weighting of the likelihood; ``validation`` is NaN without validation data.
    """

    step: np.ndarray
    loss: np.ndarray
    validation: np.ndarray


class Fit(NamedTuple):
    """A trained score, how it got there, and whether validation stopped it before ``config.steps``."""

    score: Score
    history: History
    config: TrainingConfig
    steps: int
    stopped_early: bool


def run_chunks(
    advance: Callable[..., tuple[State, Record]],
    config: TrainingConfig,
    problem: Problem | list[Problem],
    state: State,
    keeper: Keeper,
    resume: bool,
    tell: Callback,
) -> tuple[State, History]:
    """Chunk after chunk from the newest checkpoint on; ``tell`` hears of each when it is safe."""
    ends = np.append(np.arange(config.chunk, config.steps, config.chunk), config.steps)
    empty = np.full((len(ends), *state.stale.shape), np.nan, np.float32)
    history = History(ends, empty, empty.copy())
    done, (state, *losses) = keeper.restore((state, *history[1:]), resume) or (0, (state, *history[1:]))
    history = History(ends, *(np.array(loss) for loss in losses))
    problem, state = place((problem, state))
    try:
        for k in range(int(np.searchsorted(ends, done, side="right")), len(ends)):
            if config.patience is not None and np.all(np.asarray(state.stale) >= config.patience):
                break
            state, record = run(advance, problem, state, done, int(ends[k]))
            done = int(ends[k])
            check_losses(record.bad_step, config, keeper)
            history.loss[k], history.validation[k] = record.loss, record.validation
            keeper.offer(done, (state, history.loss.copy(), history.validation.copy()))
            tell(Report(done, history.loss[k], history.validation[k]))
    finally:
        keeper.flush()
    return local(state), history


def check_losses(bad_step: Any, config: TrainingConfig, keeper: Keeper) -> None:
    """Raise TrainingDivergedError, a checkpoint written, where ``bad_step``, () or one a training (S,), is not -1."""
    bad = np.asarray(bad_step)
    if np.all(bad < 0):
        return
    keeper.flush()
    which = ""
    if bad.ndim:
        i = int(np.flatnonzero(bad >= 0)[0])
        which, bad = f" of training {i} (of {len(bad)})", bad[i]
    raise TrainingDivergedError(
        f"loss or gradient not finite at step {int(bad) + 1} of {config.steps}{which}; {keeper}. "
        f"A learning rate below {config.learning_rate:g} or data on a scale of order 1 may help."
    )


def finished(config: TrainingConfig, problem: Problem, state: State, history: History) -> Fit:
    """The fit of one training; a sweep's has been taken apart."""
    chunks = int(np.sum(np.isfinite(history.loss)))
    steps = int(history.step[chunks - 1])
    score = config.score(state.average if state.best is None else state.best, problem)
    return Fit(score, History(*(h[:chunks] for h in history)), config, steps, steps < config.steps)


def configured(config: TrainingConfig | None, settings: dict[str, Any]) -> TrainingConfig:
    """``config`` or the default with these fields changed. Raises TypeError for a field that there is not."""
    known = [f.name for f in dataclasses.fields(TrainingConfig)]
    for name in settings:
        if name not in known:
            raise TypeError(f"{name}: got an unknown setting, need one of {', '.join(known)}")
    return dataclasses.replace(config or TrainingConfig(), **settings)


def fit(
    key: Key,
    data: Any,
    process: Process,
    *,
    config: TrainingConfig | None = None,
    validation: Any = None,
    checkpoint_dir: str | Path | None = None,
    resume: bool = True,
    progress: bool = False,
    callback: Callback | None = None,
    **settings: Any,
) -> Fit:
    """Train a score on ``data`` carried through ``process`` by denoising score matching.

    ``key`` fixes everything random, the result bit for bit. ``data`` is a distribution (fresh samples at each step)
    or an array (n, d) (rows drawn with replacement). ``config`` is a ``TrainingConfig``; ``settings`` override its
    fields, as in ``fit(..., steps=1000, width=96)``.

    ``validation`` are rows (m, d) not trained on: the averaged weights with the smallest loss on them, always at the
    same times and noise, become the score; ``patience`` chunks without a better one end the training.

    ``checkpoint_dir`` is a folder for checkpoints, written every 5 s, at the end and when interrupted; two are kept.
    With ``resume`` training goes on from the newest there, to the same result as if never interrupted, or returns at
    once if it was the last; without, the checkpoints there are removed. ``progress`` draws a bar, if stderr is a
    terminal; ``callback`` is called with a ``Report`` after each chunk, and what it raises ends the training,
    checkpoint written.

    Raises ValueError for arguments that do not fit, or a checkpoint of another training, naming what differs; OSError
    where no checkpoint can be written (a full disk, a read-only folder), the last one staying good;
    TrainingDivergedError when loss or gradient is not finite. Source: Vincent (2011), Song et al. (2021).
    """
    key = check_key(key)
    config = configured(config, settings)
    problem, network = prepare(key, data, process, config, validation)
    state = initial_state(config, network, validation is not None)
    marks = {} if checkpoint_dir is None else fingerprint(key, data, process, config, validation)
    keeper = Keeper(checkpoint_dir, marks)
    with watchers("training", config.steps, progress, callback) as tell:
        if batch_mesh().size == 1:
            compiled_once(advance_one, config.program, problem, state, 0, config.chunk)
        state, history = run_chunks(
            functools.partial(advance_one, config.program), config, problem, state, keeper, resume, tell
        )
    return finished(config, problem, state, history)
