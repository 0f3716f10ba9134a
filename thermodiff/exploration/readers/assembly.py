"""Rollouts out of what was collected: columns that every response has, checked, and remarks on the rest."""

from __future__ import annotations

from typing import Any

import numpy as np

from thermodiff.exploration.readers import checks
from thermodiff.exploration.readers.collector import PER_TOKEN, TYPES, Collector, Words
from thermodiff.exploration.rollouts import Rollouts
from thermodiff.validation import complain


def assemble(collected: Collector, source: str, threshold: float | None, remarks: list[str]) -> Rollouts:
    """The rollouts that were collected, or a ValueError that names file and row of what is wrong in them."""
    correct = checks.correctness(collected, threshold)
    checks.check_samples(collected)
    problem = names_of(collected.problem, source)
    codes = np.frombuffer(collected.problem.codes, dtype=np.int64)
    remarks = [*remarks, *checks.shares(collected, correct, codes)]
    columns = per_rollout(collected, source, remarks)
    columns |= per_token(collected, remarks)
    return Rollouts(
        problem, correct, **columns, vocabulary=collected.vocabulary, source=source, remarks=tuple(remarks)
    )


def names_of(problem: Words, source: str) -> np.ndarray:
    """What problems are called; 1 and "1" in one file would become one problem unnoticed."""
    names = problem.distinct()
    if len(set(names)) < len(names):
        raise complain(source, "problems that are called 1 and '1'", "numbers or texts throughout")
    return problem.array()


def per_rollout(collected: Collector, source: str, remarks: list[str]) -> dict[str, Any]:
    """Columns with one entry a response, as far as the source has them."""
    columns: dict[str, Any] = {}
    for name in ("finish_reason", "answer"):
        words = getattr(collected, name)
        if words.known():
            columns[name] = words.array()
    if collected.step.known():
        columns["step"] = collected.step.array()
        steps = np.sort(collected.step.distinct())
        if steps.dtype == object:
            raise complain(source, "responses with and without a step", "a step for each of them")
        if len(steps) > 1:
            remarks.append(
                f"a training of {len(steps)} steps, {steps[0]} to {steps[-1]}: counts() adds all of them up"
            )
    if everywhere(collected, "length", remarks):
        columns["length"] = np.frombuffer(collected.lengths, dtype=np.int64)
    if everywhere(collected, "text", remarks):
        columns["response"] = np.frombuffer(collected.texts, dtype=np.int64)
    return columns


def everywhere(collected: Collector, name: str, remarks: list[str]) -> bool:
    """Whether all responses have a column. One that only some have is left out: what is left would be a selection."""
    present = collected.present[name]
    if 0 < present < len(collected):
        remarks.append(
            f"{name.replace('_', ' ')} in {present / len(collected):.1%} of the responses only: left out"
        )
    return present == len(collected)


def per_token(collected: Collector, remarks: list[str]) -> dict[str, Any]:
    """Columns with one entry a token, checked, and where in them each response begins."""
    offsets = np.concatenate([[0], np.cumsum(np.frombuffer(collected.token_counts, dtype=np.int64))])
    columns: dict[str, Any] = {}
    if not offsets[-1]:
        return columns
    for name in PER_TOKEN:
        if everywhere(collected, name, remarks):
            columns[name] = np.frombuffer(collected.tokens[name], dtype=np.dtype(TYPES.get(name, "d")))
    for name in ("log_probs", "reference_log_probs"):
        if name in columns and (share := checks.check_log_probs(collected, offsets, name, columns[name])):
            remarks.append(f"{share:.2%} of {name.replace('_', ' ')} are not listed: NaN")
    if "entropies" in columns:
        checks.check_entropies(collected, offsets, columns["entropies"], collected.vocabulary)
    if "nucleus_sizes" in columns:
        checks.check_nucleus_sizes(collected, offsets, columns["nucleus_sizes"], collected.vocabulary)
    if everywhere(collected, "top_log_probs", remarks) and len(collected.top):
        columns["top_log_probs"] = lists(collected)
        outside = checks.check_lists(collected, offsets, columns["top_log_probs"], columns.get("log_probs"))
        if outside:
            remarks.append(
                f"{outside:.1%} of the drawn tokens are outside their list of the most likely ones"
            )
    if columns:
        columns["offsets"] = offsets
    return columns


def lists(collected: Collector) -> np.ndarray:
    """All top lists as one array (T, J), -inf where a list is shorter than the longest."""
    flat, widths = np.frombuffer(collected.top), np.frombuffer(collected.widths, dtype=np.int32)
    most = int(widths.max())
    if widths.min() == most:
        return flat.reshape(len(widths), most)
    table = np.full((len(widths), most), -np.inf)
    table[np.arange(most) < widths[:, None]] = flat
    return table
