"""Every line of an energy ledger as a function of averages, nats, with the theorem that it is (T1 to T9).

    T1  intrinsic of a generator of stochasticity zeta     Sig/zeta
    T2  entropy to the bath in generation                  dS + Sig/zeta,             dS = S(p_1) - S(p_0)
    T3  constant s_eq: work                                dF (1 + 1/zeta), dF = Sig; zeta/(1 + zeta) of it kept
    T4  closed cycle: heat = work                          Sig (1 + 1/zeta)
    T5  waste of a wrong score, path KL                    J (1 + zeta)^2/(4 zeta) + KL(p_1||pi)
    T6  second law of the model                            -ELBO - S0 = J + KL(p_1||pi) >= KL(p_0||p_th)
    T7  work that an engine built for the model extracts   CE(p_0, p_eq) - NLL_th,    NLL_th <= -ELBO
    T8  information still missing at t = 1                 int (d - E|n|^2) d ell = H(x_0|x_1) - H(x_0|x_tmin)
    T9  cheapest Gaussian trap                             S(G_0) - S0
Where the density is not known Sig is its certified lower bound, and what grows with it inherits the sense of that
bound. Source: this project (T2 and T3 with zeta = 1 after Kodama & Hinczewski, arXiv
2510.06174; T7 after Kolchinsky & Wolpert).
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from thermodiff.distributions.base import gaussian_entropy
from thermodiff.distributions.gaussian import Gaussian
from thermodiff.energetics.entropy_production import constants_of, medium, true_production
from thermodiff.energetics.measurement import Means, Measured

NOTHING = 1e-5
"""Nats a dimension: data that hold less beyond their trap are the trap, up to rounding, and have no efficiency."""


def ledger_constants(measured: Measured, stochasticity: float) -> dict[str, Any]:
    """``constants_of`` with zeta and the Gaussians of the data at both ends."""
    process, ends = measured.diffusion.process, measured.grid.time[jnp.asarray([0, -1])]

    def entropy_at(t: Any) -> float:
        law: Gaussian = measured.reference.noised(float(process.alpha(t)), float(process.sigma(t)))
        return gaussian_entropy(np.asarray(law.variances, dtype=np.float64))

    weights = np.asarray(measured.grid.rule.weights, dtype=np.float64)
    return {
        **constants_of(measured),
        "zeta": stochasticity,
        "gaussian_start": entropy_at(ends[0]),
        "gaussian_end": entropy_at(ends[1]),
        "span": measured.dim * float(weights.sum()),
    }


def prices(c: dict[str, Any], m: Means) -> dict[str, Any]:
    """Every line as a scalar, nats (efficiencies are numbers); what needs a density that is not known is left out."""
    Sig, zeta = true_production(c, m), c["zeta"]
    drop = Sig - medium(c, m)
    known = m.S0 is not None and m.S1 is not None
    lines = {
        "entropy_drop": drop,
        "entropy_production": Sig,
        "dissipation": Sig / zeta,
        "bath_entropy": drop + Sig / zeta,
        "free_energy": Sig,
        "work": Sig * (1 + 1 / zeta),
        "cycle_work": Sig * (1 + 1 / zeta),
        "neural_entropy": m.local @ c["weights"],
        "conditional_entropy": c["span"] - (drop - c["drift"]),
        "negentropy": c["gaussian_start"] - m.S0
        if known
        else drop - (c["gaussian_end"] - c["gaussian_start"]),
    }
    lines["cheapest_cycle"] = lines["negentropy"] * (1 + 1 / zeta)
    return lines | _of_the_model(c, m)


def _of_the_model(c: dict[str, Any], m: Means) -> dict[str, Any]:
    """Waste, mismatch and what an engine built for the model extracts."""
    KL = None if m.S1 is None else m.CE - m.S1
    J = None if m.error is None else m.error @ c["weights"]
    if J is not None and KL is not None and m.S0 is not None:
        neg_elbo = m.S0 + J + KL
    else:
        neg_elbo = m.CE - c["drift"] - (2 * m.overlap - m.square) @ c["weights"]
    against = _engine_cross_entropy(c, m)
    lines = {"neg_elbo": neg_elbo, "extraction": against - neg_elbo}
    if J is not None and KL is not None:
        lines["waste"] = J * (1 + c["zeta"]) ** 2 / (4 * c["zeta"]) + KL
    if m.S0 is not None:
        lines["mismatch"] = neg_elbo - m.S0
        held = against - m.S0
        lines["extraction_efficiency"] = jnp.where(
            held > NOTHING * c["dim"], (against - neg_elbo) / held, jnp.nan
        )
    return lines


def _engine_cross_entropy(c: dict[str, Any], m: Means) -> Any:
    """CE(p_tmin, p_eq): of the process's own trap N(0, -D/a), or without one of the cheapest, N(m, C) of the data."""
    stiffness = jnp.maximum(-c["trap"], 1e-12)
    own = 0.5 * (c["dim"] * jnp.log(2 * jnp.pi / stiffness) + stiffness * m.mean_square[0])
    return jnp.where(c["trap"] < 0, own, c["gaussian_start"])
