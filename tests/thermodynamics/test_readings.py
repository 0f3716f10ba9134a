"""The readings' table: what theory section 3 says of R1, R2 and R3, and one formula for rates and integrals."""

import jax.numpy as jnp
import numpy as np
import pytest

import thermodiff as td
from thermodiff.thermodynamics.moments import NoiseMoments
from thermodiff.thermodynamics.readings import ORIENTATIONS, READINGS, system_integrals, system_moment
from thermodiff.thermodynamics.time_grid import time_grid

DRIFT, TRUE_SQUARE = -1.7, 0.9


@pytest.mark.parametrize("factor", [0.4, 1.0, 1.3])
def test_readings_of_a_scaled_score(factor):
    """s_th = c s has b = c^2 a and E[n.n_th] = c a: R3 - R1 = 2 c (1 - c) a, and R2 lies halfway."""
    b, c = factor**2 * TRUE_SQUARE, factor * TRUE_SQUARE
    R = {name: read(DRIFT, b, c, c) for name, read in READINGS.items()}
    assert R["divergence"] == pytest.approx(DRIFT + factor * TRUE_SQUARE)
    assert R["denoising"] - R["quadratic"] == pytest.approx(2 * factor * (1 - factor) * TRUE_SQUARE)
    assert R["quadratic"] + R["denoising"] == pytest.approx(2 * R["divergence"])


def test_integrals_are_those_of_the_moments():
    """int R_k = d ln(alpha(1)/alpha(t_min)) + int of the score's part d ell, by a sum written out here."""
    rng, process = np.random.default_rng(0), td.VariancePreserving()
    grid = time_grid(process, 1e-3, 9)
    b, c, div, local = (jnp.asarray(rng.normal(size=(4, 9)), dtype=float) for _ in range(4))
    moments = NoiseMoments(b, c, div, local, None, None, None)
    found = system_integrals(grid, 3, moments)
    drift = 3 * np.log(float(process.alpha(1.0)) / float(process.alpha(1e-3)))
    for name, part in {"quadratic": b, "divergence": div, "denoising": 2 * c - b}.items():
        np.testing.assert_array_equal(system_moment(moments, name), part)
        expected = drift + np.asarray(part, float) @ grid.rule.weights
        np.testing.assert_allclose(found[name], expected, rtol=1e-5, atol=1e-5)
    assert system_integrals(grid, 3, moments._replace(divergence=None)).keys() == {"quadratic", "denoising"}


def test_generation_runs_against_time():
    assert ORIENTATIONS == {"diffusion": 1.0, "generation": -1.0}
