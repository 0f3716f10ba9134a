"""A policy whose every probability is read off a table: the next token by the last one."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from thermodiff.array_types import pytree_dataclass


@pytree_dataclass
class Markov:
    """Logits (V + 1, V): row i after token i, the last row at the beginning; prompts change nothing."""

    table: Any

    def logits(self, prompt, response):
        return self.table[jnp.concatenate([jnp.array([-1]), response[:-1]])]

    def begin(self, prompt, room):
        return (), self.table[-1]

    def extend(self, memory, token):
        return memory, self.table[token]


def markov(seed, words):
    """A policy of fixed random logits, and its probabilities in NumPy."""
    table = np.random.default_rng(seed).normal(size=(words + 1, words))
    pi = np.exp(table)
    return Markov(jnp.asarray(table, dtype=jnp.float32)), pi / pi.sum(axis=1, keepdims=True)
