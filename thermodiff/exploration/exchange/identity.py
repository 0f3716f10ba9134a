"""What a change of entropy paid for: accuracy, or answers that were lost among the correct and among the wrong ones.

For the entropy H of whole responses to one problem, p the probability of a correct one, h(p) the binary entropy, and
S_c, S_w the entropies among correct and among wrong responses,
    H = h(p) + p S_c + (1 - p) S_w,
and with mid the mean of both ends, exactly,
    Delta H = [Delta h + (S_c - S_w)_mid Delta p] + p_mid Delta S_c + (1 - p)_mid Delta S_w.
Per problem, then averaged; this project. From c correct of n responses H is the mean of -ln pi; p ln p is
(c/n)(psi(c) - psi(n)), and ln p psi(c + 1) - psi(n + 1), of bias sum_{j > n} (1 - p)^j/j: at most 0.013 where p n is 3
or more. The parts add up exactly in samples too. No problem is left out for its counts: keeping those with enough
correct ones would bias the parts (with n = 32, p from 0.05 to 0.3, "3 of each" makes -0.05 among correct -0.23).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from thermodiff.exploration.rollouts import Rollouts
from thermodiff.exploration.tokens.token_data import check_log_probs, column, tokens_of
from thermodiff.types import Estimate
from thermodiff.validation import complain

FEW = 3
"""With fewer correct (or wrong) responses at an end, a problem's split is uncertain: a remark counts such problems."""


class Exchange(NamedTuple):
    """A change of entropy and its three parts, which add up to it: nats a response, means over problems drawn."""

    change: Estimate
    """Mean over problems of Delta H."""
    accuracy: Estimate
    """Delta h + (S_c - S_w)_mid Delta p: what went with the change of accuracy."""
    correct: Estimate
    """p_mid Delta S_c: below 0, what was lost among correct answers."""
    wrong: Estimate
    """(1 - p)_mid Delta S_w: below 0, what was lost among wrong answers."""
    before: Estimate
    """Mean over problems of H before."""
    after: Estimate
    unseen: tuple[float, float]
    """Where one end has no correct (no wrong) response, its S_c (S_w) is taken to be that of the other end. For each
    nat by which that is wrong, this much of ``correct`` (of ``wrong``) stands under ``accuracy`` instead."""
    remarks: tuple[str, ...]

    def __str__(self) -> str:
        lines = [
            f"entropy of a response {self.before:.3f} to {self.after:.3f} nats, change {self.change:.3f}"
        ]
        lines += [f"  {name:<9}{getattr(self, name):.3f}" for name in ("accuracy", "correct", "wrong")]
        return "\n".join([*lines, *self.remarks])


def exchange_identity(p: Any, among_correct: Any, among_wrong: Any) -> tuple[Any, Any, Any]:
    """The three parts of Delta H, exact, from p, S_c and S_w before and after: each an array (2, ...).

    Returns what went with accuracy, what was lost among correct and what among wrong, each (...). They add up to
    Delta H, also where p is 0 or 1 (S_c or S_w may be any number there, and decides how the sum is split).
    Raises ValueError for a p outside [0, 1].
    """
    p, s_c, s_w = (np.asarray(x, dtype=np.float64) for x in (p, among_correct, among_wrong))
    if not ((p >= 0) & (p <= 1)).all():
        raise complain("p", f"{p}", "probabilities in [0, 1]")
    change = p[1] - p[0]
    middle = p.mean(axis=0)
    binary = _binary_entropy(p)
    paid = binary[1] - binary[0] + (s_c.mean(axis=0) - s_w.mean(axis=0)) * change
    return paid, middle * (s_c[1] - s_c[0]), (1 - middle) * (s_w[1] - s_w[0])


def entropy_exchange(before: Rollouts, after: Rollouts) -> Exchange:
    """Splits the change of the entropy of responses between two policies; each end sampled from its own policy.

    Both are ``Rollouts`` with the log-probabilities that their tokens were drawn with (or one "token" a response, its
    whole log-probability). Errors are for problems drawn from a population, of both policies' common problems. Raises
    ValueError for fewer than two of these, without log-probabilities, or where a response has none.
    """
    first, second = _sums(before), _sums(after)
    names, left, right = np.intersect1d(first.names, second.names, return_indices=True)
    if len(names) < 2:
        raise complain("common problems", f"{len(names)}", "at least two in both sets of rollouts")
    a, b = first.only(left), second.only(right)
    entropies = a.surprise / a.n, b.surprise / b.n
    right_answers, wrong_answers = _side(a, b), _side(a.wrong(), b.wrong())
    change = entropies[1] - entropies[0]
    paid = change - right_answers.kept - wrong_answers.kept
    return Exchange(
        change=_mean(change),
        accuracy=_mean(paid),
        correct=_mean(right_answers.kept),
        wrong=_mean(wrong_answers.kept),
        before=_mean(entropies[0]),
        after=_mean(entropies[1]),
        unseen=(float(right_answers.unseen.mean()), float(wrong_answers.unseen.mean())),
        remarks=(*_common(len(first.names), len(second.names), len(names)), *_counted(a, b)),
    )


