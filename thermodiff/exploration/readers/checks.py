"""What collected responses must satisfy, and what is worth a remark: whole columns at once."""

from __future__ import annotations

from typing import NoReturn

import numpy as np

from thermodiff.exploration.readers.collector import Collector
from thermodiff.exploration.readers.response import CUT_OFF
from thermodiff.validation import complain

ROUNDING = 1e-5
"""A log-probability may be above 0, and an entropy below it, by the rounding of a 32-bit log-softmax."""
NOT_LISTED = -9999.0
"""What vLLM writes for minus infinity: no probability, but a token that was not listed."""
APART = 1e-3
"""Nats by which the drawn token's entry in a list may differ from its own log-probability: both may be rounded."""
TOKENS_AT_ONCE = 1 << 18


def correctness(collected: Collector, threshold: float | None) -> np.ndarray:
    """Which responses are correct: rewards of 0 and 1, or all that reach the threshold."""
    scores = np.frombuffer(collected.scores)
    bad = np.isnan(scores) if threshold is not None else ~np.isin(scores, (0.0, 1.0))
    if bad.any():
        first = int(np.argmax(bad))
        need = (
            "a number"
            if threshold is not None
            else "0 or 1, or a threshold from which on it counts as correct (--threshold)"
        )
        raise complain(collected.place(first), f"a reward of {scores[first]:g}", need)
    return scores >= (1.0 if threshold is None else threshold)


def check_samples(collected: Collector) -> None:
    """Raise if two responses are the same sample of the same problem at the same step."""
    if not collected.sample.known():
        return
    columns = (collected.problem, collected.sample, collected.step)
    keys = np.stack([np.frombuffer(words.codes, dtype=np.int64) for words in columns])
    order = np.lexsort(keys)
    order = order[collected.sample.given()[order]]
    same = np.flatnonzero((np.diff(keys[:, order], axis=1) == 0).all(axis=0))
    if len(same):
        first, second = sorted(order[same[0] : same[0] + 2])
        problem, sample = collected.problem.array()[second], collected.sample.array()[second]
        got = f"problem {problem}, sample {sample} a second time (first: {collected.place(int(first))})"
        raise complain(collected.place(int(second)), got, "every sample of a problem once")


def repeated(collected: Collector, codes: np.ndarray) -> float:
    """The share of responses that repeat an earlier one to the same problem at the same step, word by word."""
    steps = np.frombuffer(collected.step.codes, dtype=np.int64)
    keys = np.stack([codes, steps, np.frombuffer(collected.texts, dtype=np.int64)])
    order = np.lexsort(keys)
    return float((np.diff(keys[:, order], axis=1) == 0).all(axis=0).sum() / len(codes))


def refuse(collected: Collector, offsets: np.ndarray, token: int, got: str, need: str) -> NoReturn:
    """Complain about one token."""
    rollout = int(np.searchsorted(offsets, token, side="right")) - 1
    raise complain(collected.place(rollout), f"{got} at token {token - offsets[rollout]}", need)


def check_log_probs(collected: Collector, offsets: np.ndarray, name: str, values: np.ndarray) -> float:
    """Mend a column of log-probabilities in place; the share that was not listed, which is NaN from here on."""
    bad = np.isnan(values) | (values > ROUNDING)
    if bad.any():
        token = int(np.argmax(bad))
        refuse(collected, offsets, token, f"{values[token]:g} in {name}", "log-probabilities, at most 0")
    np.minimum(values, 0.0, out=values)
    unlisted = values <= NOT_LISTED
    values[unlisted] = np.nan
    return float(unlisted.mean())


def check_entropies(
    collected: Collector, offsets: np.ndarray, values: np.ndarray, vocabulary: int | None
) -> None:
    """Entropies are numbers between 0 and ln V; rounding is mended in place."""
    most = np.inf if vocabulary is None else np.log(vocabulary)
    bad = ~((values >= -ROUNDING) & (values <= most + ROUNDING) & np.isfinite(values))
    if bad.any():
        token = int(np.argmax(bad))
        need = "entropies of at least 0" + (
            "" if vocabulary is None else f" and at most ln {vocabulary} = {most:.4f}"
        )
        refuse(collected, offsets, token, f"{values[token]:g} in entropies", need)
    np.clip(values, 0.0, most, out=values)


