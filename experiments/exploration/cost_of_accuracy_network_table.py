"""The table of ``cost_of_accuracy_network``, from its records alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from experiments.exploration.equal_accuracy import MORE, compared, interpolation_error, pass_at
from experiments.exploration.paired_effects import effect, verdicts
from experiments.harness.summaries import grouped, mean_over_seeds, rank_correlation
from experiments.harness.types import Row

AGAINST = "GRPO"
WAYS = ("RLOO", "free energy", "tilt", "Muon", "pass@4")
"""Ways to spend less, rewards moving the policy step by step as in GRPO; all kept policies are measured."""
IMITATED = ("RFT, rule", "RFT, branching")
"""And two of fine-tuning on one's own correct responses, of which the last policy is."""
LEDGER: dict[str, Callable[[Row], float]] = {
    "pass@1": pass_at(1),
    "pass@256": pass_at(256),
    "KL": lambda policy: policy["divergence"],
    "paid": lambda policy: policy["paid"],
    "among correct": lambda policy: policy["among_correct"],
    "among wrong": lambda policy: policy["among_wrong"],
    "least": lambda policy: policy["least"],
    "least / KL": lambda policy: (
        policy["least"] / policy["divergence"] if policy["divergence"] else float("nan")
    ),
}
COMPARED = {name: LEDGER[name] for name in ("pass@256", "KL", "among correct", "among wrong")}
SHARES = ("share", "lost", "among_correct", "among_wrong", "gain_1", "gain_256")
NATURAL, PLAIN = "natural", "plain, exact"


def shown(values: list[float], digits: int = 4) -> str:
    """Mean ± standard error over seeds."""
    mean, stderr = mean_over_seeds(values)
    return f"{mean:.{digits}f} ± {stderr:.{digits}f}"


def table(rows: list[Row]) -> str:
    """The ledger of each arm's last policy, ways to spend less at equal accuracy, and what small steps buy."""
    lines: list[str] = []
    ledgers = [row for row in rows if row["part"] == "ledger"]
    if ledgers:
        lines += [*_ledger(ledgers), "", *_ways(ledgers), ""]
    small = [row for row in rows if row["part"] == "steps"]
    for (arm,), group in grouped(small, "arm"):
        lines += [*_steps(arm, group), "", *_sources(group), ""]
    return "\n".join(lines)


def _ledger(rows: list[Row]) -> list[str]:
    lines = [
        "The last policy of each arm, mean ± standard error over seeds; from the base, nats. KL is what was spent, "
        "paid kl(p' || p), the two among waste, least what the mean accuracy costs at least",
        f"  {'arm':<19}" + "".join(f"{name:>18}" for name in LEDGER),
    ]
    for (arm,), group in grouped(rows, "arm"):
        numbers = (shown([of(row["policies"][-1]) for row in group]) for of in LEDGER.values())
        lines.append(f"  {arm:<19}" + "".join(f"{number:>18}" for number in numbers))
    return [*lines, *_together(rows)]


def _together(rows: list[Row]) -> list[str]:
    """Whether arms that waste more lose more of pass@256, among those of one seed."""
    lines = []
    for name in ("among correct", "among wrong", "paid"):
        each = []
        for _, group in grouped(rows, "seed"):
            ends = [(row["policies"][0], row["policies"][-1]) for row in group]
            spent = [LEDGER[name](last) for _, last in ends]
            lost = [pass_at(256)(first) - pass_at(256)(last) for first, last in ends]
            if len(ends) > 2 and np.ptp(spent) > 0 and np.ptp(lost) > 0:
                each.append(rank_correlation(spent, lost)[0])
        if each:
            lines.append(
                f"  rank correlation over arms with the pass@256 that was lost: {name} {shown(each, 2)}"
            )
    return lines


def _ways(rows: list[Row]) -> list[str]:
    arms = [arm for (arm,), _ in grouped(rows, "arm") if arm in (*WAYS, *IMITATED)]
    plain = [row for row in rows if row["arm"] in (AGAINST, *arms)]
    lines: list[str] = []
    for title, more in (
        (f"at pass@1 {MORE:g} above the base", MORE),
        ("at the highest pass@1 that both reach", None),
    ):
        lines += [f"Differences to {AGAINST} {title}, linear between kept policies; * for all arms at once"]
        lines += [f"  {'arm':<15}{'seeds':>7}{'pass@1':>9}" + "".join(f"{name:>35}" for name in COMPARED)]
        lines += _at_equal_accuracy(plain, arms, more)
    off = [interpolation_error(row, pass_at(256)) for row in plain]
    if np.isfinite(off).any():
        lines.append(
            f"  a kept policy's pass@256 is off the line between its neighbours by at most {np.nanmax(off):.4f}"
        )
    return lines


