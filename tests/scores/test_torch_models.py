"""PyTorch modules as models, against the same weights written in JAX: run by ``make test-peers``."""

import re
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import thermodiff as td
from thermodiff.validation import ModelError

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.peer


class Net(torch.nn.Module):
    """Three layers on (x, c); the second derivative by x of none of its outputs is 0."""

    def __init__(self, dim=2, width=16, inner=None):
        super().__init__()
        self.first = torch.nn.Linear(dim + 1, width)
        self.inner = inner or torch.nn.SiLU()
        self.last = torch.nn.Linear(width, dim)

    def forward(self, x, c):
        return self.last(self.inner(self.first(torch.cat([x, c[:, None]], dim=1))))


def net(**options):
    torch.manual_seed(0)
    return Net(**options).eval()


def in_jax(module):
    """The same in JAX, from the module's weights."""
    w = {name: jnp.asarray(weight.numpy(force=True)) for name, weight in module.state_dict().items()}

    def f(x, c):
        inner = w["first.weight"] @ jnp.append(x, c) + w["first.bias"]
        return w["last.weight"] @ jax.nn.silu(inner) + w["last.bias"]

    return f


X = np.random.default_rng(3).normal(size=(5, 2))
C = np.linspace(0.2, 1.0, 5)


class Squared(torch.autograd.Function):
    """x^2 as an operation of one's own in the style before torch.func, which refuses it."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**2

    @staticmethod
    def backward(ctx, u):
        return 2 * ctx.saved_tensors[0] * u


class Item(torch.nn.Module):
    """What torch.func.vmap cannot do: it looks at a number."""

    def forward(self, x):
        return torch.nn.functional.silu(x) * (1.0 if x.sum().item() < 1e9 else 2.0)


DERIVATIVES = {
    "jvp": lambda f: jax.vmap(lambda x, c: jax.jvp(f, (x, c), (x + 1, c)))(X, C),
    "by x forwards": lambda f: jax.vmap(jax.jacfwd(f))(X, C),
    "by both backwards": lambda f: jax.vmap(jax.jacrev(f, argnums=(0, 1)))(X, C),
    "gradient": lambda f: jax.jit(jax.grad(lambda x: jnp.sum(jax.vmap(f)(x, C) ** 3)))(X),
}


@pytest.mark.parametrize("derivative", DERIVATIVES.values(), ids=DERIVATIVES)
@pytest.mark.parametrize("inner", [torch.nn.SiLU(), Item()], ids=["torch.func", "in turn"])
def test_derivatives_are_those_in_jax(derivative, inner):
    with jax.enable_x64(True):
        module = net(inner=inner).double()
        got, expected = derivative(td.torch_model(module)), derivative(in_jax(module))
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12), got, expected)


@pytest.mark.parametrize("derivative", DERIVATIVES.values(), ids=DERIVATIVES)
def test_what_torch_func_refuses_is_differentiated_by_autograd(derivative):
    weight = torch.tensor([[1.0, 2.0], [-3.0, 0.5]], dtype=torch.float64)
    w = weight.numpy()
    with jax.enable_x64(True):
        f = td.torch_model(lambda x, c: Squared.apply(x) @ weight.T * c[:, None], dtype=torch.float64)
        got, expected = derivative(f), derivative(lambda x, c: w @ x**2 * c)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13), got, expected)


def test_a_number_that_does_not_matter_has_derivative_0():
    f = td.torch_model(lambda x, c: Squared.apply(x))
    assert np.all(np.asarray(jax.vmap(jax.jacfwd(f, argnums=1))(X, C)) == 0)
    assert np.all(np.asarray(jax.vmap(jax.jacrev(f, argnums=1))(X, C)) == 0)


@pytest.mark.parametrize("x64", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_types_are_the_modules_inside_and_the_points_outside(x64, dtype):
    module = net().to(dtype)
    seen = []
    module.register_forward_hook(lambda m, given, out: seen.append((given[0].dtype, given[1].dtype)))
    with jax.enable_x64(x64):
        out = jax.vmap(td.torch_model(module))(jnp.asarray(X), jnp.asarray(C))
        assert out.dtype == (jnp.float64 if x64 else jnp.float32)
        expected = np.asarray(jax.vmap(in_jax(net()))(X, C))
    assert set(seen) == {(dtype, dtype)}
    size = np.abs(expected).max()
    np.testing.assert_allclose(out, expected, atol=16 * size * float(torch.finfo(dtype).eps) + 4e-7 * size)


def test_the_mode_of_every_part_comes_back_and_no_graph_is_kept():
    module = net(inner=torch.nn.Sequential(torch.nn.BatchNorm1d(16), torch.nn.Dropout(0.5)))
    module.train()
    module.inner[1].eval()
    modes = [m.training for m in module.modules()]
    seen = []
    module.register_forward_hook(lambda m, given, out: seen.append((m.training, out.requires_grad)))
    statistics = module.inner[0].running_mean.clone()
    with pytest.warns(UserWarning, match="training mode") as said:
        f = td.torch_model(module)
    assert [str(w.message) for w in said] == [
        "module: got training mode with BatchNorm1d 'inner.0', which is not a function of one point, need "
        "module.eval(): it is evaluated in that mode here, and is left in its own"
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        jax.block_until_ready(jax.jit(jax.vmap(f))(X, C))
    assert [m.training for m in module.modules()] == modes
    assert set(seen) == {(False, False)}
    assert torch.equal(module.inner[0].running_mean, statistics)
    with pytest.raises(ValueError, match="Sizes of tensors"), pytest.warns(UserWarning, match="training"):
        td.torch_model(lambda x, c: module(x, c[:0]))(jnp.ones(2), 1.0)
    assert [m.training for m in module.modules()] == modes


def test_one_call_a_batch_inside_loops():
    module, rows = net(), []
    module.register_forward_hook(lambda m, given, out: rows.append(len(out)))
    f = td.torch_model(module)
    jax.eval_shape(f, jnp.ones(2), 1.0)
    rows.clear()
    scanned = jax.jit(lambda x: jax.lax.scan(lambda x, c: (jax.vmap(f, (0, None))(x, c), None), x, C)[0])
    got = jax.block_until_ready(scanned(X))
    assert rows == [5] * 5
    expected = X
    for c in C:
        expected = jax.vmap(in_jax(module), (0, None))(expected, c)
    np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_images_have_their_shape_inside():
    torch.manual_seed(0)
    conv = torch.nn.Conv2d(1, 1, 3, padding=1)
    shapes = []

    def module(x, c):
        shapes.append(tuple(x.shape))
        return conv(x) * c[:, None, None, None]

    x = np.random.default_rng(0).normal(size=(3, 12)).astype(np.float32)
    f = td.torch_model(module, shape=(1, 3, 4))
    got = jax.vmap(f)(x, jnp.ones(3))
    expected = conv(torch.tensor(x).reshape(3, 1, 3, 4)).reshape(3, 12).numpy(force=True)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)
    assert shapes[-1] == (3, 1, 3, 4)
    trace = np.trace(jax.jacfwd(f)(x[0], 1.0))
    assert trace == pytest.approx(12 * conv.weight[0, 0, 1, 1].item(), rel=1e-5)
    with pytest.raises(
        ModelError, match=re.escape("shape: got (1, 3, 4) for points of 11 numbers, need as many")
    ):
        f(jnp.ones(11), 1.0)


def test_classes_and_guidance_are_closures():
    """(1 + w) net(x, c, y) - w net(x, c, none), the weights' type found inside the closure."""
    torch.manual_seed(0)
    table = torch.nn.Embedding(4, 2).double()
    module = net().double()

    def guided(x, c, y=2, w=1.5):
        given = module(x + table(torch.full((len(x),), y)), c)
        return (1 + w) * given - w * module(x + table(torch.full((len(x),), 3)), c)

    f = td.torch_model(guided)
    assert f.dtype == torch.float64
    e = table.weight.numpy(force=True)
    with jax.enable_x64(True):
        plain = in_jax(module)
        expected = 2.5 * plain(X[0] + e[2], C[0]) - 1.5 * plain(X[0] + e[3], C[0])
        np.testing.assert_allclose(f(X[0], C[0]), expected, rtol=1e-12)


