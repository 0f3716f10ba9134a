r"""Bounds on pass@k beyond the samples that hold at any number of problems, whatever the distribution of difficulty.

Counts c of n rollouts tell of the distribution w of solve rates p only how probable each count is. Take blocks S of
counts, {0}, {1}, {2, 3}, {4..7}, ...: N_S problems fall into S, and pi_S(p) = P(c in S | p). A share of the error goes
to each, 1/2, 1/4, 1/8, ...: what decides beyond n lies at few successes. All w that the confidence sets of the N_S
allow make a polytope that holds the true one with the confidence asked for, so the least and the largest pass@k over
it, two linear programs, are bounds for all k at once.

- *Problems drawn*: N_S ~ Binomial(M, sum w pi_S), so sum w pi_S lies between its Clopper-Pearson limits.
- *Problems fixed*: N_S is a sum of M unequal Bernoulli variables, and the logarithm of E exp(t N_S),
  M sum w ln(1 + pi_S (e^t - 1)), is linear in w. Chernoff's inequality at level a,
  M sum w ln(1 + pi_S (e^t - 1)) >= t N_S - ln(1/a), holds for all t of one sign at once (it inverts one test, whose
  best t depends on w alone), and it knows that problems which are always or never solved do not vary.

Solve rates are cells [l, u] on which every pi_S is monotone, taken at whichever end is kind to the true w, so that
the grid never makes a bound too narrow. This project (after theory P5, which takes the cumulative counts c <= j).
"""

from __future__ import annotations

import numpy as np

from thermodiff.exploration.extrapolation.linear_programs import Met, can_be_met, least

MOVE = 1e-3
"""Cells are halved until no bound moves by this much, at most ``HALVINGS`` times; the bounds hold at every stage."""
FIRST_CELLS, HALVINGS, FIRST_POOL = 1000, 4, 60
TILTS, LARGEST_TILT = 8, 12.0
"""Much larger ones would blow up the rounding errors of pi_S."""


