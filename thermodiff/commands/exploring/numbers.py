"""Numbers as a report shows them: as many digits as their errors allow."""

from __future__ import annotations

from typing import Any

import numpy as np

from thermodiff.types import Estimate

UNKNOWN = "not known"
SIGNIFICANT = 0.05
FINEST = 1e-5
"""Smaller errors are printed as powers of ten."""


def with_error(mean: Any, stderr: Any, sign: str = "") -> str:
    """12.8 ± 3.7, 0.821 ± 0.011: two digits of the error; "± ?" where there is no error to be had."""
    mean, stderr = float(mean), float(stderr)
    if np.isnan(mean):
        return UNKNOWN
    if not np.isfinite(mean):
        return f"{mean:{sign}}"
    if not np.isfinite(stderr) or stderr == 0:
        return f"{mean:{sign}.3f} ± ?"
    if stderr < FINEST:
        return f"{mean:{sign}.4f} ± {stderr:.0e}"
    digits = decimals(stderr)
    return f"{mean:{sign}.{digits}f} ± {stderr:.{digits}f}"


def decimals(stderr: Any) -> int:
    """Decimals that show two digits of an error."""
    return int(max(1 - np.floor(np.log10(stderr)), 0))


def estimate(value: Estimate, sign: str = "") -> str:
    """``with_error`` of an estimate."""
    return with_error(value.mean, value.stderr, sign)


def p_value(p: Any) -> str:
    """A p-value with two digits."""
    return f"{p:.2g}"


def percent(share: float) -> str:
    """5 %."""
    return f"{100 * share:g} %"


def plural(count: int, one: str, many: str = "") -> str:
    """1 problem, 2 problems."""
    return f"{count} {one if count == 1 else many or one + 's'}"
