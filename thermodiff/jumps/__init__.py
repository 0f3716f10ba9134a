"""Diffusion over discrete states, small and exact: every state enumerated, every average a sum, float64 NumPy.

    noise = td.jumps.UniformNoise(values=2, sites=2, rate=3.0)      # L sites of K values, K^L <= 4096 states
    print(td.jumps.entropy_production(noise, p0))                    # nats; infinite, with its reason, for masks
    print(td.jumps.score_entropy(noise, p0, score))                  # the waste of a learned ratio, and its -ELBO

Symbols: i, j states, t time in [0, 1], data at 0 and noise at 1; p_t(i) probabilities; Q_ij the rate from i to j per
unit of t; r = p_t(j)/p_t(i) the concrete score; H entropies in nats. Starts no JAX; names are in ``__init__.pyi``.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
