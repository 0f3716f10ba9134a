"""Sig, the entropy production of the noising, as well as it can be known; everything a ledger prices is made of it.

    Sig = S(p_1) - S(p_tmin) + d ln(alpha(1)/alpha(t_min)) + int (a^2/D) E|x|^2 dt        where the density is known
    Sig >= int c_eq^2/b_eq d ell                                                    from a learned score alone
The last term of the first line is a difference of averages where a/D = k is constant: with it (k/2)(E|x_1|^2 -
E|x_tmin|^2) stands for both, and for no drift neither is there. Source: theory section 2 (balance) and
this project.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from thermodiff.energetics.measurement import Means, Measured, certified_rate
from thermodiff.numerics.delta_method import estimate_functions
from thermodiff.thermodynamics.rates import Integral

EXACT, BOUNDED = "from the entropies of the known density", "certified lower bound, from the score alone"
ENDLESS = "infinite: the drift does not vanish at t = 0 where the noise does, so that int a^2/D dt diverges"


def constants_of(measured: Measured) -> dict[str, Any]:
    """What prices need that is not averaged: weights in ell, kappa, the trap, the drift's integral, d."""
    grid = measured.grid
    return {
        "weights": np.asarray(grid.rule.weights, dtype=np.float64),
        "kappa": measured.kappa,
        "trap": 0.0 if measured.trap is None else measured.trap,
        "drift": measured.dim * float(grid.drift_integral),
        "moving": float(measured.trap is None),
        "dim": measured.dim,
    }


def medium(c: dict[str, Any], m: Means) -> Any:
    """int (E[div f] + E|f|^2/D) dt = Sig - (S(p_1) - S(p_tmin)), nats: entropy that the noising gives to its bath."""
    along = c["drift"] + (c["kappa"] ** 2 * m.mean_square) @ c["weights"]
    ends = 0.5 * c["trap"] * (m.mean_square[-1] - m.mean_square[0])
    return c["moving"] * along + (1 - c["moving"]) * ends


def certified_production(c: dict[str, Any], m: Means) -> Any:
    """int c_eq^2/b_eq d ell, which Sig is not below."""
    return certified_rate(m.cross, m.local, c["dim"]) @ c["weights"]


def true_production(c: dict[str, Any], m: Means) -> Any:
    """Sig from the entropies where they are known, else its certified lower bound."""
    if m.S0 is None or m.S1 is None:
        return certified_production(c, m)
    return m.S1 - m.S0 + medium(c, m)


def production_error(measured: Measured) -> float:
    """The quadrature error of ``true_production``, nats."""
    rule, m = measured.grid.rule, measured.means
    if m.S0 is None or m.S1 is None:
        local, cross = (np.asarray(v, dtype=np.float64).mean(axis=0) for v in (m.local, m.cross))
        return float(rule.error(np.asarray(certified_rate(cross, local, measured.dim))))
    if measured.trap is not None:
        return 0.0
    square = np.asarray(m.mean_square, dtype=np.float64).mean(axis=0)
    return float(rule.error(measured.kappa**2 * square))


def entropy_production_of(measured: Measured) -> tuple[Integral, str]:
    """Sig over [t_min, 1] with its errors, and in words how it is known."""
    value = estimate_functions(_only_production, constants_of(measured), measured.means)["production"]
    known = BOUNDED if measured.means.S0 is None or measured.means.S1 is None else EXACT
    return Integral(*value, production_error(measured)), known


def _only_production(c: dict[str, Any], m: Means) -> dict[str, Any]:
    return {"production": true_production(c, m)}
