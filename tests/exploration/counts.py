"""Real counts to check against: numbers of correct rollouts, problem by problem."""

import json

import numpy as np

from experiments.exploration.extrapolation_data import GAME24
from thermodiff.exploration.named import FOLDER
from thermodiff.exploration.rollouts import Counts

GAME24_COT, GAME24_IO = GAME24["chain of thought"], GAME24["input-output"]
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