class _Sums(NamedTuple):
    """Of each problem: responses n, correct ones c, and sums of -ln pi over all and over correct responses."""

    names: np.ndarray
    n: np.ndarray
    c: np.ndarray
    surprise: np.ndarray
    surprise_correct: np.ndarray

    def only(self, index: np.ndarray) -> _Sums:
        return _Sums(*(field[index] for field in self))

    def wrong(self) -> _Sums:
        """The same with wrong for correct."""
        return _Sums(
            self.names, self.n, self.n - self.c, self.surprise, self.surprise - self.surprise_correct
        )


def _sums(rollouts: Rollouts) -> _Sums:
    tokens = tokens_of(rollouts)
    log_probs = check_log_probs(column(rollouts, "log_probs", "log-probabilities of the tokens"), tokens)
    lengths = np.bincount(tokens.rollout, minlength=len(rollouts.problem))
    bare = np.flatnonzero(lengths == 0)
    if len(bare):
        raise complain(
            f"{rollouts.source}, rollout {bare[0]}", "no tokens", "a log-probability of every response"
        )
    unknown = np.flatnonzero(np.isinf(log_probs))
    if len(unknown):
        raise complain(
            tokens.place(unknown[0]), "a token that is not listed", "log-probabilities of all tokens"
        )
    surprise = -np.bincount(tokens.rollout, weights=log_probs)
    names, index = np.unique(rollouts.problem, return_inverse=True)
    right = np.asarray(rollouts.correct, dtype=bool)
    return _Sums(
        names,
        np.bincount(index),
        np.bincount(index, weights=right).astype(int),
        np.bincount(index, weights=surprise),
        np.bincount(index, weights=surprise * right),
    )


class _Side(NamedTuple):
    """Of each problem: p_mid Delta S of correct (or of wrong) responses, and p_mid where S is not seen at one end."""

    kept: np.ndarray
    unseen: np.ndarray


def _side(a: _Sums, b: _Sums) -> _Side:
    """p_mid Delta S = (p' S' - p S + p S' - p' S)/2: each of the four by its own estimate.

    The two ends are independent, so that p S' is the product of estimates of p and of S' = E_c(-ln pi') + ln p'.
    """
    from scipy.special import digamma

    share, own, single = [], [], []
    for end in (a, b):
        c = np.maximum(end.c, 1)
        share.append(end.c / end.n)
        own.append(end.surprise_correct / end.n + share[-1] * (digamma(c) - digamma(end.n)))
        single.append(end.surprise_correct / c + digamma(end.c + 1) - digamma(end.n + 1))
    kept = 0.5 * (own[1] - own[0] + share[0] * single[1] - share[1] * single[0])
    seen = (a.c > 0) & (b.c > 0)
    return _Side(np.where(seen, kept, 0), np.where(seen, 0, 0.5 * (share[0] + share[1])))


def _binary_entropy(p: np.ndarray) -> np.ndarray:
    inside = np.clip(p, 1e-300, 1)
    other = np.clip(1 - p, 1e-300, 1)
    return -p * np.log(inside) - (1 - p) * np.log(other)


def _mean(values: np.ndarray) -> Estimate:
    return Estimate(float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values))), len(values))


def _common(before: int, after: int, common: int) -> list[str]:
    if before == after == common:
        return []
    return [
        f"{common} problems are common to both, of {before} before and {after} after: only these are used"
    ]


def _counted(a: _Sums, b: _Sums) -> list[str]:
    """What the counts do not let one see."""
    remarks = []
    for kind, left, right in (("correct", a.c, b.c), ("wrong", a.n - a.c, b.n - b.c)):
        one_end = float(((left == 0) != (right == 0)).mean())
        few = float(((left > 0) & (right > 0) & (np.minimum(left, right) < FEW)).mean())
        if one_end > 0:
            shown = f"{one_end:.1%} of the problems have no {kind} response at one end"
            remarks.append(f"{shown}: there no loss among {kind} ones is counted")
        if few > 0:
            shown = f"{few:.1%} of the problems have 1 to {FEW - 1} {kind} responses at an end"
            remarks.append(f"{shown}: their split is uncertain")
    return remarks
