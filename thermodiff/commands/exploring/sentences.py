"""What the data say and what they cannot say, in at most six sentences."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from thermodiff.commands.exploring.measures import RESAMPLES, Comparison, Measured, PolicyMeasures
from thermodiff.commands.exploring.numbers import SIGNIFICANT, is_known, p_is, percent, plural, with_error
from thermodiff.commands.exploring.sentences_tokens import (
    CLEAR,
    exchanged,
    of_dynamics,
    of_tokens,
    of_training,
    warnings,
)
from thermodiff.exploration.boundary.pass_at_k_intervals import PassAtKBand
from thermodiff.exploration.extrapolation.extrapolate import ExtrapolatedDifference

MOST = 6


def sentences(measured: Measured) -> list[str]:
    """The most important first; what was skipped, and why, is among them."""
    return list(_all(measured))[:MOST]


def _all(measured: Measured) -> Iterator[str]:
    policies, comparison = measured.policies, measured.comparison
    if measured.training is not None:
        yield from of_training(measured.training, measured.dynamics is not None)
    if measured.dynamics is not None:
        yield from of_dynamics(measured.dynamics)
    if comparison is not None:
        yield _crossing(comparison)
        yield _shift(comparison)
    elif policies:
        yield _reach(policies[0])
    yield from warnings(policies)
    yield from exchanged(comparison)
    yield from of_tokens(policies, measured.training)
    if comparison is not None:
        yield _changed(comparison)
    if policies:
        yield _unsolved(policies)
        yield _beyond(measured)
    elif measured.training is None:
        yield "Curves alone say nothing of what the policy can reach: that takes rollouts."


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
    changed, top = comparison.shift.changed, int(comparison.crossing.difference.k[-1])
    every = (changed.lost & changed.worse_of_all).sum(), (changed.gained & changed.better_of_all).sum()
    some = (changed.lost & changed.worse).sum(), (changed.gained & changed.better).sum()
    M, testable = len(changed.p_values), int(changed.testable.sum())
    filtered = (
        "" if testable == M else f"; {some[0]} and {some[1]} among the {testable} that can show a change"
    )
    budget = f"at k = {top}" if comparison.equal_samples else "in all rollouts"
    return (
        f"{changed.lost.sum()} lost and {changed.gained.sum()} gained {budget}, {every[0]} and {every[1]} of them "
        f"beyond chance (Fisher's test, {percent(changed.rate)} false discovery among all {M} problems{filtered}); "
        f"{_whole(comparison)}."
    )


def _whole(comparison: Comparison) -> str:
    """Whether the boundary as a whole moved, at the largest k for which its distance is known."""
    shift, top = comparison.shift, int(comparison.crossing.difference.k[-1])
    known = np.flatnonzero(~np.isnan(shift.distance.mean))
    if not len(known):
        return "how far the boundary as a whole moved takes two rollouts or more of each problem"
    i = known[-1]
    where = ", the largest k it can be had for" if shift.k[i] == top // 2 else ""
    distance, stderr = shift.distance.mean[i], shift.distance.stderr[i]
    number = f"D² = {with_error(distance, stderr)} at k = {shift.k[i]}{where}"
    test = p_is(shift.p_value[i], 1 / (RESAMPLES + 1))
    if shift.p_value[i] > SIGNIFICANT:
        return f"that the boundary as a whole moved cannot be shown: {number} ({test})"
    if is_known(distance, stderr) and distance < CLEAR * stderr:
        return (
            f"some of these problems did change ({test}), but how much is open, {number}: ± is for other problems of "
            "their kind, p for these"
        )
    return f"the boundary as a whole did move: {number} ({test})"


def _changed(comparison: Comparison) -> str:
    changed = comparison.shift.changed
    M, testable = len(changed.p_values), int(changed.testable.sum())
    if not testable:
        return "So few rollouts cannot show that any single problem changed."
    every, some = (
        f"rose in {better.sum()} and fell in {worse.sum()}"
        for better, worse in (
            (changed.better_of_all, changed.worse_of_all),
            (changed.better, changed.worse),
        )
    )
    filtered = (
        "" if testable == M else f"; it {some} if only the {testable} that can show a change are tested"
    )
    return (
        f"Problem by problem, the chance of success {every} of all {M} problems ({percent(changed.rate)} false "
        f"discovery){filtered}."
    )


def _reach(policy: PolicyMeasures) -> str:
    band, M = policy.drawn, len(policy.counts.correct)
    known = np.flatnonzero(np.isfinite(band.estimate.stderr))
    ends = dict.fromkeys((known[0], known[-1])) if len(known) else (0,)
    told = " and ".join(
        f"pass@{band.k[i]} = {with_error(band.estimate.mean[i], band.estimate.stderr[i])}" for i in ends
    )
    these = "this one" if M == 1 else f"these {M}"
    return f"{told} for problems like {these}; whether training moved this boundary takes another policy's rollouts."


def _unsolved(policies: tuple[PolicyMeasures, ...]) -> str:
    """How many problems were never solved, and in how many rollouts that makes them unsolvable."""
    never = [int((policy.counts.correct == 0).sum()) for policy in policies]
    samples = {int(n) for policy in policies for n in policy.counts.samples}
    even, M = len(samples) == 1, len(policies[0].counts.correct)
    rollouts = f"in {plural(max(samples), 'rollout')}" if even else "in any rollout"
    if not any(never):
        both = "" if len(policies) == 1 else " by both"
        return f"Every problem was solved at least once{both}{f' {rollouts}' if even else ''}."
    told = " and ".join(
        f"{count} by {policy.label}" if len(policies) > 1 else f"{count}"
        for count, policy in zip(never, policies, strict=True)
    )
    told = f"Never solved {rollouts}: {told} of {plural(M, 'problem')}"
    with_some = [policy for count, policy in zip(never, policies, strict=True) if count]
    sure = [int((p.certificate.unsolvable & (p.counts.correct == 0)).sum()) for p in with_some]
    ks = [policy.certificate.k for policy in with_some]
    together = f"{percent(with_some[0].certificate.level)} for all {M} together"
    if not any(sure):
        needed = with_some[0].certificate.needed
        return f"{told}; none can be called unsolvable even in 1 rollout, which takes {needed} failures ({together})."
    certain = f"{' and '.join(map(str, sure))} {'is' if sure == [1] else 'are'} unsolvable"
    reach = " and ".join(map(str, ks if len(set(ks)) > 1 else ks[:1]))
    return (
        f"{told}; {certain} in {reach} rollout{'' if ks == [1] * len(ks) else 's'}, the most that can be certified "
        f"(failure at least as likely as success, {together})."
    )


def _beyond(measured: Measured) -> str:
    beyond = measured.beyond
    if beyond is None:
        least = min(int(policy.counts.samples.min()) for policy in measured.policies)
        return f"Beyond k = {least} nothing is said (--beyond {2 * least} gives bounds)."
    low, high, k = float(beyond.low[-1]), float(beyond.high[-1]), int(beyond.k[-1])
    sure = f"{percent(beyond.level)}, however difficulty is distributed"
    if np.isnan(low + high):
        return f"No distribution of difficulty fits these counts, so that nothing is said of k = {k}."
    if not isinstance(beyond, ExtrapolatedDifference):
        return f"At k = {k} the data allow any pass@{k} from {low:.3f} to {high:.3f} ({sure})."
    first, second = measured.comparison.labels if measured.comparison else ("a", "b")
    verdict = "who reaches further there is open" if low < 0 < high else "the difference lasts that far"
    told = f"{second} less {first} anywhere from {low:+.3f} to {high:+.3f}"
    return f"At k = {k} the data allow {told} ({sure}): {verdict}."
