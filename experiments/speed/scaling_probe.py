"""One measurement of time and memory in a process of its own: ``python -m experiments.speed.scaling_probe '{...}'``.

Peak memory is that of the process less what it was before the work, with everything imported: pages of a mapped file
count. Time is that of a second call, which compiles nothing, but for the streamed audit, which is called once.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

import thermodiff as td
from thermodiff.distributions import Gaussian
from thermodiff.numerics.divergence import ExactDivergence, HutchinsonDivergence
from thermodiff.scores.networks import residual_mlp

PROCESS = td.VarianceExploding(25.0)
DIVERGENCES = {
    "closed": ExactDivergence(),
    "products": ExactDivergence(),
    "hutchinson": HutchinsonDivergence(8),
}


def peak() -> int:
    """Largest resident memory of this process so far, bytes."""
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest if sys.platform == "darwin" else 1024 * largest


def score_of(dim: int, width: int) -> Any:
    """A network with random output weights on unit Gaussian data: its cost is that of a trained one."""
    network = residual_mlp(jax.random.key(0), dim, width)
    params = jax.tree.map(lambda leaf: leaf, network.params)
    shape = params["leave"]["kernel"].shape
    params["leave"]["kernel"] = 0.1 * jax.random.normal(jax.random.key(1), shape) / np.sqrt(width)
    network = type(network)(network.module, network.dim, network.width, network.depth, params)
    return td.PreconditionedScore(network, PROCESS, Gaussian(np.zeros(dim), np.eye(dim)), 1e-4)


def without_formula(score: Any) -> Any:
    """The same score, whose divergence has to be found by Jacobian-vector products."""
    return td.scaled(score, 1.0)


def work(cell: dict[str, Any]) -> Callable[[], Any]:
    """What a cell measures."""
    score, key = score_of(cell["dim"], cell["width"]), jax.random.key(2)
    if cell["task"] == "audit":
        rows = np.load(cell["file"], mmap_mode="r")[: cell["n"]]
        options = {"nodes": cell["nodes"], "flow_points": cell["flow_points"], "max_points": cell["n"]}
        return lambda: td.audit(key, score, PROCESS, rows, **options).to_dict()
    x = np.asarray(jax.random.normal(jax.random.key(3), (cell["n"], cell["dim"])))
    if cell["task"] == "rates":
        return lambda: td.entropy_rates(key, score, PROCESS, x, nodes=cell["nodes"]).system.mean
    divergence = DIVERGENCES[cell["task"]]
    if cell["task"] == "products":
        score = without_formula(score)
    return lambda: td.flow_log_likelihood(score, PROCESS, x, divergence=divergence, key=key)


def measure(cell: dict[str, Any]) -> dict[str, float]:
    """Seconds and bytes above the start."""
    action = work(cell)
    jax.block_until_ready(jax.numpy.ones(3) + 1)
    before = peak()
    if cell["task"] != "audit":
        jax.block_until_ready(action())
    start = time.perf_counter()
    jax.block_until_ready(action())
    return {"elapsed": time.perf_counter() - start, "peak_bytes": float(peak() - before)}


if __name__ == "__main__":
    print(json.dumps(measure(json.loads(sys.argv[1]))))
