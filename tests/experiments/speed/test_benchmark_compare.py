"""The last two commits of one machine are compared, and others left alone."""

import pytest

from experiments.speed.benchmark_compare import last_two, table


def row(name, commit, ratio, date, processor="A", width=0.1):
    return {
        "row": name,
        "commit": commit,
        "device": "cpu x 1, 2 cores",
        "processor": processor,
        "ratio": ratio,
        "low": ratio - width,
        "high": ratio + width,
        "date": date,
    }


ROWS = [
    row("loop", "first", 9.0, "2026-01-01"),
    row("loop", "second", 2.0, "2026-01-02"),
    row("flow", "second", 1.0, "2026-01-02"),
    row("loop", "other", 7.0, "2026-01-03", processor="B"),
    row("loop", "third", 3.0, "2026-01-04"),
    row("flow", "third", 1.1, "2026-01-04"),
    row("new", "third", 1.1, "2026-01-04"),
]


def test_the_last_two_commits_of_one_machine():
    before, now = last_two(ROWS)
    assert {r["commit"] for r in before.values()} == {"second"}
    assert {r["commit"] for r in now.values()} == {"third"}
    text = table(before, now)
    assert "+50 %, ranges apart" in text
    assert "+10 %\n" in text
    assert text.endswith("in one of them only: new")


@pytest.mark.parametrize(("rows", "number"), [([], 0), (ROWS[3:4], 1)])
def test_one_commit_cannot_be_compared(rows, number):
    with pytest.raises(SystemExit, match=f"records: got {number} commits of one machine, need two"):
        last_two(rows)
