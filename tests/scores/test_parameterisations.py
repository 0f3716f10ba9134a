"""Networks of every parameterisation, clock and scale against the formulae written in NumPy, in double precision."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from checks import assert_identical
from flax import linen, nnx

import thermodiff as td
from thermodiff.scores.callables import as_score
from thermodiff.scores.networks import residual_mlp

pytestmark = pytest.mark.usefixtures("double_precision")

D = 3
RNG = np.random.default_rng(1)
W1, W2, B = RNG.normal(size=(8, D)), RNG.normal(size=(D, 8)), RNG.normal(size=8)
X = RNG.normal(size=(6, D)) * 2 + 1
T = np.array([0.03, 0.2, 0.45, 0.7, 0.9, 0.99])
N = 100
PRODUCTS = np.cumprod(1 - np.linspace(1e-3, 0.2, N))


def network(x, value, np=np):
    """Any smooth function of x and of what the clock says."""
    return W2 @ np.tanh(W1 @ x + B * np.sin(value))


# alpha, sigma, a = d ln(alpha)/dt and d ln(sigma/alpha)/dt of each process, by hand.
def vp(t):
    b, beta = 0.1 * t + 9.95 * t**2, 0.1 + 19.9 * t
    return np.exp(-b / 2), np.sqrt(-np.expm1(-b)), -beta / 2, beta / 2 / -np.expm1(-b)


def sub_vp(t):
    b, beta = 0.1 * t + 9.95 * t**2, 0.1 + 19.9 * t
    return np.exp(-b / 2), -np.expm1(-b), -beta / 2, beta / 2 / np.tanh(b / 2)


PROCESSES = {
    "VP": (lambda: td.VariancePreserving(0.1, 20.0), vp),
    "sub-VP": (lambda: td.SubVariancePreserving(0.1, 20.0), sub_vp),
    "VE": (
        lambda: td.VarianceExploding(25.0),
        lambda t: (
            1.0,
            np.sqrt(np.expm1(2 * np.log(25) * t) / (2 * np.log(25))),
            0.0,
            np.log(25) / -np.expm1(-2 * np.log(25) * t),
        ),
    ),
    "EDM": (lambda: td.EDM(0.002, 80.0), lambda t: (1.0, 80 * t, 0.0, 1 / t)),
    "interpolant": (lambda: td.LinearInterpolant(), lambda t: (1 - t, t, -1 / (1 - t), 1 / t + 1 / (1 - t))),
}
MAKERS = {
    "noise": td.score_from_noise_prediction,
    "denoiser": td.score_from_denoiser,
    "v": td.score_from_v_prediction,
    "velocity": td.score_from_velocity,
}


def at(function, x, t):
    """A function of one x and t."""
    return np.asarray(function(jnp.asarray(x), jnp.asarray(t)))


def predicted(kind, n, x, alpha, sigma, a, pace):
    """What a network of each kind says where the noise prediction is n: the definitions."""
    x0 = (x - sigma * n) / alpha
    if kind == "noise":
        return n
    if kind == "denoiser":
        return x0
    if kind == "v":
        return alpha * n - sigma * x0
    return a * alpha * x0 + (a + pace) * sigma * n  # d alpha/dt x_0 + d sigma/dt eps


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("name", PROCESSES)
def test_one_network_four_parameterisations_equal_scores(name, kind):
    """Every prediction that follows from one noise network gives that network's score, -n/sigma."""
    make, schedule = PROCESSES[name]
    process = make()

    def f(x, value):
        # The clock is t; alpha and sigma by the formulae above, written for jax.numpy.
        t = value
        alpha, sigma, a, pace = (jnp.asarray(part) for part in schedule_in_jax(name, t))
        return predicted(kind, network(x, t, jnp), x, alpha, sigma, a, pace)

    score = MAKERS[kind](f, process)
    got = jax.jit(jax.vmap(score))(X, T)
    for x, t, s in zip(X, T, np.asarray(got), strict=True):
        np.testing.assert_allclose(s, -network(x, t) / schedule(t)[1], rtol=2e-10, atol=1e-10)


def schedule_in_jax(name, t):
    """The same formulae, traced: NumPy's functions of the module, taken from jax.numpy."""
    import types

    source = PROCESSES[name][1]
    return types.FunctionType(source.__code__, {**globals(), "np": jnp})(t)


