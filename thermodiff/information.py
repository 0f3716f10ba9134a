"""Entropy, mutual information, total correlation and divergence of data from score networks trained on them.

    S(x)        = S(z) - E ln|dz/dx|,                        z = the map of single coordinates (``marginals``)
    S(z)        = E[-ln G] - int E|n - n_G|^2 d ell        a Gaussian, and what corrects it (``gaussian_correction``)
    TC(x)       = sum_j S(x_j) - S(x)
    I(x; y)     = S(x) + S(y) - S(x, y)
    I(x; y | w) = S(x, w) + S(y, w) - S(x, y, w) - S(w)
    S(x | y)    = S(x, y) - S(y)
    KL(p || q)  = CE(p, q) - S(p)
Every entropy on the right is one ``cross_fit``; those of one line share folds and noise, so that errors cancel.
Source: theory section 6 (this project), after arXiv 2510.06174 and its successor.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from thermodiff.cross_fitting import (
    CrossFitting,
    FoldRows,
    MeanScore,
    Rows,
    cross_fit,
    gaussian_biases,
    in_order,
    split_folds,
    train_folds,
    truncation,
)
from thermodiff.gaussian_correction import evaluate
from thermodiff.information_report import (
    Information,
    bracket_warning,
    few_rows_warning,
    rows_estimate,
    spread_warning,
    tail_warning,
    total_error,
    training_warning,
)
from thermodiff.marginals import Asinh, Gaussianise, Marginals
from thermodiff.points import sample_gaussian
from thermodiff.progress import Report, watchers
from thermodiff.types import Key, Process, Score
from thermodiff.validation import (
    check_continuous,
    check_points,
    check_process,
    check_samples,
    check_score,
    complain,
)

FEWEST_ROWS = 60
Columns = tuple[int, ...]
MakeMarginals = Callable[[Any], Marginals]


# --- entropy --------------------------------------------------------------------------------------


def data_entropy(
    key: Key,
    samples: Any,
    *,
    marginals: MakeMarginals = Asinh,
    settings: CrossFitting = CrossFitting(),  # noqa: B008  frozen
    progress: bool = False,
) -> Information:
    """Differential entropy S(x) of independent rows ``samples`` (n, d), in nats in the units of the samples.

    Args:
        key: fixes folds, training and noise.
        samples: rows of a density; integers have none (``dequantise`` them).
        marginals: Asinh (long tails are bent), Standardise, or a class of your own with the same methods.
        settings: folds and training.
        progress: a bar on stderr, a step a network, if stderr is a terminal.

    Returns:
        ``Information`` with the terms ``gaussian`` (entropy of the Gaussian of the same moments, after the marginal
        map), ``negentropy`` (how far below it the entropy lies), ``marginal map`` and ``truncation``.

    Raises:
        ValueError: for samples that have no density or too few rows; NotKnownError for ``Gaussianise``.
    """
    x = _rows("samples", samples)
    fitted = marginals(x)
    log_derivative, z = fitted.log_derivative(x), fitted.forward(x)
    columns = tuple(range(x.shape[1]))
    with _teller(settings.folds, progress) as tell:
        answers, rows = _entropies(key, z, {columns: 1.0}, settings, frozenset(), tell)
    blur = truncation(answers[columns])
    terms = {
        "gaussian": _gaussian_entropy(answers[columns]),
        "marginal map": -float(log_derivative.mean()),
        "truncation": -blur,
    }
    total = _shifted(rows, -log_derivative - blur)
    terms["negentropy"] = terms["gaussian"] + terms["marginal map"] - blur - float(total.middle.mean())
    return _report("entropy", total, terms, _warnings(z, answers, rows, settings))


def conditional_entropy(
    key: Key,
    samples: Any,
    given: Any,
    *,
    marginals: MakeMarginals = Asinh,
    settings: CrossFitting = CrossFitting(),  # noqa: B008  frozen
    progress: bool = False,
) -> Information:
    """S(x | y) = S(x, y) - S(y) of paired rows ``samples`` (n, d) and ``given`` (n, c), nats in the units of x.

    Arguments and errors as in ``data_entropy``.
    """
    x, y = _paired({"samples": samples, "given": given})
    fitted = [marginals(part) for part in (x, y)]
    z = np.hstack([m.forward(part) for m, part in zip(fitted, (x, y), strict=True)])
    log_derivative = fitted[0].log_derivative(x)
    everything, condition = tuple(range(z.shape[1])), tuple(range(x.shape[1], z.shape[1]))
    with _teller(2 * settings.folds, progress) as tell:
        answers, rows = _entropies(key, z, {everything: 1.0, condition: -1.0}, settings, frozenset(), tell)
    blur = truncation(answers[everything]) - truncation(answers[condition])
    terms = {"marginal map": -float(log_derivative.mean()), "truncation": -blur}
    total = _shifted(rows, -log_derivative - blur)
    return _report("conditional entropy", total, terms, _warnings(z, answers, rows, settings))


# --- dependence -----------------------------------------------------------------------------------


def mutual_information(
    key: Key,
    x: Any,
    y: Any,
    *,
    given: Any = None,
    marginals: MakeMarginals = Gaussianise,
    settings: CrossFitting = CrossFitting(),  # noqa: B008  frozen
    progress: bool = False,
) -> Information:
    """I(x; y) of paired rows ``x`` (n, a) and ``y`` (n, b), or I(x; y | w) with ``given`` w (n, c), nats.

    It does not change under increasing maps of single coordinates, so each is made normal by its ranks first.
    Arguments and errors as in ``data_entropy``; terms: ``gaussian``, the mutual information of a Gaussian of the mapped
    moments, and ``beyond gaussian``.
    """
    named = {"x": x, "y": y} | ({} if given is None else {"given": given})
    parts = _paired(named)
    first, second, rest = _blocks(parts)
    coefficients = {first + rest: 1.0, second + rest: 1.0, first + second + rest: -1.0}
    if rest:
        coefficients[rest] = -1.0
    quantity = "mutual information" if given is None else "conditional mutual information"
    return _dependence(key, quantity, parts, coefficients, marginals, settings, progress)


def total_correlation(
    key: Key,
    samples: Any,
    *,
    marginals: MakeMarginals = Gaussianise,
    settings: CrossFitting = CrossFitting(),  # noqa: B008  frozen
    progress: bool = False,
) -> Information:
    """TC(x) = sum_j S(x_j) - S(x) of rows ``samples`` (n, d), nats: zero if and only if the columns are independent.

    Arguments and errors as in ``mutual_information``.
    """
    x = _rows("samples", samples)
    if x.shape[1] < 2:
        raise complain("samples", "one column", "at least two: one alone has nothing to depend on")
    coefficients: dict[Columns, float] = {(j,): 1.0 for j in range(x.shape[1])}
    coefficients[tuple(range(x.shape[1]))] = -1.0
    return _dependence(key, "total correlation", [x], coefficients, marginals, settings, progress)


def _dependence(
    key: Key,
    quantity: str,
    parts: list[np.ndarray],
    coefficients: dict[Columns, float],
    marginals: MakeMarginals,
    settings: CrossFitting,
    progress: bool,
) -> Information:
    """A sum of entropies in which the units of the coordinates cancel."""
    z = np.hstack([marginals(part).forward(part) for part in parts])
    normal = frozenset((j,) for j in range(z.shape[1])) if marginals is Gaussianise else frozenset()
    networks = sum(columns not in normal for columns in coefficients)
    with _teller(networks * settings.folds, progress) as tell:
        answers, rows = _entropies(key, z, coefficients, settings, normal, tell)
    gaussian = sum(c * _gaussian_entropy(answers[columns]) for columns, c in coefficients.items())
    terms = {"gaussian": gaussian, "beyond gaussian": float(rows.middle.mean()) - gaussian}
    return _report(quantity, rows, terms, _warnings(z, answers, rows, settings))


# --- divergence -----------------------------------------------------------------------------------


def kl_divergence(
    key: Key,
    samples_p: Any,
    samples_q: Any,
    *,
    marginals: MakeMarginals = Asinh,
    settings: CrossFitting = CrossFitting(),  # noqa: B008  frozen
    progress: bool = False,
) -> Information:
    """KL(p || q) = CE(p, q) - S(p) from rows of p (n, d) and rows of q (m, d), nats.

    One map of the coordinates, fitted to both samples, serves both. Networks trained on q are evaluated on the rows of
    p. What those networks lose on rows of q that they have not seen, half of the difference between held-out and seen
    rows, is taken off CE(p, q) and widens the bracket. Arguments and errors as in ``data_entropy``; terms: ``cross
    entropy`` and ``entropy`` of p after the map.
    """
    p, q = _rows("samples_p", samples_p), _rows("samples_q", samples_q)
    if p.shape[1] != q.shape[1]:
        raise complain("samples_q", f"{q.shape[1]} columns", f"as many as samples_p has, {p.shape[1]}")
    fitted = marginals(np.concatenate([p, q]))
    z_p, z_q = fitted.forward(p), fitted.forward(q)
    columns = tuple(range(p.shape[1]))
    key_p, key_q, key_cross = jax.random.split(key, 3)
    with _teller(2 * settings.folds, progress) as tell:
        answers_p, rows_p = _entropies(key_p, z_p, {columns: 1.0}, settings, frozenset(), tell)
        answers_q, rows_q = _entropies(key_q, z_q, {columns: 1.0}, settings, frozenset(), tell)
    loss_q = 0.5 * max(0.0, float(np.mean(rows_q.held_out - rows_q.seen)))
    cross = {r: _cross(key_cross, z_p, answers_p[columns], answers_q[columns], r) for r in READINGS}
    total = Rows(
        cross["denoising"] - rows_p.seen,
        cross["denoising"] - 2 * loss_q - rows_p.held_out,
        cross["quadratic"] - rows_p.quadratic,
        cross["divergence"] - rows_p.divergence,
    )
    terms = {
        "cross entropy": float(cross["denoising"].mean()) - loss_q,
        "entropy": float(rows_p.middle.mean()),
    }
    warnings = _warnings(z_p, answers_p, rows_p, settings) + _warnings(z_q, answers_q, rows_q, settings)
    return _report("KL divergence", total, terms, list(dict.fromkeys(warnings)))


READINGS = ("quadratic", "divergence", "denoising")


def _cross(
    key: Key, z: np.ndarray, folds_p: list[FoldRows], folds_q: list[FoldRows], reading: str
) -> np.ndarray:
    """-ln q of every row of p (n,), by network k of q on fold k of p; the Gaussian part unbiased for Gaussian q."""
    values = np.full(len(z), np.nan)
    d = z.shape[1]
    for k, (of_p, of_q) in enumerate(zip(folds_p, folds_q, strict=True)):
        held_out = of_p.fold.held_out
        rows = z[held_out].astype(np.float32)
        trained = of_q.trained
        correction = evaluate(
            jax.random.fold_in(key, k), trained.score, trained.reference, rows, tuple(range(d)), d
        )
        excess = _cross_bias(correction.gaussian, trained.reference, len(of_q.fold.training))
        values[held_out] = correction.entropy(reading, trained.scale) - excess
    return values


def _cross_bias(cost: np.ndarray, reference: Any, m: int) -> np.ndarray:
    """What -ln G exceeds its value under the true moments by, row by row, G fitted to m Gaussian rows.

    With nu = m - 1: E ln det is a sum of digammas; E (x - m)^T cov^-1 (x - m) is nu/(nu - d - 1) times its true value
    plus d/m times that.
    """
    d, nu = reference.dim, m - 1
    if nu <= d + 1:
        return np.zeros_like(cost)
    variances = np.asarray(reference.variances, dtype=np.float64)
    held_out, _ = gaussian_biases(m, d)
    inflation = nu / (nu - d - 1)
    log_det_bias = held_out - 0.5 * d * (inflation * (1 + 1 / m) - 1)
    distance = cost - 0.5 * np.sum(np.log(2 * np.pi * variances))
    return log_det_bias + distance * (1 - 1 / inflation) + 0.5 * d / m


# --- held-out likelihood ----------------------------------------------------------------------------


def cross_entropy(
    key: Key,
    training: Any,
    test: Any,
    *,
    marginals: MakeMarginals = Asinh,
    settings: CrossFitting = CrossFitting(),  # noqa: B008  frozen
    progress: bool = False,
) -> Information:
    """-ELBO of rows ``test`` (m, d) under the mean of the K networks fitted to rows ``training`` (n, d), nats.

    An upper bound, in the mean, on the negative log-likelihood of the learned diffusion and on the entropy of the test
    rows: what other density models' held-out NLL is to be compared with. Each network is stopped by a part of the
    training rows; the test rows, blurred by 0.003 standard deviations, are only averaged over. Map and scales are those
    of the training rows. Arguments and errors as in ``data_entropy``; bracket: the quadratic and denoising readings.
    """
    x, held_out = _rows("training", training), np.asarray(test, dtype=np.float64)
    check_points("test", held_out, x.shape[1])
    fitted = marginals(x)
    z, z_test = fitted.forward(x), fitted.forward(held_out)
    d = x.shape[1]
    fold_key, noise_key = jax.random.split(key)
    folds = split_folds(int(jax.random.randint(fold_key, (), 0, 2**31 - 1)), len(z), settings)
    with _teller(len(folds), progress) as tell:
        scores = tuple(trained.score for trained in train_folds(fold_key, z, folds, settings, tell))
    correction = evaluate(noise_key, MeanScore(scores), sample_gaussian(z), z_test, tuple(range(d)), d)
    shift = -fitted.log_derivative(held_out)
    values = {name: correction.entropy(name) + shift for name in READINGS}
    terms = {"gaussian": float(correction.gaussian.mean()), "marginal map": float(shift.mean())}
    return _from_readings("cross entropy", values, terms)


# --- scores that the user already has ---------------------------------------------------------------


def entropy_from_score(key: Key, score: Score, process: Process, samples: Any) -> Information:
    """Differential entropy by a score of the user's own, on rows (n, d) that it was not trained on, nats.

    The estimate is the denoising reading less the Gaussian's known bias: S0 + J, from above. The bracket is that and
    the quadratic reading; a score that was never fitted to a network's own limits has nothing else to be judged by.
    Raises ValueError for a score of another shape, or samples that have no density.
    """
    check_process(process)
    x = _rows("samples", samples)
    d = x.shape[1]
    check_score(score, d)
    reference = sample_gaussian(x)
    correction = evaluate(key, score, reference, x, tuple(range(d)), d, process)
    bias = gaussian_biases(len(x), d)[1]
    values = {name: correction.entropy(name) - bias for name in READINGS}
    terms = {"gaussian": float(correction.gaussian.mean()) - bias}
    return _from_readings("entropy", values, terms)


def _from_readings(quantity: str, values: dict[str, np.ndarray], terms: dict[str, float]) -> Information:
    """The denoising reading, between the smallest and the largest of the three; values (n,) of each, by name."""
    readings = {name: rows_estimate(v) for name, v in values.items()}
    means = sorted(float(e.mean) for e in readings.values())
    bracket = (means[0], means[-1])
    best = values["denoising"]
    return Information(
        quantity,
        float(best.mean()),
        total_error(best, bracket),
        len(best),
        bracket,
        terms,
        readings,
        tuple(spread_warning(values["quadratic"], best)),
    )


# --- what all share ---------------------------------------------------------------------------------


def _entropies(
    key: Key,
    z: np.ndarray,
    coefficients: dict[Columns, float],
    settings: CrossFitting,
    normal: frozenset[Columns],
    tell: Callable[[float], None],
) -> tuple[dict[Columns, list[FoldRows]], Rows]:
    """Cross-fits each set of columns on the same folds and noise; the rows of the sum with these coefficients."""
    seed = int(jax.random.randint(key, (), 0, 2**31 - 1))
    folds = split_folds(seed, len(z), settings)
    answers = {
        columns: cross_fit(key, z, columns, folds, settings, columns in normal, tell)
        for columns in coefficients
    }
    parts = [(c, in_order(answers[columns], len(z))) for columns, c in coefficients.items()]
    return answers, Rows(
        *(
            sum(c * values for c, values in zip([c for c, _ in parts], column, strict=True))
            for column in zip(*(rows for _, rows in parts), strict=True)
        )
    )


def _shifted(rows: Rows, amount: np.ndarray) -> Rows:
    return Rows(*(values + amount for values in rows))


def _gaussian_entropy(answers: list[FoldRows]) -> float:
    """The folds' Gaussian entropies without bias, averaged (nats, after the marginal map)."""
    return float(
        np.mean(
            [
                a.seen.gaussian.mean() - gaussian_biases(len(a.fold.training), a.trained.reference.dim)[1]
                for a in answers
            ]
        )
    )


