"""What ``thermodiff explore`` is given: one policy or two, a training, or curves of one; and what is wrong with it."""

from __future__ import annotations

import csv
import dataclasses
import glob
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from thermodiff.exploration.loading import files_of, load_rollouts
from thermodiff.exploration.named import NAMES, named_rollouts
from thermodiff.exploration.rollouts import Counts, Rollouts, paired
from thermodiff.validation import complain

COLUMNS = ("step", "reward", "entropy")
FEWEST_STEPS = 12
"""Steps that curves need for a change point or a law to be fitted."""


class Policy(NamedTuple):
    """One policy's rollouts; ``rollouts`` is None where only counts are known."""

    label: str
    source: str
    counts: Counts
    rollouts: Rollouts | None


class Curves(NamedTuple):
    """A training as others logged it, each (n,), in the order of its steps."""

    source: str
    step: np.ndarray
    reward: np.ndarray
    entropy: np.ndarray


class Given(NamedTuple):
    """One of: policies (one or two, on the same problems), a training, curves; curves may come beside either."""

    policies: tuple[Policy, ...]
    training: Rollouts | None
    curves: Curves | None
    remarks: tuple[str, ...]
    """On the files together."""
    of_files: Mapping[str, tuple[str, ...]]
    """What the readers have to say, by label."""


def read(
    files: tuple[str, ...], curves: Path | None, labels: tuple[str, ...] | None, reading: dict[str, Any]
) -> Given:
    """Everything that files, or a name, and ``curves`` hold. ``reading``: the options of ``load_rollouts``.

    Raises ValueError or OSError, one line, for what cannot be read or does not go together.
    """
    if not files and curves is None:
        raise complain("files", "none", f"rollouts, --curves, or a name: {', '.join(NAMES)}")
    if len(files) > 2:
        need = "one or two; for a training its folder, or a glob in quotes"
        raise complain("files", f"{len(files)} files", need)
    logged = None if curves is None else read_curves(curves)
    loaded = _load(files, reading)
    steps = {label: _steps(data) for label, data in loaded.items()}
    if len(loaded) == 1 and max(steps.values()) > 1:
        return _training(next(iter(loaded.values())), labels, logged)
    for label, count in steps.items():
        if count > 1:
            need = f"one step where two policies are compared, such as {_one_step(files)}"
            raise complain(label, f"a training of {count} steps", need)
    named = _labelled(loaded, labels)
    policies, remarks = _policies(named)
    of_files = {label: tuple(getattr(data, "remarks", ())) for label, data in named.items()}
    return Given(policies, None, logged, remarks, of_files)


def _training(data: Any, labels: tuple[str, ...] | None, logged: Curves | None) -> Given:
    if labels is not None:
        raise complain("labels", f"{len(labels)} for a training", "none: its steps are its labels")
    # What the reader says of several steps is for those who call counts().
    remarks = tuple(remark for remark in data.remarks if not remark.startswith("a training of"))
    return Given((), data, logged, remarks, {})


def _load(files: tuple[str, ...], reading: dict[str, Any]) -> dict[str, Counts | Rollouts]:
    if len(files) == 1 and files[0] in NAMES:
        said = [name for name, value in reading.items() if value not in (None, "auto")]
        if said:
            raise complain(
                said[0], f"it for {files[0]}", "nothing: what ships with the package needs no options"
            )
        return named_rollouts(files[0])
    for file in files:
        _check_name(file, len(files))
    names = _names(files)
    return {name: load_rollouts(file, **reading) for name, file in zip(names, files, strict=True)}


def _check_name(file: str, count: int) -> None:
    """Raises ValueError for named data beside a file, and for what is neither a name nor there to be read."""
    if Path(file).exists() or glob.has_magic(file):
        return
    if file in NAMES:
        need = f"it alone: named data ({', '.join(NAMES)}) are whole comparisons or policies of their own"
        raise complain("files", f"{file} beside another" if count > 1 else file, need)
    names = f"or by itself a name of data that ship with thermodiff: {', '.join(NAMES)}"
    raise complain(file, "nothing to read", f"a file, a folder or a glob of files, {names}")


def _one_step(files: tuple[str, ...]) -> str:
    """The last files of two folders, as a user would write them; in words where these are no folders of steps."""
    found = [files_of(file) for file in files]
    if all(len(several) > 1 for several in found):
        return " ".join(str(several[-1]) for several in found)
    return "the rows of its last step in a file of their own"


