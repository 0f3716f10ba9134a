"""Tables of ``side_by_side`` from its records alone, in the form of docs/which-estimator.md."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from experiments.harness.summaries import grouped
from experiments.harness.types import Row
from experiments.information.estimators_side_by_side import ESTIMATORS
from experiments.information.side_by_side_data import DATA

NONE = "–"
EASY = 0.02
"""Nats, or this share of the truth if that is more: an error that few would mind."""


def table(rows: list[Row]) -> str:
    """For each question errors by data set, how often each estimator is near and its intervals hold, and seconds."""
    rows, parts = sorted(rows, key=lambda row: (list(DATA).index(row["data"]), row["n"], row["seed"])), []
    for (asked,), group in grouped(rows, "asked"):
        parts += [_errors(asked, group), _summary(asked, group), _seconds(asked, group)]
    return "\n\n".join(parts)


def names_in(rows: Iterable[Row]) -> list[str]:
    """Estimators, this package's own first, then as they are listed."""
    order = ["thermodiff", *ESTIMATORS]
    names = dict.fromkeys(row["estimator"] for row in rows)
    return sorted(names, key=lambda name: order.index(name) if name in order else 0)


def _lines(head: list[str], body: Iterable[list[str]]) -> str:
    rule = ["---"] * len(head)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *body))


def size(n: int) -> str:
    """2000 and 10 000."""
    return f"{n:,}".replace(",", " ") if n >= 10_000 else f"{n}"


def signed(error: float) -> str:
    """+0.012, −1.35, 0.000."""
    text = f"{error:+.3f}" if abs(error) < 1 else f"{error:+.2f}"
    return "0.000" if float(text) == 0 else text.replace("-", "−")


def _errors(asked: str, rows: list[Row]) -> str:
    """The error of each estimator by data set and n, mean over seeds; the nearest in bold."""
    names = names_in(rows)
    body = []
    for (kind, columns, data, n), group in grouped(rows, "kind", "columns", "data", "n"):
        means = {
            name: float(np.mean(_of(group, name, "deviation")))
            for name in names
            if _of(group, name, "deviation")
        }
        nearest = min(means, key=lambda name: abs(means[name]))
        shown = {name: signed(value) for name, value in means.items()}
        shown[nearest] = f"**{shown[nearest]}**"
        first = [f"{kind}, `{data}`", columns, size(n), f"{group[0]['truth']:.3f}"]
        body.append([*first, *(shown.get(name, NONE) for name in names)])
    return _lines([f"{asked}: error, nats", "columns", "n", "truth", *names], body)


def _of(rows: list[Row], name: str, entry: str) -> list[float]:
    return [row[entry] for row in rows if row["estimator"] == name]


def _seconds(asked: str, rows: list[Row]) -> str:
    """Processor seconds by number of columns and n: the median over data sets of that size."""
    names, counts = names_in(rows), sorted({_columns(row) for row in rows})
    body = []
    for n in sorted({row["n"] for row in rows}):
        for count in counts:
            group = [row for row in rows if row["n"] == n and _columns(row) == count]
            medians = (_median(_of(group, name, "processor_seconds")) for name in names)
            body.append([f"{count}", size(n), *medians])
    return _lines([f"{asked}: processor seconds, columns in all", "n", *names], body)


def _columns(row: Row) -> int:
    """Of all arrays, a class counting as one."""
    return sum(1 if part == "class" else int(part) for part in row["columns"].split(" + "))


def _median(values: list[float]) -> str:
    if not values:
        return NONE
    median = float(np.median(values))
    return f"{median:.0f}" if median >= 10 else f"{median:.2g}"


def _near(row: Row) -> bool:
    return abs(row["deviation"]) <= max(EASY, EASY * abs(row["truth"]))


def _share(rows: list[Row], holds: Callable[[Row], bool]) -> str:
    return f"{sum(map(holds, rows))} of {len(rows)}" if rows else NONE


def _summary(asked: str, rows: list[Row]) -> str:
    """Mean absolute error, cells that are near, and how often stated intervals hold the truth."""
    body = []
    for name in names_in(rows):
        own = [row for row in rows if row["estimator"] == name]
        stated = [row for row in own if row["interval"]]
        error, median = (f(np.abs([row["deviation"] for row in own])) for f in (np.mean, np.median))
        width = (
            f"{np.mean([row['interval'][1] - row['interval'][0] for row in stated]):.3f}" if stated else NONE
        )
        held = _share(stated, lambda row: row["interval"][0] <= row["truth"] <= row["interval"][1])
        body.append([name, f"{error:.3f}", f"{median:.3f}", _share(own, _near), held, width])
    near = f"within {EASY} nats or {EASY:.0%} of the truth".replace("%", " %")
    head = [asked, "mean error without sign, nats", "median", near]
    return _lines([*head, "90 % intervals that hold the truth", "their mean width"], body)
