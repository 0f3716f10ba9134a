"""A policy with a free logit for every next token after every prefix: autoregressive, without shared parameters.

ln pi(y | x) = sum_t ln pi(y_t | x, y_<t), a softmax after each prefix. With P(s) the chance to come through a prefix
s and W(s) the sum of the weights w over the responses through it (``tabular.py`` says what weights are), the gradient
of sum w ln pi in the logit of s followed by a is W(sa) - pi(a | s) W(s), and under the Fisher metric, which is P(s)
times that of one softmax after each prefix, W(sa)/P(sa) - W(s)/P(s): at w = pi A the gain of the mean advantage by
the token. To first order d ln pi = A - E A, as for free logits of responses; a step eta leaves the tilt by O(eta^2).
This project.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from thermodiff.exploration.exchange.response_tables import read_responses
from thermodiff.validation import complain

PADDING = -1
"""Stands after the last token of shorter responses, and for a whole response where a problem has fewer."""


@dataclasses.dataclass(frozen=True, eq=False)
class PrefixTree:
    """Which prefixes there are and which responses go through which; edges are (prefix, next token)."""

    paths: np.ndarray
    """(M, R, L): the edges of each response, ``edges`` after its last one."""
    start: np.ndarray
    """(edges,): the number of the prefix at which each edge starts, non-decreasing."""
    first: np.ndarray
    """(prefixes,): the first edge of each prefix."""
    real: np.ndarray
    """(M, R): which responses are there."""

    def through(self, values: np.ndarray) -> np.ndarray:
        """Sum of values (M, R) over the responses through each edge, (edges,)."""
        each = np.broadcast_to(values[..., None], self.paths.shape)
        return np.bincount(self.paths.ravel(), each.ravel(), minlength=len(self.start) + 1)[:-1]

    def along(self, values: np.ndarray) -> np.ndarray:
        """Sum of values (edges,) over the edges of each response, (M, R)."""
        return np.append(values, 0.0)[self.paths].sum(-1)

    def at_start(self, values: np.ndarray) -> np.ndarray:
        """Sum of values (edges,) over all edges that start where each does, (edges,)."""
        return np.add.reduceat(values, self.first)[self.start]


def prefix_tree(responses: Any) -> PrefixTree:
    """The tree of responses given as token ids, (M, R, L), filled up with -1; a response of -1 alone is none.

    Raises ValueError where one response is another of the same problem or begins it: such need an end token.
    """
    tokens = np.asarray(responses)
    if tokens.ndim != 3 or 0 in tokens.shape or tokens.dtype.kind not in "iu":
        raise complain(
            "responses", f"shape {tokens.shape}, {tokens.dtype}", "token ids (problems, responses, L)"
        )
    real = tokens[:, :, 0] != PADDING
    edges: dict[tuple[int, ...], int] = {}
    paths = np.full(tokens.shape, -1)
    for x, y in np.argwhere(real):
        line = tokens[x, y].tolist()
        line = line[: line.index(PADDING)] if PADDING in line else line
        for t in range(len(line)):
            paths[x, y, t] = edges.setdefault((int(x), *line[: t + 1]), len(edges))
    prefixes: dict[tuple[int, ...], int] = {}
    start = np.array([prefixes.setdefault(name[:-1], len(prefixes)) for name in edges])
    _check_apart(paths, prefixes, edges, real)
    order = np.argsort(start, kind="stable")
    place = np.append(np.argsort(order), len(order))  # the last is where -1 points: after the last token
    start = start[order]
    return PrefixTree(place[paths], start, np.flatnonzero(np.diff(start, prepend=-1)), real)


@dataclasses.dataclass(frozen=True, eq=False)
class PrefixTabularPolicy:
    """Free logits ``parameters`` (edges,) of every next token after every prefix of the responses in ``tree``."""

    parameters: np.ndarray
    tree: PrefixTree

    @classmethod
    def from_table(cls, log_probs: Any, responses: Any) -> PrefixTabularPolicy:
        """The one whose responses (M, R, L; see ``prefix_tree``) have the log-probabilities ``log_probs`` (M, R)."""
        tree = prefix_tree(responses)
        (table,) = read_responses({"log_probs": log_probs}, np.zeros(tree.real.shape), tree.real).log_probs
        impossible = np.argwhere(tree.real & ~np.isfinite(table))
        if len(impossible):
            raise complain("log_probs", f"-inf at {tuple(impossible[0].tolist())}", "possible responses")
        return cls(np.log(tree.through(np.exp(table))), tree)

    @property
    def real(self) -> np.ndarray:
        """Which responses are there, (M, R)."""
        return self.tree.real

    def conditionals(self) -> np.ndarray:
        """ln pi(a | s) of every edge, (edges,)."""
        tree = self.tree
        largest = np.maximum.reduceat(self.parameters, tree.first)[tree.start]
        z = self.parameters - largest
        return z - np.log(tree.at_start(np.exp(z)))

    def log_probs(self) -> np.ndarray:
        """ln pi(y | x), (M, R), nats; -inf where there is no response."""
        return np.where(self.real, self.tree.along(self.conditionals()), -np.inf)

    def euclidean(self, weights: np.ndarray) -> np.ndarray:
        """The gradient of sum w ln pi in the logits: W(sa) - pi(a | s) W(s)."""
        through = self.tree.through(weights)
        return through - np.exp(self.conditionals()) * self.tree.at_start(through)

    def natural(self, weights: np.ndarray) -> np.ndarray:
        """The same under the Fisher metric: W(sa)/P(sa) - W(s)/P(s)."""
        tree = self.tree
        chance, through = tree.through(np.exp(self.log_probs())), tree.through(weights)
        mean, mean_before = _ratio(through, chance), _ratio(tree.at_start(through), tree.at_start(chance))
        return mean - mean_before

    def moved(self, step: np.ndarray) -> PrefixTabularPolicy:
        """The policy whose parameters are those of this one plus ``step``."""
        return PrefixTabularPolicy(self.parameters + step, self.tree)

    def change(self, step: np.ndarray) -> np.ndarray:
        """d ln pi(y | x) for a small ``step`` of the parameters, (M, R)."""
        mean = self.tree.at_start(np.exp(self.conditionals()) * step)
        return np.where(self.real, self.tree.along(step - mean), 0.0)


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """0 where a prefix cannot be reached."""
    there = below > 0
    return np.where(there, above, 0.0) / np.where(there, below, 1.0)


def _check_apart(paths: np.ndarray, prefixes: dict, edges: dict, real: np.ndarray) -> None:
    """Every response ends at an edge of its own that no other one goes on from."""
    names = list(edges)
    seen: dict[int, tuple[int, int]] = {}
    for x, y in np.argwhere(real).tolist():
        last = int(paths[x, y][paths[x, y] >= 0][-1])
        if last in seen or names[last] in prefixes:
            got = f"response {y} of problem {x}, which is another one or begins it"
            raise complain("responses", got, "different ones that all end with an end token")
        seen[last] = (x, y)
