"""The entropy of classes given other columns, by a classifier of held-out rows: logits of a line, and a network's.

    H(c | w) = E[-ln q(c | w)] - bias,    q = (1 - e) softmax(ln f_c + B (1, w) + a F(w)) + e f_c,

f_c the frequencies, B the ridge regression that makes the training rows likeliest, F a network that starts at zero and
is stopped by other rows. These choose a, between 0 and 1.2, and leave the network out where it is not better by a
standard error, or where they are too few to tell: few rows are told apart by anything. e = 1/2m is half of one of m
rows, so that no row is impossible. Fitted lines cost (number of parameters)/2m on rows that they were not fitted to;
that is known and taken off, as the Gaussian's bias is elsewhere. Source: this project; the cost of fitted parameters,
Akaike (1974).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import minimize, minimize_scalar
from scipy.special import log_softmax

from thermodiff.array_types import Key
from thermodiff.information.cross_fitting.rescaling import LARGEST_SCALE
from thermodiff.information.descent import descend
from thermodiff.numerics.estimates import estimate_rows
from thermodiff.training.config import TrainingConfig

RIDGE = 1.0
"""Precision of the normal prior of each coefficient, for whitened columns: classes that a plane separates end there."""
NARROWEST = 1e-12
"""Smallest eigenvalue of a correlation matrix, as a fraction of its largest: below lies rounding."""
FEWEST_STOPPING = 100
"""With fewer rows to stop it, a thousand in all by default, a network is not trained: a confident one would not be
found out. (569 rows of breast cancer, of which 57 stop: what texture tells was 0.10 by one key, -0.01 by another.)"""


class Line(NamedTuple):
    """Logits ln f_c + B (1, W (w - m)): frequencies f (k,), coefficients B (1 + c, k), whitening W (c, c), mean m (c,).

    ``bias`` is what it costs on rows that it was not fitted to, nats.
    """

    log_frequency: np.ndarray
    coefficients: np.ndarray
    whitening: np.ndarray
    mean: np.ndarray
    bias: float

    def features(self, rows: np.ndarray) -> np.ndarray:
        """1 and the whitened columns of rows (n, c), shape (n, 1 + c)."""
        return np.column_stack([np.ones(len(rows)), (rows - self.mean) @ self.whitening])

    def logits(self, rows: np.ndarray) -> np.ndarray:
        """Of rows (n, c), shape (n, k)."""
        return self.log_frequency + self.features(rows) @ self.coefficients


def frequencies(codes: np.ndarray, classes: int) -> np.ndarray:
    """ln f_c, half a row added to each class, shape (k,)."""
    times = np.bincount(codes, minlength=classes) + 0.5
    return np.log(times / times.sum())


def fit_line(rows: np.ndarray, codes: np.ndarray, classes: int) -> Line:
    """Multinomial ridge regression of codes (m,) on rows (m, c), by quasi-Newton steps in double precision."""
    m, c = rows.shape
    mean, width = rows.mean(axis=0), rows.std(axis=0)
    width = np.where(width > 0, width, 1.0)
    scaled = (rows - mean) / width
    spread, directions = np.linalg.eigh(scaled.T @ scaled / m)
    # What does not vary among these rows says nothing, whatever it does in others.
    varies = spread > NARROWEST * spread.max()
    whitening = (
        directions * np.where(varies, 1 / np.sqrt(np.where(varies, spread, 1.0)), 0.0) / width[:, None]
    )
    line = Line(frequencies(codes, classes), np.zeros((1 + c, classes)), whitening, mean, 0.0)
    features, truth = line.features(rows), np.eye(classes)[codes]

    def cost(flat: np.ndarray) -> tuple[float, np.ndarray]:
        coefficients = flat.reshape(1 + c, classes)
        log_q = log_softmax(line.log_frequency + features @ coefficients, axis=1)
        gradient = features.T @ (np.exp(log_q) - truth) + RIDGE * coefficients
        return float(-np.sum(truth * log_q) + 0.5 * RIDGE * np.sum(coefficients**2)), gradient.ravel()

    found = minimize(cost, line.coefficients.ravel(), jac=True, method="L-BFGS-B").x.reshape(1 + c, classes)
    return line._replace(coefficients=found, bias=_optimism(features, line.log_frequency, found) / (2 * m))


def _optimism(features: np.ndarray, log_frequency: np.ndarray, coefficients: np.ndarray) -> float:
    """tr[(H (H + ridge)^-1)^2], H the information matrix of the line: how many parameters the rows decide."""
    q = np.exp(log_softmax(log_frequency + features @ coefficients, axis=1))
    k, width = q.shape[1], features.shape[1]
    information = np.empty((k, width, k, width))
    for a in range(k):
        for b in range(k):
            weights = q[:, a] * ((a == b) - q[:, b])
            information[a, :, b] = features.T @ (features * weights[:, None])
    values = np.maximum(np.linalg.eigvalsh(information.reshape(k * width, k * width)), 0.0)
    return float(np.sum((values / (values + RIDGE)) ** 2))


class Classifier(NamedTuple):
    """A line, a network's addition to its logits, what that is multiplied by, and how many rows have made both."""

    line: Line
    network: Any
    scale: float
    best_step: int
    m: int

    def log_probability(self, rows: Float[np.ndarray, "n c"], codes: Int[np.ndarray, " n"]) -> np.ndarray:
        """ln q of each row's own class, shape (n,)."""
        added = self.scale * _added(self.network, self.line, rows) if self.scale else 0.0
        return _log_probability(self.line, added, rows, codes, self.m)


