"""What ``thermodiff entropy`` and ``thermodiff mi`` leave behind: records (strict JSON), tables and figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from thermodiff import plotting
from thermodiff.commands.shared import remark_lines
from thermodiff.information.report import Information, row
from thermodiff.runtime.records import plain
from thermodiff.types import to_error, with_error
from thermodiff.units import unit_of

READINGS = ("denoising", "divergence", "quadratic")


def entropy_record(parts: Mapping[str, Any]) -> dict[str, Any]:
    """Every number with what it was made from; ``discrete_entropy`` where all columns were measured in steps."""
    steps = parts["log_steps"]
    discrete = None if steps is None else parts["entropy"]["mean"] - steps
    units = f"{unit_of(parts['unit']).per_sample}, in the units of the columns"
    return plain({"format": "thermodiff entropy 1", "units": units, **parts, "discrete_entropy": discrete})


def mi_record(parts: Mapping[str, Any]) -> dict[str, Any]:
    """Every number with what it was made from."""
    units = unit_of(parts["unit"]).per_sample
    return plain({"format": "thermodiff mi 1", "units": units, **parts})


def entropy_text(parts: Mapping[str, Any], entropy: Information) -> str:
    """Where the rows come from, the entropy, and density models compared on the same test rows if any were."""
    split, seconds, compared = parts["split"], parts["seconds"], parts["held_out"]
    took = f", comparison {seconds['comparison']:.0f} s" if compared else ""
    lines = [
        f"{parts['source']}: {parts['rows']} rows of {_columns(parts['dim'])}",
        *(f"  {note}" for note in parts["notes"]),
        f"  seed {parts['options']['seed']}; entropy {seconds['entropy']:.0f} s{took}",
        "",
        str(entropy),
        _line("nearest neighbours", parts["nearest_neighbours"]),
    ]
    if parts["discrete_entropy"] is not None:
        discrete = to_error(parts["discrete_entropy"], parts["entropy"]["stderr"])
        lines.append(row("of the discrete data, less ln steps", discrete))
    if compared:
        lines += [
            "",
            f"-ln p of {split['test']} test rows by models of {split['training']} others, {parts['unit']}",
            f"  {'':<38}{'mean':<22}more than the score, paired",
            *(_compared_line(row, first=i == 0) for i, row in enumerate(compared)),
        ]
    return "\n".join([*lines, *remark_lines(parts["remarks"])])


def mi_text(parts: Mapping[str, Any], information: Information) -> str:
    """Where the rows come from, the mutual information, and other estimates of it."""
    lines = []
    for name in ("x", "y"):
        part = parts[name]
        columns = "" if part["columns"] is None else f": {', '.join(part['columns'])}"
        lines.append(f"{name} from {part['source']}, {_columns(part['dim'])}{columns}")
        repeated = name == "y" and part["notes"] == parts["x"]["notes"]
        lines += [] if repeated else [f"  {note}" for note in part["notes"]]
    lines += [
        f"{parts['rows']} rows, seed {parts['options']['seed']}, {parts['seconds']:.0f} s",
        "",
        str(information),
        *(_line(other["name"], other) for other in parts["others"]),
    ]
    return "\n".join([*lines, *remark_lines(parts["remarks"])])


def _columns(dim: int) -> str:
    return f"{dim} column{'s' if dim > 1 else ''}"


def _line(label: str, number: Mapping[str, Any]) -> str:
    return row(label, with_error(number["mean"], number["stderr"]))


def _compared_line(model: Mapping[str, Any], first: bool) -> str:
    line = _line(model["name"], model)
    if first:
        return line
    difference = model["difference"]
    return f"{line:<62}{with_error(difference['mean'], difference['stderr'], '+')}"


def _axis(parts: Mapping[str, Any], note: str) -> str:
    return f"{parts['unit']}   ({note})"


def entropy_figure(parts: Mapping[str, Any]) -> plotting.Figure:
    """The entropy and its readings; beside them what density models lose to the score on test rows, if any were."""
    compared = parts["held_out"]
    with plotting.style():
        if not compared:
            drawn = plotting.new_figure(plotting.COLUMN + 0.6, 1.9)
            _draw_entropy(drawn.subplots(), parts)
            return drawn
        drawn = plotting.new_figure(2 * plotting.COLUMN + 0.2, 1.9)
        first, second = drawn.subplots(1, 2)
        _draw_entropy(first, parts)
        score, *others = compared
        plotting.plot_estimates(
            second, [_rung(row["name"], row["difference"], "certified") for row in others]
        )
        second.axvline(0.0, color=plotting.VERMILION, linewidth=0.8)
        second.set_title(f"$-\\ln p$ of {parts['split']['test']} test rows, less the score's")
        second.set_xlabel(_axis(parts, f"line: the score, {with_error(score['mean'], score['stderr'])}"))
    return drawn


def _draw_entropy(axes: Any, parts: Mapping[str, Any]) -> None:
    entropy = parts["entropy"]
    rungs = [*_readings(entropy), _rung("nearest neighbours", parts["nearest_neighbours"], "cross")]
    plotting.plot_estimates(axes, rungs, tuple(entropy["bracket"]))
    axes.set_title(f"entropy, {parts['rows']} rows")
    axes.set_xlabel(_axis(parts, "band: the bracket"))


def mi_figure(parts: Mapping[str, Any]) -> plotting.Figure:
    """The mutual information, its readings, and other estimates, one column wide."""
    information = parts["mutual_information"]
    kinds = {"nearest neighbours": "cross", "Gaussian formula": "certified"}
    others = [_rung(o["name"], o, kinds[o["name"]]) for o in parts["others"]]
    with plotting.style():
        drawn = plotting.new_figure(plotting.COLUMN + 0.6, 1.9)
        axes = drawn.subplots()
        plotting.plot_estimates(axes, [*_readings(information), *others], tuple(information["bracket"]))
        axes.set_xlabel(_axis(parts, "band: the bracket"))
        axes.set_title(f"mutual information, {parts['rows']} rows")
    return drawn


def _readings(information: Mapping[str, Any]) -> list[dict[str, Any]]:
    readings = information["readings"]
    return [
        _rung("estimate", information, "entropy"),
        *(_rung(f"held out, {name}", readings[name], "bound") for name in READINGS if name in readings),
    ]


def _rung(label: str, number: Mapping[str, Any], kind: str) -> dict[str, Any]:
    return {"label": label, "mean": number["mean"], "stderr": number["stderr"], "kind": kind}
