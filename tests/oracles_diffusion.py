"""What the diffusion tests hold the package against: closed forms, quadrature and scipy's ODE solver, in float64.

Only numpy and scipy: nothing here may come from thermodiff. A process is stated here by its stochastic differential
equation dx = a x dt + sqrt(2 D) dw (and by alpha and sigma^2 where those are elementary), never by what the package
derives from the other pair.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.integrate import quad, solve_ivp

# --- processes ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Schedule:
    """a(t), D(t), alpha(t) and the variance of the noise sigma(t)^2, each float64 in and out."""

    a: Callable
    D: Callable
    alpha: Callable
    variance: Callable


def exploding(sigma: float = 25.0) -> Schedule:
    """Dx = sigma^t dw."""
    k = np.log(sigma)
    return Schedule(
        a=lambda t: 0.0 * t,
        D=lambda t: 0.5 * sigma ** (2.0 * t),
        alpha=lambda t: 1.0 + 0.0 * t,
        variance=lambda t: np.expm1(2 * k * t) / (2 * k),
    )


def geometric(low: float, high: float) -> Schedule:
    """sigma(t)^2 = low^2 ((high/low)^2t - 1)."""
    k = np.log(high / low)
    return Schedule(
        a=lambda t: 0.0 * t,
        D=lambda t: low**2 * k * np.exp(2 * k * t),
        alpha=lambda t: 1.0 + 0.0 * t,
        variance=lambda t: low**2 * np.expm1(2 * k * t),
    )


def preserving(low: float = 0.1, high: float = 20.0) -> Schedule:
    """Dx = -(beta/2) x dt + sqrt(beta) dw, beta linear in t."""

    def total(t):
        return low * t + 0.5 * (high - low) * t**2

    return Schedule(
        a=lambda t: -0.5 * (low + (high - low) * t),
        D=lambda t: 0.5 * (low + (high - low) * t),
        alpha=lambda t: np.exp(-0.5 * total(t)),
        variance=lambda t: -np.expm1(-total(t)),
    )


def cosine(last: float = 0.01) -> Schedule:
    """Alpha falls as a cosine from 1 to ``last``."""
    w = np.arccos(last)
    return Schedule(
        a=lambda t: -w * np.tan(w * t),
        D=lambda t: w * np.tan(w * t),
        alpha=lambda t: np.cos(w * t),
        variance=lambda t: np.sin(w * t) ** 2,
    )


def sub_preserving(low: float = 0.3, high: float = 8.0) -> Schedule:
    """Song et al.'s sub-VP process, neither VE nor VP: a = -beta/2, D = beta (1 - e^-2B)/2, sigma = 1 - e^-B."""
    vp = preserving(low, high)

    def total(t):
        return -2 * np.log(vp.alpha(t))

    return Schedule(
        a=vp.a,
        D=lambda t: vp.D(t) * -np.expm1(-2 * total(t)),
        alpha=vp.alpha,
        variance=lambda t: np.expm1(-total(t)) ** 2,
    )


def interpolating() -> Schedule:
    """Dx = -x/(1 - t) dt + sqrt(2 t/(1 - t)) dw: the straight line between data and noise."""
    return Schedule(
        a=lambda t: -1 / (1 - t),
        D=lambda t: t / (1 - t),
        alpha=lambda t: 1 - t,
        variance=lambda t: np.square(t),
    )


def linear_noise(last: float = 80.0) -> Schedule:
    """Dx = last sqrt(2 t) dw, whose sigma is ``last`` t."""
    return Schedule(
        a=lambda t: 0.0 * t,
        D=lambda t: last**2 * t,
        alpha=lambda t: 1.0 + 0.0 * t,
        variance=lambda t: np.square(last * t),
    )


