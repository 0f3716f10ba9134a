"""Figures from records: (axes, record) -> axes. Reads plain dicts and lists only, so a saved JSON plots as well.

The only file that imports matplotlib. Sizes are those of print at one column (3.4 in, 8 pt); colours are
Okabe and Ito's, told apart by the colour-blind, and no curve is told by colour alone. No pyplot: no global state.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from thermodiff.runtime.files import write_atomically
from thermodiff.types import mean_and_error, with_error
from thermodiff.units import unit_of
from thermodiff.validation import complain

COLUMN = 3.4
"""Width of one column in inches; a figure across the page is 2 COLUMN + 0.2."""

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
GREY = "#7F7F7F"
PALETTE = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY, BLACK)

STYLE: Any = {
    "font.size": 8.0,
    "font.family": "DejaVu Sans",
    "axes.labelsize": 8.0,
    "axes.titlesize": 8.0,
    "legend.fontsize": 7.0,
    "xtick.labelsize": 7.0,
    "ytick.labelsize": 7.0,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "lines.linewidth": 1.2,
    "lines.markersize": 4.0,
    "legend.frameon": False,
    "legend.handlelength": 2.2,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "pdf.fonttype": 42,
    "savefig.dpi": 300,
    "figure.dpi": 150,
    "axes.formatter.useoffset": False,
}


@contextmanager
def style() -> Iterator[None]:
    """The house style for everything made inside: ``with style(): figure = new_figure(); ...; save_figure(...)``."""
    with matplotlib.rc_context(STYLE):
        yield


def new_figure(width: float = COLUMN, height: float = 2.5) -> Figure:
    """An empty figure of width x height inches, laid out so that labels fit; add axes with ``.subplots``."""
    return Figure(figsize=(width, height), layout="constrained")


def save_figure(figure: Figure, stem: Path | str) -> tuple[Path, Path]:
    """Writes ``stem``.png (300 dpi) and ``stem``.pdf, each whole or not at all, the same bytes for the same figure."""
    # No dates and no versions inside, so that a figure changes only when what it shows does.
    unstamped: dict[str, dict[str, Any]] = {
        "png": {"Software": None},
        "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    }
    rendered = {}
    with matplotlib.rc_context(STYLE):
        for kind, metadata in unstamped.items():
            buffer = io.BytesIO()
            figure.savefig(buffer, format=kind, dpi=300, metadata=metadata)
            rendered[kind] = buffer.getvalue()
    png, pdf = (write_atomically(Path(f"{stem}.{kind}"), content) for kind, content in rendered.items())
    return png, pdf


# --- rates --------------------------------------------------------------------------------------

RATE_LOOKS: dict[str, dict[str, Any]] = {
    "intrinsic": {"color": VERMILION, "linestyle": "-"},
    "system": {"color": BLUE, "linestyle": (0, (5, 1.5))},
    "exchange": {"color": GREEN, "linestyle": (0, (5, 1.5, 1, 1.5))},
}


class _Clock(NamedTuple):
    """How rates are drawn against one of a record's entries: the entry that says how fast it runs, and the labels."""

    speed: str | None
    x_label: str
    y_label: str


_CLOCKS = {
    "time": _Clock(None, "time $t$ (data at 0, noise at 1)", "nats per unit time"),
    "log_snr": _Clock("log_snr_rate", r"log-SNR  $\ln(\alpha^2/\sigma^2)$", "nats per unit log-SNR"),
}


