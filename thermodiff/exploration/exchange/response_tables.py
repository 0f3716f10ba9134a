"""Tables of all responses to each problem, and what is summed over their correct and their wrong ones.

A policy's table is ln pi(y | x), shape (M, R): row x, one column a response, rows filled up where problems have
fewer. ``correct`` says which responses are right. ``real`` says which entries are there. Where only some responses
are listed, ``remainder`` adds one more column, wrong, that stands for all others together: 1 less the sum of the
listed ones.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from thermodiff.validation import complain


class Responses(NamedTuple):
    """Log-probabilities of every response under one or more policies, -inf where there is none."""

    log_probs: tuple[np.ndarray, ...]
    """(M, R) each, in nats."""
    correct: np.ndarray
    """(M, R), of bool."""

    def log_sums(self) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
        """ln p and ln(1 - p), (M,), of each policy; the second is summed over wrong responses, not subtracted."""
        return tuple(
            (log_sum(table, self.correct), log_sum(table, ~self.correct)) for table in self.log_probs
        )


def read_responses(
    tables: dict[str, Any], correct: Any, real: Any | None = None, remainder: bool = False
) -> Responses:
    """Policies' tables by name, checked: probabilities of a problem sum to 1, or with ``remainder`` to at most 1.

    A sum may be off by the square root of the tables' precision. Raises ValueError for shapes that do not fit, NaN,
    log-probabilities that are not those of probabilities, and sums other than these.
    """
    arrays = {name: np.asarray(table) for name, table in tables.items()}
    right = np.asarray(correct)
    there = np.ones(right.shape, dtype=bool) if real is None else np.asarray(real)
    shapes = [table.shape for table in arrays.values()]
    if right.ndim == 2 and right.size == 0:
        raise complain("correct", f"an empty table, shape {right.shape}", "a problem with a response or more")
    if right.ndim != 2 or {*shapes, there.shape} != {right.shape}:
        got = ", ".join(str(shape) for shape in (*shapes, right.shape, there.shape))
        raise complain(
            ", ".join((*tables, "correct", "real")), f"shapes {got}", "(problems, responses) in all"
        )
    if not np.isin(right, (0, 1)).all() or not np.isin(there, (0, 1)).all():
        raise complain("correct, real", "other entries", "0 and 1, or false and true")
    there = there.astype(bool)
    right = right.astype(bool) & there
    filled = [_filled(name, table, there, remainder) for name, table in arrays.items()]
    if remainder:
        right = np.pad(right, ((0, 0), (0, 1)))
    return Responses(tuple(filled), right)


def log_sum(log_probs: np.ndarray, where: np.ndarray) -> np.ndarray:
    """ln of the sum of exp(log_probs) over the entries of a row that are chosen; -inf for none."""
    from scipy.special import logsumexp

    return logsumexp(np.where(where, log_probs, -np.inf), axis=-1)


def weighted(log_weights: Any, values: Any) -> Any:
    """exp(log_weights) times values, 0 wherever the weight is 0, whatever the value."""
    weights = np.exp(log_weights)
    return np.where(weights > 0, weights, 0.0) * np.where(weights > 0, values, 0.0)


def _filled(name: str, table: np.ndarray, there: np.ndarray, remainder: bool) -> np.ndarray:
    """The table in double precision, -inf where no response is, with the column of those not listed."""
    if table.dtype.kind not in "fiu":
        raise complain(name, f"entries of type {table.dtype}", "log-probabilities in nats")
    precision = float(np.finfo(table.dtype).eps) if table.dtype.kind == "f" else 2.3e-16
    values = np.where(there, table.astype(np.float64), -np.inf)
    bad = np.isnan(values) | (values > np.sqrt(precision))
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        raise complain(name, f"{values[where]:g} at problem {where[0]}, response {where[1]}", "ln pi <= 0")
    total = np.exp(log_sum(values, there))
    off = total - 1 > np.sqrt(precision) if remainder else np.abs(total - 1) > np.sqrt(precision)
    if off.any():
        x = int(np.flatnonzero(off)[0])
        need = "at most 1" if remainder else "1 over all its responses (or remainder=True)"
        raise complain(name, f"probabilities of sum {total[x]:.9g} for problem {x}", need)
    if not remainder:
        return values
    # What is left after rounding is none: it would be an impossible event, of infinite cost, under the other policy.
    rest = np.maximum(1 - total, values.shape[1] * precision)
    return np.concatenate([values, np.log(rest)[:, None]], axis=1)
