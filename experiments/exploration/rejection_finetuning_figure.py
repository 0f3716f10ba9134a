"""The figure of ``rejection_finetuning``, from its records alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from experiments.exploration.paired_effects import POINT, effect, paired
from experiments.exploration.rejection_finetuning_table import BASE, RULES
from experiments.harness.types import Row
from thermodiff import plotting

LOOKS: dict[str, dict[str, Any]] = {
    "RFT, rule": {"color": plotting.BLACK, "marker": "o"},
    "RFT, noise": {"color": plotting.BLUE, "marker": "s"},
    "RFT, entropy": {"color": plotting.VERMILION, "marker": "^"},
    "RFT, branching": {"color": plotting.GREEN, "marker": "D"},
}


def draw(rows: list[Row], out: Path) -> tuple[Path, ...]:
    """pass@k of each rule less that of the base, and of the other rules less that of the plain one."""
    there = {row["arm"] for row in rows}
    if BASE not in there or len(there) < 2:
        return ()
    with plotting.style():
        figure = plotting.new_figure(2 * plotting.COLUMN + 0.2, 2.6)
        left, right = figure.subplots(1, 2)
        _differences(left, rows, [arm for arm in RULES if arm in there], BASE)
        if RULES[0] in there:
            _differences(right, rows, [arm for arm in RULES[1:] if arm in there], RULES[0])
        else:
            right.set_axis_off()
        left.set_ylabel("pass@k less the base's")
        right.set_ylabel("pass@k less that of the plain rule")
        figure.legend(*left.get_legend_handles_labels(), loc="outside upper center", ncols=4)
        return plotting.save_figure(figure, out / "rejection_finetuning")


def _differences(axes: Any, rows: list[Row], arms: list[str], other: str) -> None:
    """Mean over seeds and its standard error, against k."""
    ks = np.array(rows[0]["k"])
    axes.axhspan(-POINT, POINT, color=plotting.GREY, alpha=0.2, linewidth=0)
    axes.axhline(0, color=plotting.BLACK, linewidth=0.6)
    for number, arm in enumerate(arms):
        effects = [
            effect(paired(rows, arm, other, lambda row, i=i: row["pass_at_k"][i]))  # type: ignore[misc]
            for i in range(len(ks))
        ]
        errors = np.nan_to_num([one.stderr for one in effects])
        beside = ks * 2 ** (0.12 * (number - (len(arms) - 1) / 2))
        name = arm.removeprefix("RFT, ")
        axes.errorbar(
            beside,
            [one.mean for one in effects],
            errors,
            markersize=3,
            linewidth=0.9,
            label=name,
            **LOOKS[arm],
        )
    axes.set_xscale("log", base=2)
    axes.set_xticks([1, 4, 16, 64, 256, 1024], ["1", "4", "16", "64", "256", "1024"])
    axes.minorticks_off()
    axes.set_xlabel("k")
