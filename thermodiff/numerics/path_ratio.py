"""Log ratios of the probabilities of paths, and the fluctuation theorems that hold them; on plain arrays, NumPy alone.

R = ln P_F(path) - ln P_B(path), drawn from P_F. Whatever the two are, as long as P_B is normalised over the same paths,
    <e^-R>_F = 1        <e^R>_B = 1        P_F(R)/P_B(R) = e^R        <R>_F = KL(P_F || P_B) >= 0
(integral theorem, Jarzynski 1997; detailed theorem, Crooks 1999; Seifert 2005). Nothing here knows what a path is.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from thermodiff.numerics.crooks import crooks_fit
from thermodiff.numerics.pareto_tail import largest_shape, pareto_shape
from thermodiff.types import Estimate
from thermodiff.validation import check_numbers, complain

FEWEST_EFFECTIVE = 100
"""Effective samples below which the mean of e^-R is not believed, nor its error."""
LEAST_SHARE = 0.01
"""Nor where they are a smaller part of the sample."""


class PathRatio(NamedTuple):
    """R of every path, and its means; nats."""

    ratio: Float[np.ndarray, " n"]
    """R (n,); +infinity where the backward process cannot take the path."""
    mean: Estimate
    """<R>; infinite where some path is impossible backward."""
    possible: Estimate
    """Mean of R over the paths that are possible backward."""
    impossible: Estimate
    """Probability that a path is impossible backward."""

    def fluctuation_theorem(self, backward_R: Any = None) -> FluctuationTheorem:
        """``td.fluctuation_theorem`` of these paths, each taken as independent."""
        return fluctuation_theorem(self.ratio, backward_R)

    def __str__(self) -> str:
        return f"path ratio {self.mean} nats a path; impossible backward with probability {self.impossible}"


class BackwardSide(NamedTuple):
    """<e^R> over paths of the backward process, 1 in theory, and what it rests on."""

    mean_exponential: Estimate
    ess: float
    converged: bool
    tail: float = np.nan


class FluctuationTheorem(NamedTuple):
    """How well paths keep the integral and Crooks' theorem; the last four are None without backward paths."""

    mean_exponential: Estimate
    """<e^-R>, 1 in theory (1 - P(impossible) where paths are impossible backward)."""
    ess: float
    """Effective sample size (sum w)^2/sum w^2 of the weights w = e^-R, means of each row where rows have K paths."""
    converged: bool
    """Whether ``ess`` is at least 100 and 1 % of the rows and ``tail`` not too heavy, on both sides of two."""
    crooks_slope: Estimate | None = None
    """Of ln P_F(R)/P_B(R) in R, 1 in theory, by maximum likelihood; NaN where the two sides do not overlap."""
    crooks_intercept: Estimate | None = None
    """Of the same line at R = 0, 0 in theory."""
    bar: Estimate | None = None
    """c with P_F(R)/P_B(R) = e^(R - c), slope fixed at 1: 0 in theory, a free-energy difference where R is work."""
    backward: BackwardSide | None = None
    mean: Estimate = Estimate(np.nan, np.nan, 0)
    """<R>, KL(P_F || P_B) in theory."""
    log_mean_exponential: Estimate = Estimate(np.nan, np.nan, 0)
    """ln <e^-R>, where the mean itself leaves the range of numbers."""
    remarks: tuple[str, ...] = ()
    tail: float = np.nan
    """Pareto shape of the largest weights (``numerics.pareto_tail``): above 0.7, in small samples less, what the sample
    does not hold may decide the mean."""

    def __str__(self) -> str:
        lines = [f"<e^-R> = {self.mean_exponential}, 1 in theory; effective samples {self.ess:.4g}"]
        if self.backward is not None:
            b = self.backward
            lines.append(f"<e^R> of backward paths = {b.mean_exponential}; effective samples {b.ess:.4g}")
            lines.append(
                f"Crooks: slope {self.crooks_slope}, intercept {self.crooks_intercept}, "
                f"free-energy difference {self.bar}"
            )
        lines.append(f"<R> = {self.mean} nats")
        return "\n".join([*lines, *self.remarks])


def log_mean_exp(values: Any, axis: int = -1) -> Any:
    """ln of the mean of exp(values) along an axis, in double precision; -infinity where all are."""
    values = np.asarray(values, dtype=np.float64)
    top = np.max(values, axis=axis, keepdims=True)
    safe = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        return np.squeeze(safe, axis) + np.log(np.mean(np.exp(values - safe), axis=axis))


