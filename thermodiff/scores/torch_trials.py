"""What four rows of random numbers tell of a PyTorch model before it is used: faults that show as numbers alone."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from thermodiff.scores.outside import Rows
from thermodiff.scores.outside_calls import ERRORS
from thermodiff.scores.torch_derivatives import PRODUCTS, PULLED_BACK
from thermodiff.validation import ModelError, complain, complain_of_model

TRIAL_NUMBERS = (0.9, 0.7, 0.4, 0.2)
"""What the rows are conditioned on: times, and away from the half steps between the first entries of a table."""
TRIAL_STEPS = (3, 3, 2, 1)
"""The same where whole numbers are asked for: entries of a table."""

HIDDEN = (
    "no detach(), inference_mode() or, for gradients, no_grad() inside, which hide what a likelihood needs"
)


def trial_rows(dim: int, whole: bool) -> tuple[Rows, Rows]:
    """x (4, d), of order 1, and c (4,), whole numbers or not."""
    c = np.asarray(TRIAL_STEPS if whole else TRIAL_NUMBERS)
    return np.random.default_rng(0).normal(size=(len(c), dim)), c


def try_values(model: Any, x: Rows, c: Rows) -> None:
    """Raises ModelError for what the module raises; warns where its values are no function of one point.

    They are then not the same for the same rows again, or for fewer of them, by more than rounding.
    """
    try:
        first, again, fewer = model.values(x, c), model.values(x, c), model.values(x[2:], c[2:])
    except (ModelError, model.torch.OutOfMemoryError):
        raise
    except ERRORS as error:
        raise model.failed(error, x) from error
    rounding = math.sqrt(model.torch.finfo(model.dtype).eps) * np.abs(first).max()
    for when, other in (("for the same rows again", again), ("for fewer rows", fewer)):
        change = np.abs(first[-len(other) :] - other).max()
        if change > rounding:
            got = f"values that change by {change:.2g} {when}, not a function of one point"
            need = "no dropout, no noise, nothing shared between rows"
            warnings.warn(str(complain("module", got, need)), stacklevel=2)


def _directions(x: Rows, by: tuple[int, ...]) -> dict[int, Rows]:
    """Two of order 1 for each of ``by``."""
    v = np.random.default_rng(1).normal(size=(2, *x.shape))
    return {i: (v, v[..., 0])[i] for i in by}


def way_of_products(model: Any, x: Rows, c: Rows, by: tuple[int, ...]) -> Any:
    """The first way for J v; raises ModelError where there is none, or its J v is not how the values change."""
    v = _directions(x, by)
    way, product = _first_of(PRODUCTS, model, x, c, {i: model.tensor(d) for i, d in v.items()})
    _compare(model, x, c, {i: d[0] for i, d in v.items()}, model.array(product[0]))
    return way


def way_of_pulling_back(model: Any, x: Rows, c: Rows, by: tuple[int, ...]) -> Any:
    """The first way for u^T J; raises ModelError where there is none, or u^T J v is not the u . J v of products."""
    u, v = np.random.default_rng(2).normal(size=(2, *x.shape)), _directions(x, by)
    way, pulled = _first_of(PULLED_BACK, model, x, c, model.tensor(u), by)
    with_u = np.sum(u * model.products(x, c, v))
    with_v = sum(np.sum(model.array(p) * d) for p, d in zip(pulled, v.values(), strict=True))
    rounding = math.sqrt(model.torch.finfo(model.dtype).eps)
    if abs(with_u - with_v) > rounding * (np.linalg.norm(u) * np.linalg.norm(model.products(x, c, v))):
        got = f"u^T J v = {with_v:.3g} in reverse where it is {with_u:.3g} forwards"
        raise complain_of_model("module", got, f"the same: {HIDDEN}")
    return way


def _first_of(ways: Iterable[Any], model: Any, x: Rows, c: Rows, *arguments: Any) -> tuple[Any, Any]:
    """The first way that raises nothing, and what it gives."""
    points = model.tensor(x), model.tensor(c)
    said: list[str] = []
    for way in ways:
        try:
            with model.evaluated():
                return way, way(model.torch, model.rows, points, *arguments)
        except model.torch.OutOfMemoryError:
            raise
        except ERRORS as error:
            said.append(next(iter(str(error).splitlines()), type(error).__name__))
    got = f"one that PyTorch cannot differentiate ({said[-1]})"
    need = "operations with derivatives; samples and the readings quadratic and denoising take none"
    raise complain_of_model("module", got, need)


def _compare(model: Any, x: Rows, c: Rows, direction: dict[int, Rows], product: Rows) -> None:
    """Raises ModelError where most rows' differences, beyond their own error, are not what the derivative says.

    Central differences over h and 2h, whose own difference and rounding are the error.
    """
    eps = model.torch.finfo(model.dtype).eps
    h = eps ** (1 / 3)

    def difference(step: float) -> Rows:
        ahead, behind = (
            model.values(*(a + s * direction[i] if i in direction else a for i, a in enumerate((x, c))))
            for s in (step, -step)
        )
        return (ahead - behind) / (2 * step)

    near, far = difference(h), difference(2 * h)
    size = np.linalg.norm(near, axis=1)
    error = np.linalg.norm(near - far, axis=1) + eps / h * np.linalg.norm(model.values(x, c), axis=1)
    wrong = np.linalg.norm(product - near, axis=1) > 10 * error + 0.1 * size
    if wrong.sum() > len(x) / 2:
        got = f"a derivative of {np.linalg.norm(product):.3g} where its values change by {np.linalg.norm(near):.3g}"
        raise complain_of_model("module", got, f"the same: {HIDDEN}")
