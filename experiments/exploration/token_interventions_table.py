"""The table of ``token_interventions``, and what it says of the report's claims, from its records alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from experiments.exploration.capability_boundary_table import with_error
from experiments.harness.summaries import grouped
from experiments.harness.types import Row
from thermodiff.exploration.tasks.countdown_free import DEFECTS

PLACES = ("a", "op", "b", "=", "c", ";", "e", "op", "f", "=", "t", "end")
"""What stands at each place of the strict form."""
FIRST_OPERATION, FIRST_LINE = 3, 6
"""Tokens of ``a op b``, and of the first line with its ``;``."""
FIFTHS = ("1st fifth", "2nd", "3rd", "4th", "last")
TERCILES = ("surest third", "middle", "least sure")


def table(rows: list[Row]) -> str:
    """The free form, then the strict one, mean ± standard error over seeds."""
    seeds = len({row["seed"] for row in rows})
    free, strict = ([row for row in rows if row["form"] == form] for form in ("free", "strict"))
    lines = [f"{seeds} seeds; mean ± standard error over seeds; entropies and divergences in nats"]
    for part in (_overview, _profile, _effects, _robust, _claims) if free else ():
        lines += ["", *part(free)]
    for part in (_access, _places) if strict else ():
        lines += ["", *part(strict)]
    return "\n".join(lines)


def over_seeds(group: Sequence[Row], of: Callable[[Row], float | None], digits: int = 3) -> str:
    """One cell: the rows that have the number."""
    values = [value for row in group if (value := of(row)) is not None]
    return f"{with_error(values, digits) if values else '-':>18}"


def _head(title: str, names: Sequence[str], width: int = 34) -> list[str]:
    return [title, f"  {'':<{width}}" + "".join(f"{name:>18}" for name in names)]


def _overview(rows: list[Row]) -> list[str]:
    names = ("accuracy", "tokens", "first op leads", "then correct", "else correct")
    lines = _head("Free form: responses of any length; the first operation that is written", names, 14)
    for (arm,), group in grouped(rows, "arm"):
        cells = [over_seeds(group, lambda row, x=x: row[x][0]) for x in ("accuracy", "length")]
        cells += [
            over_seeds(group, lambda row, x=x: row["first"][x][0])
            for x in ("access", "execution", "otherwise")
        ]
        lines.append(f"  {arm:<14}" + "".join(cells))
    lines += _head("Why they fail", DEFECTS, 14)
    for (arm,), group in grouped(rows, "arm"):
        cells = [over_seeds(group, lambda row, i=i: row["defects"][i][0]) for i in range(len(DEFECTS))]
        lines.append(f"  {arm:<14}" + "".join(cells))
    return lines


def _profile(rows: list[Row]) -> list[str]:
    lines = _head(
        "Entropy by position: first fifth less middle, last fifth less middle, and p of 'no U', by seed",
        ("start - middle", "end - middle"),
        14,
    )
    for (arm,), group in grouped(rows, "arm"):
        cells = [over_seeds(group, lambda row, x=x: row["shape"][x][0]) for x in ("fall", "rise")]
        p_values = " ".join(f"{row['shape']['p_value']:.2g}" for row in group)
        lines.append(f"  {arm:<14}" + "".join(cells) + f"   {p_values}")
    return lines


def _effects(rows: list[Row]) -> list[str]:
    lines = _head(
        "Accuracy with the token of highest entropy in a fifth replaced, less that with its own", FIFTHS
    )
    for (arm,), group in grouped(rows, "arm"):
        lines.append(
            f"  {f'{arm}: entropy of the token':<34}"
            + "".join(over_seeds(group, lambda row, s=s: row["replaced_entropy"][s][0]) for s in range(5))
        )
        for change in group[0]["effect"]:
            cells = [
                over_seeds(group, lambda row, s=s, c=change: row["effect"][c][s][0], 4) for s in range(5)
            ]
            lines.append(f"  {f'{arm}: {change}':<34}" + "".join(cells))
    return lines


def _robust(rows: list[Row]) -> list[str]:
    lines = _head("The same by perplexity of the response, all fifths together", TERCILES, 60)
    for (arm,), group in grouped(rows, "arm"):
        for how in group[0]["effect_by_perplexity"]:
            for change in group[0]["effect"]:
                cells = [
                    over_seeds(
                        group, lambda row, t=t, c=change, h=how: row["effect_by_perplexity"][h][c][t][0], 4
                    )
                    for t in range(3)
                ]
                lines.append(f"  {f'{arm}: {change}, thirds {how}':<60}" + "".join(cells))
        cells = [over_seeds(group, lambda row, t=t: row["accuracy_by_perplexity"][t][0]) for t in range(3)]
        lines.append(f"  {f'{arm}: accuracy':<60}" + "".join(cells))
        for change in group[0]["survives"]:
            cells = [over_seeds(group, lambda row, t=t, c=change: row["survives"][c][t][0]) for t in range(3)]
            lines.append(f"  {f'{arm}: correct ones still correct, {change}':<60}" + "".join(cells))
    return lines


def _claims(rows: list[Row]) -> list[str]:
    """The report's claims as differences, one a seed."""
    lines = ["Claims: mean difference ± standard error over seeds; seeds in which it is above 0"]

    def later(row: Row, change: str) -> float:
        return row["effect"][change][-1][0] - row["effect"][change][0][0]

    def surer(row: Row, change: str) -> float | None:
        own, new = (row["survives"][name] for name in ("own, goes on", change))
        if any(side[t][0] is None for side in (own, new) for t in (0, 2)):
            return None
        return (new[0][0] - own[0][0]) - (new[2][0] - own[2][0])

    wanted: list[tuple[str, Callable[[Row], float | None]]] = [
        ("entropy is higher at the start than in the middle", lambda row: row["shape"]["fall"][0]),
        ("entropy is higher at the end than in the middle", lambda row: row["shape"]["rise"][0]),
        ("late replacing costs less, redrawn, goes on", lambda row: later(row, "redrawn, goes on")),
        ("late replacing costs less, redrawn, stays", lambda row: later(row, "redrawn, stays")),
        ("surest correct ones survive more, redrawn, goes on", lambda row: surer(row, "redrawn, goes on")),
    ]
    for (arm,), group in grouped(rows, "arm"):
        for text, of in wanted:
            values = [value for row in group if (value := of(row)) is not None]
            if values:
                held = f"in {sum(value > 0 for value in values)} of {len(values)}"
                lines.append(f"  {arm:<12}{text:<52}{with_error(values, 4):>20}   {held}")
    ranks = [
        row["updates"]["rank"][0] for row in rows if row["updates"] and row["updates"]["rank"][0] is not None
    ]
    if ranks:
        said = f"rank correlation of log-perplexity and update {with_error(ranks)}"
        lines.append(f"  of the base's responses, {said} (below 0: the likely ones are moved most)")
    return lines


