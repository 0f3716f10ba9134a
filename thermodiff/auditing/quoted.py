"""Likelihoods as they are quoted: nats and bits per dimension, of the model's units and of grey levels, prior by prior.

One flow and one set of averages serve all priors: only ln pi(x_1) and CE(p_1, pi) depend on them.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import numpy as np

from thermodiff.array_types import Key, Process, Score
from thermodiff.data.pixels import Pixels, PixelUnits
from thermodiff.distributions.gaussian import Gaussian
from thermodiff.distributions.reference import sample_gaussian
from thermodiff.distributions.rows import as_rows
from thermodiff.likelihood import flow_likelihood, variational_terms
from thermodiff.numerics.divergence import Divergence
from thermodiff.numerics.estimates import as_float64
from thermodiff.runtime.devices import in_full_precision
from thermodiff.scores.callables import as_score
from thermodiff.thermodynamics.chosen_prior import MOMENTS, NOISE, chosen_prior
from thermodiff.thermodynamics.priors import prior_cross_entropy_given
from thermodiff.thermodynamics.time_grid import DEFAULT_NODES
from thermodiff.trajectories.probability_flow import Tolerance
from thermodiff.types import Estimate, aligned
from thermodiff.units import BITS_PER_DIMENSION, convert, unit_of
from thermodiff.validation import check_key, check_points, complain

LABELS = {"nll": "NLL_ode", "neg_elbo": "-ELBO"}
"""What is quoted: the probability flow's likelihood, and the bound of the reverse SDE's."""

GUESSING_SIGMAS = 3.0


class Quoted(NamedTuple):
    """One number: which, with which prior, in nats per sample, bits per dimension, and those of grey levels.

    ``nats`` and ``bits_per_dim`` are of the density in the units of the data as they were given, ``grey_bits_per_dim``
    an upper bound of that of the integers, None where the data are no ``Pixels``.
    """

    name: str
    prior: str
    nats: Estimate
    bits_per_dim: Estimate
    grey_bits_per_dim: Estimate | None


@dataclass(frozen=True)
class QuotedLikelihoods:
    """What ``td.quoted_likelihoods`` returns: ``quoted["nll", "noise"]`` is one of ``values``; print it for a table.

    Everything starts at ``t_min``, where sigma/alpha is ``noise_ratio``, and is of the data blurred by so much.
    """

    values: tuple[Quoted, ...]
    n: int
    dim: int
    t_min: float
    noise_ratio: float
    units: PixelUnits | None

    def __getitem__(self, which: tuple[str, str]) -> Quoted:
        """By name (nll or neg_elbo) and prior. Raises ValueError for another."""
        for value in self.values:
            if (value.name, value.prior) == which:
                return value
        known = ", ".join(f"{v.name}, {v.prior}" for v in self.values)
        raise complain("which", repr(which), f"one of {known}")

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, strings and lists, ready for JSON."""
        rows = []
        for value in self.values:
            row: dict[str, Any] = {"name": value.name, "prior": value.prior}
            for field in ("nats", "bits_per_dim", "grey_bits_per_dim"):
                estimate = getattr(value, field)
                if estimate is not None:
                    row |= {field: float(estimate.mean), f"{field}_stderr": float(estimate.stderr)}
            rows.append(row)
        about = {"rows": self.n, "dim": self.dim, "t_min": self.t_min, "noise_ratio": self.noise_ratio}
        return {**about, "units": None if self.units is None else self.units._asdict(), "values": rows}

    def __str__(self) -> str:
        """The table."""
        lines = [f"Likelihoods of {self.n} rows of {self.dim} columns", *self._about()]
        lines.append(
            f"  {'':<10}{'prior':<22}{'nats/sample':<22}{'bits/dim':<22}{self._last_column()}".rstrip()
        )
        for v in self.values:
            shown = [v.nats, v.bits_per_dim, *([] if v.grey_bits_per_dim is None else [v.grey_bits_per_dim])]
            numbers = "".join(f"{aligned(e.mean, e.stderr):<22}" for e in shown)
            lines.append(f"  {LABELS[v.name]:<10}{v.prior:<22}{numbers}".rstrip())
        return "\n".join(lines)

    def _last_column(self) -> str:
        return "" if self.units is None else "bits/dim, grey levels"

    def _about(self) -> list[str]:
        u = self.units
        blur = "" if u is None else f", {self.noise_ratio / u.step:.3g} grey levels"
        start = f"  from t_min = {self.t_min:.3g}: of data with noise of {self.noise_ratio:.3g} on them{blur}"
        if u is None:
            return [f"{start}; in the units of the data"]
        return [
            start,
            f"  dequantised by uniform noise of one grey level, which is {u.step:.6g} wide in units of {u.name}:",
            f"  bits/dim of grey levels, an upper bound, are those of these units {u.bits:+.6g}",
        ]


