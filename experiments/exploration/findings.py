"""The numbers that docs/exploration.md gives for what was found when building, printed in its order.

    python -m experiments.exploration.findings

No test: simulations with fixed seeds and their standard errors, from a few seconds to a minute each.
"""

import sys
from collections.abc import Iterator

import numpy as np
from scipy.optimize import linprog
from scipy.stats import beta, binom

from experiments.exploration.extrapolation_data import ROLLOUTS, thinned_to
from thermodiff.exploration.boundary.shift import boundary_shift
from thermodiff.exploration.exchange.identity import entropy_exchange
from thermodiff.exploration.exchange.law_curves import exchange_curve
from thermodiff.exploration.extrapolation.moment_bounds import moment_bounds
from thermodiff.exploration.named import named_rollouts
from thermodiff.exploration.rollouts import Rollouts
from thermodiff.exploration.tokens.surprise import surprise_entropy_gap

ANSWERS, RIGHT = 40, 20


def distance_at_64() -> Iterator[str]:
    """P3's formula on the counts of DeepScaleR."""
    policies = named_rollouts("deepscaler")
    for problems in ("drawn", "fixed"):
        shift = boundary_shift(policies["base"], policies["RL"], [16, 64], problems=problems)
        for k, mean, error in zip(shift.k, shift.distance.mean, shift.distance.stderr, strict=True):
            yield f"D^2 at k = {k}, problems {problems}: {mean:.2f} ± {error:.2f}"


def cumulative_bounds(correct: np.ndarray, n: int, k: int, level: float = 0.95) -> tuple[float, float]:
    """P5 as first written: Clopper-Pearson at 1 - a/n for each share of counts up to j, on 1500 cells."""
    M, error = len(correct), (1 - level) / n / 2
    below = np.array([(correct <= j).sum() for j in range(n)])
    low = np.where(below > 0, beta.ppf(error, below, M - below + 1), 0.0)
    high = np.where(below < M, beta.ppf(1 - error, below + 1, M - below), 1.0)
    edges = np.concatenate([[0], np.geomspace(1e-3 / k, 0.5, 1000), np.linspace(0.5, 1, 501)[1:]])
    counts = np.arange(n)[:, None]
    rows = np.vstack([binom.cdf(counts, n, edges[1:]), -binom.cdf(counts, n, edges[:-1])])
    right, total = np.concatenate([high, -low]), np.ones((1, len(edges) - 1))
    ends = []
    for sign, ends_of_cells in ((1, edges[:-1]), (-1, edges[1:])):
        # least pass@k by the lower ends of the cells, greatest by the upper ones
        cost = -sign * (1 - ends_of_cells) ** k
        found = linprog(cost, rows, right, total, [1.0], method="highs")
        ends.append(1 + sign * found.fun)
    return ends[0], ends[1]


def blocks_or_cumulative() -> Iterator[str]:
    """Widths of both, problems fixed (the cumulative ones are the same for drawn), 20 thinnings of each file."""
    for name, of in ROLLOUTS.items():
        n = 64 if of == 128 else 16
        widths = []
        for seed in range(20):
            c = thinned_to(name, n, seed)
            sides = [moment_bounds(c, n, np.array([of]), 0.95, fixed) for fixed in (True, False)]
            blocks = [float(high[0] - low[0]) for low, high in sides]
            low, high = cumulative_bounds(c, n, of)
            widths.append((*blocks, high - low, (c == 0).mean()))
        fixed, drawn, cumulative, trivial = np.mean(widths, 0)
        yield (
            f"{name}, n = {n} to {of}, mean width: blocks {fixed:.3f} (fixed), {drawn:.3f} (drawn), "
            f"cumulative {cumulative:.3f}, [share solved, 1] {trivial:.3f}"
        )


