"""Somebody else's network, asked for one sample: which shapes it takes and gives, and what is wrong if none fit."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from thermodiff.array_types import ByIdentity
from thermodiff.scores.callables import BatchedScore, traceable
from thermodiff.validation import check_is_of_jax, complain, traced_call

_CALL = "a callable f(x, time) -> (d,) for x of shape (d,)"


def check_is_model(model: Any) -> None:
    """Raise for classes, modules without their variables, and what cannot be called."""
    if isinstance(model, type):
        raise complain("model", f"the class {model.__name__}", f"an object of it, {_CALL}")
    if hasattr(model, "apply") and hasattr(model, "init") and getattr(model, "scope", None) is None:
        need = "lambda x, time: module.apply(variables, x, time)"
        raise complain("model", f"{type(model).__name__}, a module without its variables", need)
    if not callable(model):
        raise complain("model", type(model).__name__, _CALL)
    check_is_of_jax("model", model)


def held(model: Any) -> Any:
    """The model as compiled functions can take it: itself if it is a pytree of arrays, else by its identity."""
    return model if traceable(model) is model else ByIdentity(model)


def for_one_sample(model: Any, dim: int, whole: bool) -> Any:
    """The model as a callable of x (dim,) and time (), mapped where it takes batches, (n, d), (n,) or () -> (n, d).

    ``whole`` says that its times are whole numbers. Raises ValueError for another shape or kind of values, naming what
    came; what a model raises itself is passed on in that message.
    """
    plain = model.inside if isinstance(model, ByIdentity) else model
    kind = np.int32 if whole else np.float32
    x, time = jax.ShapeDtypeStruct((dim,), np.float32), jax.ShapeDtypeStruct((), kind)
    of = f"x of shape ({dim},) and a time of shape () and type {np.dtype(kind)}"
    try:
        out = traced_call("model", plain, x, time, of, f"an output of shape ({dim},)")
        _check_output(out, dim)
    except ValueError:
        batched = _batched(plain, dim, kind)
        if batched is None:
            raise
        return BatchedScore(model, batched)
    return plain if isinstance(model, ByIdentity) else model


def _batched(model: Any, dim: int, kind: Any) -> bool | None:
    """Whether a model of batches wants a batch of times, None if it takes no batches."""
    rows = dim + 2
    x = jax.ShapeDtypeStruct((rows, dim), np.float32)
    for batch_of_times in (True, False):
        time = jax.ShapeDtypeStruct((rows,) if batch_of_times else (), kind)
        try:
            out = traced_call("model", model, x, time, "a batch", "a batch")
        except ValueError:  # then it is no such model, and the first message about it stands
            continue
        shape = getattr(out, "shape", None)
        if shape == (rows, 2 * dim):
            raise _learned_sigma(dim, f"({rows}, {2 * dim}) for x of shape ({rows}, {dim})", ":, ")
        if shape == (rows, dim):
            _check_kind(out.dtype)
            return batch_of_times
    return None


def _check_output(out: Any, dim: int) -> None:
    shape = getattr(out, "shape", None)
    if shape == (2 * dim,):
        raise _learned_sigma(dim, f"({2 * dim},) for x of shape ({dim},)", "")
    if isinstance(out, tuple | list | dict):
        names = f" with {', '.join(map(str, out))}" if isinstance(out, dict) else f" of {len(out)}"
        raise complain(
            "model", f"a {type(out).__name__}{names}", "the prediction alone: lambda x, time: f(x, time)[0]"
        )
    if shape != (dim,):
        got = f"an output of shape {shape} for x of shape ({dim},)"
        raise complain("model", got, f"shape ({dim},), such as f(x.reshape(...), time).ravel() for an image")
    _check_kind(out.dtype)


def _learned_sigma(dim: int, shapes: str, rows: str) -> ValueError:
    got = f"an output of shape {shapes}, twice as long: mean and variance (learned sigma)"
    return complain("model", got, f"the mean alone: lambda x, time: f(x, time)[{rows}:{dim}]")


def _check_kind(dtype: Any) -> None:
    if not jnp.issubdtype(dtype, jnp.floating):
        raise complain("model", f"values of type {dtype}", "real floating-point ones")