def _report(quantity: str, rows: Rows, terms: dict[str, float], warnings: list[str]) -> Information:
    ends = float(rows.seen.mean()), float(rows.held_out.mean())
    bracket = (min(ends), max(ends))
    readings = {
        "quadratic": rows_estimate(rows.quadratic),
        "divergence": rows_estimate(rows.divergence),
        "denoising": rows_estimate(rows.held_out),
    }
    middle = rows.middle
    return Information(
        quantity,
        float(middle.mean()),
        total_error(middle, bracket),
        len(middle),
        bracket,
        terms,
        readings,
        tuple(warnings),
    )


def _warnings(
    z: np.ndarray, answers: dict[Columns, list[FoldRows]], rows: Rows, settings: CrossFitting
) -> list[str]:
    n, d = z.shape
    trained = [a.trained for folds in answers.values() for a in folds if a.trained.score is not None]
    return [
        *few_rows_warning(n, d),
        *tail_warning(z),
        *training_warning([t.best_step for t in trained], settings.training.steps),
        *spread_warning(rows.quadratic, rows.held_out),
        *bracket_warning((float(rows.seen.mean()), float(rows.held_out.mean())), d),
    ]


def _rows(name: str, samples: Any) -> np.ndarray:
    check_samples(name, samples)
    check_continuous(name, samples)
    x = np.asarray(samples, dtype=np.float64)
    if len(x) < FEWEST_ROWS:
        raise complain(
            name, f"{len(x)} rows", f"at least {FEWEST_ROWS} to train and to hold out; thousands are useful"
        )
    return x


def _paired(named: dict[str, Any]) -> list[np.ndarray]:
    parts = {name: _rows(name, array) for name, array in named.items()}
    first, *others = parts
    for name in others:
        if len(parts[name]) != len(parts[first]):
            raise complain(name, f"{len(parts[name])} rows", f"as many as {first} has, {len(parts[first])}")
    return list(parts.values())


def _blocks(parts: list[np.ndarray]) -> tuple[Columns, Columns, Columns]:
    """The column numbers of two or three tables side by side; the third empty for two."""
    ends = np.cumsum([0, *(part.shape[1] for part in parts)]).tolist()
    blocks = [tuple(range(a, b)) for a, b in itertools.pairwise(ends)]
    return blocks[0], blocks[1], blocks[2] if len(blocks) > 2 else ()


@contextlib.contextmanager
def _teller(total: int, progress: bool) -> Iterator[Callable[[float], None]]:
    """A function that is told the validation loss of each trained network, and counts them on a bar."""
    done = 0
    with watchers("networks", total, progress, None) as watch:

        def tell(loss: float) -> None:
            nonlocal done
            done += 1
            watch(Report(done, np.asarray(np.nan), np.asarray(loss)))

        yield tell
