"""The heat of noising paths against thermox's transition densities, where it is right: one temperature, one stiffness.

Its covariance of a step is wrong where drift and noise do not commute; here both are multiples of the identity.
"""

from pathlib import Path

import jax
import numpy as np
import pytest

import thermodiff as td
from experiments.harness.own_environment import answer_of, environment

pytestmark = pytest.mark.peer

REQUIREMENTS = ("thermox==0.0.6", "fmmax==1.7.1", "jax==0.10.2", "jaxlib==0.10.2")


def test_heat_is_the_log_ratio_of_a_path_and_its_reversal(double_precision):
    """In the clock u = int beta/2 dt a variance-preserving process is dx = -x du + sqrt(2) dw."""
    process = td.VariancePreserving(0.1, 20.0)
    data = td.GaussianMixture(
        [0.3, 0.7], [[-1.3, 0.2], [0.7, -0.5]], [[[0.07, 0.0], [0.0, 0.2]], [[0.16, 0.05], [0.05, 0.1]]]
    )
    plan = td.schedule("log_snr", process, 20, t_min=1e-3)
    paths = td.noising_paths(jax.random.key(0), process, data.sample(jax.random.key(1), 5), plan)
    t = plan.time[::-1]
    clock = 0.5 * (0.1 * t + 0.5 * (20.0 - 0.1) * t**2)
    question = {"clock": clock.tolist(), "paths": paths.x.tolist()}
    theirs = answer_of(
        environment("thermox", REQUIREMENTS), Path(__file__).with_name("thermox_log_ratio.py"), question
    )
    ours = td.noising_entropy_production(paths, process, data).medium
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)
