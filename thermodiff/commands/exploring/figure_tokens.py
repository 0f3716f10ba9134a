"""Figures of entropy and of tokens of ``thermodiff explore``, from its record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from thermodiff import plotting
from thermodiff.commands.exploring.figure_parts import PAGE, Axes, array, curve, legend_above, look, panel

FITS = {
    "exponential": (plotting.BLUE, "-"),
    "line": (plotting.VERMILION, (0, (5, 1.5))),
    "exchange": (plotting.GREEN, (0, (1, 1))),
}
KINDS = (
    ("all tokens", "mean", "entropy"),
    ("correct responses", "correct", "bound"),
    ("wrong responses", "wrong", "likelihood"),
)
BARS = "bars: one standard error"
QUANTITIES = ("entropy", "surprise", "divergence")


def has_entropy(parts: Mapping[str, Any]) -> bool:
    """Whether there are entropies, of policies or of a training."""
    by_step = parts["training"] is not None and parts["training"]["entropy"] is not None
    of_policies = any(_entropies(policy) or _intervals(policy) for policy in parts["policies"])
    return parts["dynamics"] is not None or by_step or of_policies


def profiles(parts: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The policies whose tokens have a profile over position."""
    return [p for p in parts["policies"] if p["tokens"] is not None and p["tokens"]["positions"] is not None]


def entropy(parts: Mapping[str, Any]) -> plotting.Figure:
    """Of a training reward and entropy by step and against each other; of policies what entropies there are."""
    with plotting.style():
        if parts["dynamics"] is not None:
            return _dynamics(parts["dynamics"])
        if parts["training"] is not None and parts["training"]["entropy"] is not None:
            drawn = plotting.new_figure(plotting.COLUMN, 2.2)
            _by_step(drawn.subplots(), parts["training"])
            return drawn
        return _of_policies(parts)


def _dynamics(dynamics: Mapping[str, Any]) -> plotting.Figure:
    drawn = plotting.new_figure(PAGE, 2.9)
    axes = drawn.subplot_mosaic([["reward", "law"], ["entropy", "law"]])
    step, stages = array(dynamics["step"]), dynamics["stages"]
    for i, name in enumerate(("reward", "entropy")):
        axes[name].plot(step, array(dynamics[name]), ".", markersize=3, color=look(i)["color"])
        axes[name].set_ylabel(name if name == "reward" else "entropy (nats)")
        if stages["change"] is not None:
            axes[name].axvline(stages["change"], color=plotting.BLACK, linewidth=0.8)
            axes[name].axvspan(*stages["interval"], color=plotting.GREY, alpha=0.18, linewidth=0)
    axes["reward"].tick_params(labelbottom=False)
    axes["entropy"].set_xlabel("step")
    if stages["change"] is not None:
        low, high = stages["interval"]
        axes["reward"].set_title(f"rising until step {stages['change']:g}, 95 %: {low:g} to {high:g}")
    else:
        axes["reward"].set_title(stages["verdict"])
    plot_law(axes["law"], dynamics)
    panel(axes["reward"], "a")
    panel(axes["law"], "b")
    return drawn


def plot_law(axes: Axes, dynamics: Mapping[str, Any]) -> Axes:
    """Reward against entropy with the curves that were fitted."""
    entropy, reward = array(dynamics["entropy"]), array(dynamics["reward"])
    axes.plot(entropy, reward, ".", markersize=3, color=plotting.GREY, label="steps")
    order = np.argsort(entropy)
    for name, (color, line) in FITS.items():
        fits = dynamics["law"]["fits"]
        # What explains less than a constant is no curve to look at.
        if name in fits and fits[name]["aic"] < fits["constant"]["aic"]:
            fitted = array(fits[name]["fitted"])
            axes.plot(entropy[order], fitted[order], color=color, linestyle=line, label=name)
    axes.set_xlabel("entropy $H$ (nats)")
    axes.set_ylabel("reward")
    return legend_above(axes, columns=4)


def _by_step(axes: Axes, training: Mapping[str, Any]) -> None:
    curve(axes, array(training["steps"]), training["entropy"], "", look(0) | {"marker": "o"})
    axes.set_xlabel("step")
    axes.set_ylabel(f"{training['entropy_is']} (nats a token)")


def _entropies(policy: Mapping[str, Any], lead: str = "") -> list[dict[str, Any]]:
    """Entropies of a policy as rungs."""
    tokens = policy["tokens"]
    rungs = []
    if tokens is not None and tokens["entropy"] is not None:
        for name, key, kind in KINDS:
            rungs.append(_rung(lead + name, tokens["entropy"][key], kind))
    return [rung for rung in rungs if rung["mean"] is not None]


def _intervals(policy: Mapping[str, Any], lead: str = "") -> list[dict[str, Any]]:
    """What top lists alone allow a policy's entropy to be, ``high`` None where V is not known."""
    tokens = policy["tokens"]
    if tokens is None or tokens["lists"] is None:
        return []
    low, high = (end["mean"] for end in tokens["lists"]["lists_alone"])
    return [] if low is None else [{"label": f"{lead}what top lists allow", "low": low, "high": high}]


def _rung(label: str, number: Mapping[str, Any], kind: str) -> dict[str, Any]:
    return {"label": label, "mean": number["mean"], "stderr": number["stderr"], "kind": kind}