def test_whole_steps_are_indices():
    torch.manual_seed(0)
    table = torch.nn.Embedding(10, 2)
    f = td.torch_model(lambda x, k: x * table(k))
    e = table.weight.numpy(force=True)
    got = jax.vmap(f)(jnp.ones((3, 2)), jnp.asarray([0, 9, 4]))
    np.testing.assert_allclose(got, e[[0, 9, 4]], rtol=1e-6)
    np.testing.assert_allclose(np.diag(jax.jacfwd(f)(jnp.ones(2), 9)), e[9], rtol=1e-6)


# What is wrong with a module, in one line


def said_of(module, *, products=False, dim=2, **options):
    f = td.torch_model(module, **options)
    ask = jax.jacfwd(f) if products else f
    with pytest.raises(ModelError) as error:
        jax.jit(ask)(jnp.ones(dim), 0.5)
    assert "\n" not in str(error.value)
    return str(error.value)


class Output:
    def __init__(self, sample):
        self.sample = sample


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (
            lambda x, c: torch.cat([x, x], dim=1),
            "module: got an output of shape (4, 4) for x of shape (4, 2), twice as long: mean and variance (learned "
            "sigma), need the mean alone: lambda x, c: module(x, c)[:, :2]",
        ),
        (
            lambda x, c: (x, x),
            "module: got a tuple of 2, need the prediction alone: lambda x, c: module(x, c)[0]",
        ),
        (
            lambda x, c: Output(x),
            "module: got a Output, need the prediction alone: lambda x, c: module(x, c).sample",
        ),
        (lambda x, c: x.numpy(), "module: got a ndarray, need one tensor of shape (4, 2)"),
        (
            lambda x, c: x[:, :1],
            "module: got an output of shape (4, 1) for x of shape (4, 2), need one tensor of shape (4, 2)",
        ),
        (lambda x, c: x > 0, "module: got values of type torch.bool, need real floating-point ones"),
        (
            torch.nn.Bilinear(3, 1, 2),
            "module: got RuntimeError for x (4, 2) and c (4,) of torch.float32 on cpu: ",
        ),
        (
            lambda x, c: x.no_such_thing,
            "module: got AttributeError for x (4, 2) and c (4,) of torch.float32 on cpu: 'Tensor' object has no "
            "attribute 'no_such_thing', need a module(x, c) of rows that takes these",
        ),
    ],
)
def test_values_that_are_not_what_is_needed(module, message):
    assert said_of(module).startswith(message)


