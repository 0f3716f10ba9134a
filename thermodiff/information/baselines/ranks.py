"""Columns that rise or fall with one another throughout, told by their ranks: one of them tells all of the other."""

from __future__ import annotations

import numpy as np

from thermodiff.distributions.rows import Rows
from thermodiff.validation import complain


def check_not_monotone(x: np.ndarray, y: np.ndarray, x_named: Rows, y_named: Rows) -> None:
    """Raise where a column of y (n, b) rises or falls with one of x (n, a) throughout: infinite mutual information.

    ``x_named`` and ``y_named`` know what the columns are called.
    """
    for i, order in enumerate(np.argsort(x, axis=0, kind="stable").T):
        steps = np.diff(y[order], axis=0)
        for j in np.flatnonzero((steps > 0).all(axis=0) | (steps < 0).all(axis=0)).tolist():
            got = f"a monotone function of x[:, {x_named.label(i)}]"
            raise complain(
                f"y[:, {y_named.label(j)}]",
                got,
                "columns with noise of their own: the information of these is infinite",
            )
