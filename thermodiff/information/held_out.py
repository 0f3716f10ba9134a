"""Likelihood of rows that a score was not trained on, to set beside that of other density models.

    -ELBO(x) = -ln G(x) - int K(x; ell) d ell + ln |dx/dz|,   K the denoising reading (``cross_fitting.negentropy``).
Source: theory sections 4 and 6.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import numpy as np

from thermodiff.array_types import Key, Process, Score
from thermodiff.distributions.reference import sample_gaussian
from thermodiff.distributions.rows import as_rows
from thermodiff.information.arguments import MakeMarginals, check_arguments, checked_rows
from thermodiff.information.coordinate_maps import Asinh
from thermodiff.information.coordinates import Coordinates
from thermodiff.information.cross_fitting.conditional import unconditional
from thermodiff.information.cross_fitting.cross_fit import train_folds
from thermodiff.information.cross_fitting.folds import CrossFitting, split_folds
from thermodiff.information.cross_fitting.negentropy import SIGMA_HIGH, SIGMA_LOW, Correction, evaluate
from thermodiff.information.cross_fitting.one_fold import mean_score
from thermodiff.information.cross_fitting.white_rows import white_rows
from thermodiff.information.entropy_sums import READINGS, report_readings
from thermodiff.information.gaussian_bias import seen_gaussian_bias
from thermodiff.information.report import Information
from thermodiff.processes.base import last_time
from thermodiff.runtime.devices import in_full_precision
from thermodiff.scores.callables import as_score
from thermodiff.training.jobs import run_plans
from thermodiff.validation import check_key, check_points, check_process, complain


@in_full_precision
def cross_entropy(
    key: Key,
    training: Any,
    test: Any,
    *,
    marginals: MakeMarginals = Asinh,
    settings: CrossFitting | None = None,
    effort: str | None = None,
    progress: bool = False,
) -> Information:
    """-ELBO of rows ``test`` (m, d) under the mean of the K scores fitted to rows ``training`` (n, d), nats.

    An upper bound, in the mean, on the negative log-likelihood of the learned diffusion and on the entropy of the test
    rows: what other density models' held-out NLL is to be compared with. Each network is stopped by a part of the
    training rows, and its correction of the Gaussian rescaled on them; the test rows, blurred by 0.003 standard
    deviations, are only averaged over. Map and scales are those of the training rows. Arguments and errors as in
    ``data_entropy``; bracket: the quadratic and denoising readings.
    """
    correction, shift = _held_out(key, training, test, marginals, settings, effort, progress)
    values = {name: correction.entropy(name) + shift for name in READINGS}
    terms = {"gaussian": float(correction.gaussian_entropy.mean()), "marginal map": float(shift.mean())}
    return report_readings("cross entropy", values, terms)


@in_full_precision
def held_out_nll(
    key: Key,
    training: Any,
    test: Any,
    *,
    marginals: MakeMarginals = Asinh,
    settings: CrossFitting | None = None,
    effort: str | None = None,
    progress: bool = False,
) -> np.ndarray:
    """The rows (m,) whose mean is ``cross_entropy``, nats, to be paired with other models'. Arguments as there."""
    correction, shift = _held_out(key, training, test, marginals, settings, effort, progress)
    return correction.entropy("denoising") + shift


def _held_out(
    key: Key,
    training: Any,
    test: Any,
    marginals: MakeMarginals,
    settings: CrossFitting | None,
    effort: str | None,
    progress: bool,
) -> tuple[Correction, np.ndarray]:
    """The correction of the mapped test rows under the folds' mean score, and ln |dx/dz| of each."""
    key, settings = check_arguments(key, marginals, settings, effort)
    x, table = checked_rows("training", training), as_rows("test", test).values
    d = x.shape[1]
    check_points("test", table, d)
    held_out = np.asarray(table, dtype=np.float64)
    fitted = Coordinates(x, marginals)
    z = fitted.forward(x)
    white = white_rows(z, d)
    seen, rows = white.forward(z), white.forward(fitted.forward(held_out))
    fold_key, noise_key = jax.random.split(key)
    folds = split_folds(int(jax.random.randint(fold_key, (), 0, 2**31 - 1)), len(z), settings)
    (trained,) = run_plans([train_folds(fold_key, seen, folds, settings)], "trainings", progress)
    score = mean_score(trained)
    reference = unconditional(sample_gaussian(seen))
    correction = evaluate(noise_key, score, reference, rows, tuple(range(d)), d)
    return correction.plus(white.log_jacobian), -fitted.log_derivative(held_out)


@in_full_precision
def entropy_from_score(key: Key, score: Score, process: Process, samples: Any) -> Information:
    """Differential entropy by a score of the user's own, on rows (n, d) that it was not trained on, nats.

    The estimate is the denoising reading less the Gaussian's known bias: S0 + J, from above. The bracket is that and
    the quadratic reading; a score that was never fitted to a network's own limits has nothing else to be judged by.
    Noise goes from 0.003 of the narrowest to 10 of the widest principal axis of the rows, as far as the process has
    times for it; where it ends before three of the widest, what is left out is a warning. Raises ValueError for a score
    of another shape, samples that have no density, or a process without noise of their size.
    """
    key = check_key(key)
    check_process(process)
    x = checked_rows("samples", samples)
    n, d = x.shape
    score = as_score(score, d)
    reference = sample_gaussian(x)
    limits, warnings = _limits(process, np.sqrt(np.asarray(reference.variances)))
    columns = tuple(range(d))
    correction = evaluate(key, score, unconditional(reference), x, columns, d, process, limits)
    bias = seen_gaussian_bias(n, d) if n > d + 1 else 0.0
    values = {name: correction.entropy(name) - bias for name in READINGS}
    terms = {"gaussian": float(correction.gaussian.mean()) - bias}
    answer = report_readings("entropy", values, terms)
    return dataclasses.replace(answer, warnings=(*warnings, *answer.warnings))


def _limits(process: Process, widths: np.ndarray) -> tuple[tuple[float, float], list[str]]:
    """The least and the most noise to ask a score at, for rows so wide (d,) along their axes, and what is left out."""
    last = float(process.sigma(last_time(process)) / process.alpha(last_time(process)))
    low, most, widest = SIGMA_LOW * float(widths.min()), SIGMA_HIGH * float(widths.max()), float(widths.max())
    if last <= 3 * low:
        raise complain(
            "samples",
            f"rows at least {widths.min():.3g} wide in every direction beside a process whose noise ends at {last:.3g}",
            "the units that the score was trained in",
        )
    if last >= 3 * widest:
        return (low, min(most, last)), []
    return (low, last), [
        f"the process ends at a noise of {last:.3g}, where rows {widest:.3g} wide are no Gaussian yet: what is left "
        "out above it makes the entropy too high"
    ]
