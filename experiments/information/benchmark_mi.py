"""benchmark-mi's neural estimators, in an environment of their own: their package does not install beside our JAX.

    python -m experiments.information.benchmark_mi        makes the environment (``make benchmark-mi``)

Python 3.11 or 3.12, as the package asks. Rows go there in a file of numpy's, an answer comes back in one of JSON
(``benchmark_mi_script``). Settings are the package's own, which are those of its benchmark: a critic of 16 and 8 hidden
units, 10^4 steps of 256 rows at most, half of the rows held out to stop by, columns standardised.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from experiments.harness.own_environment import answer_of, environment, interpreter, is_made
from thermodiff.validation import complain

NAME = "benchmark-mi"
REQUIREMENTS = ("benchmark-mi==0.1.3", "jax==0.4.30", "jaxlib==0.4.30")
SCRIPT = Path(__file__).with_name("benchmark_mi_script.py")


def release() -> str:
    """The package with its version. Raises ValueError where its environment is not made."""
    if not is_made(NAME, REQUIREMENTS):
        got = f"no environment with {REQUIREMENTS[0]}"
        raise complain("estimators", got, "it: make it by `make benchmark-mi`")
    return REQUIREMENTS[0].replace("==", " ")


def estimate(estimator: str, seed: int, x: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    """``mean`` (nats), ``steps`` and ``seconds`` of one core by bmi.estimators.<estimator>."""
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder) / "rows.npz"
        np.savez(rows, x=x, y=y)
        question = {"rows": str(rows), "estimator": estimator, "seed": seed}
        return answer_of(interpreter(NAME), SCRIPT, question)


if __name__ == "__main__":
    print(environment(NAME, REQUIREMENTS))
