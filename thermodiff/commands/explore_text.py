"""The report of ``thermodiff explore`` as text, at most 100 columns wide, in which every number has its error."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from thermodiff.commands.explore_measures import (
    Comparison,
    Dynamics,
    Measured,
    PolicyMeasures,
    TokenMeasures,
    Training,
)
from thermodiff.commands.explore_numbers import (
    UNKNOWN,
    decimals,
    estimate,
    p_value,
    percent,
    plural,
    with_error,
)
from thermodiff.exploration.boundary.intervals import PassAtKBand
from thermodiff.exploration.extrapolation.pass_at_k import ExtrapolatedDifference, Extrapolation
from thermodiff.types import Estimate

WIDTH = 100
MOST_STEPS = 12
"""Steps of a training that the table shows; the record has all."""


def text(measured: Measured, sentences: Sequence[str]) -> str:
    """The whole report: what was read, tables, remarks, and what the data say."""
    parts = [
        *_heading(measured),
        *(_training(measured.training) if measured.training is not None else ()),
        *(_boundary(measured.policies, measured.comparison) if measured.policies else ()),
        *(_shift(measured.comparison) if measured.comparison is not None else ()),
        *_beyond(measured),
        *_tokens(measured.policies),
        *(_exchange(measured.comparison) if measured.comparison is not None else ()),
        *(_dynamics(measured.dynamics) if measured.dynamics is not None else ()),
    ]
    if measured.remarks:
        parts += ["", "Remarks", *_items(measured.remarks)]
    return "\n".join([*parts, "", "What the data say", *_items(sentences)])


def _items(sentences: Iterable[str]) -> list[str]:
    return [
        line
        for sentence in sentences
        for line in textwrap.wrap(sentence, WIDTH - 2, initial_indent="  - ", subsequent_indent="    ")
    ]


def short(label: str, width: int = 18) -> str:
    """A label that fits into a column."""
    return label if len(label) <= width else f"{label[: width - 1]}…"


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


def _table(title: str, head: str, rows: Iterable[str]) -> list[str]:
    lines = ["", title, head, *rows]
    if any("± ?" in line for line in lines):
        lines.append("  ± ?: all problems are alike there, or there is only one: no error can be had")
    return lines


def _boundary(policies: Sequence[PolicyMeasures], comparison: Comparison | None) -> list[str]:
    bands = [(short(policy.label), policy.drawn, policy.fixed, "") for policy in policies]
    if comparison is not None:
        first, second = (short(label, 10) for label in comparison.labels)
        bands.append((f"{second} less {first}", comparison.drawn, comparison.fixed, "+"))
    rows = [
        f"{k:>6}" + "".join(f"{_pass_cell(drawn, fixed, i, sign):>28}" for _, drawn, fixed, sign in bands)
        for i, k in enumerate(bands[0][1].k)
    ]
    head = f"{'k':>6}" + "".join(f"{name:>28}" for name, *_ in bands)
    return _table(
        "pass@k ± error for other problems of their kind [for these problems, other rollouts]", head, rows
    )


def _pass_cell(drawn: PassAtKBand, fixed: PassAtKBand, i: int, sign: str) -> str:
    own = float(fixed.estimate.stderr[i])
    known = np.isfinite(own) and own > 0
    own_text = f"{'≤' if fixed.conservative[i] else ''}{own:.{decimals(own)}f}" if known else "?"
    return f"{with_error(drawn.estimate.mean[i], drawn.estimate.stderr[i], sign)} [{own_text}]"


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
        + "".join(f"{with_error(value.mean[i], value.stderr[i]):>16}" for value in columns.values())
        + f"{p_value(shift.p_value[i]):>9}"
        for i, k in enumerate(shift.k)
    ]
    note = (
        f"lost: solved by {first} in k rollouts, not by {second}; gained: the reverse; self: what two runs of one "
        "policy lose, and gain, by chance; D²: lost + gained less both self; p: that no problem changed"
    )
    title = f"Problems of {shift.lost.n} lost and gained, expected numbers ± error"
    wrapped = textwrap.wrap(note, WIDTH, initial_indent="  ", subsequent_indent="  ")
    return [*_table(title, head, rows), *wrapped]


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
    title = f"pass@k beyond the rollouts: bounds that hold together ({percent(beyond.confidence)}), and the likeliest"
    return ["", title, head, *rows]


def _bounds(beyond: Extrapolation | ExtrapolatedDifference, i: int) -> str:
    low, high, likeliest = (float(x[i]) for x in (beyond.lower, beyond.upper, beyond.nonparametric))
    sign = "+" if isinstance(beyond, ExtrapolatedDifference) else ""
    bounds = UNKNOWN if np.isnan(low + high) else f"[{low:{sign}.3f}, {high:{sign}.3f}]"
    return f"{bounds}  {likeliest:{sign}.3f}"


def _training(training: Training) -> list[str]:
    count = len(training.steps)
    chosen = np.unique(np.linspace(0, count - 1, min(count, MOST_STEPS)).round().astype(int))
    name = f"{training.entropy_is}, nats a token"
    head = f"{'step':>8}{'problems':>10}{'rollouts':>10}{'pass@1':>22}"
    head += f"{f'pass@{training.top}':>22}" if training.top > 1 else ""
    head += f"{name:>26}" if training.entropy is not None else ""
    rows = []
    for i in chosen:
        row = f"{training.steps[i]:>8}{training.problems[i]:>10}{training.samples[i]:>10}"
        row += f"{with_error(training.first.mean[i], training.first.stderr[i]):>22}"
        row += (
            f"{with_error(training.reach.mean[i], training.reach.stderr[i]):>22}" if training.top > 1 else ""
        )
        if training.entropy is not None:
            row += f"{with_error(training.entropy.mean[i], training.entropy.stderr[i]):>26}"
        rows.append(row)
    shown = "" if len(chosen) == count else f", {len(chosen)} of them shown"
    return _table(f"A training of {count} steps{shown}; ± for other problems of their kind", head, rows)


ROWS: tuple[tuple[str, Callable[[TokenMeasures], Estimate | None]], ...] = (
    ("entropy, nats a token", lambda t: t.entropy and t.entropy.mean),
    ("  mean over responses", lambda t: t.entropy and t.entropy.per_response),
    ("  tokens of correct responses", lambda t: t.entropy and t.entropy.correct),
    ("  tokens of wrong responses", lambda t: t.entropy and t.entropy.wrong),
    ("  at least, from the top lists alone", lambda t: t.lists and t.lists.lists_alone[0]),
    ("  at most, from the top lists alone", lambda t: t.lists and t.lists.lists_alone[1]),
    ("branching factor, nucleus of 0.95", lambda t: t.branching and t.branching.mean),
    ("  at least, from the top lists alone", lambda t: t.branching and t.branching.at_least),
    ("surprise less entropy, at least", lambda t: t.gap and t.gap.low),
    ("surprise less entropy, at most", lambda t: t.gap and t.gap.high),
    ("log-perplexity of correct responses", lambda t: t.perplexities and t.perplexities.correct),
    ("log-perplexity of wrong responses", lambda t: t.perplexities and t.perplexities.wrong),
    ("  correct less wrong in one problem", lambda t: t.perplexities and t.perplexities.difference),
    ("entropy, first fifth less middle", lambda t: _shape(t, "entropy", "fall")),
    ("entropy, last fifth less middle", lambda t: _shape(t, "entropy", "rise")),
    ("surprise, first fifth less middle", lambda t: _shape(t, "surprise", "fall")),
    ("surprise, last fifth less middle", lambda t: _shape(t, "surprise", "rise")),
)
"""Rows of the table of tokens; a row that no policy has is not shown."""


def _shape(tokens: TokenMeasures, name: str, end: str) -> Estimate | None:
    shapes = {} if tokens.positions is None else tokens.positions.shapes
    return getattr(shapes[name], end) if name in shapes else None


def _tokens(policies: Sequence[PolicyMeasures]) -> list[str]:
    measured = [policy for policy in policies if policy.tokens is not None]
    if not measured:
        return []
    rows = []
    for name, of in ROWS:
        values = [of(policy.tokens) for policy in measured if policy.tokens is not None]
        if any(value is not None and not np.isnan(value.mean) for value in values):
            rows.append(f"  {name:<38}" + "".join(f"{_cell(value):>24}" for value in values))
    head = " " * 40 + "".join(f"{short(policy.label):>24}" for policy in measured)
    return _table("Tokens; ± clustered by problem", head, _merged(rows))


def _cell(value: Estimate | None) -> str:
    return UNKNOWN if value is None else estimate(value)


def _merged(rows: list[str]) -> list[str]:
    """Where both ends of an interval are one number, one row."""
    ends = ("surprise less entropy, at least", "surprise less entropy, at most")
    low, high = (next((row for row in rows if end in row), "") for end in ends)
    if not low or low.replace(ends[0], "")[2:].split() != high.replace(ends[1], "")[2:].split():
        return rows
    one = low.replace(ends[0], "surprise less entropy".ljust(len(ends[0])))
    return [one if row == low else row for row in rows if row != high]


def _exchange(comparison: Comparison) -> list[str]:
    exchange = comparison.exchange
    if exchange is None:
        return []
    first, second = comparison.labels
    rows = (
        (f"entropy of a response, {short(first)}", exchange.before, ""),
        (f"entropy of a response, {short(second)}", exchange.after, ""),
        ("change", exchange.change, "+"),
        ("  went with accuracy", exchange.accuracy, "+"),
        ("  among correct responses", exchange.correct, "+"),
        ("  among wrong responses", exchange.wrong, "+"),
    )
    return [
        "",
        "What the entropy bought, nats a response",
        *(f"  {name:<38}{estimate(value, sign):>24}" for name, value, sign in rows),
    ]


def _dynamics(dynamics: Dynamics) -> list[str]:
    stages, law = dynamics.stages, dynamics.law
    rows = []
    for name, (before, after) in (("reward", stages.reward), ("entropy, nats", stages.entropy)):
        rows.append(f"  {name + ' per step':<24}{_slope(before):>28}{_slope(after):>28}")
    head = f"{'':<26}{'before the likeliest kink':>28}{'after it':>28}"
    lines = _table("Stages", head, rows)
    head = f"{'':<14}{'AIC':>9}{'residual':>10}   parameters"
    fits = [
        f"  {name:<12}{fit.aic:>9.1f}{fit.residual:>10.4f}   "
        + ", ".join(f"{key} = {_parameter(value)}" for key, value in fit.parameters.items())
        for name, fit in law.fits.items()
    ]
    low, high = law.range
    return [*lines, *_table(f"Reward against entropy, H from {low:.3g} to {high:.3g}", head, fits)]


def _slope(value: Estimate) -> str:
    mean, stderr = float(value.mean), float(value.stderr)
    return f"{mean:+.3g} ± {stderr:.2g}"


def _parameter(value: Estimate) -> str:
    mean, stderr = float(value.mean), float(value.stderr)
    return f"{mean:.4g}" if np.isnan(stderr) else f"{mean:.4g} ± {stderr:.2g}"
