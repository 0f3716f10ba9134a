"""Numbers as a report shows them: as many digits as their errors allow."""

from __future__ import annotations

from typing import Any

import numpy as np

from thermodiff import types
from thermodiff.types import FINEST, Estimate, decimals, error_with

UNKNOWN = "not known"
SIGNIFICANT = 0.05
ROUNDING = 1e-12
"""Errors smaller than this share of a mean are rounding, and no error is known."""


def with_error(mean: Any, stderr: Any, sign: str = "", most: int = FINEST) -> str:
    """12.8 ± 3.7 by the rule of ``thermodiff.types``; "± ?" where no error is to be had."""
    mean = float(mean)
    if np.isnan(mean):
        return UNKNOWN
    return types.with_error(mean, stderr if is_known(mean, stderr) else np.nan, sign, most)


def estimate(value: Estimate, sign: str = "") -> str:
    """``with_error`` of an estimate."""
    return with_error(value.mean, value.stderr, sign)


def with_two_errors(mean: Any, drawn: Any, fixed: Any, sign: str = "", most: str = "") -> str:
    """0.8215 ± 0.0108 [0.0015]: one number of decimals, which shows both errors; "?" for one that is not known.

    ``most``: what stands before the second, such as "≤". The smaller has two digits if it begins with 1 or 2, else one;
    the larger at least two.
    """
    known = [float(error) for error in (drawn, fixed) if is_known(mean, error)]
    if np.isnan(mean) or not known:
        return f"{with_error(mean, np.nan, sign)} [?]"
    small, large = min(known), max(known)
    of_small = decimals(small) - int(small >= 2.5 * 10.0 ** np.floor(np.log10(small)))
    places = min(max(decimals(large), min(of_small, FINEST - 1)), FINEST)
    first, second = (error_with(error, places) if is_known(mean, error) else "?" for error in (drawn, fixed))
    return f"{mean:{sign}.{places}f} ± {first} [{most if second[0].isdigit() else ''}{second}]"


def is_known(mean: Any, stderr: Any) -> bool:
    """Whether an error is one: not NaN, nor 0 but for rounding, as where all problems are alike."""
    return bool(np.isfinite(stderr) and stderr > ROUNDING * max(abs(float(mean)), 1e-3))


def p_value(p: Any, least: float = 0.0) -> str:
    """A p-value with two digits; "≤ 0.001" where it is the ``least`` that a simulated test can give."""
    return f"≤ {p:.2g}" if p <= least else f"{p:.2g}"


def p_is(p: Any, least: float = 0.0) -> str:
    """p = 0.018, or p ≤ 0.001."""
    told = p_value(p, least)
    return f"p {told}" if told.startswith("≤") else f"p = {told}"


def percent(share: float) -> str:
    """5 %."""
    return f"{100 * share:g} %"


def plural(count: int, one: str, many: str = "") -> str:
    """1 problem, 2 problems."""
    return f"{count} {one if count == 1 else many or one + 's'}"
