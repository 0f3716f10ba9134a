"""What a training is given, checked and in one pytree: data, process, reference Gaussian, starting time.

``TrainingConfig`` is compiled in, ``Problem`` is data, so that a second training of the same shape compiles
nothing.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from thermodiff.array_types import (
    Distribution,
    Key,
    Process,
    WithGiven,
    WithReference,
    as_pytree,
    pytree_dataclass,
    static,
)
from thermodiff.distributions.reference import reference_gaussian
from thermodiff.distributions.rows import as_rows
from thermodiff.distributions.sample_checks import check_scales
from thermodiff.distributions.samples import Samples
from thermodiff.scores.base import starting_time
from thermodiff.scores.exact import ExactScore
from thermodiff.scores.learned import PreconditionedScore
from thermodiff.scores.networks import Network, for_whitened_input
from thermodiff.training.config import TrainingConfig
from thermodiff.training.losses import Batch, draw_batch
from thermodiff.training.optimiser import Rate, rate_of
from thermodiff.training.times import Span
from thermodiff.validation import check_points, check_process, complain

VALIDATION_DRAWS = 4096


class Problem(NamedTuple):
    """All that a compiled step reads besides the state: a pytree of arrays.

    ``key`` starts the stream of randomness: step i uses fold_in(key, i), so that a stopped training goes on as if
    it had not been.
    """

    data: Any
    process: Any
    reference: Any
    t_min: Any
    key: Any
    validation: Batch | None
    rate: Rate

    @property
    def span(self) -> Span:
        """The times to train on."""
        return Span(self.process, self.t_min, jnp.mean(self.reference.variances))


def as_distribution(data: Any) -> Any:
    """A distribution that can be passed to a compiled function; an array (n, d) becomes ``Samples``.

    Raises ValueError for an array that cannot be the sample of a density.
    """
    return as_pytree(data) if isinstance(data, Distribution) else Samples(data)


def prepare(
    key: Key, data: Any, process: Process, config: TrainingConfig, validation: Any = None
) -> tuple[Problem, Network]:
    """The problem and its untrained network; raises ValueError for arguments that do not fit."""
    check_process(process)
    if config.patience is not None and validation is None:
        need = "validation=array of shape (n, d) with it"
        raise complain("patience", f"{config.patience} without validation data", need)
    key_network, key_steps, key_moments, key_validation = jax.random.split(key, 4)
    data, process = as_distribution(data), as_pytree(process)
    if isinstance(data, Samples):
        check_scales("data", data.array)
    brought = isinstance(data, WithReference)
    reference: Any = data.training_reference if brought else reference_gaussian(key_moments, data)
    t_min = config.t_min or starting_time(ExactScore(reference, process), process)
    problem = Problem(
        data, process, reference, jnp.asarray(t_min, dtype=float), key_steps, None, rate_of(config)
    )
    if validation is not None:
        problem = problem._replace(validation=_validation_batch(key_validation, validation, problem, config))
    network = config.architecture(key_network, data.dim, config.width, config.depth)
    if config.parameterisation is PreconditionedScore:
        network = for_whitened_input(network, jnp.sqrt(reference.variances))
    return problem, network


@pytree_dataclass
class _InOrder:
    """Rows handed out in order and over again, so that every one is used: for validation, not for training."""

    array: Any
    given: int = static(default=0)

    def sample(self, key: Key, n: int) -> Any:
        return self.array[jnp.arange(n) % self.array.shape[0]]


def _validation_batch(key: Key, rows: Any, problem: Problem, config: TrainingConfig) -> Batch:
    """Every row at one or more fixed times with fixed noise: the same numbers at each validation."""
    rows = as_rows("validation", getattr(rows, "array", rows)).values
    check_points("validation", rows, problem.data.dim)
    key_order, key_draws = jax.random.split(key)
    given = problem.data.given if isinstance(problem.data, WithGiven) else 0
    rows = _InOrder(jax.random.permutation(key_order, jnp.asarray(rows, dtype=float)), given)
    draws = 2 * max(len(rows.array), VALIDATION_DRAWS // 2)
    return draw_batch(key_draws, rows, problem.span, config.times, config.weighting, draws)
