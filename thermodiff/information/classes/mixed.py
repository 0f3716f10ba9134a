"""Mutual information where some columns are classes: classifiers for these, scores for the others, by the chain rule.

With x = (X, A), y = (Y, B) and w, A and B classes, X and Y columns that have a density,
    I(x; y | w) = H(A | w) - H(A | Y, B, w)             classes of x
                + H(B | A, w) - H(B | X, A, w)          classes of y
                + S(Y | A, B, w) - S(Y | X, A, B, w)    within classes,
each a difference of entropies of the same rows, cross-fitted on the same folds; what is not there is left out. The
entropies H are those of ``classifier``, S those of ``entropy_sums``, whose networks are shown classes as columns of
zeros and ones. Source: this project.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np

from thermodiff.array_types import Key
from thermodiff.information.arguments import MakeMarginals, check_no_function, checked_rows, labels
from thermodiff.information.classes.classifier import FEWEST_STOPPING, fit_classifier, frequencies
from thermodiff.information.classes.sides import (
    Discrete,
    Side,
    check_no_classes,
    joint,
    one_hot,
    rare_warning,
    sides,
)
from thermodiff.information.coordinate_maps import Asinh, Gaussianise
from thermodiff.information.coordinates import Coordinates
from thermodiff.information.cross_fitting.folds import CrossFitting, Fold, split_folds
from thermodiff.information.cross_fitting.half_effort import Part
from thermodiff.information.cross_fitting.judged_rows import Rows, added, corrected
from thermodiff.information.cross_fitting.missing import NOTHING, Lost, missing_of_classes
from thermodiff.information.entropy_sums import (
    Summed,
    cross_fitted_sum,
    report,
    trained_at_once,
    warnings_of,
)
from thermodiff.information.report import Information
from thermodiff.information.warnings import missing_warning, strong_warning, tail_warning, training_warning
from thermodiff.numerics.estimates import estimate_rows
from thermodiff.training.config import TrainingConfig
from thermodiff.training.jobs import Job, Plan, joined

MOST_PRODUCTS = 32
MOST_RATE = 2e-3
"""Learning rate of a classifier at most: the rate of scores, which is tried, may be too fast for it."""


class _Use(NamedTuple):
    """What all lines of the chain rule share: who judges whom, with how much effort, and the map of the numbers."""

    folds: list[Fold]
    settings: CrossFitting
    marginals: MakeMarginals


class _Stage(NamedTuple):
    """One line of the chain rule: its rows, and what to distrust in it."""

    rows: Rows
    warnings: list[str]


def mixed_information(
    key: Key,
    named: Mapping[str, Any],
    discrete: Discrete,
    marginals: MakeMarginals,
    settings: CrossFitting,
    progress: bool,
) -> Information:
    """I(x; y), or I(x; y | given), of the tables ``named``, of which the columns ``discrete`` are classes."""
    told = sides(named, discrete)
    x, y, known = told["x"], told["y"], list(told.values())[2:]
    if x.dim * y.dim:
        check_no_classes(named, discrete)
        _check_densities(told, marginals)
    of_x, of_y = (Side(side.rows[:, :0], side.codes, side.classes) for side in (x, y))
    fold_key, *keys = jax.random.split(key, 4)
    folds = split_folds(int(jax.random.randint(fold_key, (), 0, 2**31 - 1)), len(x.rows), settings)
    use = _Use(folds, settings, marginals)
    lines = {
        "classes of x": lambda: _classes(keys[0], x, known, [y, *known], use),
        "classes of y": lambda: _classes(keys[1], y, [of_x, *known], [x, *known], use),
        "within classes": lambda: _within(keys[2], x, y, [of_x, of_y, *known], use),
    }
    there = [x.codes is not None, y.codes is not None and (x.dim > 0 or x.codes is None), x.dim * y.dim > 0]
    plans = {name: plan() for (name, plan), is_there in zip(lines.items(), there, strict=True) if is_there}
    stages = dict(zip(plans, trained_at_once(list(plans.values()), progress), strict=True))
    total = added((1.0, stage.rows) for stage in stages.values())
    terms = {name: float(stage.rows.best.mean()) for name, stage in stages.items()}
    warnings = [warning for stage in stages.values() for warning in stage.warnings]
    warnings += rare_warning([side.codes for side in told.values()]) + _tails(told, marginals)
    quantity = "conditional mutual information" if known else "mutual information"
    answer = report(quantity, total, terms, list(dict.fromkeys(warnings)))
    if "within classes" in stages:
        return answer
    return dataclasses.replace(answer, readings={"classifier": estimate_rows(total.held_out)})


def _check_densities(told: Mapping[str, Side], marginals: MakeMarginals) -> None:
    """Raise unless the numbers of all sides can be samples of a density, none of them given by others."""
    for name, side in told.items():
        if side.dim:
            checked_rows(name, side.named)
    called = labels({name: side.named for name, side in told.items() if side.dim})
    check_no_function(np.hstack([side.rows for side in told.values()]), called)
    check_no_function(np.hstack(_mapped(told.values(), marginals)), called)


def _tails(told: Mapping[str, Side], marginals: MakeMarginals) -> list[str]:
    """Where columns that have a density, mapped as they are shown to networks, have values far out."""
    there = {name: side.named for name, side in told.items() if side.dim}
    if not there or not told["x"].dim * told["y"].dim:
        return []
    return tail_warning(np.hstack(_mapped(told.values(), marginals)), labels(there))


def _classes(key: Key, asked: Side, known: Sequence[Side], more: Sequence[Side], use: _Use) -> Plan:
    """H(classes of ``asked`` | known) - H(classes of ``asked`` | more), where ``more`` says at least as much."""
    codes = asked.codes
    assert codes is not None
    before, after = (_columns(sides) for sides in (known, more))
    keys = jax.random.split(key, 2)

    def made(found: list[_Left]) -> _Stage:
        less, left = found
        rows = added([(1.0, less.rows(use.folds)), (-1.0, left.rows(use.folds))])
        warnings = [
            *_line_warning(len(codes), len(use.folds[0].validation)),
            *training_warning(less.ended + left.ended, use.settings.for_rows(len(codes)).training.steps),
            *missing_warning(rows.missing, rows.doubt, 1),
        ]
        return _Stage(rows, warnings)

    return joined([_left(keys[0], before, codes, use), _left(keys[1], after, codes, use)], made)


def _line_warning(n: int, stopping: int) -> list[str]:
    if stopping >= FEWEST_STOPPING:
        return []
    return [
        f"{n} rows are too few for a network: classes are told by lines alone, so the estimate is from below"
    ]


def _columns(known: Sequence[Side]) -> np.ndarray:
    """What a classifier is shown: numbers that vary, narrow ones mixed, tails bent, and columns for classes."""
    numbers = np.hstack([side.rows for side in known]) if known else np.zeros((0, 0))
    numbers = numbers[:, numbers.std(axis=0) > 0] if numbers.size else numbers
    rows = [Coordinates(numbers, Asinh).forward(numbers)] if numbers.size else []
    together = joint([side.codes for side in known])
    rows += [] if together is None else [one_hot(together)]
    return np.hstack(rows) if rows else np.zeros((0, 0))


class _Left(NamedTuple):
    """-ln q(class | columns) of every row (n,) with all effort and with half; the steps that trainings ended at."""

    held: np.ndarray
    half: np.ndarray
    ended: list[int]
    learned: bool

    def rows(self, folds: list[Fold]) -> Rows:
        """Less what is missing: nothing of frequencies, whose bias is known and is out already."""
        lost = Lost.by_fold([(self.half - self.held)[fold.held_out] for fold in folds])
        missing = missing_of_classes(lost) if self.learned else NOTHING
        return corrected(self.held, self.half, self.held, self.held, missing)


def _left(key: Key, columns: np.ndarray, codes: np.ndarray, use: _Use) -> Plan:
    """What classifiers that never saw a row make of its class: a ``_Left``."""
    jobs, effort = [], use.settings.for_rows(len(codes))
    for k, fold in enumerate(use.folds):
        efforts = ((fold.training, effort.training), (fold.half, effort.part(2)))
        for i, (numbers, given) in enumerate(efforts):
            config = dataclasses.replace(given, learning_rate=min(given.learning_rate, MOST_RATE))
            place = jax.random.fold_in(key, 2 * k + i)
            work = partial(_of_fold, place, columns, codes, numbers, fold, config)
            jobs.append(Job(work, float(config.steps) if columns.size else 0.0))

    def made(found: list[tuple[np.ndarray, int]]) -> _Left:
        held, half = np.full(len(codes), np.nan), np.full(len(codes), np.nan)
        for fold, (whole, _), (less, _) in zip(use.folds, found[::2], found[1::2], strict=True):
            held[fold.held_out], half[fold.held_out] = whole, less
        return _Left(held, half, [step for _, step in found[::2]], learned=columns.size > 0)

    return Plan(jobs, made)


def _of_fold(
    key: Key, columns: np.ndarray, codes: np.ndarray, numbers: np.ndarray, fold: Fold, config: TrainingConfig
) -> tuple[np.ndarray, int]:
    """-ln q of the rows held out, less the known cost of what was fitted to the rows ``numbers``."""
    classes = int(codes.max()) + 1
    if columns.size == 0:
        bias = (classes - 1) / (2 * len(numbers))
        return -frequencies(codes[numbers], classes)[codes[fold.held_out]] - bias, 0
    classifier = fit_classifier(key, columns, codes, numbers, fold.validation, config)
    found = classifier.log_probability(columns[fold.held_out], codes[fold.held_out])
    return -found - classifier.line.bias, classifier.best_step


def _mapped(every: Iterable[Side], marginals: MakeMarginals) -> list[np.ndarray]:
    """The columns of each side that have a density, narrow ones mixed, mapped; nothing of a side that has none."""
    return [Coordinates(side.rows, marginals).forward(side.rows) for side in every if side.dim]


def _within(key: Key, x: Side, y: Side, known: Sequence[Side], use: _Use) -> Plan:
    """S(Y | classes, w) - S(Y | X, classes, w), or the same of X: that of fewer columns is modelled."""
    told, asked = (x, y) if y.dim <= x.dim else (y, x)
    modelled, shown, *rest = _mapped([asked, told, *known], use.marginals)
    classes = joint([side.codes for side in known])
    of_class = np.zeros((len(modelled), 0)) if classes is None else one_hot(classes)
    before = np.hstack([of_class, *rest, *(_products(part, of_class) for part in rest)])
    z = np.hstack([modelled, before, shown, _products(shown, of_class)])
    columns, others = tuple(range(asked.dim)), tuple(range(asked.dim, z.shape[1]))
    coefficients = {Part(columns, others[: before.shape[1]]): 1.0, Part(columns, others): -1.0}

    def made(found: list[Summed]) -> _Stage:
        ((answers, rows),) = found
        warnings = warnings_of(z, answers, rows, use.settings)
        if use.marginals is Gaussianise:
            warnings += strong_warning(float(rows.best.mean()) / asked.dim, len(z))
        return _Stage(rows, warnings)

    return joined([cross_fitted_sum(key, z, coefficients, use.settings, folds=use.folds)], made)


def _products(rows: np.ndarray, of_class: np.ndarray) -> np.ndarray:
    """Each column of rows (n, d) within each class but the first: every class then has a regression line of its own.

    Nothing where they would be more than ``MOST_PRODUCTS``: a network learns the lines from columns and classes too.
    """
    if rows.shape[1] * of_class.shape[1] > MOST_PRODUCTS:
        return rows[:, :0]
    return (rows[:, :, None] * of_class[:, None, :]).reshape(len(rows), -1)
