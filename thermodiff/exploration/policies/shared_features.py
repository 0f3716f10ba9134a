"""A policy whose problems share their parameters: logits linear in features of problem and response.

z(x, y) = z_0(x, y) + f(x, y) . theta. A step moves ln pi by (f - E f) . dtheta, so that what it can do lies in the
span of the score functions f - E f. The natural gradient of expected reward is the projection of the advantage on
that span, in the metric E_x Var: it wastes unless the advantage lies in it. With r among the features and A = r - p
it does. The smallest model in which problems pull at each other, as they do in a network. This project.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from thermodiff.exploration.policies.tabular import check_real, normalised
from thermodiff.validation import complain


@dataclasses.dataclass(frozen=True, eq=False)
class SharedFeaturePolicy:
    """``base`` (M, R), logits z_0; ``features`` (M, R, d); ``parameters`` theta, (d,); ``real`` (M, R), None: all."""

    base: np.ndarray
    features: np.ndarray
    parameters: np.ndarray
    real: np.ndarray

    def __init__(
        self, base: Any, features: Any, parameters: Any | None = None, real: Any | None = None
    ) -> None:
        base, features = np.asarray(base, dtype=np.float64), np.asarray(features, dtype=np.float64)
        there = check_real(base, real)
        if features.ndim != 3 or features.shape[:2] != base.shape:
            raise complain("features", f"shape {features.shape}", f"({base.shape[0]}, {base.shape[1]}, d)")
        theta = (
            np.zeros(features.shape[2]) if parameters is None else np.asarray(parameters, dtype=np.float64)
        )
        if theta.shape != features.shape[2:]:
            raise complain("parameters", f"shape {theta.shape}", f"one a feature, {features.shape[2:]}")
        features = np.where(there[..., None], features, 0.0)
        if not (np.isfinite(features).all() and np.isfinite(theta).all()):
            raise complain("features, parameters", "entries that are not finite", "finite numbers")
        for name, value in (("base", base), ("features", features), ("parameters", theta), ("real", there)):
            object.__setattr__(self, name, value)

    def log_probs(self) -> np.ndarray:
        """ln pi(y | x), (M, R), nats; -inf where there is no response."""
        return normalised(self.base + self.features @ self.parameters, self.real)

    def euclidean(self, weights: np.ndarray) -> np.ndarray:
        """The gradient of sum w ln pi in theta: sum w (f - E f)."""
        scores, _ = self._scores()
        return np.einsum("xy,xyd->d", weights, scores)

    def natural(self, weights: np.ndarray) -> np.ndarray:
        """The same under the Fisher metric sum_x Cov_pi(f): its least-squares solution of least length."""
        scores, pi = self._scores()
        fisher = np.einsum("xy,xyd,xye->de", pi, scores, scores)
        return np.linalg.lstsq(fisher, self.euclidean(weights), rcond=None)[0]

    def moved(self, step: np.ndarray) -> SharedFeaturePolicy:
        """The policy whose parameters are those of this one plus ``step``."""
        return SharedFeaturePolicy(self.base, self.features, self.parameters + step, self.real)

    def change(self, step: np.ndarray) -> np.ndarray:
        """d ln pi(y | x) for a small ``step`` of the parameters, (M, R)."""
        return self._scores()[0] @ step

    def _scores(self) -> tuple[np.ndarray, np.ndarray]:
        """f - E f and pi."""
        pi = np.exp(self.log_probs())
        mean = np.einsum("xy,xyd->xd", pi, self.features)
        return np.where(self.real[..., None], self.features - mean[:, None], 0.0), pi
