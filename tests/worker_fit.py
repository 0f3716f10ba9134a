"""A training that test_nothing_lost.py starts, kills and starts again: the same command each time.

    python tests/worker_fit.py OUT STEPS

A checkpoint in OUT/checkpoints after every ten steps, the parameters and history in OUT/done.txt when it is through.
"""

import sys
from pathlib import Path

import jax
import numpy as np

import thermodiff as td
from thermodiff.runtime.files import write_atomically
from thermodiff.training import checkpoints

out = Path(sys.argv[1])
checkpoints.CHECKPOINT_SECONDS = 0.0  # as many moments of writing as there can be
fit = td.fit(
    jax.random.key(3),
    td.Gaussian([0.5, -1.0], [[1.0, 0.4], [0.4, 2.0]]),
    td.VarianceExploding(25.0),
    validation=np.random.default_rng(0).normal(size=(64, 2)),
    checkpoint_dir=out / "checkpoints",
    callback=lambda report: print(report.step, flush=True),
    steps=int(sys.argv[2]),
    chunk=10,
    batch_size=16,
    width=8,
    depth=1,
)
write_atomically(
    out / "done.txt", " ".join(np.asarray(leaf).tobytes().hex() for leaf in jax.tree.leaves(fit[:2]))
)
