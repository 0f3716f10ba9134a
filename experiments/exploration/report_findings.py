"""Which findings of arXiv 2508.07534 hold where the truth is known: a line each, from the rows that are kept.

    python -m experiments.exploration.report_findings

Reads docs/records, trains nothing. A finding is one number a seed whose sign the report tells. "holds" or "fails" where
the 95 % interval of its mean over seeds (Student's t, each line by itself) leaves out 0, on the side that is claimed or
on the other; "cannot be told" where it does not.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from experiments.exploration.arms.measured import BOUNDARY, KS
from experiments.exploration.entropy_exchange_table import total
from experiments.exploration.paired_effects import LEVEL, Effect, effect, paired
from experiments.harness.provenance import ROOT
from experiments.harness.records import rows_in
from experiments.harness.types import Row
from thermodiff.exploration.tasks.countdown_free import MALFORMED

RECORDS = ROOT / "docs" / "records"
COLUMNS = ("the report", "number", "mean ± s.e. over seeds", "seeds", "here", "experiment")
Values = Callable[[list[Row]], list[float]]


@dataclasses.dataclass(frozen=True)
class Finding:
    """What the report says, where it is measured, the number that tells, and its sign if the report is right."""

    claim: str
    experiment: str
    number: str
    values: Values
    sign: int


def pass_at(k: int) -> Callable[[Row], float]:
    """pass@k of a row."""
    return lambda row: row["pass_at_k"][KS.index(k)]


def less(arm: str, other: str, of: Callable[[Row], float]) -> Values:
    """Of two arms, seed by seed."""
    return lambda rows: paired(rows, arm, other, of)


def each(arm: str, of: Callable[[Row], float | None]) -> Values:
    """Of one arm, the seeds that have it."""
    return lambda rows: [value for row in rows if row["arm"] == arm and (value := of(row)) is not None]


def _change_of(defect: int) -> Callable[[Row], float]:
    """Share of responses that fail for a reason: after training less before."""
    return lambda row: row["defects"][-1][defect] - row["defects"][0][defect]


def _replaced_late(row: Row) -> float:
    change = row["effect"]["redrawn, goes on"]
    return change[-1][0] - change[0][0]


def _surest(row: Row) -> float | None:
    own, new = (row["survives"][name] for name in ("own, goes on", "redrawn, goes on"))
    if any(side[t][0] is None for side in (own, new) for t in (0, 2)):
        return None
    return (new[0][0] - own[0][0]) - (new[2][0] - own[2][0])


def _law(row: Row) -> float | None:
    return row["law"]["line_less_exponential"] if row["law"] else None


def _faster(row: Row) -> float | None:
    correct, wrong = row["sides"]["slopes"]
    return None if correct is None or wrong is None else wrong - correct


BOUNDARY_OF, EXCHANGE, TOKENS = "capability_boundary", "entropy_exchange", "token_interventions"
SHAPING, SELECTION, FREE = "advantage_shaping", "rejection_finetuning", "free, GRPO"
AT_256 = BOUNDARY.index(256)

FINDINGS = (
    Finding("rewards raise pass@1", BOUNDARY_OF, "GRPO - base, pass@1", less("GRPO", "base", pass_at(1)), 1),
    Finding(
        "and lower pass@k at large k", BOUNDARY_OF, "GRPO - base, pass@256",
        less("GRPO", "base", pass_at(256)), -1,
    ),
    Finding(
        "and the breadth of correct answers", BOUNDARY_OF, "GRPO - base, S_c (nats)",
        less("GRPO", "base", lambda row: row["answer_entropy"]), -1,
    ),
    Finding(
        "problems leave reach under rewards", BOUNDARY_OF, "GRPO, problems of 500 out of U_256's reach",
        each("GRPO", lambda row: float(row["lost"][AT_256])), 1,
    ),
    Finding(
        "and others come within it", BOUNDARY_OF, "GRPO, problems of 500 gained",
        each("GRPO", lambda row: float(row["gained"][AT_256])), 1,
    ),
    Finding(
        "solutions from outside widen reach (broad base)", BOUNDARY_OF, "SFT - base, pass@64",
        less("SFT", "base", pass_at(64)), 1,
    ),
    Finding(
        "solutions from outside widen reach (narrow base)", BOUNDARY_OF, "narrow, SFT - narrow, pass@64",
        less("narrow, SFT", "narrow", pass_at(64)), 1,
    ),
    Finding(
        "by what they teach, not by more prompts", BOUNDARY_OF, "SFT - more of the same, pass@64",
        less("SFT", "more of the same", pass_at(64)), 1,
    ),
    Finding(
        "rewards after solutions reach farther", BOUNDARY_OF, "SFT, GRPO - GRPO, pass@256",
        less("SFT, GRPO", "GRPO", pass_at(256)), 1,
    ),
    Finding(
        "training on pass@k keeps reach", BOUNDARY_OF, "pass@4 - GRPO, pass@256",
        less("pass@4", "GRPO", pass_at(256)), 1,
    ),
    Finding(
        "and pass@1 after it gains on pass@1 alone", BOUNDARY_OF, "pass@4, then GRPO - GRPO, pass@1",
        less("pass@4, then GRPO", "GRPO", pass_at(1)), 1,
    ),
    Finding(
        "solutions raise branching (broad base)", BOUNDARY_OF, "SFT - base, branching",
        less("SFT", "base", lambda row: row["branching"]), 1,
    ),
    Finding(
        "solutions raise branching (narrow base)", BOUNDARY_OF, "narrow, SFT - narrow, branching",
        less("narrow, SFT", "narrow", lambda row: row["branching"]), 1,
    ),
    Finding(
        "rewards pay with entropy", EXCHANGE, "GRPO, change of H (nats a response)",
        each("GRPO", lambda row: total(row)[0]), -1,
    ),
    Finding(
        "wrong responses have the higher entropy", EXCHANGE, "GRPO, wrong - correct (nats a token)",
        each("GRPO", lambda row: row["sides"]["difference"]), 1,
    ),
    Finding(
        "and lose it faster while accuracy rises", EXCHANGE, "GRPO, slope of wrong - of correct",
        each("GRPO", _faster), -1,
    ),
    Finding(
        "R = -a exp(H) + b, and not a line", EXCHANGE, "GRPO, AIC of the line - of the law",
        each("GRPO", _law), 1,
    ),
    Finding(
        "malformed answers become rare", EXCHANGE, "free, GRPO, share of malformed ones",
        each(FREE, _change_of(MALFORMED)), -1,
    ),
    Finding(
        "entropy of tokens is high at the start", TOKENS, "free, GRPO, first fifth - middle",
        each(FREE, lambda row: row["shape"]["fall"][0]), 1,
    ),
    Finding(
        "and again at the end", TOKENS, "free, GRPO, last fifth - middle",
        each(FREE, lambda row: row["shape"]["rise"][0]), 1,
    ),
    Finding(
        "late tokens can be replaced at less cost", TOKENS, "free, GRPO, accuracy: last fifth - first",
        each(FREE, _replaced_late), 1,
    ),
    Finding(
        "responses of low perplexity withstand it", TOKENS, "free, GRPO, surest third - least sure",
        each(FREE, _surest), 1,
    ),
    *(
        Finding(claim, SHAPING, f"{arm} - GRPO, {name}", less(arm, "GRPO", of), 1)
        for claim, arm, name, of in (
            ("weight on low perplexity helps", "PPL low", "pass@1", pass_at(1)),
            ("ten times that weight", "PPL low, 0.1", "pass@1", pass_at(1)),
            ("weight on late tokens helps", "late", "pass@1", pass_at(1)),
            ("five times that weight", "late, 0.5", "pass@1", pass_at(1)),
            ("Clip-Cov keeps entropy", "Clip-Cov", "H (nats)", lambda row: row["entropy"]),
            ("KL-Cov keeps entropy", "KL-Cov", "H (nats)", lambda row: row["entropy"]),
            ("learning from wrong ones alone keeps reach", "negative only", "pass@256", pass_at(256)),
        )
    ),
    *(
        Finding(claim, SELECTION, f"{arm} - RFT, rule, pass@{k}", less(arm, "RFT, rule", pass_at(k)), 1)
        for claim, arm, k in (
            ("5 % of wrong ones widen reach", "RFT, noise", 64),
            ("fine-tuning on uncertain ones widens reach", "RFT, entropy", 64),
            ("and on those of most branching", "RFT, branching", 64),
        )
    ),
)  # fmt: skip


def verdict(one: Effect, sign: int) -> str:
    """What the seeds tell of a number that should have this sign."""
    if one.n < 2:
        return "not measured"
    if one.p_value <= LEVEL or (one.stderr == 0 and one.mean):
        return "holds" if one.mean * sign > 0 else "fails"
    return "cannot be told"


def rounded(one: Effect) -> str:
    """Mean ± standard error, to two digits of the error."""
    if not one.stderr > 0:
        return f"{one.mean:+g}"
    digits = max(0, 1 - int(np.floor(np.log10(one.stderr))))
    return f"{one.mean:+.{digits}f} ± {one.stderr:.{digits}f}"


def line(finding: Finding, rows: list[Row]) -> str:
    """A row of the table: claim, number, mean ± standard error over seeds, seeds with the claimed sign, verdict."""
    values = finding.values(rows)
    one = effect(values)
    right = f"{sum(value * finding.sign > 0 for value in values)} of {len(values)}"
    cells = (
        finding.claim,
        f"{finding.number}",
        rounded(one),
        right,
        verdict(one, finding.sign),
        finding.experiment,
    )
    return f"| {' | '.join(cells)} |"


def kept_rows(records: Path) -> dict[str, list[Row]]:
    """The kept rows of every experiment that a finding is read from."""
    return {
        name: [*rows_in(records / f"{name}.jsonl")] for name in dict.fromkeys(f.experiment for f in FINDINGS)
    }


def table(kept: dict[str, list[Row]]) -> str:
    """All columns, findings of experiments without kept rows left out and these named."""
    lines = [f"| {' | '.join(COLUMNS)} |", "|" + len(COLUMNS) * "---|"]
    lines += [line(finding, kept[finding.experiment]) for finding in FINDINGS if kept[finding.experiment]]
    return "\n".join([*lines, *(f"no rows of {name} are kept" for name, rows in kept.items() if not rows)])


def short_table(kept: dict[str, list[Row]]) -> str:
    """Claim, verdict and number under the name of their experiment: for a page that has little room."""
    lines = ["| the report | here |", "|---|---|"]
    for name, rows in kept.items():
        if rows:
            lines.append(f"| *{name}* | |")
            for finding in FINDINGS:
                if finding.experiment == name:
                    one = effect(finding.values(rows))
                    lines.append(f"| {finding.claim} | {verdict(one, finding.sign)}: {rounded(one)} |")
    return "\n".join(lines)


def read_arguments(arguments: list[str] | None = None) -> None:
    """There are none but --help; others end the program with the usage."""
    description = (
        "Findings of arXiv 2508.07534 against the rows in docs/records; reads these, trains nothing."
    )
    argparse.ArgumentParser(
        "python -m experiments.exploration.report_findings", description=description
    ).parse_args(arguments)


def main(records: Path = RECORDS) -> int:
    """Prints the table."""
    sys.stdout.write(table(kept_rows(records)) + "\n")
    return 0


if __name__ == "__main__":
    read_arguments()
    raise SystemExit(main())