def plot_rates(axes: Axes, record: Mapping[str, Any], against: str = "time", label: str = "{name}") -> Axes:
    """The three entropy rates of ``EntropyRates.to_dict()`` with bands of one standard error.

    ``against`` "time" shows nats per unit time. "log_snr" shows nats per unit of ln(alpha^2/sigma^2), so that areas are
    nats; the record then needs "log_snr" and "log_snr_rate" = |d log-SNR/dt| as well. ``label`` names
    the curves, with {name} for intrinsic, system, exchange. Raises ValueError for another ``against``.
    """
    if against not in _CLOCKS:
        raise complain("against", repr(against), f"one of {', '.join(_CLOCKS)}")
    clock, x = _CLOCKS[against], np.asarray(record[against], dtype=float)
    unit = 1.0 if clock.speed is None else np.asarray(record[clock.speed], dtype=float)
    axes.axhline(0.0, color=BLACK, linewidth=0.5, zorder=0)
    for name, look in RATE_LOOKS.items():
        mean = np.asarray(record[name], dtype=float) / unit
        error = np.asarray(record[f"{name}_stderr"], dtype=float) / unit
        axes.plot(x, mean, label=label.format(name=name), **look)
        axes.fill_between(x, mean - error, mean + error, color=look["color"], alpha=0.25, linewidth=0)
    axes.set_xlabel(clock.x_label)
    axes.set_ylabel(clock.y_label)
    axes.margins(x=0.0)
    axes.legend()
    return axes


# --- prices -------------------------------------------------------------------------------------


def plot_production(axes: Axes, record: Mapping[str, Any]) -> Axes:
    """Entropy production against log-SNR, nats per unit of it: the learned rate and what the true one is not below.

    ``record`` has "log_snr", "learned" and "certified", the last two with "_stderr".
    """
    x = np.asarray(record["log_snr"], dtype=float)
    looks: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("learned", "learned score's own", {"color": VERMILION, "linestyle": "-"}),
        ("certified", "true rate is at least", {"color": BLUE, "linestyle": (0, (5, 1.5))}),
    )
    for name, label, look in looks:
        mean, error = (np.asarray(record[key], dtype=float) for key in (name, f"{name}_stderr"))
        axes.plot(x, mean, label=label, **look)
        axes.fill_between(x, mean - error, mean + error, color=look["color"], alpha=0.25, linewidth=0)
    axes.set_xlabel(r"log-SNR  $\ln(\alpha^2/\sigma^2)$")
    axes.set_ylabel("nats per unit log-SNR")
    axes.set_ylim(0.0, 1.45 * max(float(np.nanmax(np.asarray(record["learned"], dtype=float))), 1e-12))
    axes.margins(x=0.0)
    axes.legend()
    return axes


def plot_cumulative_work(axes: Axes, record: Mapping[str, Any]) -> Axes:
    """Work of a closed cycle that is spent, from noise (left) to data, in k_B T: (1 + 1/zeta) times the production.

    ``record`` has "log_snr", increasing towards the data or away from it, "certified" and "stochasticity".
    """
    x, rate = (np.asarray(record[key], dtype=float) for key in ("log_snr", "certified"))
    order = np.argsort(x)
    x, rate = x[order], rate[order]
    spent = np.concatenate([[0.0], np.cumsum(0.5 * (rate[1:] + rate[:-1]) * np.diff(x))])
    zeta = float(record["stochasticity"])
    axes.plot(x, spent, color=BLUE, linestyle=(0, (5, 1.5)), label="stored, then given up")
    if zeta > 0:
        axes.plot(x, (1 + 1 / zeta) * spent, color=BLACK, label=f"closed cycle, $\\zeta$ = {zeta:g}")
    axes.set_xlabel(r"log-SNR, noise to data")
    axes.set_ylabel("$k_B T$ spent so far, at least")
    axes.set_ylim(0.0, 1.35 * max(spent[-1] * (1 + 1 / zeta if zeta > 0 else 1.0), 1e-12))
    axes.margins(x=0.0)
    axes.legend(loc="upper left")
    return axes


