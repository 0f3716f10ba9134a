"""Curves of trainings with known shapes, and autocorrelated noise for them."""

import numpy as np


def noise(rng, n, phi, size):
    """Stationary, standard deviation ``size``, correlation phi between neighbours; (n,)."""
    e = rng.normal(size=n)
    for i in range(1, n):
        e[i] = phi * e[i - 1] + np.sqrt(1 - phi**2) * e[i]
    return size * e


def training(kind, rng, n=60, phi=0.5, size=0.02, kink=0.4):
    """Step, reward and entropy of a training that rises to a kink, goes straight, or slows smoothly."""
    step = 10.0 * np.arange(n)
    u = np.arange(n) / n
    way = {
        "kink": np.minimum(u, kink) / kink + 0.07 * np.maximum(u - kink, 0),
        "line": u,
        "smooth": 1 - np.exp(-5 * u),
        "late": 0.07 * u + np.maximum(u - kink, 0) / (1 - kink),
        "none": 0 * u,
    }[kind]
    return step, 0.2 + 0.3 * way + noise(rng, n, phi, size), 1 - 0.7 * way + noise(rng, n, phi, size)
