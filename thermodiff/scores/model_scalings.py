"""What a model is shown of x, and what its answer is made into.

A model may have been trained on c x in the place of x: it then sees alpha' = c alpha and sigma' = c sigma, the same
noise ratio s = sigma/alpha, and its prediction is of the quantities of c x.

    Unscaled()      c = 1
    VEToVP()        c = 1/sqrt(alpha^2 + sigma^2): a variance-preserving model under any process
    VPToVE()        c = 1/alpha: a variance-exploding model under any process
    EDMScaling()    c = c_in/alpha, and D = c_skip x/alpha + c_out F with the network's answer F

with c_in = 1/sqrt(s^2 + sigma_data^2), c_skip = sigma_data^2 c_in^2, c_out = s sigma_data c_in.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from thermodiff.array_types import Scalar, Vector, pytree_dataclass
from thermodiff.validation import check_positive


class Scaling:
    """What a scaling has to say."""

    makes_denoiser = False
    """Whether the answer is one from which only a denoiser can be made."""

    def factor(self, alpha: Scalar, sigma: Scalar) -> Any:
        """C, by which x is multiplied before the model sees it."""
        raise NotImplementedError

    def noise(self, prediction: Any, answer: Vector, at: Any) -> Vector:
        """The noise prediction, from what the model answered ``at`` a state (``scores.predictions.Seen``)."""
        return prediction.noise(answer, at)


@pytree_dataclass
class Unscaled(Scaling):
    """The model sees x as the process has it."""

    def factor(self, alpha: Scalar, sigma: Scalar) -> Any:
        """1."""
        return jnp.ones_like(alpha)


@pytree_dataclass
class VEToVP(Scaling):
    """x/sqrt(alpha^2 + sigma^2): what a model sees that was trained with alpha^2 + sigma^2 = 1, at the same log-SNR."""

    def factor(self, alpha: Scalar, sigma: Scalar) -> Any:
        """1/sqrt(alpha^2 + sigma^2)."""
        return 1 / jnp.sqrt(alpha**2 + sigma**2)


@pytree_dataclass
class VPToVE(Scaling):
    """x/alpha: what a model sees that was trained with alpha = 1, at the same log-SNR."""

    def factor(self, alpha: Scalar, sigma: Scalar) -> Any:
        """1/alpha."""
        return 1 / alpha


@pytree_dataclass
class EDMScaling(Scaling):
    """D(x) = c_skip z + c_out F(c_in z), z = x/alpha: the denoiser of a network F that stands between data and noise.

    ``sigma_data`` is the data's standard deviation as it was told in training, in units of x (default 0.5). Taken
    together n = c_in (s z' - sigma_data F) with z' = c_in z, in which nothing cancels. Source: Karras et al. (2022),
    table 1.
    """

    sigma_data: Any = 0.5
    makes_denoiser = True

    def __post_init__(self) -> None:
        check_positive("sigma_data", self.sigma_data)
        object.__setattr__(self, "sigma_data", jnp.asarray(self.sigma_data, dtype=float))

    def factor(self, alpha: Scalar, sigma: Scalar) -> Any:
        """c_in/alpha = 1/sqrt(sigma^2 + alpha^2 sigma_data^2)."""
        return 1 / jnp.sqrt(sigma**2 + (alpha * self.sigma_data) ** 2)

    def noise(self, prediction: Any, answer: Vector, at: Any) -> Vector:
        """(z - c_skip z - c_out F)/s."""
        s = at.sigma / at.alpha
        c_in = 1 / jnp.sqrt(s**2 + self.sigma_data**2)
        return c_in * (s * at.x - self.sigma_data * answer)
