"""Models in NumPy, which have no derivatives: samples and two of the readings, no likelihood of the flow."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from thermodiff.scores.outside import OutsideModel, Rows
from thermodiff.scores.outside_calls import ERRORS
from thermodiff.validation import complain, complain_of_model


class NumpyModel(OutsideModel):
    """f(x, c), x (d,) and c () to (d,), of a function of NumPy rows; made by ``td.numpy_model``."""

    argument = "function"

    def __init__(self, function: Any) -> None:
        super().__init__()
        if isinstance(function, type) or not callable(function):
            raise complain("function", type(function).__name__, "a callable function(x, c) of arrays")
        self.function = function

    def values(self, x: Rows, c: Rows) -> Rows:
        """The function at rows x (n, d) and c (n,)."""
        out = np.asarray(self.function(x, c))
        if out.shape != x.shape or out.dtype.kind != "f":
            got = f"values of shape {out.shape} and type {out.dtype} for x of shape {x.shape}"
            raise complain_of_model("function", got, f"floating-point ones of shape {x.shape}")
        return out

    def try_values(self, dim: int, whole: bool) -> None:
        """Raises ModelError for a wrong shape or type, or what the function raises."""
        kind = jax.dtypes.canonicalize_dtype(np.float64)  # as in the programs that call it
        x = np.random.default_rng(0).normal(size=(2, dim)).astype(kind)
        try:
            self.values(
                x, np.asarray([2, 1], dtype=np.int32) if whole else np.asarray([0.9, 0.4], dtype=kind)
            )
        except ERRORS as error:
            raise self.failed(error, x) from error

    def try_products(self, dim: int, whole: bool, by: tuple[int, ...]) -> None:
        """Raises ModelError: there is no derivative."""
        got = "a derivative asked of a NumPy function"
        need = (
            "one in JAX or PyTorch, or what takes none: the readings quadratic and denoising, td.elbo, td.sample "
            "on a named schedule"
        )
        raise complain_of_model("function", got, need)


def numpy_model(function: Any) -> NumpyModel:
    """f(x, c), x (d,) and c () to (d,), of a ``function`` of NumPy rows, x (n, d) and c (n,) to (n, d).

    One call a batch. It has no derivative: rates by the readings quadratic and denoising, the ELBO and samples on a
    named schedule take none; a likelihood of the flow, and with it an audit, is refused. Raises ValueError for what
    cannot be called; when first asked, ModelError (a ValueError) for values of another shape or type, or for a
    derivative.
    """
    return NumpyModel(function)