def moments_by_ode(schedule: Schedule, mean: np.ndarray, cov: np.ndarray, t: float):
    """Mean and covariance at t of the process started at (mean, cov), from dm = a m dt, dV = (2 a V + 2 D) dt."""
    d = len(mean)

    def rhs(u, y):
        m, V = y[:d], y[d:].reshape(d, d)
        a, D = schedule.a(u), schedule.D(u)
        return np.concatenate([a * m, (2 * a * V + 2 * D * np.eye(d)).ravel()])

    y0 = np.concatenate([mean, cov.ravel()])
    y = solve_ivp(rhs, (0.0, t), y0, method="DOP853", rtol=1e-11, atol=1e-12).y[:, -1]
    return y[:d], y[d:].reshape(d, d)


# --- Gaussians ----------------------------------------------------------------------------------


def gaussian_log_prob(x: np.ndarray, mean: np.ndarray, cov: np.ndarray) -> np.ndarray:
    r = np.asarray(x) - mean
    return -0.5 * (
        np.einsum("...i,ij,...j", r, np.linalg.inv(cov), r) + np.linalg.slogdet(2 * np.pi * cov)[1]
    )


def gaussian_entropy(cov: np.ndarray) -> float:
    return float(0.5 * np.linalg.slogdet(2 * np.pi * np.e * cov)[1])


def gaussian_kl(mean, cov, prior_mean, prior_cov) -> float:
    inverse = np.linalg.inv(prior_cov)
    shift = mean - prior_mean
    log_ratio = np.linalg.slogdet(prior_cov)[1] - np.linalg.slogdet(cov)[1]
    return float(0.5 * (np.trace(inverse @ cov) - len(mean) + log_ratio + shift @ inverse @ shift))


