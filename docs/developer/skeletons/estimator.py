"""An estimator to copy: entropy of one column from the gaps between its sorted values. Goes to thermodiff/information/.

An estimator takes rows, checks them, and returns an ``Estimate`` with its standard error, and says what that does not
cover. Its test holds it against values that are known, in units of its own error, and the error against the scatter of
the estimates.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import digamma, polygamma

from thermodiff.types import Estimate
from thermodiff.validation import complain

GAPS = float(polygamma(1, 1))
"""Variance of the logarithm of an exponential variable, which a gap is for itself: pi^2/6."""


def spacing_entropy(x: Any) -> Estimate:
    """S = psi(n + 1) - psi(1) + mean of ln(x_(i+1) - x_(i)), nats, of a sample x (n,) of a density on the line.

    For uniform numbers this is exact in the mean whatever n, since a gap is Beta(1, n) of their range. The variance is
    (v - 1)/n, v that of the terms: gaps share the range, and each is smaller where others are larger. It does not
    cover the bias where the density changes within a gap. Raises ValueError for fewer than 20 values, values that are
    not finite, or two that are equal: those of a density never are. Source: Beirlant et al. (1997).
    """
    values = np.sort(np.asarray(x, dtype=np.float64))
    if values.ndim != 1 or len(values) < 20:
        raise complain("x", f"shape {np.shape(x)}", "shape (n,) with n at least 20")
    if not np.all(np.isfinite(values)):
        raise complain("x", "values that are not finite", "finite numbers")
    gaps, n = np.diff(values), len(values)
    if not np.all(gaps > 0):
        raise complain(
            "x", f"{np.sum(gaps == 0)} pairs of equal values", "the sample of a density (td.dequantise)"
        )
    terms = np.log(gaps) + digamma(n + 1) - digamma(1)
    variance = max(float(terms.var(ddof=1)), GAPS) - 1
    return Estimate(float(terms.mean()), float(np.sqrt(variance / n)), n)