def _of_policies(parts: Mapping[str, Any]) -> plotting.Figure:
    """Entropies on the left; on the right what their change went with, or how accuracy goes with perplexity."""
    several = len(parts["policies"]) > 1
    leads = [(p, f"{p['label']}: " if several else "") for p in parts["policies"]]
    rungs = [rung for policy, lead in leads for rung in _entropies(policy, lead)]
    intervals = [interval for policy, lead in leads for interval in _intervals(policy, lead)]
    exchange = parts["comparison"] and parts["comparison"]["exchange"]
    drawn = plotting.new_figure(PAGE, max(2.1, 0.7 + 0.19 * (len(rungs) + len(intervals))))
    layout: Any = drawn.get_layout_engine()
    layout.set(wspace=0.06)
    left, right = drawn.subplots(1, 2, width_ratios=[1, 0.9])
    panel(left, "a")
    panel(right, "b")
    plotting.plot_estimates(left, rungs)
    plot_intervals(left, intervals, [rung["label"] for rung in rungs])
    left.set_xlabel("entropy, nats a token")
    left.set_title(f"{BARS}; thick: interval" if intervals else BARS, fontsize=7)
    if exchange:
        plot_exchange(right, exchange).set_title(BARS, fontsize=7)
    else:
        plot_perplexity(right, parts["policies"])
    return drawn


def plot_intervals(axes: Axes, intervals: list[dict[str, Any]], above: list[str]) -> Axes:
    """Intervals as thick bars below rungs that are there already, with an arrow where there is no upper end."""
    for i, interval in enumerate(intervals):
        low, high, height = interval["low"], interval["high"], -1 - i
        if high is None:
            arrow = {"arrowstyle": "<-", "color": plotting.PURPLE, "linewidth": 1.2}
            axes.plot(low, height, "|", color=plotting.PURPLE)
            axes.annotate("", xy=(low, height), xytext=(28, 0), textcoords="offset points", arrowprops=arrow)
        else:
            axes.hlines(height, low, high, color=plotting.PURPLE, linewidth=3)
        told = f"≥ {low:.2f}" if high is None else f"{low:.2f} to {high:.2f}"
        axes.text(1.02, height, told, transform=axes.get_yaxis_transform(), va="center", fontsize=6.5)
    if intervals:
        labels = [interval["label"] for interval in intervals[::-1]] + above[::-1]
        axes.set_yticks(range(-len(intervals), len(above)), labels)
        axes.set_ylim(-len(intervals) - 0.6, len(above) - 0.4)
    return axes


def plot_exchange(axes: Axes, exchange: Mapping[str, Any]) -> Axes:
    """The change of a response's entropy and its three parts."""
    named = (
        ("change", "change", "entropy"),
        ("with accuracy", "accuracy", "certified"),
        ("among correct", "correct", "bound"),
        ("among wrong", "wrong", "likelihood"),
    )
    plotting.plot_estimates(axes, [_rung(label, exchange[name], kind) for label, name, kind in named])
    axes.axvline(0.0, color=plotting.BLACK, linewidth=0.5)
    axes.set_xlabel("change of entropy, nats a response")
    return axes


def plot_perplexity(axes: Axes, policies: list[Mapping[str, Any]]) -> Axes:
    """The share of correct responses among those of like perplexity."""
    for i, policy in enumerate(policies):
        found = policy["tokens"] and policy["tokens"]["perplexities"]
        if found:
            edges = array(found["edges"])
            curve(
                axes,
                (edges[1:] + edges[:-1]) / 2,
                found["accuracy"],
                policy["label"],
                look(i) | {"marker": "os"[i]},
            )
    axes.set_xlabel("log-perplexity, nats a token")
    axes.set_ylabel("share correct")
    return legend_above(axes, title=BARS)


def tokens(parts: Mapping[str, Any]) -> plotting.Figure:
    """Entropy, surprise and divergence over relative and absolute position, with bands of one standard error."""
    policies = profiles(parts)
    with plotting.style():
        drawn = plotting.new_figure(PAGE, 2.4)
        left, right = drawn.subplots(1, 2)
        for axes, kind in ((left, "relative"), (right, "absolute")):
            for i, policy in enumerate(policies):
                _profile(axes, policy, kind, i, alone=len(policies) == 1)
        left.set_xlabel("position, share of the response")
        left.set_ylabel("nats a token")
        left.set_xlim(0, 1)
        right.set_xlabel("position, tokens before it")
        longest = max((p["tokens"]["positions"]["absolute"]["edges"] for p in policies), key=len)
        shown = range(len(longest) - 1)
        right.set_xticks(shown, [_doubling(longest, i) for i in shown])
        if len(shown) > 5:
            right.tick_params(axis="x", labelrotation=40)
            for label in right.get_xticklabels():
                label.set(horizontalalignment="right", rotation_mode="anchor")
        legend_above(left, columns=3, title="bands: one standard error, clustered by problem")
        panel(left, "a")
        panel(right, "b")
    return drawn


def _doubling(edges: list[Any], i: int) -> str:
    """0, 1, 2–3, 4–7, ..."""
    first, last = int(edges[i]), int(edges[i + 1]) - 1
    return f"{first}" if first == last else f"{first}–{last}"


def _profile(axes: Axes, policy: Mapping[str, Any], kind: str, i: int, alone: bool) -> None:
    """All quantities of one policy; of two, the first that there is."""
    bins = policy["tokens"]["positions"][kind]
    edges = array(bins["edges"])
    x = (edges[1:] + edges[:-1]) / 2 if kind == "relative" else np.arange(len(edges) - 1)
    present = [name for name in QUANTITIES if name in bins["means"]]
    for j, name in enumerate(present if alone else present[:1]):
        mean, error = (array(bins["means"][name][key]) for key in ("mean", "stderr"))
        style = {
            "color": plotting.PALETTE[j if alone else i],
            "linestyle": ("-", (0, (5, 1.5)), (0, (1, 1)))[j if alone else i],
        }
        axes.plot(x, mean, label=name if alone else f"{policy['label']}: {name}", **style)
        axes.fill_between(x, mean - error, mean + error, color=style["color"], alpha=0.2, linewidth=0)
