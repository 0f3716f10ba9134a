"""Whether a task keeps its promises: looked at once, before a policy is trained on it."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from thermodiff.exploration.tasks.probe import check_reward, probe
from thermodiff.exploration.tasks.task import EnumeratedTask, Task, check_instance
from thermodiff.validation import check_count, complain

PROMISED = ("vocabulary", "end", "prompt_length", "response_length", "prompts", "reward")
LOOKED_AT = 16
"""Problems whose listed responses are verified."""


def check_task(task: Any) -> None:
    """Raise ValueError, saying what is wrong, unless a task can be trained on.

    Its words are words, all different; ``end`` is one of them; its prompts are tokens, (problems, prompt_length); its
    reward of a prompt and a response is one number that JAX can trace, and of some responses 0 or 1. Of a task with
    ``forms``, for some problems: responses are tokens that close with ``end``, no two alike, one at least is correct,
    and ``reward`` agrees with the list.
    """
    check_instance(task)
    missing = [name for name in PROMISED if not hasattr(task, name)]
    if missing:
        raise complain("task", f"{type(task).__name__} without {', '.join(missing)}", "all that Task names")
    size = _check_words(task)
    for name in ("prompt_length", "response_length"):
        check_count(name, getattr(task, name))
    prompts = np.asarray(task.prompts)
    need = f"whole numbers (problems, {task.prompt_length}) from 0 to {size - 1}"
    if prompts.ndim != 2 or prompts.shape[1] != task.prompt_length or not len(prompts):
        raise complain("task.prompts", f"shape {prompts.shape}", need)
    if prompts.dtype.kind not in "iu":
        raise complain("task.prompts", f"numbers of type {prompts.dtype}", need)
    if prompts.min() < 0 or prompts.max() >= size:
        raise complain("task.prompts", f"tokens from {prompts.min()} to {prompts.max()}", need)
    check_reward(task)
    if isinstance(task, EnumeratedTask):
        _check_forms(task, prompts[:: max(1, len(prompts) // LOOKED_AT)][:LOOKED_AT].astype(np.int32))
    probe(task, prompts)


def _check_words(task: Task) -> int:
    words = task.vocabulary
    if not len(words):
        raise complain("task.vocabulary", "no words", "at least two, one of which ends a response")
    if len(set(words)) < len(words):
        twice = next(word for n, word in enumerate(words) if word in words[:n])
        raise complain("task.vocabulary", f"{twice!r} twice", "words that are all different")
    if not isinstance(task.end, int | np.integer) or not 0 <= task.end < len(words):
        raise complain("task.end", f"{task.end!r}", f"a token from 0 to {len(words) - 1}")
    return len(words)


def _check_forms(task: EnumeratedTask, prompts: np.ndarray) -> None:
    responses, correct, real = (np.asarray(part) for part in task.forms(prompts))
    need = f"({len(prompts)}, forms, {task.response_length})"
    if responses.ndim != 3 or responses.shape[::2] != (len(prompts), task.response_length):
        raise complain("task.forms", f"responses of shape {responses.shape}", need)
    if responses.min() < 0 or responses.max() >= len(task.vocabulary):
        got = f"tokens from {responses.min()} to {responses.max()}"
        raise complain("task.forms", got, f"tokens from 0 to {len(task.vocabulary) - 1}")

    def first(bad: np.ndarray) -> str:
        problem, form = (int(n) for n in np.argwhere(bad)[0])
        words = " ".join(task.vocabulary[token] for token in responses[problem, form])
        return f"{words!r} for the prompt {' '.join(task.vocabulary[token] for token in prompts[problem])!r}"

    open_ = real & (responses[..., -1] != task.end)
    if open_.any():
        raise complain("task.forms", f"{first(open_)}, without an end", "responses that close with end")
    ended = np.cumsum(responses == task.end, axis=-1) > 0
    late = real & np.any(ended & (responses != task.end), axis=-1)
    if late.any():
        raise complain(
            "task.forms", f"{first(late)}, which goes on after its end", "end in all places after the first"
        )
    for row, kept in zip(responses, real, strict=True):
        if len(np.unique(row[kept], axis=0)) < kept.sum():
            raise complain(
                "task.forms", "a response twice for one problem", "responses that are all different"
            )
    if not (correct & real).any(axis=1).all():
        problem = int(np.argmin((correct & real).any(axis=1)))
        words = " ".join(task.vocabulary[token] for token in prompts[problem])
        raise complain("task.forms", f"no correct response for the prompt {words!r}", "at least one")
    rewards = np.asarray(jax.jit(jax.vmap(jax.vmap(task.reward, (None, 0))))(prompts, responses))
    differs = real & (rewards != correct)
    if differs.any():
        listed = "correct" if correct[differs][0] else "wrong"
        got = f"{first(differs)} listed as {listed} with reward {rewards[differs][0]:g}"
        raise complain("task.forms", got, "a list that reward agrees with")
