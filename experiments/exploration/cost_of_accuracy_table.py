"""The table of ``cost_of_accuracy_tabular``, from its records alone, with what each number was to be."""

from __future__ import annotations

import numpy as np

from experiments.harness.summaries import grouped, mean_over_seeds, power_law
from experiments.harness.types import Row

EXACT = 1e-10
"""Nats of waste that count as none."""
SMALL = 2e-4
"""Largest eta/G in the fit of an exponent: beyond it steps on rare responses, eta A/(G pi), are no longer small."""


def arms_of(rows: list[Row], part: str) -> list[Row]:
    """Every arm of a part, with its cell's seed, data and start."""
    return [
        {**arm, "seed": row["seed"], "data": row["data"], "start": row["start"], "M": row["M"]}
        for row in rows
        if row["part"] == part
        for arm in row["arms"]
    ]


def waste(arm: Row) -> float:
    """Nats that no accuracy was bought with."""
    return arm["correct"] + arm["wrong"]


def share_wasted(arm: Row) -> float:
    """Of the whole KL."""
    return waste(arm) / arm["divergence"]


def slope(arms: list[Row], size: str = "eta") -> tuple[float, float]:
    """Exponent of the waste in the size of a step: mean over seeds and its standard error."""
    each = [
        power_law([arm[size] for arm in group], [waste(arm) for arm in group])[0]
        for _, group in grouped(arms, "seed")
    ]
    return mean_over_seeds(each)


def table(rows: list[Row]) -> str:
    """Each part that was measured."""
    lines = []
    for part, of_part in {
        "clocks": _clocks,
        "prefix": _prefix,
        "sampled": _sampled,
        "shared": _shared,
    }.items():
        arms = arms_of(rows, part)
        if arms:
            lines += [*of_part(arms), ""]
    worst = max(arm["residual"] for row in rows for arm in row["arms"])
    return "\n".join(
        [*lines, f"Identities (ledger, entropies, exchange, free energy): missed by at most {worst:.1e}"]
    )


def shown(values: list[float], digits: int = 4) -> str:
    """Mean ± s.e. over seeds."""
    mean, error = mean_over_seeds(values)
    return f"{mean:.{digits}f} ± {error:.{digits}f}"


def _clocks(arms: list[Row]) -> list[str]:
    lines = []
    for (data,), of_data in grouped(arms, "data"):
        starts = [group[0]["start"] for _, group in grouped(of_data, "seed")]
        lines += [
            f"A logit for every response, {data} difficulties: {of_data[0]['M']} problems, {len(starts)} seeds, "
            f"mean ± s.e. over seeds",
            f"  before: mean p {shown([s['p'] for s in starts])}, pass@64 {shown([s['pass_at_k'] for s in starts])}; "
            f"least cost {shown([s['least'] for s in starts])} nats",
            f"  {'steps':<11}{'objective':<18}{'KL (nats)':>18}{'paid':>18}{'waste / KL':>20}{'pass@64':>20}"
            f"{'pass@64 in':>18}",
        ]
        for (geometry, objective), group in grouped(of_data, "geometry", "objective"):
            exact = max(abs(waste(arm)) for arm in group) < EXACT
            wasted = f"|.| < {EXACT:.0e}" if exact else shown([share_wasted(arm) for arm in group])
            reached = [arm["pass_at_k"] for arm in group]
            lines.append(
                f"  {geometry:<11}{objective:<18}{shown([arm['divergence'] for arm in group]):>18}"
                f"{shown([arm['paid'] for arm in group]):>18}{wasted:>20}{shown(reached, 5):>20}"
                f"{f'[{min(reached):.4f}, {max(reached):.4f}]':>18}"
            )
    return lines


def _prefix(arms: list[Row]) -> list[str]:
    sizes = sorted({arm["eta"] for arm in arms}, reverse=True)
    lines = [
        f"A logit for every next token, natural steps: waste (nats) by size of the step, and its exponent; "
        f"{arms[0]['M']} problems",
        f"  {'objective':<18}" + "".join(f"{f'eta {eta:g}':>14}" for eta in sizes) + f"{'exponent':>20}",
    ]
    for (objective,), group in grouped(arms, "objective"):
        means = [np.mean([waste(arm) for arm in group if arm["eta"] == eta]) for eta in sizes]
        lines.append(
            f"  {objective:<18}"
            + "".join(f"{mean:>14.2e}" for mean in means)
            + "{:>13.3f} ± {:.3f}".format(*slope(group))
        )
    return lines


def over_group(arms: list[Row]) -> list[Row]:
    """With eta/G, of those whose steps are small."""
    with_size = [{**arm, "size": arm["eta"] / arm["group"]} for arm in arms]
    return [arm for arm in with_size if arm["size"] <= SMALL]


def _sampled(arms: list[Row]) -> list[str]:
    lines = [
        f"Natural steps made of groups (REINFORCE, leave-one-out), {arms[0]['M']} problems: waste, and over that "
        f"predicted to first order in eta/G"
    ]
    for (factor,), of_factor in grouped(arms, "factor"):
        lines.append(f"  {factor} times the responses")
        for (group, eta), chosen in grouped(of_factor, "group", "eta"):
            wasted = shown([waste(arm) for arm in chosen], 5)
            ratio = shown([waste(arm) / arm["predicted"] for arm in chosen], 3)
            lines.append(f"    G = {group:<4} eta {eta:<9g} waste {wasted} nats   / predicted {ratio}")
        few = over_group(of_factor)
        if len({arm["size"] for arm in few}) > 1:
            exponent = "{:.3f} ± {:.3f}".format(*slope(few, "size"))
            lines.append(f"    exponent in eta/G, where it is at most {SMALL:g}: {exponent}")
    return lines


def _shared(arms: list[Row]) -> list[str]:
    lines = [
        f"Six features shared by all {arms[0]['M']} problems, natural steps",
        f"  {'correctness a feature':<23}{'objective':<12}{'waste / KL':>18}{'pass@64':>18}{'problems lost':>18}"
        f"{'share bought at first':>24}{'formula off by at most':>25}",
    ]
    for (with_reward, objective), group in grouped(arms, "with_reward", "objective"):
        exact = max(abs(waste(arm)) for arm in group) < EXACT
        wasted = f"|.| < {EXACT:.0e}" if exact else shown([share_wasted(arm) for arm in group])
        off = max(abs(arm["share"] - arm["share_measured"]) for arm in group)
        lines.append(
            f"  {'yes' if with_reward else 'no':<23}{objective:<12}{wasted:>18}"
            f"{shown([arm['pass_at_k'] for arm in group]):>18}{shown([arm['lost'] for arm in group]):>18}"
            f"{shown([arm['share'] for arm in group]):>24}{off:>25.1e}"
        )
    return lines
