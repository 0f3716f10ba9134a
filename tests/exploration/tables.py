"""Tables of made-up policies for tests: rows of different lengths, chances as fractions, sums by plain loops."""

from fractions import Fraction

import numpy as np


def random_tables(seed, M=5, R=9, spread=1.0):
    """ln pi_0, ln pi, correct and real of M problems with 3 to R responses, 1 of them correct at least and 1 wrong."""
    rng = np.random.default_rng(seed)
    real = np.arange(R) < rng.integers(3, R + 1, M)[:, None]
    correct = (rng.random((M, R)) < 0.4) & real
    correct[:, 0], correct[:, 1] = True, False
    tables = []
    for _ in range(2):
        z = np.where(real, spread * rng.standard_normal((M, R)), -np.inf)
        tables.append(z - np.log(np.exp(z).sum(1, keepdims=True)))
    return *tables, correct, real


def fractions(weights):
    """Probabilities in whole fractions, from whole weights."""
    return [Fraction(w, sum(weights)) for w in weights]


def plain_divergence(p, q):
    """sum p ln(p/q), by a loop."""
    return sum(float(a) * np.log(float(a) / float(b)) for a, b in zip(p, q, strict=True) if a > 0)
