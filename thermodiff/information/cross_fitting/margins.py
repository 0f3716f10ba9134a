"""Learned margins: columns made normal one by one, by maps with a density, fitted to the training rows of a fold.

    u_j = g_j(z_j),     -ln q_j(z) = g_j(z)^2/2 + ln(2 pi)/2 - ln g_j'(z)

g_j is increasing: a cubic through the normal scores of quantiles, of equal mass in the middle and halving towards the
ends, and a line beyond the last of them. Edges, cusps and skewness of single columns are learned by this in
milliseconds, with an error of about half a knot a row (B/2n nats), where a network needs minutes for each facet of a
cube; what columns have together is left to the network. How many knots the rows carry, their own halves decide. Source:
this project; the cubic is that of Fritsch & Butland (1984).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import ndtri

INTERVALS = (0, 3, 4, 6, 8, 11, 16, 23, 32, 45, 64, 90, 128, 181, 256)
"""How many intervals of equal mass may be tried; none is a line, the Gaussian of the column's moments."""
ROWS_BEYOND = 8
"""Rows beyond the last knot at either end."""
MOST_ROWS = 10_000
"""Rows that are enough to choose the number of intervals, which then grows with the cube root of the others."""


class Margin(NamedTuple):
    """One column's g: knots (k,), their scores u and slopes g' (k,), and the slopes of the lines at the two ends."""

    knots: np.ndarray
    scores: np.ndarray
    slopes: np.ndarray
    ends: tuple[float, float]

    def forward(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """g(z) and ln g'(z) of z (n,)."""
        x, u, m = self.knots, self.scores, self.slopes
        low, high = z < x[0], z > x[-1]
        k = np.clip(np.searchsorted(x, z) - 1, 0, len(x) - 2)
        width, rise = x[k + 1] - x[k], u[k + 1] - u[k]
        s = (z - x[k]) / width
        secant = rise / width
        # Hermite's cubic of s in [0, 1]: value, and slope.
        bend, twist = 3 * secant - 2 * m[k] - m[k + 1], m[k] + m[k + 1] - 2 * secant
        value = u[k] + width * s * (m[k] + s * (bend + s * twist))
        slope = m[k] + s * (2 * bend + 3 * s * twist)
        value = np.where(low, u[0] + self.ends[0] * (z - x[0]), value)
        value = np.where(high, u[-1] + self.ends[1] * (z - x[-1]), value)
        slope = np.where(low, self.ends[0], np.where(high, self.ends[1], slope))
        return value, np.log(slope)


def margin_of(column: np.ndarray, bins: int) -> Margin:
    """The map of a column (m,) with ``bins`` intervals of equal mass."""
    z = np.sort(np.asarray(column, dtype=np.float64))
    if bins == 0:
        mean, std = z.mean(), z.std()
        return Margin(
            mean + std * np.array([-1.0, 1.0]), np.array([-1.0, 1.0]), np.full(2, 1 / std), (1 / std,) * 2
        )
    at = _ranks(len(z), bins)
    knots, first = np.unique(z[at], return_index=True)
    scores = ndtri((at[first] + 0.5) / len(z))
    secants = np.diff(scores) / np.diff(knots)
    inner = 2 * secants[1:] * secants[:-1] / (secants[1:] + secants[:-1])
    slopes = np.concatenate([secants[:1], inner, secants[-1:]])
    low = _end(knots[0] - z[z < knots[0]], -scores[0], secants[0])
    high = _end(z[z > knots[-1]] - knots[-1], scores[-1], secants[-1])
    return Margin(knots, scores, slopes, (low, high))


def _ranks(m: int, bins: int) -> np.ndarray:
    """Which of m sorted rows are knots."""
    middle = np.arange(1, bins) * m // bins
    tail = m / bins * 0.5 ** np.arange(40)
    tail = tail[tail >= ROWS_BEYOND].astype(int)
    return np.unique(np.concatenate([tail, middle, m - 1 - tail]))


def _end(excess: np.ndarray, score: float, secant: float) -> float:
    """The slope s under which rows beyond the last knot, by ``excess`` (r,) > 0, are likeliest: u = score + s excess.

    sum ln s - (score + s e)^2/2 is largest where s^2 sum e^2 + s score sum e = r. Where ties leave no row beyond, the
    last interval's ``secant``.
    """
    if not len(excess):
        return secant
    a, b, r = float(np.sum(excess**2)), float(score * np.sum(excess)), len(excess)
    return (np.sqrt(b**2 + 4 * a * r) - b) / (2 * a)


def cost(margin: Margin, z: np.ndarray) -> np.ndarray:
    """-ln q of z (n,) but for ln(2 pi)/2."""
    u, log_slope = margin.forward(z)
    return 0.5 * u**2 - log_slope


def chosen_bins(column: np.ndarray) -> int:
    """How many intervals make either half of the rows likeliest under a map fitted to the other, for all the rows."""
    some = column[:MOST_ROWS]
    halves = some[::2], some[1::2]

    def loss(bins: int) -> float:
        pairs = (halves, halves[::-1])
        return float(np.mean([cost(margin_of(a, bins), b).mean() for a, b in pairs]))

    best = min((b for b in INTERVALS if b * ROWS_BEYOND <= len(halves[0])), key=loss)
    return round(best * (len(column) / len(halves[0])) ** (1 / 3))


class Margins(NamedTuple):
    """A map of each of the columns of (y, w), d + c; without any, rows stay as they are."""

    columns: tuple[Margin, ...] = ()

    @property
    def intervals(self) -> int:
        """The most of any column."""
        return max((len(m.knots) for m in self.columns), default=0)

    def forward(self, rows: np.ndarray) -> np.ndarray:
        """(u, g(w)) of rows (n, d + c), in single precision."""
        if not self.columns:
            return np.asarray(rows, dtype=np.float32)
        mapped = [m.forward(np.asarray(rows[:, j], dtype=np.float64))[0] for j, m in enumerate(self.columns)]
        return np.stack(mapped, axis=1).astype(np.float32)

    def log_derivative(self, rows: np.ndarray, dim: int) -> np.ndarray:
        """sum_j ln g_j'(y_j) over the first ``dim`` columns of rows (n, d + c), shape (n,), nats."""
        total = np.zeros(len(rows))
        for j, m in enumerate(self.columns[:dim]):
            total += m.forward(np.asarray(rows[:, j], dtype=np.float64))[1]
        return total


def margins_of(rows: np.ndarray) -> Margins:
    """The maps of the columns of rows (m, d + c), each with as many intervals as these rows carry."""
    return Margins(tuple(margin_of(column, chosen_bins(column)) for column in rows.T))
