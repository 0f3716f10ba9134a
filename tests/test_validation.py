"""Bad input gets one message that names the argument, says what came and what is needed."""

import contextlib
import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen, nnx

import thermodiff as td
from thermodiff.distributions import Samples
from thermodiff.distributions.sample_checks import check_samples
from thermodiff.information.arguments import check_arguments
from thermodiff.scores.callables import as_score
from thermodiff.validation import (
    check_covariance,
    check_finite,
    check_key,
    check_points,
    check_positive,
    check_time,
)

GOOD = np.random.default_rng(0).normal(size=(40, 3))


def with_value(value):
    x = GOOD.copy()
    x[7, 1] = value
    return x


def with_column(column):
    x = GOOD.copy()
    x[:, 2] = column
    return x


NOT_POINTS = {
    "NaN": (
        with_value(np.nan),
        r"1 NaN or infinite value\(s\) \(first at index \(7, 1\), counted from 0\), need finite numbers",
    ),
    "inf": (with_value(-np.inf), r"1 NaN or infinite value\(s\) \(first at index \(7, 1\), counted from 0\)"),
    "one-dimensional": (
        GOOD[:, 0],
        r"shape \(40,\), need an array of shape \(n, d\) "
        r"\(mine\[:, None\] is n rows of one column, mine\[None\] one row\)",
    ),
    "three-dimensional": (GOOD[None], r"shape \(1, 40, 3\), need an array of shape \(n, d\)"),
    "no rows": (GOOD[:0], r"shape \(0, 3\)"),
    "no columns": (GOOD[:, :0], r"shape \(40, 0\)"),
    "text": (np.full((5, 2), "a"), r"entries of type <U1, need real numbers"),
    "complex": (GOOD + 1j, r"entries of type complex128, need real numbers"),
    "objects": (np.full((5, 2), None), r"entries of type object, need real numbers"),
    "ragged": ([[1.0, 2.0], [3.0]], r"rows of different lengths, need an array of shape \(n, d\)"),
    "a number": (3.0, r"shape \(\), need an array of shape \(n, d\)"),
}
NOT_SAMPLES = {
    "one row": (GOOD[:1], r"1 row\(s\) of dimension 3, need at least 4 rows"),
    "fewer rows than dimensions": (GOOD[:3], r"3 row\(s\) of dimension 3, need at least 4 rows"),
    "constant column": (
        with_column(2.5),
        r"constant column\(s\) \[2\], counted from 0, need columns that vary",
    ),
    "constant large column": (with_column(1e8), r"constant column\(s\) \[2\]"),
    "duplicated column": (
        with_column(GOOD[:, 0]),
        r"linearly dependent columns \[0, 2\], counted from 0 \(singular covariance\)",
    ),
    "dependent in other units": (with_column(1e-6 * GOOD[:, 1] + 3), r"linearly dependent columns \[1, 2\]"),
    "a sum": (with_column(GOOD[:, 0] - GOOD[:, 1]), r"linearly dependent columns \[0, 1, 2\]"),
    "repeated rows": (
        np.repeat(GOOD, 2, axis=0),
        r"40 repeated rows out of 80: a discrete distribution has no density",
    ),
}


def _of_tensors(x, t):
    """What torch.nn.Linear says of a tracer."""
    raise TypeError(f"linear(): argument 'input' (position 1) must be Tensor, not {type(x).__name__}")


@pytest.mark.parametrize(("x", "message"), NOT_POINTS.values(), ids=NOT_POINTS)
def test_not_points(x, message):
    with pytest.raises(ValueError, match=rf"^mine: got {message}"):
        check_points("mine", x)


@pytest.mark.parametrize(
    ("x", "message"), [*NOT_POINTS.values(), *NOT_SAMPLES.values()], ids=[*NOT_POINTS, *NOT_SAMPLES]
)
def test_not_the_sample_of_a_density(x, message):
    with pytest.raises(ValueError, match=rf"^mine: got {message}"):
        check_samples("mine", x)


def test_points_of_another_dimension():
    with pytest.raises(ValueError, match=r"^x: got shape \(40, 3\), need an array of shape \(n, 2\)"):
        check_points("x", GOOD, 2)


