"""What ``token_interventions`` measures of a policy of the free form, from rollouts; errors over problems."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import numpy as np

import thermodiff.exploration as explore
from experiments.exploration.arms import free
from experiments.exploration.arms.free_measured import defects, drawn_from, log_probs_under, padded
from experiments.exploration.arms.replaced import KINDS, Outcome, hesitant_places, replace_tokens
from experiments.harness.types import Cell, Row
from thermodiff.exploration.learning.drawing import Drawn
from thermodiff.exploration.tasks.countdown_free import ANSWER, LARGEST, OPEN, CountdownFree
from thermodiff.exploration.tasks.task import response_mask
from thermodiff.exploration.tokens.clusters import clustered_mean
from thermodiff.types import Estimate

SEGMENTS = 5
TERCILES = 3
BINS = 10
CHANGES = tuple((kind, rest) for kind in KINDS[1:] for rest in ("goes on", "stays"))
"""What is put in, and whether the policy goes on from there."""


def measure_free(config: Any, cell: Cell) -> Row:
    """One policy of the free form."""
    arm, seed, scale = cell["arm"], cell["seed"], config.free_scale
    task, prompts = free.task_of(scale), free.problems_of(seed, scale).test
    base, policy = (free.learned(name, seed, scale).policy for name in (free.BASE, arm))
    drawn = drawn_from(policy, seed, scale, config.rollouts)
    reference = log_probs_under(base, task, prompts, drawn.responses)
    profile = explore.position_profile(
        dataclasses.replace(drawn.rollouts, reference_log_probs=reference), BINS
    )
    return {
        "accuracy": _mean(drawn.rewards),
        "length": _mean(response_mask(drawn.responses, task.end).sum(axis=-1)),
        "defects": [_pair(share) for share in defects(task, prompts, drawn.responses)],
        "position": {name: [mean.mean, mean.stderr] for name, mean in profile.relative.means.items()},
        "shape": {
            "fall": _pair(profile.shapes["entropy"].fall),
            "rise": _pair(profile.shapes["entropy"].rise),
            "p_value": profile.shapes["entropy"].p_value,
        },
        "first": first_operation(task, prompts, drawn),
        "updates": _updates(arm, seed, config),
        **interventions(jax.random.fold_in(jax.random.key(seed), 2 * 10**6), config, policy, seed, drawn),
    }


def _updates(arm: str, seed: int, config: Any) -> Row | None:
    """Log-perplexity of the base's responses against correctness, and against how far the arm moves them."""
    if arm == free.BASE:
        return None
    scale = config.free_scale
    base, policy = (free.learned(name, seed, scale).policy for name in (free.BASE, free.REWARDED))
    drawn = drawn_from(base, seed, scale, config.rollouts)
    prompts = free.problems_of(seed, scale).test
    after = log_probs_under(policy, free.task_of(scale), prompts, drawn.responses)
    profile = explore.perplexity_profile(drawn.rollouts, after)
    return {"correct_less_wrong": _pair(profile.difference), "rank": _pair(profile.update_rank)}


def interventions(key: Any, config: Any, policy: Any, seed: int, drawn: Drawn) -> Row:
    """The token of highest entropy in each fifth of some responses replaced, each by itself."""
    task, prompts = free.task_of(config.free_scale), free.problems_of(seed, config.free_scale).test
    few = slice(config.replaced)
    assert drawn.rollouts.entropies is not None
    assert drawn.rollouts.log_probs is not None
    entropies = padded(drawn.rollouts.entropies, drawn, task.end)[:, few]
    surprise = -padded(drawn.rollouts.log_probs, drawn, task.end)[:, few]
    lengths = response_mask(drawn.responses, task.end).sum(axis=-1)[:, few]
    at, there = hesitant_places(entropies, lengths, SEGMENTS)
    outcome = replace_tokens(key, task, policy, prompts, drawn.responses[:, few], at)
    effects = effects_of(outcome)
    perplexity = surprise.sum(axis=-1) / lengths
    right = drawn.rewards[:, few] > 0
    chosen = np.take_along_axis(entropies, at, axis=-1)
    return {
        "replaced_entropy": _by_segment(chosen, there),
        "effect": {_name(change): _by_segment(value, there) for change, value in effects.items()},
        "effect_by_perplexity": {
            how: {_name(change): _by_tercile(value, there, which) for change, value in effects.items()}
            for how, which in {
                "of all": terciles(perplexity),
                "of a problem": terciles(perplexity, within=True),
            }.items()
        },
        "survives": {
            _name(change): _by_tercile(
                _reward(outcome, change), there & right[..., None], terciles(perplexity)
            )
            for change in (("own", "goes on"), *CHANGES)
        },
        "accuracy_by_perplexity": _by_tercile(
            right[..., None].astype(float), np.ones((*right.shape, 1), bool), terciles(perplexity)
        ),
    }


