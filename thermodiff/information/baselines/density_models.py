"""Density models that a score is measured against: a Gaussian, a mixture of Gaussians and a kernel estimate.

Each is made from training rows (n, d) and has ``log_prob(x)`` (m,), nats in the units of x. All work on standardised
coordinates z = (x - mean)/std of the training rows, so ln p(x) = ln p(z) - sum_j ln std_j. What they leave open is
chosen by the likelihood of a fifth of the training rows that the candidates have not seen, never by the rows they are
evaluated on. Fits and shrinkage are scikit-learn's, imported when needed.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any, Protocol, runtime_checkable

import numpy as np
from scipy.linalg import solve_triangular
from scipy.spatial.distance import cdist
from scipy.special import logsumexp

from thermodiff.distributions.rows import as_rows
from thermodiff.distributions.sample_checks import sample_rows
from thermodiff.numerics.affine_maps import AffineMap, standardising
from thermodiff.numerics.estimates import estimate_rows
from thermodiff.runtime.extras import from_extra
from thermodiff.types import Estimate
from thermodiff.validation import check_count, check_points, complain

HELD_OUT = 0.2
"""Fraction of the training rows that chooses between candidates."""


@runtime_checkable
class DensityModel(Protocol):
    """A density fitted to rows."""

    def log_prob(self, x: Any) -> np.ndarray:
        """ln p of rows x (m, d), shape (m,), nats in the units of x."""


class GaussianBaseline:
    """N(m, C) with C the covariance of the standardised rows, shrunk towards the identity as Ledoit and Wolf do.

        C = (1 - a) S + a (tr S/d) 1,   a from the rows themselves, falling as 1/n

    Raises ValueError for samples that have no density, or without scikit-learn.
    """

    def __init__(self, training: Any) -> None:
        self._scaling = _scaling(training)
        shrunk, self.shrinkage = from_extra("data", "sklearn.covariance", "baseline").ledoit_wolf(
            _standard(self._scaling, training), assume_centered=True
        )
        self._root = np.linalg.cholesky(shrunk)

    def log_prob(self, x: Any) -> np.ndarray:
        """-(1/2) z^T C^-1 z - (1/2) ln det 2 pi C - sum_j ln std_j, shape (m,), nats."""
        white = solve_triangular(self._root, _standard(self._scaling, x).T, lower=True)
        log_det = 2 * np.log(np.diag(self._root)).sum() + len(white) * np.log(2 * np.pi)
        return -0.5 * (np.square(white).sum(axis=0) + log_det) - self._scaling.log_jacobian


class MixtureBaseline:
    """sum_k w_k N(m_k, C_k) with full covariances, fitted by EM to all rows.

    The number of ``COMPONENTS`` and the ``RIDGES`` added to the variances of standardised columns are those that make a
    held-out fifth of the training rows likeliest; larger numbers are tried until two running are no better. Raises
    ValueError for samples that have no density, or without scikit-learn.
    """

    COMPONENTS = (1, 2, 4, 8, 16, 32)
    RIDGES = (1e-6, 1e-4, 1e-2, 1e-1, 3e-1)
    ROWS_EACH = 5
    """Rows that a component needs at least."""

    def __init__(self, training: Any) -> None:
        self._scaling = _scaling(training)
        z = _standard(self._scaling, training)
        self.components, self.ridge = self._choose(z)
        chosen = self._fitted(z, self.components, self.ridge)
        assert chosen is not None, "EM fails on all rows where it went through on most"
        self._mixture = chosen

    def _choose(self, z: np.ndarray) -> tuple[int, float]:
        fitting, judging = _divide(z)
        best, choice, failures = -np.inf, (1, max(self.RIDGES)), 0
        for components in self.COMPONENTS:
            if failures == 2 or components * self.ROWS_EACH > len(fitting):
                break
            failures += 1
            for ridge in self.RIDGES:
                candidate = self._fitted(fitting, components, ridge)
                value = -np.inf if candidate is None else float(candidate.score(judging))
                if value > best:
                    best, choice, failures = value, (components, ridge), 0
        return choice

    @staticmethod
    def _fitted(z: np.ndarray, components: int, ridge: float) -> Any:
        """The mixture, or None where a covariance became singular."""
        models = from_extra("data", "sklearn.mixture", "baseline")
        mixture = models.GaussianMixture(components, reg_covar=ridge, random_state=0)
        with warnings.catch_warnings():
            # Not yet converged after 100 rounds, or fewer clusters than asked for.
            warnings.simplefilter("ignore")
            try:
                return mixture.fit(z)
            except ValueError:
                return None

    def log_prob(self, x: Any) -> np.ndarray:
        """ln sum_k w_k N(z; m_k, C_k) - sum_j ln std_j, shape (m,), nats."""
        return self._mixture.score_samples(_standard(self._scaling, x)) - self._scaling.log_jacobian


class KernelBaseline:
    """(1/n) sum_i N(z; z_i, h^2 1) over the standardised training rows z_i.

    The bandwidth h, of ``BANDWIDTHS``, makes a held-out part of the training rows likeliest (a fifth, at most 1000).
    Raises ValueError for samples that have no density.
    """

    BANDWIDTHS = tuple(np.geomspace(0.02, 2.0, 47).tolist())
    MOST_JUDGING = 1000
    CHUNK = 500

    def __init__(self, training: Any) -> None:
        self._scaling = _scaling(training)
        self._centres = _standard(self._scaling, training)
        fitting, judging = _divide(self._centres, self.MOST_JUDGING)
        likelihoods = sum(
            np.array([_kernel_log_density(square, h, fitting.shape[1]).sum() for h in self.BANDWIDTHS])
            for square in self._squares(judging, fitting)
        )
        self.bandwidth = self.BANDWIDTHS[int(np.argmax(likelihoods))]

    def _squares(self, z: np.ndarray, centres: np.ndarray) -> Iterator[np.ndarray]:
        """Squared distances (chunk, n) of rows of z from the centres, a chunk at a time."""
        for start in range(0, len(z), self.CHUNK):
            yield cdist(z[start : start + self.CHUNK], centres, "sqeuclidean")

    def log_prob(self, x: Any) -> np.ndarray:
        """ln (1/n) sum_i N(z; z_i, h^2 1) - sum_j ln std_j, shape (m,), nats."""
        z = _standard(self._scaling, x)
        parts = [_kernel_log_density(s, self.bandwidth, z.shape[1]) for s in self._squares(z, self._centres)]
        return np.concatenate(parts) - self._scaling.log_jacobian


def _kernel_log_density(square: np.ndarray, bandwidth: float, d: int) -> np.ndarray:
    """Of points whose squared distances from n centres are given (m, n): shape (m,)."""
    normaliser = np.log(square.shape[1]) + 0.5 * d * np.log(2 * np.pi * bandwidth**2)
    return logsumexp(-0.5 * square / bandwidth**2, axis=1) - normaliser


def held_out_entropy(
    baseline: Callable[[Any], DensityModel], samples: Any, folds: int = 3, seed: int = 0
) -> Estimate:
    """-E ln p of rows (n, d), each evaluated by a model that never saw it: from above, in the mean, the entropy.

    Args:
        baseline: makes a model from rows, such as ``GaussianBaseline``.
        samples: rows of a density, cut into random folds.
        folds: how many; each model is fitted to all rows but those of one fold.
        seed: fixes the folds.

    Returns:
        The mean over rows in nats, its standard error sqrt(var/n), n.

    Raises:
        ValueError: for samples that have no density, or folds outside 2..n.
    """
    x = np.asarray(sample_rows("samples", samples), dtype=np.float64)
    check_count("folds", folds)
    if not 2 <= folds <= len(x):
        raise complain("folds", f"{folds}", f"from 2 to the number of rows, {len(x)}")
    values = np.full(len(x), np.nan)
    for held_out in np.array_split(np.random.default_rng(seed).permutation(len(x)), folds):
        values[held_out] = -baseline(np.delete(x, held_out, axis=0)).log_prob(x[held_out])
    return estimate_rows(values)


def _scaling(training: Any) -> AffineMap:
    """z = (x - mean)/std by the training rows."""
    return standardising(sample_rows("training", training))


def _standard(scaling: AffineMap, x: Any) -> np.ndarray:
    """z (m, d) of rows x (m, d), checked."""
    rows = as_rows("x", x).values
    check_points("x", rows, len(scaling.mean))
    return scaling.forward(rows)


def _divide(z: np.ndarray, most: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Rows to fit candidates to, and rows (at most ``most``) to judge them by; the same for the same z."""
    order = np.random.default_rng(0).permutation(len(z))
    judging = max(1, round(HELD_OUT * len(z)))
    judging = judging if most is None else min(judging, most)
    return z[order[judging:]], z[order[:judging]]
