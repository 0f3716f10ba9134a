"""The tables of the tightness experiment, and the rows along each of its axes, from records alone."""

from __future__ import annotations

from typing import Any

from experiments.harness.summaries import Spread, power_law, rank_correlation, spread
from experiments.harness.types import Row

AXES = ("steps", "width", "rows", "dim", "noise")
DATA = ("gaussian", "uniform")
SLACKS = ("slack_quadratic", "elbo_slack_quadratic")


def default_of(row: Row) -> Row:
    """The entries of the network that the axes start from."""
    return {name: None if name == "rows" else row["config"][name] for name in AXES}


def along(rows: list[Row], axis: str, data: str) -> dict[Any, list[Row]]:
    """Rows that differ from the default in this entry at most, by its value; None, fresh data, comes last."""
    chosen = [
        row
        for row in rows
        if row["data"] == data and all(row[k] == v for k, v in default_of(row).items() if k != axis)
    ]
    values = sorted({row[axis] for row in chosen}, key=lambda value: (value is None, value))
    return {value: [row for row in chosen if row[axis] == value] for value in values}


def with_halves(rows: list[Row]) -> list[Row]:
    """The rows with (B - A)/2 and half the disagreement of the readings, as they enter the slacks."""
    return [
        {
            **row,
            "half_B_minus_A": row["B_minus_A"] / 2,
            "half_B_minus_A_stderr": row["B_minus_A_stderr"] / 2,
            "half_spread": row["readings_spread"] / 2,
            "half_spread_stderr": row["readings_spread_stderr"] / 2,
        }
        for row in rows
    ]


def datasets(rows: list[Row]) -> list[str]:
    """The data there are, in the order of their names."""
    return [data for data in DATA if any(row["data"] == data for row in rows)]


def table(rows: list[Row]) -> str:
    """Slacks and their terms along each axis; exponents; what the readings say of the slack."""
    rows = with_halves(rows)
    return "\n".join([*_slack_lines(rows), "", *_power_lines(rows), "", *_reading_lines(rows)])


def _slack_lines(rows: list[Row]) -> list[str]:
    lines = [
        "Slack and its terms (nats per sample; medians over seeds, [range], ± the largest s.e. of one network)",
        f"{'':<22}{'NLL_ode - L_1':^36}{'-ELBO - L_1':^36}{'NLL_ode - S0':>13}{'J':>9}{'(B - A)/2':>11}{'held':>7}",
    ]
    for data in datasets(rows):
        for axis in AXES:
            for value, group in along(rows, axis, data).items():
                name = f"{data} {axis} {'fresh' if value is None else f'{value:g}'}"
                nll, elbo = (_cell(spread(group, key)) for key in SLACKS)
                terms = [spread(group, key).median for key in ("nll_minus_S0", "J", "half_B_minus_A")]
                held = sum(row["verdicts"]["NLL_ode >= L_1"] != "violated" for row in group)
                lines.append(
                    f"{name:<22}{nll:>36}{elbo:>36}{terms[0]:>13.4f}{terms[1]:>9.4f}{terms[2]:>+11.4f}"
                    f"{f'{held}/{len(group)}':>7}"
                )
    lines.append(f"KL(p_1||pi), the third term of -ELBO - L_1: at most {max(row['KL'] for row in rows):.1e}")
    return lines


def _cell(s: Spread) -> str:
    return f"{s.median:+.4f} [{s.low:+.4f},{s.high:+.4f}] ± {s.stderr:.0e}"


def _power_lines(rows: list[Row]) -> list[str]:
    lines = ["Exponents of J (log-log fit over all seeds, ± s.e.)"]
    for data in datasets(rows):
        for axis in ("steps", "rows", "width"):
            groups = {v: g for v, g in along(rows, axis, data).items() if v is not None}
            if len(groups) > 1:
                points = [(v, row["J"]) for v, group in groups.items() for row in group]
                slope, error = power_law(*zip(*points, strict=True))
                lines.append(f"  {data:<9} J ~ {axis}^k: k = {slope:+.2f} ± {error:.2f}")
    return lines


INEQUALITIES = ("NLL_ode >= L_1", "-ELBO >= L_1")
READINGS = (
    ("half_spread", "elbo_slack_quadratic", "-ELBO - L_1 against (int R1 - int R3)/2"),
    ("half_spread", "slack_quadratic", "NLL_ode - L_1 against (int R1 - int R3)/2"),
    ("size_of_spread", "J", "J against |int R1 - int R3|"),
)


def _reading_lines(rows: list[Row]) -> list[str]:
    rows = [{**row, "size_of_spread": abs(row["readings_spread"])} for row in rows]
    lines = [
        "What the disagreement of the readings predicts (Spearman's rank correlation over networks, ± s.e.)"
    ]
    for data in (*datasets(rows), "all"):
        group = [row for row in rows if data in (row["data"], "all")]
        for x, y, name in READINGS:
            rho, error = rank_correlation([row[x] for row in group], [row[y] for row in group])
            lines.append(f"  {data:<9} {name:<44} {rho:+.3f} ± {error:.3f}   ({len(group)} networks)")
    excess = [(row["elbo_slack_quadratic"] - row["half_spread"]) for row in rows]
    broken = sum(
        e < -5 * (row["elbo_slack_quadratic_stderr"] + row["half_spread_stderr"]) - 2e-5 * row["dim"]
        for e, row in zip(excess, rows, strict=True)
    )
    lines.append(
        f"  -ELBO - L_1 >= (int R1 - int R3)/2: broken in {broken} of {len(rows)}, smallest excess {min(excess):+.1e}"
    )
    for sign, word in ((1, "above"), (-1, "below")):
        clear = [r for r in rows if sign * r["readings_spread"] > 3 * r["readings_spread_stderr"]]
        counts = [sum(r["verdicts"][name] == "violated" for r in clear) for name in INEQUALITIES]
        text = ", ".join(f"{name} broken in {n}" for name, n in zip(INEQUALITIES, counts, strict=True))
        lines.append(f"  int R1 {word} int R3 by more than 3 s.e. ({len(clear)} networks): {text}")
    return lines
