"""What extrapolation of pass@k is worth: real counts thinned and predicted, and simulated ones; printed as tables.

    python -m tests.exploration.extrapolation_table [halves] [game24] [thin] [coverage] [repetitions]

Seeds: repetition r of the real counts is thinned by ``default_rng(r)``; a cell of the simulation draws all of its
repetitions from one ``default_rng`` of the cell's number.
"""

import itertools
import json
import sys
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.optimize import linprog
from scipy.special import betaln
from scipy.stats import binom

from thermodiff.exploration.extrapolation.difficulty import fit_difficulty, range_over_maximisers
from thermodiff.exploration.extrapolation.moment_bounds import moment_bounds
from thermodiff.exploration.extrapolation.pass_at_k import extrapolate_pass_at_k
from thermodiff.exploration.named import FOLDER

DATA = FOLDER / "deepscaler32k"

# Correct ones of 100 rollouts of GPT-4 on 100 problems of the Game of 24, from the logs of "Tree of Thoughts" (Yao et
# al. 2023, github.com/princeton-nlp/tree-of-thought-llm, MIT): chain of thought, and input-output prompts.
GAME24 = {
    "chain of thought": (
        "21 1 1 7 5 2 0 0 0 8 6 0 1 0 0 2 1 25 0 0 0 13 1 4 24 0 0 21 2 3 1 0 0 0 "
        "52 0 1 29 3 0 0 0 0 0 4 0 14 1 0 1 0 0 0 3 3 17 10 0 0 0 0 1 0 8 0 13 0 2 "
        "0 0 2 0 0 0 2 0 6 0 11 0 0 0 4 0 0 5 0 1 26 0 0 0 0 15 0 6 0 4 9 1"
    ),
    "input-output": (
        "1 0 0 0 2 0 0 2 2 1 0 0 0 1 0 0 0 56 0 0 5 0 0 0 0 0 1 42 0 0 0 0 0 0 "
        "61 0 0 29 1 2 0 0 0 1 1 22 0 4 0 0 0 0 0 1 5 0 40 0 0 0 0 2 0 26 0 43 0 0 "
        "0 0 3 0 0 0 0 0 29 60 69 0 0 0 0 0 0 0 0 0 87 0 2 0 0 0 0 22 0 12 0 99"
    ),
}

SCENARIOS = {
    "easy": [(1.0, 6.0, 2.0)],
    "hard": [(1.0, 0.5, 8.0)],
    "bimodal": [(1.0, 0.3, 0.3)],
    "rare hard": [(0.9, 8.0, 2.0), (0.1, 1.0, 30.0)],
}
"""Mixtures of beta distributions of p: (weight, alpha, beta)."""
NUMBERS, N, KS = (30, 200, 1000), 16, np.array([4, 16, 32, 128])


def game24(name: str) -> np.ndarray:
    return np.array(GAME24[name].split(), dtype=int)


def deepscaler(name: str) -> np.ndarray:
    """Correct ones of 128 on 1060 problems."""
    return np.array([json.loads(line)["c"] for line in (DATA / f"{name}.jsonl").read_text().splitlines()])


def thin(correct: np.ndarray, of: int, to: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).hypergeometric(correct, of - correct, to)


class Prediction(NamedTuple):
    """Means over repetitions, and how many of them had the truth between the bounds."""

    truth: float
    inside: int
    width: float
    nonparametric_error: float
    beta_error: float
    trivial_width: float
    """1 - share of problems solved in the thinned counts."""


def predict(correct: np.ndarray, of: int, n: int, k: int, problems: str, repetitions: int = 20) -> Prediction:
    """From n of ``of`` rollouts to k = ``of``, where the truth is the share of problems ever solved."""
    truth = float((correct > 0).mean())
    rows = []
    for seed in range(repetitions):
        c = thin(correct, of, n, seed)
        out = extrapolate_pass_at_k((c, n), k, problems=problems)
        low, high = out.low[0], out.high[0]
        errors = abs(out.nonparametric[0] - truth), abs(out.beta_binomial.mean[0] - truth)
        rows.append((low <= truth <= high, high - low, *errors, (c == 0).mean()))
    inside, *means = np.array(rows).T
    return Prediction(truth, int(inside.sum()), *(float(x.mean()) for x in means))


def narrowest(correct: np.ndarray, of: int, n: int, k: int, problems: str) -> tuple[float, float]:
    """Where half of the samples must put the ends of any interval that holds in 95 %, 2.5 % missed on either side.

    In the Gaussian limit: a distribution of difficulty whose mean counts lie 1.96 standard errors away must be covered
    in 97.5 % of its own samples, so by Neyman and Pearson in half of those of the true one, here the likeliest for
    ``correct``. The farthest pass@k within that ellipsoid, by linear programs and cutting planes.
    """
    true = fit_difficulty(correct, np.full(len(correct), of))
    p = np.unique(np.concatenate([[0], np.geomspace(1e-5, 1, 800), true.rates]))
    counts = np.arange(n)[:, None]
    of_true = binom.pmf(counts, n, true.rates)
    mean = of_true @ true.weights
    spread = (of_true * true.weights) @ of_true.T if problems == "fixed" else np.outer(mean, mean)
    values, vectors = np.linalg.eigh((np.diag(mean) - spread) / len(correct))
    z = (vectors / np.sqrt(np.maximum(values, 1e-14))).T @ (binom.pmf(counts, n, p) - mean[:, None])
    ends = []
    for sign in (-1, 1):
        rows, right = [*z, *-z], [1.96] * (2 * n)
        for _ in range(200):
            found = linprog(sign * (1 - p) ** k, rows, right, np.ones((1, len(p))), [1.0])
            at = z @ found.x
            if np.linalg.norm(at) < 1.96 * 1.005:
                break
            rows.append(at / np.linalg.norm(at) @ z)
            right.append(1.96)
        ends.append(1 - sign * found.fun)
    return ends[0], ends[1]