@in_full_precision
def quoted_likelihoods(
    key: Key,
    score: Score,
    process: Process,
    data: Any,
    *,
    priors: Sequence[str] | Mapping[str, Any] = (MOMENTS, NOISE),
    t_min: float | None = None,
    max_points: int = 1024,
    nodes: int = DEFAULT_NODES,
    tolerance: Tolerance | None = None,
    divergence: Divergence | None = None,
) -> QuotedLikelihoods:
    """NLL_ode and -ELBO of ``data`` under several priors side by side, in nats and in bits per dimension.

    ``data`` are rows (n, d), or images made rows by ``td.pixels``, of which the first ``max_points`` are used: for
    those there are bits per dimension of their grey levels too, with the change of units written out. ``priors`` are
    names ("moments" of p_1, "noise" N(0, sigma(1)^2)) or a mapping of names of your own to names or Gaussians. The
    flow is solved once for all. ``t_min``, ``nodes``, ``tolerance`` and ``divergence`` as in ``td.flow_likelihood`` and
    ``td.elbo``; random probes of the divergence are part of a row's scatter, and so of the error.

    Warns where grey levels take more bits than a uniform guess at them, 8 for 256. Raises ValueError for data that are
    no rows, or another prior. Source: this project; for grey levels Theis et al.
    (2016).
    """
    flow_key, elbo_key = jax.random.split(check_key(key))
    x, units = _rows(data, max_points)
    dim = x.shape[1]
    score = as_score(score, dim)
    named = _priors(priors, score, process, x)
    first = next(iter(named.values()))
    flow = flow_likelihood(
        score,
        process,
        x,
        prior=first,
        t_min=t_min,
        key=flow_key,
        tolerance=tolerance,
        divergence=divergence,
    )
    terms = variational_terms(elbo_key, score, process, x, prior=first, t_min=t_min, nodes=nodes)
    values = []
    for name, prior in named.items():
        nll = -as_float64(prior.log_prob(flow.terminal)) - as_float64(flow.growth)
        other = prior_cross_entropy_given(prior, process, jax.numpy.asarray(x, dtype=float))
        neg_elbo = as_float64(other) - as_float64(terms.elbo) - as_float64(terms.cross_entropy)
        values += [_quoted("nll", name, nll, dim, units), _quoted("neg_elbo", name, neg_elbo, dim, units)]
    if isinstance(data, Pixels):
        _warn_of_guessing(values, data)
    start = float(flow.t_min)
    ratio = math.exp(-0.5 * float(process.log_snr(start)))
    return QuotedLikelihoods(
        tuple(sorted(values, key=lambda v: v.name == "neg_elbo")), len(x), dim, start, ratio, units
    )


def _warn_of_guessing(values: list[Quoted], data: Pixels) -> None:
    """Warn where grey levels are less likely under every prior than a uniform guess makes them."""
    grey = [v.grey_bits_per_dim for v in values if v.grey_bits_per_dim is not None]
    least, guess = min(grey, key=lambda e: float(e.mean)), math.log2(data.levels)
    if least.mean - GUESSING_SIGMAS * least.stderr > guess:
        warnings.warn(
            f"data: {least.mean:.3g} bits per dimension of grey levels, where a uniform guess has {guess:.3g}: the "
            f"units {data.units.name} are not those of the model, or it is asked in a wrong way (td.check_model)",
            stacklevel=4,
        )


def _rows(data: Any, max_points: int) -> tuple[np.ndarray, PixelUnits | None]:
    units = data.units if isinstance(data, Pixels) else None
    array = getattr(data, "array", data)
    rows = as_rows("data", array).values
    check_points("data", rows)
    if max_points < 2 or len(rows) < 2:
        raise complain(
            "data", f"{min(len(rows), max_points)} row", "at least 2, since the error bar is their spread"
        )
    return np.asarray(rows)[:max_points], units


def _priors(priors: Any, score: Any, process: Any, x: np.ndarray) -> dict[str, Gaussian]:
    """The priors by their names."""
    wanted = priors if isinstance(priors, Mapping) else {name: name for name in priors}
    if not wanted or isinstance(priors, str):
        raise complain(
            "priors", repr(priors), f'names such as ("{MOMENTS}", "{NOISE}"), or a mapping to Gaussians'
        )
    audited = sample_gaussian(x)
    return {
        name: chosen_prior(prior, score, process, x.shape[1], audited)[0] for name, prior in wanted.items()
    }


def _quoted(name: str, prior: str, rows: np.ndarray, dim: int, units: PixelUnits | None) -> Quoted:
    nats = Estimate(rows.mean(), rows.std(ddof=1) / math.sqrt(len(rows)), len(rows))
    bits = convert(nats, unit_of(BITS_PER_DIMENSION, dim))
    return Quoted(
        name, prior, nats, bits, None if units is None else bits._replace(mean=bits.mean + units.bits)
    )
