"""Counts as beta-binomial draws: solve rates p ~ Beta(a, b), a strong assumption that makes extrapolation a formula.

pass@k = 1 - E (1 - p)^k = 1 - B(a, b + k)/B(a, b). Coordinates are the logit of the mean, m = a/(a + b), and the log of
the concentration, s = a + b: s -> 0 is problems that are always or never solved, s -> infinity all equally hard.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from thermodiff.types import Estimate

LOG_CONCENTRATION = (-9.0, 11.0)
"""Where the likelihood rises to one of these, the beta distribution has degenerated and s is no parameter any more."""
FAR_LOGIT = 25.0


class BetaBinomial(NamedTuple):
    """The fit, and pass@k with a standard error for problems drawn, shape (K,)."""

    a: float
    b: float
    pass_at_k: Estimate
    remark: str
    """Empty, or why the numbers are NaN or the fit is a degenerate one."""


def fit_beta_binomial(correct: np.ndarray, samples: np.ndarray, k: np.ndarray) -> BetaBinomial:
    """Maximum likelihood for counts c of n, shape (M,), n equal or not, and pass@k of the fit for k (K,).

    Standard errors by the delta method from the sandwich H^-1 J H^-1 (H the Hessian of -ln L, J the sum of squared
    scores), which stay standard errors of this number where the beta distribution is wrong; what the number then
    misses is not in them (White 1982). NaN where all or no rollouts are correct, or every n is 1: nothing to fit.
    """
    from scipy.optimize import minimize

    problems, nothing = len(correct), np.full(len(k), np.nan)
    unknown = _why_unknown(correct, samples)
    if unknown:
        return BetaBinomial(np.nan, np.nan, Estimate(nothing, nothing, problems), unknown)
    mean = correct.sum() / samples.sum()
    begin = np.array([np.log(mean / (1 - mean)), 0.0])
    limits = [(-FAR_LOGIT, FAR_LOGIT), LOG_CONCENTRATION]
    at = minimize(_cost, begin, (correct, samples), jac=True, method="L-BFGS-B", bounds=limits, tol=1e-12).x
    free = 1 if min(at[1] - LOG_CONCENTRATION[0], LOG_CONCENTRATION[1] - at[1]) < 1e-6 else 2
    a, b = _shapes(at)
    remarks = [] if free == 2 else [f"the beta distribution has degenerated (a + b = {a + b:.2g})"]
    error = _standard_error(at, correct, samples, k, free)
    if np.isnan(error).any():
        remarks.append("no standard error: all problems are alike, or the likelihood is flat")
    return BetaBinomial(float(a), float(b), Estimate(_pass_at_k(at, k), error, problems), "; ".join(remarks))


def _why_unknown(correct: np.ndarray, samples: np.ndarray) -> str:
    if correct.sum() == 0:
        return "no rollout is correct: no beta distribution is the likeliest"
    if correct.sum() == samples.sum():
        return "every rollout is correct: no beta distribution is the likeliest"
    return "" if samples.max() > 1 else "one rollout a problem does not tell how unequal problems are"


def _standard_error(
    x: np.ndarray, correct: np.ndarray, samples: np.ndarray, k: np.ndarray, free: int
) -> np.ndarray:
    """Delta method and sandwich in the first ``free`` coordinates; NaN if there is no curvature or no variation."""
    hessian = _differences(lambda y: -_scores(y, correct, samples).sum(1), x)[:free, :free]
    hessian = (hessian + hessian.T) / 2
    alike = np.all(correct == correct[0]) and np.all(samples == samples[0])
    if alike or np.linalg.eigvalsh(hessian)[0] <= 1e-9 * len(correct):
        return np.full(len(k), np.nan)
    scores = _scores(x, correct, samples)[:free]
    slope = np.linalg.solve(hessian, _differences(lambda y: _pass_at_k(y, k), x)[:, :free].T)
    return np.sqrt(np.einsum("ik,ij,jk->k", slope, scores @ scores.T, slope))


def _shapes(x: np.ndarray) -> tuple[Any, Any]:
    from scipy.special import expit

    return np.exp(x[1]) * expit(x[0]), np.exp(x[1]) * expit(-x[0])


def _pass_at_k(x: np.ndarray, k: np.ndarray) -> np.ndarray:
    from scipy.special import betaln

    a, b = _shapes(x)
    return -np.expm1(betaln(a, b + k) - betaln(a, b))


def _cost(x: np.ndarray, correct: np.ndarray, samples: np.ndarray) -> tuple[float, np.ndarray]:
    """-ln L a problem, without binomial coefficients, and its gradient."""
    from scipy.special import betaln

    a, b = _shapes(x)
    log_likelihood = betaln(a + correct, b + samples - correct) - betaln(a, b)
    return -log_likelihood.mean(), -_scores(x, correct, samples).mean(1)


def _scores(x: np.ndarray, correct: np.ndarray, samples: np.ndarray) -> np.ndarray:
    """Gradient of each problem's ln L, shape (2, M)."""
    from scipy.special import digamma

    a, b = _shapes(x)
    both = digamma(a + b) - digamma(a + b + samples)
    by_a = digamma(a + correct) - digamma(a) + both
    by_b = digamma(b + samples - correct) - digamma(b) + both
    return np.stack([(by_a - by_b) * a * b / (a + b), by_a * a + by_b * b])


def _differences(function: Any, x: np.ndarray, step: float = 1e-5) -> np.ndarray:
    """Derivatives by central differences, one column a coordinate."""
    return np.stack([(function(x + d) - function(x - d)) / (2 * step) for d in step * np.eye(len(x))], -1)
