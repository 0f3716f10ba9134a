"""Writes the tables of ``side_by_side`` into docs/which-estimator.md, from the rows that are kept.

python -m experiments.information.side_by_side_page
"""

from __future__ import annotations

import re

from experiments.harness.provenance import ROOT
from experiments.harness.records import rows_in
from experiments.information.estimators_side_by_side import ESTIMATORS
from experiments.information.side_by_side_table import table
from thermodiff.runtime.files import write_atomically

PAGE = ROOT / "docs" / "which-estimator.md"
KEPT = ROOT / "docs" / "records" / "side_by_side.jsonl"
BEGIN, END = "<!-- measured -->", "<!-- end of measured -->"


def settings() -> str:
    """Which call of each package was made."""
    lines = [f"| {name} | {estimator.setting} |" for name, estimator in ESTIMATORS.items()]
    return "\n".join(["| estimator | call and setting |", "| --- | --- |", *lines])


def measured() -> str:
    """What is between the marks of the page."""
    return f"{settings()}\n\n{table(list(rows_in(KEPT)))}"


def main() -> int:
    """The command."""
    text = PAGE.read_text(encoding="utf-8")
    pattern = re.compile(f"{BEGIN}.*{END}", re.DOTALL)
    write_atomically(PAGE, pattern.sub(lambda _: f"{BEGIN}\n\n{measured()}\n\n{END}", text))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