def effective_samples(log_weights: Any, axis: int = -1) -> Any:
    """(sum w)^2/sum w^2 along an axis, for weights given by their logarithms; 0 where all are 0."""
    log_weights = np.asarray(log_weights, dtype=np.float64)
    top = np.max(log_weights, axis=axis, keepdims=True)
    weights = np.exp(log_weights - np.where(np.isfinite(top), top, 0.0))
    total, squares = weights.sum(axis=axis), (weights**2).sum(axis=axis)
    return np.divide(total**2, squares, out=np.zeros_like(total), where=squares > 0)


def path_ratio(log_forward: Any, log_backward: Any, *, units: Any = None) -> PathRatio:
    """R = ln P_F - ln P_B of each path, from log-probabilities of its steps (n, N) or of whole paths (n,), in nats.

    ``log_forward`` is that of the process that drew the paths, each number finite; ``log_backward`` that of the other
    one on the same paths, -inf for what it cannot do. <e^-R> = 1 if and only if the latter sums to 1 over all paths
    that the former takes; that is the caller's affair. ``units`` (n,) names the independent unit that each path
    belongs to: every unit weighs the same and errors are those of units drawn; of a single unit, and without
    ``units``, each path is its own. Raises ValueError for shapes that do not fit, NaN, and paths that the forward
    process could not draw. Source: Seifert (2005), Sagawa (2026), arXiv 2604.07867.
    """
    forward, backward = np.asarray(log_forward), np.asarray(log_backward)
    if forward.ndim not in (1, 2) or forward.shape != backward.shape or not forward.size:
        got = f"shapes {forward.shape}, {backward.shape}"
        raise complain("log_forward, log_backward", got, "the same shape (n,) or (n, N) in both")
    refuse_unless("log_forward", forward, np.isfinite(forward), "finite numbers")
    refuse_unless("log_backward", backward, backward < np.inf, "numbers, or -inf where impossible")
    index = _unit_of(units, len(forward))
    there: np.ndarray = backward > -np.inf
    steps = np.where(there, forward - np.where(there, backward, 0.0), 0.0)
    if forward.ndim == 2:
        steps = steps.sum(axis=1, dtype=np.float64)
        there = np.logical_and.reduce(there, axis=1)
    sigma = np.where(there, steps, 0.0)
    number, seen = np.bincount(index), np.bincount(index, weights=there)
    sums = np.bincount(index, weights=sigma)
    impossible = _over_units(1 - seen / number)
    some = seen > 0
    possible = _over_units(sums[some] / seen[some]) if some.any() else Estimate(np.nan, np.nan, 0)
    mean = possible if impossible.mean == 0 else Estimate(np.inf, np.nan, len(number))
    return PathRatio(np.where(there, sigma, np.inf), mean, possible, impossible)


def fluctuation_theorem(forward_R: Any, backward_R: Any = None) -> FluctuationTheorem:
    """<e^-R> with its effective sample size and verdict; with ``backward_R`` Crooks' slope and Bennett's ratio as well.

    ``forward_R``, R on paths of P_F, has shape (n,), or (n, K) for n independent rows of K paths that share something,
    a starting point say; so has ``backward_R``, the same R = ln P_F - ln P_B on paths of P_B. The mean of e^-R hangs on
    rare paths of small R: where the effective samples (sum w)^2/sum w^2 are below 100, or below 1 % of the rows, or the
    largest weights have a tail heavier than a mean of so many can bear, the verdict is "not converged", and neither the
    mean nor its standard error is to be believed. It is a verdict on what was drawn: no sample shows what it missed.

    Slope and intercept are those of ln P_F(R)/P_B(R) by logistic regression of the side on R, ``bar`` the same with
    the slope fixed at 1, which is Bennett's acceptance ratio; their errors are sandwich errors for rows drawn on each
    side. Raises ValueError for fewer than two rows, NaN, and R that the side which drew the paths forbids. Source:
    Jarzynski (1997); Crooks (1999); Bennett (1976); Shirts, Bair, Hooker & Pande (2003); Vehtari et al. (2024).
    """
    forward = _checked("forward_R", forward_R, -np.inf)
    log_mean, mean_exp = _mean_exponential(-forward)
    weights = log_mean_exp(-forward)
    ess, tail = float(effective_samples(weights)), pareto_shape(weights)
    remarks = _remarks(ess, tail, len(forward), "")
    # Whoever meets the impossible produces no bounded amount on average.
    bounded = np.isfinite(forward).all()
    mean = _over_units(forward.mean(axis=1)) if bounded else Estimate(np.inf, np.nan, len(forward))
    result = FluctuationTheorem(
        mean_exp, ess, not remarks, mean=mean, log_mean_exponential=log_mean, remarks=remarks, tail=tail
    )
    if backward_R is None:
        return result
    backward = _checked("backward_R", backward_R, np.inf)
    weights = log_mean_exp(backward)
    other, tail = float(effective_samples(weights)), pareto_shape(weights)
    flaws = _remarks(other, tail, len(backward), " of backward paths")
    fit = crooks_fit(forward, backward)
    return result._replace(
        converged=not remarks and not flaws,
        crooks_slope=fit.slope,
        crooks_intercept=fit.intercept,
        bar=fit.bar,
        backward=BackwardSide(_mean_exponential(backward)[1], other, not flaws, tail),
        remarks=(*remarks, *flaws, *fit.remarks),
    )


