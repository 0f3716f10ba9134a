"""From a table of samples to what a score is trained and audited on.

    x (n, d) -> training, validation, test -> z = M (x - mean)/std, of variance 1 and narrow in no direction

The map is invertible, so every entropy, likelihood and bound in the data's own units is that of z plus
    log_jacobian = sum_i ln std_i - ln|det M|   (nats; each std in its column's unit),
while rates, gaps and slacks are the same in both. M is the identity unless columns are narrow together, correlated by
0.99 for two: these are mixed to be as wide as any others, in single precision and under noise. To make the others round
too costs: the digits' NLL rises by 2 nats, as noise in 64 directions is then learned as well as what matters.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from thermodiff.data.tables import Table
from thermodiff.distributions.sample_checks import check_samples
from thermodiff.numerics.affine_maps import NARROW, AffineMap, whitening
from thermodiff.validation import complain

SPLIT = (0.7, 0.1, 0.2)
"""Fractions of the rows for training, for stopping it, and for the audit."""
FEWEST_ROWS = 20


class Standardisation(NamedTuple):
    """z = M (x - mean)/std: mean and std (d,) of each column in the data's units, M (d, d) their mixing."""

    map: AffineMap

    @property
    def mean(self) -> np.ndarray:
        """Of each column."""
        return self.map.mean

    @property
    def std(self) -> np.ndarray:
        """Of each column."""
        return self.map.std

    @property
    def mix(self) -> np.ndarray:
        """M, the identity unless columns are narrow together."""
        return self.map.matrix

    @property
    def log_jacobian(self) -> float:
        """sum_i ln std_i - ln|det M| in nats: entropies and NLLs of x are those of z plus this."""
        return self.map.log_jacobian

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Mapped rows (n, d), single precision."""
        return self.map.forward(x).astype(np.float32)


class Split(NamedTuple):
    """Disjoint random subsets of the rows, each (., d)."""

    training: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def check_table(table: Table) -> None:
    """Raise ValueError unless the rows can be samples of a density and are enough to be split and audited."""
    check_samples(table.source, table.rows)
    n, d = table.values.shape
    fewest = max(FEWEST_ROWS, int(np.ceil((d + 2) / SPLIT[2])))
    if n < fewest:
        need = f"at least {fewest}: the {SPLIT[2]:.0%} to measure on must span all dimensions (thousands are useful)"
        raise complain(table.source, f"{n} rows of dimension {d}", need)


def split_rows(values: np.ndarray, rng: np.random.Generator) -> Split:
    """Random disjoint rows in the proportions ``SPLIT``, at least two for validation and test."""
    n = len(values)
    order = rng.permutation(n)
    test = max(2, round(SPLIT[2] * n))
    validation = max(2, round(SPLIT[1] * n))
    ends = (n - test - validation, n - test)
    return Split(values[order[: ends[0]]], values[order[ends[0] : ends[1]]], values[order[ends[1] :]])


def standardisation(training: np.ndarray, table: Table) -> Standardisation:
    """The map of the training rows (n, d), in double precision (``numerics.affine_maps.whitening``, ``NARROW``).

    Raises ValueError, naming the columns as ``table`` does, where one does not vary among them.
    """
    rows = np.asarray(training, dtype=np.float64)
    mean, std = rows.mean(axis=0), rows.std(axis=0)
    flat = np.flatnonzero(std <= 1e-12 * np.abs(mean))
    if flat.size:
        name = f"{table.source}, column {', '.join(table.column(i) for i in flat.tolist())}"
        raise complain(name, "one value in all training rows", "columns that vary in most of the rows")
    return Standardisation(whitening(rows, below=NARROW))
