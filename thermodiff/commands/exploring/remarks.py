"""What to keep in mind of the numbers of ``thermodiff explore``: each thing once, in the words of its options.

Answers of the library carry their own remarks, and the record has those with each answer. Here they are merged by kind,
name labels and options where those name functions, and leave out what this report does not show.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from thermodiff.commands.exploring.measures import Comparison, Measured, PolicyMeasures
from thermodiff.commands.exploring.numbers import plural
from thermodiff.exploration.boundary.pass_at_k_intervals import FEW_CARRIERS, FEW_PROBLEMS, PassAtKBand
from thermodiff.exploration.extrapolation.extrapolate import NOT_UNIQUE, ExtrapolatedDifference, Extrapolation

NUMBER = re.compile(r"\d+(?:\.\d+)?%?")
ELSEWHERE = (
    "lie outside the list: one more known atom each",  # the reader says so
    "no log-probabilities of another policy: nothing is said of updates",  # nor does this report
)
PLAINER = {
    "reach the last bin of absolute position: later bins hold longer ones": (
        "are long enough for the last bin of tokens.png b: the further right, the fewer and longer responses"
    ),
}
OF_BEYOND = (
    "k <= ",
    "beta-binomial:",
    "bounds: from counts thinned",
    "nonparametric: distributions as likely",
)
"""Said here from the numbers, or of what is in the record only."""


class _Band(NamedTuple):
    label: str
    problems: str
    band: PassAtKBand


def remarks(
    measured: Measured, given: Sequence[str], of_files: Mapping[str, Sequence[str]]
) -> tuple[str, ...]:
    """All remarks. ``given``: on the files together, ``of_files``: on each file, by its label."""
    policies, comparison = measured.policies, measured.comparison
    said = {label: list(own) for label, own in of_files.items()}
    for policy in policies:
        said.setdefault(policy.label, []).extend(_of_tokens(policy))
    found = [*given, *merged(said)]
    if policies:
        found += [*_rollouts(policies), *_bands(policies, comparison)]
    if comparison is not None:
        found += comparison.shift.changed.remarks
        found += [] if comparison.exchange is None else comparison.exchange.remarks
    found += _beyond(measured)
    if measured.dynamics is not None:
        found += [*measured.dynamics.stages.remarks, *measured.dynamics.law.remarks]
    return tuple(dict.fromkeys(found))


def merged(said: Mapping[str, Sequence[str]]) -> list[str]:
    """Remarks by label as one line a kind: where two differ in one number, both numbers in one sentence."""
    if len(said) < 2:
        return [remark for own in said.values() for remark in own]
    (first, ours), (second, theirs) = said.items()
    left, lines = list(theirs), []
    for remark in ours:
        twin = next((other for other in left if _kind(other) == _kind(remark)), None)
        both = None if twin is None else _joined(remark, twin, (first, second))
        if twin is not None and both is not None:
            left.remove(twin)
        lines.append(both or f"{first}: {remark}")
    return lines + [f"{second}: {remark}" for remark in left]


def _kind(remark: str) -> str:
    return NUMBER.sub("#", remark)


def _joined(a: str, b: str, labels: tuple[str, str]) -> str | None:
    """One sentence for two that differ in at most one number; None where they differ in more."""
    if a == b:
        return a
    places = list(zip(NUMBER.finditer(a), NUMBER.finditer(b), strict=True))
    differing = [(x, y) for x, y in places if x.group() != y.group()]
    if len(differing) != 1:
        return None
    x, y = differing[0]
    return f"{a[: x.start()]}{x.group()} ({labels[0]}) and {y.group()} ({labels[1]}){a[x.end() :]}"


def _of_tokens(policy: PolicyMeasures) -> Iterator[str]:
    for part in policy.tokens or ():
        for remark in getattr(part, "remarks", ()):
            if not remark.endswith(ELSEWHERE):
                for wording, plainer in PLAINER.items():
                    remark = remark.replace(wording, plainer)
                yield remark


def _rollouts(policies: Sequence[PolicyMeasures]) -> Iterator[str]:
    """What ends k, where rollouts are uneven: one problem with few of them ends it for all."""
    samples = np.stack([policy.counts.samples for policy in policies])
    least = samples.min()
    if least < samples.max():
        named = [
            f"{plural(int((own == least).sum()), 'problem')} of {policy.label}"
            for policy, own in zip(policies, samples, strict=True)
            if (own == least).any()
        ]
        has = "has" if (samples == least).sum() == 1 else "have"
        yield f"k ends at {least}: {' and '.join(named)} {has} only {plural(int(least), 'rollout')}"
    if len(policies) == 2 and (samples[0] != samples[1]).any():
        spans = (f"{own.min()} to {own.max()} by {p.label}" for p, own in zip(policies, samples, strict=True))
        yield (
            f"rollouts of a problem differ in number ({' and '.join(spans)}): more of them solve more, so compare lost "
            "and gained at equal k, in the table, not those in all rollouts"
        )


def _bands(policies: Sequence[PolicyMeasures], comparison: Comparison | None) -> Iterator[str]:
    """Few problems, errors carried by few of them, and errors that are too large."""
    triples = [(policy.label, policy.drawn, policy.fixed) for policy in policies]
    if comparison is not None:
        first, second = comparison.labels
        triples.append((f"{second} less {first}", comparison.drawn, comparison.fixed))
    bands = [
        _Band(label, kind, band)
        for label, *both in triples
        for kind, band in zip(("drawn", "fixed"), both, strict=True)
    ]
    M = len(policies[0].counts.correct)
    if M < FEW_PROBLEMS:
        yield f"{plural(M, 'problem')}, fewer than {FEW_PROBLEMS}: intervals are approximate"
    few = [(b, (b.band.carriers > 0) & (b.band.carriers < FEW_CARRIERS)) for b in bands]
    if where := _places(few):
        yield (
            f"fewer than {FEW_CARRIERS} problems carry the error of {where}: the interval was widened there and may "
            "still not hold; bounds that do can be had with --beyond, at these k too"
        )
    yield from _too_large([b for b in bands if b.problems == "fixed"], policies, comparison)


def _too_large(
    bands: Sequence[_Band], policies: Sequence[PolicyMeasures], comparison: Comparison | None
) -> Iterator[str]:
    least = min(int(policy.counts.samples.min()) for policy in policies)
    ks = bands[0].band.k
    half = 2 * ks > least
    marked = [(b, b.band.conservative & (b.band.carriers > 0)) for b in bands]
    told = (
        []
        if comparison is None or not half.any()
        else ["self and D² are not known and p is of lost + gained"]
    )
    if any((mask & half).any() for _, mask in marked):
        told.append("[≤] is the error for problems drawn, larger than that for problems fixed")
    if told:
        yield f"{listed(ks, half)}: more than half of {plural(least, 'rollout')}: {'; '.join(told)}"
    if where := _places([(b, mask & ~half) for b, mask in marked]):
        yield f"[≤] for {where}: no problem shows any spread there, so the error for problems drawn stands in"


def _places(masks: Sequence[tuple[_Band, np.ndarray]]) -> str:
    """base at k = 1 to 4 (drawn and fixed); RL at k = 8 (fixed)."""
    kinds: dict[str, list[str]] = {}
    for (label, problems, band), mask in masks:
        if mask.any():
            kinds.setdefault(f"{label} at {listed(band.k, mask)}", []).append(problems)
    return "; ".join(f"{place} ({' and '.join(problems)})" for place, problems in kinds.items())


def listed(ks: np.ndarray, mask: np.ndarray) -> str:
    """k = 1 to 8, 32: neighbours in the table as a range."""
    chosen = np.flatnonzero(mask)
    runs = np.split(chosen, np.flatnonzero(np.diff(chosen) > 1) + 1)
    return "k = " + ", ".join(
        f"{ks[run[0]]}" if len(run) == 1 else f"{ks[run[0]]} to {ks[run[-1]]}" for run in runs
    )


def _beyond(measured: Measured) -> list[str]:
    beyond = measured.beyond
    if beyond is None:
        return []
    parts = (beyond.a, beyond.b) if isinstance(beyond, ExtrapolatedDifference) else (beyond,)
    return merged(
        {
            policy.label: list(_of_bounds(policy, part))
            for policy, part in zip(measured.policies, parts, strict=True)
        }
    )


def _of_bounds(policy: PolicyMeasures, part: Extrapolation) -> Iterator[str]:
    most = int(policy.counts.samples.max())
    if most > part.samples:
        yield f"--beyond: bounds are from counts thinned to {plural(part.samples, 'rollout')}, some have {most}"
    wide = part.nonparametric_high - part.nonparametric_low
    if (wide > NOT_UNIQUE).any():
        yield (
            f"--beyond: the likeliest is not the only one, others as likely differ by up to {np.nanmax(wide):.3f} "
            "(explore.json)"
        )
    yield from (f"--beyond: {remark}" for remark in part.remarks if not remark.startswith(OF_BEYOND))
