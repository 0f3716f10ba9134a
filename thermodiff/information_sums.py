"""What every estimate of information is made of: sums of entropies of columns on the same folds and noise.

    sum_c k_c S(z_c),    c a set of columns of the table z, k_c its coefficient (+-1)

row by row, so that errors cancel and the standard error is that of the sum. Source: theory section 6 (this project).
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
    Rows,
    cross_fit,
    gaussian_biases,
    in_order,
    split_folds,
)
from thermodiff.information_report import (
    Information,
    bracket_warning,
    few_rows_warning,
    spread_warning,
    tail_warning,
    total_error,
    training_warning,
)
from thermodiff.marginals import Marginals
from thermodiff.numerics import estimate_rows
from thermodiff.progress import Report, watchers
from thermodiff.types import Key
from thermodiff.validation import check_continuous, check_samples, complain

FEWEST_ROWS = 60
Columns = tuple[int, ...]
MakeMarginals = Callable[[Any], Marginals]
READINGS = ("quadratic", "divergence", "denoising")


def report_readings(quantity: str, values: dict[str, np.ndarray], terms: dict[str, float]) -> Information:
    """The denoising reading, between the smallest and the largest of the three; values (n,) of each, by name."""
    readings = {name: estimate_rows(v) for name, v in values.items()}
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


def cross_fitted_sum(
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


def shifted(rows: Rows, amount: np.ndarray) -> Rows:
    """Every value of the rows plus that row's ``amount`` (n,), nats."""
    return Rows(*(values + amount for values in rows))


def gaussian_entropy_of(answers: list[FoldRows]) -> float:
    """The folds' Gaussian entropies without bias, averaged (nats, after the marginal map)."""
    return float(
        np.mean(
            [
                a.seen.gaussian.mean() - gaussian_biases(len(a.fold.training), a.trained.reference.dim)[1]
                for a in answers
            ]
        )
    )


def report(quantity: str, rows: Rows, terms: dict[str, float], warnings: list[str]) -> Information:
    """The middle of the rows seen and held out, between the two, with its terms and warnings."""
    ends = float(rows.seen.mean()), float(rows.held_out.mean())
    bracket = (min(ends), max(ends))
    readings = {
        "quadratic": estimate_rows(rows.quadratic),
        "divergence": estimate_rows(rows.divergence),
        "denoising": estimate_rows(rows.held_out),
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


def warnings_of(
    z: np.ndarray, answers: dict[Columns, list[FoldRows]], rows: Rows, settings: CrossFitting
) -> list[str]:
    """What to distrust: rows (n, d) after the map, how the trainings ended, how the readings and brackets agree."""
    n, d = z.shape
    trained = [a.trained for folds in answers.values() for a in folds if a.trained.score is not None]
    return [
        *few_rows_warning(n, d),
        *tail_warning(z),
        *training_warning([t.best_step for t in trained], settings.training.steps),
        *spread_warning(rows.quadratic, rows.held_out),
        *bracket_warning((float(rows.seen.mean()), float(rows.held_out.mean())), d),
    ]


def checked_rows(name: str, samples: Any) -> np.ndarray:
    """Rows (n, d) in double precision. Raises ValueError where they have no density or are too few."""
    check_samples(name, samples)
    check_continuous(name, samples)
    x = np.asarray(samples, dtype=np.float64)
    if len(x) < FEWEST_ROWS:
        raise complain(
            name, f"{len(x)} rows", f"at least {FEWEST_ROWS} to train and to hold out; thousands are useful"
        )
    return x


def paired_rows(named: dict[str, Any]) -> list[np.ndarray]:
    """``checked_rows`` of each table by name. Raises ValueError unless all have as many."""
    parts = {name: checked_rows(name, array) for name, array in named.items()}
    first, *others = parts
    for name in others:
        if len(parts[name]) != len(parts[first]):
            raise complain(name, f"{len(parts[name])} rows", f"as many as {first} has, {len(parts[first])}")
    return list(parts.values())


def blocks(parts: list[np.ndarray]) -> tuple[Columns, Columns, Columns]:
    """The column numbers of two or three tables side by side; the third empty for two."""
    ends = np.cumsum([0, *(part.shape[1] for part in parts)]).tolist()
    blocks = [tuple(range(a, b)) for a, b in itertools.pairwise(ends)]
    return blocks[0], blocks[1], blocks[2] if len(blocks) > 2 else ()


@contextlib.contextmanager
def teller(total: int, progress: bool) -> Iterator[Callable[[float], None]]:
    """A function that is told the validation loss of each trained network, and counts them on a bar."""
    done = 0
    with watchers("networks", total, progress, None) as watch:

        def tell(loss: float) -> None:
            nonlocal done
            done += 1
            watch(Report(done, np.asarray(np.nan), np.asarray(loss)))

        yield tell
