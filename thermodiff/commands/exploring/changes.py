"""Which problems changed: changed.csv of ``thermodiff explore``, all of them, and the clearest ones in its report."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import numpy as np

from thermodiff.commands.exploring.measures import Comparison, PolicyMeasures
from thermodiff.commands.exploring.numbers import p_value
from thermodiff.commands.exploring.tables import short

SHOWN = 10
FLAGS = ("lost", "gained", "worse_of_all", "better_of_all", "worse", "better")
"""Columns of 0 and 1: the first two in all rollouts, of the others the first two go by q_of_all, the last two by q."""


def names_of(policies: Sequence[PolicyMeasures]) -> list[str]:
    """The problems' names; where files have none, their places: row 1, row 2, ..."""
    counts = policies[0].counts
    if counts.problems is None:
        return [f"row {i + 1}" for i in range(len(counts.correct))]
    return [str(name) for name in counts.problems]


def changed_csv(policies: Sequence[PolicyMeasures], comparison: Comparison) -> str:
    """A row a problem in the order of the first file; q is empty where a problem could not show a change."""
    changed, labels = comparison.shift.changed, comparison.labels
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    heads = [f"{letter}_{label}" for label in labels for letter in "cn"]
    writer.writerow(["problem", *heads, "p", "q_of_all", "q", *FLAGS])
    flags = np.stack([getattr(changed, name) for name in FLAGS], 1).astype(int).tolist()
    counts = np.stack([x for p in policies for x in (p.counts.correct, p.counts.samples)], 1).tolist()
    for i, name in enumerate(names_of(policies)):
        values = changed.p_values[i], changed.q_values_of_all[i], changed.q_values[i]
        shown = ["" if np.isnan(value) else f"{value:.4g}" for value in values]
        writer.writerow([name, *counts[i], *shown, *flags[i]])
    return stream.getvalue()


def changed_table(policies: Sequence[PolicyMeasures], comparison: Comparison) -> list[str]:
    """Up to ten problems beyond chance: first those lost and gained, then those that fell, then those that rose."""
    changed = comparison.shift.changed
    beyond = changed.worse | changed.better | changed.worse_of_all | changed.better_of_all
    if not beyond.any():
        return []
    worse = changed.worse | changed.worse_of_all
    rank = np.select([changed.lost, changed.gained, worse], [0, 1, 2], 3)
    order = [i for i in np.lexsort((changed.p_values, rank)) if beyond[i]]
    kinds = ("lost", "gained", "worse", "better")
    testable = f"q of {changed.testable.sum()}"
    labels = [short(label, 13) for label in comparison.labels]
    head = f"  {'problem':<32}{'':<8}{labels[0]:>14}{labels[1]:>14}"
    head += f"{'p':>8}{f'q of {len(beyond)}':>11}{testable:>11}"
    names, rows = names_of(policies), []
    for i in order[:SHOWN]:
        shares = [f"{p.counts.correct[i]}/{p.counts.samples[i]}" for p in policies]
        numbers = changed.p_values[i], changed.q_values_of_all[i], changed.q_values[i]
        cells = [
            f"{'-' if np.isnan(x) else p_value(x):>{w}}" for x, w in zip(numbers, (8, 11, 11), strict=True)
        ]
        name = short(" ".join(names[i].split()), 31)
        rows.append(f"  {name:<32}{kinds[rank[i]]:<8}{shares[0]:>14}{shares[1]:>14}" + "".join(cells))
    some = "" if len(order) <= SHOWN else f", {SHOWN} of {len(order)}"
    return ["", f"Problems that changed beyond chance{some} (all problems: changed.csv)", head, *rows]
