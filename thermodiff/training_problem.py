"""What a training is given, checked and in one pytree: settings, data, process, reference Gaussian, starting time.

``TrainingConfig`` is compiled in, ``Problem`` is data, so that a second training of the same shape compiles
nothing.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from thermodiff.conditional import ConditionalRows
from thermodiff.distributions.gaussian import Gaussian
from thermodiff.distributions.samples import Samples
from thermodiff.losses import Batch, LikelihoodWeighting, Weighting, draw_batch
from thermodiff.networks import Network, for_whitened_input, residual_mlp
from thermodiff.scores import ExactScore, PreconditionedScore, starting_time
from thermodiff.time_sampling import Span, TimeSampler, UniformLogSNR
from thermodiff.types import Distribution, Key, NotKnownError, Process, pytree_dataclass, static
from thermodiff.validation import check_count, check_points, check_positive, complain

VALIDATION_DRAWS = 4096
MOMENT_DRAWS = 65536
FEW_ROWS_PER_DIM = 10
"""Below this many rows per dimension the sample covariance is shrunk."""


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """How a score is trained; hashable, and all of it is compiled in.

    steps             of Adam, ``batch_size`` noised points each (even: noise comes in antithetic pairs)
    learning_rate     its largest value, reached linearly in ``warmup`` steps (at most a tenth of all); then a half
                      cosine to zero
    clip              bound on the global norm of the gradient, in units of the loss (nats for the default weighting)
    ema               largest decay of the running average of the weights, which becomes the score; after i steps the
                      decay is min(ema, (1 + i)/(10 + i)), so that a short training forgets its start
    chunk             steps between two records of history, validations, callbacks and chances of a checkpoint
    weighting, times  w(t) of the loss, and the density that its times are drawn with
    parameterisation  PreconditionedScore, or PlainScore; (network, process, reference, t_min) -> score
    architecture      residual_mlp, or potential_mlp; (key, dim, width, depth) -> network
    t_min             first time trained on; None: where sigma/alpha is 1e-3 of the data's scale
    patience          stop after so many chunks without a better validation loss; None: never
    """

    steps: int = 4000
    batch_size: int = 256
    learning_rate: float = 4e-3
    warmup: int = 100
    clip: float = 1.0
    ema: float = 0.999
    chunk: int = 250
    weighting: Weighting = dataclasses.field(default_factory=LikelihoodWeighting)
    times: TimeSampler = dataclasses.field(default_factory=UniformLogSNR)
    parameterisation: Callable[..., Any] = PreconditionedScore
    architecture: Callable[..., Any] = residual_mlp
    width: int = 64
    depth: int = 2
    t_min: float | None = None
    patience: int | None = None

    def __post_init__(self) -> None:
        for name in ("steps", "chunk", "batch_size", "width", "depth"):
            check_count(name, getattr(self, name))
        if self.patience is not None:
            check_count("patience", self.patience)
        if self.batch_size % 2:
            raise complain("batch_size", f"{self.batch_size}", "an even number: noise comes in pairs")
        if self.warmup < 0:
            raise complain("warmup", f"{self.warmup}", "a number of steps, 0 or more")
        check_positive("learning_rate", self.learning_rate)
        check_positive("clip", self.clip)
        if not 0 <= self.ema < 1:
            raise complain("ema", f"{self.ema}", "a decay in [0, 1)")
        if self.t_min is not None and not 0 < self.t_min < 1:
            raise complain("t_min", f"{self.t_min}", "a time strictly between 0 and 1")

    def score(self, network: Any, problem: Problem) -> Any:
        """The score that a network makes in this parameterisation."""
        return self.parameterisation(network, problem.process, problem.reference, problem.t_min)


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

    @property
    def span(self) -> Span:
        """The times to train on."""
        return Span(self.process, self.t_min, jnp.mean(self.reference.variances))


@jax.tree_util.register_static
class _Opaque:
    """A user's object that is no pytree: compiled in, compared by identity, otherwise as if it were not wrapped."""

    def __init__(self, inside: Any) -> None:
        self._inside = inside

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._inside, name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Opaque) and self._inside is other._inside

    def __hash__(self) -> int:
        return id(self._inside)


def _as_pytree(thing: Any) -> Any:
    is_leaf = jax.tree_util.treedef_is_leaf(jax.tree.structure(thing))
    return _Opaque(thing) if is_leaf else thing


def as_distribution(data: Any) -> Any:
    """A distribution that can be passed to a compiled function; an array (n, d) becomes ``Samples``.

    Raises ValueError for an array that cannot be the sample of a density.
    """
    return _as_pytree(data) if isinstance(data, Distribution) else Samples(np.asarray(data))


