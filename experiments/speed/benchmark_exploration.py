"""How fast rollouts are read and pass@k is had from them, against bare loops and a package that does the same."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import thermodiff.exploration as explore
from experiments.speed.benchmark_training import Row, row_of
from experiments.speed.paired_timing import by_turns, timed
from thermodiff.exploration.extrapolation.moment_bounds import moment_bounds
from thermodiff.runtime.extras import from_extra

BUDGETS = (128, 192, 256, 384, 512, 1024, 4096, 16384)
"""The k, from 64 rollouts, that bounds are timed for."""


def pass_at_k(pairs: int) -> Row:
    """Every k = 1..128 of 1060 problems x 128, against passk-inference's ``pass_at_k`` called for each k."""
    base, peer = explore.named_rollouts("deepscaler")["base"], _peer()

    def theirs() -> Any:
        return [peer.pass_at_k(*base[:2], k) for k in range(1, 129)]

    np.testing.assert_allclose(explore.pass_at_k(base).mean, np.mean(theirs(), axis=1), rtol=1e-12)
    return row_of(by_turns(lambda: explore.pass_at_k(base), theirs, pairs), speedup=False)


def compare(pairs: int) -> Row:
    """Both curves, the band of their difference and the first-loss set, against passk-inference's ``compare``."""
    base, rl = explore.named_rollouts("deepscaler").values()
    peer = _peer()

    def ours() -> Any:
        return explore.pass_at_k(base), explore.pass_at_k(rl), explore.crossing(base, rl)

    def theirs() -> Any:
        return peer.compare(*base[:2], *rl[:2])

    found, told = ours(), theirs()
    np.testing.assert_allclose(found[2].difference.estimate.stderr, told["se"], rtol=1e-9)
    return row_of(
        by_turns(ours, theirs, pairs),
        speedup=False,
        ours_first_loss=list(found[2].first_loss),
        theirs_first_loss=list(told["first_loss_interval"]),
    )


def load(rows: int, pairs: int) -> Row:
    """``load_rollouts`` of a dump in verl's layout, against a bare loop of ``json.loads`` over its lines."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "100.jsonl"
        path.write_text("".join(_verl_row(i) for i in range(rows)), encoding="utf-8")

        def bare() -> None:
            with path.open(encoding="utf-8") as lines:
                for line in lines:
                    json.loads(line)

        return row_of(by_turns(lambda: explore.load_rollouts(path), bare, pairs), speedup=False, rows=rows)


def _verl_row(i: int) -> str:
    prompt, output = f"user: what is {i // 16} + 1? " * 20, f"Let me think about {i}. " * 60
    row = {
        "input": prompt,
        "output": output,
        "gts": str(i // 16 + 1),
        "score": float(i % 3 == 0),
        "step": 100,
    }
    return json.dumps(row) + "\n"


def bounds(pairs: int) -> Row:
    """Bounds of pass@k at eight k beyond 64 rollouts of 1060 problems: seconds."""
    base = explore.named_rollouts("deepscaler")["base"]
    correct = np.random.default_rng(0).hypergeometric(base.correct, 128 - base.correct, 64)

    def action() -> Any:
        return moment_bounds(correct, 64, np.array(BUDGETS), 0.95, False)

    action()
    seconds = [timed(action) for _ in range(pairs)]
    return {
        "ratio": float(np.median(seconds)),
        "low": min(seconds),
        "high": max(seconds),
        "ours_seconds": float(np.median(seconds)),
        "theirs_seconds": 1.0,
        "pairs": pairs,
    }


def _peer() -> Any:
    return from_extra("peers", "passk_inference", "row")
