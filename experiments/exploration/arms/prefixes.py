"""The listed responses of the strict form as a tree: what happens at each place, exactly.

At depth t the prefixes u of t tokens are the states that a policy can be in. With P(u) the chance to come through u,
and F(u) the chance to end in a correct response from there,
    p = sum_u P(u) F(u)          over the u that a correct response begins with,
access times execution, a sum and not a product. Of two policies, with mid the mean of both, exactly,
    Delta p = sum_u F_mid Delta P  +  sum_u P_mid Delta F.
At each place the policies differ by KL(pi(. | u) || pi_0(. | u)) in state u, over the whole vocabulary; the sum over
places of sum_u P(u) of it is KL(pi || pi_0) of responses, less what states that no listed response passes through add.
This project.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from thermodiff.exploration.tasks.task import Forms

AT_ONCE = 8
"""Problems, with all their forms, whose logits are held at once."""


class Tokens(NamedTuple):
    """Of each token of every listed response, (problems, forms, tokens), nats."""

    base: np.ndarray
    """ln pi_0."""
    policy: np.ndarray
    """ln pi."""
    entropy: np.ndarray
    """Of pi(. | what is before it)."""
    divergence: np.ndarray
    """KL(pi(. | ...) || pi_0(. | ...))."""


def tokens_of(base: Any, policy: Any, prompts: np.ndarray, forms: Forms) -> Tokens:
    """What a base and a policy say at every place of the listed responses to ``prompts``."""
    found = _tokens(base, policy, jnp.asarray(prompts), jnp.asarray(forms.responses))
    return Tokens(*(np.asarray(values, dtype=float) for values in found))


@jax.jit
def _tokens(base: Any, policy: Any, prompts: Any, responses: Any) -> Tokens:
    def response(prompt: Any, tokens: Any) -> Tokens:
        old, new = (jax.nn.log_softmax(x.logits(prompt, tokens)) for x in (base, policy))
        pi = jnp.exp(new)
        mine = [jnp.take_along_axis(x, tokens[:, None], axis=-1)[:, 0] for x in (old, new)]
        return Tokens(*mine, -jnp.sum(pi * new, axis=-1), jnp.sum(pi * (new - old), axis=-1))

    def problem(both: tuple[Any, Any]) -> Tokens:
        return jax.vmap(functools.partial(response, both[0]))(both[1])

    return jax.lax.map(problem, (prompts, responses), batch_size=AT_ONCE)


class Depth(NamedTuple):
    """The prefixes of one length: U of them, of all problems."""

    of: np.ndarray
    """Of each listed response, one after another, the number of its prefix."""
    first: np.ndarray
    """(U,): a response that begins with it."""
    viable: np.ndarray
    """(U,): whether a correct response does."""


class Tree(NamedTuple):
    """The listed responses, one after another, and their prefixes of each length."""

    real: np.ndarray
    """(problems, forms): which are there."""
    correct: np.ndarray
    """(responses,)."""
    depths: list[Depth]
    """Of 0, 1, ... all tokens."""


def tree_of(forms: Forms) -> Tree:
    """The prefixes of all listed responses."""
    tokens, correct = forms.responses[forms.real], forms.correct[forms.real]
    number, words = np.nonzero(forms.real)[0], int(tokens.max()) + 1
    depths = []
    for place in range(tokens.shape[1] + 1):
        _, first, number = np.unique(number, return_index=True, return_inverse=True)
        number = number.reshape(-1)
        depths.append(Depth(number, first, np.bincount(number, weights=correct) > 0))
        if place < tokens.shape[1]:
            number = number * words + tokens[:, place]
    return Tree(forms.real, correct, depths)


class States(NamedTuple):
    """Of the prefixes of one length: the chance to come through each, and to end in a correct response from it."""

    reached: np.ndarray
    finish: np.ndarray


def states(tree: Tree, log_probs: np.ndarray) -> list[States]:
    """P and F of the prefixes of each length, from ln pi of the tokens (problems, forms, tokens)."""
    flat = log_probs[tree.real]
    before = np.concatenate([np.zeros((len(flat), 1)), np.cumsum(flat, axis=1)], axis=1)
    solved = np.where(tree.correct, np.exp(before[:, -1]), 0.0)
    found = []
    for place, depth in enumerate(tree.depths):
        reached = np.exp(before[depth.first, place])
        found.append(States(reached, np.bincount(depth.of, weights=solved) / reached))
    return found


class ByDepth(NamedTuple):
    """Means over problems at depths 0, 1, ... all tokens, (L + 1,)."""

    access: np.ndarray
    """Chance to be on a way that can end well, sum over viable u of P(u)."""
    execution: np.ndarray
    """Mean of p over mean access: the chance to end well from there."""
    by_access: np.ndarray
    """sum_u F_mid Delta P, what the change of p owes to the choice of the way up to here."""
    by_execution: np.ndarray
    """sum_u P_mid Delta F, to what is done after it; the two add up to Delta p."""


def access_and_execution(tree: Tree, base: np.ndarray, policy: np.ndarray) -> ByDepth:
    """Access and execution of ``policy``, and what the change from ``base`` owes to each; ln pi of tokens."""
    problems, rows = len(tree.real), []
    for depth, old, new in zip(tree.depths, states(tree, base), states(tree, policy), strict=True):
        ways = depth.viable
        access = new.reached[ways].sum() / problems
        p = (new.reached * new.finish)[ways].sum() / problems
        by_access = ((old.finish + new.finish) / 2 * (new.reached - old.reached))[ways].sum() / problems
        by_execution = ((old.reached + new.reached) / 2 * (new.finish - old.finish))[ways].sum() / problems
        rows.append((access, p / access, by_access, by_execution))
    return ByDepth(*np.array(rows).T)


def at_each_place(tree: Tree, log_probs: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Mean over problems of sum_u P(u) v(u) at each place, (L,), v of tokens (problems, forms, tokens)."""
    flat = values[tree.real]
    return np.array(
        [
            np.sum(state.reached * flat[depth.first, place]) / len(tree.real)
            for place, (depth, state) in enumerate(
                zip(tree.depths[:-1], states(tree, log_probs)[:-1], strict=True)
            )
        ]
    )
