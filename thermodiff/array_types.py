"""The words that need JAX: arrays, keys, what a score, a process and a distribution are, value objects as pytrees.

Whoever imports this file starts JAX, and with it what waits for that (``types.when_jax_starts``).
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeVar, dataclass_transform, runtime_checkable

import jax
from jax.typing import ArrayLike
from jaxtyping import Array, Float, PRNGKeyArray, UInt32

from thermodiff.types import is_concrete, jax_starts

jax_starts()

Key = PRNGKeyArray | UInt32[Array, "4"]
"""A random key of JAX's, of the new style or the old (two words, or four of the generator "rbg")."""
Scalar = Float[Array, ""]
Vector = Float[Array, " d"]
Samples2d = Float[Array, "n d"]
Score = Callable[[Vector, Scalar], Vector]
"""A score: ``score(x, t)`` with x of shape (d,) and t of shape () gives grad log p_t(x), shape (d,)."""


@runtime_checkable
class Process(Protocol):
    """A diffusion x_t = alpha(t) x_0 + sigma(t) eps on t in [0, 1]; the rest follows from the two.

    Every method takes numbers or arrays of any shape and gives an array of that shape. alpha has no unit, sigma that of
    x, rates are per unit of t.
    """

    def alpha(self, t: ArrayLike) -> Array:
        """Signal amplitude, alpha(0) = 1."""

    def sigma(self, t: ArrayLike) -> Array:
        """Noise amplitude, sigma(0) = 0."""

    def drift_rate(self, t: ArrayLike) -> Array:
        """a(t) = d ln alpha / dt, the linear drift f = a x."""

    def diffusivity(self, t: ArrayLike) -> Array:
        """D(t) = g(t)^2 / 2."""

    def log_snr(self, t: ArrayLike) -> Array:
        """ln(alpha^2 / sigma^2)."""

    def time_of_log_snr(self, log_snr: ArrayLike) -> Array:
        """The inverse of log_snr."""


@runtime_checkable
class Distribution(Protocol):
    """What can be sampled. Anything else that a family knows is found on ``distributions.base.Family``."""

    @property
    def dim(self) -> int:
        """Number of coordinates d."""

    def sample(self, key: Key, n: int) -> Samples2d:
        """n independent samples, shape (n, d)."""


@runtime_checkable
class WithGiven(Protocol):
    """Rows whose last ``given`` columns are conditions: a training leaves them as they are and noises the others."""

    given: int


@runtime_checkable
class WithReference(Protocol):
    """Data that bring the Gaussian that a training starts from, where it is not that of their own moments."""

    training_reference: Any


T = TypeVar("T")


def static(**kwargs: Any) -> Any:
    """A dataclass field that is part of the structure (compiled in), not of the data."""
    return dataclasses.field(metadata={"static": True}, **kwargs)


@dataclass_transform(frozen_default=True, field_specifiers=(dataclasses.field, static))
def pytree_dataclass(cls: type[T]) -> type[T]:
    """A frozen dataclass registered as a pytree.

    Unlike ``jax.tree_util.register_dataclass`` rebuilding one from its leaves does not run
    ``__init__`` or ``__post_init__``: arguments are validated when a user makes the object, and never
    again when JAX passes tracers through it. Fields made by ``static()`` are compiled in.
    """
    cls = dataclasses.dataclass(frozen=True, eq=False)(cls)
    fields = dataclasses.fields(cls)  # type: ignore[arg-type]
    meta = tuple(f.name for f in fields if f.metadata.get("static", False))
    data = tuple(f.name for f in fields if not f.metadata.get("static", False))

    def flatten_with_keys(obj: T) -> tuple[tuple, tuple]:
        children = tuple((jax.tree_util.GetAttrKey(name), getattr(obj, name)) for name in data)
        return children, tuple(getattr(obj, name) for name in meta)

    def flatten(obj: T) -> tuple[tuple, tuple]:
        return tuple(getattr(obj, name) for name in data), tuple(getattr(obj, name) for name in meta)

    def unflatten(aux: tuple, children: Iterable[Any]) -> T:
        obj = object.__new__(cls)
        for name, value in zip(meta, aux, strict=True):
            object.__setattr__(obj, name, value)
        for name, value in zip(data, children, strict=True):
            object.__setattr__(obj, name, value)
        return obj

    jax.tree_util.register_pytree_with_keys(cls, flatten_with_keys, unflatten, flatten)
    return cls


def computed_now(*things: Any) -> contextlib.AbstractContextManager:
    """In this context what follows from ``things`` is a number also inside ``jax.jit``, unless one of them is traced.

    Under a trace JAX stages even arithmetic of constants; a starting time or a grid that nothing traced enters is
    computed at once, in the same digits as outside.
    """
    return jax.ensure_compile_time_eval() if is_concrete(things) else contextlib.nullcontext()


@jax.tree_util.register_static
class ByIdentity:
    """A user's object that is no pytree: compiled in, compared by identity, otherwise as if it were not wrapped."""

    def __init__(self, inside: Any) -> None:
        self.inside = inside

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.inside, name)

    def __dir__(self) -> list[str]:
        return dir(self.inside)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ByIdentity) and self.inside is other.inside

    def __hash__(self) -> int:
        return id(self.inside)


def as_pytree(thing: Any) -> Any:
    """``thing`` itself if it is a pytree of its own kind, else wrapped so that compiled functions can take it."""
    is_leaf = jax.tree_util.treedef_is_leaf(jax.tree.structure(thing))
    return ByIdentity(thing) if is_leaf else thing