@pytest.mark.parametrize(
    "x",
    [
        GOOD,
        GOOD.tolist(),
        jnp.asarray(GOOD),
        jnp.asarray(GOOD, dtype=jnp.bfloat16),
        np.arange(30).reshape(10, 3) ** 2 % 17,
        GOOD * [1e-9, 1.0, 1e9],
        GOOD + 1e4,
        np.concatenate([GOOD, GOOD[:2]]),
        GOOD[:4],
    ],
)
def test_what_is_fine(x):
    check_samples("mine", x)


def test_samples_name_their_argument():
    with pytest.raises(ValueError, match=r"^array: got constant column\(s\) \[2\]"):
        Samples(with_column(0.0))


@pytest.mark.parametrize("t", [-1e-6, 1.0 + 1e-6, np.nan, [0.5, 1.2]])
def test_times(t):
    with pytest.raises(ValueError, match=r"^times: got .*, need times in \[0, 1\] \(data at 0, noise at 1\)"):
        check_time(t, "times")


def test_times_at_the_ends_are_fine():
    check_time(0.0)
    check_time([0, 1])


@pytest.mark.parametrize("value", [0.0, -2.0, np.nan, np.inf, [1.0, 0.0]])
def test_positive(value):
    with pytest.raises(ValueError, match=r"^rate: got .*, need a positive, finite number"):
        check_positive("rate", value)


@pytest.mark.parametrize(
    ("cov", "message"),
    [
        (np.eye(3), r"shape \(3, 3\), need a covariance matrix of shape \(2, 2\)"),
        (np.ones(2), r"shape \(2,\)"),
        ([[1.0, np.nan], [np.nan, 1.0]], r"2 NaN or infinite"),
        ([[1.0, 0.5], [0.2, 1.0]], r"a matrix that differs from its transpose by 0\.3, need a symmetric one"),
        ([[1.0, 2.0], [2.0, 1.0]], r"smallest eigenvalue -1, need a positive definite matrix"),
        ([[1.0, 1.0], [1.0, 1.0]], r"smallest eigenvalue .*, need a positive definite matrix"),
        (np.zeros((2, 2)), r"smallest eigenvalue 0"),
    ],
)
def test_covariances(cov, message):
    with pytest.raises(ValueError, match=rf"^cov: got {message}"):
        check_covariance("cov", cov, 2)
    with pytest.raises(ValueError, match=rf"^cov: got {message}"):
        td.Gaussian([0.0, 0.0], cov)


def test_tracers_pass_silently():
    @jax.jit
    def inside(x, t):
        check_finite("x", x)
        check_points("x", x)
        check_time(t)
        check_positive("t", t)
        check_covariance("x", x, 3)
        return x.sum() + t

    assert np.isfinite(inside(jnp.ones((3, 3)), -5.0))


@pytest.mark.parametrize(
    ("score", "message"),
    [
        ("network", r"str, need a callable score\(x, t\) -> \(d,\)"),
        (lambda x, t: x[:1], r"an output of shape \(1,\) for x of shape \(2,\), need shape \(2,\)"),
        (lambda x, t: x[None], r"an output of shape \(1, 2\) for x of shape \(2,\)"),
        (lambda x, t: x.sum(), r"an output of shape \(\) for x of shape \(2,\)"),
        (lambda x, t: (x, x), r"an output of shape None for x of shape \(2,\)"),
        (
            _of_tensors,
            r"a callable that JAX cannot trace, of PyTorch's tensors, need .* td\.torch_model\(f\)",
        ),
        (
            lambda x, t: np.sin(x),
            r"a callable that JAX cannot trace, need one written with jax.numpy, or td.torch_model",
        ),
        (lambda x, t: x if x[0] > 0 else -x, r"a callable that JAX cannot trace"),
        (lambda x, t: float(t) * x, r"a callable that JAX cannot trace"),
        (lambda x, t: 1j * x, r"complex values \(complex64\), need real ones, \(d,\) for x of shape \(d,\)"),
        (
            lambda x, t: jnp.ones(2, int),
            r"values of type int32, need floating-point ones: whole numbers have no",
        ),
        (lambda x, t: x * (0.0, 1.0)[2], r"IndexError for x of shape \(2,\), t of shape \(\): tuple index"),
        (td.PlainScore, r"the class PlainScore, need an object of it, called as score\(x, t\) -> \(d,\)"),
        (nnx.Linear, r"the class Linear, need an object of it"),
        (
            linen.Dense(2),
            r"Dense, a module without its variables, need lambda x, t: module.apply\(variables, x, t\)",
        ),
        (lambda x: x, r"TypeError for x of shape \(2,\), t of shape \(\): .*positional argument"),
        (lambda x, t: jnp.ones((3, 3)) @ x, r"TypeError for x of shape \(2,\), t of shape \(\)"),
    ],
)
def test_scores(score, message):
    with pytest.raises(ValueError, match=rf"^score: got {message}"):
        as_score(score, 2)