def test_the_clock_says_what_the_network_is_told():
    """Each clock's number, by hand, at t = 0.3 of a variance-exploding process."""
    process = td.VarianceExploding(25.0)
    r = PROCESSES["VE"][1](0.3)[1]
    told = {
        td.ContinuousTime(): 0.3,
        td.ContinuousTime(noise=0.0, data=1.0): 0.7,
        td.ContinuousTime(noise=999.0): 299.7,
        td.StepNumber(50): 14.0,
        td.StepNumber(50, first=1): 15.0,
        td.NoiseLevel(): r,
        td.LogSigma(): np.log(r),
        td.EDMNoise(): np.log(r) / 4,
        td.LogSNR(): -2 * np.log(r),
    }
    for clock, value in told.items():
        score = td.score_from_noise_prediction(lambda x, told: told * jnp.ones(D), process, time=clock)
        np.testing.assert_allclose(at(score.noise, X[0], 0.3), value * np.ones(D), rtol=1e-12)
    own = td.score_from_noise_prediction(lambda x, told: told * jnp.ones(D), process, time=lambda t: t**2)
    np.testing.assert_allclose(at(own.noise, X[0], 0.3), 0.09, rtol=1e-12)


def test_a_table_is_asked_by_its_steps():
    """Step k of a DDPM is entry k of its table: at t = (k + 1)/N the network is told k, and sigma is the table's."""
    process = td.TabulatedProcess(PRODUCTS)
    score = td.score_from_noise_prediction(lambda x, k: network(x, k / 7, jnp), process)
    for k in (0, 1, 17, 99):
        expected = -network(X[0], k / 7) / np.sqrt(1 - PRODUCTS[k])
        np.testing.assert_allclose(at(score, X[0], (k + 1) / N), expected, rtol=1e-9)


def test_whole_steps_are_whole_and_between_them_linear():
    process = td.TabulatedProcess(PRODUCTS)
    table = jnp.asarray(RNG.normal(size=(N, D)))

    def f(x, k):
        assert jnp.issubdtype(k.dtype, jnp.integer)
        return x * table[k]

    score = td.score_from_noise_prediction(f, process, time=td.WholeSteps())
    for t, row in ((0.08, table[7]), (1.0, table[99]), (0.0825, 0.75 * table[7] + 0.25 * table[8])):
        np.testing.assert_allclose(at(score.noise, X[0], t), X[0] * row, rtol=1e-9)


@pytest.mark.parametrize("name", PROCESSES)
def test_preconditioning_of_karras(name):
    """D = c_skip z + c_out F(c_in z; ln(s)/4) with the scalars of their table 1, z = x/alpha, s = sigma/alpha."""
    make, schedule = PROCESSES[name]
    sd = 0.7
    score = td.score_from_denoiser(
        lambda x, c_noise: network(x, c_noise, jnp), make(), time=td.EDMNoise(), scaling=td.EDMScaling(sd)
    )
    got = jax.jit(jax.vmap(score))(X, T)
    for x, t, s_th in zip(X, T, np.asarray(got), strict=True):
        alpha, sigma, _, _ = schedule(t)
        z, s = x / alpha, sigma / alpha
        c_skip, c_out = sd**2 / (s**2 + sd**2), s * sd / np.sqrt(s**2 + sd**2)
        D_th = c_skip * z + c_out * network(z / np.sqrt(s**2 + sd**2), np.log(s) / 4)
        np.testing.assert_allclose(s_th, (alpha * D_th - x) / sigma**2, rtol=1e-8, atol=1e-9)


