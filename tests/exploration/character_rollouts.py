"""Real rollouts of a character model, read without the package's own readers."""

import gzip
import json
from pathlib import Path

import numpy as np

from thermodiff.exploration.rollouts import Rollouts

FILE = Path(__file__).parent / "data" / "characters.jsonl.gz"
SYMBOLS = 465


def character_rollouts(path=FILE):
    with gzip.open(path, "rt") as lines:
        rows = [json.loads(line) for line in lines]
    lengths = [len(row["tokens"]) for row in rows]

    def flat(name):
        return np.concatenate([row[name] for row in rows])

    return Rollouts(
        problem=np.array([row["problem_id"] for row in rows]),
        correct=np.array([row["correct"] for row in rows]),
        length=np.array(lengths),
        finish_reason=np.array(["stop" if row["finished"] else "length" for row in rows]),
        offsets=np.concatenate([[0], np.cumsum(lengths)]),
        log_probs=flat("logprobs"),
        entropies=flat("entropies"),
        nucleus_sizes=flat("branching"),
        top_log_probs=flat("top5_logprobs"),
        vocabulary=SYMBOLS,
        source=Path(path).name,
    )
