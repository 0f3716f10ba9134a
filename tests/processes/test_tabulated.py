"""A table of alpha^2: exact at its entries, monotone between them, and no table of anything else."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import thermodiff as td

N = 1000
BETAS = np.linspace(1e-4, 0.02, N)
PRODUCTS = np.cumprod(1 - BETAS)
COSINE = np.cos(np.linspace(0.01, 0.995, 50) * np.pi / 2) ** 2
"""Another schedule, of few steps."""
TIMES = np.arange(1, N + 1) / N


@pytest.fixture(scope="module")
def double():
    with jax.enable_x64(True):
        return td.TabulatedProcess(PRODUCTS)


def in_float64(process, method, t):
    with jax.enable_x64(True):
        return np.asarray(getattr(process, method)(jnp.asarray(t)), dtype=np.float64)


def test_exact_at_the_entries(double):
    np.testing.assert_allclose(in_float64(double, "alpha", TIMES) ** 2, PRODUCTS, rtol=1e-12)
    np.testing.assert_allclose(in_float64(double, "sigma", TIMES) ** 2, 1 - PRODUCTS, rtol=1e-11)
    np.testing.assert_allclose(
        in_float64(double, "log_snr", TIMES), np.log(PRODUCTS / (1 - PRODUCTS)), rtol=1e-11
    )
    single = td.TabulatedProcess(PRODUCTS)
    np.testing.assert_allclose(single.alpha(TIMES) ** 2, PRODUCTS, rtol=1e-5)
    np.testing.assert_allclose(single.sigma(TIMES) ** 2, 1 - PRODUCTS, rtol=1e-5)


@pytest.mark.parametrize("table", [PRODUCTS, COSINE, [0.9, 0.5, 0.49, 0.01]])
def test_monotone_between_the_entries_and_below_them(table):
    with jax.enable_x64(True):
        process = td.TabulatedProcess(table)
    snr = in_float64(
        process, "log_snr", np.concatenate([np.geomspace(1e-9, 1e-3, 50), np.linspace(2e-3, 1, 4001)])
    )
    assert np.all(np.diff(snr) < 0)


def test_rates_are_derivatives(double):
    """D = sigma^2 d ln(sigma/alpha)/dt = -a by finite differences of the table's own interpolant, off its entries."""
    t = np.array([2e-4, 1.37e-3, 0.0105, 0.2503, 0.8001])
    h = 1e-6 * t
    ell = (in_float64(double, "log_snr", t - h) - in_float64(double, "log_snr", t + h)) / (4 * h)
    D = in_float64(double, "diffusivity", t)
    np.testing.assert_allclose(D, in_float64(double, "sigma", t) ** 2 * ell, rtol=1e-6)
    np.testing.assert_allclose(in_float64(double, "drift_rate", t), -D, rtol=1e-14)
    log_alpha = (np.log(in_float64(double, "alpha", t + h)) - np.log(in_float64(double, "alpha", t - h))) / (
        2 * h
    )
    np.testing.assert_allclose(log_alpha, -D, rtol=1e-5)


def test_between_the_entries_near_the_schedule_that_the_table_samples():
    """Tables of every twentieth and tenth entry of the DDPM's predict the others, of second order in their distance."""

    def error(every):
        with jax.enable_x64(True):
            sparse = td.TabulatedProcess(PRODUCTS[every - 1 :: every])
        predicted = in_float64(sparse, "log_snr", TIMES[100:])
        return np.abs(predicted - np.log(PRODUCTS / (1 - PRODUCTS))[100:]).max()

    assert error(20) > 4 * error(10)


def test_starts_at_the_data_and_inverts(double):
    single = td.TabulatedProcess(PRODUCTS)
    assert float(single.alpha(0.0)) == 1
    assert float(single.sigma(0.0)) == 0
    assert np.isposinf(single.log_snr(0.0))
    assert np.isfinite(single.diffusivity(0.0))
    t = np.array([1e-5, 1e-3, 0.0123, 0.5, 1.0])
    np.testing.assert_allclose(
        in_float64(double, "time_of_log_snr", in_float64(double, "log_snr", t)), t, rtol=1e-9
    )


def test_integrals_end_at_the_first_entry():
    assert td.TabulatedProcess(COSINE).t_min == 1 / 50
    assert td.TabulatedProcess(COSINE).steps == 50


def test_betas_give_the_same_with_more_digits():
    """A table in single precision knows 1 - alpha^2 = 1e-4 to four digits only; its betas to seven."""
    with jax.enable_x64(True):
        right = td.TabulatedProcess(PRODUCTS)
        from_betas = td.TabulatedProcess.from_betas(BETAS.astype(np.float32))
        rounded = td.TabulatedProcess(PRODUCTS.astype(np.float32))
    np.testing.assert_allclose(from_betas.ell, right.ell, atol=1e-6)
    assert 1e-6 < np.abs(np.asarray(rounded.ell) - np.asarray(right.ell)).max() < 1e-3


FALLING = np.linspace(0.99, 0.01, 10)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            BETAS,
            r"got values from 0\.0001 to 0\.02 that do not fall, a table of betas, need cumulative products np",
        ),
        (np.full(10, 0.02), r"got values from 0\.02 to 0\.02 that do not fall, a table of betas"),
        (
            1 - BETAS,
            r"got values from 0\.9999 to 0\.98, more signal than noise to the end, as a table of alphas",
        ),
        (BETAS[::-1], r"got values from 0\.02 to 0\.0001, more noise than signal from the start"),
        (PRODUCTS[::-1], r"got .* to 0\.9999 that rise, cumulative .*, need alphas_cumprod\[::-1\]"),
        (
            np.append(FALLING, 0.0),
            r"got 0 at the end \(no signal at all\), need .* leave it out, alphas_cumprod\[:-1\]",
        ),
        (
            np.append(1.0, FALLING),
            r"got 1 at the start \(no noise at all\), need .*: leave it out, alphas_cumprod\[1:\]",
        ),
        (
            np.r_[FALLING[:5], 0.7, FALLING[5:]],
            r"got 0\.7 after 0\.554444 \(at index 5, counted from 0\), need falling",
        ),
        (FALLING[:3], r"got shape \(3,\), need one axis of at least 4 steps"),
        (FALLING[:, None], r"got shape \(10, 1\), need one axis"),
        (
            np.where(FALLING > 0.5, FALLING, np.nan),
            r"got 5 NaN or infinite value\(s\) \(first at index \(5,\)",
        ),
        (["a", "b"], r"got entries of type <U1, need real numbers"),
    ],
)
def test_tables_of_something_else(table, message):
    with pytest.raises(ValueError, match=f"^alphas_cumprod: {message}"):
        td.TabulatedProcess(table)


@pytest.mark.parametrize(
    ("betas", "message"),
    [
        (
            PRODUCTS,
            r"got values that fall from 0\.9999 to .*, a table of cumulative products, need betas, or Tab",
        ),
        (np.r_[0.0, BETAS], r"got 0 at index 0, counted from 0, need numbers strictly between 0 and 1"),
    ],
)
def test_betas_that_are_none(betas, message):
    with pytest.raises(ValueError, match=f"^betas: {message}"):
        td.TabulatedProcess.from_betas(betas)


def test_is_a_pytree():
    process = td.TabulatedProcess(COSINE)
    np.testing.assert_allclose(jax.jit(lambda p, t: p.sigma(t))(process, 0.3), process.sigma(0.3), rtol=1e-6)
