"""What the methods share: whose arrays came in, whether they are what they should be, ranks and means in that library.

Values are looked at only where they exist: under a JAX trace shapes are checked and values are not.
"""

from __future__ import annotations

from typing import Any

from thermodiff.types import is_concrete
from thermodiff.validation import complain


def namespace(**arrays: Any) -> Any:
    """The library of the arrays, as array-api-compat speaks it; raises ValueError for what is no array."""
    from array_api_compat import array_namespace, is_array_api_obj

    for name, array in arrays.items():
        if not is_array_api_obj(array):
            raise complain(name, f"a {type(array).__name__}", "an array of NumPy, JAX or PyTorch")
    found = {name: array_namespace(array) for name, array in arrays.items()}
    xp = next(iter(found.values()))
    if any(other is not xp for other in found.values()):
        libraries = ", ".join(f"{name} of {other.__name__.split('.')[-1]}" for name, other in found.items())
        raise complain(", ".join(arrays), libraries, "arrays of one library")
    return xp


def real(xp: Any, x: Any) -> Any:
    """``x`` as floating-point numbers of at least single precision: whole numbers in the library's default."""
    if not xp.isdtype(x.dtype, "real floating"):
        return xp.astype(x, xp.zeros(()).dtype)
    return xp.astype(x, xp.float32) if xp.finfo(x.dtype).bits < 32 else x


def check_shape(name: str, x: Any, shape: tuple[int, ...], of: str) -> None:
    """Raise unless an array has exactly this shape, that of ``of``."""
    if tuple(x.shape) != tuple(shape):
        raise complain(name, f"shape {tuple(x.shape)}", f"that of {of}, {tuple(shape)}")


def check_true(xp: Any, name: str, fine: Any, got: str, need: str) -> None:
    """Raise unless all of ``fine`` holds, saying where it first does not."""
    if not is_concrete(fine) or bool(xp.all(fine)):
        return
    first = int(xp.argmin(xp.astype(xp.reshape(fine, (-1,)), xp.int32)))
    raise complain(name, f"{got} at index {_index(first, tuple(fine.shape))}", need)


def _index(flat: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    index: list[int] = []
    for size in reversed(shape):
        index.insert(0, flat % size)
        flat //= size
    return tuple(index)


def check_groups(xp: Any, name: str, x: Any) -> None:
    """Raise unless the last axis is a group of at least two rollouts, each with a finite number."""
    if x.ndim == 0:
        raise complain(name, "shape ()", "shape (..., G), the G rollouts of one problem last")
    if x.shape[-1] < 2:
        raise complain(name, f"groups of {x.shape[-1]} rollout(s)", "at least 2 rollouts of each problem")
    if not xp.isdtype(x.dtype, ("bool", "integral", "real floating")):
        raise complain(name, f"entries of type {x.dtype}", "real numbers")
    check_finite(xp, name, x)


def check_finite(xp: Any, name: str, x: Any, where: Any = None) -> None:
    """Raise where an array, or its part ``where``, is NaN or infinite."""
    fine = xp.isfinite(x)
    check_true(xp, name, fine if where is None else fine | ~where, "NaN or infinity", "finite numbers")


def check_mask(xp: Any, mask: Any, shape: tuple[int, ...], of: str) -> None:
    """Raise unless ``mask`` marks the tokens of responses, (..., G, L) booleans."""
    if len(shape) < 2:
        raise complain(of, f"shape {tuple(shape)}", "shape (..., G, L), the L tokens of each rollout last")
    check_shape("mask", mask, shape, of)
    if not xp.isdtype(mask.dtype, "bool"):
        raise complain("mask", f"entries of type {mask.dtype}", "booleans, such as mask != 0")


def check_uniforms(xp: Any, uniforms: Any, shape: tuple[int, ...], of: str) -> None:
    """Raise unless ``uniforms`` are numbers in [0, 1], one each."""
    check_shape("uniforms", uniforms, shape, of)
    inside = (uniforms >= 0) & (uniforms <= 1)
    check_true(xp, "uniforms", inside, "a number outside [0, 1]", "uniform random numbers")


def check_range(name: str, value: Any, low: float | int, high: float | int, need: str) -> None:
    """Raise unless low <= value <= high; NaN is not, nor text."""
    if isinstance(value, str) or (is_concrete(value) and not low <= value <= high):
        raise complain(name, repr(value) if isinstance(value, str) else f"{value}", need)


def inside(xp: Any, x: Any, mask: Any) -> Any:
    """``x`` in the mask and 0 outside it, where padding may be anything."""
    return xp.where(mask, x, xp.zeros_like(x))


def size(xp: Any, mask: Any, like: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """How many are in the mask, at least 1, as numbers of the kind of ``like``: a divisor."""
    n = xp.astype(xp.sum(xp.astype(mask, xp.int32), axis=axis, keepdims=keepdims), like.dtype)
    return xp.maximum(n, xp.ones_like(n))


def mean(xp: Any, x: Any, mask: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Mean over the mask, 0 where it is empty."""
    total = xp.sum(inside(xp, x, mask), axis=axis, keepdims=keepdims)
    return total / size(xp, mask, x, axis, keepdims)


def ranks(xp: Any, keys: Any) -> Any:
    """Place of each entry in the rising order along the last axis, 0 the smallest; of equals the first comes first."""
    return xp.argsort(xp.argsort(keys, axis=-1, stable=True), axis=-1)


def share_of(xp: Any, share: float, count: Any) -> Any:
    """The whole number below share * count, at least 1; rounding does not take one from a product that is whole."""
    whole = xp.floor(share * count * (1 + 1e-6))
    return xp.maximum(whole, xp.ones_like(whole))
