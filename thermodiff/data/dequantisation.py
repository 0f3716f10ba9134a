"""Rounded numbers made into samples of a density, with the entropy of the one known from that of the other.

A column whose values lie on a grid of step h, v = v_0 + k h, gets uniform noise on [0, h): the density is p_k/h in the
cell of k, and so, with every column dequantised,
    H(discrete) = S(dequantised) - sum_j ln h_j                      (nats)
exactly, dependent columns included: a discrete entropy is estimated as a differential one. Information between tables
does not change at all.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np

from thermodiff.distributions.rows import as_rows
from thermodiff.types import is_jax_array
from thermodiff.validation import check_count, check_points, check_positive, complain

FINEST = 100
"""Numbers must keep at least so many of their own rounding errors apart to count as a grid."""
MOST_PARTS = 100
"""The smallest gap between values may be at most so many steps."""


class Dequantised(NamedTuple):
    """Samples (n, d) of a density; ``step`` (d,), the width of the noise of each column in its own unit; its logarithm.

    A column that was left alone has step 0 and log_step 0.
    """

    samples: np.ndarray
    step: np.ndarray
    log_steps: np.ndarray

    @property
    def discrete_correction(self) -> float:
        """The discrete entropy is that of ``samples`` plus this, -sum_j ln h_j in nats."""
        return -float(self.log_steps.sum())


def dequantise(
    seed: Any,
    counts: Any,
    step: Any = None,
    *,
    continuous: Literal["refuse", "leave"] = "refuse",
) -> Dequantised:
    """counts + step u with u uniform on [0, 1)^d, row by row.

    Args:
        seed: a whole number, a JAX key or a NumPy generator: fixes the noise.
        counts: rows (n, d) of whole numbers, or of numbers rounded to a grid, such as tenths.
        step: of each column (d,), or one for all; None finds it by ``grid_step``. A step that is given may be finer
            than what the rows show: counts of which few occur have step 1 whatever they are.
        continuous: what to do with a column that lies on no grid, where ``step`` is None: refuse it, or leave it alone.

    Returns:
        The samples, the steps in the columns' units and their logarithms, with H(counts) = S(samples) - sum ln step.

    Raises:
        ValueError: for counts that are no table of finite numbers, a step that is not positive, a column on no grid,
            or one whose values are not whole steps apart.
    """
    rows = as_rows("counts", counts).values
    check_points("counts", rows)
    x = np.asarray(rows)
    steps = _found_steps(x, continuous == "leave") if step is None else _given_steps(x, step)
    noise = _generator(seed).random(x.shape)
    log_steps = np.log(np.where(steps > 0, steps, 1.0))
    return Dequantised(x.astype(np.float64) + steps * noise, steps, log_steps)


def grid_step(column: Any) -> float | None:
    """The largest step of which all differences of the values (n,) are multiples, or None: one value, or no grid.

    The values may carry the rounding errors of their type: 0.1, 0.2, 0.30000000000000004 have step 0.1. It is the
    smallest gap over a whole number up to 100, and a grid as fine as rounding errors (of 32 bits, say) is none.
    """
    x = np.asarray(column)
    error = _rounding_error(x)
    values = np.unique(x.astype(np.float64))
    gaps = np.diff(values)
    gaps = gaps[gaps > FINEST * error]
    if not len(gaps):
        return None
    smallest = gaps.min()
    for parts in range(1, MOST_PARTS + 1):
        if smallest / parts <= FINEST * error:
            return None
        if (refined := _refined(gaps, smallest / parts, error)) is not None and _on_grid(
            values, refined, error
        ):
            return refined
    return None


def _refined(gaps: np.ndarray, step: float, error: float) -> float | None:
    """The step that fits all gaps together, if each is a whole number of it; short of its own rounding error."""
    numbers = np.round(gaps / step)
    if np.any(np.abs(gaps - numbers * step) > 4 * error * (1 + numbers)):
        return None
    fitted = float(gaps.sum() / numbers.sum())
    digits = int(np.clip(-np.log10(error / gaps.sum() + 1e-16) - 1, 3, 12))
    return float(f"{fitted:.{digits}g}")


def _on_grid(values: np.ndarray, step: float, error: float) -> bool:
    """All values are whole steps from the first, up to a hundredth of a step or rounding errors."""
    numbers = (values - values[0]) / step
    slack = max(4 * error / step, 1e-9 * numbers[-1])
    return bool(slack < 0.25 and np.all(np.abs(numbers - np.round(numbers)) <= slack))


def _rounding_error(x: np.ndarray) -> float:
    """Of the largest of these numbers, in the type they come in; that of doubles for whole numbers."""
    kind = x.dtype if x.dtype.kind == "f" else np.dtype(np.float64)
    return float(np.finfo(kind).eps) * float(np.abs(x.astype(np.float64)).max())


def _found_steps(x: np.ndarray, leave: bool) -> np.ndarray:
    steps = np.zeros(x.shape[1])
    for j in range(x.shape[1]):
        found = grid_step(x[:, j])
        if found is None and not leave:
            distinct = len(np.unique(x[:, j]))
            got = "one value only" if distinct == 1 else f"{distinct} values on no grid"
            raise complain(f"counts[:, {j}]", got, "values a whole number of steps apart, or step=...")
        steps[j] = found or 0.0
    return steps


def _given_steps(x: np.ndarray, step: Any) -> np.ndarray:
    check_positive("step", step)
    if np.shape(step) not in ((), (x.shape[1],)):
        raise complain("step", f"shape {np.shape(step)}", f"one number, or {x.shape[1]}: one a column")
    steps = np.broadcast_to(np.asarray(step, dtype=np.float64), x.shape[1:])
    for j, h in enumerate(steps):
        column = x[:, j].astype(np.float64)
        numbers = (column - column.min()) / h
        slack = max(4 * _rounding_error(x[:, j]) / h, 1e-6)
        odd = np.flatnonzero(np.abs(numbers - np.round(numbers)) > slack)
        if odd.size:
            raise complain(
                "dequantise",
                f"{x[odd[0], j]!s} at index {(int(odd[0]), j)}",
                f"values that differ by whole steps of {h:g} within a column",
            )
    return steps


def _generator(seed: Any) -> np.random.Generator:
    if isinstance(seed, np.random.Generator):
        return seed
    if is_jax_array(seed):
        import jax

        return np.random.default_rng(int(jax.random.randint(seed, (), 0, 2**31 - 1)))
    if isinstance(seed, bool) or seed != 0:
        check_count("seed", seed)
    return np.random.default_rng(seed)
