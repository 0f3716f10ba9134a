"""The boundary where p is known: pass@k for any k, and the problems that k tries will not solve."""

from __future__ import annotations

from typing import Any

import numpy as np

from thermodiff.validation import check_numbers, complain


def exact_pass_at_k(p: Any, k: Any) -> Any:
    """1 - (1 - p)^k, the chance that one of k independent tries is correct, for any number of tries k >= 0.

    ``p``, chances of a correct answer, of any shape; ``k`` a number or an array; the result has the shape of p
    followed by that of k. The mean over problems is the policy's pass@k. Raises ValueError for p outside [0, 1] and k
    below 0. Source: Chen et al. (2021), whose estimate ``pass_at_k`` is.
    """
    return -np.expm1(_log_failure(p, k))


def unsolvable(p: Any, k: Any) -> Any:
    """U_k: whether k tries more likely fail than not, (1 - p)^k > 1/2; bool, of the shape of p followed by that of k.

    Of exact chances, where ``unsolvable_problems`` compares samples. Raises ValueError for p outside [0, 1] and k
    below 0. Source: Deng et al. (2025), there of samples; the threshold is this project's.
    """
    return _log_failure(p, k) > -np.log(2)


def _log_failure(p: Any, k: Any) -> np.ndarray:
    """k ln(1 - p), with 0 ln 0 = 0."""
    for name, value in (("p", p), ("k", k)):
        check_numbers(name, value)
    p, k = np.asarray(p, dtype=np.float64), np.asarray(k, dtype=np.float64)
    if not ((p >= 0) & (p <= 1)).all():
        raise complain("p", f"{p[~((p >= 0) & (p <= 1))].ravel()[0]:g}", "probabilities in [0, 1]")
    if not (np.isfinite(k) & (k >= 0)).all():
        raise complain("k", f"{k}", "numbers of tries, 0 or more")
    with np.errstate(divide="ignore", invalid="ignore"):
        product = np.multiply.outer(np.log1p(-p), k)
    return np.where(np.isnan(product), 0.0, product)
