"""Exact numbers of a policy on a task of which every response that matters is listed."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from thermodiff.exploration.learning.door import check_policy
from thermodiff.exploration.policies.policy import log_prob
from thermodiff.exploration.tasks.task import Forms, check_prompts
from thermodiff.validation import complain

AT_ONCE = 1024
"""Responses that are read in one batch."""


def form_log_probs(policy: Any, task: Any, prompts: Any, forms: Forms | None = None) -> np.ndarray:
    """ln pi(y | x) of every listed response to every prompt, (problems, forms), -inf in padding; nats.

    ``forms`` are ``task.forms(prompts)``, made here if not given. With them
    p = sum of exp over the correct, exactly; what is missing to 1 is the chance of a response that is not listed. In
    the policy's precision, which tells what reads the table how far from 1 rounding may take a sum.
    Raises ValueError for prompts and policies of another task, forms of other prompts, and a task without ``forms``
    where none are given.
    """
    prompts = check_prompts(task, prompts)
    check_policy(policy, task)
    if forms is None and not hasattr(task, "forms"):
        raise complain(
            "task", f"a {type(task).__name__}, which lists no responses", "one with forms, or forms="
        )
    forms = task.forms(prompts) if forms is None else forms
    if len(forms.responses) != len(prompts):
        raise complain("forms", f"those of {len(forms.responses)} problems", f"of the {len(prompts)} prompts")
    problem, form = np.nonzero(forms.real)
    left_over = -len(problem) % AT_ONCE  # A last batch of another size would be compiled for itself.
    read = np.pad(problem, (0, left_over)), np.pad(form, (0, left_over))
    given = _log_probs(policy, task.end, jnp.asarray(prompts[read[0]]), jnp.asarray(forms.responses[read]))
    log_probs = np.full(forms.real.shape, -np.inf, given.dtype)
    log_probs[problem, form] = np.asarray(given)[: len(problem)]
    return log_probs


@functools.partial(jax.jit, static_argnums=1)
def _log_probs(policy: Any, end: int, prompts: Any, responses: Any) -> Any:
    def read(both: tuple[Any, Any]) -> Any:
        return log_prob(policy, *both, end)

    return jax.lax.map(read, (prompts, responses), batch_size=AT_ONCE)


def success(log_probs: np.ndarray, correct: np.ndarray) -> np.ndarray:
    """p of each problem, (problems,): the chance of a correct response, from ``form_log_probs``; never above 1."""
    return np.minimum(np.sum(np.where(correct, np.exp(log_probs, dtype=float), 0.0), axis=-1), 1.0)
