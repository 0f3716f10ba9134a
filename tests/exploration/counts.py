"""Real counts to check against: numbers of correct rollouts, problem by problem."""

import json

import numpy as np

from thermodiff.exploration.named import FOLDER
from thermodiff.exploration.rollouts import Counts

# Game of 24, GPT-4, chain of thought and input-output prompts, 100 samples of each of 100 problems:
# logs of Yao et al. 2023, "Tree of Thoughts" (arXiv 2305.10601), MIT licence.
GAME24_COT = """21 1 1 7 5 2 0 0 0 8 6 0 1 0 0 2 1 25 0 0 0 13 1 4 24 0 0 21 2 3 1 0 0 0 52 0 1 29 3 0 0 0 0 0 4 0 14 1
0 1 0 0 0 3 3 17 10 0 0 0 0 1 0 8 0 13 0 2 0 0 2 0 0 0 2 0 6 0 11 0 0 0 4 0 0 5 0 1 26 0 0 0 0 15 0 6 0 4 9 1"""
GAME24_IO = """1 0 0 0 2 0 0 2 2 1 0 0 0 1 0 0 0 56 0 0 5 0 0 0 0 0 1 42 0 0 0 0 0 0 61 0 0 29 1 2 0 0 0 1 1 22 0 4 0 0
0 0 0 1 5 0 40 0 0 0 0 2 0 26 0 43 0 0 0 0 3 0 0 0 0 0 29 60 69 0 0 0 0 0 0 0 0 0 87 0 2 0 0 0 0 22 0 12 0 99"""
# 32 rollouts of each of 32 prompts by the character network of textgenrnn 2.0.0, sampled for this project.
CHARACTERS = "6 3 10 6 8 5 3 3 8 3 4 2 3 1 3 3 3 6 3 2 4 0 5 5 7 3 3 6 5 3 11 5"


def deepscaler(policy: str) -> Counts:
    """``base`` or ``rl``: passk-inference 0.3.1 (arXiv 2609.22547), MIT licence beside the files."""
    path = FOLDER / "deepscaler32k" / f"{policy}.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return Counts(*(np.array([row[name] for row in rows]) for name in ("c", "n", "id")))


def listed(text: str, n: int) -> Counts:
    correct = np.array(text.split(), int)
    return Counts(correct, np.full(len(correct), n))
