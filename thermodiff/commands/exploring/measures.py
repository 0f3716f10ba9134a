"""What ``thermodiff explore`` measures, in the order of its report. No text, no figures.

Every error is for problems drawn from a population unless a name ends in ``fixed``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from thermodiff.commands.exploring.intake import Given, Policy
from thermodiff.commands.exploring.trainings import Dynamics, Training, measure_dynamics, measure_training
from thermodiff.exploration.boundary.crossing import Crossing, crossing
from thermodiff.exploration.boundary.pass_at_k_intervals import (
    PassAtKBand,
    pass_at_k_difference,
    pass_at_k_interval,
)
from thermodiff.exploration.boundary.shift import BoundaryShift, boundary_shift
from thermodiff.exploration.boundary.unsolvable import BoundaryCertificate, boundary_certificate
from thermodiff.exploration.exchange.covariance import TokenCovariance, entropy_covariance
from thermodiff.exploration.exchange.identity import Exchange, entropy_exchange
from thermodiff.exploration.extrapolation.extrapolate import (
    ExtrapolatedDifference,
    Extrapolation,
    extrapolate_difference,
    extrapolate_pass_at_k,
)
from thermodiff.exploration.rollouts import Counts, Rollouts
from thermodiff.exploration.tokens.branching import Branching, rollout_branching_factor
from thermodiff.exploration.tokens.entropies import TokenEntropy, token_entropy
from thermodiff.exploration.tokens.entropy_from_lists import EntropyBounds, entropy_bounds
from thermodiff.exploration.tokens.perplexities import PerplexityProfile, perplexity_profile
from thermodiff.exploration.tokens.positions import PositionProfile, position_profile
from thermodiff.exploration.tokens.surprise import SurpriseGap, surprise_entropy_gap
from thermodiff.validation import complain

RESAMPLES = 999
"""Of the exact test, whose p is therefore at least 1/1000."""


class Settings(NamedTuple):
    """``k``: what the tables show, None for 1, 2, 4, ... and the least n; ``beyond``: k to be bounded.

    None for twice and eight times the most rollouts of any problem, and () for none.
    """

    k: tuple[int, ...] | None
    beyond: tuple[int, ...] | None
    seed: int


class TokenMeasures(NamedTuple):
    """What a policy's tokens say; None where the source does not have what it takes."""

    entropy: TokenEntropy | None
    lists: EntropyBounds | None
    gap: SurpriseGap | None
    branching: Branching | None
    positions: PositionProfile | None
    perplexities: PerplexityProfile | None
    covariance: TokenCovariance | None


class PolicyMeasures(NamedTuple):
    """One policy's boundary, at the ks of the tables and, as a band for all of them together, at every k."""

    label: str
    source: str
    counts: Counts
    drawn: PassAtKBand
    fixed: PassAtKBand
    band: PassAtKBand
    certificate: BoundaryCertificate
    """At the largest k at which problems never solved can be certified."""
    tokens: TokenMeasures | None


class Comparison(NamedTuple):
    """The second policy against the first."""

    labels: tuple[str, str]
    equal_samples: bool
    """Whether every problem has as many rollouts of both."""
    drawn: PassAtKBand
    fixed: PassAtKBand
    crossing: Crossing
    shift: BoundaryShift
    exchange: Exchange | None


class Measured(NamedTuple):
    """All that is measured; what the data do not allow is empty or None."""

    policies: tuple[PolicyMeasures, ...]
    comparison: Comparison | None
    training: Training | None
    dynamics: Dynamics | None
    beyond: Extrapolation | ExtrapolatedDifference | None


def measure(given: Given, settings: Settings) -> Measured:
    """Measures everything that the data allow.

    Raises ValueError for a k that some problem has not enough rollouts for, and for impossible tokens.
    """
    training, policies = None, given.policies
    if given.training is not None:
        training, policies = measure_training(given.training)
    ks = _budgets(policies, settings.k)
    measured = tuple(_policy(policy, ks, settings) for policy in policies)
    comparison = _compare(policies, ks, settings) if len(policies) == 2 else None
    beyond = _beyond(policies, settings)
    dynamics = measure_dynamics(given.curves, training, settings.seed)
    return Measured(measured, comparison, training, dynamics, beyond)


