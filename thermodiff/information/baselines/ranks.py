"""Columns that rise or fall with one another throughout, told by their ranks: one of them tells all of the other."""

from __future__ import annotations

import numpy as np

from thermodiff.validation import complain


def check_not_monotone(x: np.ndarray, y: np.ndarray) -> None:
    """Raise where a column of y (n, b) rises or falls with one of x (n, a) throughout: infinite mutual information."""
    for i, order in enumerate(np.argsort(x, axis=0, kind="stable").T):
        steps = np.diff(y[order], axis=0)
        for j in np.flatnonzero((steps > 0).all(axis=0) | (steps < 0).all(axis=0)).tolist():
            got = f"column {j} a monotone function of column {i} of x, counted from 0"
            raise complain("y", got, "columns with noise of their own: the information of these is infinite")
