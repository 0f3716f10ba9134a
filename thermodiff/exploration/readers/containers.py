"""Rows out of a file, one at a time, whatever it is wrapped in: jsonl, json, csv, parquet, zip, each maybe gzipped."""

from __future__ import annotations

import csv
import gzip
import io
import json
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from thermodiff.exploration.readers.json_stream import JsonStream
from thermodiff.exploration.readers.response import RowError

BATCH = 1 << 16
"""Characters of jsonl that are parsed at once."""
ZSTANDARD = 93
"""The method of compression, as zip files number them."""
LOCAL_HEADER = struct.Struct("<4s5H3I2H")
"""What stands before each file in a zip file; last the lengths of its name and of an extra field, which follow it."""
UNREADABLE = (
    OSError,
    EOFError,
    UnicodeDecodeError,
    csv.Error,
    zipfile.BadZipFile,
    zlib.error,
    NotImplementedError,
)
"""What the standard library raises about files that are broken or not what they seem."""


class Rows:
    """The rows of a file as dicts; ``number`` is where the one at hand stands, ``count`` how many there were."""

    def __init__(self, path: Path):
        self.path = path
        self.number = self.count = 0

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for number, row in container(self.path)(self.path):
            self.number = number
            if not isinstance(row, dict):
                raise RowError(f"a {type(row).__name__} where a row should be", "an object with fields")
            self.count += 1
            yield row


Container = Callable[[Path], Iterator[tuple[int, Any]]]


def container(path: Path) -> Container:
    """How the rows of a file are to be had, by its first bytes."""
    with path.open("rb") as handle:
        head = handle.read(4)
    if head == b"PAR1":
        return parquet_rows
    if head == b"PK\x03\x04":
        return zip_rows
    with open_text(path) as text:
        first = text.readline()
        while first and not first.strip():
            first = text.readline()
    match first.lstrip()[:1]:
        case "":
            return jsonl_rows
        case "[":
            return json_rows
        case "{":
            return json_rows if is_log(first) else jsonl_rows
    return csv_rows


def is_log(first: str) -> bool:
    """Whether a file that begins with an object is one object: it fills several lines, or holds all the samples."""
    try:
        return {"eval", "samples"} <= json.loads(first).keys()
    except json.JSONDecodeError:
        return not first.rstrip().endswith("}")


def open_text(path: Path) -> io.TextIOWrapper:
    """The text of a file, unpacked if it is gzipped."""
    with path.open("rb") as handle:
        packed = handle.read(2) == b"\x1f\x8b"
    if packed:
        return io.TextIOWrapper(gzip.open(path), encoding="utf-8-sig", newline="\n")
    return path.open(encoding="utf-8-sig", newline="\n")


def jsonl_rows(path: Path) -> Iterator[tuple[int, Any]]:
    """One object a line. Many lines are parsed in one call; a batch with anything odd in it goes line by line."""
    number = 0
    with open_text(path) as handle:
        while lines := handle.readlines(BATCH):
            rows = together(lines)
            if rows is not None:
                yield from enumerate(rows, number + 1)
            else:
                yield from ((i, alone(i, line)) for i, line in enumerate(lines, number + 1) if line.strip())
            number += len(lines)


def together(lines: list[str]) -> list[Any] | None:
    """Lines parsed as one array, or None unless each of them is one object."""
    lines = [line.rstrip() for line in lines]
    if not all(line[:1] == "{" and line[-1:] == "}" for line in lines):
        return None
    try:
        rows = json.loads(f"[{','.join(lines)}]")
    except (json.JSONDecodeError, RecursionError):
        return None
    return rows if len(rows) == len(lines) else None


def alone(number: int, line: str) -> Any:
    """One line parsed, or a complaint with its number."""
    try:
        return json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        shown = line.strip()[:40]
        raise RowError(f"{shown!r}, which is no JSON ({error})", "one JSON object a line", number) from None


def json_rows(path: Path) -> Iterator[tuple[int, Any]]:
    """The items of a JSON array, or of the array ``samples`` of an object."""
    number = 0
    with open_text(path) as handle:
        try:
            for number, row in enumerate(JsonStream(handle).items("samples"), 1):
                yield number, row
        except json.JSONDecodeError as error:
            got = f"what is no JSON ({error.msg} at character {error.pos})"
            raise RowError(got, "an array of objects, or one object a line", number + 1) from None


def csv_rows(path: Path) -> Iterator[tuple[int, Any]]:
    """Rows below a header."""
    csv.field_size_limit(sys.maxsize)
    with open_text(path) as handle:
        reader = csv.DictReader(handle, skipinitialspace=True)
        for row in reader:
            if None in row or None in row.values():
                raise RowError(
                    "a row that is longer or shorter than the header", "one value a column", reader.line_num
                )
            yield reader.line_num, row


def arrow(what: str) -> Any:
    """Pyarrow, which is optional, or a complaint that says how to get it."""
    try:
        import pyarrow
    except ImportError:
        raise RowError(f"{what}, and no pyarrow", "pip install 'thermodiff[exploration]'", 1) from None
    return pyarrow


def parquet_rows(path: Path) -> Iterator[tuple[int, Any]]:
    """Rows of a parquet file, some at a time."""
    arrow("a parquet file")
    import pyarrow.parquet

    number = 0
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=256):
                for row in batch.to_pylist():
                    number += 1
                    yield number, row
    except pyarrow.ArrowException as error:
        raise RowError(
            f"a broken parquet file ({error})".replace("\n", " "), "a whole one", number + 1
        ) from None


def zip_rows(path: Path) -> Iterator[tuple[int, Any]]:
    """The files ``samples/*.json`` of a zip file, which is what an .eval log is."""
    with zipfile.ZipFile(path) as archive:
        for number, member in enumerate(archive.infolist(), 1):
            if not (member.filename.startswith("samples/") and member.filename.endswith(".json")):
                continue
            try:
                yield number, json.loads(contents(archive, member))
            except json.JSONDecodeError as error:
                raise RowError(f"{member.filename}, which is no JSON ({error})", "JSON", number) from None


def contents(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """A file of a zip file, also where it is packed by zstandard, as Inspect does, which the zip module cannot read."""
    if member.compress_type != ZSTANDARD:
        return archive.read(member)
    assert archive.fp is not None
    archive.fp.seek(member.header_offset)
    header = archive.fp.read(LOCAL_HEADER.size)
    *_, name, extra = LOCAL_HEADER.unpack(header)
    archive.fp.seek(name + extra, io.SEEK_CUR)
    packed = archive.fp.read(member.compress_size)
    return arrow("files packed by zstandard").decompress(packed, member.file_size, codec="zstd", asbytes=True)