def effects_of(outcome: Outcome) -> dict[tuple[str, str], np.ndarray]:
    """Reward with the token replaced less that with the own one, (problems, responses, places)."""
    return {
        (kind, rest): _reward(outcome, (kind, rest)) - _reward(outcome, ("own", rest))
        for kind, rest in CHANGES
    }


def _reward(outcome: Outcome, change: tuple[str, str]) -> np.ndarray:
    kind, rest = change
    return {"goes on": outcome.goes_on, "stays": outcome.stays}[rest][..., KINDS.index(kind)]


def terciles(perplexity: np.ndarray, within: bool = False) -> np.ndarray:
    """0, 1, 2 from the surest responses (problems, responses) to the least sure; of all, or within each problem."""
    ranked = perplexity if within else perplexity.reshape(1, -1)
    rank = ranked.argsort(axis=-1, kind="stable").argsort(axis=-1, kind="stable")
    return (TERCILES * rank // ranked.shape[-1]).reshape(perplexity.shape)


def first_operation(task: CountdownFree, prompts: np.ndarray, drawn: Drawn) -> Row:
    """Whether the first operation that a response writes can be the first step to the target, and what comes of it.

    It is that of a first line, or that in the brackets of an answer that stands alone. ``access`` is the share that
    can, ``execution`` the share of correct ones among these, ``otherwise`` among the rest.
    """
    answers = task.answers(prompts)
    ways = np.where(answers.correct, _inner(answers.responses), -1)
    written = np.where(
        drawn.responses[..., 0] <= LARGEST,
        _code(drawn.responses[..., :3]),
        np.where(drawn.responses[..., 0] == ANSWER, _inner(drawn.responses[..., :9]), -2),
    )
    opened = (written[..., None] == ways[:, None, :]).any(axis=-1).ravel()
    correct = drawn.rewards.ravel()
    problem = np.repeat(np.arange(len(prompts)), drawn.rewards.shape[1])
    return {
        "access": _pair(clustered_mean(opened, problem)),
        "execution": _pair(clustered_mean(correct[opened], problem[opened])),
        "otherwise": _pair(clustered_mean(correct[~opened], problem[~opened])),
    }


def _inner(answer: np.ndarray) -> np.ndarray:
    """The operation in the brackets of answer lines (..., 9)."""
    left = answer[..., 1] == OPEN
    return np.where(left, _code(answer[..., 2:5]), _code(answer[..., 4:7]))


def _code(tokens: np.ndarray) -> np.ndarray:
    words = len(CountdownFree.vocabulary)
    return (tokens[..., 0].astype(np.int64) * words + tokens[..., 1]) * words + tokens[..., 2]


def _name(change: tuple[str, str]) -> str:
    return ", ".join(change)


def _pair(estimate: Estimate) -> list[float]:
    return [estimate.mean, estimate.stderr]


def _mean(values: np.ndarray) -> list[float]:
    problem = np.repeat(np.arange(len(values)), values.shape[1])
    return _pair(clustered_mean(values.ravel(), problem))


def _chosen(values: np.ndarray, chosen: np.ndarray) -> list[float]:
    """Mean and error of the chosen entries, the first axis of problems."""
    problem = np.broadcast_to(np.arange(len(values)).reshape(-1, *[1] * (values.ndim - 1)), values.shape)
    return _pair(clustered_mean(values[chosen], problem[chosen]))


def _by_segment(values: np.ndarray, there: np.ndarray) -> list[list[float]]:
    return [_chosen(values[..., s], there[..., s]) for s in range(values.shape[-1])]


def _by_tercile(values: np.ndarray, there: np.ndarray, which: np.ndarray) -> list[list[float]]:
    return [_chosen(values, there & (which == tercile)[..., None]) for tercile in range(TERCILES)]