def refuse_unless(name: str, values: np.ndarray, good: np.ndarray, need: str) -> None:
    """Raise ValueError, naming the first of ``values`` that is not ``good``."""
    if not good.all():
        where = tuple(int(i) for i in np.argwhere(~good)[0])
        raise complain(name, f"{values[where]} at {where}", need)


def _unit_of(units: Any, n: int) -> np.ndarray:
    if units is None:
        return np.arange(n)
    units = np.asarray(units)
    if units.shape != (n,):
        raise complain("units", f"shape {units.shape}", f"one entry a path, ({n},)")
    index = np.unique(units, return_inverse=True)[1]
    return np.arange(n) if index.max() == 0 else index


def _over_units(values: np.ndarray) -> Estimate:
    n = len(values)
    error = float(values.std(ddof=1) / np.sqrt(n)) if n > 1 else np.nan
    return Estimate(float(values.mean()), error, n)


def _checked(name: str, values: Any, forbidden: float) -> np.ndarray:
    """R as (rows, K) in double precision, without NaN or what its own side could not have drawn."""
    if hasattr(values, "_fields"):
        # Of path_waste, of the entropy production of paths, and of path_ratio.
        held = [f": its .{field}" for field in ("waste", "total", "ratio") if field in values._fields]
        need = "an array of R, one for each path" + "".join(held)
        raise complain(name, type(values).__name__, need)
    if values is None:
        raise complain(name, "None", "an array of R (td.path_waste has its .waste only where data= is given)")
    check_numbers(name, values)
    R = np.asarray(values, dtype=np.float64)
    if R.ndim not in (1, 2) or R.size == 0 or len(R) < 2:
        raise complain(name, f"shape {R.shape}", "(n,) or (n, K) with at least two independent rows")
    refuse_unless(name, R, ~np.isnan(R) & (forbidden != R), f"numbers, and no {forbidden}")
    return R.reshape(len(R), -1)


def _mean_exponential(exponent: np.ndarray) -> tuple[Estimate, Estimate]:
    """ln <e^v> and <e^v> over rows (n, K) of v, with the errors of n rows; the first by the delta method."""
    rows = log_mean_exp(exponent)
    log_mean = float(log_mean_exp(rows))
    if log_mean == -np.inf:
        return Estimate(-np.inf, np.nan, len(rows)), Estimate(0.0, 0.0, len(rows))
    relative = float(np.exp(rows - log_mean).std(ddof=1) / np.sqrt(len(rows)))
    with np.errstate(over="ignore"):
        mean = float(np.exp(log_mean))
    return Estimate(log_mean, relative, len(rows)), Estimate(mean, relative * mean, len(rows))


def _remarks(ess: float, tail: float, n: int, of: str) -> tuple[str, ...]:
    if ess < FEWEST_EFFECTIVE:
        why = f"{ess:.3g} effective samples of {n} (100 needed)"
    elif ess < LEAST_SHARE * n:
        why = f"{ess:.3g} effective samples of {n} (1 % of the sample needed)"
    elif tail > largest_shape(n):
        why = f"a tail of Pareto shape {tail:.2f} (at most {largest_shape(n):.2f} for {n} samples)"
    else:
        return ()
    return (
        f"not converged: the mean exponential{of} rests on {why}; neither it nor its standard error is to be believed",
    )
