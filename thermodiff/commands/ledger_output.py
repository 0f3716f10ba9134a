"""What a ledger of a user's samples leaves behind: the record (plain, strict JSON), the table and the figure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from thermodiff import plotting
from thermodiff.array_types import Process
from thermodiff.commands.audit_output import heading
from thermodiff.commands.shared import remark_lines
from thermodiff.energetics.driving import DrivingCost
from thermodiff.energetics.ledger import Ledger
from thermodiff.energetics.uncertainty import UncertaintyBound
from thermodiff.runtime.records import plain
from thermodiff.training.fit import Fit
from thermodiff.types import Estimate, of_any_size

FORMAT = "thermodiff ledger 1"
DECADES, DURATIONS = 2.0, 61
"""The frontier is drawn so far to both sides of the duration that the process has by itself."""


def record(
    about: Mapping[str, Any],
    trained: Fit,
    ledger: Ledger,
    cost: DrivingCost,
    rates: UncertaintyBound,
    process: Process,
    seconds: Mapping[str, float],
) -> dict[str, Any]:
    """Every number with what it was made from: numbers, strings, lists and dicts; None where a number is not finite."""
    best = int(np.argmin(trained.history.validation))
    training = {
        **about["training"],
        "steps_done": trained.steps,
        "stopped_early": trained.stopped_early,
        "best_step": int(trained.history.step[best]),
    }
    return plain(
        {
            "format": FORMAT,
            **about,
            "training": training,
            "ledger": ledger.to_dict(),
            "driving": _driving(cost),
            "rates": _rates(rates, process, ledger.stochasticity),
            "frontier": _frontier(ledger, cost),
            "seconds": seconds,
        }
    )


def _driving(cost: DrivingCost) -> dict[str, Any]:
    """The cost of driving as numbers, each estimate with its error."""
    parts: dict[str, Any] = {"t_min": cost.t_min, "known": cost.known, "action": cost.action}
    for name, value in cost._asdict().items():
        ends = value if name in ("overhead_path", "efficiency") else (value,)
        if name not in parts:
            parts[name] = [float(end.mean) for end in ends] if len(ends) > 1 else float(value.mean)
            errors = [float(end.stderr) for end in ends]
            parts[f"{name}_stderr"] = errors if len(ends) > 1 else errors[0]
    return parts


def _rates(rates: UncertaintyBound, process: Process, stochasticity: float) -> dict[str, Any]:
    """The rates per unit of log-SNR."""
    time = rates.time
    speed = 2 * np.asarray(process.diffusivity(time) / process.sigma(time) ** 2, dtype=np.float64)
    parts: dict[str, Any] = {"time": time, "log_snr": process.log_snr(time), "stochasticity": stochasticity}
    for name, rate in (("certified", rates.rate), ("learned", rates.learned)):
        parts[name], parts[f"{name}_stderr"] = rate.mean / speed, rate.stderr / speed
    return parts


def _frontier(ledger: Ledger, cost: DrivingCost) -> dict[str, Any]:
    """The energy-time frontier of the device, and where it stands at its stochasticity."""
    hardware = ledger.hardware
    alone = hardware.duration(cost.action)
    times = alone * np.logspace(-DECADES, DECADES, DURATIONS)
    own = None
    if ledger.stochasticity > 0:
        duration = hardware.duration(cost.action, ledger.stochasticity)
        own = {"duration": duration, "energy": hardware.tradeoff(cost, duration).schedule[0]}
    return {**hardware.tradeoff(cost, times)._asdict(), "own": own}


def table(parts: Mapping[str, Any], ledger: Ledger, cost: DrivingCost) -> str:
    """The readable account: where the numbers come from, the price, the ledger, what driving costs, remarks."""
    lines = [*heading(parts, "ledger"), "", *_price(parts, ledger), "", str(ledger), "", *_overheads(cost)]
    return "\n".join([*lines, *remark_lines(parts["remarks"])])


def _price(parts: Mapping[str, Any], ledger: Ledger) -> list[str]:
    """The two lines to quote, and of which rows they speak."""
    cycle, joules = ledger.cycle_work, ledger.joules["cycle_work"]
    least = "at least " if cycle.sense == ">=" else ""
    if not np.isfinite(cycle.mean):
        return [f"One sample costs infinite work: {cycle.note}."]
    price = f"{cycle.estimate} k_B T = {of_any_size(joules.mean, joules.stderr)} J"
    return [
        f"One sample costs {least}{price} in a closed cycle at {ledger.hardware.temperature:g} K,",
        f"and its generation takes {ledger.seconds:.3g} s. For standardised columns: in other units another price"
        f"{'' if parts['options']['process'] == 'vp' else ', as sigma is beside the data'}.",
    ]


def _overheads(cost: DrivingCost) -> list[str]:
    """What re-timing and what another path would save."""

    def line(label: str, value: Estimate | str) -> str:
        return f"  {label:<48}{value}"

    low, high = cost.overhead_path
    length = Estimate(cost.path_length.mean, cost.path_length.stderr, cost.path_length.n)
    return [
        "Driving, standardised units",
        line("Lam, action", f"{cost.action:.6g}"),
        line("L, W2 length of the path", length),
        line("Sig Lam/L^2, what re-timing saves", cost.overhead_schedule),
        line("L^2/W2^2, what another path saves, between", low),
        line("                                       and", high),
    ]


def figure(parts: Mapping[str, Any]) -> plotting.Figure:
    """Rates, work spent on the way, and the energy-time frontier, as wide as a page."""
    with plotting.style():
        drawn = plotting.new_figure(2 * plotting.COLUMN + 0.2, 2.6)
        rates, work, frontier = drawn.subplots(1, 3)
        plotting.plot_production(rates, parts["rates"])
        plotting.plot_cumulative_work(work, parts["rates"])
        plotting.plot_frontier(frontier, parts["frontier"])
        rates.set_title("entropy production")
        work.set_title("work of one sample")
        frontier.set_title(f"energy against time, {parts['ledger']['temperature']:g} K")
    return drawn
