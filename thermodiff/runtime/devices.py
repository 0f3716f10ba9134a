"""More devices, more processes: one mesh of one axis, "batch", over all there are; with one device nothing changes.

    place                 the same arrays on every device          run       a compiled function over the devices
    shard_batch           inside: each device its part of a batch  map_over_batch   ... its part of a loop over points
    gather_batch          what was split, whole again
    local                 results as ordinary arrays again         spread    place, run and local in one

Weights and data lie on every device, batches and points are split, and what is split is put together before it is
handed back, so that nothing else in the package knows how many devices there were. In several processes, joined by
``jax.distributed.initialize``, each runs the same program on the same numbers and gets the same result; what is written
is written by the first.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from thermodiff.runtime.callbacks import own_errors
from thermodiff.types import is_concrete
from thermodiff.validation import complain

AXIS = "batch"
_SPLIT, _WHOLE = PartitionSpec(AXIS), PartitionSpec()
_chosen: ContextVar[tuple | None] = ContextVar("devices", default=None)
_one_at_a_time = threading.RLock()
"""Two programs that talk across the same devices from two threads could each hold half of them and wait for ever."""


@contextlib.contextmanager
def use_devices(devices: Sequence[Any]) -> Iterator[None]:
    """Inside this context batches are split over ``devices`` instead of all, in this thread.

    ``with td.use_devices(jax.devices()[:1]):`` splits nothing, nor does ``jax.default_device``. In several processes
    name the same devices in each, some of every process. Raises ValueError for none.
    """
    if not len(devices):
        raise complain("devices", "none", "at least one of jax.devices()")
    token = _chosen.set(tuple(devices))
    try:
        with jax.default_device(devices[0]) if len(devices) == 1 else contextlib.nullcontext():
            yield
    finally:
        _chosen.reset(token)


def batch_mesh() -> Mesh:
    """The mesh of one axis, "batch", over the devices in use: all of JAX's default backend, unless one was chosen.

    Chosen by ``use_devices``, or by JAX's own ``default_device``, which names one.
    """
    by_default = jax.config.jax_default_device  # type: ignore[attr-defined]  # made when jax is imported
    every = jax.devices() if by_default is None else jax.local_devices()[:1]
    return Mesh(np.asarray(_chosen.get() or every), (AXIS,))


def first_process() -> bool:
    """Whether this process is the one that writes: the only one, or the first of those that JAX has joined."""
    # Asking for the index starts the devices, which a process that only draws figures can do without.
    return not jax.distributed.is_initialized() or jax.process_index() == 0


def from_first_process(tree: Any) -> Any:
    """The arrays of the first process, in every process; shapes and types are those of each one's own ``tree``."""
    return tree if jax.process_count() == 1 else multihost_utils.broadcast_one_to_all(tree)


def place(tree: Any) -> Any:
    """The same arrays on every device of the mesh; as they are where it has one device."""
    mesh = batch_mesh()
    if mesh.size == 1:
        return tree
    whole = NamedSharding(mesh, _WHOLE)
    # Devices of other processes cannot be written to from here, but a compiled program that runs in all can fill them.
    return (
        jax.device_put(tree, whole) if jax.process_count() == 1 else jax.jit(_same, out_shardings=whole)(tree)
    )


def _same(tree: Any) -> Any:
    return tree


def run(compiled: Callable[..., Any], *arguments: Any) -> Any:
    """``compiled(*arguments)`` with the mesh in force; its results lie whole on every device."""
    mesh = batch_mesh()
    if mesh.size == 1:
        return compiled(*arguments)
    with _one_at_a_time, jax.set_mesh(mesh):
        return place(jax.block_until_ready(compiled(*arguments)))


def local(tree: Any) -> Any:
    """Results of ``run`` as arrays of one device, free to meet any others."""
    return tree if batch_mesh().size == 1 else jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf)), tree)


def spread(compiled: Callable[..., Any], *arguments: Any) -> Any:
    """``compiled(*arguments)``, its batches split over the devices, arguments and results ordinary arrays.

    Under a trace of the user's (``jax.jit``, ``grad``, ``vmap``) nothing is split: where arrays lie is the user's then.
    """
    if not is_concrete((arguments, jnp.zeros(()))):  # under jit any new array is traced
        return compiled(*arguments)
    return local(run(compiled, *place(arguments)))


def batch_parts() -> int:
    """Over how many devices the function that is being compiled splits its batches."""
    return dict(jax.sharding.get_abstract_mesh().shape).get(AXIS, 1)


def shard_batch(tree: Any) -> Any:
    """Arrays (n, ...) with n/devices rows on each device, where that is a whole number; else as they are.

    What is computed from them row by row is computed where the row lies, and a sum over rows ends in one exchange.
    """
    parts = batch_parts()
    if parts == 1:
        return tree
    return jax.tree.map(
        lambda leaf: leaf if leaf.shape[0] % parts else jax.lax.with_sharding_constraint(leaf, _SPLIT), tree
    )


def gather_batch(tree: Any) -> Any:
    """Arrays that were split, whole on every device."""
    if batch_parts() == 1:
        return tree
    return jax.tree.map(lambda leaf: jax.lax.with_sharding_constraint(leaf, _WHOLE), tree)


def map_over_batch(function: Callable[[Any], Any], batch: Any, at_once: int) -> Any:
    """``jax.lax.map(function, batch, batch_size=at_once)``, each device taking an equal part of every ``batch_size``.

    ``at_once`` rows a device; the last row is repeated to make the parts equal.
    """
    parts = batch_parts()
    if parts == 1:
        return jax.lax.map(function, batch, batch_size=at_once)
    n = jax.tree.leaves(batch)[0].shape[0]
    steps = -(-n // (parts * at_once))
    together = -(-n // (parts * steps)) * parts
    rows = jnp.minimum(jnp.arange(steps * together), n - 1).reshape(steps, together)

    def step(rows: Any) -> Any:
        part = shard_batch(jax.tree.map(lambda leaf: leaf[rows], batch))
        return shard_batch(jax.vmap(function)(part))

    results = jax.lax.map(step, rows)
    return gather_batch(jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:])[:n], results))


F = TypeVar("F", bound=Callable[..., Any])


def in_full_precision(function: F) -> F:
    """``function`` with matrix products of single-precision numbers in single precision, unless the user chose another.

    By default JAX lets an accelerator round their factors to 10 bits, which a training forgives and a likelihood to a
    thousandth of a nat does not. A processor's results stay as they are. What a model outside JAX raised comes out as
    its own error.
    """

    @functools.wraps(function)
    def precise(*arguments: Any, **options: Any) -> Any:
        chosen = jax.config.jax_default_matmul_precision  # type: ignore[attr-defined]  # made at run time
        with jax.default_matmul_precision(chosen or "float32"), own_errors():
            return function(*arguments, **options)

    return precise  # type: ignore[return-value]
