"""Scores that are wrong in a known way: every kind of error of ``score_errors``, alone or all at once."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

import thermodiff as td
from thermodiff.array_types import pytree_dataclass
from thermodiff.scores.base import noise_prediction
from thermodiff.scores.perturbed import NoisyScore

WAVES = 16
"""Plane waves in a random field of errors."""


@pytree_dataclass
class WrongScore:
    """Every kind of error at once.

    n_th = (c + w sin(2 pi (ell - phase)/4)) Q n + sigma b/sqrt(alpha^2 v + sigma^2) + field.

    One class for all, so that a kind or size of error is a new parameter and not a new compilation.
    """

    exact: Any
    process: Any
    scale: Any
    wobble: Any
    phase: Any
    rotation: Any
    shift: Any
    field: Any

    @property
    def reference(self) -> Any:
        """The Gaussian of the data's moments."""
        return self.exact.reference

    def noise(self, x: Any, t: Any) -> Any:
        """n_th(x, t), shape (d,)."""
        alpha, sigma = self.process.alpha(t), self.process.sigma(t)
        c = self.scale + self.wobble * jnp.sin(jnp.pi / 2 * (jnp.log(sigma / alpha) - self.phase))
        spread = jnp.sqrt(alpha**2 * jnp.mean(self.reference.variances) + sigma**2)
        n = c * (self.rotation @ noise_prediction(self.exact, self.process, x, t))
        # The field's own score is that of nothing: what it adds to a score, times -sigma, is what it adds to n.
        return n + sigma * self.shift / spread - sigma * self.field(x, t)

    def __call__(self, x: Any, t: Any) -> Any:
        """The wrong score."""
        return -self.noise(x, t) / self.process.sigma(t)


@pytree_dataclass
class _NoScore:
    """The zero score, carrying the reference that a random field scales with."""

    reference: Any

    def __call__(self, x: Any, t: Any) -> Any:
        """0."""
        return jnp.zeros_like(x)


def rotation(dim: int, angle: float) -> np.ndarray:
    """A rotation by ``angle`` in the planes (0, 1), (2, 3), ...; the identity in one dimension."""
    q = np.eye(dim)
    for i in range(0, dim - 1, 2):
        q[i : i + 2, i : i + 2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return q


def wrong_score(key: Any, exact: Any, process: Any, dim: int, **changes: Any) -> WrongScore:
    """The exact score but for ``changes``: scale, wobble, phase, angle, shift, amplitude, wavenumber."""
    field: NoisyScore = td.noisy(
        key,
        _NoScore(exact.reference),
        process,
        dim,
        amplitude=changes.get("amplitude", 0.0),
        wavenumber=changes.get("wavenumber", 1.0),
        waves=WAVES,
    )
    return WrongScore(
        exact=exact,
        process=process,
        scale=jnp.asarray(changes.get("scale", 1.0)),
        wobble=jnp.asarray(changes.get("wobble", 0.0)),
        phase=jnp.asarray(changes.get("phase", 0.0)),
        rotation=jnp.asarray(rotation(dim, changes.get("angle", 0.0)), dtype=float),
        shift=jnp.asarray(changes.get("shift", np.zeros(dim)), dtype=float),
        field=field,
    )


def change(kind: str, size: float, dim: int) -> dict[str, Any]:
    """The parameters of one kind of error of one size."""
    return {
        "scaled": {"scale": 1 + size},
        "shifted": {"shift": size * np.ones(dim) / np.sqrt(dim)},
        "rotated": {"angle": size},
        "drifting": {"wobble": size},
        "smooth": {"amplitude": size, "wavenumber": 1.0},
        "rough": {"amplitude": size, "wavenumber": 8.0},
    }[kind]
