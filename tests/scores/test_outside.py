"""A model outside JAX against the same in JAX: values and derivatives, alone and in batches, and its calls counted."""

import re
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import thermodiff as td
from thermodiff.numerics.divergence import ExactDivergence, HutchinsonDivergence
from thermodiff.runtime.callbacks import own_errors
from thermodiff.scores.outside import OutsideModel
from thermodiff.validation import ModelError


class Curled(OutsideModel):
    """F_i = c sin x_i + x_{i+1}^2, with a Jacobian that is not symmetric; counts what it is asked."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def values(self, x, c):
        self.calls.append(("values", x.shape))
        return c[:, None] * np.sin(x) + np.roll(x, -1, axis=1) ** 2

    def products(self, x, c, directions):
        self.calls.append(("products", tuple(d.shape for d in directions.values())))
        out = 0.0
        if 0 in directions:
            dx = directions[0]
            out = out + c[:, None] * np.cos(x) * dx + 2 * np.roll(x, -1, axis=1) * np.roll(dx, -1, axis=2)
        return out + np.sin(x) * directions[1][..., None] if 1 in directions else out

    def pulled_back(self, x, c, u, by):
        self.calls.append(("pulled_back", u.shape))
        by_x = c[:, None] * np.cos(x) * u + np.roll(2 * np.roll(x, -1, axis=1) * u, 1, axis=2)
        return [(by_x, np.sum(np.sin(x) * u, axis=2))[i] for i in by]


def in_jax(x, c):
    return c * jnp.sin(x) + jnp.roll(x, -1) ** 2


X = np.random.default_rng(3).normal(size=(5, 3))
C = np.linspace(0.5, 2.0, 5)
U = np.random.default_rng(4).normal(size=(2, 5, 3))

ASKED = {
    "one point": lambda f: f(X[0], C[0]),
    "one row a call": lambda f: jnp.stack([f(x, c) for x, c in zip(X, C, strict=True)]),
    "a batch": lambda f: jax.vmap(f)(X, C),
    "a compiled batch": lambda f: jax.jit(jax.vmap(f))(X, C),
    "every point at every c": lambda f: jax.vmap(lambda c: jax.vmap(lambda x: f(x, c))(X))(C),
    "inside a scan": lambda f: jax.lax.scan(lambda x, c: (jax.vmap(f, (0, None))(x, c), c), X, C)[0],
    "inside a loop without end": lambda f: jax.lax.while_loop(
        lambda s: s[0] < 3, lambda s: (s[0] + 1, jax.vmap(f)(s[1], C)), (0, X)
    )[1],
    "both Jacobians forwards": lambda f: jax.vmap(jax.jacfwd(f, argnums=(0, 1)))(X, C),
    "both Jacobians backwards": lambda f: jax.jit(jax.vmap(jax.jacrev(f, argnums=(0, 1))))(X, C),
    "the gradient of a sum": lambda f: jax.grad(lambda x: jnp.sum(jax.vmap(f)(x, C) ** 3))(X),
    "a gradient through a checkpoint": lambda f: jax.grad(
        lambda x: jnp.sum(jax.checkpoint(jax.vmap(f))(x, C) ** 3)
    )(X),
    "linearised": lambda f: jax.linearize(jax.vmap(f), X, C)[1](U[0], C),
    "linearised and transposed twice": lambda f: jax.linear_transpose(
        jax.vjp(jax.vmap(f), X, C)[1], jax.ShapeDtypeStruct(X.shape, X.dtype)
    )((U[0], C)),
    "the exact divergence": lambda f: jax.vmap(lambda x, c: ExactDivergence()(lambda y: f(y, c), x))(X, C),
    "probes": lambda f: jax.vmap(lambda x, c, k: HutchinsonDivergence(4)(lambda y: f(y, c), x, k), (0, 0, 0))(
        X, C, jax.random.split(jax.random.key(0), len(X))
    ),
}


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
def test_it_is_the_same_as_in_jax(asked):
    with jax.enable_x64(True):
        got, expected = asked(Curled()), asked(in_jax)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13), got, expected)


@pytest.mark.parametrize(
    ("asked", "calls"),
    [
        ("a batch", [("values", (5, 3))]),
        ("every point at every c", [("values", (25, 3))]),
        ("the exact divergence", [("values", (5, 3)), ("products", ((3, 5, 3),))]),
        ("probes", [("values", (5, 3)), ("products", ((4, 5, 3),))]),
        ("both Jacobians backwards", [("pulled_back", (3, 5, 3))]),
    ],
)
def test_one_call_a_batch(asked, calls):
    model = Curled()
    jax.block_until_ready(ASKED[asked](model))
    assert model.calls == calls


def test_the_type_is_that_of_the_points():
    assert Curled()(jnp.ones(3, jnp.float32), 1).dtype == jnp.float32
    with jax.enable_x64(True):
        assert Curled()(np.ones(3), 1).dtype == jnp.float64


def test_doubles_stay_doubles_in_loops_that_run_in_a_thread_of_their_own():
    """There a setting of this thread alone is not known."""
    small = 1e-12
    with jax.enable_x64(True):
        one = jax.jit(lambda x: jax.lax.fori_loop(0, 3, lambda i, x: Curled()(x, 1.0), x))
        x = jnp.asarray([1 + small, 2.0, 3.0])
        assert one(x)[0] != one(x.at[0].set(1.0))[0]
        expected = x
        for _ in range(3):
            expected = in_jax(expected, 1.0)
        np.testing.assert_allclose(one(x), expected, rtol=1e-14)


def test_weights_are_read_when_it_is_called():
    class Scaled(Curled):
        weight = 1.0

        def values(self, x, c):
            return self.weight * x

    model = Scaled()
    compiled = jax.jit(model)
    assert compiled(jnp.ones(2), 0.0)[0] == 1
    model.weight = 3.0
    assert compiled(jnp.ones(2), 0.0)[0] == 3


@pytest.mark.parametrize(
    ("x", "c", "got"),
    [
        (jnp.ones((4, 2)), jnp.ones(4), "x of shape (4, 2) and type float32, c of shape (4,)"),
        (jnp.ones(2, int), 1.0, "x of shape (2,) and type int32, c of shape ()"),
        (jnp.ones(2), jnp.ones(1), "x of shape (2,) and type float32, c of shape (1,)"),
    ],
)
def test_one_point_and_one_number_are_asked_for(x, c, got):
    with pytest.raises(ModelError) as error:
        Curled()(x, c)
    assert str(error.value) == (
        f"model: got {got}, need one point (d,) of floating-point numbers and one number: jax.vmap maps over more"
    )


def test_second_derivatives_are_refused():
    message = "model: got a second derivative asked of a model outside JAX, need first ones"
    for second in (jax.hessian, lambda f: jax.jacfwd(jax.jacfwd(f)), lambda f: jax.jacrev(jax.jacrev(f))):
        with pytest.raises(ValueError, match=message):
            second(lambda x: Curled()(x, 1.0))(jnp.ones(2))


PROCESS = td.VariancePreserving(beta_max=20.0)


def test_its_own_error_comes_out_of_a_compiled_program(caplog):
    class Narrow(Curled):
        def values(self, x, c):
            if np.abs(x).max() > 3:
                raise RuntimeError("beyond 3\nand more that nobody reads")
            return x

    with pytest.raises(ModelError) as error, own_errors():  # as every public function that takes a score
        jax.block_until_ready(jax.jit(jax.vmap(Narrow()))(jnp.full((4, 2), 9.0), jnp.ones(4)))
    assert str(error.value) == (
        "model: got RuntimeError for x (4, 2) and c (4,): beyond 3, need a model(x, c) of rows that takes these"
    )
    assert isinstance(error.value.__cause__, RuntimeError)
    assert not caplog.records


# NumPy functions


@pytest.mark.slow
def test_a_numpy_function_gives_rates_and_samples():
    calls = []

    def noise(x, t):
        calls.append(len(x))
        return np.sqrt(-np.expm1(-t * (0.1 + 9.95 * t)))[:, None] * x

    model = td.numpy_model(noise)
    score = td.score_from_noise_prediction(model, PROCESS)
    data = td.Gaussian(np.zeros(2), np.eye(2))
    options = {"nodes": 8, "points": 64, "replicates": 4}
    got, expected = (
        td.entropy_rates(jax.random.key(0), one, PROCESS, data, reading="denoising", **options)
        for one in (score, lambda x, t: -x)
    )
    for name in ("intrinsic", "system"):
        a, b = getattr(got, name).mean, getattr(expected, name).mean
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    assert max(calls) == 256
    made = td.sample(
        jax.random.key(0), score, PROCESS, 8, schedule="log_snr", steps=5, prior=td.noise_prior(PROCESS, 2)
    )
    assert np.all(np.isfinite(made.x))


def test_a_numpy_function_has_no_likelihood():
    model = td.numpy_model(lambda x, c: x)
    message = (
        "function: got a derivative asked of a NumPy function, need one in JAX or PyTorch, or what takes none: the "
        "readings quadratic and denoising, td.elbo, td.sample on a named schedule"
    )
    with pytest.raises(ModelError) as error:
        td.flow_log_likelihood(td.score_from_noise_prediction(model, PROCESS), PROCESS, np.zeros((3, 2)))
    assert str(error.value) == message
    with pytest.raises(ModelError) as error:
        ExactDivergence()(lambda x: model(x, 1.0), jnp.ones(2))
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (
            lambda x, c: x[:, 0],
            "function: got values of shape (2,) and type float32 for x of shape (2, 3), need floating-point ones of "
            "shape (2, 3)",
        ),
        (
            lambda x, c: x > 0,
            "function: got values of shape (2, 3) and type bool for x of shape (2, 3), need ",
        ),
        (lambda x, c: x @ np.ones(2), "function: got ValueError for x (2, 3) and c (2,): matmul: "),
        (
            lambda x, c: np.ones(1000)[c][:, None] * x,
            "function: got IndexError for x (2, 3) and c (2,): arrays used as indices must be of integer (or boolean) "
            "type, need a model of times with fractions; of one that looks steps up, time=td.WholeSteps(1000)",
        ),
    ],
)
def test_a_numpy_function_of_another_shape_or_type_is_refused(function, said):
    model = td.numpy_model(function)
    with pytest.raises(ModelError) as error:
        td.elbo(jax.random.key(0), lambda x, t: model(x, t), PROCESS, np.zeros((4, 3)))
    assert str(error.value).startswith(said)


def test_a_numpy_function_is_tried_with_the_types_that_it_is_called_with():
    types = []

    def f(x, c):
        types.append((x.dtype, c.dtype))
        return x

    model = td.numpy_model(f)
    jax.vmap(model)(jnp.ones((4, 3)), jnp.ones(4)).block_until_ready()
    jax.vmap(model)(jnp.ones((4, 3)), jnp.arange(4)).block_until_ready()
    assert len(types) >= 4
    assert {x for x, _ in types} == {np.dtype("float32")}
    assert {c for _, c in types} == {np.dtype("float32"), np.dtype("int32")}


def test_what_cannot_be_called_is_no_model():
    with pytest.raises(ValueError, match="function: got int, need a callable function"):
        td.numpy_model(3)
    with pytest.raises(ValueError, match="function: got type, need a callable function"):
        td.numpy_model(Curled)


def test_without_pytorch_one_line_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    message = (
        "torch_model: got no torch in this environment, need it: install the extra 'torch' (pip install "
        "'thermodiff[torch]')"
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        td.torch_model(lambda x, c: x)
