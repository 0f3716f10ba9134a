"""The benchmark's last two commits on one machine, from the rows that are kept.

    python -m experiments.speed.benchmark_compare [docs/records/benchmark.jsonl]

A ratio has moved where the ranges over its pairs do not meet; whether that is better, its mark says (docs/performance).
"""

from __future__ import annotations

import sys
from pathlib import Path

from experiments.harness.provenance import HERE_AND_NOW, ROOT
from experiments.harness.records import rows_in
from experiments.harness.types import Row

RECORDS = ROOT / "docs" / "records" / "benchmark.jsonl"


def last_two(rows: list[Row]) -> tuple[dict[str, Row], dict[str, Row]]:
    """Rows by name of the last commit but one and of the last, on the machine of the newest row."""
    device, processor = (rows[-1][name] if rows else None for name in HERE_AND_NOW[1:])
    commits: dict[str, dict[str, Row]] = {}
    for row in sorted(rows, key=lambda row: row["date"]):
        if (row["device"], row["processor"]) == (device, processor):
            commits.setdefault(row["commit"], {})[row["row"]] = row
    if len(commits) < 2:
        raise SystemExit(
            f"records: got {len(commits)} commits of one machine, need two: run `make benchmark`"
        )
    before, now = list(commits.values())[-2:]
    return before, now


def table(before: dict[str, Row], now: dict[str, Row]) -> str:
    """One line a row that both have: ratio and range before and now, and whether the ranges are apart."""
    first, last = next(iter(before.values())), next(iter(now.values()))
    lines = [
        f"{last['device']}, {last['processor']}",
        f"{'':<20}{first['commit']:>24}{last['commit']:>30}",
    ]
    for name, new in now.items():
        if name in before:
            old = before[name]
            apart = new["low"] > old["high"] or new["high"] < old["low"]
            change = f"{100 * (new['ratio'] / old['ratio'] - 1):+.0f} %{', ranges apart' if apart else ''}"
            lines.append(f"{name:<20}{_span(old):>24}{_span(new):>30}   {change}")
    one_sided = sorted(set(before) ^ set(now))
    return "\n".join([*lines, *([f"in one of them only: {', '.join(one_sided)}"] if one_sided else [])])


def _span(row: Row) -> str:
    return f"{row['ratio']:.3g} ({row['low']:.3g} to {row['high']:.3g})"


if __name__ == "__main__":
    sys.stdout.write(table(*last_two(list(rows_in(Path(sys.argv[1]) if sys.argv[1:] else RECORDS)))) + "\n")
