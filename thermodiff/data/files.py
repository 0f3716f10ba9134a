"""A file of rows, read by the reader of its ending; one table of readers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from thermodiff.data.named import NAMES
from thermodiff.data.numpy_files import read_numpy
from thermodiff.data.parquet_files import read_parquet
from thermodiff.data.sources import Source
from thermodiff.data.text_files import read_text
from thermodiff.validation import complain

TEXT = (".csv", ".tsv", ".txt", ".dat")
READERS: dict[str, Callable[[Path, str | None, str, str], Source]] = {
    ".npy": lambda path, key, separator, header: read_numpy(path, key),
    ".npz": lambda path, key, separator, header: read_numpy(path, key),
    **{ending: lambda path, key, separator, header: read_text(path, separator, header) for ending in TEXT},
    ".parquet": lambda path, key, separator, header: read_parquet(path),
}


def open_file(path: Path, key: str | None, separator: str = "auto", header: str = "auto") -> Source:
    """What is in a file. ``key`` is for .npz, ``separator`` and ``header`` for text.

    Raises ValueError with one line saying what is wrong with the file. Nothing in it is ever executed (no pickles).
    """
    name, suffix = path.name, path.suffix.lower()
    endings = ", ".join(READERS)
    if not path.exists():
        need = f"a file ({endings}), or one of {', '.join(NAMES)}"
        raise complain("file", f"{str(path)!r}, which does not exist", need)
    if path.is_dir() or suffix not in READERS:
        kind = "a directory" if path.is_dir() else f"the ending {suffix!r}"
        raise complain("file", f"{str(path)!r} ({kind})", f"one of {endings}, or {', '.join(NAMES)}")
    if key is not None and suffix != ".npz":
        raise complain("key", f"{key!r} for {name}", "no key: only an .npz file has several arrays")
    for option, asked in ("separator", separator), ("header", header):
        if asked != "auto" and suffix not in TEXT:
            raise complain(option, f"{asked!r} for {name}", f"it for text alone ({', '.join(TEXT)})")
    if path.stat().st_size == 0:
        raise complain(name, "an empty file", "samples, one a row")
    return READERS[suffix](path, key, separator, header)