def _log_probability(line: Line, added: Any, rows: np.ndarray, codes: np.ndarray, m: int) -> np.ndarray:
    """ln q of each row's own class (n,), for logits ``added`` (n, k) to those of a line of m rows."""
    log_q = log_softmax(line.logits(rows) + added, axis=1)[np.arange(len(rows)), codes]
    rest = 1 / (2 * m)
    return np.logaddexp(np.log1p(-rest) + log_q, np.log(rest) + line.log_frequency[codes])


def fit_classifier(
    key: Key,
    rows: np.ndarray,
    codes: np.ndarray,
    training: np.ndarray,
    stopping: np.ndarray,
    config: TrainingConfig,
) -> Classifier:
    """A classifier of codes (n,) by rows (n, c), trained on some row numbers, stopped by others."""
    classes = int(codes.max()) + 1
    line = fit_line(rows[training], codes[training], classes)
    if len(stopping) < FEWEST_STOPPING:
        return Classifier(line, None, 0.0, 0, len(training))
    start_key, key = jax.random.split(key)
    network = config.architecture(start_key, rows.shape[1] + classes, config.width, config.depth)
    batch, held_out = (_batch(line, rows[numbers], codes[numbers]) for numbers in (training, stopping))
    network, step = descend(key, _loss, network, (), batch, held_out, config)
    added = _added(network, line, rows[stopping])

    def log_q(scale: float) -> np.ndarray:
        return _log_probability(line, scale * added, rows[stopping], codes[stopping], len(training))

    best = minimize_scalar(lambda a: -log_q(a).sum(), bounds=(0.0, LARGEST_SCALE), method="bounded").x
    gain = estimate_rows(log_q(best) - log_q(0.0))
    scale = float(best) if gain.mean > gain.stderr else 0.0
    return Classifier(line, network, scale, step, len(training))


def _batch(line: Line, rows: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, ...]:
    """What the network is shown, the line's logits, and the classes, in single precision."""
    return _seen(line, rows), line.logits(rows).astype(np.float32), codes


def _seen(line: Line, rows: np.ndarray) -> np.ndarray:
    """Whitened columns, and a zero for each class: networks answer with as many numbers as they are shown."""
    empty = np.zeros((len(rows), len(line.log_frequency)))
    return np.hstack([line.features(rows)[:, 1:], empty]).astype(np.float32)


def _loss(network: Any, fixed: Any, batch: Any, key: Key) -> Any:
    """E[-ln q(c | w)] of a batch, nats; nothing is fixed, nothing drawn."""
    seen, logits, codes = batch
    log_q = jax.nn.log_softmax(logits + _network_logits(network, seen, logits.shape[1]), axis=1)
    return -jnp.mean(jnp.take_along_axis(log_q, codes[:, None], axis=1))


def _network_logits(network: Any, seen: Any, classes: int) -> Any:
    return jax.vmap(lambda x: network(x, jnp.zeros(())))(seen)[:, -classes:]


_compiled_logits = jax.jit(_network_logits, static_argnums=2)


def _added(network: Any, line: Line, rows: np.ndarray) -> np.ndarray:
    """F of rows (n, c), shape (n, k), double precision."""
    return np.asarray(_compiled_logits(network, _seen(line, rows), len(line.log_frequency)), dtype=np.float64)
