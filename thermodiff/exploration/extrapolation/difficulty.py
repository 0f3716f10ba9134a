r"""The distribution of difficulty that makes counts likeliest, with the proof that it does, and all others as likely.

ln L(w) = sum_i ln f_i,  f_i = int Bin(c_i; n_i, p) dw(p),  is concave in w, and w is a maximiser if and only if
D(p) = mean_i Bin(c_i; n_i, p)/f_i <= 1 for every p: ln L is within M (max D - 1) of its maximum (Lindsay 1983). The f_i
are unique, w need not be: any distribution with the same f_i is as likely, whatever pass@k it has.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from thermodiff.exploration.extrapolation.linear_programs import solve

ENOUGH = 1e-7
"""Nats of M (max D - 1) at which the search ends; what is reached is in the answer."""
STEPS = 500
PER_ROOT, ZOOMS = 64, 8
"""Points in the angle theta, p = sin^2(theta/2), for each root of n: where D peaks, its curvature is at most n D (where
the mean score vanishes, the mean of c is n p), so that every peak is some 40 points wide."""
AS_LIKELY = 1e-5
"""Nats within which a distribution counts as as likely as the likeliest."""
DEEP = 1e-5
"""A solve rate with D below 1 by this much carries no weight worth mentioning in a distribution that likely."""


class Difficulty(NamedTuple):
    """A likeliest distribution of solve rates: atoms at ``rates`` with ``weights``, shape (S,)."""

    rates: np.ndarray
    weights: np.ndarray
    log_likelihood: float
    """sum_i ln f_i, nats, each binomial in units of its largest value over p."""
    excess: float
    """max D - 1 over all p: ln L is within M times it of the maximum."""


class _Distinct(NamedTuple):
    """Counts that occur, and how often."""

    correct: np.ndarray
    samples: np.ndarray
    times: np.ndarray

    def likelihoods(self, p: np.ndarray) -> np.ndarray:
        """Binomial probabilities in units of their largest, shape (distinct, points)."""
        from scipy.special import xlog1py, xlogy

        c, rest = self.correct[:, None], (self.samples - self.correct)[:, None]
        largest = xlogy(c, c / (c + rest)) + xlogy(rest, rest / (c + rest))
        return np.exp(xlogy(c, p) + xlog1py(rest, -p) - largest)

    def gradient(self, f: np.ndarray, p: np.ndarray) -> np.ndarray:
        """D(p), shape of p."""
        ratios = self.likelihoods(p.ravel()) / f[:, None]
        return (self.times @ ratios / self.times.sum()).reshape(p.shape)


def fit_difficulty(correct: np.ndarray, samples: np.ndarray) -> Difficulty:
    """A likeliest distribution for counts c of n, shape (M,) each, n equal or not.

    Constrained Newton method (Wang 2007): all peaks of D join the atoms, weights minimise the quadratic approximation
    of -ln L, a line search makes sure that ln L rises.
    """
    counts = _distinct(correct, samples)
    rates = np.unique(counts.correct / counts.samples)
    weights = np.full(len(rates), 1 / len(rates))
    for _ in range(STEPS):
        f = counts.likelihoods(rates) @ weights
        peaks, excess = _peaks(counts, f)
        if counts.times.sum() * excess <= ENOUGH:
            break
        new = peaks[~np.isin(peaks, rates)]
        rates, weights = np.append(rates, new), np.append(weights, np.zeros(len(new)))
        risen = _newton(counts, counts.likelihoods(rates), weights)
        if risen is None:
            break
        rates, weights = rates[risen > 0], risen[risen > 0]
    f = counts.likelihoods(rates) @ weights
    order = np.argsort(rates)
    return Difficulty(rates[order], weights[order], float(counts.times @ np.log(f)), _peaks(counts, f)[1])


def pass_at_k_of(difficulty: Difficulty, k: np.ndarray) -> np.ndarray:
    """1 - sum_s w_s (1 - p_s)^k, shape (K,)."""
    return 1 - ((1 - difficulty.rates[:, None]) ** k).T @ difficulty.weights


def range_over_maximisers(
    difficulty: Difficulty, correct: np.ndarray, samples: np.ndarray, k: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Least and largest pass@k, shape (K,) each, over all distributions within ``AS_LIKELY`` nats of the likeliest.

    With x_i = f_i'/f_i - 1, ln L' - ln L >= sum x_i - sum x_i^2: half of the nats go to each sum, as linear programs.
    NaN where these cannot be solved.
    """
    counts = _distinct(correct, samples)
    f = counts.likelihoods(difficulty.rates) @ difficulty.weights
    problems = counts.times.sum()
    grid = np.concatenate([[0.0], np.geomspace(1e-3 / k.max(), 1.0, 400), _angles_to_rates(_angles(counts))])
    grid = grid[counts.gradient(f, grid) > 1 - DEEP]
    rates = np.unique(np.concatenate([grid, difficulty.rates, _peaks(counts, f)[0]]))
    x = counts.likelihoods(rates) / f[:, None] - 1
    most = np.sqrt(AS_LIKELY / 2 / problems)
    below = -counts.times @ x / problems
    # In units of what each may be at most, so that the solver's tolerance is far below it.
    rows = np.vstack([x, -x, below / DEEP])
    right = np.append(np.full(2 * len(f), most), AS_LIKELY / 2 / problems / DEEP)
    ends = np.full((2, len(k)), np.nan)
    for side, sign in enumerate((-1, 1)):
        for i, exponent in enumerate(k):
            found = solve(sign * (1 - rates) ** exponent, rows, right, np.ones(len(rates)))
            if found is not None:
                ends[side, i] = 1 - sign * found.fun
    return ends[0], ends[1]


