"""The paper's bound, the certified ones, and the slack term by term: pure functions of averages.

Letters as in theory sections 4 and 5; everything in nats, entropies S0 = S(p_0), S1 = S(p_1) (of p(t_min)
where integrals start there),
    A, B, C = int a, b, c d ell     J = A + B - 2C     KL = KL(p_1 || pi)     R_k = int R_k dt
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

FLOW_READING_FLOOR = (1 - np.log(2.0)) / 4
"""Per dimension: NLL_ode >= L_0 - d (1 - ln 2)/4 for any data and any score (theory section 5, R0)."""


def paper_bound(S0: Any, S1: Any, integral: Any) -> Any:
    """L_k = (S0 + S1)/2 - (1/2) int R_k dt.

    Eq. (1) of arXiv 2510.06174; which reading R_k stands for its rate is our reading. R1, R2 and R3 go with
    S1 = S(p_1), R0 with S1 = S(pi).
    """
    return 0.5 * (S0 + S1) - 0.5 * integral


def implied_entropy(S1: Any, integral: Any) -> Any:
    """S0_hat(k) = S1 - int R_k dt: the data's entropy that the score implies. For the denoising reading >= S0."""
    return S1 - integral


def certified_elbo_bound(S0: Any, A: Any, B: Any, KL: Any = 0.0) -> Any:
    """-ELBO >= S0 + (sqrt(A) - sqrt(B))^2 + KL, by Cauchy-Schwarz; equality iff s_th = c s with constant c >= 0.

    Needs only entropies and the learned intrinsic rate. A must be computed from S(p_1), not S(pi). This project.
    """
    return S0 + (jnp.sqrt(A) - jnp.sqrt(B)) ** 2 + KL


def certified_elbo_rate_bound(S0: Any, a: Any, b: Any, weights: Any, KL: Any = 0.0) -> Any:
    """-ELBO >= S0 + int (sqrt(a) - sqrt(b))^2 d ell + KL; equality iff s_th = c(t) s.

    Needs the true rate a(t). a, b (T,) per unit of ell, with quadrature ``weights`` (T,). This project.
    Never below ``certified_elbo_bound``.
    """
    gap = jnp.sqrt(jnp.maximum(a, 1e-12)) - jnp.sqrt(jnp.maximum(b, 1e-12))
    return S0 + weights @ gap**2 + KL


def gaussian_kl(mean: Any, cov: Any, prior_mean: Any, prior_cov: Any) -> Any:
    """KL(N(mean, cov) || N(prior_mean, prior_cov)) in nats."""
    d = mean.shape[-1]
    ratio = jnp.linalg.solve(prior_cov, cov)
    shift = mean - prior_mean
    log_det = jnp.linalg.slogdet(ratio)[1]
    return 0.5 * (jnp.trace(ratio) - d - log_det + shift @ jnp.linalg.solve(prior_cov, shift))


def certified_flow_bound(S0: Any, mean: Any, cov: Any, prior_mean: Any, prior_cov: Any) -> Any:
    """NLL_ode = S0 + KL(q_1 || pi) >= S0 + KL(N(mean, cov of q_1) || pi), pi Gaussian. This project."""
    return S0 + gaussian_kl(mean, cov, prior_mean, prior_cov)


class SlackTerms(NamedTuple):
    """The four slack identities of theory section 5, each as its terms (their sum is the slack).

    cross_quadratic      N_th - L_1     = J/2
    elbo_quadratic       -ELBO - L_1    = (A + 3B - 4C)/2 + KL
    elbo_denoising       -ELBO - L_3    = (J + KL)/2 + KL/2 with S1 = S(p_1)
    flow_flow            NLL_ode - L_0  = KL(p_0 || p_th)/2 + (E|x_1|^2_pi - d)/4
    """

    cross_quadratic: dict[str, Any]
    elbo_quadratic: dict[str, Any]
    elbo_denoising: dict[str, Any]
    flow_flow: dict[str, Any]


def slack_terms(
    A: Any, B: Any, C: Any, J: Any, KL: Any, flow_kl: Any, terminal_square: Any, dim: Any
) -> SlackTerms:
    """The identities' terms from averages.

    ``terminal_square`` = E (x_1 - m)^T C_pi^-1 (x_1 - m) over the image x_1 of the data under the learned flow.
    For pi = N(0, s^2 I) it is E|x_1|^2/s^2; the form here holds for any Gaussian pi (this project).
    """
    return SlackTerms(
        cross_quadratic={"J/2": J / 2},
        elbo_quadratic={"(A + 3B - 4C)/2": (A + 3 * B - 4 * C) / 2, "KL(p1||pi)": KL},
        elbo_denoising={"J/2": J / 2, "KL(p1||pi)": KL},
        flow_flow={"KL(p0||p_th)/2": flow_kl / 2, "(E|x1|^2 - d)/4": (terminal_square - dim) / 4},
    )