def plot_frontier(axes: Axes, record: Mapping[str, Any]) -> Axes:
    """Work in joules of a closed cycle against the duration of its generation, both logarithmic.

    ``record`` has the fields of ``Hardware.tradeoff`` and, where the device runs, "own" with "duration" and "energy".
    """
    tau = np.asarray(record["duration"], dtype=float)
    low, high = (np.asarray(record[name], dtype=float) for name in ("bound_low", "bound_high"))
    axes.fill_between(tau, low, high, color=GREEN, alpha=0.3, linewidth=0, label="best path, bracket")
    axes.plot(tau, low, color=GREEN, linewidth=0.8)
    axes.plot(tau, record["retimed"], color=BLUE, linestyle=(0, (5, 1.5)), label="re-timed")
    axes.plot(tau, record["schedule"], color=VERMILION, label="this schedule")
    axes.axhline(record["quasistatic"], color=BLACK, linewidth=0.6, linestyle=":", label="slower than all")
    if record.get("own") is not None:
        axes.plot(record["own"]["duration"], record["own"]["energy"], "o", color=BLACK, zorder=3)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("duration of generation, s")
    axes.set_ylabel("work a sample, J")
    axes.margins(x=0.0)
    axes.legend()
    return axes


# --- training -----------------------------------------------------------------------------------


def plot_loss(axes: Axes, history: Mapping[str, Any]) -> Axes:
    """Denoising loss in training and on held-out rows against the step; the smallest held-out one is marked.

    ``history`` has "step", "loss" and "validation" (entries may be None), as ``Fit.history._asdict()`` does.
    """
    step = np.asarray(history["step"], dtype=float)
    loss, held_out = (np.asarray(history[name], dtype=float) for name in ("loss", "validation"))
    axes.plot(step, loss, color=SKY, linewidth=0.9, label="training")
    if np.isfinite(held_out).any():
        best = int(np.nanargmin(held_out))
        axes.plot(step, held_out, color=BLACK, linestyle=(0, (5, 1.5)), label="held out")
        axes.plot(step[best], held_out[best], "o", color=VERMILION, label="kept", clip_on=False, zorder=3)
    axes.set_xlabel("training step")
    axes.set_ylabel("loss (nats)")
    axes.legend()
    return axes


# --- pairs of columns ---------------------------------------------------------------------------


def plot_pairs(axes: Axes, record: Mapping[str, Any]) -> Axes:
    """The matrix of ``PairwiseInformation.to_dict()``: a square a pair, its shade and number the nats, below its error.

    What is within two standard errors of zero is in brackets. The shade runs from zero to the largest.
    """
    names = record["names"]
    mean, stderr = (np.array(record[part], dtype=float) for part in ("mean", "stderr"))
    largest = max(float(np.nanmax(mean)), 1e-12)
    axes.imshow(np.clip(mean, 0.0, None), cmap="Blues", vmin=0.0, vmax=1.3 * largest)
    for (i, j), value in np.ndenumerate(mean):
        if np.isfinite(value):
            shown, error = mean_and_error(value, stderr[i, j])
            number = shown if value > 2 * stderr[i, j] else f"[{shown}]"
            colour = "white" if value > 0.7 * largest else BLACK
            text = f"{number}\n±{error}".replace("-", "−")
            axes.text(j, i, text, ha="center", va="center", fontsize=5.5, color=colour)
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right")
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(length=0)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.set_title("mutual information of pairs, nats")
    return axes


# --- the ladder of bounds -----------------------------------------------------------------------

