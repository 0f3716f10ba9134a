"""The table of ``entropy_exchange``, and the claims that it is held to, from its records alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from experiments.exploration.capability_boundary_table import with_error
from experiments.harness.summaries import grouped
from experiments.harness.types import Row
from thermodiff.exploration.tasks.countdown_free import DEFECTS

MARK = 0.9
"""Share of logged steps in which wrong responses should have the higher entropy."""
PARTS = ("accuracy", "among correct", "among wrong")


def table(rows: list[Row]) -> str:
    """A part for each question, an arm a line, mean ± standard error over seeds."""
    seeds = len({row["seed"] for row in rows})
    parts = (_exchange, _stages, _law, _sides, _covariance, _defects)
    lines = [f"{seeds} seeds; mean ± standard error over seeds; nats"]
    for part in parts:
        lines += ["", *part(rows)]
    return "\n".join(lines)


def total(row: Row) -> list[float]:
    """The change of entropy from the start to the last kept policy, and its three parts."""
    return [float(np.sum(row["change"])), *np.sum(row["parts"], axis=0)]


def _arms(rows: list[Row]) -> Iterator[tuple[str, list[Row]]]:
    for (arm,), group in grouped(rows, "arm"):
        yield arm, group


def _numbers(group: Sequence[Row], *of: Callable[[Row], float | None], digits: int = 3) -> str:
    """A cell for each, of the rows that have it."""
    shown = ""
    for function in of:
        values = [value for row in group if (value := function(row)) is not None]
        shown += f"{with_error(values, digits) if values else '-':>20}"
    return shown


def _head(title: str, names: Sequence[str]) -> list[str]:
    return [title, f"  {'arm':<17}" + "".join(f"{name:>20}" for name in names)]


def _exchange(rows: list[Row]) -> list[str]:
    lines = _head(
        "Exchange from start to end: change of the entropy of a response, and its parts, summed over kept policies",
        ("p before", "p after", "change", *PARTS),
    )
    for arm, group in _arms(rows):
        parts: list[Callable[[Row], float]] = [lambda row, i=i: total(row)[i] for i in range(4)]  # type: ignore[misc]
        ends = (lambda row: row["p"][0], lambda row: row["p"][-1])
        lines.append(f"  {arm:<17}" + _numbers(group, *ends, *parts))
    exact = [row["left"] for row in rows if "left" in row]
    if exact:
        lines.append(
            f"  strict arms: exact, the parts miss the change of a problem by {max(exact):.1e} at most; "
            "responses that are not listed count as one wrong one, so that entropies are lower bounds"
        )
    return lines


def _stages(rows: list[Row]) -> list[str]:
    lines = ["Stages by a change point in reward and entropy"]
    for arm, group in _arms(rows):
        found = [row["stages"] for row in group if row["stages"]]
        verdicts = Counter(stages["verdict"] for stages in found)
        said = (
            "; ".join(f"{verdict} in {number}" for verdict, number in verdicts.most_common())
            or "too few steps, or a constant"
        )
        at = [f"{stages['change']:g}" for stages in found if stages["change"] is not None]
        lines.append(f"  {arm:<17}{said}" + (f"; change at {', '.join(at)}" if at else ""))
    return lines


def _law(rows: list[Row]) -> list[str]:
    lines = _head(
        "R = -a exp(H) + b against a line, H nats a token: AIC of the line less that of the exponential on the steps,\n"
        "what it would be were the exponential true (below 6 it cannot be told); exact p and H of kept policies:\n"
        "root mean square left by each",
        ("range of H", "line - exponential", "if true", "exact, line", "exact, exponential"),
    )
    for arm, group in _arms(rows):
        fitted = [row for row in group if row["law"]]
        verdicts = Counter(row["law"]["verdict"] for row in fitted)
        lines.append(
            f"  {arm:<17}"
            + _numbers(
                fitted,
                lambda row: row["law"]["range"][1] - row["law"]["range"][0],
                lambda row: row["law"]["line_less_exponential"],
                lambda row: row["law"]["contrast"],
                digits=2,
            )
            + _numbers(
                group,
                *(
                    lambda row, name=name: row["exact_law"][name]["residual"] if "exact_law" in row else None
                    for name in ("line", "exponential")
                ),
                digits=4,
            )
        )
        lines += [f"    {verdict}: {number} of {len(fitted)}" for verdict, number in verdicts.most_common()]
    return lines


def _sides(rows: list[Row]) -> list[str]:
    lines = _head(
        f"Entropy a token in wrong less in correct responses; share of steps above 0, by seed (mark {MARK:g})",
        ("wrong - correct", "slope wrong-correct"),
    )
    for arm, group in _arms(rows):
        shares = [row["sides"]["share"] for row in group if row["sides"]["share"] is not None]
        numbers = _numbers(group, lambda row: row["sides"]["difference"]) + _numbers(
            group, _slopes_apart, digits=5
        )
        held = f"{sum(share >= MARK for share in shares)} of {len(group)} seeds reach the mark"
        lines.append(f"  {arm:<17}{numbers}   {' '.join(f'{share:.3f}' for share in shares)}   {held}")
    return lines


def _slopes_apart(row: Row) -> float | None:
    correct, wrong = row["sides"]["slopes"]
    return None if correct is None or wrong is None else wrong - correct


def _covariance(rows: list[Row]) -> list[str]:
    lines = _head(
        "Change of entropy a step against covariance: slope (-eta), correlation by steps and by blocks of steps;\n"
        "correlation of a change with the next, -0.5 were changes nothing but the noise of batches",
        ("slope, blocks", "r by steps", "r by blocks", "change and next"),
    )
    for arm, group in _arms(rows):
        lines.append(
            f"  {arm:<17}"
            + _numbers(
                group,
                lambda row: row["covariance"]["by_block"]["slope"],
                lambda row: row["covariance"]["by_step"]["correlation"],
                lambda row: row["covariance"]["by_block"]["correlation"],
                lambda row: row["covariance"]["noise"],
            )
        )
    lines.append(
        "  left out by the relation: second order of a step, parameters that states share, Adam, states that move"
    )
    return lines


def _defects(rows: list[Row]) -> list[str]:
    chosen = [row for row in rows if "defects" in row]
    if not chosen:
        return []
    lines = ["Why responses fail, free form, shares along training"]
    steps = chosen[0]["kept"]
    lines.append(f"  {'':<17}" + "".join(f"{f'step {step}':>20}" for step in steps))
    for code, name in enumerate(DEFECTS):
        along = [[row["defects"][i][code] for row in chosen] for i in range(len(steps))]
        lines.append(f"  {name:<17}" + "".join(f"{with_error(values):>20}" for values in along))
    return lines