def _access(rows: list[Row]) -> list[str]:
    lines = _head(
        "Strict form, exact: access is the chance of a beginning that can end well, execution to end well from it;\n"
        "what the change of p from the base owes to each",
        ("p", "access before", "after", "execution before", "after", "by access", "by execution"),
        28,
    )
    for (arm,), group in grouped(rows, "arm"):
        for name, depth in (("first operation", FIRST_OPERATION), ("first line", FIRST_LINE)):
            cells = [over_seeds(group, lambda row: row["p"][1])]
            cells += [
                over_seeds(group, lambda row, x=x, end=end, d=depth: row[x][end][d])
                for x in ("access", "execution")
                for end in (0, 1)
            ]
            cells += [
                over_seeds(group, lambda row, x=x, d=depth: row[x][d], 4)
                for x in ("by_access", "by_execution")
            ]
            lines.append(f"  {f'{arm}, {name}':<28}" + "".join(cells))
    missed = max(
        abs(access + execution - (row["p"][1] - row["p"][0]))
        for row in rows
        for access, execution in zip(row["by_access"], row["by_execution"], strict=True)
    )
    return [*lines, f"  the two miss the change of p by {missed:.1e} at most, at any place"]


def _places(rows: list[Row]) -> list[str]:
    lines = [
        "Strict form, exact in states that listed responses pass through: divergence from the base at each place"
    ]
    lines.append(f"  {'':<14}" + "".join(f"{place:>8}" for place in PLACES) + f"{'all':>8}{'ledger':>8}")
    for (arm,), group in grouped(rows, "arm"):
        means = np.mean([row["divergence"] for row in group], axis=0)
        sums = [np.sum(row["divergence"]) for row in group]
        ledger = np.mean([row["ledger"] for row in group])
        cells = "".join(f"{value:>8.3f}" for value in (*means, np.mean(sums), ledger))
        lines.append(f"  {arm:<14}{cells}")
        share = [
            sum(row["divergence"][:FIRST_OPERATION]) / total
            for row, total in zip(group, sums, strict=True)
            if total > 0
        ]
        lines.append(f"    share in the first operation {with_error(share)}")
    return lines
