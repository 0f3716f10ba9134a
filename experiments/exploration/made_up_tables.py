"""Made-up problems all of whose responses are known: chances from 0.002 to 0.5, several correct and wrong responses."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np

Difficulty = Literal["mixed", "skewed"]
LOWEST, HIGHEST = 0.002, 0.5
"""Chances of a correct answer: the range of both kinds of sets, whose pass@64 is about 0.9."""
CORRECT, WRONG = (2, 8), (4, 16)
"""Fewest and most responses of each kind, uniform."""
CONCENTRATION = 2.0
"""Of the Dirichlet distribution of responses of one kind."""


class Tables(NamedTuple):
    """All responses of M problems."""

    log_probs: np.ndarray
    """ln pi_0, (M, R), 0 where there is no response."""
    correct: np.ndarray
    """(M, R), of bool."""
    real: np.ndarray
    """(M, R), of bool."""


def _skewed(problems: int, rng: np.random.Generator) -> np.ndarray:
    return LOWEST * (HIGHEST / LOWEST) ** (rng.random(problems) ** 0.48)


def _mixed(problems: int, rng: np.random.Generator) -> np.ndarray:
    uniform = rng.uniform(LOWEST, HIGHEST, problems)
    hard = LOWEST * (HIGHEST / LOWEST) ** rng.random(problems)
    return np.where(np.arange(problems) % 4 == 0, hard, uniform)


DIFFICULTIES: dict[Difficulty, Any] = {"mixed": _mixed, "skewed": _skewed}
"""mixed: a quarter log-uniform, the others uniform. skewed: p = 0.002 250^(u^0.48), u uniform."""


def draw_tables(problems: int, seed: int, difficulty: Difficulty = "mixed", factor: int = 1) -> Tables:
    """``problems`` of them with this seed; ``factor`` times as many responses each."""
    rng = np.random.default_rng([seed, problems, factor])
    p = DIFFICULTIES[difficulty](problems, rng)
    kinds = (CORRECT, p), (WRONG, 1 - p)
    blocks = [_kind(rng, factor * np.array(range_), chance) for range_, chance in kinds]
    log_probs = np.concatenate([log for log, _ in blocks], axis=1)
    real = np.concatenate([there for _, there in blocks], axis=1)
    right = np.zeros(real.shape, dtype=bool)
    right[:, : blocks[0][1].shape[1]] = True
    return Tables(log_probs, right & real, real)


def _kind(rng: np.random.Generator, range_: np.ndarray, chance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log-probabilities of the responses of one kind, and which are there."""
    fewest, most = range_
    there = np.arange(most) < rng.integers(fewest, most + 1, len(chance))[:, None]
    weights = np.where(there, rng.gamma(CONCENTRATION, size=there.shape), 0.0)
    share = chance[:, None] * weights / weights.sum(1, keepdims=True)
    return np.where(there, np.log(np.where(there, share, 1.0)), 0.0), there


def random_tree(real: np.ndarray, rng: np.random.Generator, branches: int = 3) -> Any:
    """Token ids (M, R, L) for so many responses: of each problem the leaves of a random tree, filled up with -1.

    Grown from the root by splitting a leaf drawn at random into 2 to ``branches``, but no more than there are
    responses; which response is which leaf is random too.
    """
    problems = [_leaves(int(count), branches, rng) for count in real.sum(1)]
    longest = max(len(leaf) for leaves in problems for leaf in leaves)
    tokens = np.full((*real.shape, longest), -1)
    for x, leaves in enumerate(problems):
        for y, leaf in zip(np.flatnonzero(real[x]), rng.permutation(len(leaves)), strict=True):
            tokens[x, y, : len(leaves[leaf])] = leaves[leaf]
    return tokens


def _leaves(count: int, branches: int, rng: np.random.Generator) -> list[tuple[int, ...]]:
    leaves: list[tuple[int, ...]] = [()]
    while len(leaves) < count:
        chosen = leaves.pop(int(rng.integers(len(leaves))))
        number = min(int(rng.integers(2, branches + 1)), count - len(leaves))
        leaves += [(*chosen, token) for token in range(number)]
    return leaves
