"""What ``thermodiff explore`` measures of a training: its curves by step, their stages, and its first and last step."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from thermodiff.commands.exploring.intake import FEWEST_STEPS, Curves, Policy
from thermodiff.exploration.boundary.pass_at_k_intervals import pass_at_k_interval
from thermodiff.exploration.exchange.entropy_law import EntropyLaw, fit_entropy_law
from thermodiff.exploration.exchange.stages import Stages, entropy_stages
from thermodiff.exploration.rollouts import Rollouts, by_step, paired
from thermodiff.exploration.tokens.entropies import token_entropy
from thermodiff.types import Estimate


class Dynamics(NamedTuple):
    """Reward and entropy of a training by step, (S,) each, and what they are made to say."""

    source: str
    step: np.ndarray
    reward: np.ndarray
    entropy: np.ndarray
    stages: Stages
    law: EntropyLaw


class Training(NamedTuple):
    """A training from its rollouts: of each step (S,) its problems, least rollouts, pass@1, pass@top and entropy."""

    steps: np.ndarray
    problems: np.ndarray
    samples: np.ndarray
    first: Estimate
    top: int
    """The k of ``reach``: the least number of rollouts that a problem has in any step."""
    reach: Estimate
    entropy: Estimate | None
    entropy_is: str
    """"entropy", or "surprise" where the source has log-probabilities alone."""
    common: str
    """Empty, or why the first step cannot be compared with the last."""


def measure_training(rollouts: Rollouts) -> tuple[Training, tuple[Policy, ...]]:
    """A training by its steps, and its first and last step as two policies, if they answered the same problems."""
    steps = by_step(rollouts)
    counts = [part.counts() for _, part in steps]
    top = min(int(c.samples.min()) for c in counts)
    bands = [pass_at_k_interval(c, [1, top]) for c in counts]
    means, errors = (
        np.array([getattr(band.estimate, name) for band in bands]) for name in ("mean", "stderr")
    )
    problems = np.array([len(c.correct) for c in counts])
    curves = [Estimate(means[:, i], errors[:, i], int(problems.min())) for i in range(2)]
    policies, why = _ends(steps[0], steps[-1])
    entropy, name = _entropies([part for _, part in steps])
    samples = np.array([int(c.samples.min()) for c in counts])
    numbers = np.array([step for step, _ in steps])
    return Training(numbers, problems, samples, curves[0], top, curves[1], entropy, name, why), policies


def _ends(first: tuple[int, Rollouts], last: tuple[int, Rollouts]) -> tuple[tuple[Policy, ...], str]:
    labels = f"step {first[0]}", f"step {last[0]}"
    try:
        pair = paired(first[1], last[1], labels)
    except ValueError as error:
        return (), str(error)
    names = pair.second._replace(problems=pair.first.problems)
    return (
        Policy(labels[0], first[1].source, pair.first, first[1]),
        Policy(labels[1], last[1].source, names, last[1]),
    ), ""


def _entropies(parts: list[Rollouts]) -> tuple[Estimate | None, str]:
    """Mean entropy of the tokens of each step; mean surprise, which has the same mean, where there are no entropies."""
    if parts[0].entropies is not None:
        means = [token_entropy(part).mean for part in parts]
        name = "entropy"
    elif parts[0].log_probs is not None and not any(
        np.isnan(np.asarray(part.log_probs)).any() for part in parts
    ):
        means = [token_entropy(-np.asarray(part.log_probs), _groups(part)).mean for part in parts]
        name = "surprise"
    else:
        return None, "entropy"
    return Estimate(np.array([m.mean for m in means]), np.array([m.stderr for m in means]), means[0].n), name


def _groups(rollouts: Rollouts) -> np.ndarray:
    return np.repeat(rollouts.problem, np.diff(np.asarray(rollouts.offsets)))


def measure_dynamics(curves: Curves | None, training: Training | None, seed: int) -> Dynamics | None:
    """Stages and law of the curves that are given, or of the training's own."""
    if curves is None and training is not None and training.entropy is not None:
        own = training.first.mean, training.entropy.mean
        if len(training.steps) >= FEWEST_STEPS and all(np.ptp(values) > 0 for values in own):
            curves = Curves("rollouts", training.steps.astype(float), *own)
    if curves is None:
        return None
    stages = entropy_stages(curves.step, curves.reward, curves.entropy, seed=seed)
    law = fit_entropy_law(curves.step, curves.reward, curves.entropy)
    return Dynamics(curves.source, curves.step, curves.reward, curves.entropy, stages, law)
