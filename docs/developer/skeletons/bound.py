"""A bound to copy: the likelihood's excess from the flow's mean alone. Goes to thermodiff/thermodynamics/bounds.py.

A bound is a pure function of averages, one formula, in the letters of the theory. It becomes a number of the audit with
one line in ``auditing/ledger.py`` (how it follows from what is measured; its error comes with it), and a row of the
audit's table with one line in ``auditing/inequalities.py`` (when it is guaranteed, and by what). Its test: it is never
above what it bounds for scores that are wrong at random, and it is reached where the docstring says so.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp


def mean_flow_bound(S0: Any, mean: Any, prior_mean: Any, prior_cov: Any) -> Any:
    """NLL_ode >= S0 + (1/2) (m - m_pi)^T C_pi^-1 (m - m_pi), m the mean of q_1 (d,), pi = N(m_pi, C_pi); nats.

    KL(N(m, C) || pi) less this is (1/2) [tr(C_pi^-1 C) - d - ln det(C_pi^-1 C)] >= 0, so that it is never above
    ``certified_flow_bound`` and equal to it iff C = C_pi. This project.
    """
    shift = mean - prior_mean
    return S0 + 0.5 * shift @ jnp.linalg.solve(prior_cov, shift)
