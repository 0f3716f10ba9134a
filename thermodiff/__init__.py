"""thermodiff: what accuracy costs in entropy, measured and not claimed, on one ledger for two kinds of model.

Score-based diffusion models, after Kodama & Hinczewski, "Thermodynamic Performance Limits for Score-Based Diffusion
Models" (arXiv 2510.06174), in the order in which data flows:

    import jax, thermodiff as td
    data = td.Uniform([-1.0, -1.0], [1.0, 1.0])            # a distribution, or your own samples (n, d)
    process = td.VarianceExploding(sigma=25.0)             # alpha(t), sigma(t)
    fit = td.fit(jax.random.key(0), data, process)         # a score network, trained
    rates = td.entropy_rates(jax.random.key(1), fit.score, process, data, reading="divergence")
    print(rates.integral().system)                         # nats, with its standard error
    print(td.audit(jax.random.key(2), fit.score, process, data))

Language models trained by reinforcement learning with verifiable rewards, from the rollouts they left on disk, after
"From Trial-and-Error to Improvement: A Systematic Analysis of LLM Exploration Mechanisms in RLVR" (arXiv 2508.07534):

    base, rl = td.exploration.named_rollouts("deepscaler").values()     # or td.exploration.load_rollouts("base.jsonl")
    print(td.exploration.crossing(base, rl))               # the first k at which training loses, as a confidence set
    print(td.exploration.boundary_shift(base, rl))         # problems lost and gained, and what of it is chance

Symbols of the first: x position (d,), t time in [0, 1], data at 0 and noise at 1; alpha, sigma with
x_t = alpha x_0 + sigma eps; D = g^2/2; s score; n = -sigma s noise prediction; ell = ln(sigma/alpha); S0 entropy of
the data, S1 of p_1. Entropies and likelihoods are in nats per sample, rates in nats per unit of t. Those of the second
are in ``td.exploration.__doc__``.
"""

import lazy_loader

from thermodiff.runtime.compilation_cache import keep_compiled_programs
from thermodiff.runtime.compiler_faults import avoid_wrong_sums
from thermodiff.types import when_jax_starts
from thermodiff.version import __version__ as __version__

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)  # the names are in __init__.pyi

avoid_wrong_sums()
when_jax_starts(keep_compiled_programs)
del avoid_wrong_sums, keep_compiled_programs, when_jax_starts, lazy_loader
