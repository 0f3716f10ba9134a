"""Rows from .npy and .npz files; nothing in them is ever executed (no pickles)."""

from __future__ import annotations

import tokenize
import zipfile
import zlib
from pathlib import Path

import numpy as np

from thermodiff.data.sources import Array
from thermodiff.validation import complain

NEED = "an array of numbers written by numpy.save or numpy.savez"
_MAGIC, _ZIPS, _PICKLE = b"\x93NUMPY", (b"PK\x03\x04", b"PK\x05\x06"), b"\x80"
_BROKEN = (
    *(ValueError, OSError, EOFError, KeyError, TypeError, SyntaxError, OverflowError),
    *(zipfile.BadZipFile, zlib.error, tokenize.TokenError, NotImplementedError, RuntimeError),
)
"""What reading a file raises that was cut off, changed, encrypted or compressed in a way that Python has not."""


def read_numpy(path: Path, key: str | None) -> Array:
    """The array of a .npy file, or that called ``key`` of an .npz file, which may be left out where there is one only.

    The fields of a structured array are its columns. Raises ValueError for anything else.
    """
    with path.open("rb") as stream:
        start = stream.read(6)
    if start[:1] == _PICKLE:
        raise complain(path.name, "Python objects (a pickle)", NEED)
    if start != _MAGIC and start[:4] not in _ZIPS:
        raise complain(path.name, f"a file that is not NumPy's: it begins with {start!r}", NEED)
    return _rows(path.name, _array(path, key))


def _array(path: Path, key: str | None) -> np.ndarray:
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        with loaded:
            keys = list(loaded.files)
            if key is None and len(keys) == 1:
                key = keys[0]
            if key in keys and isinstance(found := loaded[key], np.ndarray):
                return found
    except _BROKEN as error:
        objects = "allow_pickle" in str(error)
        reason = "Python objects" if objects else f"a damaged file ({_first_line(error)})"
        raise complain(path.name, reason, NEED) from error
    except MemoryError as error:
        got = f"more than there is memory for ({_first_line(error)}), or a damaged file"
        raise complain(path.name, got, NEED) from error
    listed = ", ".join(keys) or "no arrays at all"
    got = "no key" if key is None else repr(key)
    raise complain("key", f"{got} for {path.name}", f"one of the keys in it: {listed}")


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]


def _rows(name: str, array: np.ndarray) -> Array:
    if array.dtype.names is not None:
        return _fields(name, array)
    if array.ndim == 0:
        raise complain(name, "a single number (shape ())", "shape (n, d), one sample a row")
    if array.ndim == 1:
        need = "shape (n, d), one sample a row (for one-dimensional samples array.reshape(-1, 1))"
        raise complain(name, f"shape {array.shape}", need)
    if array.ndim > 2 or 0 in array.shape:
        raise complain(name, f"shape {array.shape}", "an array of shape (n, d)")
    if array.dtype.kind not in "biuf":
        raise complain(name, f"entries of type {array.dtype}", "real numbers")
    return Array(name, array)


def _fields(name: str, array: np.ndarray) -> Array:
    """A structured array: its fields are named columns."""
    names = tuple(array.dtype.names or ())
    odd = [f for f in names if array.dtype[f].shape or array.dtype[f].kind not in "biuf"]
    if array.ndim != 1 or not len(array) or odd:
        got = f"a structured array of shape {array.shape}"
        got += f" whose field {odd[0]!r} has type {array.dtype[odd[0]]}" if odd else ""
        raise complain(name, got, "one of shape (n,) whose fields are single numbers")
    return Array(name, np.column_stack([array[f] for f in names]), names)
