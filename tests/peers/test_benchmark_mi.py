"""The mutual information of our own tasks is that of the public benchmark they were written after."""

from pathlib import Path

import pytest

from experiments.harness.own_environment import answer_of, environment
from experiments.information.benchmark_mi import NAME, REQUIREMENTS
from experiments.information.known_answers import TASKS

pytestmark = pytest.mark.peer

BASES = {
    "normal-1-1": "1v1-normal-0.75",
    **{f"dense-{d}-{d}": f"multinormal-dense-{d}-{d}-0.5" for d in (5, 25, 50)},
    **{f"sparse-{d}-{d}": f"multinormal-sparse-{d}-{d}-2-2.0" for d in (5, 25)},
    **{f"student-{d}-{d}-df{f}": f"student-identity-{d}-{d}-{f}" for d, f in ((2, 1), (2, 2), (3, 3), (5, 2))},
    "student-1-1-df1": "student-identity-1-1-1",
    "half_cube-sparse-5-5": "half_cube-multinormal-sparse-5-5-2-2.0",
    "normal_cdf-sparse-25-25": "normal_cdf-multinormal-sparse-25-25-2-2.0",
    "asinh-student-3-3-df2": "asinh-student-identity-3-3-2",
    "spiral-sparse-3-3": "spiral-multinormal-sparse-3-3-2-2.0",
    "spiral-normal_cdf-sparse-5-5": "spiral-normal_cdf-multinormal-sparse-5-5-2-2.0",
    "wiggly-normal-1-1": "wiggly-1v1-normal-0.75",
}  # fmt: skip
"""Ours and theirs."""


def test_known_answers_are_those_of_the_benchmark():
    script = Path(__file__).with_name("benchmark_mi_truths.py")
    theirs = answer_of(environment(NAME, REQUIREMENTS), script, list(BASES.values()))
    for ours, name in BASES.items():
        assert TASKS[ours].truth == pytest.approx(theirs[name], rel=1e-9), name
