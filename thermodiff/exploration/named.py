"""Real rollouts by name, shipped with the package: what to try every measure on before one has rollouts of one's own.

Sources, licences and what was done to them are in ``named_data/README.md``.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from thermodiff.exploration.loading import load_rollouts
from thermodiff.exploration.rollouts import Counts, Rollouts
from thermodiff.validation import complain

FOLDER = Path(__file__).parent / "named_data"
FILES = {
    "deepscaler": {"base": "deepscaler32k/base.jsonl", "RL": "deepscaler32k/rl.jsonl"},
    "characters": {"characters": "characters.jsonl.gz"},
}
NAMES = tuple(FILES)


def named_rollouts(name: str) -> dict[str, Counts | Rollouts]:
    """The policies of a data set by their labels.

    "deepscaler": counts of R1-Distill-Qwen-1.5B ("base") and of DeepScaleR-1.5B trained from it ("RL"), 128 rollouts of
    each of 1060 mathematical problems (arXiv 2609.22547). "characters": 32 rollouts of each of 8 prompts by a small
    character network, with exact log-probabilities, entropies, nucleus sizes and top-5 lists.

    Raises ValueError for another name.
    """
    if name not in FILES:
        raise complain("name", f"{name!r}", f"one of {', '.join(NAMES)}")
    return {label: _load(file, name) for label, file in FILES[name].items()}


def _load(file: str, name: str) -> Counts | Rollouts:
    loaded = load_rollouts(FOLDER / file)
    return loaded if isinstance(loaded, Counts) else dataclasses.replace(loaded, source=name)
