"""Counts of correct rollouts of real policies, and what they are when some of the rollouts are left out."""

from __future__ import annotations

from typing import Literal

import numpy as np

from thermodiff.exploration.named import named_rollouts

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
Policy = Literal["base", "RL", "chain of thought", "input-output"]
ROLLOUTS: dict[Policy, int] = {"base": 128, "RL": 128, "chain of thought": 100, "input-output": 100}
"""Of each problem: DeepScaleR's 1060 (``named_rollouts``), and those of the Game of 24."""


def correct_ones(policy: Policy) -> np.ndarray:
    """Correct rollouts of each problem, (M,), of ``ROLLOUTS[policy]``."""
    if policy in GAME24:
        return np.array(GAME24[policy].split(), dtype=int)
    return named_rollouts("deepscaler")[policy].correct


def thinned_to(policy: Policy, to: int, seed: int) -> np.ndarray:
    """Correct ones of ``to`` rollouts of each problem, drawn without replacement by ``default_rng(seed)``."""
    correct = correct_ones(policy)
    return np.random.default_rng(seed).hypergeometric(correct, ROLLOUTS[policy] - correct, to)
