"""What is measured of a policy on the problems that it was not trained on: exact numbers, and some from rollouts."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

import thermodiff.exploration as explore
from experiments.exploration.arms.problems import TASK
from experiments.exploration.arms.trained import Scale, folder_of, problems_of, trained
from experiments.harness.types import Row
from thermodiff.exploration.learning.drawing import Drawn, draw_rollouts
from thermodiff.exploration.learning.exact import form_log_probs, success
from thermodiff.exploration.tasks.task import Forms

KS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
BOUNDARY = (16, 64, 256)
"""k at which problems count as unsolvable: (1 - p)^k > 1/2."""
COVERED = 256
"""Responses in which the distinct correct ones are counted."""


class Tables(NamedTuple):
    """The listed responses to the problems of a seed, and a policy's ln pi of each."""

    forms: Forms
    log_probs: np.ndarray


@functools.lru_cache(maxsize=2)
def forms_of(seed: int, scale: Scale) -> Forms:
    """All responses of valid arithmetic to the problems for measuring."""
    return TASK.forms(problems_of(seed, scale).test)


def table(policy: Any, seed: int, scale: Scale) -> np.ndarray:
    """ln pi of each of them, (problems, forms)."""
    return form_log_probs(policy, TASK, problems_of(seed, scale).test, forms_of(seed, scale))


def table_of(name: str, seed: int, scale: Scale) -> np.ndarray:
    """That of a trained arm."""
    return last_table_of(name, seed, scale)[-1][1]


def last_table_of(name: str, seed: int, scale: Scale) -> list[tuple[int, np.ndarray]]:
    """The last entry of ``tables_of``, without making the others."""
    return _tables(name, seed, scale, last=1)


def tables_of(name: str, seed: int, scale: Scale) -> list[tuple[int, np.ndarray]]:
    """(step, that) of the policies kept on an arm's way, and of what it came to."""
    return _tables(name, seed, scale, last=0)


@functools.lru_cache(maxsize=8)
def _tables(name: str, seed: int, scale: Scale, last: int) -> list[tuple[int, np.ndarray]]:
    learned = trained(name, seed, scale)
    policies = {**dict(learned.kept), len(learned.history["loss"]): learned.policy}
    folder = folder_of(name, seed, scale)
    return [
        (step, _kept_beside(folder / f"table_{step}.npy", policy, seed, scale))
        for step, policy in list(policies.items())[-last:]
    ]


def _kept_beside(path: Path, policy: Any, seed: int, scale: Scale) -> np.ndarray:
    """The table in the file, which is where its arm is kept: each is made once."""
    if not path.exists():
        numbers = table(policy, seed, scale)
        unfinished = path.with_suffix(f".{os.getpid()}.npy")
        np.save(unfinished, numbers)
        unfinished.replace(path)
    return np.load(path)


def capability(log_probs: np.ndarray, forms: Forms) -> Row:
    """Exact numbers of one policy: pass@k, what it writes correctly, its entropies, coverage."""
    p = success(log_probs, forms.correct)
    entropies = explore.exact_entropies(log_probs, forms.correct, real=forms.real, remainder=True)
    pi = np.where(forms.correct, np.exp(log_probs), 0.0)
    found = np.where(forms.correct, -np.expm1(COVERED * np.log1p(-pi)), 0.0).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        answers = np.where(p > 0, entropies.correct / p, np.nan)
    return {
        "k": KS,
        "pass_at_k": [float(np.mean(-np.expm1(k * np.log1p(-p)))) for k in KS],
        "valid": float(np.exp(log_probs).sum(axis=1).mean()),
        "entropy": float(entropies.entropy.mean()),
        "entropy_binary": float(entropies.binary.mean()),
        "entropy_correct": float(entropies.correct.mean()),
        "entropy_wrong": float(entropies.wrong.mean()),
        "answer_entropy": float(np.nanmean(answers)),
        "coverage": float(np.mean(found / forms.correct.sum(axis=1))),
        "unsolvable": [int(np.sum(unsolvable(p, k))) for k in BOUNDARY],
        "problems": len(p),
    }


def unsolvable(p: np.ndarray, k: int) -> np.ndarray:
    """U_k: problems that k rollouts are more likely to leave unsolved than not, (1 - p)^k > 1/2."""
    return k * np.log1p(-p) > np.log(0.5)


def transitions(base: np.ndarray, log_probs: np.ndarray, forms: Forms) -> Row:
    """Problems that enter and leave U_k, and the ledger of what accuracy cost, from a base to a policy."""
    p, p_new = success(base, forms.correct), success(log_probs, forms.correct)
    cost = explore.exact_cost_by_problem(base, log_probs, forms.correct, real=forms.real, remainder=True)
    return {
        "lost": [int(np.sum(~unsolvable(p, k) & unsolvable(p_new, k))) for k in BOUNDARY],
        "gained": [int(np.sum(unsolvable(p, k) & ~unsolvable(p_new, k))) for k in BOUNDARY],
        "divergence": float(cost.divergence.mean()),
        "paid": float(cost.paid.mean()),
        "paid_won": float(np.mean(cost.paid * (p_new > p))),
        "among_correct": float(cost.among_correct.mean()),
        "among_wrong": float(cost.among_wrong.mean()),
        "least": explore.least_cost_of_mean_accuracy(p, float(p_new.mean())).cost,
    }


def drawn_from(policy: Any, seed: int, scale: Scale, number: int = 16) -> Drawn:
    """Rollouts on the problems for measuring; the same random numbers for every arm of a seed."""
    key = jax.random.fold_in(jax.random.key(seed), 10**6)
    return draw_rollouts(key, TASK, policy, problems_of(seed, scale).test, number)


def of_tokens(drawn: Drawn) -> Row:
    """Mean entropy of tokens, of all responses and of correct and wrong ones, and branching; nats."""
    rollouts = drawn.rollouts
    assert rollouts.offsets is not None
    assert rollouts.entropies is not None
    assert rollouts.nucleus_sizes is not None
    per_token = np.repeat(rollouts.correct, np.diff(rollouts.offsets))
    return {
        "token_entropy": float(rollouts.entropies.mean()),
        "token_entropy_correct": float(rollouts.entropies[per_token].mean()) if per_token.any() else None,
        "token_entropy_wrong": float(rollouts.entropies[~per_token].mean()) if not per_token.all() else None,
        "branching": float(rollouts.nucleus_sizes.mean()),
    }