def draw(scenario: str, M: int, rng: np.random.Generator) -> np.ndarray:
    weights, a, b = np.array(SCENARIOS[scenario]).T
    kind = rng.choice(len(weights), M, p=weights)
    return rng.beta(a[kind], b[kind])


def population(scenario: str, k: np.ndarray) -> np.ndarray:
    """pass@k of the population."""
    return 1 - sum(w * np.exp(betaln(a, b + k) - betaln(a, b)) for w, a, b in SCENARIOS[scenario])


def coverage(scenario: str, M: int, problems: str, repetitions: int, seed: int) -> tuple[int, np.ndarray]:
    """In how many repetitions the bounds contain pass@k at all of ``KS`` at once, and mean widths."""
    rng = np.random.default_rng(seed)
    inside, widths = 0, np.zeros(len(KS))
    for _ in range(repetitions):
        p = draw(scenario, M, rng)
        truth = population(scenario, KS) if problems == "drawn" else 1 - ((1 - p[:, None]) ** KS).mean(0)
        low, high = moment_bounds(rng.binomial(N, p), N, KS, 0.95, problems == "fixed")
        inside += bool(np.all((low <= truth) & (truth <= high)))
        widths += (high - low) / repetitions
    return inside, widths


def sup_t_coverage(scenario: str, M: int, repetitions: int, seed: int) -> int:
    """The same for mean q_k -+ sup-t standard errors (Gaussian multipliers), problems drawn, k = 1, 2, 4, 8, 16."""
    rng = np.random.default_rng(seed)
    ks = np.array([1, 2, 4, 8, 16])
    table = np.ones((N + 1, len(ks)))
    for i, k in enumerate(ks):
        table[:, i] = np.prod([np.maximum(N - np.arange(N + 1) - j, 0) / (N - j) for j in range(k)], axis=0)
    truth, inside, normals = population(scenario, ks), 0, rng.standard_normal((4000, len(ks)))
    for _ in range(repetitions):
        q = table[rng.binomial(N, draw(scenario, M, rng))]
        error = q.std(0, ddof=1) / np.sqrt(M)
        # Sums of the problems with Gaussian multipliers are Gaussians of the sample's correlations.
        factor = np.linalg.qr((q - q.mean(0)) / np.maximum(error, 1e-300) / np.sqrt(M * (M - 1)), mode="r")
        z = normals[:, : len(factor)] @ factor
        inside += bool(np.all(np.abs(1 - q.mean(0) - truth) <= np.quantile(np.abs(z).max(1), 0.95) * error))
    return inside


def words(row: NamedTuple) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in row._asdict().items())


def halves_table() -> Iterator[str]:
    yield "DeepScaleR, 64 of 128 rollouts to k = 128, 20 thinnings"
    for name, problems in itertools.product(("base", "rl"), ("drawn", "fixed")):
        yield f"  {name:<5} {problems:<6} {words(predict(deepscaler(name), 128, 64, 128, problems))}"


def game24_table() -> Iterator[str]:
    yield "Game of 24, 16 of 100 rollouts to k = 100, 20 thinnings"
    for name, problems in itertools.product(GAME24, ("fixed", "drawn")):
        yield f"  {name:<17} {problems:<6} {words(predict(game24(name), 100, 16, 100, problems))}"
        low, high = narrowest(game24(name), 100, 16, 100, problems)
        yield f"      no 95 % interval can be expected within [{low:.3f}, {high:.3f}], width {high - low:.3f}"


def thin_table() -> Iterator[str]:
    yield "DeepScaleR base, 4 of 128 rollouts: pass@128 of distributions as likely as the likeliest"
    for seed in range(5):
        c, n = thin(deepscaler("base"), 128, 4, seed), np.full(1060, 4)
        fit = fit_difficulty(c, n)
        low, high = range_over_maximisers(fit, c, n, np.array([128]))
        yield f"  seed {seed}: [{low[0]:.4f}, {high[0]:.4f}], max D - 1 = {fit.excess:.1e}"


def coverage_table(repetitions: int) -> Iterator[str]:
    yield f"Simulated, n = {N}, 95 %, {repetitions} repetitions: pass@k at k = {KS} inside at once; mean widths"
    cells = itertools.product(SCENARIOS, NUMBERS, ("drawn", "fixed"))
    for seed, (scenario, M, problems) in enumerate(cells):
        inside, widths = coverage(scenario, M, problems, repetitions, seed)
        line = (
            f"  {scenario:<10} M = {M:<5d} {problems:<6} {inside / repetitions:.3f}   {np.round(widths, 3)}"
        )
        if problems == "drawn":
            line += f"   sup-t, k <= 16: {sup_t_coverage(scenario, M, 1000, seed) / 1000:.3f}"
        yield line


def main(arguments: list[str]) -> None:
    repetitions = int(arguments.pop()) if arguments and arguments[-1].isdigit() else 200
    tables = {
        "halves": halves_table,
        "game24": game24_table,
        "thin": thin_table,
        "coverage": lambda: coverage_table(repetitions),
    }
    for name in arguments or tables:
        for line in tables[name]():
            sys.stdout.write(line + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
