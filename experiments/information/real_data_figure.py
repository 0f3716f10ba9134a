"""Table and figure of ``real_data``, from its records alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from experiments.harness.types import Row
from thermodiff import plotting
from thermodiff.types import with_error

MODELS = {"gaussian": "Gaussian", "mixture": "mixture", "kernel": "kernels"}
STYLES = {"gaussian": plotting.GREY, "mixture": plotting.VERMILION, "kernel": plotting.BLUE}


def table(rows: list[Row]) -> str:
    """One line a data set: sizes, entropy, held-out -ln p by each model."""
    names = ("score", *MODELS)
    lines = [
        "nats, in the units of the columns; held-out: mean of -ln p over the test rows, same split for all models",
        f"  {'data':<22}{'rows':>6}{'columns':>8}{'entropy':>18}"
        + "".join(f"{MODELS.get(name, name):>19}" for name in names),
    ]
    for row in rows:
        cells = [row["entropy"], *(row["nll"][name] for name in names)]
        numbers = [with_error(mean, stderr) for mean, stderr in cells]
        lines.append(
            f"  {row['data']:<22}{row['rows']:>6}{row['columns']:>8}{numbers[0]:>18}"
            + "".join(f"{number:>19}" for number in numbers[1:])
        )
    lines += ["", "what each model loses to the score, paired over the test rows"]
    for row in rows:
        losses = "".join(f"{MODELS[k]:>12} {with_error(m, s, '+')}" for k, (m, s) in row["loss"].items())
        lines.append(f"  {row['data']:<22}{losses}")
    return "\n".join(lines)


def draw(rows: list[Row], out: Path) -> tuple[Path, Path]:
    """What each model loses to the score per column, with error bars."""
    with plotting.style():
        figure = plotting.new_figure(plotting.COLUMN + 0.8, 0.9 + 0.28 * len(rows))
        axes = figure.subplots()
        for shift, (name, label) in zip((-0.2, 0.0, 0.2), MODELS.items(), strict=True):
            loss = np.array([np.array(row["loss"][name]) / row["columns"] for row in rows])
            axes.errorbar(
                loss[:, 0],
                np.arange(len(rows)) + shift,
                xerr=loss[:, 1],
                fmt="o",
                markersize=3,
                color=STYLES[name],
                label=label,
            )
        axes.axvline(0.0, color="black", linewidth=0.8)
        axes.set_yticks(range(len(rows)), [row["data"].replace("_", " ") for row in rows])
        axes.invert_yaxis()
        axes.set_xlabel(r"$-\ln p$ of test rows less the score's (nats a column)")
        figure.legend(loc="outside upper right", ncols=3)
        return plotting.save_figure(figure, out / "real_data")
