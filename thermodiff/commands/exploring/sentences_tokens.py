"""Sentences on tokens and on trainings, for the end of the report of ``thermodiff explore``."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from thermodiff.commands.exploring.intake import FEWEST_STEPS
from thermodiff.commands.exploring.measures import (
    Comparison,
    Dynamics,
    PolicyMeasures,
    TokenMeasures,
    Training,
)
from thermodiff.commands.exploring.numbers import SIGNIFICANT, estimate, p_is, plural, with_error
from thermodiff.exploration.exchange.entropy_law import ALIKE, NOTHING
from thermodiff.exploration.exchange.stages import RISING, SIMULATED

CLEAR = 2.0
"""Standard errors from 0 at which a number is said to be above or below it."""


def warnings(policies: tuple[PolicyMeasures, ...]) -> Iterator[str]:
    """Log-probabilities that are not the policy's: everything about tokens rests on them."""
    for policy in policies:
        gap = policy.tokens.gap if policy.tokens is not None else None
        if gap is not None and gap.differs:
            end = gap.low if gap.z[0] > 0 else gap.high
            yield (
                f"The log-probabilities of {policy.label} are not of the policy that drew its tokens (surprise less "
                f"entropy {estimate(end, '+')} nats a token): another temperature, top-p, checkpoint or unit."
            )


def exchanged(comparison: Comparison | None) -> Iterator[str]:
    """What a change of entropy went with, where both policies have log-probabilities."""
    exchange = None if comparison is None else comparison.exchange
    if exchange is not None:
        yield (
            f"The entropy of a response changed by {estimate(exchange.change, '+')} nats: "
            f"{estimate(exchange.accuracy, '+')} went with accuracy, {estimate(exchange.correct, '+')} among correct "
            f"and {estimate(exchange.wrong, '+')} among wrong responses."
        )


def of_tokens(policies: tuple[PolicyMeasures, ...], training: Training | None) -> Iterator[str]:
    """What there is of entropy, breadth and surprise, or that it was skipped."""
    with_tokens = [policy for policy in policies if policy.tokens is not None]
    if not with_tokens:
        if policies or (training is not None and training.entropy is None):
            yield "No token log-probabilities: entropies, breadth and surprise skipped."
        return
    if len(with_tokens) == 1:
        tokens = with_tokens[0].tokens
        assert tokens is not None
        yield from _one_policy(tokens)
    if len(with_tokens) == 2:
        yield from _two_policies(with_tokens)
    if len(with_tokens) < len(policies):
        lacking = next(policy.label for policy in policies if policy.tokens is None)
        yield f"{lacking} has no token log-probabilities: its entropies are skipped, and so is what entropy bought."


def _two_policies(policies: list[PolicyMeasures]) -> Iterator[str]:
    entropies = [policy.tokens and policy.tokens.entropy for policy in policies]
    named = zip(policies, entropies, strict=True)
    told = " and ".join(f"{estimate(found.mean)} nats in {policy.label}" for policy, found in named if found)
    if all(entropies):
        yield f"The entropy of a token is {told}."


def _one_policy(tokens: TokenMeasures) -> Iterator[str]:
    gap = tokens.gap
    if gap is not None and not gap.differs and np.isfinite(gap.low.mean) and gap.low == gap.high:
        yield (
            "There is no sign that log-probabilities and entropies do not belong together: surprise exceeds entropy "
            f"by {estimate(gap.low)} nats a token (z = {gap.z[0]:.1f}), which does not check their units."
        )
    if tokens.entropy is not None or tokens.lists is not None:
        yield _breadth(tokens)
    if tokens.perplexities is not None and tokens.perplexities.difference.n > 1:
        yield _perplexity(tokens)
    shapes = {} if tokens.positions is None else tokens.positions.shapes
    for name in ("entropy", "surprise"):
        if name in shapes:
            shape = shapes[name]
            verdict = "is U-shaped" if shape.p_value <= SIGNIFICANT else "shows no U"
            yield (
                f"Over a response {name} {verdict} ({p_is(shape.p_value)}): first fifth less middle "
                f"{estimate(shape.fall, '+')}, last fifth {estimate(shape.rise, '+')} nats."
            )
            return


def _breadth(tokens: TokenMeasures) -> str:
    lists = ""
    if tokens.lists is not None:
        low, high = tokens.lists.lists_alone
        most = f"{high.mean:.2f}" if np.isfinite(high.mean) else "any number, since V is not known,"
        lists = f"between {low.mean:.2f} and {most} nats a token"
    if tokens.entropy is None:
        return f"The top lists leave the entropy {lists}."
    breadth = ""
    if tokens.branching is not None and np.isfinite(tokens.branching.mean.mean):
        breadth = f" and {estimate(tokens.branching.mean)} tokens in its nucleus of 0.95"
    rest = f"; from the top lists alone the entropy could be {lists}" if lists else ""
    return f"At a token the policy has {estimate(tokens.entropy.mean)} nats of entropy{breadth}{rest}."


def _perplexity(tokens: TokenMeasures) -> str:
    assert tokens.perplexities is not None
    difference = tokens.perplexities.difference
    clear = abs(difference.mean) > CLEAR * difference.stderr
    verdict = (
        ("likelier" if difference.mean < 0 else "less likely")
        if clear
        else "neither clearly likelier nor less likely"
    )
    return (
        f"Within a problem correct responses are {verdict} a token than wrong ones: log-perplexity "
        f"{estimate(difference, '+')} nats ({plural(difference.n, 'problem')})."
    )


def of_training(training: Training, logged: bool) -> Iterator[str]:
    """From the first step to the last, and what keeps them from saying more."""
    parts = []
    for name, curve in (("pass@1", training.first), (f"pass@{training.top}", training.reach)):
        ends = [with_error(curve.mean[i], curve.stderr[i]) for i in (0, -1)]
        parts.append(f"{name} went from {ends[0]} to {ends[1]}")
    told = " and ".join(parts if training.top > 1 else parts[:1])
    yield f"From step {training.steps[0]} to step {training.steps[-1]} {told}."
    if (why := missing_stages(training)) and not logged:
        yield why
    if training.common:
        yield f"The first and the last step cannot be compared problem by problem ({training.common})."


def of_dynamics(dynamics: Dynamics) -> Iterator[str]:
    """Stages of a training, and the law of its reward and entropy."""
    stages, law = dynamics.stages, dynamics.law
    kink = p_is(stages.p_value, 1 / (SIMULATED + 1))
    if stages.verdict == RISING:
        low, high = stages.interval
        yield (
            f"Reward rises and entropy falls until step {stages.change:g} (95 %: {low:g} to {high:g}), then both level "
            f"off (no kink: {kink})."
        )
    else:
        yield f"Of rising and plateau there is {stages.verdict} (no kink: {kink})."
    reach = "from {:.3g} to {:.3g} nats".format(*law.range)
    if law.verdict == NOTHING:
        yield f"For entropies {reach} {NOTHING}."
    elif law.verdict == ALIKE:
        yield f"The exponential, the line and the exchange curve of reward against entropy {ALIKE}, {reach}."
    else:
        yield f"Of the curves of reward against entropy the {law.verdict} fits best ({reach})."


def missing_stages(training: Training) -> str:
    """Why a training has no stages."""
    if training.entropy is None:
        return "No entropies by step: stages and law of reward and entropy skipped (--curves reads them from a log)."
    if len(training.steps) < FEWEST_STEPS:
        return f"Stages and law take {FEWEST_STEPS} steps, these are {len(training.steps)}."
    return ""