def test_a_module_of_another_type_names_both():
    weight = torch.ones(2, 2, dtype=torch.float64)
    message = said_of(lambda x, c: x @ weight)
    assert "RuntimeError for x (4, 2) and c (4,) of torch.float32 on cpu: expected" in message
    assert td.torch_model(lambda x, c: x @ weight, dtype=torch.float64)(jnp.ones(2), 0.0)[0] == 2


def test_a_derivative_that_is_hidden_is_found():
    module = net()
    message = "module: got a derivative of 0 where its values change by "
    need = (
        ", need the same: no detach(), inference_mode() or, for gradients, no_grad() inside, which hide what a "
        "likelihood needs"
    )
    hidden = said_of(lambda x, c: module(x.detach(), c), products=True)
    assert hidden.startswith(message)
    assert hidden.endswith(need)
    half = said_of(lambda x, c: 0.5 * x - 3 * module(x.detach(), c), products=True)
    assert half.endswith(need)


def test_no_grad_inside_hides_the_derivative_from_gradients_alone():
    module = net()
    f = td.torch_model(torch.no_grad()(lambda x, c: module(x, c)))
    np.testing.assert_allclose(jax.jacfwd(f)(X[0], C[0]), jax.jacfwd(in_jax(module))(X[0], C[0]), rtol=1e-5)
    with pytest.raises(
        ModelError, match=r"module: got u\^T J v = 0 in reverse where it is .* forwards, need the same"
    ):
        jax.jacrev(f)(X[0], C[0])


def test_a_derivative_that_is_missing_is_said():
    class Once(Squared):
        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(ctx, u):
            return 2 * ctx.saved_tensors[0] * u

    message = said_of(lambda x, c: Once.apply(x), products=True)
    assert message.startswith("module: got one that PyTorch cannot differentiate (")
    assert message.endswith(
        "), need operations with derivatives; samples and the readings quadratic and denoising take none"
    )