def policies(problems: int, loss: float) -> tuple[np.ndarray, np.ndarray]:
    """Two policies over 40 answers, 20 right: p rises from 0.05 to 0.3, S_c falls by ``loss`` nats."""
    half = RIGHT // 2
    # Weights 1 + d and 1 - d on two halves of the right answers lower their entropy from ln 20.
    deltas = np.linspace(0, 1, 20001)[:-1]
    entropy = -((1 + deltas) * np.log1p(deltas) + (1 - deltas) * np.log1p(-deltas)) / 2
    d = deltas[np.argmin(np.abs(entropy + loss))]
    shapes = np.full(RIGHT, 1.0), np.concatenate([np.full(half, 1 + d), np.full(half, 1 - d)])
    wrong = np.full(ANSWERS - RIGHT, 1 / (ANSWERS - RIGHT))
    before, after = (
        np.tile(np.append(p * shape / RIGHT, (1 - p) * wrong), (problems, 1))
        for p, shape in zip((0.05, 0.3), shapes, strict=True)
    )
    return before, after


def drawn(pi: np.ndarray, n: int, rng: np.random.Generator) -> Rollouts:
    """n responses of one token to each problem."""
    y = (rng.random((len(pi), n, 1)) > np.cumsum(pi, 1)[:, None, :-1]).sum(-1)
    log_probs = np.log(np.take_along_axis(pi, y, 1)).ravel()
    problem = np.repeat(np.arange(len(pi)), n)
    return Rollouts(problem, (y < RIGHT).ravel(), offsets=np.arange(len(problem) + 1), log_probs=log_probs)


def left_out_for_their_counts() -> Iterator[str]:
    """The part among correct answers from all problems, and from those with 3 correct responses at both ends."""
    rng = np.random.default_rng(0)
    before, after = policies(4000, 0.3)
    exact = -0.3 * (before[:, :RIGHT].sum(1) + after[:, :RIGHT].sum(1)) / 2
    a, b = drawn(before, 32, rng), drawn(after, 32, rng)
    enough = (a.counts().correct >= 3) & (b.counts().correct >= 3)
    chosen = np.repeat(enough, 32)
    for name, ends in (("all", (a, b)), ("with 3 correct ones", (a.select(chosen), b.select(chosen)))):
        part = entropy_exchange(*ends).correct
        kept = exact.mean() if name == "all" else exact[enough].mean()
        yield f"among correct, problems {name} ({part.n}): {part.mean:.3f} ± {part.stderr:.3f}, exact {kept:.3f}"


def without_truncated() -> Iterator[str]:
    """The surprise gap of the character model, with and without the responses that were cut off."""
    rollouts = named_rollouts("characters")["characters"]
    whole = rollouts.finish_reason != "length"
    for name, chosen in (("all", rollouts), ("finished ones only", rollouts.select(whole))):
        gap = surprise_entropy_gap(chosen)
        per = gap.per_rollout[0]
        yield f"surprise gap, {name}: {per.mean:.2f} ± {per.stderr:.2f} nats a response, z = {gap.z[0]:.2f}"


def straightness() -> Iterator[str]:
    """How far the exchange curve R(H) with constant S_c and S_w is from its chord, for responses of L tokens."""
    for length in (1, 10, 100, 1000):
        S_c, S_w = 0.3 * length, 0.8 * length
        R = np.linspace(0.2, 0.9, 1001)
        H = (-R * np.log(R) - (1 - R) * np.log1p(-R) + R * S_c + (1 - R) * S_w) / length
        falling = 1 / (1 + np.exp(S_w - S_c)) < R
        R, H = R[falling], H[falling]
        grid = np.linspace(H.min(), H.max(), 500)
        curve = exchange_curve(grid, S_c / length, S_w / length, length)
        chord = np.interp(grid, [grid[0], grid[-1]], [curve[0], curve[-1]])
        yield f"L = {length}: R from {R[0]:.2f} to {R[-1]:.2f}, at most {np.abs(curve - chord).max():.4f} off a line"


TABLES = (
    distance_at_64,
    without_truncated,
    left_out_for_their_counts,
    straightness,
    blocks_or_cumulative,
)

if __name__ == "__main__":
    for table in TABLES:
        if len(sys.argv) == 1 or table.__name__ in sys.argv[1:]:
            for line in table():
                sys.stdout.write(line + "\n")
                sys.stdout.flush()
