"""How often intervals of pass@k hold: simulated data of four kinds, 95 %, printed as a table.

    python -m tests.exploration.coverage_table [repetitions]

Two policies a, b on M problems: p_a from the scenario's distribution, p_b = 0.7 p_a + 0.3 p', p' another draw of it.
Every repetition draws the rollouts anew, and if problems are drawn the p too; ``n`` is 16, or uniform on 8..64 and then
kept. Truths are exact: means of (1-p)^k over the problems, or over the population by quadrature.
"""

import itertools
import sys
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from scipy.special import betaln

from thermodiff.exploration.boundary.pass_at_k_intervals import pass_at_k_difference, pass_at_k_interval

SCENARIOS = {
    "easy": [(1.0, 6.0, 2.0)],
    "hard": [(1.0, 0.5, 8.0)],
    "bimodal": [(1.0, 0.3, 0.3)],
    "rare hard": [(0.9, 8.0, 2.0), (0.1, 1.0, 30.0)],
}
"""Mixtures of beta distributions of p: (weight, alpha, beta)."""
BETTER, WORSE = 1.5, 0.7
"""(1 - p_b) = (1 - p_a)^g, g one of these with equal chance: b gains on half of the problems and loses on half."""
NUMBERS = (30, 100, 1000)


class Cell(NamedTuple):
    """Shares of the repetitions, per k and last for the band: truth inside, and a remark on this k (or on any)."""

    ks: tuple[int, ...]
    inside: np.ndarray
    warned: np.ndarray


def failure_moment(scenario: str, powers: np.ndarray) -> np.ndarray:
    """E (1-p)^s over the population."""
    return sum(w * np.exp(betaln(a, b + powers) - betaln(a, b)) for w, a, b in SCENARIOS[scenario])


def draw_problems(scenario: str, M: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """p_a and p_b of M problems."""
    weights, alphas, betas = np.array(SCENARIOS[scenario]).T
    kind = rng.choice(len(weights), M, p=weights)
    fail = 1 - rng.beta(alphas[kind], betas[kind])
    return 1 - fail, 1 - fail ** rng.choice([BETTER, WORSE], M)


def truths(
    scenario: str, ks: np.ndarray, fixed: tuple[np.ndarray, np.ndarray] | None
) -> tuple[np.ndarray, ...]:
    """pass@k of a, and of b less that of a."""
    if fixed is None:
        fail_a = failure_moment(scenario, ks)
        fail_b = (failure_moment(scenario, BETTER * ks) + failure_moment(scenario, WORSE * ks)) / 2
    else:
        fail_a, fail_b = (((1 - p[:, None]) ** ks).mean(0) for p in fixed)
    return 1 - fail_a, fail_a - fail_b


def coverage(
    scenario: str, M: int, design: str, problems: str, repetitions: int, seed: int
) -> tuple[Cell, Cell]:
    """Coverage of the interval of a and of the difference, ``design`` "16" or "8-64"."""
    rng = np.random.default_rng(seed)
    n = np.full(M, 16) if design == "16" else rng.integers(8, 65, M)
    n[0] = 16 if design == "16" else 8
    ks = np.array([1, 4, 8, 16] if design == "16" else [1, 4, 8])
    fixed = draw_problems(scenario, M, rng) if problems == "fixed" else None
    every = np.arange(1, ks[-1] + 1)
    points, curves = truths(scenario, ks, fixed), truths(scenario, every, fixed)
    hits = np.zeros((2, 2, len(ks) + 1))
    for _ in range(repetitions):
        a, b = ((rng.binomial(n, p), n) for p in fixed or draw_problems(scenario, M, rng))
        for i, (function, data) in enumerate(((pass_at_k_interval, (a,)), (pass_at_k_difference, (a, b)))):
            point = function(*data, ks, problems=problems)
            band = function(*data, problems=problems, simultaneous=True, draws=1000)
            inside = (point.low <= points[i]) & (points[i] <= point.high)
            warned = (point.carriers < 10) | point.conservative
            whole = ((band.low <= curves[i]) & (curves[i] <= band.high)).all()
            hits[i] += [[*inside, whole], [*warned, ((band.carriers < 10) | band.conservative).any()]]
    return tuple(Cell(tuple(ks), *(hits[i] / repetitions)) for i in range(2))


def table(repetitions: int, numbers: Iterable[int] = NUMBERS) -> Iterator[str]:
    """Lines of markdown, one for each interval, design, scenario and M; the seed is the number of the pair of rows."""
    yield f"Coverage of 95 % intervals in {repetitions} repetitions, % (with a remark, %)\n"
    yield "| interval of | problems | n | scenario | M | k = 1 | 4 | 8 | 16 | band |"
    yield "|---" * 10 + "|"
    cells = itertools.product(("drawn", "fixed"), ("16", "8-64"), SCENARIOS, numbers)
    for seed, (problems, design, scenario, M) in enumerate(cells):
        answers = coverage(scenario, M, design, problems, repetitions, seed)
        for what, cell in zip(("a", "b - a"), answers, strict=True):
            parts = [f"{100 * x:.1f} ({100 * w:.0f})" for x, w in zip(cell.inside, cell.warned, strict=True)]
            parts[-1:-1] = ["–"] * (5 - len(parts))
            yield "| " + " | ".join([what, problems, design, scenario, str(M), *parts]) + " |"


if __name__ == "__main__":
    for line in table(int(sys.argv[1]) if len(sys.argv) > 1 else 2000):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
