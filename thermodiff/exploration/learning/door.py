"""What is handed to a training, looked at before anything is compiled."""

from __future__ import annotations

import inspect
from typing import Any

import jax
import numpy as np

from thermodiff.exploration.policies.policy import TokenPolicy
from thermodiff.exploration.tasks.task import Task
from thermodiff.validation import complain


def check_policy(policy: Any, task: Task, name: str = "policy") -> Any:
    """The policy. Raises ValueError for what is none, and for one of other words than the task's."""
    check_object(name, policy, TokenPolicy, "a policy with logits, begin and extend")
    prompt, response = (
        jax.ShapeDtypeStruct((n,), np.int32) for n in (task.prompt_length, task.response_length)
    )
    words = jax.eval_shape(lambda policy, x, y: policy.logits(x, y), policy, prompt, response).shape[-1]
    if words != len(task.vocabulary):
        raise complain(name, f"one of {words} words", f"one of the {len(task.vocabulary)} words of the task")
    return policy


def check_object(name: str, value: Any, kind: Any, need: str) -> None:
    """Raise ValueError unless ``value`` is an object of this kind; the class itself is none."""
    if isinstance(value, type):
        raise complain(name, f"the class {value.__name__}", f"an object of it, {value.__name__}(...)")
    if not isinstance(value, kind):
        raise complain(name, type(value).__name__, need)


def check_part(name: str, part: Any, arguments: int, need: str) -> None:
    """Raise ValueError unless ``part`` is an object whose ``of`` takes so many arguments, which tells parts apart."""
    check_object(name, part, object, need)
    of = getattr(part, "of", None)
    try:
        inspect.signature(of).bind(*range(arguments))  # type: ignore[arg-type]
    except TypeError as error:  # what cannot be called so, or at all
        raise complain(name, f"{part!r}", need) from error
