"""The mutual information of every two columns of a table.

Each pair is one ``mutual_information`` of the same shape, so that one compiled program serves all. Source: this
project.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np

from thermodiff.array_types import Key
from thermodiff.distributions.rows import Rows, column_names
from thermodiff.information.arguments import MakeMarginals, check_arguments
from thermodiff.information.classes.sides import check_no_classes
from thermodiff.information.coordinate_maps import Gaussianise
from thermodiff.information.cross_fitting.folds import CrossFitting
from thermodiff.information.dependence import mutual_information
from thermodiff.information.report import Information
from thermodiff.runtime.progress import stage
from thermodiff.training.config import TrainingConfig
from thermodiff.training.jobs import Job, run_jobs
from thermodiff.types import aligned
from thermodiff.validation import complain

TWO_COLUMNS = TrainingConfig(
    steps=300, batch_size=128, learning_rate=2e-3, width=32, depth=2, chunk=25, patience=4
)
"""Enough for one column given another, and a fraction of the work that is the default for many columns."""


def _as_it_is(**changes: Any) -> CrossFitting:
    """``TWO_COLUMNS`` with these changes, at its one learning rate."""
    return CrossFitting(training=dataclasses.replace(TWO_COLUMNS, **changes), rates=(1.0,))


PAIR_EFFORTS: dict[str, CrossFitting] = {
    "quick": _as_it_is(steps=150),
    "standard": _as_it_is(),
    "thorough": _as_it_is(steps=1200, batch_size=256, width=64, chunk=100),
}
"""What efforts are called where every pair of columns is a mutual information."""


class PairwiseInformation(NamedTuple):
    """I(x_i; x_j) of every two of d columns, nats: ``mean`` and ``stderr`` (d, d), symmetric, NaN on the diagonal.

    ``names`` are the columns', ``answers`` what ``mutual_information`` says of each pair (i, j), i < j, in full.
    """

    names: tuple[str, ...]
    mean: np.ndarray
    stderr: np.ndarray
    answers: dict[tuple[int, int], Information]

    def to_dict(self) -> dict[str, Any]:
        """Everything in plain numbers, strings and lists; null on the diagonal."""
        parts = {name: _plain(getattr(self, name)) for name in ("mean", "stderr")}
        pairs = [
            {"columns": [self.names[i], self.names[j]], **answer.to_dict()}
            for (i, j), answer in self.answers.items()
        ]
        return {"names": list(self.names), **parts, "pairs": pairs}

    def __str__(self) -> str:
        """The pairs from the strongest down, with errors and the number of warnings."""
        width = max(len(f"{self.names[i]} : {self.names[j]}") for i, j in self.answers)
        strongest = sorted(self.answers.items(), key=lambda pair: -pair[1].mean)
        lines = ["mutual information of pairs, nats"]
        for (i, j), answer in strongest:
            warned = f"   {len(answer.warnings)} warning(s)" if answer.warnings else ""
            pair = f"{self.names[i]} : {self.names[j]}"
            lines.append(f"  {pair:<{width}}  {aligned(answer.mean, answer.stderr)}{warned}")
        return "\n".join(lines)


def pairwise_mutual_information(
    key: Key,
    samples: Any,
    *,
    names: Sequence[str] | None = None,
    discrete: Sequence[int | str] = (),
    marginals: MakeMarginals = Gaussianise,
    settings: CrossFitting | None = None,
    effort: str | None = None,
    progress: bool = False,
) -> PairwiseInformation:
    """I(x_i; x_j) of every two columns of rows ``samples`` (n, d), nats, with a standard error each.

    ``discrete`` lists the columns of classes, by number from 0 or by name where ``samples`` is a DataFrame; ``names``
    are d words for the columns (default: those of a DataFrame, else numbers from 0). d (d - 1)/2 estimates: of twenty
    independent pairs two lie outside their 90 % intervals, and which pair is the strongest is itself chosen by chance
    among equals. A pair tells nothing of what three columns do together. Its cost is that of 6 small trainings a pair.
    Raises ValueError as ``mutual_information`` does.
    """
    key, settings = check_arguments(key, marginals, settings, effort, PAIR_EFFORTS)
    given = samples if isinstance(samples, Rows) else Rows(samples, column_names("samples", samples))
    table = np.asarray(given.values)
    if table.ndim != 2 or table.shape[1] < 2:
        raise complain("samples", f"shape {table.shape}", "shape (n, d) with at least two columns")
    d = table.shape[1]
    names = given.columns if names is None else names
    words = tuple(str(j) for j in range(d)) if names is None else tuple(str(name) for name in names)
    if len(words) != d:
        raise complain("names", f"{len(words)} for {d} columns", "one for each column")
    named_rows = given._replace(values=table, columns=None if names is None else words)
    of_classes = check_no_classes({"samples": named_rows}, {"samples": discrete}).get("samples", [])
    pairs = list(itertools.combinations(range(d), 2))

    def one(pair_key: Key, i: int, j: int) -> Information:
        named = [name for name, column in (("x", i), ("y", j)) if column in of_classes]
        x, y = named_rows.take([i]), named_rows.take([j])
        answer = mutual_information(pair_key, x, y, discrete=named, marginals=marginals, settings=settings)
        stage(f"{words[i]} : {words[j]} {answer.mean:.2g}")
        return answer

    keys = jax.random.split(key, len(pairs))
    jobs = [Job(partial(one, k, i, j), 1.0) for k, (i, j) in zip(keys, pairs, strict=True)]
    answers = dict(zip(pairs, run_jobs(jobs, "pairs", progress), strict=True))
    mean, stderr = np.full((d, d), np.nan), np.full((d, d), np.nan)
    for (i, j), answer in answers.items():
        mean[i, j] = mean[j, i] = answer.mean
        stderr[i, j] = stderr[j, i] = answer.stderr
    return PairwiseInformation(words, mean, stderr, answers)


def _plain(matrix: np.ndarray) -> list[list[float | None]]:
    return [[None if np.isnan(value) else value for value in row] for row in matrix.tolist()]