def _at_equal_accuracy(rows: list[Row], arms: list[str], more: float | None) -> list[str]:
    columns = []
    for of in COMPARED.values():
        effects = [
            effect([one.difference for one in compared(rows, arm, AGAINST, of, more)[0]]) for arm in arms
        ]
        told = verdicts(effects, None)
        columns.append(
            [f"{e.mean:+.4f} ± {e.stderr:.4f} {said:>14}" for e, said in zip(effects, told, strict=True)]
        )
    lines = []
    for i, arm in enumerate(arms):
        found, missed = compared(rows, arm, AGAINST, pass_at(256), more)
        seeds = f"{len(found)} of {len(found) + missed}"
        if not found:
            lines.append(f"  {arm:<15}{seeds:>7}   out of range in all")
            continue
        accuracy = np.mean([one.accuracy for one in found])
        lines.append(
            f"  {arm:<15}{seeds:>7}{accuracy:>9.4f}" + "".join(f"{column[i]:>35}" for column in columns)
        )
    return lines


def by_seed(rows: list[Row], kind: str, clock: str, where: str, name: str) -> list[float]:
    """The mean over batches of a number of one kind of step, one entry a seed; NaN where none moved."""
    found = []
    for row in rows:
        values = [
            step[name]
            for batch in row["batches"]
            for step in batch
            if (step["kind"], step["clock"], step["where"]) == (kind, clock, where) and step[name] is not None
        ]
        found.append(float(np.mean(values)) if values else float("nan"))
    return found


def kinds_of(rows: list[Row]) -> list[tuple[str, str]]:
    """Kinds of steps with their clocks, in their order."""
    return list(
        dict.fromkeys((step["kind"], step["clock"]) for row in rows for b in row["batches"] for step in b)
    )


def _steps(arm: str, rows: list[Row]) -> list[str]:
    lines = [
        f"Small steps from the last policy of {arm}: share of KL that buys accuracy, the part of it on problems that "
        f"get worse, waste among correct and wrong; gains of pass@1 and pass@256 at KL 1 to first order",
        f"  {'step':<16}{'clock':<11}{'measured on':<13}" + "".join(f"{name:>20}" for name in SHARES),
    ]
    for kind, clock in kinds_of(rows):
        for where in ("step", "held out"):
            numbers = (shown(by_seed(rows, kind, clock, where, name)) for name in SHARES)
            lines.append(
                f"  {kind:<16}{clock:<11}{where:<13}" + "".join(f"{number:>20}" for number in numbers)
            )
    return [*lines, *_solved(rows)]


def _solved(rows: list[Row]) -> list[str]:
    """How well natural steps were."""
    steps = [step for row in rows for batch in row["batches"] for step in batch]
    residuals = [step["residual"] for step in steps if step["residual"] is not None]
    if not residuals:
        return []
    worst, middle = max(residuals), np.median(residuals)
    return [f"  natural steps: residual of their equation at most {worst:.2g}, median {middle:.2g}"]


def _sources(rows: list[Row]) -> list[str]:
    """Where the share goes, of what a table's natural step has: 1."""

    def share(kind: str, where: str, clock: str = "GRPO") -> np.ndarray:
        return np.array(by_seed(rows, kind, clock, where, "share"))

    lines = ["  Share of the KL that each source takes, of 1 for a table's natural step"]
    for where in ("step", "held out"):
        exact, sampled, natural = (share(kind, where) for kind in (PLAIN, "plain, sampled", NATURAL))
        wide = share("natural, wide", where)
        taken = {
            "sharing: 1 less natural": 1 - natural,
            "  less natural in the wider metric": 1 - wide,
            "geometry: natural less plain": natural - exact,
            "  of a table: 1 less plain": 1 - share("table, plain", where),
            "clock: plain, REINFORCE less GRPO": share(PLAIN, where, "REINFORCE") - exact,
            "sampling: exact less sampled": exact - sampled,
            "optimiser: plain sampled less Adam": sampled - share("Adam", where),
            "  less Muon": sampled - share("Muon", where),
        }
        lines += [f"    {where:<10}{name:<38}{shown(values.tolist())}" for name, values in taken.items()]
    return lines
