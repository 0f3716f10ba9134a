"""Invertible maps of single coordinates: what they do to samples, and what they take from an entropy.

With z_j = m_j(x_j) and m_j increasing,
    S(x) = S(z) - E sum_j ln m_j'(x_j),
while mutual information and total correlation are the same in x and z, for maps that were fixed beforehand; maps by
ranks lose what is finer than these (``warnings.rank_warnings``).
A network learns what is left after the map: equal scales, tails no longer than a Gaussian's, no edges. Each class is
made from samples (n, d) and has the same two methods.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from scipy.special import ndtri
from scipy.stats import rankdata

from thermodiff.numerics.affine_maps import standardising
from thermodiff.types import NotKnownError


class Marginals(Protocol):
    """A map of each coordinate by itself, fitted to samples."""

    def forward(self, x: Any) -> np.ndarray:
        """z (n, d) for rows x (n, d)."""

    def log_derivative(self, x: Any) -> np.ndarray:
        """sum_j ln m_j'(x_j), shape (n,), in nats."""


class Standardise:
    """z_j = (x_j - mean_j)/std_j."""

    def __init__(self, x: Any) -> None:
        self.scaling = standardising(x)

    def forward(self, x: Any) -> np.ndarray:
        """(x - mean)/std, shape (n, d)."""
        return self.scaling.forward(x)

    def log_derivative(self, x: Any) -> np.ndarray:
        """-sum_j ln std_j, shape (n,)."""
        return np.full(len(x), -self.scaling.log_jacobian)


class Asinh:
    """z_j = (lambda_j asinh((x_j - median_j)/(lambda_j w_j)) - mean_j)/std_j: long tails become short ones.

    w_j is the distance between the 16th and 84th percentiles, halved. lambda_j is the one, of ``LAMBDAS``, under which
    a Gaussian for z_j makes the samples likeliest; the largest is infinity, a linear map, and is taken unless another
    gains ``GAIN`` nats a sample: data without long tails are only standardised.
    """

    LAMBDAS = (0.25, 0.5, 1.0, 2.0, 4.0)
    GAIN = 0.02

    def __init__(self, x: Any) -> None:
        x = np.asarray(x, dtype=np.float64)
        low, self.median, high = np.quantile(x, [0.16, 0.5, 0.84], axis=0)
        # More than two thirds of the samples equal: the quantiles coincide and the standard deviation stands in.
        self.width = np.where(high > low, (high - low) / 2, x.std(axis=0))
        self.bend = np.array(
            [self._likeliest((x[:, j] - self.median[j]) / self.width[j]) for j in range(x.shape[1])]
        )
        raw = self._raw(x)
        self.mean, self.std = raw.mean(axis=0), raw.std(axis=0)

    def _likeliest(self, u: np.ndarray) -> float:
        def cost(bend: float) -> float:
            return np.log(_bent(u, bend).std()) + 0.5 * np.log1p((u / bend) ** 2).mean()

        best = min(self.LAMBDAS, key=cost)
        return best if cost(best) < np.log(u.std()) - self.GAIN else np.inf

    def _raw(self, x: np.ndarray) -> np.ndarray:
        return _bent((x - self.median) / self.width, self.bend)

    def forward(self, x: Any) -> np.ndarray:
        """The map of each coordinate, shape (n, d)."""
        return (self._raw(np.asarray(x, dtype=np.float64)) - self.mean) / self.std

    def log_derivative(self, x: Any) -> np.ndarray:
        """-sum_j ln(std_j w_j sqrt(1 + (u_j/lambda_j)^2)), u = (x - median)/w, shape (n,)."""
        u = (np.asarray(x, dtype=np.float64) - self.median) / self.width
        return -(np.log(self.std * self.width) + 0.5 * np.log1p((u / self.bend) ** 2)).sum(axis=-1)


def _bent(u: np.ndarray, bend: Any) -> np.ndarray:
    """lambda asinh(u/lambda); u itself for infinite lambda."""
    finite = np.where(np.isinf(bend), 1.0, bend)
    return np.where(np.isinf(bend), u, finite * np.arcsinh(u / finite))


class Gaussianise:
    """z_j = Phi^-1((rank - 1/2)/n), ties at their mean rank: exactly normal marginals, whatever they were before.

    For dependence alone: the ranks of a sample say nothing of the density that an entropy would need.
    """

    def __init__(self, x: Any) -> None:
        self.shape = np.shape(x)

    def forward(self, x: Any) -> np.ndarray:
        """Normal scores of the samples themselves, shape (n, d)."""
        x = np.asarray(x, dtype=np.float64)
        return ndtri((rankdata(x, axis=0) - 0.5) / len(x))

    def log_derivative(self, x: Any) -> np.ndarray:
        """Raises NotKnownError: ranks have no derivative."""
        raise NotKnownError(
            "marginals: got Gaussianise for an entropy, need Standardise or Asinh: a map by ranks has no derivative"
        )
