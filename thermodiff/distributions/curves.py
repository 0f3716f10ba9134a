"""Curves in the plane blurred by an isotropic Gaussian: two moons, rings, a Swiss roll, or the reader's own."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp, ndtri
from jax.tree_util import Partial
from jaxtyping import Array, Float

from thermodiff.array_types import Scalar, Vector, pytree_dataclass, static
from thermodiff.distributions.base import Family
from thermodiff.distributions.quadrature import FARTHEST, cover, entropy_integral
from thermodiff.numerics.estimates import as_float64
from thermodiff.validation import check_positive, complain

NODES_PER_NOISE = 2.5
"""Gauss-Legendre nodes per noise length of curve: the density of the blurred curve is then good to 1e-10."""

MOST_NODES = 2**14


@pytree_dataclass
class NoisyCurve(Family):
    """c(u) + noise eps, u uniform on (0, 1):  p(x) = int_0^1 N(x; c(u), noise^2 I) du.

    ``path`` maps u () to c(u) (2,), written with jax.numpy and smooth between the ``breaks``
    0 = b_0 < ... < b_n = 1; ``noise`` is a standard deviation in units of x. The integral is a sum over
    Gauss-Legendre nodes on each smooth piece, more of them the smaller the noise. The noised marginal has
    alpha c(u) for c(u) and the variance v = alpha^2 noise^2 + sigma^2. Raises ValueError for noise that is not
    positive, or so small that a piece would take over 2^14 nodes.
    """

    path: Any
    noise: Any
    breaks: Any = static(default=(0.0, 1.0))
    nodes: Any = dataclasses.field(init=False, repr=False, default=None)
    log_weights: Any = dataclasses.field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        check_positive("noise", self.noise)
        if not callable(self.path):
            raise complain("path", f"{type(self.path).__name__}", "a callable from u () to a point (2,)")
        path = self.path if isinstance(self.path, Partial) else Partial(self.path)
        breaks = np.asarray(self.breaks, dtype=np.float64)
        if breaks[0] != 0 or breaks[-1] != 1 or not np.all(np.diff(breaks) > 0):
            raise complain("breaks", f"{self.breaks}", "increasing numbers from 0 to 1")
        nodes, weights = _curve_nodes(path, float(self.noise), breaks)
        object.__setattr__(self, "path", jax.tree.map(jnp.asarray, path))
        object.__setattr__(self, "breaks", tuple(breaks.tolist()))
        object.__setattr__(self, "noise", jnp.asarray(self.noise, dtype=float))
        object.__setattr__(self, "nodes", jnp.asarray(nodes, dtype=float))
        object.__setattr__(self, "log_weights", jnp.asarray(np.log(weights), dtype=float))

    @property
    def dim(self) -> int:
        """The plane."""
        return 2

    def moments(self) -> tuple[Vector, Float[Array, "d d"]]:
        """E c(u) and cov c(u) + noise^2 I."""
        w = jnp.exp(self.log_weights)[:, None]
        mean = jnp.sum(w * self.nodes, axis=0)
        apart = self.nodes - mean
        spread = jnp.sum(w[:, :, None] * apart[:, :, None] * apart[:, None, :], axis=0)
        return mean, spread + self.noise**2 * jnp.eye(2)

    @property
    def transport_dim(self) -> int:
        """One uniform for the place on the curve and two for the noise."""
        return 3

    def transport(self, u: Float[Array, " k"]) -> Vector:
        """c(u_0) + noise (Phi^-1(u_1), Phi^-1(u_2))."""
        return self.path(u[0]) + self.noise * ndtri(u[1:])

    def noised_log_prob(self, x: Vector, alpha: Any, sigma: Any) -> Scalar:
        """ln int N(x; alpha c(u), v I) du."""
        log_terms, v = self._terms(x, alpha, sigma)
        return logsumexp(log_terms) - jnp.log(2 * jnp.pi * v)

    def noised_score(self, x: Vector, alpha: Any, sigma: Any) -> Vector:
        """-(x - alpha E[c(u) | x]) / v."""
        log_terms, v = self._terms(x, alpha, sigma)
        return -jnp.sum(jax.nn.softmax(log_terms)[:, None] * (x - alpha * self.nodes), axis=0) / v

    def noised_entropy(self, alpha: float, sigma: float) -> float:
        """By quadrature over the plane near the curve; the cost grows as 1/v, half a minute at v = 1e-4."""
        v = alpha**2 * float(self.noise) ** 2 + sigma**2
        centres = alpha * as_float64(self.nodes)
        margin = FARTHEST * np.sqrt(v)
        domain = np.stack([centres.min(axis=0) - margin, centres.max(axis=0) + margin], axis=-1)[None]
        inverse_roots = np.broadcast_to(np.eye(2) / np.sqrt(v), (len(centres), 2, 2))
        return entropy_integral(
            self, alpha, sigma, cover(domain, centres, inverse_roots, "entropy of NoisyCurve")
        )

    def _terms(self, x: Vector, alpha: Any, sigma: Any) -> tuple[Float[Array, " m"], Any]:
        """ln weight - |x - alpha c|^2/(2 v) at the nodes, and v."""
        v = alpha**2 * self.noise**2 + sigma**2
        return self.log_weights - 0.5 * jnp.sum((x - alpha * self.nodes) ** 2, axis=-1) / v, v


def _curve_nodes(path: Callable, noise: float, breaks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points (m, 2) and weights (m,) of the Gauss-Legendre rule for int_0^1 f(c(u)) du, fine against ``noise``."""
    with jax.enable_x64(True):
        path = jax.tree.map(jnp.asarray, path)
        curve, velocity = jax.jit(jax.vmap(path)), jax.jit(jax.vmap(jax.jacfwd(path)))
        points, weights = [], []
        for low, high in itertools.pairwise(breaks):
            # Strictly inside the piece: at its ends the path may jump.
            inner = low + (high - low) * (np.arange(256) + 0.5) / 256
            speed = np.linalg.norm(as_float64(velocity(jnp.asarray(inner))), axis=-1).max()
            count = NODES_PER_NOISE * speed * (high - low) / noise + 16
            if not count <= MOST_NODES:
                least = NODES_PER_NOISE * speed * (high - low) / (MOST_NODES - 16)
                raise complain("noise", f"{noise:g}", f"at least {least:.2g} for this curve")
            nodes, node_weights = np.polynomial.legendre.leggauss(int(count))
            u = low + 0.5 * (high - low) * (1 + nodes)
            points.append(as_float64(curve(jnp.asarray(u))))
            weights.append(0.5 * (high - low) * node_weights)
    return np.concatenate(points), np.concatenate(weights)


