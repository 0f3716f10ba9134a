"""What a task does, looked at on some responses: whether its rewards are verdicts, and which task it is."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from thermodiff.exploration.tasks.task import EnumeratedTask, Task, response_mask, words_of
from thermodiff.validation import complain

DRAWN = 256
"""Responses that are made of tokens drawn at random, with a fixed seed."""
LISTED = 1024
"""Problems whose lists are read, and listed responses that are verified, at most."""


class Probe(NamedTuple):
    """What a task is and does, as arrays; equal for two tasks that cannot be told apart by these responses."""

    words: np.ndarray
    """The vocabulary, as bytes."""
    sizes: np.ndarray
    """``end``, ``prompt_length``, ``response_length``."""
    rewards: np.ndarray
    """(responses,): of responses drawn at random, and of some that are listed."""
    listed: tuple[np.ndarray, ...]
    """Responses of the problems and which are correct, where the task lists them."""


def probe(task: Task, prompts: np.ndarray) -> Probe:
    """A task by what it does: its words, its rewards of some responses, and its lists where it has them.

    The responses to ``prompts`` are ``DRAWN`` of random tokens, always the same, and of a task with ``forms`` up to
    ``LISTED`` of those. A verifier that differs elsewhere only is taken for the same: without lists that is any change
    that random tokens do not show. Raises ValueError for a reward that is neither 0 nor 1.
    """
    check_reward(task)
    prompts = np.asarray(prompts, dtype=np.int32)
    problem, responses = _drawn(task, len(prompts))
    asked = prompts[problem]
    lists: tuple[np.ndarray, ...] = ()
    if isinstance(task, EnumeratedTask):
        some = _some(prompts)
        forms = task.forms(some)
        rows, form = (_some(places) for places in np.nonzero(forms.real))
        asked = np.concatenate([asked, some[rows]])
        responses = np.concatenate([responses, forms.responses[rows, form]])
        lists = (np.asarray(forms.responses), np.asarray(forms.correct))
    rewards = np.asarray(_rewards(task, jnp.asarray(asked), jnp.asarray(responses, dtype=jnp.int32)))
    bad = np.flatnonzero(~np.isin(rewards, (0, 1)))
    if len(bad):
        response, prompt = (words_of(task, tokens[bad[0]]) for tokens in (responses, asked))
        got = f"{rewards[bad[0]]:g} for the response {response!r} to the prompt {prompt!r}"
        raise complain("task.reward", got, "0 or 1")
    return Probe(*_about(task), rewards, lists)


def words_and_sizes(task: Task) -> Probe:
    """The task without its verifier: all that a training on texts knows of it."""
    return Probe(*_about(task), np.zeros(0), ())


def check_reward(task: Task) -> None:
    """Raise ValueError unless the reward of one response is one floating-point number that JAX can trace."""
    shapes = [jax.ShapeDtypeStruct((n,), np.int32) for n in (task.prompt_length, task.response_length)]
    kinds = []

    def reward(prompt: Any, response: Any) -> Any:
        out = task.reward(prompt, response)
        kinds.append(type(out).__name__)
        return None if isinstance(out, str) else out

    try:
        out = jax.eval_shape(reward, *shapes)
    except (jax.errors.ConcretizationTypeError, jax.errors.TracerArrayConversionError) as error:
        need = "one written with jax.numpy, without if and while on tokens"
        raise complain("task.reward", "a function that JAX cannot trace", need) from error
    if getattr(out, "shape", None) != () or not jax.dtypes.issubdtype(out.dtype, np.floating):
        got = f"{out.dtype} of shape {out.shape}" if hasattr(out, "shape") else kinds[0]
        raise complain("task.reward", got, "one floating-point number for one response")


def _about(task: Task) -> tuple[np.ndarray, np.ndarray]:
    words = np.frombuffer("\0".join(task.vocabulary).encode(), dtype=np.uint8)
    return words, np.array([task.end, task.prompt_length, task.response_length])


def _drawn(task: Task, problems: int) -> tuple[np.ndarray, np.ndarray]:
    """Which problem is asked, (DRAWN,), and responses of random tokens and random lengths."""
    rng, length = np.random.default_rng(0), task.response_length
    problem = rng.integers(problems, size=DRAWN)
    tokens = rng.integers(len(task.vocabulary), size=(DRAWN, length))
    tokens = np.where(np.arange(length) < rng.integers(1, length + 1, (DRAWN, 1)), tokens, task.end)
    return problem, np.where(response_mask(tokens, task.end), tokens, task.end)


def _some(rows: np.ndarray) -> np.ndarray:
    """At most ``LISTED`` rows, evenly spread."""
    return rows[:: -(-len(rows) // LISTED)]


@functools.partial(jax.jit, static_argnums=0)
def _rewards(task: Task, prompts: Any, responses: Any) -> Any:
    return jax.vmap(task.reward)(prompts, responses)
