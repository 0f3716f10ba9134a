"""Transfer entropy and lagged mutual information of stationary series.

    T(x -> y)  = I(y_t; x_(t-1), ..., x_(t-k) | y_(t-1), ..., y_(t-l))     Schreiber (2000), eq. (4)
    I(lag)     = I(x_(t-lag); y_t)
Mutual informations of rows that are windows of the series (``blocked``). Source of the estimate: this project.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from thermodiff.array_types import Key
from thermodiff.distributions.rows import as_rows
from thermodiff.information.arguments import MakeMarginals, check_arguments, checked_rows, labels
from thermodiff.information.coordinate_maps import Gaussianise
from thermodiff.information.coordinates import Coordinates
from thermodiff.information.cross_fitting.folds import CrossFitting
from thermodiff.information.cross_fitting.half_effort import Part
from thermodiff.information.entropy_sums import trained_at_once
from thermodiff.information.report import Information
from thermodiff.information.time_series.blocked import blocked_sum, gap_of
from thermodiff.runtime.devices import in_full_precision
from thermodiff.types import aligned
from thermodiff.validation import check_count, complain


@in_full_precision
def transfer_entropy(
    key: Key,
    source: Any,
    target: Any,
    *,
    source_history: int = 1,
    target_history: int = 1,
    given: Any = None,
    marginals: MakeMarginals = Gaussianise,
    settings: CrossFitting | None = None,
    effort: str | None = None,
    progress: bool = False,
) -> Information:
    """T(x -> y) = I(y_t; x_(t-1..t-k) | y_(t-1..t-l)) of series ``source`` x (T, a) and ``target`` y (T, b), nats.

    What the last k = ``source_history`` values of the source say of the target's next one beyond the last l =
    ``target_history`` of its own, and, for ``given`` w (T, c), beyond w_(t-1..t-l) too. One value is one step of time,
    equally spaced; series of one column may have shape (T,). They are taken to be stationary, and short enough in
    memory that stretches apart are independent. Neither causes nor a common driver that was not given can be told from
    it, and a target history that is too short counts what the target knew by itself.

    Returns an ``Information`` of T - max(k, l) rows; its standard error is by blocks of ``block`` rows
    (``numerics.block_errors``), its folds are stretches of time with gaps. Raises ValueError as ``mutual_information``
    does, and for series of different or too short lengths.
    """
    key, settings = check_arguments(key, marginals, settings, effort)
    check_count("source_history", source_history)
    check_count("target_history", target_history)
    named = {"source": source, "target": target} | ({} if given is None else {"given": given})
    (x, y, *known), (of_x, of_y, *of_known) = _mapped(named, marginals)
    reach = max(source_history, target_history)
    own = _windows([y, *known], range(1, target_history + 1), reach)
    theirs = _windows([x], range(1, source_history + 1), reach)
    z = np.hstack([_windows([y], [0], reach), own, theirs])
    past_words = _called([of_y, *of_known], range(1, target_history + 1))
    words = (*_called([of_y], [0]), *past_words, *_called([of_x], range(1, source_history + 1)))
    now, past = tuple(range(y.shape[1])), tuple(range(y.shape[1], z.shape[1]))
    coefficients = {Part(now, past[: own.shape[1]]): 1.0, Part(now, past): -1.0}
    gap = gap_of(np.hstack([x, y, *known]), reach)
    plan = blocked_sum(key, "transfer entropy", z, words, coefficients, frozenset(), gap, settings)
    return trained_at_once([plan], progress)[0]


class LaggedInformation(NamedTuple):
    """I(x_(t-lag); y_t) of several lags: ``lag``, ``mean`` and ``stderr`` (L,), nats, and each ``answers`` in full."""

    lag: np.ndarray
    mean: np.ndarray
    stderr: np.ndarray
    answers: tuple[Information, ...]

    def to_dict(self) -> dict[str, Any]:
        """Everything, in plain numbers, strings, lists and dictionaries."""
        return {"lag": self.lag.tolist(), "answers": [answer.to_dict() for answer in self.answers]}

    def __str__(self) -> str:
        rows = zip(self.lag.tolist(), self.answers, strict=True)
        return "\n".join(
            [
                "lag    mutual information, nats",
                *(f"{lag:>3} {aligned(a.mean, a.stderr)}" for lag, a in rows),
            ]
        )


@in_full_precision
def lagged_mutual_information(
    key: Key,
    x: Any,
    y: Any,
    lags: Any,
    *,
    marginals: MakeMarginals = Gaussianise,
    settings: CrossFitting | None = None,
    effort: str | None = None,
    progress: bool = False,
) -> LaggedInformation:
    """I(x_(t-lag); y_t) of series ``x`` (T, a) and ``y`` (T, b) for each of the whole numbers ``lags``, nats.

    At a positive lag x comes first, at a negative one y. All lags are of the same T - max(lags, 0) + min(lags, 0) rows,
    so that they can be compared. y is modelled, x is shown. Errors, and what is raised, as in ``transfer_entropy``; of
    a series and itself lag 0 is infinite, and refused.
    """
    key, settings = check_arguments(key, marginals, settings, effort)
    chosen = np.asarray(lags)
    if chosen.ndim != 1 or not len(chosen) or chosen.dtype.kind not in "iu":
        raise complain("lags", f"{lags!r}", "a list of whole numbers, such as range(5)")
    (first, second), (of_x, of_y) = _mapped({"x": x, "y": y}, marginals)
    most, least = max(0, int(chosen.max())), min(0, int(chosen.min()))
    if len(first) <= most - least:
        raise complain("lags", f"{most - least} steps apart", f"fewer than the {len(first)} rows")
    now = second[most : len(second) + least]
    columns, shown = tuple(range(now.shape[1])), tuple(range(now.shape[1], now.shape[1] + first.shape[1]))
    coefficients = {Part(columns): 1.0, Part(columns, shown): -1.0}
    known = marginals is Gaussianise and len(columns) == 1
    normal = frozenset([Part(columns)]) if known else frozenset()
    gap = gap_of(np.hstack([first, second]), most - least)
    plans = []
    for lag, k in zip(chosen.tolist(), jax.random.split(key, len(chosen)), strict=True):
        z = np.hstack([now, first[most - lag : len(first) + least - lag]])
        quantity = f"mutual information at lag {lag}"
        words = (*_called([of_y], [0]), *_called([of_x], [lag]))
        plans.append(blocked_sum(k, quantity, z, words, coefficients, normal, gap, settings))
    answers = trained_at_once(plans, progress)
    means, errors = (np.array([getattr(a, name) for a in answers]) for name in ("mean", "stderr"))
    return LaggedInformation(chosen, means, errors, tuple(answers))


def _mapped(
    named: dict[str, Any], marginals: MakeMarginals
) -> tuple[list[np.ndarray], list[tuple[str, ...]]]:
    """Each series (T, d), narrow columns mixed and all mapped before windows are cut, and what its columns are called.

    All are as long as the first.
    """
    series, called = [], []
    for name, array in named.items():
        table = as_rows(name, array)
        if np.ndim(table.values) == 1:
            table = table._replace(values=np.asarray(table.values)[:, None])
        rows = checked_rows(name, table)
        series.append(Coordinates(rows, marginals).forward(rows))
        called.append(labels({name: table}))
        if len(rows) != len(series[0]):
            raise complain(name, f"{len(rows)} rows", f"as many as {next(iter(named))} has, {len(series[0])}")
    return series, called


def _called(tables: Sequence[Sequence[str]], lags: Sequence[int]) -> tuple[str, ...]:
    """What the columns of ``_windows`` are called, from what those of the series are."""
    when = {lag: f"t {'-' if lag > 0 else '+'} {abs(lag)}" if lag else "t" for lag in lags}
    return tuple(f"{word} at {when[lag]}" for lag in lags for part in tables for word in part)


def _windows(series: list[np.ndarray], lags: Sequence[int], reach: int) -> np.ndarray:
    """Columns s_(t-lag) for t = reach..T-1, lag after lag, shape (T - reach, len(lags) * d)."""
    return np.hstack([part[reach - lag : len(part) - lag] for lag in lags for part in series])