@pytest.mark.parametrize(
    ("module", "when"),
    [
        (lambda x, c: torch.nn.functional.dropout(x), "for the same rows again"),
        (lambda x, c: x - x.mean(dim=0), "for fewer rows"),
        (lambda x, c: x * c[0], "for fewer rows"),
    ],
    ids=["dropout", "the batch's mean", "one time for all"],
)
def test_values_that_are_no_function_of_one_point_are_warned_of(module, when):
    torch.manual_seed(1)
    with pytest.warns(UserWarning, match="module: got values that change by") as said:
        td.torch_model(module)(jnp.ones(2), 0.5)
    text = str(said[0].message)
    assert (
        f" {when}, not a function of one point, need no dropout, no noise, nothing shared between rows"
        in text
    )


def test_weights_without_values_and_what_is_no_module():
    with pytest.raises(
        ValueError, match="module: got weights on the device 'meta', which has no values, need a loaded"
    ):
        td.torch_model(torch.nn.Linear(2, 2, device="meta"))
    with pytest.raises(ValueError, match="module: got the class Net, need a torch"):
        td.torch_model(Net)
    with pytest.raises(ValueError, match="module: got OrderedDict, need a torch"):
        td.torch_model(net().state_dict())


def test_a_module_itself_is_no_model_and_says_what_makes_one():
    process = td.VariancePreserving(beta_max=20.0)
    for refused in (
        lambda: td.score_from_noise_prediction(net(), process),
        lambda: td.elbo(jax.random.key(0), net(), process, X),
    ):
        with pytest.raises(
            ValueError, match=re.escape("got Net, a PyTorch module, need ") + ".*td.torch_model"
        ):
            refused()


# Through the door


def test_an_audit_agrees_with_the_same_weights_in_jax_to_every_printed_digit():
    module = net().double()
    text, calls = [], []
    module.register_forward_hook(lambda m, given, out: calls.append(len(out)))
    with jax.enable_x64(True):
        process = td.VariancePreserving(beta_max=20.0)
        plain = in_jax(
            module
        )  # a network that is not trained is refused: a tenth of it beside what is near the truth
        near = lambda x, c: c[:, None].sqrt() * (x + 0.1 * module(x, c))  # noqa: E731
        for f in (td.torch_model(near), lambda x, c: jnp.sqrt(c) * (x + 0.1 * plain(x, c))):
            score = td.score_from_noise_prediction(f, process, t_min=1e-3)
            options = {"points": 32, "replicates": 3, "nodes": 8}
            text.append(str(td.audit(jax.random.key(0), score, process, td.two_moons(), **options)))
    # What is 0 but for rounding may have either sign.
    assert text[0].replace("+0.00000", " 0.00000") == text[1].replace("+0.00000", " 0.00000")
    assert max(calls) >= 96


def test_what_a_module_raises_while_a_program_runs_comes_out_in_one_line(caplog):
    process = td.VariancePreserving(beta_max=20.0)

    def narrow(x, c):
        if x.abs().max() > 10:
            raise RuntimeError("beyond 10\nand more")
        return x

    score = td.score_from_noise_prediction(td.torch_model(narrow), process)
    with pytest.raises(ModelError) as error:
        td.flow_log_likelihood(score, process, np.full((4, 2), 90.0))
    assert str(error.value) == (
        "module: got RuntimeError for x (4, 2) and c (4,) of torch.float32 on cpu: beyond 10, need a module(x, c) of "
        "rows that takes these"
    )
    assert "narrow" in str(error.getrepr()) or error.value.__cause__ is not None
    assert not caplog.records


def test_samples_are_those_of_the_same_weights_in_jax():
    process, module = td.VariancePreserving(beta_max=20.0), net()
    made = []
    for f in (td.torch_model(module), in_jax(module)):
        score = td.score_from_noise_prediction(f, process, reference=td.two_moons())
        made.append(td.sample(jax.random.key(0), score, process, 16, schedule="log_snr", steps=6).x)
    np.testing.assert_allclose(*made, rtol=2e-4, atol=2e-4)
