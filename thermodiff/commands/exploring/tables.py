"""Tables of trainings and of tokens in the report of ``thermodiff explore``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from thermodiff.commands.exploring.measures import Comparison, PolicyMeasures, TokenMeasures
from thermodiff.commands.exploring.numbers import UNKNOWN, estimate, with_error
from thermodiff.commands.exploring.trainings import Dynamics, Training
from thermodiff.types import Estimate, of_any_size

MOST_STEPS = 12
"""Steps of a training that the table shows; the record has all."""


def short(label: str, width: int = 18) -> str:
    """A label that fits into a column."""
    return label if len(label) <= width else f"{label[: width - 1]}…"


def table(title: str, head: str, rows: Iterable[str]) -> list[str]:
    """Title, head and rows, and a line on what has no error if something has none."""
    lines = ["", title, head, *rows]
    if any("± ?" in line or "[?]" in line for line in lines):
        lines.append("  ?: all problems are alike there, or there is only one: no error can be had")
    return lines


def training_table(training: Training) -> list[str]:
    """pass@1, pass@k and entropy of a training by step."""
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
    return table(f"A training of {count} steps{shown}; ± for other problems of their kind", head, rows)


GAP_ENDS = ("surprise less entropy, at least", "surprise less entropy, at most")
COVARIANCE = "covariance of ln pi and advantage"
COVARIANCE_IS = (
    "  covariance: above 0 where likelier tokens are the rewarded ones; training on them lowers entropy"
)
NATS, COUNT = "nats/token", "tokens"
ROWS: tuple[tuple[str, str, Callable[[TokenMeasures], Estimate | None]], ...] = (
    ("entropy", NATS, lambda t: t.entropy and t.entropy.mean),
    ("  mean over responses", NATS, lambda t: t.entropy and t.entropy.per_response),
    ("  tokens of correct responses", NATS, lambda t: t.entropy and t.entropy.correct),
    ("  tokens of wrong responses", NATS, lambda t: t.entropy and t.entropy.wrong),
    ("  at least, from the top lists alone", NATS, lambda t: t.lists and t.lists.lists_alone[0]),
    ("  at most, from the top lists alone", NATS, lambda t: t.lists and t.lists.lists_alone[1]),
    ("branching factor, nucleus of 0.95", COUNT, lambda t: t.branching and t.branching.mean),
    ("  at least, from the top lists alone", COUNT, lambda t: t.branching and t.branching.at_least),
    (GAP_ENDS[0], NATS, lambda t: t.gap and t.gap.low),
    (GAP_ENDS[1], NATS, lambda t: t.gap and t.gap.high),
    ("log-perplexity of correct responses", NATS, lambda t: t.perplexities and t.perplexities.correct),
    ("log-perplexity of wrong responses", NATS, lambda t: t.perplexities and t.perplexities.wrong),
    ("  correct less wrong in one problem", NATS, lambda t: t.perplexities and t.perplexities.difference),
    (COVARIANCE, "nats", lambda t: t.covariance and t.covariance.mean),
    ("entropy, first fifth less middle", NATS, lambda t: _shape(t, "entropy", "fall")),
    ("entropy, last fifth less middle", NATS, lambda t: _shape(t, "entropy", "rise")),
    ("surprise, first fifth less middle", NATS, lambda t: _shape(t, "surprise", "fall")),
    ("surprise, last fifth less middle", NATS, lambda t: _shape(t, "surprise", "rise")),
)
"""Rows of the table of tokens, with their units; a row that no policy has is not shown."""


def _shape(tokens: TokenMeasures, name: str, end: str) -> Estimate | None:
    shapes = {} if tokens.positions is None else tokens.positions.shapes
    return getattr(shapes[name], end) if name in shapes else None


def token_table(policies: Sequence[PolicyMeasures]) -> list[str]:
    """What the tokens say, a column for each policy that has some."""
    measured = [policy for policy in policies if policy.tokens is not None]
    if not measured:
        return []
    rows = []
    for name, unit, of in ROWS:
        values = [of(policy.tokens) for policy in measured if policy.tokens is not None]
        if any(value is not None and not np.isnan(value.mean) for value in values):
            rows.append(f"  {name:<37}{unit:<11}" + "".join(f"{_cell(value):>24}" for value in values))
    head = " " * 50 + "".join(f"{short(policy.label):>24}" for policy in measured)
    lines = table("Tokens; ± clustered by problem", head, _merged(rows))
    return [*lines, *([COVARIANCE_IS] if any(COVARIANCE in row for row in rows) else ())]


def _cell(value: Estimate | None) -> str:
    return UNKNOWN if value is None else estimate(value)


def _merged(rows: list[str]) -> list[str]:
    """Where both ends of an interval are one number, one row."""
    low, high = (next((row for row in rows if end in row), "") for end in GAP_ENDS)
    if not low or low.replace(GAP_ENDS[0], "").split() != high.replace(GAP_ENDS[1], "").split():
        return rows
    one = low.replace(GAP_ENDS[0], "surprise less entropy".ljust(len(GAP_ENDS[0])))
    return [one if row == low else row for row in rows if row != high]


def exchange_table(comparison: Comparison) -> list[str]:
    """The change of a response's entropy and its three parts."""
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


def dynamics_tables(dynamics: Dynamics) -> list[str]:
    """Slopes before and after the likeliest kink, and the curves of reward against entropy."""
    stages, law = dynamics.stages, dynamics.law
    rows = []
    for name, (before, after) in (("reward", stages.reward), ("entropy, nats", stages.entropy)):
        rows.append(f"  {name + ' per step':<24}{_slope(before):>28}{_slope(after):>28}")
    head = f"{'':<26}{'before the likeliest kink':>28}{'after it':>28}"
    lines = table("Stages", head, rows)
    head = f"{'':<14}{'AIC':>9}{'residual':>10}   parameters"
    fits = [
        f"  {name:<12}{fit.aic:>9.1f}{fit.residual:>10.4f}   "
        + ", ".join(f"{key} = {_parameter(value)}" for key, value in fit.parameters.items())
        for name, fit in law.fits.items()
    ]
    low, high = law.range
    return [*lines, *table(f"Reward against entropy, H from {low:.3g} to {high:.3g}", head, fits)]


def _slope(value: Estimate) -> str:
    return of_any_size(value.mean, value.stderr, "+")


def _parameter(value: Estimate) -> str:
    mean, stderr = float(value.mean), float(value.stderr)
    return f"{mean:.4g}" if np.isnan(stderr) else of_any_size(mean, stderr)
