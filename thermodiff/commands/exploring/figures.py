"""The figures of ``thermodiff explore``, from its record, so that a saved explore.json plots as well.

The first policy is blue and solid, the second vermilion and dashed. Legends stand above the axes, never over data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from thermodiff import plotting
from thermodiff.commands.exploring import figure_tokens as of_tokens
from thermodiff.commands.exploring.figure_parts import (
    PAGE,
    Axes,
    array,
    band,
    curve,
    k_axis,
    legend_above,
    look,
    panel,
)

CHURN = (("lost", plotting.BLACK, "v", "-"), ("gained", plotting.GREEN, "^", "-"))


def figures(parts: Mapping[str, Any]) -> dict[str, plotting.Figure]:
    """The figures that a record allows, by name: boundary, entropy, tokens."""
    return {name: MAKERS[name](parts) for name in names(parts)}


def names(parts: Mapping[str, Any]) -> tuple[str, ...]:
    """Which figures these are."""
    found = []
    if parts["policies"] or parts["training"]:
        found.append("boundary")
    if of_tokens.has_entropy(parts):
        found.append("entropy")
    if of_tokens.profiles(parts):
        found.append("tokens")
    return tuple(found)


def boundary(parts: Mapping[str, Any]) -> plotting.Figure:
    """pass@k with bands; of two policies their difference with the crossing set, and lost and gained beside churn."""
    with plotting.style():
        if parts["comparison"] is None:
            return _alone(parts)
        trained = parts["training"] is not None
        right = ["steps", "shift"] if trained else ["shift", "shift"]
        layout: list[Any] = [["pass", right[0]], ["difference", right[1]]]
        drawn = plotting.new_figure(PAGE, 4.0 if trained else 3.4)
        axes = drawn.subplot_mosaic(layout, height_ratios=[1, 1] if trained else [1.25, 1])
        if trained:
            plot_steps(axes["steps"], parts["training"])
        plot_pass_at_k(axes["pass"], parts["policies"], parts["beyond"] is not None)
        plot_difference(axes["difference"], parts["comparison"])
        plot_shift(axes["shift"], parts["comparison"])
        shade_first_loss((axes["pass"], axes["difference"]), parts["comparison"])
        if parts["beyond"] is not None:
            plot_bounds(axes["pass"], [parts["beyond"][name] for name in "ab"])
            plot_bounds(axes["difference"], [parts["beyond"]])
        for letter, name in zip("abcd", dict.fromkeys((*layout[0], *layout[1])), strict=False):
            panel(axes[name], letter)
    return drawn


def _alone(parts: Mapping[str, Any]) -> plotting.Figure:
    """One policy: its pass@k and how often its problems were solved; or a training whose ends cannot be compared."""
    drawn = plotting.new_figure(PAGE, 2.3) if parts["policies"] else plotting.new_figure(plotting.COLUMN, 2.3)
    if not parts["policies"]:
        plot_steps(drawn.subplots(), parts["training"])
        return drawn
    left, right = drawn.subplots(1, 2)
    plot_pass_at_k(left, parts["policies"], parts["beyond"] is not None)
    if parts["beyond"] is not None:
        plot_bounds(left, [parts["beyond"]])
    plot_solved(right, parts["policies"][0])
    panel(left, "a")
    panel(right, "b")
    return drawn


def plot_pass_at_k(axes: Axes, policies: Sequence[Mapping[str, Any]], beyond: bool) -> Axes:
    """pass@k of each policy with the band that holds at every k together; ``beyond`` if bounds will be drawn too."""
    for i, policy in enumerate(policies):
        found = policy["band"]
        band(axes, array(found["k"]), found, policy["label"], look(i))
    k_axis(axes, max(policy["band"]["k"][-1] for policy in policies))
    axes.set_ylabel("pass@$k$")
    level = f"{100 * policies[0]['band']['level']:g} %"
    bars = "\nbars: bounds beyond the rollouts, tick: the likeliest" if beyond else ""
    return legend_above(axes, title=f"bands: {level} at every $k$ together{bars}")


def plot_difference(axes: Axes, comparison: Mapping[str, Any]) -> Axes:
    """The difference with its band."""
    found = comparison["crossing"]["difference"]
    first, second = comparison["labels"]
    axes.axhline(0.0, color=plotting.BLACK, linewidth=0.5, zorder=0)
    band(axes, array(found["k"]), found, None, {"color": plotting.PURPLE})
    k_axis(axes, found["k"][-1])
    axes.set_ylabel(f"{second} − {first}")
    low, high = comparison["crossing"]["first_loss"]
    if high is not None:
        axes.set_title(f"shaded: {second} first loses at a $k$ in [{low}, {high}]")
    return axes


def shade_first_loss(panels: Sequence[Axes], comparison: Mapping[str, Any]) -> None:
    """The confidence set of the first k at which the second policy loses, where there is one."""
    low, high = comparison["crossing"]["first_loss"]
    for axes in panels if high is not None else ():
        axes.axvspan(low, high, color=plotting.GREY, alpha=0.15, linewidth=0, zorder=0)


def plot_shift(axes: Axes, comparison: Mapping[str, Any]) -> Axes:
    """Expected numbers of problems lost and gained, and what two runs of one policy lose and gain by chance."""
    shift = comparison["shift"]
    looks = {
        name: {"color": color, "marker": marker, "linestyle": line} for name, color, marker, line in CHURN
    }
    labels = {name: name for name in looks}
    for i, name in enumerate(("self_a", "self_b")):
        looks[name] = look(i) | {"marker": "os"[i], "markerfacecolor": "white", "linewidth": 0.8}
        labels[name] = f"chance alone, {comparison['labels'][i]}"
    for j, (name, style) in enumerate(looks.items()):
        # Side by side, so that no bar hides another.
        curve(axes, array(shift["k"]) * 2 ** (0.05 * (j - 1.5)), shift[name], labels[name], style)
    k_axis(axes, shift["k"][-1])
    axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    axes.set_ylabel(f"problems of {shift['lost']['n']}")
    return legend_above(axes, columns=2, title="bars: one standard error, problems drawn")


def plot_bounds(axes: Axes, bounds: Sequence[Mapping[str, Any]]) -> Axes:
    """Beyond the rollouts: an open bracket from bound to bound at each k, a tick where the likeliest is."""
    for i, found in enumerate(bounds):
        style = look(i) if len(bounds) > 1 or "beta_binomial" in found else {"color": plotting.PURPLE}
        k = array(found["k"]) * (1 + 0.09 * (i - (len(bounds) - 1) / 2))
        low, high, middle = (array(found[name]) for name in ("low", "high", "nonparametric"))
        for x, bottom, top, dash in zip(k, low, high, middle, strict=True):
            axes.errorbar(
                x,
                (bottom + top) / 2,
                yerr=(top - bottom) / 2,
                capsize=3,
                elinewidth=0.8,
                color=style["color"],
            )
            axes.plot(x, dash, "_", markersize=6, color=style["color"])
    k_axis(axes, max(max(found["k"]) for found in bounds))
    return axes


def plot_solved(axes: Axes, policy: Mapping[str, Any]) -> Axes:
    """How many problems were solved how often; those never solved stand apart."""
    counts = policy["counts"]
    share = array(counts["correct"]) / array(counts["samples"])
    axes.hist(
        share[share > 0],
        bins=np.linspace(0, 1, 21),
        color=plotting.BLUE,
        edgecolor="white",
        linewidth=0.6,
        label=f"solved: {int((share > 0).sum())}",
    )
    never = int((share == 0).sum())
    if never:
        axes.bar([-0.03], [never], width=0.03, color=plotting.VERMILION, label=f"never solved: {never}")
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel("share of correct rollouts")
    axes.set_ylabel(f"problems of {len(share)}")
    return legend_above(axes, columns=2)


def plot_steps(axes: Axes, training: Mapping[str, Any]) -> Axes:
    """pass@1 and pass@k of a training by step."""
    step = array(training["steps"])
    curves = [("pass@1", training["first"], "o"), (f"pass@{training['top']}", training["reach"], "s")]
    for i, (label, values, marker) in enumerate(curves[: 1 if training["top"] == 1 else 2]):
        curve(axes, step, values, label, look(i) | {"marker": marker})
    axes.set_xlabel("step")
    axes.set_ylabel("share of problems")
    return legend_above(axes, columns=2, title="bars: one standard error, problems drawn")


MAKERS = {"boundary": boundary, "entropy": of_tokens.entropy, "tokens": of_tokens.tokens}
"""All the figures that there are."""
