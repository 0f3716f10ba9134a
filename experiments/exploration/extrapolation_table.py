"""The table of ``extrapolation``, from its records alone."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from experiments.harness.summaries import grouped, mean_over_seeds
from experiments.harness.types import Row

TITLES = {"halves": "DeepScaleR", "game24": "Game of 24"}


class Prediction(NamedTuple):
    """Over thinnings of the same counts: how many bounds have the truth, and means with their standard errors."""

    truth: float
    inside: int
    number: int
    width: tuple[float, float]
    trivial_width: tuple[float, float]
    """Of [pass@n, 1]: the share of problems not solved in the thinned counts."""
    nonparametric_error: tuple[float, float]
    beta_error: tuple[float, float]


def prediction(rows: list[Row]) -> Prediction:
    """Of rows that differ in their seed alone."""
    truth = rows[0]["truth"]
    return Prediction(
        truth=truth,
        inside=sum(row["low"] <= truth <= row["high"] for row in rows),
        number=len(rows),
        width=mean_over_seeds([row["high"] - row["low"] for row in rows]),
        trivial_width=mean_over_seeds([row["unsolved"] for row in rows]),
        nonparametric_error=mean_over_seeds([abs(row["nonparametric"] - truth) for row in rows]),
        beta_error=mean_over_seeds([abs(row["beta_binomial"] - truth) for row in rows]),
    )


def table(rows: list[Row]) -> str:
    """Each part that was measured."""
    lines = []
    for (part,), group in grouped(rows, "part"):
        of_part = {"limit": _limit, "few": _few, "simulated": _simulated}.get(part, _thinned)
        lines += of_part(group)
    return "\n".join(lines)


def _thinned(rows: list[Row]) -> list[str]:
    n, k = rows[0]["n"], rows[0]["k"]
    number = len({row["seed"] for row in rows})
    lines = [
        f"{TITLES[rows[0]['part']]}, {n} of {k} rollouts to k = {k}: {number} thinnings, mean ± s.e. over them",
        f"  {'policy':<18}{'problems':<9}{'truth':>8}{'inside':>8}{'width':>18}{f'1 - pass@{n}':>18}"
        f"{'|nonparametric - truth|':>26}{'|beta - truth|':>20}",
    ]
    for (data, problems), group in grouped(rows, "data", "problems"):
        found = prediction(group)
        numbers = (f"{mean:.4f} ± {stderr:.4f}" for mean, stderr in found[3:])
        cells = (f"{number:>{width}}" for number, width in zip(numbers, (18, 18, 26, 20), strict=True))
        count = f"{found.inside}/{found.number}"
        lines.append(f"  {data:<18}{problems:<9}{found.truth:>8.4f}{count:>8}" + "".join(cells))
    return lines


def _limit(rows: list[Row]) -> list[str]:
    return [f"No 95 % interval from {rows[0]['n']} rollouts to k = {rows[0]['k']} can be expected within"] + [
        f"  {row['data']:<18}{row['problems']:<9}[{row['low']:.3f}, {row['high']:.3f}], "
        f"width {row['high'] - row['low']:.3f}"
        for row in rows
    ]


def _few(rows: list[Row]) -> list[str]:
    lines = [
        f"DeepScaleR {rows[0]['data']}, {rows[0]['n']} rollouts: pass@{rows[0]['k']} of distributions as likely as the "
        f"likeliest, truth {rows[0]['truth']:.4f}"
    ]
    return lines + [
        "  seed {}: [{:.4f}, {:.4f}], max D - 1 = {:.1e}".format(
            row["seed"], *row["as_likely"], row["excess"]
        )
        for row in rows
    ]


def coverage(row: Row, prefix: str = "") -> tuple[float, float]:
    """Share of the repetitions inside and its binomial standard error, of the bounds or (``sup_t_``) the band."""
    inside, number = row[f"{prefix}inside"], row[f"{prefix}repetitions"]
    share = inside / number
    return share, float(np.sqrt(share * (1 - share) / number))


def _simulated(rows: list[Row]) -> list[str]:
    ks = ", ".join(map(str, rows[0]["ks"]))
    lines = [f"Simulated, 16 rollouts: 95 % bounds at k = {ks} hold at once; mean widths; sup-t at k <= 16"]
    for row in sorted(rows, key=lambda row: row["seed"]):
        widths = " ".join(f"{width:.3f}" for width in row["width"])
        sup_t = "{:.3f} ± {:.3f}".format(*coverage(row, "sup_t_")) if row["problems"] == "drawn" else ""
        held = f"{row['inside']}/{row['repetitions']}"
        name = f"{row['data']:<11}M = {row['M']:<5}{row['problems']:<7}"
        lines.append(f"  {name}{held:>9}   {widths}   {sup_t}".rstrip())
    return lines
