"""The user's own samples: they can be drawn from and have moments, and nothing else of them is known."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from thermodiff.array_types import Key, Samples2d, Vector, pytree_dataclass
from thermodiff.distributions.base import Family
from thermodiff.distributions.sample_checks import sample_rows
from thermodiff.numerics.estimates import as_float64
from thermodiff.validation import complain


@pytree_dataclass
class Samples(Family):
    """n rows of data, ``array`` (n, d) or a DataFrame, taken as independent samples of an unknown density.

    ``log_prob``, ``entropy`` and the noised marginal raise NotKnownError. Raises ValueError for what cannot be the
    sample of a density in d dimensions: non-finite entries, constant or dependent columns, many repeated rows,
    fewer rows than d + 1.
    """

    array: Any

    def __post_init__(self) -> None:
        rows = sample_rows("array", self.array)
        _check_precision(rows)
        object.__setattr__(self, "array", jnp.asarray(rows, dtype=float))

    @property
    def dim(self) -> int:
        """Number of columns d."""
        return self.array.shape[-1]

    def moments(self) -> tuple[Vector, Float[Array, "d d"]]:
        """Sample mean and covariance, the latter with 1/(n - 1)."""
        rows = as_float64(self.array)
        cov = np.atleast_2d(np.cov(rows, rowvar=False))
        return jnp.asarray(rows.mean(axis=0), dtype=float), jnp.asarray(cov, dtype=float)

    def sample(self, key: Key, n: int) -> Samples2d:
        """n rows drawn with replacement, shape (n, d)."""
        return self.array[jax.random.randint(key, (n,), 0, self.array.shape[0])]

    def log_prob(self, x: Float[Array, "*n d"]) -> Float[Array, "*n"]:
        """Raises NotKnownError: samples alone have no density."""
        raise self._not_known("log density")


def _check_precision(rows: np.ndarray) -> None:
    """Raise where a column (n, d) has squares that JAX's present precision cannot hold."""
    kept = np.finfo(jax.dtypes.canonicalize_dtype(float))
    high, low = (np.asarray(f(axis=0), dtype=np.float64) for f in (rows.max, rows.min))
    largest, span = np.maximum(high, -low), high - low
    odd = np.flatnonzero((largest > np.sqrt(kept.max)) | (span < np.sqrt(kept.tiny)))
    if odd.size:
        j = int(odd[0])
        got = f"column {j} from {low[j]:.3g} to {high[j]:.3g}, whose squares {kept.dtype} cannot hold"
        raise complain("array", got, "standardised columns: (x - x.mean(axis=0))/x.std(axis=0)")
