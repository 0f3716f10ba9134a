"""Networks: a point and a noise level in, a vector or the gradient of a potential out.

Both share one trunk. With ell = ln(sigma/alpha), c(ell) a small embedding of it and M_b, m_b linear in c,
    h_0 = W x + b,   h_b+1 = h_b + B_b silu((1 + M_b) * (A_b h_b) + m_b),   h = (1 + M) * h_depth.
The noise level multiplies as well as shifts because the simplest answer, that of a Gaussian, is a function of ell
times x. Output weights start at zero: a new network is exactly F = 0, so a preconditioned score starts as the exact
score of the data's Gaussian. Everything is written for one sample, x (d,) and ell (), and mapped outside.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from thermodiff.array_types import Key, Scalar, Vector, pytree_dataclass, static
from thermodiff.validation import check_count, check_positive

FREQUENCIES = tuple(0.1 * 40 ** (i / 15) for i in range(16))
"""Wave numbers of the embedding of ell, geometric from 0.1 to 4 per nat: from slower than the whole range of noise
levels to the width over which a Gaussian's score turns from signal to noise."""
EMBEDDING = 32
CLOSED_DEPTH = 2
"""Most residual blocks for which the divergence is a polynomial of second degree; of three it is of third."""
_ZERO = nnx.initializers.zeros_init()
# Kinks spread over the data from the start; with zeros they all lie at its mean, and edges are learned more slowly.
_SPREAD = nnx.initializers.normal(1.0)


class _Trunk(nnx.Module):
    """h(x, ell), shape (width,): ``depth`` residual blocks, each scaled and shifted by the noise level."""

    def __init__(self, dim: int, width: int, depth: int, *, rngs: nnx.Rngs) -> None:
        self.embed = nnx.Linear(2 * len(FREQUENCIES), EMBEDDING, rngs=rngs)
        # One product gives the scales and shifts of every block and the scale of the last layer.
        self.modulate = nnx.Linear(EMBEDDING, (2 * depth + 1) * width, rngs=rngs)
        self.enter = nnx.Linear(dim, width, bias_init=_SPREAD, rngs=rngs)
        self.inner = nnx.List([nnx.Linear(width, width, rngs=rngs) for _ in range(depth)])
        self.outer = nnx.List([nnx.Linear(width, width, rngs=rngs) for _ in range(depth)])

    def __call__(self, x: Vector, ell: Scalar) -> Float[Array, " width"]:
        return self.with_slopes(x, ell)[0]

    def with_slopes(self, x: Vector, ell: Scalar) -> tuple[Float[Array, " width"], list[Array], Array]:
        """h, the diagonals G_b = (1 + M_b) silu'(.) of the blocks, each (width,), and 1 + M."""
        phase = ell * jnp.asarray(FREQUENCIES, dtype=x.dtype)
        embedding = nnx.silu(self.embed(jnp.concatenate([jnp.sin(phase), jnp.cos(phase)])))
        *blocks, last = jnp.split(self.modulate(embedding), 2 * len(self.inner) + 1)
        h, slopes = self.enter(x), []
        for inner, outer, scale, shift in zip(self.inner, self.outer, blocks[::2], blocks[1::2], strict=True):
            u = (1 + scale) * inner(h) + shift
            gate = nnx.sigmoid(u)
            h = h + outer(u * gate)
            slopes.append((1 + scale) * gate * (1 + u * (1 - gate)))
        return (1 + last) * h, slopes, 1 + last


class ResidualMLP(nnx.Module):
    """F = V h(x, ell) + v, shape (d,): any vector field."""

    def __init__(self, dim: int, width: int = 64, depth: int = 2, *, rngs: nnx.Rngs) -> None:
        self.trunk = _Trunk(dim, width, depth, rngs=rngs)
        self.leave = nnx.Linear(width, dim, kernel_init=_ZERO, rngs=rngs)

    def __call__(self, x: Vector, ell: Scalar) -> Vector:
        """F(x, ell), shape (d,)."""
        return self.leave(self.trunk(x, ell))

    def with_divergence(self, x: Vector, ell: Scalar, weights: Vector) -> tuple[Vector, Scalar]:
        """F and sum_i w_i dF_i/dx_i, weights w (d,), in closed form; of at most ``CLOSED_DEPTH`` blocks.

        With U = diag(1 + M) V^T diag(w) W^T in the order in which rows are multiplied, the trace is a polynomial in the
        blocks' slopes G_b,
            tr U + sum_b sum_k G_bk (B_b U A_b)_kk + sum_kl G_1k (B_1 A_2)_kl (B_2 U A_1)_lk G_2l,
        whose coefficients are the same for all x at one ell. For many points there that is one product (width, width)
        a point, whatever d, where d Jacobian-vector products would be d passes. Source: this project.
        """
        h, slopes, last = self.trunk.with_slopes(x, ell)
        enter, leave = self.trunk.enter.kernel[...], self.leave.kernel[...]
        into = [layer.kernel[...] for layer in self.trunk.inner]
        out = [layer.kernel[...] for layer in self.trunk.outer]
        U = last[:, None] * ((leave * weights) @ enter)
        divergence = jnp.trace(U)
        for A, B, G in zip(into, out, slopes, strict=True):
            divergence += G @ jnp.sum(B * (U @ A).T, axis=1)
        if len(slopes) == 2:
            coupling = (out[0] @ into[1]) * (out[1] @ (U @ into[0])).T
            divergence += (slopes[0] @ coupling) @ slopes[1]
        return self.leave(h), divergence