def moment_bounds(
    correct: np.ndarray, samples: int, k: np.ndarray, confidence: float, fixed: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Least and largest pass@k, shape (K,) each, over all difficulties that the counts allow.

    ``correct``: c of each problem, (M,), all of ``samples`` rollouts. ``fixed``: pass@k of these problems is meant, not
    of a population that they are drawn from. NaN in both where no distribution of difficulty gives such counts: they
    vary less than independent rollouts do.
    """
    blocks = count_blocks(samples)
    histogram = np.bincount(correct, minlength=samples + 1)
    inside = np.array([histogram[first : last + 1].sum() for first, last in blocks])
    errors = (1 - confidence) * _shares(len(blocks))
    limits = _fixed_limits if fixed else _drawn_limits
    edges = _cell_edges(samples, blocks, int(k.max()))
    pool, before = np.arange(0, len(edges) - 1, len(edges) // FIRST_POOL), np.full((2, len(k)), np.inf)
    for _ in range(HALVINGS + 1):
        at_edges = _block_probabilities(samples, blocks, edges)
        low = np.minimum(at_edges[:, :-1], at_edges[:, 1:])
        high = np.maximum(at_edges[:, :-1], at_edges[:, 1:])
        rows, right = limits(inside, len(correct), errors, low, high)
        met = can_be_met(rows, right, pool)
        if met is None:
            return np.full(len(k), np.nan), np.full(len(k), np.nan)
        bounds, carry = _extremes(rows, edges, k, met)
        if np.abs(bounds - before).max() < MOVE:
            break
        before, pool = bounds, np.concatenate([2 * carry, 2 * carry + 1])
        edges = np.sort(np.concatenate([edges, (edges[1:] + edges[:-1]) / 2]))
    return bounds[0], bounds[1]


def count_blocks(samples: int) -> list[tuple[int, int]]:
    """First and last count of each block: (0, 0), (1, 1), (2, 3), (4, 7), ... up to ``samples``."""
    starts = [0] + [2**i for i in range(samples.bit_length())]
    return [(a, min(b - 1, samples)) for a, b in zip(starts, [*starts[1:], samples + 1], strict=True)]


def _shares(blocks: int) -> np.ndarray:
    shares = 0.5 ** np.arange(blocks)
    return shares / shares.sum()


def _block_probabilities(samples: int, blocks: list[tuple[int, int]], p: np.ndarray) -> np.ndarray:
    """P(first <= c <= last | p), shape (blocks, points)."""
    from scipy.special import bdtr

    first, last = np.array(blocks).T[:, :, None]
    below = np.where(first > 0, bdtr(np.maximum(first - 1, 0), samples, p), 0.0)
    return np.clip(bdtr(last, samples, p) - below, 0.0, 1.0)


def _cell_edges(samples: int, blocks: list[tuple[int, int]], largest_k: int) -> np.ndarray:
    """Geometric from 1e-3/k on, closer towards 1, and the peaks of all blocks: between edges every pi_S is monotone."""
    from scipy.special import gammaln

    first, last = np.array([block for block in blocks if block[0] > 0 and block[1] < samples] or [(0, 0)]).T
    # d pi_S/dp = n [Bin(first - 1; n - 1) - Bin(last; n - 1)] = 0, solved for the odds p/(1 - p).
    log_ratio = (
        gammaln(last + 1)
        + gammaln(samples - last)
        - gammaln(np.maximum(first, 1))
        - gammaln(samples - first + 1)
    )
    odds = np.exp(log_ratio / (last - first + 1))
    peaks = (odds / (1 + odds))[first > 0]
    small = np.geomspace(1e-3 / largest_k, 1.0, FIRST_CELLS)
    return np.unique(np.concatenate([[0.0], small, 1 - np.geomspace(0.1 / samples, 0.5, 12), peaks]))


def _drawn_limits(
    inside: np.ndarray, problems: int, errors: np.ndarray, low: np.ndarray, high: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Clopper-Pearson: sum w low <= upper limit, sum w high >= lower limit, as rows @ w <= right."""
    from scipy.special import betaincinv

    outside = problems - inside
    lower = np.where(inside > 0, betaincinv(np.maximum(inside, 1), outside + 1, errors / 2), 0.0)
    upper = np.where(outside > 0, betaincinv(inside + 1, np.maximum(outside, 1), 1 - errors / 2), 1.0)
    return np.concatenate([low, -high]), np.concatenate([upper, -lower])


def _fixed_limits(
    inside: np.ndarray, problems: int, errors: np.ndarray, low: np.ndarray, high: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Chernoff: -sum w ln(1 + pi_S (e^t - 1)) <= (ln(2/error) - t N_S)/M for tilts t of both signs."""
    budget = np.log(2 / errors) / problems
    # The best tilt is sqrt(2 budget/variance), and no variance is above 1/4.
    smallest = np.minimum(np.sqrt(8 * budget), LARGEST_TILT / 2)
    tilts = smallest[:, None] * (LARGEST_TILT / smallest[:, None]) ** np.linspace(0, 1, TILTS)
    share = (inside / problems)[:, None]
    rows, right = [], []
    for t, probability in ((tilts, high), (-tilts, low)):
        rows.append(-np.log1p(probability[:, None, :] * np.expm1(t)[:, :, None]))
        right.append(budget[:, None] - t * share)
    cells = low.shape[1]
    return np.concatenate(rows).reshape(-1, cells), np.concatenate(right).reshape(-1)


def _extremes(rows: np.ndarray, edges: np.ndarray, k: np.ndarray, met: Met) -> tuple[np.ndarray, np.ndarray]:
    """Least and largest pass@k, shape (2, K), and the cells that carry weight in one of them."""
    bounds, carry = np.empty((2, len(k))), met.pool[:0]
    for side, ends in enumerate((edges[:-1], edges[1:])):
        working = met
        for i, exponent in enumerate(k):
            failing = (1 - ends) ** exponent
            found = least(failing if side else -failing, rows, working)
            bounds[side, i] = 1 - found.value if side else 1 + found.value
            working = met._replace(pool=found.pool)
            carry = np.union1d(carry, found.pool[found.weights > 0])
    return np.clip(bounds, 0.0, 1.0), carry
