"""A program compiled by one thread while others that need it wait: JAX's own would each compile it."""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import Any

import jax

_locks: defaultdict[Any, threading.Lock] = defaultdict(threading.Lock)
_finding = threading.Lock()


def compiled_once(function: Any, static: Any, *arguments: Any) -> None:
    """Has ``function``, of ``jax.jit``, its first argument ``static``, compiled for arguments like these.

    A call with them then finds the program in JAX's memory. Other programs do not wait for it.
    """
    leaves, tree = jax.tree.flatten(arguments)
    with _finding:
        lock = _locks[function, static, tree, tuple(jax.typeof(leaf) for leaf in leaves)]
    with lock:
        function.lower(static, *arguments).compile()
