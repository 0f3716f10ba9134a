"""Run where benchmark-mi is: one of its neural estimators on the rows of a file, the answer into another."""

import json
import math
import sys
import time
from pathlib import Path

import bmi
import numpy as np

asked = json.loads(Path(sys.argv[1]).read_text())
rows = np.load(asked["rows"])
estimator = getattr(bmi.estimators, asked["estimator"])(verbose=False, seed=asked["seed"])
start = time.process_time()
found = estimator.estimate_with_info(rows["x"], rows["y"])
mean = float(found.mi_estimate)
if not math.isfinite(mean):
    raise SystemExit(f"{asked['estimator']} gave {mean}")
answer = {
    "mean": mean,
    "steps": found.additional_information["n_training_steps"],
    "seconds": time.process_time() - start,
}
Path(sys.argv[2]).write_text(json.dumps(answer))
