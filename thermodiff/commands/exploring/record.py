"""What ``thermodiff explore`` measured as strict JSON: every number with the options, seed and versions behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from thermodiff.commands.exploring.measures import Measured
from thermodiff.exploration.exchange.covariance import TokenCovariance
from thermodiff.exploration.tokens.entropy_from_lists import EntropyBounds
from thermodiff.runtime.records import plain

FORMAT = "thermodiff explore 1"
PER_TOKEN: dict[type, tuple[str, ...]] = {EntropyBounds: ("low", "high"), TokenCovariance: ("values",)}
"""Columns with an entry for each token, which are as long as the rollouts themselves: left out."""


def record(
    about: Mapping[str, Any], measured: Measured, sentences: Sequence[str], remarks: Sequence[str]
) -> dict[str, Any]:
    """Answers by their fields' names; an estimate is {mean, stderr, n}; None where a number is not known."""
    parts = {
        "format": FORMAT,
        **about,
        "units": "entropies in nats a token, of responses in nats a response; lost, gained, D^2 in problems",
        "errors": "standard errors for problems drawn from a population; 'fixed': for these problems, other rollouts",
        "sentences": sentences,
        **fields(measured),
        "remarks": remarks,
    }
    return plain(parts)


def fields(value: Any) -> Any:
    """Named tuples, however deep, as dicts."""
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        named = value._asdict()
        long = PER_TOKEN.get(type(value), ())
        return {name: fields(part) for name, part in named.items() if name not in long}
    if isinstance(value, Mapping):
        return {name: fields(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [fields(part) for part in value]
    return value
