"""The table and the figure of the demon's ledger, from records alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from experiments.harness.types import Row
from thermodiff.plotting import BLACK, PALETTE, new_figure, save_figure, style

MARKERS = ("o", "s", "^", "D", "v")


def _measured(rows: list[Row]) -> list[Row]:
    return [row for row in rows if "cycle" in row]


def deviation(row: Row) -> float:
    """Measured less theorem, in standard errors of both."""
    return (row["cycle"] - row["theorem"]) / np.hypot(row["cycle_stderr"], row["theorem_stderr"])


def table(rows: list[Row]) -> str:
    """Every cell: heat of the cycle, extrapolated, beside (1 + 1/zeta) Sig, and the largest deviation."""
    head = f"{'data':<11}{'process':<9}{'zeta':>5}{'Sig':>10}{'cycle heat':>22}"
    out = [head + f"{'(1 + 1/zeta) Sig':>18}{'s.e. off':>10}"]
    for row in _measured(rows):
        heat = f"{row['cycle']:.4f} ± {row['cycle_stderr']:.4f}"
        cell = f"{row['data']:<11}{row['process']:<9}{row['zeta']:>5g}{row['Sig']:>10.5f}{heat:>22}"
        out.append(cell + f"{row['theorem']:>18.5f}{deviation(row):>+10.1f}")
    off = np.array([abs(deviation(row)) for row in _measured(rows)])
    if off.size:
        spread = np.sqrt(np.mean(off**2))
        out.append(
            f"largest deviation {off.max():.1f} s.e. in {off.size} cells, root mean square {spread:.2f}"
        )
    return "\n".join(out)


def draw(rows: list[Row], out: Path) -> tuple[Path, Path]:
    """``demon_ledger``.png and .pdf: (a) heat over Sig against 1/zeta, on the line 1 + 1/zeta; (b) deviations."""
    rows = _measured(rows)
    data = list(dict.fromkeys(row["data"] for row in rows))
    processes = list(dict.fromkeys(row["process"] for row in rows))
    with style():
        figure = new_figure(7.0, 2.8)
        left, right = figure.subplots(1, 2)
        x = np.linspace(0, 1.1 * max(1 / row["zeta"] for row in rows), 50)
        left.plot(x, 1 + x, color=BLACK, linewidth=0.8, label=r"$1 + 1/\zeta$")
        for colour, name in zip(PALETTE, processes, strict=False):
            for marker, which in zip(MARKERS, data, strict=False):
                mine = [row for row in rows if row["process"] == name and row["data"] == which]
                shift = 0.012 * (data.index(which) - len(data) / 2)
                left.errorbar(
                    [1 / row["zeta"] + shift for row in mine],
                    [row["cycle"] / row["Sig"] for row in mine],
                    yerr=[row["cycle_stderr"] / row["Sig"] for row in mine],
                    color=colour,
                    marker=marker,
                    markersize=3,
                    linestyle="none",
                    label=f"{name}, {which.replace('_', ' ')}" if len(rows) < 9 else None,
                )
        left.set_xlabel(r"$1/\zeta$")
        left.set_ylabel("heat of a cycle over Sig")
        left.legend()
        right.hist(
            [deviation(row) for row in rows], bins=np.arange(-4.25, 4.5, 0.5), color=PALETTE[0], alpha=0.6
        )
        z = np.linspace(-4, 4, 100)
        right.plot(z, 0.5 * len(rows) * np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi), color=BLACK, linewidth=0.8)
        right.set_xlabel("measured less theorem, standard errors")
        right.set_ylabel("cells")
        right.yaxis.get_major_locator().set_params(integer=True)
        for letter, axes in zip("ab", (left, right), strict=True):
            axes.set_title(f"({letter})", loc="left")
        return save_figure(figure, out / "demon_ledger")
