"""A test of independence whose level is exact: a critic trained on half of the rows, and permutations of the others.

Under independence the held-out y can be put in any order without changing their law, so the held-out mean of the critic
is one of 1 + B equally likely values, whatever the critic has learned; it decides the power alone. Source: permutation
tests as in Phipson & Smyth (2010), who say why p is (1 + count)/(1 + B); the critic, this project.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import numpy as np

from thermodiff.array_types import Key
from thermodiff.information.classes.sides import Discrete, Side, one_hot, sides
from thermodiff.information.coordinate_maps import Gaussianise
from thermodiff.information.critic import fit_critic, means_by_order
from thermodiff.runtime.devices import in_full_precision
from thermodiff.training.config import TrainingConfig
from thermodiff.types import to_error, with_error
from thermodiff.validation import check_count, check_key, complain

TRAINING = TrainingConfig(
    steps=500, batch_size=256, learning_rate=3e-3, width=64, depth=2, chunk=50, patience=4
)
STOPPING = 0.2
"""Fraction of the training half that stops the critic."""
NARROWEST = 1e-8
FEWEST_PERMUTATIONS = 19


class IndependenceTest(NamedTuple):
    """How often rows that were put in another order look as dependent as those that came.

    p_value    (1 + number of permutations with a statistic at least as large)/(1 + permutations)
    statistic  mean of the critic over the held-out rows as they came, nats
    null       the same in each random order (B,): centre and width of what independence gives
    rows       how many were held out
    """

    p_value: float
    statistic: float
    null: np.ndarray
    rows: int

    def to_dict(self) -> dict[str, Any]:
        """Everything in plain numbers, of ``null`` its number, mean and standard deviation."""
        null = {
            "permutations": len(self.null),
            "mean": float(self.null.mean()),
            "std": float(self.null.std()),
        }
        return {"p_value": self.p_value, "statistic": self.statistic, "rows": self.rows, "null": null}

    def __str__(self) -> str:
        width = self.null.std()
        statistic, by_chance = to_error(self.statistic, width), with_error(self.null.mean(), width)
        return (
            f"independence: p = {self.p_value:.3g}   (statistic {statistic}; {by_chance} in "
            f"{len(self.null)} random orders of {self.rows} held-out rows)"
        )


@in_full_precision
def independence_test(
    key: Key,
    x: Any,
    y: Any,
    *,
    discrete: Discrete = (),
    permutations: int = 999,
    training: TrainingConfig = TRAINING,
) -> IndependenceTest:
    """Whether paired rows ``x`` (n, a) and ``y`` (n, b) are independent: a p-value by held-out rows in other orders.

    Under independence P(p_value <= alpha) <= alpha for every alpha, exactly, for rows that are independent of one
    another (not for series in time). A small one says that there is dependence, not how much (that is
    ``mutual_information``); a large one that these rows do not show any to this critic. Columns are mapped to normal
    scores first; ``discrete`` names columns of classes, as in ``mutual_information``. The same key gives the same
    answer. Raises ValueError as ``mutual_information`` does, and for permutations below 19, which cannot reach p = .05.
    """
    check_key(key)
    check_count("permutations", permutations)
    if permutations < FEWEST_PERMUTATIONS:
        need = f"at least {FEWEST_PERMUTATIONS}, to reach p = .05; 999 are cheap"
        raise complain("permutations", f"{permutations}", need)
    if training.patience is None:
        raise complain("training", "no patience", "a TrainingConfig with patience=..., to stop it in time")
    named = {"x": x, "y": y}
    x, y = (_white(side) for side in sides(named, discrete).values())
    split_key, fit_key, order_key = jax.random.split(key, 3)
    order = np.asarray(jax.random.permutation(split_key, len(x)))
    half = len(x) // 2
    stopping = max(2, round(STOPPING * half))
    critic = fit_critic(fit_key, x, y, order[stopping:half], order[:stopping], training)
    held_out = order[half:]
    draw = jax.vmap(lambda k: jax.random.permutation(k, len(held_out)))
    orders = np.asarray(draw(jax.random.split(order_key, permutations)))
    orders = np.concatenate([np.arange(len(held_out))[None], orders])
    pair = (part[held_out].astype(np.float32) for part in (x, y))
    means = np.asarray(means_by_order(critic, *pair, orders), dtype=np.float64)
    statistic, null = float(means[0]), means[1:]
    p_value = (1 + int(np.sum(null >= statistic))) / (1 + permutations)
    return IndependenceTest(p_value, statistic, null, len(held_out))


def _white(side: Side) -> np.ndarray:
    """Normal scores and columns of zeros and ones, centred and without correlation, shape (n, d).

    The map depends on the rows but not on their order, so what is put in another order stays as likely.
    """
    parts = [Gaussianise(side.rows).forward(side.rows)] if side.dim else []
    parts += [] if side.codes is None else [one_hot(side.codes)]
    rows = np.hstack(parts)
    centred = rows - rows.mean(axis=0)
    spread, directions = np.linalg.eigh(centred.T @ centred / len(rows))
    kept = spread > NARROWEST * spread.max()
    return centred @ (directions[:, kept] / np.sqrt(spread[kept]))
