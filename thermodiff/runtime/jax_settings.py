"""JAX's settings of one thread, taken to another: what ``with jax.enable_x64(...)`` says, JAX holds by thread."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import jax

HELD = (
    "default_device",
    "default_matmul_precision",
    "default_prng_impl",
    "enable_x64",
    "numpy_dtype_promotion",
    "numpy_rank_promotion",
    "threefry_partitionable",
    "softmax_custom_jvp",
    "debug_nans",
    "debug_infs",
    "log_compiles",
)
"""Those that change numbers, refuse some, or tell of programs; each is a context manager of JAX's by this name."""


def settings_here() -> Callable[[], contextlib.AbstractContextManager[None]]:
    """A context for other threads, in which they have the settings that this one has now."""
    config: Any = jax.config  # its options are made at run time
    here = {name: getattr(config, f"jax_{name}") for name in HELD if hasattr(jax, name)}
    disabled = config.jax_disable_jit

    @contextlib.contextmanager
    def as_there() -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            for name, value in here.items():
                # What is the same already is left alone: said again, it would be another program to JAX.
                if getattr(config, f"jax_{name}") != value:
                    stack.enter_context(getattr(jax, name)(value))
            if config.jax_disable_jit != disabled:
                stack.enter_context(jax.disable_jit(disabled))
            yield

    return as_there
