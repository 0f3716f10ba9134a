"""What a small step of a network does to a policy, to first order: u = d ln pi of every listed response.

A step is a direction of the weights. u is its derivative of ln pi, one number a response, so that Cov(u, r) is what
accuracy gains and Var(u)/2 what it costs in KL, on any problem, whether the step was made of it or not.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import thermodiff.exploration as explore
from experiments.harness.types import Row
from thermodiff.exploration.policies.policy import log_prob
from thermodiff.exploration.tasks.task import Forms

AT_ONCE = 16
"""Problems, with all their forms, whose responses are read in one batch."""
SMALLEST_REST = 1e-4
"""Responses that are not listed have at least this chance in the metric: less is rounding."""


NUMBERS = ("share", "share_stderr", "lost", "among_correct", "among_wrong", "gain_1", "gain_256")
"""Of the ledger of a small step."""


class Listed(NamedTuple):
    """Problems, the listed responses to each, and what the policy gives them."""

    prompts: np.ndarray
    forms: Forms
    log_probs: np.ndarray
    """ln pi of each, (problems, forms), -inf in padding."""

    def only(self, rows: Any) -> Listed:
        """Some of the problems."""
        return Listed(self.prompts[rows], Forms(*(x[rows] for x in self.forms)), self.log_probs[rows])

    @property
    def probs(self) -> np.ndarray:
        """pi of each."""
        return np.exp(self.log_probs)

    @property
    def p(self) -> np.ndarray:
        """The chance of a correct response to each problem."""
        return (self.probs * self.forms.correct).sum(axis=1)


def exact_direction(policy: Any, end: int, listed: Listed, clock: np.ndarray) -> Any:
    """The gradient of the mean over problems of E[A ln pi], A = clock (r - p): no sampling.

    E[A s] = clock sum over correct y of pi(y) s(y), as scores s have mean 0; and all correct responses are listed.
    """
    weights = listed.probs * listed.forms.correct * clock[:, None] / len(clock)
    return weighted_direction(policy, end, listed.prompts, listed.forms.responses, weights)


def weighted_direction(
    policy: Any, end: int, prompts: np.ndarray, responses: np.ndarray, weights: np.ndarray
) -> Any:
    """The gradient of the sum of ``weights`` times ln pi of responses (problems, responses, tokens)."""
    return _pulled(policy, end, jnp.asarray(prompts), jnp.asarray(responses), jnp.asarray(weights))


def change(policy: Any, end: int, listed: Listed, direction: Any) -> np.ndarray:
    """u = d ln pi of each listed response, (problems, forms), 0 in padding."""
    u = _pushed(policy, end, *_arrays(listed), direction)
    return np.where(listed.forms.real, np.asarray(u, dtype=float), 0.0)


class Natural(NamedTuple):
    """A natural step and how well its equation was solved."""

    direction: Any
    residual: float
    """|F d + damping d - g|/|g|."""


def natural_direction(
    policy: Any, end: int, listed: Listed, gradient: Any, damping: float, iterations: int
) -> Natural:
    """d of (F + lambda) d = gradient by conjugate gradients, F the Fisher matrix of the listed problems.

    F = mean over problems of E_y[s s^T], with all responses that are not listed as one. lambda is ``damping`` times
    the curvature along the gradient, g^T F g/g^T g. Products with F are a derivative forwards and one backwards.
    The gradient is scaled to length 1 first: where next to nothing is correct its square would be 0 in rounding.
    """
    length = np.sqrt(sum(float(np.sum(np.asarray(x, dtype=float) ** 2)) for x in jax.tree.leaves(gradient)))
    if not length > 0:
        return Natural(gradient, 0.0)
    gradient = jax.tree.map(lambda x: x / length, gradient)
    probs = listed.probs
    rest = np.maximum(1 - probs.sum(axis=1), SMALLEST_REST)
    direction, residual = _solved(
        policy, end, *_arrays(listed), jnp.asarray(probs), jnp.asarray(rest), gradient, damping, iterations
    )
    return Natural(direction, float(residual))


def ledger_of_step(listed: Listed, u: np.ndarray) -> Row:
    """To first order: shares of the KL of a small step, and gains of pass@1 and pass@256 at KL = 1 (times sqrt(KL)).

    ``share`` is what is paid for accuracy, ``lost`` the part of it on problems whose accuracy falls; ``among_correct``
    and ``among_wrong`` are the rest. Responses that are not listed are one more wrong one: ``among_wrong`` is at least
    what is said, ``share`` at most. None where nothing moves, as where no response of any group was correct.
    """
    if not np.any(u):
        return dict.fromkeys(NUMBERS)
    total, probs = listed.probs.sum(axis=1), listed.probs
    rest = np.maximum(1 - total, 0.0)
    pi = np.concatenate([probs, rest[:, None]], axis=1) / (total + rest)[:, None]
    # Scores have mean 0 over all responses, which tells what the others do together.
    others = np.where(rest > 0, -(probs * u).sum(axis=1) / np.where(rest > 0, rest, 1.0), 0.0)
    u = np.concatenate([u, others[:, None]], axis=1)
    u = u - (pi * u).sum(axis=1, keepdims=True)
    right = np.pad(listed.forms.correct, ((0, 0), (0, 1)))
    p = (pi * right).sum(axis=1)
    gain = (pi * right * u).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        paid = np.where(gain != 0, gain**2 / (p * (1 - p)), 0.0)
        within = np.where(gain != 0, gain**2 / p, 0.0)
    spent = (pi * u**2).sum()
    among_correct = (pi * right * u**2).sum() - within.sum()
    with np.errstate(divide="ignore"):
        share = explore.share_bought(np.log(pi), u, right).share
    length = np.sqrt(0.5 * spent / len(p))
    return {
        "share": share.mean,
        "share_stderr": share.stderr,
        "lost": float(paid[gain < 0].sum() / spent),
        "among_correct": float(among_correct / spent),
        "among_wrong": float(1 - paid.sum() / spent - among_correct / spent),
        "gain_1": float(gain.mean() / length),
        "gain_256": float((256 * (1 - p) ** 255 * gain).mean() / length),
    }


def _arrays(listed: Listed) -> tuple[Any, Any, Any]:
    """Prompts, responses, and which are real."""
    forms = listed.forms
    return jnp.asarray(listed.prompts), jnp.asarray(forms.responses), jnp.asarray(forms.real)


def _table(policy: Any, end: int, prompts: Any, responses: Any, real: Any) -> Any:
    """ln pi of each response, (problems, forms), 0 in padding."""

    def problem(both: tuple[Any, Any]) -> Any:
        return jax.vmap(lambda response: log_prob(policy, both[0], response, end))(both[1])

    return jnp.where(real, jax.lax.map(problem, (prompts, responses), batch_size=AT_ONCE), 0.0)


@functools.partial(jax.jit, static_argnums=1)
def _pushed(policy: Any, end: int, prompts: Any, responses: Any, real: Any, direction: Any) -> Any:
    return jax.jvp(lambda policy: _table(policy, end, prompts, responses, real), (policy,), (direction,))[1]


@functools.partial(jax.jit, static_argnums=1)
def _pulled(policy: Any, end: int, prompts: Any, responses: Any, weights: Any) -> Any:
    return jax.grad(lambda policy: jnp.sum(weights * _table(policy, end, prompts, responses, weights != 0)))(
        policy
    )


@functools.partial(jax.jit, static_argnums=1)
def _solved(
    policy: Any,
    end: int,
    prompts: Any,
    responses: Any,
    real: Any,
    probs: Any,
    rest: Any,
    gradient: Any,
    damping: Any,
    iterations: Any,
) -> tuple[Any, Any]:
    """Conjugate gradients on a linearised table: what the forward pass made is kept between the products."""
    _, forwards = jax.linearize(lambda policy: _table(policy, end, prompts, responses, real), policy)
    backwards = jax.linear_transpose(forwards, policy)

    def fisher(d: Any) -> Any:
        u = forwards(d)
        others = jnp.sum(probs * u, axis=1, keepdims=True) / rest[:, None]
        return backwards(probs * (u + others) / len(probs))[0]

    damp = damping * _dot(gradient, fisher(gradient)) / _dot(gradient, gradient)

    def matrix(d: Any) -> Any:
        return jax.tree.map(lambda x, y: x + damp * y, fisher(d), d)

    found, _ = jax.scipy.sparse.linalg.cg(matrix, gradient, tol=1e-3, maxiter=iterations)
    off = jax.tree.map(jnp.subtract, matrix(found), gradient)
    return found, jnp.sqrt(_dot(off, off) / _dot(gradient, gradient))


def _dot(a: Any, b: Any) -> Any:
    return sum(jnp.vdot(x, y) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True))
