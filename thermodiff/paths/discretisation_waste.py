"""What finitely many steps of a sampler cost, from the curve of denoising errors alone: no path is drawn.

With E_k = E|x0 - D_th(x_k)|^2 and gamma = 1/s^2, for the posterior and for the analytic kernel,
    (-ELBO_N) - (-ELBO) = (1/2) sum_k Dgamma_k E_k                  - (1/2) int E dgamma
    (-ELBO_N) - (-ELBO) = (d/2) sum_k ln(1 + Dgamma_k E_k/d)        - (1/2) int E dgamma,
exactly, at any number of steps; both are (1/2) sum_k [(d + Dgamma_k E_k)/(1 + e_k) - d + d ln(1 + e_k)] less the
integral, which holds for every e. With J and KL(p_1 || pi) added it is <R>, the divergence of the paths
(``paths.waste``). For the exact score the first is the upper Riemann gap of the MMSE curve, Sabour et al. (2024)'s
bound; as a formula with errors, and for the analytic kernel, this project's.
"""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import numpy as np

from thermodiff.numerics.estimates import as_float64, estimate_rows
from thermodiff.paths.denoising import DenoisingCurve
from thermodiff.sampling.kernels import AnalyticKernel, Kernel, Steps, named_kernel, steps_of_ratios
from thermodiff.sampling.schedules import Schedule, check_made_for
from thermodiff.types import Estimate
from thermodiff.validation import complain


class Waste(NamedTuple):
    """Nats per sample lost to finitely many steps, and what else the generator loses.

    total = (-ELBO_N) - (-ELBO); per_step (N,) its parts, data first; mmse_integral (1/2) int E|x0 - D_th|^2 dgamma,
    the part of -ELBO that no schedule changes; learning J and terminal KL(p_1 || pi) (moment prior), divergence <R> =
    total + learning + terminal: None where the data's density is not known. quadrature_error is that of the integral,
    from every second node.
    """

    total: Estimate
    per_step: Estimate
    mmse_integral: Estimate
    terminal: float | None
    learning: Estimate | None
    divergence: Estimate | None
    quadrature_error: float

    def __str__(self) -> str:
        lines = [f"waste of the steps {self.total} nats (quadrature error {self.quadrature_error:.2g})"]
        if self.divergence is not None:
            lines.append(
                f"<R> = {self.divergence} nats: with J {self.learning}, KL(p_1 || pi) {self.terminal:.5f}"
            )
        return "\n".join(lines)


def discretisation_waste(
    clock: DenoisingCurve | Any, schedule: Schedule, kernel: Kernel | str = "analytic"
) -> Waste:
    """The ``Waste`` of generating on ``schedule`` with "posterior", "forward" or "analytic" variance, nats per sample.

    ``clock`` is what ``td.clock`` has measured, or a curve of ``paths.denoising.denoising_curve``, which adds J and <R>
    where they are known; it must span the schedule, and one serves all kernels and all schedules of its process. The
    curve between its nodes is a cubic spline; errors are those of its independent units, of a clock those of its nodes
    as if they were independent. Raises ValueError for a schedule outside the curve or of another process than the
    clock's, and for a kernel whose mean is not that of the posterior. Source: this project; Bao et al. (2022) for the
    analytic variance.
    """
    from scipy.interpolate import CubicSpline

    curve = _curve_of(clock)
    steps = steps_of_ratios(schedule)
    if (process := getattr(clock, "process", None)) is not None:
        check_made_for(schedule, process)
    _check_span(curve, steps)
    ell = np.log(steps.s)
    spline = CubicSpline(curve.ell, curve.units, axis=1)
    at = (named_kernel(kernel) or _analytic(spline, steps)).at(steps, curve.dim)
    if np.any(np.abs(at.gain - steps.rest) > 1e-9 * steps.rest):
        raise complain("kernel", type(kernel).__name__, "one with the posterior's mean, g = 1 - a")
    below = np.stack([spline.integrate(*pair) for pair in itertools.pairwise(ell)], axis=1)
    d, spent = curve.dim, steps.dgamma * steps.s[1:] ** 2 * spline(ell[1:])  # Dgamma_k E_k, (units, N)
    parts = 0.5 * ((d + spent) / at.inflation - d + d * np.log(at.inflation)) - below
    total, integral = estimate_rows(parts.sum(axis=1)), estimate_rows(below.sum(axis=1))
    learning = divergence = None
    if curve.true is not None:
        true = CubicSpline(curve.ell, curve.true, axis=1).integrate(ell[0], ell[-1])
        J = below.sum(axis=1) - true
        learning = estimate_rows(J)
        if curve.terminal is not None:
            whole = estimate_rows(parts.sum(axis=1) + J)
            divergence = whole._replace(mean=whole.mean + curve.terminal)
    coarse = CubicSpline(curve.ell[::2], curve.units[:, ::2].mean(axis=0)).integrate(ell[0], ell[-1])
    return Waste(
        total=total,
        per_step=Estimate(parts.mean(axis=0), parts.std(axis=0, ddof=1) / np.sqrt(len(parts)), len(parts)),
        mmse_integral=integral,
        terminal=curve.terminal,
        learning=learning,
        divergence=divergence,
        quadrature_error=float(abs(coarse - integral.mean)) / 15,
    )


def _analytic(spline: Any, steps: Steps) -> AnalyticKernel:
    """The analytic kernel with the curve's mean at the schedule's own noise ratios."""
    s = steps.s[1:]
    return AnalyticKernel(s, s**2 * np.maximum(spline(np.log(s)).mean(axis=0), 0.0))


def _curve_of(clock: Any) -> DenoisingCurve:
    """The curve itself, or that of a clock, of which only means and errors at the nodes are kept."""
    if isinstance(clock, DenoisingCurve):
        return clock
    loss, ell = getattr(getattr(clock, "moments", None), "loss", None), getattr(clock, "ell", None)
    if loss is None or ell is None:
        raise complain("clock", type(clock).__name__, "a measured clock or curve, as td.clock makes")
    mean, error = as_float64(loss.mean), as_float64(loss.stderr)
    # Two units a node whose spread is the error there and nothing elsewhere: nodes taken as independent.
    T = len(mean)
    lift = np.diag(error * np.sqrt(T * (2 * T - 1)))
    return DenoisingCurve(as_float64(ell), np.concatenate([mean + lift, mean - lift]), clock.dim)


def _check_span(curve: DenoisingCurve, steps: Steps) -> None:
    low, high = np.log(steps.s[[0, -1]])
    slack = 1e-3 * (curve.ell[-1] - curve.ell[0])
    if low < curve.ell[0] - slack or high > curve.ell[-1] + slack:
        need = f"one inside {np.exp(curve.ell[0]):.4g} to {np.exp(curve.ell[-1]):.4g}, where the curve was measured"
        raise complain("schedule", f"sigma/alpha from {steps.s[0]:.4g} to {steps.s[-1]:.4g}", need)