def test_a_score_for_other_data():
    process = td.VariancePreserving()
    score = td.exact_score(td.Gaussian([0.0, 0.0], np.eye(2)), process)
    with pytest.raises(
        ValueError, match=r"^score: got one of 2 dimensions for data of 3, need as many in both"
    ):
        td.entropy_rates(jax.random.key(0), score, process, GOOD)


@pytest.mark.parametrize(
    ("key", "got"),
    [
        (0, "0"),
        (None, "None"),
        (np.float32(1.5), r"an array of shape \(\)"),
        (np.zeros(2), r"an array of shape \(2,\)"),
        (jax.random.split(jax.random.key(0), 3), r"an array of shape \(3,\)"),
    ],
)
def test_what_is_no_key(key, got):
    with pytest.raises(
        ValueError, match=rf"^key: got {got}, need one random key, such as jax.random.key\(0\)"
    ):
        check_key(key)


class SeenError(Exception):
    """The key was looked at."""


def test_keys_are_checked_first(monkeypatch):
    """By everything public that draws."""
    process, key = td.VariancePreserving(), jax.random.key(0)
    score = td.exact_score(td.Gaussian(np.zeros(3), np.eye(3)), process)
    calls = {
        "information.arguments": [
            lambda: td.data_entropy(key, GOOD),
            lambda: td.conditional_entropy(key, GOOD, GOOD),
            lambda: td.mutual_information(key, GOOD, GOOD),
            lambda: td.total_correlation(key, GOOD),
            lambda: td.kl_divergence(key, GOOD, GOOD),
            lambda: td.cross_entropy(key, GOOD, GOOD),
        ],
        "information.held_out": [lambda: td.entropy_from_score(key, score, process, GOOD)],
        "thermodynamics.rates": [lambda: td.entropy_rates(key, score, process, GOOD)],
        "likelihood": [lambda: td.elbo(key, score, process, GOOD)],
        "auditing.audit": [lambda: td.audit(key, score, process, GOOD)],
        "thermodynamics.calibration": [lambda: td.calibrate(key, score, process, GOOD)],
        "training.fit": [lambda: td.fit(key, GOOD, process)],
    }

    def seen(_):
        raise SeenError

    for module, functions in calls.items():
        monkeypatch.setattr(importlib.import_module(f"thermodiff.{module}"), "check_key", seen)
        for function in functions:
            with pytest.raises(SeenError):
                function()


@pytest.mark.parametrize("impl", ["threefry2x32", "rbg"])
def test_keys_of_the_old_style_draw_what_those_of_the_new_do(impl):
    new, old = jax.random.key(5, impl=impl), jax.random.PRNGKey(5, impl=impl)
    assert check_key(new) is new
    np.testing.assert_array_equal(jax.random.normal(check_key(old), (9,)), jax.random.normal(new, (9,)))


def test_a_key_of_the_old_style_compiles_nothing_again():
    p, x = td.VarianceExploding(25.0), GOOD[:4]
    score = td.exact_score(td.Gaussian(np.zeros(3), np.eye(3)), p)
    values = td.elbo(jax.random.key(3), score, p, x, nodes=5)
    with jax.log_compiles(False), count_compilations() as count:
        np.testing.assert_array_equal(td.elbo(jax.random.PRNGKey(3), score, p, x, nodes=5), values)
    assert count() <= 1  # the wrapping of the key itself


@contextlib.contextmanager
def count_compilations():
    """How many programs JAX compiles inside."""
    seen = []

    def listen(event, duration, **_):
        if event == "/jax/core/compile/backend_compile_duration":
            seen.append(duration)

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield lambda: len(seen)
    jax.monitoring.unregister_event_duration_listener(listen)


