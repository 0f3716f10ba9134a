"""Derivatives of a PyTorch function of rows: by forward and reverse mode of torch.func, else by torch.autograd.

F maps x (n, d) and c (n,) to (n, d), each row by itself. ``torch.func`` differentiates most of what is written today;
operations of one's own without a forward derivative, and compiled scripts, only ``torch.autograd`` does, which has J v
as the derivative of u^T J by u. Each way takes the same arguments, so that the first that works can be kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Function = Callable[..., Any]
Directions = dict[int, Any]
"""k directions, first axis, for x at 0 and for c at 1, or for one of them."""

ROWS_AT_ONCE = 1 << 16
"""Points times directions in one vectorised call."""


def _only(function: Function, points: Any, by: tuple[int, ...]) -> tuple[Function, tuple[Any, ...]]:
    """The function of what is differentiated, the rest held, and where it is taken."""

    def of(*moved: Any) -> Any:
        given = list(points)
        for i, value in zip(by, moved, strict=True):
            given[i] = value
        return function(*given)

    return of, tuple(points[i] for i in by)


def _vectorised(torch: Any, one: Function, many: Any, rows: int) -> Any:
    """``one`` of every direction: all at once as far as memory allows."""
    if len(many[0]) == 1:
        return _stacked(torch, one, many)
    return torch.func.vmap(one, chunk_size=max(1, ROWS_AT_ONCE // rows))(*many)


def _stacked(torch: Any, one: Function, many: Any) -> Any:
    """``one`` of every direction, in turn."""
    results = [one(*direction) for direction in zip(*many, strict=True)]
    if isinstance(results[0], tuple):
        return tuple(torch.stack(parts) for parts in zip(*results, strict=True))
    return torch.stack(results)


# J v: (k, n, d) of k directions.


def _jvp(torch: Any, function: Function, points: Any, directions: Directions) -> Function:
    of, at = _only(function, points, tuple(directions))
    return lambda *v: torch.func.jvp(of, at, v)[1]


def forward_mode(torch: Any, function: Function, points: Any, directions: Directions) -> Any:
    """By ``torch.func.jvp``, vectorised over the directions."""
    one = _jvp(torch, function, points, directions)
    return _vectorised(torch, one, tuple(directions.values()), len(points[0]))


def forward_mode_in_turn(torch: Any, function: Function, points: Any, directions: Directions) -> Any:
    """By ``torch.func.jvp``, for what ``torch.func.vmap`` cannot vectorise."""
    return _stacked(torch, _jvp(torch, function, points, directions), tuple(directions.values()))


def backward_twice(torch: Any, function: Function, points: Any, directions: Directions) -> Any:
    """By ``torch.autograd``: u^T J is linear in u, and J v its derivative by u along v."""
    with torch.enable_grad():
        at = [p.detach().requires_grad_(i in directions) for i, p in enumerate(points)]
        out = function(*at)
        u = torch.zeros_like(out, requires_grad=True)
        pulled = _gradients(torch, out, [at[i] for i in directions], u, create_graph=True)
        kept = [(g, v) for g, v in zip(pulled, directions.values(), strict=True) if g is not None]
        if not kept:
            return out.new_zeros(len(next(iter(directions.values()))), *out.shape)
        gradients = [g for g, _ in kept]

        def one(*v: Any) -> Any:
            return torch.autograd.grad(gradients, u, v, retain_graph=True)[0]

        return _stacked(torch, one, [v for _, v in kept])


def _gradients(torch: Any, out: Any, by: Any, u: Any, **options: Any) -> Any:
    """None for what the output does not depend on."""
    if not out.requires_grad:
        return (None,) * len(by)
    return torch.autograd.grad(out, by, u, retain_graph=True, allow_unused=True, **options)


# u^T J: a tuple of what is differentiated, (k, n, d) or (k, n), of u (k, n, d).


def reverse_mode(torch: Any, function: Function, points: Any, u: Any, by: tuple[int, ...]) -> Any:
    """By ``torch.func.vjp``, vectorised over u."""
    of, at = _only(function, points, by)
    _, pull = torch.func.vjp(of, *at)
    return _vectorised(torch, pull, (u,), len(points[0]))


def backward(torch: Any, function: Function, points: Any, u: Any, by: tuple[int, ...]) -> Any:
    """By ``torch.autograd``, for each u in turn."""
    with torch.enable_grad():
        at = [p.detach().requires_grad_(i in by) for i, p in enumerate(points)]
        out = function(*at)

        def one(v: Any) -> Any:
            pulled = _gradients(torch, out, [at[i] for i in by], v)
            return tuple(
                torch.zeros_like(points[i]) if g is None else g for i, g in zip(by, pulled, strict=True)
            )

        return _stacked(torch, one, (u,))


PRODUCTS = (forward_mode, forward_mode_in_turn, backward_twice)
PULLED_BACK = (reverse_mode, backward)