def test_preconditioning_keeps_its_digits_at_little_noise():
    """In single precision, s = 2e-5: of z - c_skip z - c_out F taken by itself no digit of n would be left."""
    t, sd = 2.5e-7, 0.5
    x = X[0].astype(np.float32)
    with jax.enable_x64(False):
        process = td.EDM(0.002, 80.0)
        f = lambda z, c: jnp.tanh(z - c)  # noqa: E731
        score = td.score_from_denoiser(f, process, time=td.EDMNoise(), scaling=td.EDMScaling(sd))
        single = at(score.noise, x, np.float32(t))
    s, z = 80 * np.float64(np.float32(t)), x.astype(np.float64)
    root = np.sqrt(s**2 + sd**2)
    D_th = sd**2 / root**2 * z + s * sd / root * np.tanh(z / root - np.log(s) / 4)
    np.testing.assert_allclose(single, (z - D_th) / s, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", MAKERS)
def test_a_preserving_model_under_an_exploding_process(kind):
    """VEToVP: what a model of VP says at the same log-SNR of x/sqrt(1 + sigma^2) gives the same noise."""
    ve, vp_process = td.EDM(0.002, 80.0), td.VariancePreserving(0.1, 20.0)

    def f(x, told):
        t = vp_process.time_of_log_snr(told)
        alpha, sigma, a, pace = (jnp.asarray(part) for part in schedule_in_jax("VP", t))
        if kind == "velocity":  # per unit of the time of the process that it is asked under, EDM's
            pace = 1 / ve.time_of_log_snr(told)
            a = -pace * sigma**2
        return predicted(kind, network(x, told, jnp), x, alpha, sigma, a, pace)

    score = MAKERS[kind](
        f, ve, time=td.LogSNR() if kind != "velocity" else lambda t: ve.log_snr(t), scaling=td.VEToVP()
    )
    if kind == "velocity":  # that clock runs towards the data
        score = MAKERS[kind](lambda x, told: -f(x, told), ve, time=td.LogSNR(), scaling=td.VEToVP())
    for x, t in zip(X, T, strict=True):
        s = 80 * t
        expected = network(x / np.sqrt(1 + s**2), -2 * np.log(s))
        np.testing.assert_allclose(at(score.noise, x, t), expected, rtol=1e-8, atol=1e-8)


def test_an_exploding_model_under_a_preserving_process():
    score = td.score_from_denoiser(
        lambda z, s: network(z, s, jnp),
        td.VariancePreserving(0.1, 20.0),
        time=td.NoiseLevel(),
        scaling=td.VPToVE(),
    )
    for x, t in zip(X[:5], T, strict=False):
        alpha, sigma, _, _ = vp(t)
        expected = (alpha * network(x / alpha, sigma / alpha) - x) / sigma**2
        np.testing.assert_allclose(at(score, x, t), expected, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("towards_data", [False, True])
def test_the_sign_of_a_velocity_is_that_of_the_clock(towards_data):
    """eps - x_0 where t counts from the data, x_0 - eps where it counts from the noise: one score."""
    clock = td.ContinuousTime(noise=0.0, data=1.0) if towards_data else td.ContinuousTime()
    scale = td.ContinuousTime(noise=0.0, data=1000.0) if towards_data else td.ContinuousTime(noise=1000.0)

    def f(x, told):
        t = 1 - told if towards_data else told
        n = network(x, t, jnp)
        u = n - (x - t * n) / (1 - t)
        return -u if towards_data else u

    process = td.LinearInterpolant()
    for score in (
        td.score_from_velocity(f, process, time=clock),
        td.score_from_velocity(lambda x, told: f(x, told / 1000), process, time=scale),
    ):
        for x, t in zip(X, T, strict=True):
            np.testing.assert_allclose(at(score, x, t), -network(x, t) / t, rtol=1e-9, atol=1e-9)


# --- a Gaussian's exact answer ------------------------------------------------------------------

MEAN = np.array([1.5, -2.0, 0.3])
ROOT = RNG.normal(size=(D, D))
COV = ROOT @ ROOT.T + 0.3 * np.eye(D)


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("name", PROCESSES)
def test_a_gaussian_in_every_parameterisation(name, kind):
    """E[x_0 | x] = m + alpha C V^-1 (x - alpha m), V = alpha^2 C + sigma^2; the score is -V^-1 (x - alpha m)."""
    make, schedule = PROCESSES[name]

    def f(x, t):
        alpha, sigma, a, pace = (jnp.asarray(part) for part in schedule_in_jax(name, t))
        V = alpha**2 * COV + sigma**2 * np.eye(D)
        x0 = MEAN + alpha * COV @ jnp.linalg.solve(V, x - alpha * MEAN)
        n = sigma * jnp.linalg.solve(V, x - alpha * MEAN)
        if kind == "velocity":
            return a * alpha * x0 + (a + pace) * sigma * n
        return {"noise": n, "denoiser": x0, "v": alpha * n - sigma * x0}[kind]

    score = jax.jit(jax.vmap(MAKERS[kind](f, make())))
    for x, t, s in zip(X, T, np.asarray(score(X, T)), strict=True):
        alpha, sigma, _, _ = schedule(t)
        V = alpha**2 * COV + sigma**2 * np.eye(D)
        np.testing.assert_allclose(s, -np.linalg.solve(V, x - alpha * MEAN), rtol=1e-8, atol=1e-9)


# --- a score like any other ---------------------------------------------------------------------


def test_transformations():
    """vmap, grad, jit; its parameters may be traced where the network is a pytree of arrays."""
    process = td.VariancePreserving(0.1, 20.0)

    def through(scale):
        f = jax.tree_util.Partial(lambda w, x, t: w * network(x, t, jnp), scale)
        return td.score_from_noise_prediction(f, process)(jnp.asarray(X[0]), jnp.asarray(0.4)).sum()

    expected = -network(X[0], 0.4).sum() / vp(0.4)[1]
    np.testing.assert_allclose(jax.jit(jax.grad(through))(2.0), expected, rtol=1e-9)


def test_networks_of_batches_are_mapped():
    process = td.VariancePreserving(0.1, 20.0)
    by_one = td.score_from_noise_prediction(lambda x, t: network(x, t, jnp), process)
    with_times = td.score_from_noise_prediction(
        lambda x, t: jnp.tanh(x @ W1.T + jnp.sin(t)[:, None] * B) @ W2.T, process
    )
    with_one_time = td.score_from_noise_prediction(
        lambda x, t: jnp.tanh(x @ W1.T + jnp.sin(t).reshape(()) * B[None, :]) @ W2.T + 0 * x[:, :1], process
    )
    x, t = jnp.asarray(X[0]), jnp.asarray(0.4)
    for score in (with_times, with_one_time):
        np.testing.assert_allclose(score(x, t), by_one(x, t), rtol=1e-12)
        np.testing.assert_allclose(
            jax.vmap(score, (0, None))(X, t), jax.vmap(by_one, (0, None))(X, t), rtol=1e-12
        )


class EquinoxModel(eqx.Module):
    layers: eqx.nn.MLP

    def __call__(self, x, t):
        return self.layers(jnp.append(x, t))


class LinenModel(linen.Module):
    @linen.compact
    def __call__(self, x, t):
        return linen.Dense(D)(jnp.append(x, t))


class NNXModel(nnx.Module):
    def __init__(self):
        self.layer = nnx.Linear(D + 1, D, rngs=nnx.Rngs(0))

    def __call__(self, x, t):
        return self.layer(jnp.append(x, t))


def library_model(name):
    """A network as its library makes them, and as it is called."""
    if name == "equinox":
        return EquinoxModel(eqx.nn.MLP(D + 1, D, 8, 1, key=jax.random.key(0)))
    if name == "flax nnx":
        return NNXModel()
    module = LinenModel()
    variables = module.init(jax.random.key(0), jnp.zeros(D), 0.0)
    return lambda x, t: module.apply(variables, x, t)


@pytest.mark.parametrize("name", ["equinox", "flax linen", "flax nnx"])
def test_networks_of_other_libraries(name):
    model = library_model(name)
    process = td.VariancePreserving(0.1, 20.0)
    score = as_score(td.score_from_noise_prediction(model, process), D)
    x, t = jnp.asarray(X[0]), jnp.asarray(0.4)
    assert jnp.abs(model(x, t)).max() > 0.01
    compiled = jax.jit(lambda s, x, t: s(x, t))(score, x, t)
    np.testing.assert_allclose(compiled, -np.asarray(model(x, t)) / vp(0.4)[1], rtol=1e-6)


def test_a_linen_module_without_its_variables():
    refused(
        r"^model: got LinenModel, a module without its variables, need lambda x, time: module\.apply",
        f=LinenModel(),
    )


def test_saved_and_loaded_where_the_network_is_of_this_package(tmp_path):
    network = residual_mlp(jax.random.key(0), D, 8, 1)
    process = td.TabulatedProcess(PRODUCTS)
    for made in (
        td.score_from_denoiser(network, process, time=td.EDMNoise(), scaling=td.EDMScaling(0.5), reference=X),
        td.score_from_velocity(network, td.LinearInterpolant(), time=td.ContinuousTime(noise=0.0, data=1.0)),
        td.score_from_noise_prediction(network, td.EDM(), scaling=td.VEToVP(), t_min=0.01),
        td.score_from_v_prediction(network, process, time=td.StepNumber(N, first=1)),
    ):
        td.save_score(tmp_path / "score", made)
        again = td.load_score(tmp_path / "score")
        assert_identical(again, made)
    with pytest.raises(
        ValueError, match=r"need arrays, numbers and objects of thermodiff, which can be saved"
    ):
        td.save_score(tmp_path / "own", td.score_from_noise_prediction(lambda x, t: x, process))


def test_what_it_carries():
    process = td.LinearInterpolant()
    gaussian = td.Gaussian(MEAN, COV)
    score = td.score_from_velocity(lambda x, t: x, process, reference=gaussian, t_min=0.01)
    assert score.reference is gaussian
    assert score.t_min == 0.01
    rows = RNG.normal(size=(500, D)) @ ROOT.T + MEAN
    of_rows = td.score_from_velocity(lambda x, t: x, process, reference=rows).reference
    np.testing.assert_allclose(of_rows.mean, rows.mean(axis=0), rtol=1e-6)
    assert (
        td.score_from_velocity(lambda x, t: x, process, reference=td.Laplace(MEAN, np.ones(D))).reference.dim
        == D
    )


# --- what is refused ----------------------------------------------------------------------------


def refused(message, f=lambda x, t: x, maker=td.score_from_noise_prediction, process=None, **options):
    with pytest.raises(ValueError, match=message) as caught:
        maker(f, td.VariancePreserving(0.1, 20.0) if process is None else process, **options)
    assert "\n" not in str(caught.value)


def test_what_is_no_model_process_clock_or_scaling():
    refused(r"^model: got int, need a callable f\(x, time\) -> \(d,\)", f=3)
    refused(r"^model: got the class Gaussian, need an object of it", f=td.Gaussian)
    refused(r"^process: got int, need a diffusion process", process=3)
    refused(
        r"^time: got float, need a clock such as td\.ContinuousTime\(\) or td\.StepNumber\(1000\)", time=0.5
    )
    refused(r"^time: got LogSigma, need a clock such as", time=td.LogSigma)
    refused(
        r"^time: got StepNumber\(\) for a VariancePreserving, need n, how many steps", time=td.StepNumber()
    )
    refused(r"^scaling: got float, need a scaling such as td\.EDMScaling\(0\.5\)", scaling=0.5)
    refused(
        r"^scaling: got EDMScaling for a v prediction, need td\.score_from_denoiser",
        maker=td.score_from_v_prediction,
        scaling=td.EDMScaling(),
    )
    refused(r"^t_min: got 1\.5, need a time strictly between 0 and 1", t_min=1.5)
    refused(r"^reference: got shape \(3,\), need an array of shape \(n, d\)", reference=np.zeros(3))
    with pytest.raises(ValueError, match=r"^noise: got 1\.0, as for the data, need another time"):
        td.ContinuousTime(noise=1.0, data=1.0)
    with pytest.raises(ValueError, match=r"^n: got 0, need a positive whole number"):
        td.StepNumber(0)
    with pytest.raises(ValueError, match=r"^sigma_data: got -1\.0, need a positive"):
        td.EDMScaling(-1.0)


WRONG_SHAPES = {
    "learned sigma": (
        lambda x, t: jnp.concatenate([x, x]),
        r"an output of shape \(6,\) for x of shape \(3,\), twice as long: mean and variance \(learned sigma\), "
        r"need the mean alone: lambda x, time: f\(x, time\)\[:3\]",
    ),
    "learned sigma of a batch": (
        lambda x, t: jnp.concatenate([x, x], axis=1) * t[:, None],
        r"an output of shape \(5, 6\) for x of shape \(5, 3\), twice as long: .*f\(x, time\)\[:, :3\]",
    ),
    "another shape": (
        lambda x, t: x[:2],
        r"an output of shape \(2,\) for x of shape \(3,\), need shape \(3,\), such as f\(x\.reshape",
    ),
    "a pair": (lambda x, t: (x, x), r"a tuple of 2, need the prediction alone"),
    "a dictionary": (lambda x, t: {"sample": x}, r"a dict with sample, need the prediction alone"),
    "whole numbers": (lambda x, t: jnp.arange(3), r"values of type int\d+, need real floating-point ones"),
    "complex numbers": (lambda x, t: x + 1j, r"values of type complex\d+, need real floating-point ones"),
    "its own error": (
        lambda x, t: x @ jnp.ones((5, 3)),
        r"TypeError for x of shape \(3,\) and a time of shape \(\)",
    ),
    "a table of steps": (
        lambda x, k: jnp.ones(1000)[k] * x,
        r"TypeError for .* need a model of times .* time=td\.WholeSteps\(1000\)",
    ),
    "NumPy inside": (
        lambda x, t: np.tanh(np.asarray(x)),
        r"a callable that JAX cannot trace, need one written with .* td\.torch_model\(f\) .* td\.numpy_model\(f\)",
    ),
}


@pytest.mark.parametrize("name", WRONG_SHAPES)
def test_a_model_of_another_shape_is_refused_where_d_is_known(name):
    f, message = WRONG_SHAPES[name]
    process = td.VariancePreserving(0.1, 20.0)
    score = td.score_from_noise_prediction(f, process)
    with pytest.raises(ValueError, match=rf"^model: got {message}"):
        td.flow_likelihood(score, process, X)
