"""Which rows and settings estimates of information take: checked, paired, refused where the answer is infinite."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from thermodiff.distributions.rows import as_rows
from thermodiff.distributions.sample_checks import check_continuous, check_samples
from thermodiff.information.coordinate_maps import Marginals
from thermodiff.information.cross_fitting.folds import EFFORTS, CrossFitting
from thermodiff.numerics.robust_scatter import in_a_plane
from thermodiff.training.config import TrainingConfig
from thermodiff.validation import check_key, complain

FEWEST_ROWS = 60
Columns = tuple[int, ...]
MakeMarginals = Callable[[Any], Marginals]


def checked_rows(name: str, samples: Any) -> np.ndarray:
    """Rows (n, d) in double precision. Raises ValueError where they have no density or are too few."""
    rows = as_rows(name, samples)
    check_samples(name, rows)
    check_continuous(name, rows)
    x = np.asarray(rows.values, dtype=np.float64)
    if len(x) < FEWEST_ROWS:
        raise complain(
            name, f"{len(x)} rows", f"at least {FEWEST_ROWS} to train and to hold out; thousands are useful"
        )
    return x


def labels(named: Mapping[str, Any]) -> tuple[str, ...]:
    """What messages call the columns of some tables side by side: x[:, 0], or x[:, 'age'] where it has a name."""
    tables = {name: as_rows(name, array) for name, array in named.items()}
    return tuple(
        f"{name}[:, {rows.label(j)}]" for name, rows in tables.items() for j in range(_width(rows.values))
    )


def _width(array: Any) -> int:
    shape = np.shape(array)
    return shape[1] if len(shape) == 2 else 1


def check_arguments(
    key: Any, marginals: Any, settings: Any, effort: Any, efforts: Mapping[str, CrossFitting] = EFFORTS
) -> tuple[Any, CrossFitting]:
    """The random key (``validation.check_key``), and the settings, given or by the name of an effort in ``efforts``.

    Raises without a key, maps and one of the two; the standard effort stands for neither.
    """
    key = check_key(key)
    if not callable(marginals):
        raise complain("marginals", repr(marginals), "a class such as td.Asinh")
    if isinstance(effort, CrossFitting):
        raise complain("effort", "a td.CrossFitting", f"it as settings=, or one of {', '.join(efforts)}")
    if settings is None:
        return key, CrossFitting.of("standard" if effort is None else effort, efforts)
    if not isinstance(settings, CrossFitting):
        got = "a td.TrainingConfig" if isinstance(settings, TrainingConfig) else repr(settings)
        raise complain("settings", got, "a td.CrossFitting, such as td.CrossFitting(training=...)")
    if effort is not None:
        raise complain(
            "effort", f"{effort!r} beside settings", "one of them: an effort is a name for settings"
        )
    return key, settings


def check_no_function(
    z: np.ndarray,
    called: Sequence[str],
    need: str = "columns with noise of their own: the dependence of these is infinite",
) -> None:
    """Raise where a column of rows z (n, D), ``called`` so (D,), is a sum of others: their dependence has no bound.

    After the ranks a monotone function of a column is that column again, or its negative.
    """
    if len(z) > z.shape[1] and in_a_plane(z):
        vectors = np.linalg.eigh(np.corrcoef(z, rowvar=False).reshape(2 * z.shape[1:]))[1]
        among = [called[j] for j in np.flatnonzero(np.abs(vectors[:, 0]) > 0.1).tolist()]
        raise complain("columns", f"{', '.join(among)}, one of them given by the others", need)


def paired_rows(named: dict[str, Any]) -> list[np.ndarray]:
    """``checked_rows`` of each table by name. Raises ValueError unless all have as many."""
    parts = {name: checked_rows(name, array) for name, array in named.items()}
    first, *others = parts
    for name in others:
        if len(parts[name]) != len(parts[first]):
            raise complain(name, f"{len(parts[name])} rows", f"as many as {first} has, {len(parts[first])}")
    return list(parts.values())


def blocks(parts: list[np.ndarray]) -> tuple[Columns, ...]:
    """The column numbers of each of some tables side by side."""
    ends = np.cumsum([0, *(part.shape[1] for part in parts)]).tolist()
    return tuple(tuple(range(a, b)) for a, b in itertools.pairwise(ends))
