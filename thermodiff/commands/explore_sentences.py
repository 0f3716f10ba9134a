"""What the data say and what they cannot say, in at most six sentences."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from thermodiff.commands.explore_input import FEWEST_STEPS
from thermodiff.commands.explore_measures import (
    Comparison,
    Dynamics,
    Measured,
    PolicyMeasures,
    TokenMeasures,
    Training,
)
from thermodiff.commands.explore_numbers import estimate, p_value, plural, with_error
from thermodiff.exploration.boundary.intervals import PassAtKBand
from thermodiff.exploration.exchange.entropy_law import ALIKE, NOTHING
from thermodiff.exploration.exchange.stages import RISING
from thermodiff.exploration.extrapolation.pass_at_k import ExtrapolatedDifference

MOST = 6
SIGNIFICANT = 0.05
CLEAR = 2.0
"""Standard errors from 0 at which a number is said to be above or below it."""


def sentences(measured: Measured) -> list[str]:
    """The most important first; what was skipped, and why, is among them."""
    return list(_all(measured))[:MOST]


def _all(measured: Measured) -> Iterator[str]:
    policies, comparison = measured.policies, measured.comparison
    if measured.training is not None:
        yield from _training(measured.training, measured.dynamics is not None)
    if measured.dynamics is not None:
        yield from _dynamics(measured.dynamics)
    if comparison is not None:
        yield _crossing(comparison)
        yield _shift(comparison)
    elif policies:
        yield _reach(policies[0])
    yield from _warnings(policies)
    yield from _exchange(comparison)
    yield from _tokens(policies, measured.training)
    if comparison is not None:
        yield _changed(comparison)
    if policies:
        yield _unsolved(policies)
        yield _beyond(measured)
    elif measured.training is None:
        yield "Curves alone say nothing of what the policy can reach: that takes rollouts."


# --- the boundary -------------------------------------------------------------------------------


def _crossing(comparison: Comparison) -> str:
    (first, second), found = comparison.labels, comparison.crossing
    low, high = found.first_loss
    top = int(found.difference.k[-1])
    sure = "95 %, all k together, other problems of their kind"
    if low > top:
        return f"{second} is better than {first} at every k from 1 to {top} ({sure})."
    if high is not None:
        better = (
            f"better than {first} at {_ranges(found.gains)} and worse"
            if len(found.gains)
            else f"worse than {first}"
        )
        return (
            f"{second} is {better} at {_ranges(found.losses)}; the first k at which it loses lies in [{low}, {high}] "
            f"({sure})."
        )
    ends = _ends(found.difference)
    if len(found.gains):
        return (
            f"{second} is better than {first} at {_ranges(found.gains)}; at other k up to {top} neither can be called "
            f"better ({sure}): the difference is {ends}."
        )
    return f"At no k up to {top} can {first} or {second} be called better ({sure}): the difference is {ends}."


def _ends(band: PassAtKBand) -> str:
    last = len(band.k) - 1
    parts = [
        f"{with_error(band.estimate.mean[i], band.estimate.stderr[i], '+')} at k = {band.k[i]}"
        for i in dict.fromkeys((0, last))
    ]
    return " and ".join(parts)


def _ranges(ks: np.ndarray) -> str:
    """k = 1 to 10, or k = 3, or k = 1 to 4 and 9 to 12."""
    runs = np.split(ks, np.flatnonzero(np.diff(ks) > 1) + 1)
    named = [f"{run[0]}" if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs]
    return "k = " + (named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}")


def _shift(comparison: Comparison) -> str:
    changed = comparison.shift.changed
    every = (changed.lost & changed.worse_of_all).sum(), (changed.gained & changed.better_of_all).sum()
    some = (changed.lost & changed.worse).sum(), (changed.gained & changed.better).sum()
    M, testable = len(changed.p_values), int(changed.testable.sum())
    filtered = (
        "" if testable == M else f", {some[0]} and {some[1]} among the {testable} that can show a change"
    )
    return (
        f"{changed.lost.sum()} lost and {changed.gained.sum()} gained {_budget(comparison)}, {every[0]} and {every[1]} of "
        f"them beyond chance (Fisher's test, {changed.rate:.0%} false discovery among all {M} problems{filtered}); "
        f"{_whole(comparison)}."
    )


def _budget(comparison: Comparison) -> str:
    top = int(comparison.crossing.difference.k[-1])
    return f"at k = {top}" if comparison.equal_samples else "in all rollouts"


def _whole(comparison: Comparison) -> str:
    """Whether the boundary as a whole moved, at the largest k for which its distance is known."""
    shift, top = comparison.shift, int(comparison.crossing.difference.k[-1])
    known = np.flatnonzero(~np.isnan(shift.distance.mean))
    if not len(known):
        return "how far the boundary as a whole moved takes two rollouts or more of each problem"
    i = known[-1]
    where = ", the largest k it can be had for" if shift.k[i] == top // 2 else ""
    number = f"D² = {with_error(shift.distance.mean[i], shift.distance.stderr[i])} at k = {shift.k[i]}{where}"
    if shift.p_value[i] <= SIGNIFICANT:
        return f"the boundary as a whole did move: {number} (p = {p_value(shift.p_value[i])})"
    return f"that the boundary as a whole moved cannot be shown: {number} (p = {p_value(shift.p_value[i])})"


def _changed(comparison: Comparison) -> str:
    changed = comparison.shift.changed
    M, testable = len(changed.p_values), int(changed.testable.sum())
    if not testable:
        return "So few rollouts cannot show that any single problem changed."
    return (
        f"Problem by problem, the chance of success rose in {changed.better.sum()} and fell in {changed.worse.sum()} of the "
        f"{testable} of {M} problems that can show a change ({changed.rate:.0%} false discovery)."
    )


def _reach(policy: PolicyMeasures) -> str:
    band, M = policy.drawn, len(policy.counts.correct)
    first, last = (f"{with_error(band.estimate.mean[i], band.estimate.stderr[i])}" for i in (0, -1))
    reach = f", pass@{band.k[-1]} = {last}" if len(band.k) > 1 else ""
    return (
        f"pass@{band.k[0]} = {first}{reach} for problems like these {M}; "
        "whether a policy's boundary moved takes the rollouts of a second one."
    )


def _unsolved(policies: tuple[PolicyMeasures, ...]) -> str:
    never = [int((policy.counts.correct == 0).sum()) for policy in policies]
    certificate = policies[0].certificate
    M = len(policies[0].counts.correct)
    if len(policies) == 1:
        told = f"{never[0]} of {M} problems {'was' if never[0] == 1 else 'were'} never solved"
    else:
        told = f"Never solved: {' and '.join(f'{n} by {policy.label}' for n, policy in zip(never, policies, strict=True))} of {M} problems"
    if not any(never):
        return f"Every problem was solved at least once{'' if len(policies) == 1 else ' by both'}: none lies beyond the boundary."
    sure = [int(policy.certificate.unsolvable.sum()) for policy in policies]
    need = f"{certificate.needed} rollouts without a success each (95 % for all {M} together)"
    if any(sure):
        return f"{told}; certainly unsolvable in {certificate.k} rollouts: {' and '.join(map(str, sure))}."
    return f"{told}; none can be called unsolvable in {certificate.k} rollouts, which takes {need}."


def _beyond(measured: Measured) -> str:
    beyond = measured.beyond
    least = min(int(policy.counts.samples.min()) for policy in measured.policies)
    if beyond is None:
        return f"Beyond k = {least} nothing is said (--beyond {2 * least} gives bounds)."
    low, high, k = beyond.lower[-1], beyond.upper[-1], beyond.k[-1]
    if np.isnan(low + high):
        return f"No distribution of difficulty fits these counts, so that nothing is said of k = {k}."
    if not isinstance(beyond, ExtrapolatedDifference):
        return f"At k = {k} the data allow any pass@k from {low:.3f} to {high:.3f} (95 %), however difficulty is distributed."
    first, second = measured.comparison.labels if measured.comparison else ("a", "b")
    verdict = "who reaches further there is open" if low < 0 < high else "so the difference lasts that far"
    return (
        f"At k = {k} the data allow {second} less {first} from {low:+.3f} to {high:+.3f} (95 %): {verdict}."
    )


# --- tokens -------------------------------------------------------------------------------------


def _warnings(policies: tuple[PolicyMeasures, ...]) -> Iterator[str]:
    """Log-probabilities that are not the policy's: everything about tokens rests on them."""
    for policy in policies:
        gap = policy.tokens.gap if policy.tokens is not None else None
        if gap is not None and gap.differs:
            end = gap.low if gap.z[0] > 0 else gap.high
            yield (
                f"The log-probabilities of {policy.label} are not of the policy that drew its tokens (surprise less "
                f"entropy {estimate(end, '+')} nats a token): another temperature, top-p, checkpoint or unit."
            )


