"""What a family of densities knows, and how it says that it does not know.

A family states ``dim`` and ``sample``; where mathematics allows it also states its log density, its
entropy, its moments, and the same for its noised marginal p_t, the law of alpha x_0 + sigma eps.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from thermodiff.array_types import Key, Samples2d, Scalar, Vector
from thermodiff.types import NotKnownError
from thermodiff.validation import complain


class Family:
    """Base of every distribution: the methods that users call, and clear errors for what is not known.

    Methods for one sample (x of shape (d,)) have ``noised`` in their name; ``log_prob`` maps over any
    leading axes.
    """

    @property
    def dim(self) -> int:
        """Number of coordinates d."""
        raise NotImplementedError

    def moments(self) -> tuple[Vector, Float[Array, "d d"]]:
        """Mean (d,) and covariance (d, d) of x_0, exact."""
        raise self._not_known("mean and covariance")

    def sample(self, key: Key, n: int) -> Samples2d:
        """n independent samples, shape (n, d)."""
        u = jax.random.uniform(key, (n, self.transport_dim))
        # jax.random.uniform gives multiples of eps in [0, 1); half a step up none is 0, all are exact.
        return jax.vmap(self.transport)(u + 0.5 * jnp.finfo(u.dtype).eps)

    @property
    def transport_dim(self) -> int:
        """How many uniform numbers ``transport`` takes; raises NotKnownError if there is no transport."""
        raise self._not_known("transport from the uniform cube")

    def transport(self, u: Float[Array, " k"]) -> Vector:
        """Maps u, uniform on the open cube (0, 1)^k, to a sample; makes quasi-Monte Carlo possible."""
        raise self._not_known("transport from the uniform cube")

    def log_prob(self, x: Float[Array, "*n d"]) -> Float[Array, "*n"]:
        """ln p_0(x) in nats for x of shape (d,) or (..., d)."""
        x = jnp.asarray(x, dtype=float)
        if x.ndim == 0 or x.shape[-1] != self.dim:
            raise complain("x", f"shape {x.shape}", f"shape (..., {self.dim})")
        return jnp.vectorize(self._log_prob, signature="(d)->()")(x)

    def _log_prob(self, x: Vector) -> Scalar:
        return self.noised_log_prob(x, jnp.ones(()), jnp.zeros(()))

    def entropy(self) -> float:
        """Differential entropy S0 = -E ln p_0 in nats."""
        return self.noised_entropy(1.0, 0.0)

    def noised_log_prob(self, x: Vector, alpha: Any, sigma: Any) -> Scalar:
        """ln p(x) of alpha x_0 + sigma eps for one x (d,)."""
        raise self._not_known("noised log density")

    def noised_score(self, x: Vector, alpha: Any, sigma: Any) -> Vector:
        """The score of alpha x_0 + sigma eps at one x (d,)."""
        return jax.grad(self.noised_log_prob)(x, alpha, sigma)

    def noised_entropy(self, alpha: float, sigma: float) -> float:
        """Entropy in nats of alpha x_0 + sigma eps, good to 1e-6."""
        raise self._not_known("entropy")

    def _not_known(self, what: str) -> NotKnownError:
        dim = f" in {self.dim} dimensions" if what == "entropy" else ""
        return NotKnownError(
            f"{what} of {type(self).__name__}{dim}: not known in closed form or by accurate quadrature; "
            "estimate it from samples instead"
        )


def gaussian_entropy(variances: Any) -> float:
    """Entropy in nats of a Gaussian with these principal variances: (1/2) sum ln(2 pi e v)."""
    v = np.asarray(variances, dtype=np.float64)
    return float(0.5 * np.sum(np.log(2 * np.pi * np.e * v)))


def states(thing: Any, name: str) -> bool:
    """Whether an object has an attribute ``name`` at all, found out without running any of its code."""
    return name in dir(thing)


def if_known(thing: Any, name: str, *arguments: Any) -> Any:
    """``thing.name``, called if it can be; None where it states no such thing or raises NotKnownError.

    Every other error passes: a misspelt call in a user's own density must not look like a density that is not known.
    """
    if not states(thing, name):
        return None
    try:
        value = getattr(thing, name)
        return value(*arguments) if callable(value) else value
    except NotKnownError:
        return None
