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

from thermodiff.data.dequantisation import dequantise
from thermodiff.data.tables import Table
from thermodiff.distributions.sample_checks import check_samples
from thermodiff.numerics.affine_maps import NARROW, AffineMap, whitening
from thermodiff.validation import complain

SPLIT = (0.7, 0.1, 0.2)
"""Fractions of the rows for training, for stopping it, and for the audit."""
FEWEST_ROWS = 20
FEW_VALUES = 0.02
"""A column with fewer distinct values than this fraction of the rows is remarked upon: it hardly has a density."""


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


def dequantise_counts(table: Table, rng: np.random.Generator) -> Table:
    """x + u with u uniform on [0, 1)^d: a density whose NLL bounds that of the integers from above.

    Raises ValueError where an entry is not an integer.
    """
    values = np.asarray(table.values)
    odd = np.argwhere(values != np.round(values))
    if odd.size:
        where = tuple(int(i) for i in odd[0])
        raise complain("dequantise", f"{values[where]!s} at index {where} of {table.source}", "integer data")
    return table._replace(values=dequantise(rng, values, step=1.0).samples)


def check_table(table: Table) -> None:
    """Raise ValueError unless the rows can be samples of a density and are enough to be split and audited."""
    check_samples(table.source, table.values)
    n, d = table.values.shape
    fewest = max(FEWEST_ROWS, int(np.ceil((d + 2) / SPLIT[2])))
    if n < fewest:
        need = f"at least {fewest}: the {SPLIT[2]:.0%} to measure on must span all dimensions (thousands are useful)"
        raise complain(table.source, f"{n} rows of dimension {d}", need)


def remarks(table: Table) -> list[str]:
    """What a careful reader should know of data that pass every check: one sentence each."""
    values = np.asarray(table.values)
    n, found = len(values), []
    repeated = n - len(np.unique(values, axis=0))
    if repeated:
        found.append(f"{repeated} of {n} rows repeat another: training and test rows then overlap")
    few = [i for i in range(values.shape[1]) if len(np.unique(values[:, i])) < max(3, FEW_VALUES * n)]
    if few:
        names = ", ".join(table.column(i) for i in few)
        found.append(
            f"few distinct values in column {names}: no density there, so entropies and NLLs go to minus infinity "
            "as t_min goes to 0 (--dequantise for counts)"
        )
    return found


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
    flat = np.flatnonzero(std <= 1e-12 * np.maximum(1.0, np.abs(mean)))
    if flat.size:
        name = f"{table.source}, column {', '.join(table.column(i) for i in flat.tolist())}"
        raise complain(name, "one value in all training rows", "columns that vary in most of the rows")
    return Standardisation(whitening(rows, below=NARROW))
