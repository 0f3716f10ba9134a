"""What a careful reader should know of rows that pass every check: one sentence each."""

from __future__ import annotations

import numpy as np

from thermodiff.data.tables import Table
from thermodiff.distributions.repeats import distinct_rows

FEW_VALUES = 0.02
"""A column with fewer distinct values than this fraction of the rows is remarked upon: it hardly has a density."""
CROWDED = 10
"""Among n^2/10 whole numbers n independent ones are all distinct with probability exp(-5): more likely a name."""
FAR_OUT = 15.0
"""Widths of the middle half, as a Gaussian's standard deviation, from the median at which a value is called far out."""
MOST_VARIANCE = 0.5
"""Values far out that carry more of a column's variance than this are remarked upon."""
NORMAL_QUARTILE = 0.6745
"""Half the rows of a Gaussian lie within so many standard deviations of its mean."""


def repeats(table: Table) -> list[str]:
    """Rows that are in the table more than once."""
    values = np.asarray(table.values)
    repeated = len(values) - distinct_rows(values)
    if not repeated:
        return []
    return [f"{repeated} of {len(values)} rows repeat another: training and test rows then overlap"]


def identifiers(table: Table) -> list[str]:
    """Columns that look like the names of rows rather than measurements; of the rows before any noise is added."""
    return [
        f"column {table.column(j)} holds a distinct whole number in every row, closer together than chance leaves them "
        "distinct: an identifier? (--without leaves it out)"
        for j in _identifiers(np.asarray(table.values))
    ]


def _identifiers(values: np.ndarray) -> list[int]:
    """Columns of distinct whole numbers so close together that independent ones would have met."""
    n, found = len(values), []
    for j, column in enumerate(values.T.astype(np.float64)):
        whole = np.all(np.abs(column) < 2**53) and np.array_equal(column, np.round(column))
        if whole and np.ptp(column) + 1 < n**2 / CROWDED and len(np.unique(column)) == n:
            found.append(j)
    return found


def few_values(table: Table) -> list[str]:
    """Columns that hardly have a density, for what does not refuse them."""
    values = np.asarray(table.values)
    n, d = values.shape
    few = [i for i in range(d) if len(np.unique(values[:, i])) < max(3, FEW_VALUES * n)]
    if not few:
        return []
    return [
        f"few distinct values in column {', '.join(map(table.column, few))}: no density there, so entropies and NLLs "
        "go to minus infinity as t_min goes to 0 (--dequantise for counts)"
    ]


def far_out(table: Table) -> list[str]:
    """Columns most of whose variance a few values carry, for what scales by it: one sentence on all of them."""
    shares = [_share_far_out(column) for column in np.asarray(table.values, dtype=np.float64).T]
    odd = [j for j, (_, share) in enumerate(shares) if share > MOST_VARIANCE]
    if not odd:
        return []
    worst = max(odd, key=lambda j: shares[j][1])
    number, share = shares[worst]
    column = table.values[:, worst]
    farthest = column[np.abs(column - np.median(column)).argmax()]
    others = ", ".join(table.column(j) for j in odd if j != worst)
    return [
        f"column {table.column(worst)} has {number} value(s) far out, up to {farthest:.4g}, that carry {share:.0%} of "
        "its variance: an outlier, or a long tail; the scale of the column and every number here depend on it"
        + (f" (so do those of column {others})" if others else "")
    ]


def _share_far_out(column: np.ndarray) -> tuple[int, float]:
    """How many values (n,) lie far out, and their share of the squared distances from the median."""
    low, middle, high = np.quantile(column, [0.25, 0.5, 0.75])
    distance = np.abs(column - middle)
    far = distance > FAR_OUT * (high - low) / (2 * NORMAL_QUARTILE)
    if high == low or not far.any():
        return 0, 0.0
    relative = np.square(distance / distance.max())
    return int(far.sum()), float(relative[far].sum() / relative.sum())