@dataclass(frozen=True)
class AffineModel:
    """Gaussian data N(mean, cov) under a schedule with the wrong score s_th = Q (c s + h), s the true one.

    Every average of theory sections 3 to 5 is then a trace; c and h do not depend on time.
    """

    schedule: Schedule
    mean: np.ndarray
    cov: np.ndarray
    factor: float = 1.0
    shift: np.ndarray | None = None
    rotation: np.ndarray | None = None

    @property
    def dim(self) -> int:
        return len(self.mean)

    def marginal(self, t):
        alpha = self.schedule.alpha(t)
        return alpha * self.mean, alpha**2 * self.cov + self.schedule.variance(t) * np.eye(self.dim)

    def matrix(self, t):
        """M and k of s_th = M (x - m_t) + k."""
        Q = np.eye(self.dim) if self.rotation is None else self.rotation
        h = np.zeros(self.dim) if self.shift is None else self.shift
        return -self.factor * Q @ np.linalg.inv(self.marginal(t)[1]), Q @ h

    def score(self, x, t):
        M, k = self.matrix(t)
        return M @ (x - self.marginal(t)[0]) + k

    def a(self, t) -> float:
        """E|s|^2."""
        return float(np.trace(np.linalg.inv(self.marginal(t)[1])))

    def b(self, t) -> float:
        """E|s_th|^2."""
        M, k = self.matrix(t)
        return float(np.trace(M @ self.marginal(t)[1] @ M.T) + k @ k)

    def c(self, t) -> float:
        """E[s . s_th] = -E[div s_th]."""
        return float(-np.trace(self.matrix(t)[0]))

    def rate(self, t, reading: str) -> float:
        """R_1, R_2 or R_3 of theory section 3 at t."""
        moment = {
            "quadratic": self.b(t),
            "divergence": self.c(t),
            "denoising": 2 * self.c(t) - self.b(t),
        }[reading]
        return self.dim * self.schedule.a(t) + self.schedule.D(t) * moment

    def intrinsic(self, t) -> float:
        """E|a x - D s_th|^2 / D."""
        a, D = self.schedule.a(t), self.schedule.D(t)
        m, V = self.marginal(t)
        M, k = self.matrix(t)
        slope, centre = a * np.eye(self.dim) - D * M, a * m - D * k
        return float((np.trace(slope @ V @ slope.T) + centre @ centre) / D)

    def integral(self, f: Callable[[float], float], t_min: float) -> float:
        """int_{t_min}^1 f dt, in ln t."""
        return quad(
            lambda u: f(np.exp(u)) * np.exp(u), np.log(t_min), 0.0, epsabs=1e-10, epsrel=1e-10, limit=500
        )[0]

    def integrals(self, t_min: float) -> dict[str, float]:
        """A, B, C and J."""
        D = self.schedule.D
        A, B, C = (self.integral(lambda t, f=f: D(t) * f(t), t_min) for f in (self.a, self.b, self.c))
        return {"A": A, "B": B, "C": C, "J": A + B - 2 * C}

    def flow(self, t_min: float):
        """The affine map of the learned probability flow from t_min to 1, x -> P x + p, and its log volume."""
        d = self.dim

        def rhs(u, y):
            t = np.exp(u)
            P, p = y[: d * d].reshape(d, d), y[d * d : -1]
            M, k = self.matrix(t)
            a, D = self.schedule.a(t), self.schedule.D(t)
            K = a * np.eye(d) - D * M
            rate = [
                (K @ P).ravel(),
                K @ p - D * (k - M @ self.marginal(t)[0]),
                [np.trace(K)],
            ]
            return t * np.concatenate(rate)

        y0 = np.concatenate([np.eye(d).ravel(), np.zeros(d), [0.0]])
        y = solve_ivp(rhs, (np.log(t_min), 0.0), y0, method="DOP853", rtol=1e-10, atol=1e-11).y[:, -1]
        return y[: d * d].reshape(d, d), y[d * d : -1], float(y[-1])

    def flow_log_likelihood(self, x, t_min, prior_mean, prior_cov) -> np.ndarray:
        P, p, growth = self.flow(t_min)
        return gaussian_log_prob(np.asarray(x) @ P.T + p, prior_mean, prior_cov) + growth

    def summary(self, t_min: float, prior_mean: np.ndarray, prior_cov: np.ndarray) -> dict[str, float]:
        """What an audit measures, by the definitions of theory sections 3 to 5, integrals from t_min."""
        I = self.integrals(t_min)  # noqa: E741
        drift = self.dim * np.log(self.schedule.alpha(1.0) / self.schedule.alpha(t_min))
        m0, V0 = self.marginal(t_min)
        m1, V1 = self.marginal(1.0)
        S0, S1, S_pi = gaussian_entropy(V0), gaussian_entropy(V1), gaussian_entropy(prior_cov)
        KL = gaussian_kl(m1, V1, prior_mean, prior_cov)
        P, p, growth = self.flow(t_min)
        x1, cov1 = P @ m0 + p, P @ V0 @ P.T
        inverse = np.linalg.inv(prior_cov)
        terminal = np.trace(inverse @ cov1) + (x1 - prior_mean) @ inverse @ (x1 - prior_mean)
        nll = S_pi + 0.5 * (terminal - self.dim) - growth
        R1, R2, R3 = drift + I["B"], drift + I["C"], drift + 2 * I["C"] - I["B"]
        neg_elbo = S1 + KL - R3
        return {
            **I,
            "S0": S0,
            "S1": S1,
            "KL": KL,
            "prior_entropy": S_pi,
            "prior_cross_entropy": S1 + KL,
            "nll": nll,
            "neg_elbo": neg_elbo,
            "cross": S1 - R2,
            "integral_quadratic": R1,
            "integral_divergence": R2,
            "integral_denoising": R3,
            "integral_flow": growth,
            "bound_quadratic": 0.5 * (S0 + S1 - R1),
            "bound_divergence": 0.5 * (S0 + S1 - R2),
            "bound_denoising": 0.5 * (S0 + S1 - R3),
            "bound_flow": 0.5 * (S0 + S_pi - growth),
            "certified_elbo": S0 + (np.sqrt(I["A"]) - np.sqrt(I["B"])) ** 2 + KL,
            "certified_flow": S0 + gaussian_kl(x1, cov1, prior_mean, prior_cov),
            "terminal_excess": terminal - self.dim,
        }