def _distinct(correct: np.ndarray, samples: np.ndarray) -> _Distinct:
    pairs, times = np.unique(np.stack([correct, samples], 1), axis=0, return_counts=True)
    return _Distinct(pairs[:, 0], pairs[:, 1], times)


def _angles(counts: _Distinct) -> np.ndarray:
    """Equidistant in theta, p = sin^2(theta/2)."""
    return np.linspace(0, np.pi, int(PER_ROOT * np.sqrt(counts.samples.max())) + 1)


def _angles_to_rates(theta: np.ndarray) -> np.ndarray:
    return np.sin(np.clip(theta, 0, np.pi) / 2) ** 2


def _peaks(counts: _Distinct, f: np.ndarray) -> tuple[np.ndarray, float]:
    """The solve rates at which D has a maximum, and the largest D - 1."""
    theta = _angles(counts)
    values = np.pad(counts.gradient(f, _angles_to_rates(theta)), 1, constant_values=-np.inf)
    at = np.flatnonzero((values[1:-1] >= values[:-2]) & (values[1:-1] >= values[2:]))
    best, width = theta[at], theta[1]
    for _ in range(ZOOMS):
        near = best[:, None] + width * np.linspace(-1, 1, 9)
        heights = counts.gradient(f, _angles_to_rates(near))
        best = np.take_along_axis(near, heights.argmax(1)[:, None], 1)[:, 0]
        width /= 4
    return np.unique(_angles_to_rates(best)), float(heights.max()) - 1


def _newton(counts: _Distinct, likelihoods: np.ndarray, weights: np.ndarray) -> np.ndarray | None:
    """Weights of a larger ln L: the best of the quadratic approximation, or part of the way; None if there are none."""
    from scipy.optimize import nnls

    f = likelihoods @ weights
    # Over the simplex |sqrt(m) (S w - 2)|^2 is least where |P w|^2 + (sum w - 1)^2 is, scaled (Dax 1990).
    quadratic = np.sqrt(counts.times)[:, None] * (likelihoods / f[:, None] - 2)
    aim = nnls(np.vstack([quadratic, np.ones(len(weights))]), np.append(np.zeros(len(f)), 1.0))[0]
    aim /= aim.sum()
    now = counts.times @ np.log(f)
    for step in 0.5 ** np.arange(30):
        new = (1 - step) * weights + step * aim
        if counts.times @ np.log(likelihoods @ new) > now:
            return new
    return None
