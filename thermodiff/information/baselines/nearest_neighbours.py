"""Nearest-neighbour estimates of entropy, mutual information and divergence: what scores are measured against.

With eps_i the distance from x_i to its k-th nearest of the other n - 1 points, V_d the volume of the unit ball and
psi the digamma function,
    S     = psi(n) - psi(k) + ln V_d + (d/n) sum_i ln eps_i               Kozachenko & Leonenko (1987)
    I     = psi(k) + psi(n) - <psi(n_x + 1) + psi(n_y + 1)>               Kraskov et al. (2004), eq. (8)
    KL    = (d/n) sum_i ln(nu_i/rho_i) + ln(m/(n - 1))                    Wang, Kulkarni & Verdu (2009), eq. (5)
The standard error is the spread of the terms over sqrt(n): it covers neither their correlation nor the bias, which
grows with dimension and with the curvature of the density's support.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.spatial import KDTree
from scipy.special import digamma, gammaln

from thermodiff.distributions.repeats import row_hashes
from thermodiff.distributions.rows import as_rows
from thermodiff.distributions.sample_checks import MOST_REPEATED, check_samples, sample_rows
from thermodiff.information.baselines.ranks import check_not_monotone
from thermodiff.numerics.estimates import estimate_rows
from thermodiff.types import Estimate
from thermodiff.validation import check_count, complain


def nearest_neighbour_entropy(samples: Any, k: int = 3) -> Estimate:
    """Differential entropy (nats) of samples (n, d) from the Euclidean distance to the k-th neighbour.

    Columns stay in their units, and those of large numbers decide who is near: of columns unlike in scale give
    ``samples/std``, and add ``np.log(std).sum()``. Raises ValueError for samples that have no density, or for k outside
    1..n-1.
    """
    x = _samples("samples", samples, k)
    n, d = x.shape
    distance = KDTree(x).query(x, k=k + 1, workers=-1)[0][:, k]
    terms = digamma(n) - digamma(k) + _log_unit_ball(d) + d * np.log(_positive(distance))
    return estimate_rows(terms)


def nearest_neighbour_mutual_information(x: Any, y: Any, k: int = 10) -> Estimate:
    """Mutual information (nats) of rows of x (n, a) and y (n, b), each column first scaled to unit variance.

    Distances are the largest difference in a coordinate. Raises ValueError as ``nearest_neighbour_entropy``
    does, unless both have as many rows, and where a column of y is a monotone function of one of x or the columns
    of both are linearly dependent: their information is infinite.
    """
    of_x, of_y = as_rows("x", x), as_rows("y", y)
    x, y = _samples("x", of_x, k), _samples("y", of_y, k)
    if len(x) != len(y):
        raise complain("y", f"{len(y)} rows", f"as many as x has, {len(x)}")
    x, y = x / x.std(axis=0), y / y.std(axis=0)
    joint = np.hstack([x, y])
    check_samples("x and y side by side", joint)
    check_not_monotone(x, y, of_x, of_y)
    distance = KDTree(joint).query(joint, k=k + 1, p=np.inf, workers=-1)[0][:, k]
    counts = [_neighbours_within(part, distance) for part in (x, y)]
    n = len(x)
    terms = digamma(k) + digamma(n) - sum(digamma(count + 1) for count in counts)
    return estimate_rows(terms)


def nearest_neighbour_divergence(samples_p: Any, samples_q: Any, k: int = 3) -> Estimate:
    """KL(p || q) (nats) from samples of p (n, d) and of q (m, d).

    Raises ValueError as ``nearest_neighbour_entropy`` does, and where rows of p are rows of q too.
    """
    p, q = _samples("samples_p", samples_p, k), _samples("samples_q", samples_q, k)
    if p.shape[1] != q.shape[1]:
        raise complain("samples_q", f"{q.shape[1]} columns", f"as many as samples_p has, {p.shape[1]}")
    shared = int(np.isin(row_hashes(p), row_hashes(q)).sum())
    if shared > max(1, MOST_REPEATED * len(p)):
        got = f"{shared} row(s) that samples_p has too"
        raise complain("samples_q", got, "rows of their own: the same ones have no distance to measure")
    within = KDTree(p).query(p, k=k + 1, workers=-1)[0][:, k]
    across = KDTree(q).query(p, k=[k], workers=-1)[0][:, 0]
    d = p.shape[1]
    terms = d * np.log(_positive(across) / _positive(within)) + np.log(len(q) / (len(p) - 1))
    return estimate_rows(terms)


def _samples(name: str, samples: Any, k: int) -> np.ndarray:
    x = np.asarray(sample_rows(name, samples), dtype=np.float64)
    check_count("k", k)
    if k >= len(x):
        raise complain("k", f"{k}", f"fewer neighbours than there are other rows, {len(x) - 1}")
    return x


def _neighbours_within(part: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """How many other points lie strictly closer than ``distance`` in the largest-coordinate norm."""
    inside = np.nextafter(distance, 0)
    counts = KDTree(part).query_ball_point(part, inside, p=np.inf, workers=-1, return_length=True)
    return np.asarray(counts) - 1


def _positive(distance: np.ndarray) -> np.ndarray:
    """Distances with the few that are zero (repeated rows) replaced by the smallest that is not."""
    return np.maximum(distance, distance[distance > 0].min())


def _log_unit_ball(d: int) -> float:
    return 0.5 * d * np.log(np.pi) - gammaln(0.5 * d + 1)
