"""Closed forms of section 2 for Gaussians, and quadrature for a mixture in one dimension: numpy and scipy alone."""

import numpy as np
import oracles_diffusion as oracle
from scipy.integrate import quad

SCHEDULES = {
    "VE25": oracle.exploding(25.0),
    "VE10": oracle.exploding(10.0),
    "VP20": oracle.preserving(0.1, 20.0),
    "cosine": oracle.cosine(0.01),
}


def gaussian_costs(name, mean, variances):
    """Sig, Lam, dS, L and W2^2 of N(mean, diag(variances)) from t = 0."""
    s, m, c = SCHEDULES[name], np.asarray(mean, float), np.asarray(variances, float)

    def moments(t):
        return s.alpha(t) * m, s.alpha(t) ** 2 * c + s.variance(t)

    def square(t):  # E|f - D s|^2, axis by axis: (a + D/v)^2 v + (a m_t)^2
        m_t, v = moments(t)
        return float(np.sum((s.a(t) + s.D(t) / v) ** 2 * v) + s.a(t) ** 2 * np.sum(m_t**2))

    def integral(f):
        return quad(f, 0, 1, epsabs=1e-12, epsrel=1e-12, limit=200)[0]

    (m0, v0), (m1, v1) = moments(0.0), moments(1.0)
    return {
        "Sig": quad(lambda t: square(t) / s.D(t), 1e-12, 1, epsabs=1e-11, epsrel=1e-11, limit=400)[0],
        "Lam": integral(s.D),
        "dS": 0.5 * np.sum(np.log(v1 / v0)),
        "L": integral(lambda t: np.sqrt(square(t))),
        "kinetic": integral(square),
        "W2": np.sum((m1 - m0) ** 2) + np.sum((np.sqrt(v1) - np.sqrt(v0)) ** 2),
    }
