"""What a policy can reach, and what its entropy buys: rollouts of language models, measured.

    import thermodiff.exploration as explore
    base, rl = explore.load_rollouts("base.jsonl"), explore.load_rollouts("rl.jsonl")
    print(explore.pass_at_k_interval(base, 16))       # with its error, for problems drawn from a population
    print(explore.crossing(base, rl))                 # the first k at which rl loses, as a confidence set
    print(explore.boundary_shift(base, rl))           # lost, gained, and what of it is chance

Symbols: M problems, c correct of n rollouts, q_k = C(n-c, k)/C(n, k); p the chance of a correct answer; H entropy in
nats; V tokens in all. Starts no JAX; may import validation, runtime, types. Names are in ``__init__.pyi``.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
