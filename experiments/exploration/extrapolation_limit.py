"""How narrow an interval of an extrapolated pass@k can be if it is to hold in 95 % of data sets."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog
from scipy.stats import binom

from experiments.exploration.made_up_problems import Problems
from thermodiff.exploration.extrapolation.difficulty import Difficulty, fit_difficulty

MISSED = 1.96
"""Standard errors at which 2.5 % are missed on either side."""
GRID = 800
CUTS = 200


def narrowest(correct: np.ndarray, of: int, n: int, k: int, problems: Problems) -> tuple[float, float]:
    """Where half of the samples must put the ends of any interval that holds in 95 %, 2.5 % missed on either side.

    In the Gaussian limit: a distribution of difficulty whose mean counts lie 1.96 standard errors away must be covered
    in 97.5 % of its own samples, so by Neyman and Pearson in half of those of the true one, here the likeliest for
    ``correct``. The farthest pass@k within that ellipsoid, by linear programs and cutting planes.
    """
    true = fit_difficulty(correct, np.full(len(correct), of))
    p = np.unique(np.concatenate([[0], np.geomspace(1e-5, 1, GRID), true.rates]))
    z = _standard_errors_away(true, p, n, len(correct), problems)
    ends = []
    for sign in (-1, 1):
        rows, right = [*z, *-z], [MISSED] * (2 * n)
        for _ in range(CUTS):
            found = linprog(sign * (1 - p) ** k, rows, right, np.ones((1, len(p))), [1.0])
            at = z @ found.x
            if np.linalg.norm(at) < MISSED * 1.005:
                break
            rows.append(at / np.linalg.norm(at) @ z)
            right.append(MISSED)
        ends.append(1 - sign * found.fun)
    return ends[0], ends[1]


def _standard_errors_away(true: Difficulty, p: np.ndarray, n: int, M: int, problems: Problems) -> np.ndarray:
    """Shares of the counts 0..n-1 for each p less those of the truth, in uncorrelated standard errors, (n, P)."""
    counts = np.arange(n)[:, None]
    of_true = binom.pmf(counts, n, true.rates)
    mean = of_true @ true.weights
    spread = (of_true * true.weights) @ of_true.T if problems == "fixed" else np.outer(mean, mean)
    values, vectors = np.linalg.eigh((np.diag(mean) - spread) / M)
    return (vectors / np.sqrt(np.maximum(values, 1e-14))).T @ (binom.pmf(counts, n, p) - mean[:, None])