def _moons_path(u: Scalar) -> Vector:
    angle = jnp.pi * (2 * u % 1.0)
    upper = jnp.stack([jnp.cos(angle), jnp.sin(angle)])
    return jnp.where(u < 0.5, upper, jnp.array([1.0, 0.5]) - upper)


def _rings_path(
    radii: Float[Array, " k"], starts: Float[Array, " k"], weights: Float[Array, " k"], u: Scalar
) -> Vector:
    ring = jnp.sum(u > starts[1:])
    angle = 2 * jnp.pi * (u - starts[ring]) / weights[ring]
    return radii[ring] * jnp.stack([jnp.cos(angle), jnp.sin(angle)])


def _roll_path(u: Scalar) -> Vector:
    angle = 1.5 * jnp.pi * (1 + 2 * u)
    return 0.1 * angle * jnp.stack([jnp.cos(angle), jnp.sin(angle)])


def two_moons(noise: float = 0.1) -> NoisyCurve:
    """Two interlocking half circles of radius 1 about (0, 0) and (1, 1/2), blurred by ``noise``.

    Uniform in arc length; the convention of scikit-learn's make_moons.
    """
    return NoisyCurve(_moons_path, noise, (0.0, 0.5, 1.0))


def rings(
    radii: Sequence[float] = (1.0, 2.0), noise: float = 0.1, weights: Sequence[float] | None = None
) -> NoisyCurve:
    """Concentric circles of these ``radii`` about the origin, blurred by ``noise``.

    ``weights``, one a ring, are the probabilities of the rings, equal unless given and scaled to add up to one.
    Raises ValueError unless radii and weights are positive and equally many.
    """
    check_positive("radii", radii)
    r = np.atleast_1d(as_float64(radii))
    w = np.ones(len(r)) if weights is None else np.atleast_1d(as_float64(weights))
    check_positive("weights", w)
    if w.shape != r.shape:
        raise complain("weights", f"shape {w.shape}", f"one weight per ring, shape {r.shape}")
    w = w / w.sum()
    ends = np.append(np.cumsum(w)[:-1], 1.0)
    starts = np.append(0.0, ends[:-1])
    return NoisyCurve(Partial(_rings_path, r, starts, w), noise, (0.0, *ends.tolist()))


def swiss_roll(noise: float = 0.1) -> NoisyCurve:
    """The spiral (theta/10) (cos theta, sin theta), theta uniform on (3 pi/2, 9 pi/2), blurred by ``noise``.

    scikit-learn's make_swiss_roll without its third axis, at a tenth of the size.
    """
    return NoisyCurve(_roll_path, noise)
