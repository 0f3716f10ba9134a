"""What the commands share: options that all have, the folder, and results written whole or not at all."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from thermodiff import plotting
from thermodiff.data.columns import Choice
from thermodiff.data.intake import Wanted
from thermodiff.runtime.files import check_writable, write_atomically
from thermodiff.runtime.progress import shown
from thermodiff.runtime.records import strict_json
from thermodiff.validation import complain


def check_steps_and_seed(steps: int | None, seed: int) -> None:
    """Raise ValueError unless steps (if given) are positive and the seed fits into 32 bits."""
    if steps is not None and steps < 1:
        raise complain("steps", f"{steps}", "a positive whole number")
    if seed < 0 or seed >= 2**32:
        raise complain("seed", f"{seed}", "a whole number from 0 to 2^32 - 1")


def wanted(file: str, key: str | None, choice: Choice, options: Any) -> Wanted:
    """Which rows of a file are asked for, with the options that all commands have for reading one."""
    reading = (options.dequantise, options.missing, options.separator, options.header)
    return Wanted(file, key, choice, *reading)


def describe_reading(wanted: Wanted) -> dict[str, Any]:
    """What was said of a file, as options of the record."""
    names = ("key", "dequantise", "missing", "separator", "header")
    return {name: getattr(wanted, name) for name in names}


def remark_lines(remarks: Sequence[str]) -> list[str]:
    """What to distrust, below its heading, in 100 columns; nothing where there is nothing."""
    if not remarks:
        return []
    wrapped = (
        textwrap.wrap(remark, 100, initial_indent="  ", subsequent_indent="    ") for remark in remarks
    )
    return ["", "Remarks", *itertools.chain.from_iterable(wrapped)]


def make_folder(out: Path) -> None:
    """The folder for the results, made if it is not there.

    Raises ValueError if a file has its name, OSError if nothing can be written there.
    """
    if out.exists() and not out.is_dir():
        raise complain("out", f"{str(out)!r}, which is a file", "a folder, or a name for a new one")
    check_writable("out", out)


def working(message: str) -> AbstractContextManager[object]:
    """What is done now, shown to those who wait: on a terminal at once, elsewhere once it takes more than a moment."""
    return shown("thermodiff", None, message)


def write_results(
    out: Path, name: str, figure: plotting.Figure, text: str, record: Mapping[str, Any]
) -> None:
    """``name``.png, .pdf, .txt and .json, the last last: where it is new, the others are."""
    encoded = strict_json(record, indent=1)
    plotting.save_figure(figure, out / name)
    write_atomically(out / f"{name}.txt", text + "\n")
    write_atomically(out / f"{name}.json", encoded + "\n")
