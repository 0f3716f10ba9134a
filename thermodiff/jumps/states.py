"""The states of L sites with K values each, enumerated, and what is true of probabilities over them.

State i is the number whose digits in base K are the sites' values, the first site the leading digit, so that
``p.reshape((K,) * L)`` has one axis a site.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float, Int

from thermodiff.validation import check_count, check_finite, complain

MOST_STATES = 4096
"""A state more than this and what is here is no longer small: sums over all of them take seconds."""
SUM_TOLERANCE = 1e-9


def check_space(values: int, sites: int, spare: int = 0) -> None:
    """Raise unless there are at least two values, a site, and at most ``MOST_STATES`` states.

    ``spare`` values more than ``values`` count among the states of a site, such as a mask.
    """
    check_count("values", values)
    check_count("sites", sites)
    if values < 2:
        raise complain("values", f"{values}", "at least 2: one value cannot jump")
    if (values + spare) ** sites > MOST_STATES:
        raise complain(
            "sites",
            f"{sites} of {values + spare} values, {(values + spare) ** sites} states",
            f"at most {MOST_STATES} states",
        )


def enumerated(values: int, sites: int) -> Int[np.ndarray, "N L"]:
    """The values (N, L) of every state's sites, N = K^L."""
    powers = values ** np.arange(sites - 1, -1, -1)
    return (np.arange(values**sites)[:, None] // powers) % values


def moves(values: int, sites: int) -> Int[np.ndarray, "N L K"]:
    """The state that i becomes when site l takes the value v; i itself where it has that value."""
    powers = values ** np.arange(sites - 1, -1, -1)
    x = enumerated(values, sites)
    change = (np.arange(values) - x[:, :, None]) * powers[:, None]
    return np.arange(values**sites)[:, None, None] + change


def checked_probabilities(name: str, p: Any, states: int) -> Float[np.ndarray, " N"]:
    """``p`` as probabilities (N,) in double precision; also of the shape (K,) * L.

    Raises ValueError for another size, negative or not finite entries, or a sum that is not one.
    """
    check_finite(name, p)
    array = np.asarray(p, dtype=np.float64)
    if array.size != states:
        raise complain(name, f"{array.size} probabilities", f"{states}, one for each state")
    array = array.ravel()
    if array.min() < 0:
        raise complain(name, f"{array.min():g} for state {array.argmin()}", "no negative probabilities")
    if abs(array.sum() - 1) > SUM_TOLERANCE:
        raise complain(name, f"probabilities that add up to {array.sum():.12g}", "a sum of 1")
    return array


def entropy(p: Float[np.ndarray, " N"]) -> float:
    """H(p) = -sum p ln p, nats."""
    positive = p[p > 0]
    return float(-(positive * np.log(positive)).sum())


def relative_entropy(p: Float[np.ndarray, " N"], q: Float[np.ndarray, " N"]) -> float:
    """KL(p || q) = sum p ln(p/q), nats; infinite where q has not all of p's states."""
    there = p > 0
    if (q[there] <= 0).any():
        return float("inf")
    return float((p[there] * np.log(p[there] / q[there])).sum())
