"""Figure of ``experiments.sampling.clocks``: energy distance against score calls, a panel a data set.

dpmpp_2m on every clock, and dashed multistep on flow curvature.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from experiments.harness.summaries import grouped, mean_over_seeds
from experiments.harness.types import Row
from thermodiff import plotting

MAIN, OTHER = ("dpmpp_2m", "multistep")
LABELS = {
    "log_snr": "log-SNR",
    "edm": "EDM",
    "cosine": "cosine",
    "flow_curvature": "flow curvature",
    "least_waste": "least waste",
    "conditional_entropy": "entropic",
    "rescaled_entropic": "rescaled entropic",
}


def figure(rows: list[Row], flat: list[Row], out: Path) -> tuple[Path, ...]:
    """Mean over seeds in units of 1e-4, and the floor, on a scale that is linear below one of them."""
    other = {"sampler": OTHER, "clock": "flow_curvature"}
    chosen = [row for row in flat if row["sampler"] == MAIN or other.items() <= row.items()]
    panels = grouped(chosen, "data", "score")
    columns = min(4, len(panels) + 1)
    lines = -(-(len(panels) + 1) // columns)  # one more, for the legend
    with plotting.style():
        drawn = plotting.new_figure(2 * plotting.COLUMN + 0.2, 1.9 * lines)
        axes = drawn.subplots(lines, columns, sharex=True, squeeze=False).ravel()
        for ax, ((data, score), group) in zip(axes, panels, strict=False):
            for (sampler, clock), of_clock in grouped(group, "sampler", "clock"):
                calls = sorted({row["evaluations"] for row in of_clock})
                energies = [[1e4 * r["energy"] for r in of_clock if r["evaluations"] == n] for n in calls]
                means, errors = zip(*map(mean_over_seeds, energies), strict=True)
                label = LABELS[clock] if sampler == MAIN else f"{LABELS[clock]}, {sampler}"
                line = "-" if sampler == MAIN else "--"
                ax.errorbar(calls, means, np.nan_to_num(errors), marker=".", linestyle=line, label=label)
            floor = np.mean(
                [1e4 * row["floor"] for row in rows if (row["data"], row["score"]) == (data, score)]
            )
            ax.axhline(floor, color=plotting.BLACK, linewidth=0.6, linestyle=":")
            ax.set_xscale("log", base=2)
            ax.set_xticks(calls, [f"{n}" for n in calls])
            ax.minorticks_off()
            ax.set_yscale("symlog", linthresh=10)
            ax.set_title(f"{data}, {score}")
        for ax in axes[len(panels) :]:
            ax.set_axis_off()
        for ax in axes[max(0, len(panels) - columns) : len(panels)]:
            ax.set_xlabel("score calls a sample")
            ax.tick_params(labelbottom=True)
        for ax in axes[: len(panels) : columns]:
            ax.set_ylabel("energy distance (10⁻⁴)")
        axes[len(panels)].legend(*axes[0].get_legend_handles_labels(), loc="center left")
        return plotting.save_figure(drawn, out / "clocks")
