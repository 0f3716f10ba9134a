"""The report of ``thermodiff explore`` as text, at most 100 columns wide, in which every number has its error."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

import numpy as np

from thermodiff.commands.exploring.changes import changed_table
from thermodiff.commands.exploring.measures import (
    RESAMPLES,
    Comparison,
    Measured,
    PolicyMeasures,
)
from thermodiff.commands.exploring.numbers import (
    UNKNOWN,
    p_value,
    percent,
    plural,
    with_error,
    with_two_errors,
)
from thermodiff.commands.exploring.tables import (
    dynamics_tables,
    exchange_table,
    short,
    table,
    token_table,
    training_table,
)
from thermodiff.exploration.boundary.pass_at_k_intervals import PassAtKBand
from thermodiff.exploration.extrapolation.extrapolate import ExtrapolatedDifference, Extrapolation

WIDTH = 100


def text(measured: Measured, sentences: Sequence[str], remarks: Sequence[str]) -> str:
    """The whole report: what was read, tables, what the data say, and what to keep in mind of it."""
    parts = [
        *_heading(measured),
        *(training_table(measured.training) if measured.training is not None else ()),
        *(_boundary(measured.policies, measured.comparison) if measured.policies else ()),
        *(_shift(measured.comparison) if measured.comparison is not None else ()),
        *(changed_table(measured.policies, measured.comparison) if measured.comparison is not None else ()),
        *_beyond(measured),
        *token_table(measured.policies),
        *(exchange_table(measured.comparison) if measured.comparison is not None else ()),
        *(dynamics_tables(measured.dynamics) if measured.dynamics is not None else ()),
    ]
    parts += ["", "What the data say", *_items(sentences)]
    if remarks:
        parts += ["", "Remarks", *_items(remarks)]
    return "\n".join(parts)


def _items(sentences: Iterable[str]) -> list[str]:
    return [
        line
        for sentence in sentences
        for line in textwrap.wrap(sentence, WIDTH - 2, initial_indent="  - ", subsequent_indent="    ")
    ]


def span(values: np.ndarray) -> str:
    """128 rollouts, or 8 to 64 rollouts."""
    low, high = int(values.min()), int(values.max())
    return plural(low, "rollout") if low == high else f"{low} to {high} rollouts"


def _heading(measured: Measured) -> list[str]:
    lines = []
    for policy in measured.policies:
        counts = policy.counts
        lines.append(
            f"{policy.label}: {plural(len(counts.correct), 'problem')}, {span(counts.samples)} of each, "
            f"{counts.correct.sum()} of {counts.samples.sum()} correct"
        )
    if measured.dynamics is not None:
        lines.append(f"reward and entropy of {len(measured.dynamics.step)} steps: {measured.dynamics.source}")
    return lines


def _boundary(policies: Sequence[PolicyMeasures], comparison: Comparison | None) -> list[str]:
    bands = [(short(policy.label), policy.drawn, policy.fixed, "") for policy in policies]
    if comparison is not None:
        first, second = (short(label, 10) for label in comparison.labels)
        bands.append((f"{second} less {first}", comparison.drawn, comparison.fixed, "+"))
    rows = [
        f"{k:>6}" + "".join(f"{_pass_cell(drawn, fixed, i, sign):>30}" for _, drawn, fixed, sign in bands)
        for i, k in enumerate(bands[0][1].k)
    ]
    head = f"{'k':>6}" + "".join(f"{name:>30}" for name, *_ in bands)
    title = "pass@k ± error for problems drawn: others of their kind [for problems fixed: these very ones]"
    return table(title, head, rows)


def _pass_cell(drawn: PassAtKBand, fixed: PassAtKBand, i: int, sign: str) -> str:
    estimate, own = drawn.estimate, fixed.estimate.stderr[i]
    return with_two_errors(
        estimate.mean[i], estimate.stderr[i], own, sign, "≤" if fixed.conservative[i] else ""
    )


def _shift(comparison: Comparison) -> list[str]:
    shift, (first, second) = comparison.shift, (short(label, 10) for label in comparison.labels)
    columns = {
        "lost": shift.lost,
        "gained": shift.gained,
        f"self {first}": shift.self_a,
        f"self {second}": shift.self_b,
        "D²": shift.distance,
    }
    head = f"{'k':>6}" + "".join(f"{name:>16}" for name in columns) + f"{'p':>9}"
    rows = [
        f"{k:>6}"
        + "".join(f"{with_error(value.mean[i], value.stderr[i], most=3):>16}" for value in columns.values())
        + f"{p_value(shift.p_value[i], 1 / (RESAMPLES + 1)):>9}"
        for i, k in enumerate(shift.k)
    ]
    note = (
        f"lost: solved by {first} in k rollouts, not by {second}; gained: the reverse; self: what two runs of one "
        "policy lose, and gain, by chance; D²: lost + gained less both self; p: that no problem changed"
    )
    title = f"Problems of {shift.lost.n} lost and gained, expected numbers ± error"
    wrapped = textwrap.wrap(note, WIDTH, initial_indent="  ", subsequent_indent="  ")
    return [*table(title, head, rows), *wrapped]


def _beyond(measured: Measured) -> list[str]:
    beyond, labels = measured.beyond, [short(policy.label) for policy in measured.policies]
    if beyond is None:
        return []
    columns = {labels[0]: beyond}
    if isinstance(beyond, ExtrapolatedDifference):
        columns = {
            labels[0]: beyond.a,
            labels[1]: beyond.b,
            f"{short(labels[1], 10)} less {short(labels[0], 10)}": beyond,
        }
    head = f"{'k':>6}" + "".join(f"{label:>30}" for label in columns)
    rows = [
        f"{k:>6}" + "".join(f"{_bounds(part, i):>30}" for part in columns.values())
        for i, k in enumerate(beyond.k)
    ]
    title = (
        f"pass@k beyond the rollouts: bounds that hold together ({percent(beyond.level)}), and the likeliest"
    )
    return ["", title, head, *rows]


def _bounds(beyond: Extrapolation | ExtrapolatedDifference, i: int) -> str:
    low, high, likeliest = (float(x[i]) for x in (beyond.low, beyond.high, beyond.nonparametric))
    sign = "+" if isinstance(beyond, ExtrapolatedDifference) else ""
    bounds = UNKNOWN if np.isnan(low + high) else f"[{low:{sign}.3f}, {high:{sign}.3f}]"
    return f"{bounds}  {likeliest:{sign}.3f}"
