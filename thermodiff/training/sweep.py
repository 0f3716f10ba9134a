"""Training several scores at once with one compiled program: mapped on an accelerator, one a core on a processor."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from thermodiff.runtime.progress import Callback, watchers
from thermodiff.training.checkpoints import Keeper
from thermodiff.training.config import TrainingConfig
from thermodiff.training.cores import advance_on_cores, share_cores
from thermodiff.training.fingerprint import fingerprint
from thermodiff.training.fit import Fit, History, configured, finished, run_chunks
from thermodiff.training.problem import Problem, as_distribution, prepare
from thermodiff.training.step import advance_in_turn, advance_side_by_side, initial_state
from thermodiff.validation import check_key, complain


def fit_sweep(
    keys: Any,
    data: Any,
    processes: Any,
    *,
    config: TrainingConfig | None = None,
    validation: Any = None,
    checkpoint_dir: str | Path | None = None,
    resume: bool = True,
    progress: bool = False,
    callback: Callback | None = None,
    **settings: Any,
) -> list[Fit]:
    """``fit`` for S keys, and S processes of one class or one process for all, at once with one compiled program.

    ``keys`` (S,), ``processes`` a list of S or one; the rest is as in ``fit``, with one folder of checkpoints for
    the sweep. Each training equals the one made alone up to rounding. Raises as ``fit`` does; when one training
    diverges, all end.
    """
    config = configured(config, settings)
    processes = _one_each(keys, processes)
    data = as_distribution(data)
    pairs = [prepare(check_key(k), data, p, config, validation) for k, p in zip(keys, processes, strict=True)]
    problems = [problem for problem, _ in pairs]
    state = _stack([initial_state(config, network, validation is not None) for _, network in pairs])
    marks = {} if checkpoint_dir is None else fingerprint(keys, data, processes, config, validation)
    keeper = Keeper(checkpoint_dir, marks)
    advance, together = _at_once(config, problems)
    with watchers(f"{len(keys)} trainings", config.steps, progress, callback) as tell:
        state, history = run_chunks(advance, config, together, state, keeper, resume, tell)
    state = jax.device_get(state)
    return [
        finished(
            config,
            problems[i],
            jax.tree.map(lambda leaf, i=i: jnp.asarray(leaf[i]), state),
            History(history.step, history.loss[:, i], history.validation[:, i]),
        )
        for i in range(len(keys))
    ]


def _at_once(config: TrainingConfig, problems: list[Problem]) -> tuple[Callable, Problem | list[Problem]]:
    """What advances several trainings here, and their problems in the form that it takes."""
    if share_cores():
        return functools.partial(advance_on_cores, config.program), problems
    stacked = _stack([problem._replace(data=None) for problem in problems])
    advance = advance_in_turn if jax.default_backend() == "cpu" else advance_side_by_side
    return functools.partial(advance, config.program), stacked._replace(data=problems[0].data)


def _one_each(keys: Any, processes: Any) -> list:
    """A process for each key; raises ValueError unless they can share one program."""
    if np.ndim(keys) == 0 or len(keys) == 0:
        raise complain(
            "keys", "a single key" if np.ndim(keys) == 0 else "none", "an array of keys, one a training"
        )
    if not isinstance(processes, list | tuple):
        return [processes] * len(keys)
    if len(processes) != len(keys):
        raise complain(
            "processes", f"{len(processes)} for {len(keys)} keys", "one for each key, or one for all"
        )
    kinds = {jax.tree.structure(process) for process in processes}
    if len(kinds) > 1:
        names = sorted({type(process).__name__ for process in processes})
        raise complain("processes", " and ".join(names), "processes of one class: they share one program")
    return list(processes)


def _stack(trees: list) -> Any:
    """Trees of the same structure as one with a leading axis, by way of the host: nothing has to be compiled."""

    def stack(*leaves: Any) -> Any:
        if jnp.issubdtype(leaves[0].dtype, jax.dtypes.prng_key):
            return jnp.stack(leaves)
        return jnp.asarray(np.stack([np.asarray(leaf) for leaf in leaves]))

    return jax.tree.map(stack, *trees)