class PotentialMLP(nnx.Module):
    """F_i = (s/s_i) d phi/d x_i with phi = V h(x, ell)^2/2: a field without curl in the coordinates x_i/s_i.

    ``scales`` s_i (d,), s their geometric mean, are fixed, not trained, and 1 unless the input was whitened. The
    potential is quadratic in h because that of a Gaussian is quadratic in x.
    """

    def __init__(self, dim: int, width: int = 64, depth: int = 2, *, rngs: nnx.Rngs) -> None:
        self.trunk = _Trunk(dim, width, depth, rngs=rngs)
        self.leave = nnx.Linear(width, 1, use_bias=False, kernel_init=_ZERO, rngs=rngs)
        self.scales = nnx.Variable(jnp.ones(dim))

    def potential(self, x: Vector, ell: Scalar) -> Scalar:
        """phi(x, ell), shape ()."""
        return self.leave(0.5 * self.trunk(x, ell) ** 2)[0]

    def __call__(self, x: Vector, ell: Scalar) -> Vector:
        """F(x, ell), shape (d,)."""
        scales = jax.lax.stop_gradient(self.scales[...])
        geometric_mean = jnp.exp(jnp.mean(jnp.log(scales)))
        return jax.grad(self.potential)(x, ell) * (geometric_mean / scales)


@pytree_dataclass
class Network:
    """A module with its weights as one frozen callable, ``network(x, ell) -> (d,)``.

    ``module`` (ResidualMLP, PotentialMLP or one with their signature), ``dim``, ``width`` and ``depth`` are
    compiled in; ``params``, nested dictionaries of arrays, are its leaves.
    """

    module: Any = static()
    dim: int = static()
    width: int = static()
    depth: int = static()
    params: Any

    def __call__(self, x: Vector, ell: Scalar) -> Vector:
        """F(x, ell) of the module with these weights."""
        return self._merged()(x, ell)

    def _merged(self) -> Any:
        return nnx.merge(_graph(self.module, self.dim, self.width, self.depth), self.params)

    @property
    def has_closed_divergence(self) -> bool:
        """Whether ``with_divergence`` may be called."""
        return self.module is ResidualMLP and self.depth <= CLOSED_DEPTH

    def with_divergence(self, x: Vector, ell: Scalar, weights: Vector) -> tuple[Vector, Scalar]:
        """F(x, ell) and sum_i w_i dF_i/dx_i; see ``ResidualMLP.with_divergence``."""
        return self._merged().with_divergence(x, ell, weights)


@functools.cache
def _graph(module: Any, dim: int, width: int, depth: int) -> nnx.GraphDef:
    """The module without its arrays."""
    return nnx.split(nnx.eval_shape(lambda: module(dim, width, depth, rngs=nnx.Rngs(0))))[0]


def _new(module: Any, key: Key, dim: int, width: int, depth: int) -> Network:
    for name, value in {"dim": dim, "width": width, "depth": depth}.items():
        check_count(name, value)
    return Network(module, dim, width, depth, _initial_params(module, key, dim, width, depth))


@functools.partial(jax.jit, static_argnums=(0, 2, 3, 4))
def _initial_params(module: Any, key: Key, dim: int, width: int, depth: int) -> dict:
    """Fresh weights; compiled as a whole, which is faster than one array at a time."""
    return nnx.to_pure_dict(nnx.state(module(dim, width, depth, rngs=nnx.Rngs(key))))


def residual_mlp(key: Key, dim: int, width: int = 64, depth: int = 2) -> Network:
    """A new ``ResidualMLP``: a free vector field on R^d, 0 at the start."""
    return _new(ResidualMLP, key, dim, width, depth)


def potential_mlp(key: Key, dim: int, width: int = 64, depth: int = 2) -> Network:
    """A new ``PotentialMLP``: the gradient of a scalar, 0 at the start, so that the score has no curl."""
    return _new(PotentialMLP, key, dim, width, depth)


def for_whitened_input(network: Any, scales: Vector) -> Any:
    """The network, told that its input coordinates were divided by ``scales`` (d,), standard deviations > 0.

    A preconditioned score multiplies F_i by s_i; only with F_i proportional to (1/s_i) d phi/d x_i is the product a
    gradient. Changes a ``PotentialMLP``; what is not one comes back as it is.
    """
    check_positive("scales", scales)
    if not (isinstance(network, Network) and network.module is PotentialMLP):
        return network
    params = {**network.params, "scales": jnp.asarray(scales, dtype=float)}
    return Network(network.module, network.dim, network.width, network.depth, params)
