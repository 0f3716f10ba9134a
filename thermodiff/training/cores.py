"""A chunk of several trainings on a processor: each a run of the program of one training, as many at once as cores.

A small network's step is too short to be shared out between cores, and trainings side by side in one program leave
a core's cache. Apart they need nothing of each other, and a compiled program that runs lets other threads run.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import numpy as np

from thermodiff.runtime.devices import batch_mesh
from thermodiff.training.config import TrainingConfig
from thermodiff.training.problem import Problem
from thermodiff.training.step import Record, State, advance_one


def share_cores() -> bool:
    """Whether trainings are to run apart on the cores: on one processor that is one device."""
    return jax.default_backend() == "cpu" and batch_mesh().size == 1


def advance_on_cores(
    config: TrainingConfig, problems: Sequence[Problem], state: State, start: int, stop: int
) -> tuple[State, Record]:
    """``advance_one`` for each of S problems; the leaves of ``state`` and of what comes back have a leading axis S.

    On the host, where taking apart and putting together compile nothing. An exception in one training ends all,
    those that run at the end of their chunk.
    """
    states = _apart(state, len(problems))
    # Compiled in this thread, whose settings of JAX the others do not have.
    program = advance_one.lower(config, problems[0], states[0], start, stop).compile()

    def one(problem: Problem, state: State) -> tuple[State, Record]:
        return jax.device_get(program(problem, state, start, stop))

    pool = ThreadPoolExecutor(min(available_cores(), len(problems)), thread_name_prefix="training")
    try:
        advanced = list(pool.map(one, problems, states))
    finally:
        pool.shutdown(cancel_futures=True)
    return jax.tree.map(lambda *leaves: np.stack(leaves), *advanced)


def _apart(tree: Any, n: int) -> list:
    """A tree whose leaves have a leading axis n as n trees without it."""
    tree = jax.device_get(tree)
    return [jax.tree.map(lambda leaf, i=i: leaf[i], tree) for i in range(n)]


def available_cores() -> int:
    """How many this process may use, where the system can say."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
