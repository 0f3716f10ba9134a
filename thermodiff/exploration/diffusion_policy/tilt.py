"""The truth of reward fine-tuning: the tilt p(x) exp(r(x)/beta)/Z of a mixture of Gaussians, in closed form.

Of E_pi r - beta KL(pi || p) the largest value is beta ln Z, reached by pi* = p exp(r/beta)/Z.
    r in {0, 1}:   Z = 1 - p + p e^{1/beta},   p' = p e^{1/beta}/Z,   KL(pi* || p) = kl(p' || p), nothing wasted
    r = -(c/2) |x - a|^2:   pi* is a mixture again, lambda = c/beta:
        C_k' = C_k (I + lambda C_k)^-1,  m_k' = a + (I + lambda C_k)^-1 (m_k - a),
        w_k' ~ w_k det(I + lambda C_k)^-1/2 exp(-(lambda/2) (m_k - a) . (I + lambda C_k)^-1 (m_k - a))
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from thermodiff.array_types import Process, Scalar, Vector, pytree_dataclass
from thermodiff.distributions.gaussian import Gaussian
from thermodiff.distributions.mixture import GaussianMixture
from thermodiff.exploration.diffusion_policy.rewards import Indicator, Quadratic
from thermodiff.exploration.exchange.cost import binary_divergence
from thermodiff.numerics.estimates import as_float64
from thermodiff.scores.exact import exact_score
from thermodiff.validation import check_positive, check_process, complain


class RewardTilt(NamedTuple):
    """What the tilt reaches and costs; nats, and units of the reward.

    ``base_reward`` and ``reward`` are E r under p and under pi* (for an indicator p and p'), ``log_partition`` ln Z,
    ``divergence`` KL(pi* || p) and ``free_energy`` beta ln Z = reward - beta divergence.
    """

    base_reward: float
    reward: float
    log_partition: float
    divergence: float
    free_energy: float


def reward_tilt(distribution: Any, reward: Any, beta: float) -> RewardTilt:
    """Reward, divergence and free energy of p exp(r/beta)/Z for a ``Gaussian`` or ``GaussianMixture`` p.

    ``reward`` is a ``HalfSpace``, ``Balls`` or ``Quadratic``; ``beta`` > 0 is in units of the reward. Raises ValueError
    for others, NotKnownError where ``Balls`` do not know their chance. Source: this project (theory of exploration,
    section 5).
    """
    check_positive("beta", beta)
    parts = _components(distribution)
    with jax.enable_x64(True):
        if isinstance(reward, Quadratic):
            return _quadratic(parts, reward, float(beta))
        if isinstance(reward, Indicator):
            return indicator_tilt(float(reward.probability(*(jnp.asarray(part) for part in parts))), beta)
    raise complain("reward", type(reward).__name__, "a HalfSpace, Balls or Quadratic")


def indicator_tilt(p: float, beta: float) -> RewardTilt:
    """The tilt of any law with a chance ``p`` of a correct sample."""
    log_partition = float(np.logaddexp(np.log1p(-p), np.log(p) + 1 / beta)) if 0 < p < 1 else p / beta
    reached = float(p * np.exp(1 / beta - log_partition))
    least = float(binary_divergence(reached, p))
    return RewardTilt(p, reached, log_partition, least, beta * log_partition)


def tilted_distribution(distribution: Any, reward: Any, beta: float) -> GaussianMixture:
    """p exp(r/beta)/Z for a quadratic reward: a ``GaussianMixture``, exact. Raises ValueError as ``reward_tilt``."""
    check_positive("beta", beta)
    if not isinstance(reward, Quadratic):
        raise complain("reward", type(reward).__name__, "a Quadratic: of others the tilt is no mixture")
    return GaussianMixture(*_tilted(_components(distribution), reward, float(beta))[:3])


def _components(distribution: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights (K,), means (K, d), covs (K, d, d) in double precision."""
    if isinstance(distribution, Gaussian):
        return np.ones(1), as_float64(distribution.mean)[None], as_float64(distribution.cov)[None]
    if isinstance(distribution, GaussianMixture):
        weights = as_float64(distribution.weights)
        return weights / weights.sum(), as_float64(distribution.means), as_float64(distribution.covs)
    raise complain("distribution", type(distribution).__name__, "a Gaussian or GaussianMixture")


def _tilted(parts: Any, reward: Quadratic, beta: float) -> tuple[Any, ...]:
    """Weights, means and covariances of the tilt, and ln Z."""
    weights, means, covs = parts
    centre, strength = as_float64(reward.centre), float(reward.curvature) / beta
    if centre.shape != means.shape[1:]:
        raise complain("reward", f"a centre of shape {centre.shape}", f"shape {means.shape[1:]}")
    grown = np.eye(len(centre)) + strength * covs
    offset = means - centre
    shrunk = np.linalg.solve(grown, offset[..., None])[..., 0]
    exponent = -0.5 * strength * np.sum(offset * shrunk, axis=-1)
    log_weights = np.log(weights) + exponent - 0.5 * np.linalg.slogdet(grown)[1]
    log_partition = np.logaddexp.reduce(log_weights)
    narrowed = np.linalg.solve(grown, covs)
    symmetric = 0.5 * (narrowed + np.swapaxes(narrowed, 1, 2))
    return np.exp(log_weights - log_partition), centre + shrunk, symmetric, log_partition


def _quadratic(parts: Any, reward: Quadratic, beta: float) -> RewardTilt:
    *tilted, log_partition = _tilted(parts, reward, beta)
    base_reward, reached = (float(reward.mean_over(*each)) for each in (parts, tilted))
    divergence = reached / beta - float(log_partition)
    return RewardTilt(base_reward, reached, float(log_partition), divergence, beta * float(log_partition))


@pytree_dataclass
class TiltedScore:
    """s(x, t) = grad ln p_t(x) + grad ln h(x, t), h = 1 + (e^{1/beta} - 1) P(correct | x_t = x), of a mixture.

    h = E[exp(r(x_0)/beta) | x_t = x] for an indicator reward: the optimal control of continuous time as a score, its
    V = ln h. Given x_t the mixture is one again, of means m_k + g_k (x - alpha m_k) and covariances (I - alpha g_k)
    C_k, g_k = alpha C_k (alpha^2 C_k + sigma^2 I)^-1, so that h is known wherever the reward knows its chance.
    """

    mixture: GaussianMixture
    process: Process
    reward: Any
    beta: Any

    def log_tilt(self, x: Vector, t: Scalar) -> Scalar:
        """ln h(x, t)."""
        p, alpha, sigma = self.mixture, self.process.alpha(t), self.process.sigma(t)
        variances = alpha**2 * p.variances + sigma**2
        z = jnp.einsum("kij,ki->kj", p.axes, x - alpha * p.means)
        log_chance = jnp.log(p.weights) - 0.5 * jnp.sum(z**2 / variances + jnp.log(variances), axis=-1)
        means = p.means + jnp.einsum("kij,kj->ki", p.axes, alpha * p.variances / variances * z)
        left = sigma**2 * p.variances / variances
        covs = jnp.einsum("kij,kj,klj->kil", p.axes, left, p.axes)
        correct = self.reward.probability(jax.nn.softmax(log_chance), means, covs)
        return jnp.log1p(jnp.expm1(1 / self.beta) * correct)

    def __call__(self, x: Vector, t: Scalar) -> Vector:
        """The score at x (d,) and t > 0."""
        base = self.mixture.noised_score(x, self.process.alpha(t), self.process.sigma(t))
        return base + jax.grad(self.log_tilt)(x, t)


def tilted_score(distribution: Any, process: Process, reward: Any, beta: float) -> Any:
    """The score of the tilt p exp(r/beta)/Z carried through ``process``, exact; (x, t) -> (d,).

    For an indicator reward p must be a ``Gaussian`` or ``GaussianMixture``, for ``Balls`` on the line. Raises
    ValueError, NotKnownError as ``reward_tilt``.
    """
    check_positive("beta", beta)
    if isinstance(reward, Quadratic):
        return exact_score(tilted_distribution(distribution, reward, beta), process)
    if not isinstance(reward, Indicator):
        raise complain("reward", type(reward).__name__, "a HalfSpace, Balls or Quadratic")
    mixture = GaussianMixture(*_components(distribution))
    check_process(process)
    score = TiltedScore(mixture, process, reward, jnp.asarray(beta, dtype=float))
    # A reward that does not know its chance says so now.
    jax.eval_shape(
        score, jax.ShapeDtypeStruct((mixture.dim,), jnp.float32), jax.ShapeDtypeStruct((), jnp.float32)
    )
    return score
