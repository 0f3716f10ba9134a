"""A program that test_devices.py starts: trainings, rates and likelihoods on the devices it finds, saved.

    python tests/worker_devices.py OUT NAMES [ADDRESS NUMBER]

NAMES are keys of RESULTS. OUT/one-0.npz holds the results on one device (not in several processes), OUT/all-NUMBER.npz
those on all of them.
"""

import contextlib
import sys
from pathlib import Path

import jax
import numpy as np

import thermodiff as td

out, names, *joined = sys.argv[1:]
if joined:
    jax.distributed.initialize(joined[0], num_processes=2, process_id=int(joined[1]))

DATA = td.Gaussian([0.5, -1.0], [[1.0, 0.4], [0.4, 2.0]])
PROCESS = td.VarianceExploding(25.0)
SMALL = {"steps": 24, "batch_size": 64, "width": 8, "depth": 1, "chunk": 8}


ROWS = DATA.sample(jax.random.key(9), 37)
"""Which 8 devices cannot share out equally, nor the 6 units of the rates."""


def flat(*scores):
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(scores)])


def trained(folder):
    data = td.Samples(ROWS)
    fit = td.fit(jax.random.key(0), data, PROCESS, validation=ROWS, checkpoint_dir=folder, **SMALL)
    return np.concatenate([flat(fit.score), fit.history.validation])


def sweep(folder):
    return flat(
        *(f.score for f in td.fit_sweep(jax.random.split(jax.random.key(1), 2), DATA, PROCESS, **SMALL))
    )


def rates(reading):
    score = td.scaled(td.exact_score(DATA, PROCESS), 0.9)
    sizes = {"nodes": 5, "replicates": 6, "points": 8}
    found = td.entropy_rates(jax.random.key(2), score, PROCESS, DATA, reading=reading, **sizes)
    return np.stack([found.system.mean, found.intrinsic.mean, found.integral().exchange.mean * np.ones(5)])


RESULTS = {
    "fit": trained,
    "sweep": sweep,
    "rates": lambda folder: rates("denoising"),
    "flow rates": lambda folder: rates("flow"),
    "likelihood": lambda folder: td.flow_log_likelihood(td.exact_score(DATA, PROCESS), PROCESS, ROWS),
}

for name, devices in (("one", jax.devices()[:1]), ("all", jax.devices())):
    if name == "one" and joined:
        continue
    found = {}
    with contextlib.nullcontext() if name == "all" else td.use_devices(devices):
        for wanted in names.split(","):
            found[wanted] = np.asarray(RESULTS[wanted](Path(out) / f"checkpoints-{name}"))
    np.savez(Path(out) / f"{name}-{jax.process_index()}.npz", **found)
