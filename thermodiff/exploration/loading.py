"""Rollouts from a file, a glob or a folder of files, whichever program wrote them."""

from __future__ import annotations

import glob
import re
from pathlib import Path
from typing import Any

from thermodiff.exploration.readers.assembly import assemble
from thermodiff.exploration.readers.collector import Collector
from thermodiff.exploration.readers.containers import UNREADABLE, Rows
from thermodiff.exploration.readers.counts import read_counts
from thermodiff.exploration.readers.formats import Format, named, recognise
from thermodiff.exploration.readers.response import RowError
from thermodiff.exploration.rollouts import Counts, Rollouts
from thermodiff.validation import complain

SUFFIXES = (".jsonl", ".json", ".csv", ".parquet", ".eval")
"""Files of a folder that are read; each may have .gz after it."""
OF_ROLLOUTS = re.compile(rf"[^.].*({'|'.join(re.escape(suffix) for suffix in SUFFIXES)})(\.gz)?")


def load_rollouts(
    path: str | Path,
    format: str = "auto",
    correct: str | None = None,
    threshold: float | None = None,
    vocabulary: int | None = None,
) -> Rollouts | Counts:
    """Rollouts that another program left on disk; ``Counts`` where the file holds no more than c and n of each problem.

    ``path`` is a file, or a folder or glob of files that are read as one: where they are called ``<step>.jsonl``, or
    have steps in them, this is a training (``by_step`` takes it apart). Each may be gzipped. ``format`` is told by the
    fields of the first row: our own jsonl ("thermodiff"), "verl" dumps, "trl" completions, "tunix" trajectory logs,
    "lm-eval" samples, "inspect" logs, "openai" responses, "math-eval" (Qwen2.5-Math, limit-of-RLVR), "human-eval"
    results, "tree-of-thought" lists, "counts" (jsonl or csv with id, c, n). ``correct`` names the reward where there
    are several; ``threshold`` says from which reward on a response is correct, where rewards are other numbers than 0
    and 1; ``vocabulary`` is V, the number of tokens, where the file does not say it.

    A log-probability of -inf or -9999 was not listed: it is NaN in ``log_probs`` and -inf in ``top_log_probs``. A
    column that only some responses have is left out, because those that have it are a selection. ``remarks`` says all
    this of the file at hand, with its share: responses cut off, repeated, not scored, drawn tokens outside their list.

    Raises ValueError, in one line with file and row, if the file is empty, a row is no JSON or has fields missing, the
    reward is missing, ambiguous or neither 0, 1 nor thresholded, a sample stands there twice, token columns differ in
    length, a log-probability is NaN or above 0, an entropy is NaN, below 0 or above ln V, a list is unsorted, or a
    drawn token is missing in a list that ends below it.
    """
    files = files_of(path)
    chosen = None if format == "auto" else named(format)
    first = chosen or format_of(files[0])
    if first.read is None:
        if len(files) > 1:
            raise complain(str(path), f"{len(files)} files of counts", "one file of counts")
        return counts_in(files[0], correct)
    collected = Collector()
    remarks = [f"{len(files)} files read as one"] if len(files) > 1 else []
    for file in files:
        collect(file, chosen or format_of(file), correct, collected)
    if not len(collected):
        raise complain(str(path), "no scored response", f"one at least, with correct={correct!r}")
    remarks += [
        f"{count / (count + len(collected)):.1%} of the rows {why}"
        for why, count in collected.left_out.items()
    ]
    collected.vocabulary = vocabulary or collected.vocabulary
    return assemble(collected, str(path), threshold, remarks)


def files_of(path: str | Path) -> list[Path]:
    """The files that a path stands for, by the numbers in their names."""
    place = Path(path)
    if place.is_dir():
        files = [file for file in place.iterdir() if OF_ROLLOUTS.fullmatch(file.name) and file.is_file()]
        need = f"files in it that end in {', '.join(SUFFIXES)}"
    elif place.exists() or not glob.has_magic(str(path)):
        files = [place] if place.exists() else []
        need = "a file, a folder or a glob of files"
    else:
        files = [Path(name) for name in glob.glob(str(path)) if Path(name).is_file()]
        need = "a glob that fits some files"
    if not files:
        raise complain(str(path), "nothing to read", need)
    places: dict[str, Path] = {}
    for file in files:
        if (other := places.setdefault(file.name, file)) is not file:
            raise complain(str(path), f"{other} and {file}, two of one step", "the files of one policy")
    return sorted(files, key=by_number)


def by_number(file: Path) -> list[Any]:
    """A key that puts 9.jsonl before 10.jsonl."""
    return [
        (0, int(part), "") if part.isdecimal() else (1, 0, part)
        for part in re.split(r"(\d+)", file.name)
        if part
    ]


def format_of(file: Path) -> Format:
    """The format of a file, by its first row."""
    rows = Rows(file)
    try:
        for row in rows:
            return recognise(row)
    except RowError as error:
        raise complain(f"{file}, row {error.row or rows.number}", error.got, error.need) from None
    except UNREADABLE as error:
        raise complain(
            str(file), f"a file that cannot be read ({error})", "a whole file of rollouts"
        ) from None
    raise complain(str(file), "an empty file", "rollouts, one a row")


def counts_in(file: Path, correct: str | None) -> Counts:
    """The counts in a file of them."""
    rows = Rows(file)
    try:
        counts = read_counts(rows, correct)
    except RowError as error:
        raise complain(f"{file}, row {error.row or rows.number}", error.got, error.need) from None
    except UNREADABLE as error:
        raise complain(str(file), f"a file that cannot be read ({error})", "a whole file of counts") from None
    if not len(counts.correct):
        raise complain(str(file), "an empty file", "counts, one row a problem")
    return counts


def collect(file: Path, form: Format, correct: str | None, collected: Collector) -> None:
    """All responses of a file; the step is the file's name where rows have none and it is a number."""
    if form.read is None:
        raise complain(str(file), "counts among files of rollouts", "files of one kind")
    rows, before = Rows(file), len(collected)
    stem = file.name.split(".")[0]
    try:
        collected.take(rows, form.read(rows, correct), int(stem) if stem.isdecimal() else None)
    except RowError as error:
        raise complain(f"{file}, row {error.row or rows.number}", error.got, error.need) from None
    except UNREADABLE as error:
        raise complain(
            str(file), f"a file that cannot be read ({error})", "a whole file of rollouts"
        ) from None
    if (left_out := rows.count - (len(collected) - before)) > 0 and form.left_out:
        collected.left_out[form.left_out] = collected.left_out.get(form.left_out, 0) + left_out
