"""-ln p of single held-out rows under a learned diffusion, to be paired with other density models' row by row.

The rows whose mean is ``cross_entropy``, from the same key the same networks and noise:
    -ELBO(x) = -ln G(x) - int K(x; ell) d ell + ln |dx/dz|,     the denoising reading.
"""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from thermodiff.cross_fitting import CrossFitting, MeanScore, split_folds, train_folds
from thermodiff.gaussian_correction import evaluate
from thermodiff.marginals import Asinh
from thermodiff.points import sample_gaussian
from thermodiff.progress import Report, watchers
from thermodiff.types import Key
from thermodiff.validation import check_points, check_samples


def held_out_nll(
    key: Key,
    training: Any,
    test: Any,
    *,
    settings: CrossFitting = CrossFitting(),  # noqa: B008  frozen
    progress: bool = False,
) -> np.ndarray:
    """-ELBO of each row of ``test`` (m, d) under the mean of the networks fitted to ``training`` (n, d), nats, (m,).

    Arguments as in ``cross_entropy``. Raises ValueError for samples that have no density, or another number of columns.
    """
    check_samples("training", training)
    x, rows = (np.asarray(part, dtype=np.float64) for part in (training, test))
    d = x.shape[1]
    check_points("test", rows, d)
    fitted = Asinh(x)
    z = fitted.forward(x)
    fold_key, noise_key = jax.random.split(key)
    folds = split_folds(int(jax.random.randint(fold_key, (), 0, 2**31 - 1)), len(z), settings)
    losses: list[float] = []
    with watchers("networks", len(folds), progress, None) as watch:

        def tell(loss: float) -> None:
            losses.append(loss)
            watch(Report(len(losses), np.asarray(np.nan), np.asarray(loss)))

        scores = tuple(trained.score for trained in train_folds(fold_key, z, folds, settings, tell))
    columns = tuple(range(d))
    correction = evaluate(noise_key, MeanScore(scores), sample_gaussian(z), fitted.forward(rows), columns, d)
    return correction.entropy("denoising") - fitted.log_derivative(rows)