def _budgets(policies: tuple[Policy, ...], asked: tuple[int, ...] | None) -> np.ndarray:
    if not policies:
        return np.zeros(0, int)
    least = min(int(policy.counts.samples.min()) for policy in policies)
    if asked is None:
        return np.unique([*2 ** np.arange(least.bit_length()), max(least // 2, 1), least])
    if min(asked) < 1:
        raise complain("k", f"{min(asked)}", "whole numbers from 1 on")
    if max(asked) > least:
        need = f"at most {least}, the rollouts of the problem that has fewest (--beyond has bounds for more)"
        raise complain("k", f"{max(asked)}", need)
    return np.unique(asked)


def _policy(policy: Policy, ks: np.ndarray, settings: Settings) -> PolicyMeasures:
    counts = policy.counts
    return PolicyMeasures(
        policy.label,
        policy.source,
        counts,
        pass_at_k_interval(counts, ks),
        pass_at_k_interval(counts, ks, problems="fixed"),
        pass_at_k_interval(counts, simultaneous=True, seed=settings.seed),
        certified(counts),
        None if policy.rollouts is None else measure_tokens(policy.rollouts),
    )


def certified(counts: Counts) -> BoundaryCertificate:
    """The certificate at the largest k at which a problem never solved can have one: n >= k ln(M/a)/ln 2."""
    never = counts.samples[counts.correct == 0]
    most = int((never if len(never) else counts.samples).max())
    each = boundary_certificate(counts, 1)
    k = int(most * np.log(2) / np.log(len(counts.correct) / (1 - each.level)))
    return boundary_certificate(counts, k) if k > 1 else each


def measure_tokens(rollouts: Rollouts) -> TokenMeasures | None:
    """What the tokens of rollouts say, as far as their columns reach; None without tokens."""
    if rollouts.offsets is None:
        return None
    drawn, entropies = rollouts.log_probs is not None, rollouts.entropies is not None
    lists, sizes = rollouts.top_log_probs is not None, rollouts.nucleus_sizes is not None
    return TokenMeasures(
        token_entropy(rollouts) if entropies else None,
        entropy_bounds(rollouts) if lists else None,
        surprise_entropy_gap(rollouts) if drawn and (entropies or lists) else None,
        rollout_branching_factor(rollouts) if sizes or lists else None,
        position_profile(rollouts) if drawn or entropies else None,
        perplexity_profile(rollouts) if drawn else None,
        entropy_covariance(rollouts) if drawn else None,
    )


def _compare(policies: tuple[Policy, ...], ks: np.ndarray, settings: Settings) -> Comparison:
    first, second = policies
    a, b = first.counts, second.counts
    return Comparison(
        (first.label, second.label),
        len(np.unique([a.samples, b.samples])) == 1,
        pass_at_k_difference(a, b, ks),
        pass_at_k_difference(a, b, ks, problems="fixed"),
        crossing(a, b, seed=settings.seed),
        boundary_shift(a, b, ks, resamples=RESAMPLES, seed=settings.seed),
        _exchange(first.rollouts, second.rollouts),
    )


def _exchange(before: Rollouts | None, after: Rollouts | None) -> Exchange | None:
    """None where either has no log-probability of some token: the identity is about whole responses."""
    for rollouts in (before, after):
        if rollouts is None or rollouts.log_probs is None or rollouts.offsets is None:
            return None
        if np.isnan(rollouts.log_probs).any() or (np.diff(rollouts.offsets) == 0).any():
            return None
    assert before is not None
    assert after is not None
    return entropy_exchange(before, after)


def _beyond(
    policies: tuple[Policy, ...], settings: Settings
) -> Extrapolation | ExtrapolatedDifference | None:
    if not policies or settings.beyond == ():
        return None
    most = max(int(policy.counts.samples.max()) for policy in policies)
    k = np.unique((2 * most, 8 * most) if settings.beyond is None else settings.beyond)
    if k[0] < 1:
        raise complain("beyond", f"{k[0]}", "whole numbers from 1 on")
    first, *others = (policy.counts for policy in policies)
    if others:
        return extrapolate_difference(first, others[0], k, seed=settings.seed)
    return extrapolate_pass_at_k(first, k, seed=settings.seed)
