"""Models that JAX cannot trace, called back from its programs: one call a batch, with the derivatives that they bring.

A model of rows maps x (n, d) and c (n,), a number for each row, to (n, d), each row by itself. What it is, one subclass
for each kind, is in this file; what a program makes of it in ``outside_calls``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np

from thermodiff.scores.outside_calls import shape_and_kind, values_p
from thermodiff.validation import WHOLE_STEPS, ModelError, complain_of_model, is_about_an_index

Rows = np.ndarray


class OutsideModel:
    """f(x, c), x (d,) and c () to (d,), by a function of rows outside JAX; compared by identity, read at every call.

    A program compiled with it does not hold its numbers: change the weights, and the next call has them.
    """

    argument: ClassVar[str] = "model"
    """What messages call it."""

    def __init__(self) -> None:
        self._tried: set[tuple] = set()

    def values(self, x: Rows, c: Rows) -> Rows:
        """F: x (n, d), c (n,) to (n, d)."""
        raise NotImplementedError

    def products(self, x: Rows, c: Rows, directions: dict[int, Rows]) -> Rows:
        """J in k directions, (k, n, d): ``directions`` has (k, n, d) at 0 for x, (k, n) at 1 for c, or one of them."""
        raise NotImplementedError

    def pulled_back(self, x: Rows, c: Rows, u: Rows, by: tuple[int, ...]) -> tuple[Rows, ...]:
        """u^T J of u (k, n, d), for each of ``by``: (k, n, d) for x at 0, (k, n) for c at 1."""
        raise NotImplementedError

    def failed(self, error: BaseException, x: Any) -> ModelError:
        """What is said of an error that the model raised at rows x (n, d)."""
        if isinstance(error, ModelError):
            return error
        line = next(iter(str(error).splitlines()), "")
        got = f"{type(error).__name__} for {self.described(x)}: {line}"
        takes = f"a {self.argument}(x, c) of rows that takes these"
        need = WHOLE_STEPS if is_about_an_index(error) else takes
        return complain_of_model(self.argument, got, need)

    def described(self, x: Any) -> str:
        """The rows that it is given, in a word."""
        return f"x {x.shape} and c {x.shape[:1]}"

    def try_values(self, dim: int, whole: bool) -> None:
        """Raises ModelError where what comes of a few rows of ``dim`` numbers is not what is needed.

        ``whole`` says that c are whole numbers.
        """

    def try_products(self, dim: int, whole: bool, by: tuple[int, ...]) -> None:
        """Raises ModelError where the model has no derivative by ``by``, or a wrong one."""

    def try_pulled_back(self, dim: int, whole: bool, by: tuple[int, ...]) -> None:
        """Raises ModelError where it has no transposed derivative by ``by``, or another than its derivative's."""

    def once(self, trial: Callable[..., None], *arguments: Any) -> None:
        """One of the trials above, the first time that it is asked for: while a program is written, not run."""
        key = trial.__name__, *arguments
        if key not in self._tried:
            trial(*arguments)
            self._tried.add(key)

    def __call__(self, x: Any, c: Any) -> Any:
        """The model at x (d,) and the number c that it is conditioned on, by a batch of one row."""
        x = jnp.asarray(x)
        if x.ndim != 1 or not jnp.issubdtype(x.dtype, jnp.floating) or jnp.ndim(c):
            got = f"x of shape {x.shape} and type {x.dtype}, c of shape {jnp.shape(c)}"
            need = "one point (d,) of floating-point numbers and one number: jax.vmap maps over more"
            raise complain_of_model(self.argument, got, need)
        c = jnp.asarray(c)
        c = c.astype(jnp.int32 if jnp.issubdtype(c.dtype, jnp.integer) else x.dtype)
        self.once(self.try_values, *shape_and_kind(x[None], c))
        return values_p.bind(x[None], c[None], model=self)[0]