def _names(files: tuple[str, ...]) -> list[str]:
    """The files' names without folder and endings; with the folder where that makes them differ."""
    stems = [Path(file).name.split(".")[0] or file for file in files]
    if len(set(stems)) == len(stems):
        return stems
    stems = [f"{Path(file).resolve().parent.name}/{stem}" for file, stem in zip(files, stems, strict=True)]
    return stems if len(set(stems)) == len(stems) else list("ab"[: len(files)])


def _steps(data: Counts | Rollouts) -> int:
    return 1 if isinstance(data, Counts) or data.step is None else len(np.unique(data.step))


def _labelled(
    loaded: dict[str, Counts | Rollouts], labels: tuple[str, ...] | None
) -> dict[str, Counts | Rollouts]:
    if labels is None:
        return loaded
    if len(labels) != len(loaded) or len(set(labels)) < len(labels):
        raise complain("labels", " ".join(labels), f"{len(loaded)} different one(s), one for each policy")
    return dict(zip(labels, loaded.values(), strict=True))


def _policies(named: dict[str, Counts | Rollouts]) -> tuple[tuple[Policy, ...], tuple[str, ...]]:
    """The policies; of two, their common problems, under the names that they have in the first."""
    if len(named) < 2:
        return tuple(_policy(label, data) for label, data in named.items()), ()
    first, second = named
    pair = paired(named[first], named[second], (first, second))
    names = pair.first.problems
    return (
        _policy(first, named[first], pair.first),
        _policy(second, named[second], pair.second._replace(problems=names)),
    ), pair.remarks


def _policy(label: str, data: Counts | Rollouts, common: Counts | None = None) -> Policy:
    if isinstance(data, Counts):
        return Policy(label, "counts", data if common is None else common, None)
    if common is None:
        return Policy(label, data.source, data.counts(), data)
    assert common.problems is not None
    # The same texts in both: one file's 1 may be the other's "1".
    texts = data.problem.astype(str)
    kept = data.select(np.isin(texts, common.problems.astype(str)))
    return Policy(label, data.source, common, dataclasses.replace(kept, problem=kept.problem.astype(str)))


def read_curves(path: Path) -> Curves:
    """The columns step, reward and entropy of a csv file; others are passed over, and so are rows that lack one.

    Trainers log some quantities at some steps only; a row in which a number is wrong is another matter.
    Raises ValueError, naming file and row, or OSError.
    """
    if not path.exists():
        raise complain("curves", f"{str(path)!r}, which does not exist", "a csv file")
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            rows = list(csv.DictReader(stream))
    except (UnicodeDecodeError, csv.Error) as error:
        raise complain(str(path), f"a file that is no csv ({error})", "step,reward,entropy") from None
    if not rows:
        raise complain(str(path), "no rows", f"a line of names ({','.join(COLUMNS)}) and rows of numbers")
    places = {(name or "").strip().lower(): name for name in rows[0]}
    missing = [name for name in COLUMNS if name not in places]
    if missing:
        got = f"no column {missing[0]} among {', '.join(name for name in places if name)}"
        raise complain(str(path), got, f"columns {', '.join(COLUMNS)}")
    values = [
        [_number(path, number, name, row[places[name]]) for name in COLUMNS]
        for number, row in enumerate(rows, 2)
        if all((row[places[name]] or "").strip() for name in COLUMNS)
    ]
    return _curves(path, np.array(values).reshape(-1, 3))


def _number(path: Path, row: int, name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise complain(f"{path}, line {row}", f"{text.strip()!r} in {name}", "a finite number")
    return value


def _curves(path: Path, table: np.ndarray) -> Curves:
    if len(table) < FEWEST_STEPS:
        raise complain(
            str(path), f"{len(table)} whole rows", f"at least {FEWEST_STEPS}, to fit anything to them"
        )
    table = table[np.argsort(table[:, 0], kind="stable")]
    step, reward, entropy = table.T
    twice = step[1:][np.diff(step) == 0]
    if len(twice):
        raise complain(str(path), f"step {twice[0]:g} twice", "each step once")
    for name, values in (("reward", reward), ("entropy", entropy)):
        if np.ptp(values) == 0:
            raise complain(f"{path}: {name}", "a constant", "a curve that varies")
    return Curves(str(path), step, reward, entropy)