def check_nucleus_sizes(
    collected: Collector, offsets: np.ndarray, values: np.ndarray, vocabulary: int | None
) -> None:
    """A nucleus has between 1 and V tokens."""
    bad = (values < 1) | (values > (vocabulary or np.iinfo(values.dtype).max))
    if bad.any():
        token = int(np.argmax(bad))
        most = "" if vocabulary is None else f" and at most {vocabulary}"
        refuse(collected, offsets, token, f"{values[token]} in nucleus_sizes", f"at least 1{most}")


def check_lists(
    collected: Collector, offsets: np.ndarray, top: np.ndarray, drawn: np.ndarray | None
) -> float | None:
    """Lists are sorted log-probabilities that hold the drawn token if it is likely enough; the share outside, if known.

    Works on some tokens at a time, because every comparison of a whole gigabyte is another gigabyte.
    """
    outside = 0
    for start in range(0, len(top), TOKENS_AT_ONCE):
        part = top[start : start + TOKENS_AT_ONCE]
        check_list_values(collected, offsets, part, start)
        if drawn is not None:
            outside += drawn_outside(collected, offsets, part, drawn[start : start + TOKENS_AT_ONCE], start)
    return None if drawn is None else outside / max(len(top), 1)


def check_list_values(collected: Collector, offsets: np.ndarray, part: np.ndarray, start: int) -> None:
    """Mend lists in place; raise where one is no list of log-probabilities, largest first."""
    bad = np.isnan(part).any(axis=1) | (part > ROUNDING).any(axis=1)
    if bad.any():
        token = int(np.argmax(bad))
        refuse(
            collected,
            offsets,
            start + token,
            "NaN or above 0 in top_log_probs",
            "log-probabilities, at most 0",
        )
    np.minimum(part, 0.0, out=part)
    part[part <= NOT_LISTED] = -np.inf
    unsorted = (part[:, 1:] > part[:, :-1]).any(axis=1)
    if unsorted.any():
        token = int(np.argmax(unsorted))
        refuse(collected, offsets, start + token, "an unsorted list in top_log_probs", "the largest first")


def drawn_outside(
    collected: Collector, offsets: np.ndarray, part: np.ndarray, drawn: np.ndarray, start: int
) -> int:
    """How many drawn tokens are outside their list; raise if one is missing though likelier than the list's end."""
    smallest = np.where(np.isfinite(part), part, np.inf).min(axis=1)
    with np.errstate(invalid="ignore"):
        found = (np.abs(part - drawn[:, None]) <= APART).any(axis=1)
    missing = ~found & (drawn > smallest + APART)
    if missing.any():
        token = int(np.argmax(missing))
        got = f"a drawn token of log-probability {drawn[token]:g}, not in its list that ends at {smallest[token]:g}"
        refuse(collected, offsets, start + token, got, "lists of the most likely tokens")
    return int((~found & ~np.isnan(drawn)).sum())


def shares(collected: Collector, correct: np.ndarray, codes: np.ndarray) -> list[str]:
    """Remarks on the responses: cut off, repeated, and on problems that are all right, all wrong, or asked once."""
    remarks = []
    finish = collected.finish_reason.array()
    truncated = float(((finish == CUT_OFF) & ~correct).mean())
    if truncated:
        remarks.append(f"{truncated:.1%} of the responses were cut off and count as wrong")
    if collected.present["text"] == len(collected) and (same := repeated(collected, codes)):
        remarks.append(
            f"{same:.1%} of the responses repeat an earlier one to the same problem: to be expected of short answers, "
            "else a sign of common seeds, and then errors are too small"
        )
    samples = np.bincount(codes)
    right = np.bincount(codes, weights=correct)
    for what, share in (("right", np.mean(right == samples)), ("wrong", np.mean(right == 0))):
        if share:
            remarks.append(f"{share:.1%} of the problems are all {what}")
    if samples.max() == 1:
        remarks.append(
            "every problem was answered once (or what names problems names responses): only pass@1 is there"
        )
    return remarks