# --- one-dimensional mixtures -------------------------------------------------------------------


@dataclass(frozen=True)
class Mixture1d:
    """sum_k w_k N(m_k, v_k) on the line; averages by the trapezoid rule, spectrally accurate for such densities."""

    weights: np.ndarray
    means: np.ndarray
    variances: np.ndarray

    def grid(self, alpha: float, variance: float) -> np.ndarray:
        width = np.sqrt(alpha**2 * self.variances + variance)
        return np.linspace(
            (alpha * self.means - 13 * width).min(), (alpha * self.means + 13 * width).max(), 40001
        )

    def components(self, x, alpha, variance):
        v = alpha**2 * self.variances + variance
        r = np.asarray(x)[..., None] - alpha * self.means
        return self.weights * np.exp(-0.5 * r**2 / v) / np.sqrt(2 * np.pi * v), r, v

    def log_prob(self, x, alpha=1.0, variance=0.0):
        v = alpha**2 * self.variances + variance
        r = np.asarray(x)[..., None] - alpha * self.means
        return np.logaddexp.reduce(
            np.log(self.weights) - 0.5 * r**2 / v - 0.5 * np.log(2 * np.pi * v), axis=-1
        )

    def score(self, x, alpha=1.0, variance=0.0):
        p, r, v = self.components(x, alpha, variance)
        return (p * -r / v).sum(-1) / p.sum(-1)

    def mean_of(self, f: Callable, alpha=1.0, variance=0.0) -> float:
        """E f(x) over the noised density."""
        x = self.grid(alpha, variance)
        return float(np.sum(np.exp(self.log_prob(x, alpha, variance)) * f(x)) * (x[1] - x[0]))

    def entropy(self, alpha=1.0, variance=0.0) -> float:
        return self.mean_of(lambda x: -self.log_prob(x, alpha, variance), alpha, variance)

    def fisher(self, alpha=1.0, variance=0.0) -> float:
        """E s^2."""
        return self.mean_of(lambda x: self.score(x, alpha, variance) ** 2, alpha, variance)

    def system_rate(self, schedule: Schedule, t: float) -> float:
        return schedule.a(t) + schedule.D(t) * self.fisher(schedule.alpha(t), schedule.variance(t))

    def intrinsic_rate(self, schedule: Schedule, t: float) -> float:
        a, D, alpha, v = schedule.a(t), schedule.D(t), schedule.alpha(t), schedule.variance(t)
        return self.mean_of(lambda x: (a * x - D * self.score(x, alpha, v)) ** 2 / D, alpha, v)


def mixture_log_prob(x, weights, means, covs, alpha=1.0, variance=0.0):
    """ln p of a mixture in any dimension at x (..., d)."""
    parts = [
        np.log(w) + gaussian_log_prob(x, alpha * m, alpha**2 * C + variance * np.eye(len(m)))
        for w, m, C in zip(weights, means, covs, strict=True)
    ]
    return np.logaddexp.reduce(np.stack(parts), axis=0)


def gradient(f: Callable, x: np.ndarray, step: float = 1e-4) -> np.ndarray:
    """Fourth-order central difference of a scalar function at x (d,)."""
    out = np.zeros(len(x))
    for i in range(len(x)):
        e = np.zeros(len(x))
        e[i] = step
        out[i] = (8 * (f(x + e) - f(x - e)) - (f(x + 2 * e) - f(x - 2 * e))) / (12 * step)
    return out


# --- the counterexample of theory section 5 -----------------------------------------------------


def scaled_score_of_unit_gaussian(e: float, Lam: float) -> dict[str, float]:
    """N(0, 1), VE, s_th = (1 - e) s, pi = p_1, Lam = ln(1 + sigma(1)^2): how far each number lies above S0."""
    return {
        "L_1": (2 * e - e**2) * Lam / 4,
        "nll": 0.5 * (e * Lam + np.exp(-e * Lam) - 1),
        "neg_elbo": 0.5 * e**2 * Lam,
    }
