"""What accuracy costs: the divergence of a trained policy from its base, and how much of it buys correct answers.

With p, p' the chances of a correct answer under the base pi_0 and the trained policy pi, per problem,
KL(pi || pi_0) = kl(p' || p) + p' KL_c + (1 - p') KL_w, kl the binary divergence, KL_c and KL_w those of the policies
conditioned on correct and on wrong answers. kl is the least that p' costs on that problem (the tilt exp(lambda r)).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from thermodiff.types import Estimate
from thermodiff.validation import complain


class CostOfAccuracy(NamedTuple):
    """Means over problems in nats, errors for problems drawn; the parts add up to ``divergence`` exactly.

    ``won`` and ``lost``: the parts of ``paid`` from problems with c'/n' > c/n and with c'/n' < c/n, each over all
    problems, as kl is positive for both. They are sorted by the counts that they are estimated from, so that problems
    which hardly moved fall to either by chance, with too large a part.
    """

    divergence: Estimate
    """KL(pi || pi_0)."""
    paid: Estimate
    """kl(p' || p)."""
    among_correct: Estimate
    """p' KL_c."""
    among_wrong: Estimate
    """(1 - p') KL_w."""
    won: Estimate
    lost: Estimate
    remarks: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = {
            "KL(pi || pi_0)": self.divergence,
            "paid for accuracy": self.paid,
            "  on problems won": self.won,
            "  on problems lost": self.lost,
            "among correct answers": self.among_correct,
            "among wrong answers": self.among_wrong,
        }
        lines = [f"{name:<22} {value} nats" for name, value in parts.items()]
        return "\n".join([*lines, *self.remarks])


def binary_divergence(p_new: Any, p: Any) -> Any:
    """kl(p' || p) = p' ln(p'/p) + (1 - p') ln((1 - p')/(1 - p)) in nats, infinite where p' is impossible under p."""
    from scipy.special import rel_entr

    p_new, p = np.asarray(p_new, dtype=float), np.asarray(p, dtype=float)
    for name, value in (("p_new", p_new), ("p", p)):
        if not np.all((value >= 0) & (value <= 1)):
            raise complain(name, f"{value}", "probabilities in [0, 1]")
    return rel_entr(p_new, p) + rel_entr(1 - p_new, 1 - p)


def paid_from_counts(c_new: Any, n_new: Any, c: Any, n: Any) -> Any:
    """Estimates of kl(p' || p), shape (M,), from c' of n' correct under pi and c of n under pi_0, independent.

    x (psi(c') - psi(n')) + (1-x) (psi(n'-c') - psi(n')) - x (psi(c+1) - psi(n+1)) - (1-x) (psi(n-c+1) - psi(n+1)),
    x = c'/n' and 0 psi(0) = 0. With T_n(q) = sum_{j>n} q^j/j the terms estimate p' (ln p' + T_{n'-1}(1-p')) and
    ln p + T_n(1-p), and so for the wrong ones. May be negative: average it, never clip it. This project (P9).
    """
    c_new, n_new, c, n = (np.asarray(value) for value in (c_new, n_new, c, n))
    x = c_new / n_new
    return _own(c_new, n_new) + _own(n_new - c_new, n_new) - x * _log(c, n) - (1 - x) * _log(n - c, n)


def cost_of_accuracy(
    problem: Any, correct: Any, log_ratio: Any, base_correct: Any, base_samples: Any
) -> CostOfAccuracy:
    """The ledger of KL(pi || pi_0) from rollouts of pi and counts of pi_0 (this project, theory P9).

    Of the rollouts y of pi, shape (N,): ``problem`` (whole numbers 0..M-1), ``correct`` (0 or 1) and ``log_ratio``,
    ln pi(y) - ln pi_0(y) in nats, summed over the response's tokens. Of other rollouts, of pi_0, shape (M,):
    ``base_correct`` and ``base_samples``, c of n. Both must be the policies that really sampled, temperature and
    top-p included.

    Every problem weighs the same. Standard errors are sd over problems/sqrt(M), NaN for one problem. Raises
    ValueError for shapes that do not fit, log ratios that are not finite, and problems without rollouts.
    """
    problem, correct, log_ratio = (np.asarray(value) for value in (problem, correct, log_ratio))
    c, n = np.broadcast_arrays(np.asarray(base_correct), np.asarray(base_samples))
    _check(problem, correct, log_ratio, c, n)
    n_new = np.bincount(problem, minlength=len(c))
    c_new = np.bincount(problem, weights=correct, minlength=len(c)).astype(int)
    right = np.bincount(problem, weights=correct * log_ratio, minlength=len(c)) / n_new
    wrong = np.bincount(problem, weights=(1 - correct) * log_ratio, minlength=len(c)) / n_new
    x = c_new / n_new
    paid_right = _own(c_new, n_new) - x * _log(c, n)
    paid_wrong = _own(n_new - c_new, n_new) - (1 - x) * _log(n - c, n)
    paid = paid_right + paid_wrong
    return CostOfAccuracy(
        divergence=mean_over_problems(right + wrong),
        paid=mean_over_problems(paid),
        among_correct=mean_over_problems(right - paid_right),
        among_wrong=mean_over_problems(wrong - paid_wrong),
        won=mean_over_problems(paid * (x > c / n)),
        lost=mean_over_problems(paid * (x < c / n)),
    )


def _own(c: Any, n: Any) -> Any:
    """For p ln p: (c/n) (psi(c) - psi(n)), 0 at c = 0."""
    from scipy.special import digamma

    return np.where(c > 0, c / n * (digamma(np.maximum(c, 1)) - digamma(n)), 0.0)


def _log(c: Any, n: Any) -> Any:
    """For ln p: psi(c + 1) - psi(n + 1)."""
    from scipy.special import digamma

    return digamma(c + 1) - digamma(n + 1)


def mean_over_problems(row: np.ndarray) -> Estimate:
    """Of one number a problem, (M,): its mean, and sd/sqrt(M) for problems drawn, NaN for a single one."""
    M = len(row)
    error = float(row.std(ddof=1) / np.sqrt(M)) if M > 1 else np.nan
    return Estimate(float(row.mean()), error, M)


def _check(
    problem: np.ndarray, correct: np.ndarray, log_ratio: np.ndarray, c: np.ndarray, n: np.ndarray
) -> None:
    if problem.ndim != 1 or not problem.shape == correct.shape == log_ratio.shape:
        got = f"shapes {problem.shape}, {correct.shape}, {log_ratio.shape}"
        raise complain("problem, correct, log_ratio", got, "one entry a rollout in each")
    if not np.isin(correct, (0, 1)).all():
        first = int(np.flatnonzero(~np.isin(correct, (0, 1)))[0])
        raise complain("correct", f"{correct[first]} at rollout {first}", "0 and 1")
    if not np.isfinite(log_ratio).all():
        first = int(np.flatnonzero(~np.isfinite(log_ratio))[0])
        raise complain("log_ratio", f"{log_ratio[first]} at rollout {first}", "finite numbers")
    if c.ndim != 1:
        raise complain("base_correct, base_samples", f"shape {c.shape}", "one of each a problem, (M,)")
    fits = (c >= 0) & (c <= n) & (n >= 1)
    if not fits.all():
        first = int(np.argmin(fits))
        got = f"{c[first]} correct of {n[first]} for problem {first}"
        raise complain("base_correct, base_samples", got, "0 <= correct <= samples >= 1")
    labels = np.unique(problem)
    if problem.dtype.kind not in "iu" or not np.array_equal(labels, np.arange(len(c))):
        shown = ", ".join(f"{label}" for label in labels[:6]) + (", ..." if len(labels) > 6 else "")
        need = f"whole numbers, rollouts of each of 0..{len(c) - 1}"
        raise complain("problem", f"{len(labels)} labels, {shown}", need)