# --- processes ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [
        lambda key, score, p: td.exact_score(td.Gaussian([0.0], [[1.0]]), p),
        lambda key, score, p: td.flow_log_likelihood(score, p, GOOD),
        lambda key, score, p: td.elbo(key, score, p, GOOD),
        lambda key, score, p: td.entropy_rates(key, score, p, GOOD),
        lambda key, score, p: td.calibrate(key, score, p, GOOD),
        lambda key, score, p: td.fit(key, GOOD, p),
        lambda key, score, p: td.audit(key, score, p, GOOD),
    ],
)
def test_the_class_of_a_process_is_no_process(key, call):
    message = r"^process: got the class VarianceExploding, need an object of it, VarianceExploding\(\.\.\.\)$"
    with pytest.raises(ValueError, match=message):
        call(key, lambda x, t: -x, td.VarianceExploding)


# --- numbers that are too large -----------------------------------------------------------------

AT_INDEX = r"got 1e\+200 \(at index \(7, 1\), counted from 0\), need numbers up to 1.8e\+19, whose"
IN_COLUMN = r"got column \[1\], counted from 0 from .* to 1e\+200, too large to be squared, need columns"


@pytest.mark.parametrize(
    "call",
    [
        lambda key, x: td.data_entropy(key, x),
        lambda key, x: td.mutual_information(key, x, GOOD),
        lambda key, x: td.fit(key, x, td.VarianceExploding()),
        lambda key, x: td.flow_log_likelihood(lambda x, t: -x, td.VarianceExploding(), x),
        lambda key, x: td.entropy_rates(key, lambda x, t: -x, td.VarianceExploding(), x),
    ],
)
def test_numbers_whose_squares_are_infinite(key, call):
    with pytest.raises(ValueError, match=f"^(samples|array|x|data): ({AT_INDEX}|{IN_COLUMN})"):
        call(key, with_value(1e200))


def test_numbers_that_single_precision_cannot_square():
    message = r"^array: got column 1 from .* to 1e\+30, whose squares float32 cannot hold, need standardised columns"
    with pytest.raises(ValueError, match=message):
        Samples(with_value(1e30))
    with jax.enable_x64(True):
        Samples(with_value(1e30))


# --- scales that a score cannot be trained on ---------------------------------------------------


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (
            1e6 * GOOD,
            r"data: got a scale of .*e\+05, for which noise of sigma/alpha up to 9\.85 has no start, "
            r"need data of order 1: standardise the columns, \(x - x\.mean\(axis=0\)\) / x\.std\(axis=0\)",
        ),
        (
            GOOD * [1e-3, 1.0, 1e3],
            r"data: got standard deviations from .* \(column 0\) to .* \(column 2\), "
            r"need columns of one scale: standardise",
        ),
        (
            with_value(1e9),
            r"data\[7, 1\]: got 1e\+09, which alone makes up most of the spread of column 1, need a look at row 7",
        ),
        (
            with_column(GOOD[:, 0] + 1e-4 * GOOD[:, 2]),
            r"data: got columns \[0, 2\], counted from 0, together .* times as wide as the widest direction, "
            r"need at least 0\.0005 in single precision: white = td\.whiten\(data\), train on white\.rows",
        ),
    ],
    ids=["scale", "columns", "outlier", "narrow"],
)
def test_what_has_to_be_standardised_first(key, x, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        td.fit(key, x, td.VarianceExploding(25.0))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"marginals": "asinh"}, "marginals: got 'asinh', need a class such as td.Asinh"),
        (
            {"settings": 3},
            r"settings: got 3, need a td\.CrossFitting, such as td\.CrossFitting\(training=\.\.\.\)",
        ),
        (
            {"settings": td.CrossFitting(), "effort": "quick"},
            "effort: got 'quick' beside settings, need one of them: an effort is a name for settings",
        ),
        (
            {"effort": td.CrossFitting()},
            "effort: got a td.CrossFitting, need it as settings=, or one of quick, standard, thorough",
        ),
        ({"settings": td.TrainingConfig()}, "settings: got a td.TrainingConfig, need a td.CrossFitting, .*"),
    ],
    ids=["marginals", "settings", "both", "effort", "training"],
)
def test_what_estimates_of_information_are_told(arguments, message):
    given = {"marginals": td.Asinh, "settings": None, "effort": None, **arguments}
    with pytest.raises(ValueError, match=f"^{message}$"):
        check_arguments(jax.random.key(0), **given)
