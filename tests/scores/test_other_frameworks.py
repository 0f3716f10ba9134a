"""Networks of equinox, flax linen and flax nnx as they are: a score, compiled, differentiated, against NumPy.

Of the packages that such networks come from these are installed wherever thermodiff is; docs/torch.md has a line for
each of the others.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen, nnx

import thermodiff as td
from thermodiff.numerics.divergence import ExactDivergence
from thermodiff.scores.callables import as_score

WIDTH = 4
PROCESS = td.VariancePreserving(beta_max=20.0)
RNG = np.random.default_rng(0)
W1, b1 = RNG.normal(size=(3, WIDTH)).astype(np.float32), RNG.normal(size=WIDTH).astype(np.float32)
W2 = RNG.normal(size=(WIDTH, 2)).astype(np.float32)


def in_equinox():
    class Net(eqx.Module):
        first: eqx.nn.Linear
        last: eqx.nn.Linear

        def __call__(self, x, t):
            return self.last(jnp.tanh(self.first(jnp.append(x, t))))

    keys = jax.random.split(jax.random.key(0))
    net = Net(eqx.nn.Linear(3, WIDTH, key=keys[0]), eqx.nn.Linear(WIDTH, 2, use_bias=False, key=keys[1]))
    weights = (jnp.asarray(W1.T), jnp.asarray(b1), jnp.asarray(W2.T))
    return eqx.tree_at(lambda n: (n.first.weight, n.first.bias, n.last.weight), net, weights)


def in_linen():
    class Net(linen.Module):
        @linen.compact
        def __call__(self, x, t):
            inside = jnp.tanh(linen.Dense(WIDTH, name="first")(jnp.append(x, t)))
            return linen.Dense(2, use_bias=False, name="last")(inside)

    weights = {"params": {"first": {"kernel": W1, "bias": b1}, "last": {"kernel": W2}}}
    return lambda x, t: Net().apply(weights, x, t)


def in_nnx():
    class Net(nnx.Module):
        def __init__(self):
            self.first = nnx.Linear(3, WIDTH, rngs=nnx.Rngs(0))
            self.last = nnx.Linear(WIDTH, 2, use_bias=False, rngs=nnx.Rngs(0))

        def __call__(self, x, t):
            return self.last(jnp.tanh(self.first(jnp.append(x, t))))

    net = Net()
    net.first.kernel[...], net.first.bias[...], net.last.kernel[...] = W1, b1, W2
    return net


@pytest.mark.parametrize("network", [in_equinox, in_linen, in_nnx])
def test_a_network_of_another_package_is_a_model(network):
    score = td.score_from_noise_prediction(network(), PROCESS)
    assert as_score(score, 2) is score
    x, t = jnp.asarray([0.3, -0.7]), jnp.asarray(0.4)
    inside = np.tanh(np.append(x, t) @ W1 + b1)
    sigma = np.sqrt(-np.expm1(-t * (0.1 + 0.5 * 19.9 * t)))
    jacobian = ((1 - inside**2) * W1[:2]) @ W2
    value, divergence = jax.jit(lambda s, x: ExactDivergence()(lambda y: s(y, t), x))(score, x)
    np.testing.assert_allclose(value, -(inside @ W2) / sigma, rtol=1e-5)
    np.testing.assert_allclose(divergence, -np.trace(jacobian) / sigma, rtol=1e-5)
