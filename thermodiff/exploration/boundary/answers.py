"""What is among the answers: how many different correct ones k rollouts hold, and what their majority says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from thermodiff.exploration.boundary.pass_at_k import budgets, failure_table
from thermodiff.exploration.rollouts import Rollouts
from thermodiff.types import Estimate
from thermodiff.validation import complain


class AnswerDiversity(NamedTuple):
    """Different correct answers among m rollouts of a problem: mean over problems, and per problem (M,) + shape of m.

    ``found`` (M,): different correct answers in all of a problem's rollouts.
    """

    m: np.ndarray
    distinct: Estimate
    per_problem: np.ndarray
    found: np.ndarray
    problems: np.ndarray


class MajorityAtK(NamedTuple):
    """The chance that the most frequent of k answers is correct: over problems, and per problem (M,) + shape of k."""

    k: np.ndarray
    correct: Estimate
    per_problem: np.ndarray
    problems: np.ndarray


class _Answers(NamedTuple):
    """Answers of each problem: rows (problem, answer) in the problems' order, with their rollouts and correct ones."""

    names: np.ndarray
    samples: np.ndarray
    problem: np.ndarray
    times: np.ndarray
    right: np.ndarray
    unsaid: int
    """Correct rollouts without an answer."""


def answer_diversity(rollouts: Rollouts, m: Any = None) -> AnswerDiversity:
    """Different correct answers that m of a problem's n rollouts hold: sum over them of 1 - C(n-n_s, m)/C(n, m).

    n_s rollouts gave the correct answer s. Rarefied to m (one or several, all up to the least n if None), policies with
    different n can be compared; in the mean over rollouts without bias (Hurlbert 1971). Answers are the same if their
    texts are equal: bring them to one form first. Standard errors for problems drawn, NaN for one problem.

    Raises ValueError if the rollouts have no answers, a correct one has none, or m is larger than some n.
    """
    answers = _answers(rollouts)
    ms = budgets(m, rollouts.counts())
    if answers.unsaid:
        got = f"{answers.unsaid} correct rollout(s) without one"
        raise complain("rollouts.answer", got, "an answer of every correct rollout")
    some = answers.right > 0
    problem = answers.problem[some]
    # A rollout is as correct as its answer: the same answer judged both ways counts where it was judged correct.
    q = (
        failure_table((answers.right[some], answers.samples[problem]), int(ms.max()))[:, ms]
        if some.any()
        else 0.0
    )
    per_problem = np.zeros((len(answers.names), *ms.shape))
    np.add.at(per_problem, problem, 1 - q)
    found = np.bincount(problem, minlength=len(answers.names))
    return AnswerDiversity(ms, _mean(per_problem), per_problem, found, answers.names)


def majority_at_k(rollouts: Rollouts, k: Any) -> MajorityAtK:
    """The chance that the most frequent answer among k of a problem's n rollouts is correct, ties broken by lot.

    The mean over all k-subsets of the n, exact. With n_s rollouts of answer s it is the sum over correct s and their
    votes v of C(n_s, v)/C(n, k) times the coefficient of x^(k-v) in

        int_0^1 prod_(r != s) [sum_(u<v) C(n_r, u) x^u + y C(n_r, v) x^v] dy,

    where the integral of y^t gives a tie with t others its 1/(t+1). Rollouts without an answer ("" or None) do not
    vote, and if none votes it is wrong. An answer judged both ways is correct to the share of its rollouts that were.
    Wang et al. 2022 (arXiv 2203.11171) for the vote, this project for the sum. Standard errors for problems drawn, NaN
    for one problem.

    Raises ValueError if the rollouts have no answers or k is larger than some n.
    """
    answers = _answers(rollouts)
    ks = budgets(k, rollouts.counts())
    starts = np.searchsorted(answers.problem, np.arange(len(answers.names) + 1))
    known: dict[tuple, np.ndarray] = {}
    per_problem = np.zeros((len(answers.names), ks.size))
    for i, n in enumerate(answers.samples):
        rows = slice(starts[i], starts[i + 1])
        times, share = answers.times[rows], answers.right[rows] / answers.times[rows]
        case = (int(n), *sorted(zip(times.tolist(), share.tolist(), strict=True)))
        if case not in known:
            known[case] = np.array([_majority(times, share, int(n), int(one)) for one in ks.reshape(-1)])
        per_problem[i] = known[case]
    per_problem = per_problem.reshape(len(answers.names), *ks.shape)
    return MajorityAtK(ks, _mean(per_problem), per_problem, answers.names)


def _missing(answer: np.ndarray) -> np.ndarray:
    """Where there is no answer: "", None or NaN."""
    words = np.asarray(answer, object)
    none = np.array([None], object)
    return ((words == "") | (words == none) | (words != words)).astype(bool)


def _answers(rollouts: Rollouts) -> _Answers:
    """The different answers of every problem, compared as text, with problems in the order of ``counts()``."""
    if rollouts.answer is None:
        raise complain("rollouts.answer", "none", "the answer of each rollout")
    names, first, place = np.unique(rollouts.problem, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.argsort(order)[place]
    given = ~_missing(rollouts.answer)
    words, word = np.unique(rollouts.answer[given].astype(str), return_inverse=True)
    keys, which = np.unique(place[given] * max(len(words), 1) + word, return_inverse=True)
    problem = keys // max(len(words), 1)
    times = np.bincount(which, minlength=len(keys))
    right = np.bincount(which, rollouts.correct[given], len(keys))
    unsaid = int((rollouts.correct & ~given).sum())
    return _Answers(names[order], np.bincount(place), problem, times, right, unsaid)


def _mean(per_problem: np.ndarray) -> Estimate:
    M = len(per_problem)
    spread = per_problem.std(0, ddof=1) if M > 1 else np.full(per_problem.shape[1:], np.nan)
    return Estimate(per_problem.mean(0), spread / np.sqrt(M), M)


def _majority(times: np.ndarray, share: np.ndarray, n: int, k: int) -> float:
    """P(the most frequent of k answers is correct) of one problem whose answers were given ``times`` out of n."""
    total = 0.0
    for s in np.flatnonzero(share > 0):
        others = np.delete(times, s)
        for v in range(1, min(int(times[s]), k) + 1):
            total += share[s] * sum(_wins(int(times[s]), v, others, n, k))
    return total


def _wins(own: int, v: int, others: np.ndarray, n: int, k: int) -> Iterator[float]:
    """The chance that one answer has v of the k votes and the others at most v each, by nodes of y in [0, 1]."""
    from scipy.stats import binom

    z = k / n  # Every C(n_r, u) x^u becomes a binomial probability, which neither overflows nor cancels.
    rivals, free = others[others >= v], n - own - int(others[others >= v].sum())
    if v + free + v * len(rivals) < k:
        return
    below = binom.pmf(np.arange(k - v + 1), free, z)
    scale = binom.pmf(v, own, z) / binom.pmf(k, n, z)
    votes = binom.pmf(np.arange(v + 1), rivals[:, None], z)
    ties = min(len(rivals), k // v - 1)
    for y, weight in zip(*_unit_nodes(ties // 2 + 1), strict=True):
        product = below
        for rival in votes:
            product = np.convolve(product, np.append(rival[:v], y * rival[v]))[: k - v + 1]
        yield float(weight * scale * product[k - v])


def _unit_nodes(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights on [0, 1] that integrate polynomials of degree 2 count - 1 exactly."""
    x, w = np.polynomial.legendre.leggauss(count)
    return (x + 1) / 2, w / 2