_RUNGS = (
    ("bound_quadratic", "$L_1$ quadratic", "bound"),
    ("bound_divergence", "$L_2$ divergence", "bound"),
    ("bound_denoising", "$L_3$ denoising", "bound"),
    ("bound_flow", "$L_0$ flow", "bound"),
    ("certified_flow", "certified for NLL$_\\mathrm{ode}$", "certified"),
    ("certified_elbo", r"certified for $-$ELBO", "certified"),
    ("certified_elbo_rate", r"same, from the true rate", "certified"),
    ("S0", "$S_0$", "entropy"),
    ("cross", "$N_\\theta$ cross functional", "cross"),
    ("nll", "NLL$_\\mathrm{ode}$", "likelihood"),
    ("neg_elbo", r"$-$ELBO", "likelihood"),
)
_VACUOUS = ("certified_elbo", "certified_elbo_rate", "certified_flow")
"""Where a likelihood stands for S0 these compare it with itself."""
_GROW_WITH_S0 = ("bound", "certified", "entropy")
_RUNG_LOOKS: dict[str, dict[str, Any]] = {
    "bound": {"color": BLUE, "marker": "s"},
    "certified": {"color": GREEN, "marker": "^"},
    "entropy": {"color": BLACK, "marker": "D"},
    "cross": {"color": PURPLE, "marker": "v"},
    "likelihood": {"color": VERMILION, "marker": "o"},
}


def plot_ladder(axes: Axes, record: Mapping[str, Any], offset: float = 0.0) -> Axes:
    """Lower bounds, entropies and likelihoods of ``Audit.to_dict()`` from bottom to top, with values and error bars.

    ``offset`` (nats) is added to all: the log Jacobian turns standardised into the data's own units. Where the record
    knows S0 by an upper bound only, what grows with S0 is drawn open, with an arrow: the true value lies to the left.
    """
    ceiling = record["known"]["S0"] == "upper bound"
    rungs = [r for r in _RUNGS if record.get(r[0]) is not None and not (ceiling and r[0] in _VACUOUS)]
    for height, (key, _, kind) in enumerate(rungs):
        _draw_rung(
            axes,
            height,
            record[key] + offset,
            record[f"{key}_stderr"],
            kind,
            ceiling and kind in _GROW_WITH_S0,
        )
    _finish_ladder(axes, [label for _, label, _ in rungs])
    note = "\nopen: at most this, for $S_0$ is only bounded from above" if ceiling else ""
    axes.set_xlabel(f"{unit_of(record.get('unit', 'nats')).per_sample}{note}")
    return axes


def _finish_ladder(axes: Axes, labels: list[str]) -> None:
    axes.set_yticks(range(len(labels)), labels)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", color=GREY, alpha=0.25, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.set_ylim(-0.6, len(labels) - 0.4)
    axes.margins(x=0.15)
    axes.locator_params(axis="x", nbins=5)


def _draw_rung(axes: Axes, height: int, value: float, error: float | None, kind: str, at_most: bool) -> None:
    look = _RUNG_LOOKS[kind]
    fill = "white" if at_most else look["color"]
    axes.errorbar(value, height, xerr=error, capsize=2, elinewidth=0.8, markerfacecolor=fill, **look)
    if at_most:
        arrow = {"arrowstyle": "<-", "color": look["color"], "linewidth": 0.8, "shrinkA": 0, "shrinkB": 2}
        axes.annotate("", xy=(value, height), xytext=(-16, 0), textcoords="offset points", arrowprops=arrow)
    text = ("≤ " if at_most else "") + with_error(value, np.nan if error is None else error, most=4).replace(
        "-", "−"
    )
    axes.text(1.02, height, text, transform=axes.get_yaxis_transform(), va="center", fontsize=6.5)


def plot_estimates(
    axes: Axes, estimates: Sequence[Mapping[str, Any]], bracket: tuple[float, float] | None = None
) -> Axes:
    """One rung each, the first on top, with values and error bars; a band behind them for ``bracket`` (low, high).

    An estimate has "label", "mean", "stderr" (nats) and "kind": entropy, bound, cross, certified or likelihood, which
    chooses colour and marker.
    """
    if bracket is not None:
        axes.axvspan(*bracket, color=GREY, alpha=0.2, linewidth=0)
    upwards = estimates[::-1]
    for height, estimate in enumerate(upwards):
        _draw_rung(axes, height, estimate["mean"], estimate["stderr"], estimate["kind"], False)
    _finish_ladder(axes, [estimate["label"] for estimate in upwards])
    axes.set_xlabel("nats")
    return axes