def reference_gaussian(key: Key, data: Any) -> Gaussian:
    """The Gaussian with the data's mean and covariance: exact where known, else of 65536 draws.

    For ``Samples`` of n < 10 d rows the correlation matrix R is shrunk to (1 - rho) R + rho I with the rho of the
    oracle approximating estimator, Chen, Wiesel, Eldar & Hero (2010), eq. (23), so that no direction looks narrower
    than few rows can tell.
    """
    try:
        mean, cov = data.moments()
    except (AttributeError, NotKnownError):
        drawn = np.asarray(data.sample(key, MOMENT_DRAWS), dtype=np.float64)
        mean, cov = drawn.mean(axis=0), np.atleast_2d(np.cov(drawn, rowvar=False))
    if isinstance(data, Samples) and data.array.shape[0] < FEW_ROWS_PER_DIM * data.dim:
        cov = shrunk(np.asarray(cov, dtype=np.float64), data.array.shape[0])
    return Gaussian(mean, cov)


def shrunk(cov: np.ndarray, n: int) -> np.ndarray:
    """The covariance (d, d) of n rows with its correlations shrunk as ``reference_gaussian`` says."""
    d = len(cov)
    std = np.sqrt(np.diag(cov))
    correlation = cov / np.outer(std, std)
    off_diagonal = np.sum(correlation**2) - d
    above = (1 - 2 / d) * (off_diagonal + d) + d**2
    below = (n + 1 - 2 / d) * off_diagonal
    rho = min(1.0, above / below) if below > 0 else 1.0
    return np.outer(std, std) * ((1 - rho) * correlation + rho * np.eye(d))


def prepare(
    key: Key, data: Any, process: Process, config: TrainingConfig, validation: Any = None
) -> tuple[Problem, Network]:
    """The problem and its untrained network; raises ValueError for arguments that do not fit."""
    if not isinstance(process, Process):
        need = "a diffusion process, such as VarianceExploding(25.0)"
        raise complain("process", type(process).__name__, need)
    if config.patience is not None and validation is None:
        need = "validation=array of shape (n, d) with it"
        raise complain("patience", f"{config.patience} without validation data", need)
    key_network, key_steps, key_moments, key_validation = jax.random.split(key, 4)
    data, process = as_distribution(data), _as_pytree(process)
    # Rows with given columns bring the Gaussian of the others given those.
    reference: Any = (
        data.gaussian if isinstance(data, ConditionalRows) else reference_gaussian(key_moments, data)
    )
    t_min = config.t_min or starting_time(ExactScore(reference, process), process)
    problem = Problem(data, process, reference, jnp.asarray(t_min, dtype=float), key_steps, None)
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
    rows = getattr(rows, "array", rows)
    check_points("validation", rows, problem.data.dim)
    key_order, key_draws = jax.random.split(key)
    given = getattr(problem.data, "given", 0)
    rows = _InOrder(jax.random.permutation(key_order, jnp.asarray(rows, dtype=float)), given)
    draws = 2 * max(len(rows.array), VALIDATION_DRAWS // 2)
    return draw_batch(key_draws, rows, problem.span, config.times, config.weighting, draws)


def fingerprint(key: Any, data: Any, process: Any, config: TrainingConfig, validation: Any) -> dict[str, str]:
    """What makes two trainings the same, one short string an entry: the settings by name, the rest by hash.

    ``key`` and ``process`` may be several. A process is known by alpha and sigma at five times, a distribution by its
    arrays and sixteen draws.
    """
    settings = {f.name: getattr(config, f.name) for f in dataclasses.fields(config)}
    data, times = as_distribution(data), np.linspace(0.1, 0.9, 5, dtype=np.float32)
    processes = process if isinstance(process, list | tuple) else [process]
    curves = [[f(t) for t in times] for p in processes for f in (p.alpha, p.sigma)]
    return {name: getattr(value, "__qualname__", repr(value)) for name, value in settings.items()} | {
        "process": _digest(np.round(np.log(curves), 4)),
        "data": _digest(data, np.round(data.sample(jax.random.key(0), 16), 4)),
        "validation data": _digest(getattr(validation, "array", validation)),
        "key": _digest(key),
    }


def _digest(*trees: Any) -> str:
    """Twelve hexadecimal digits that stand for the arrays in ``trees``."""
    digest = hashlib.sha256()
    for leaf in jax.tree.leaves(trees):
        is_key = isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
        array = np.asarray(jax.random.key_data(leaf) if is_key else leaf)
        digest.update(f"{array.shape}".encode() + array.astype(np.float32).tobytes())
    return digest.hexdigest()[:12]
