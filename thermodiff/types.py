"""The words that need no JAX: an estimate with its error, what is not known, what can be looked at now.

This file imports nothing of ours; ``array_types`` has the words that speak of arrays.

How many digits of a number are printed is decided here, once for every output: those that its error leaves to be known.
A number has as many decimals as show two significant digits of its standard error, and at most ``FINEST``; what is
written to be read by programs (JSON, csv) keeps all. Two digits, since the error of an error is seldom below a tenth.
Source: Evaluation of measurement data, JCGM 100:2008, 7.2.6.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any, NamedTuple


class Estimate(NamedTuple):
    """A number with its error bar: the mean of n independent units and the standard error of that mean.

    ``mean`` and ``stderr`` have the same shape (scalar, or one entry per time); ``n`` counts the
    independent units (data points, or randomised quasi-Monte-Carlo replicates) that they come from.
    """

    mean: Any
    stderr: Any
    n: int

    def __format__(self, spec: str) -> str:
        """``f"{estimate}"`` prints ``117.39 ± 0.64``, two digits of the error, ``f"{estimate:+}"`` the sign as well.

        ``f"{estimate:.4f}"`` prints both with that format.
        """
        if spec in ("", "+"):
            return with_error(self.mean, self.stderr, spec)
        return f"{float(self.mean):{spec}} ± {float(self.stderr):{spec}}"

    def __str__(self) -> str:
        """As ``f"{estimate}"``; an estimate at several times as it is."""
        return format(self) if getattr(self.mean, "ndim", 0) == 0 else repr(self)

    def in_bits(self, dim: int = 1) -> Estimate:
        """An estimate in nats as bits; given the number of dimensions ``dim``, as bits per dimension."""
        nats = math.log(2) * dim
        return Estimate(self.mean / nats, self.stderr / nats, self.n)


FINEST = 5
"""Decimals: an error that is smaller is shown as such, <0.00001."""
UNCERTAIN = 3
"""Decimals of a number whose error is not known."""


def decimals(stderr: Any) -> int:
    """Decimals that show two significant digits of an error."""
    return max(1 - math.floor(math.log10(stderr)), 0)


def mean_and_error(mean: Any, stderr: Any, sign: str = "", most: int = FINEST) -> tuple[str, str]:
    """("117.39", "0.64"): both with the decimals of the error's two digits, at most ``most``.

    ``sign`` "+" shows that of a positive mean as well. An error of 0 is "", for a number that is exact, and one that is
    not known (NaN) "?".
    """
    mean, stderr = float(mean), float(stderr)
    if not math.isfinite(mean):
        return f"{mean:{sign}}", ""
    if not math.isfinite(stderr):
        return f"{mean:{sign}.{min(UNCERTAIN, most)}f}", "?"
    if stderr == 0:
        return f"{mean:{sign}.{most}f}", ""
    digits = min(decimals(stderr), most)
    return _no_minus_zero(f"{mean:{sign}.{digits}f}"), error_with(stderr, digits)


def with_error(mean: Any, stderr: Any, sign: str = "", most: int = FINEST) -> str:
    """117.39 ± 0.64; 2.83788 where it is exact; 2.838 ± ? where its error is not known."""
    shown, error = mean_and_error(mean, stderr, sign, most)
    return f"{shown} ± {error}" if error else shown


def error_with(stderr: Any, digits: int) -> str:
    """An error with so many decimals, and where these are all 0 what it is smaller than."""
    shown = f"{stderr:.{digits}f}"
    return shown if float(shown) > 0 else f"<{10.0**-digits:.{digits}f}"


def to_error(value: Any, stderr: Any, sign: str = "") -> str:
    """A number alone, with the decimals that it has beside an error of ``stderr``."""
    return mean_and_error(value, stderr, sign)[0]


def of_any_size(mean: Any, stderr: Any, sign: str = "") -> str:
    """``with_error`` of a number that may be far from 1: (3.470 ± 0.012)e-21."""
    shown, error, power = _in_powers_of_ten(mean, stderr, sign)
    if not error:
        return f"{shown}{power}"
    return f"({shown} ± {error}){power}" if power else f"{shown} ± {error}"


def to_error_of_any_size(value: Any, stderr: Any) -> str:
    """``to_error`` of a number that may be far from 1: 3.470e-21."""
    shown, _, power = _in_powers_of_ten(value, stderr, "")
    return f"{shown}{power}"


def _in_powers_of_ten(mean: Any, stderr: Any, sign: str) -> tuple[str, str, str]:
    """A number and its error in a power of ten, and that power: "" between a hundredth and ten thousand."""
    mean, stderr = float(mean), float(stderr)
    size = max(abs(mean), stderr if math.isfinite(stderr) else 0.0)
    if not math.isfinite(size) or size == 0:
        return f"{mean:{sign}g}", "", ""
    power = math.floor(math.log10(size))
    if not math.isfinite(stderr) or stderr == 0:
        return f"{mean:{sign}.{UNCERTAIN + 1}g}", "" if stderr == 0 else "?", ""
    if -2 <= power <= 3:
        return *mean_and_error(mean, stderr, sign), ""
    unit = 10.0**power
    return *mean_and_error(mean / unit, stderr / unit, sign), f"e{power:+03d}"


def aligned(mean: Any, stderr: Any, sign: str = "") -> str:
    """``with_error`` for a column: the decimal point is the sixth character, the ± stands below other ±."""
    shown, error = mean_and_error(mean, stderr, sign)
    whole, point, rest = shown.partition(".")
    return f"{whole:>5}{point or ' '}{rest:<5}" + (f" ± {error}" if error else "")


def _no_minus_zero(shown: str) -> str:
    """0.00 for -0.00: which side of zero is not known to these digits."""
    return shown.lstrip("-") if shown.startswith("-") and float(shown) == 0 else shown


class NotKnownError(ValueError):
    """Asked for a quantity that has no closed form and no quadrature of the promised accuracy."""


def is_concrete(x: Any) -> bool:
    """True for a value that can be looked at now, False for one that JAX is tracing."""
    jax = sys.modules.get("jax")  # what is traced needs JAX running
    return jax is None or not any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(x))


def is_jax_array(x: Any) -> bool:
    """Whether ``x`` is an array of JAX's; where JAX does not run, nothing is."""
    jax = sys.modules.get("jax")
    return jax is not None and isinstance(x, jax.Array)


_WAITING: list[Callable[[], object]] = []


def when_jax_starts(action: Callable[[], object]) -> None:
    """Do ``action`` when JAX starts on behalf of this package: at once if it has been imported already."""
    if "jax" in sys.modules:
        action()
    else:
        _WAITING.append(action)


def jax_starts() -> None:
    """Do what was waiting for it, once."""
    while _WAITING:
        _WAITING.pop(0)()