def _exchange(comparison: Comparison | None) -> Iterator[str]:
    exchange = None if comparison is None else comparison.exchange
    if exchange is not None:
        yield (
            f"The entropy of a response changed by {estimate(exchange.change, '+')} nats: {estimate(exchange.accuracy, '+')} "
            f"went with accuracy, {estimate(exchange.correct, '+')} among correct and {estimate(exchange.wrong, '+')} among "
            "wrong responses."
        )


def _tokens(policies: tuple[PolicyMeasures, ...], training: Training | None) -> Iterator[str]:
    with_tokens = [policy for policy in policies if policy.tokens is not None]
    if not with_tokens:
        if policies or (training is not None and training.entropy is None):
            yield "No token log-probabilities: entropies, breadth and surprise skipped."
        return
    if len(with_tokens) == 1:
        tokens = with_tokens[0].tokens
        assert tokens is not None
        yield from _one_policy(tokens)
    if len(with_tokens) < len(policies):
        lacking = next(policy.label for policy in policies if policy.tokens is None)
        yield f"{lacking} has no token log-probabilities: its entropies are skipped, and so is what entropy bought."


def _one_policy(tokens: TokenMeasures) -> Iterator[str]:
    gap = tokens.gap
    if gap is not None and not gap.differs and np.isfinite(gap.low.mean) and gap.low == gap.high:
        yield (
            f"Log-probabilities and entropies belong together: surprise exceeds entropy by {estimate(gap.low)} nats a token "
            f"(z = {gap.z[0]:.1f}), which does not check their units."
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
                f"Over a response {name} {verdict} (p = {p_value(shape.p_value)}): first fifth less middle "
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


# --- trainings ----------------------------------------------------------------------------------


def _training(training: Training, logged: bool) -> Iterator[str]:
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


def _dynamics(dynamics: Dynamics) -> Iterator[str]:
    stages, law = dynamics.stages, dynamics.law
    if stages.verdict == RISING:
        low, high = stages.interval
        yield (
            f"Reward rises and entropy falls until step {stages.change:g} (95 %: {low:g} to {high:g}), then both level off "
            f"(no kink: p = {p_value(stages.p_value)})."
        )
    else:
        yield f"Of rising and plateau there is {stages.verdict} (no kink: p = {p_value(stages.p_value)})."
    low, high = law.range
    if law.verdict == NOTHING:
        yield f"For H from {low:.3g} to {high:.3g} nats {NOTHING}."
    elif law.verdict == ALIKE:
        yield f"Exponential, line and exchange curve of reward against entropy {ALIKE}, {low:.3g} to {high:.3g} nats."
    else:
        yield f"Of the curves of reward against entropy the {law.verdict} fits best, H from {low:.3g} to {high:.3g} nats."


def missing_stages(training: Training) -> str:
    """Why a training has no stages."""
    if training.entropy is None:
        return "No entropies by step: stages and the law of reward and entropy skipped (--curves takes them from a log)."
    if len(training.steps) < FEWEST_STEPS:
        return f"Stages and law take {FEWEST_STEPS} steps, these are {len(training.steps)}."
    return ""
