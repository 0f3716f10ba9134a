"""Checkpoints of a training, one folder a step.

A folder called ``step_00000250`` is whole: its format on disk is that of ``runtime.saved_arrays``. The newest that can
be read is where training goes on.
"""

from __future__ import annotations

import logging
import re
import shutil
import time
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from thermodiff.runtime.devices import first_process, from_first_process
from thermodiff.runtime.files import check_writable
from thermodiff.runtime.saved_arrays import UNFINISHED, UNREADABLE, out_of_the_way, read_arrays, write_arrays
from thermodiff.validation import complain

KEPT = 2
CHECKPOINT_SECONDS = 5.0
"""At most this much training is lost when a process is killed (and one chunk, if that takes longer)."""
_STEP = re.compile(r"step_(\d{8,})")


def _named_leaves(tree: Any) -> dict[str, np.ndarray]:
    leaves = jax.tree_util.tree_flatten_with_path(tree)[0]
    return {jax.tree_util.keystr(path): np.asarray(leaf) for path, leaf in leaves}


def _fill(template: Any, arrays: dict[str, Any]) -> Any:
    """The template's structure with these arrays; raises ValueError where names or shapes differ."""
    paths, structure = jax.tree_util.tree_flatten_with_path(template)
    wanted = {jax.tree_util.keystr(path): leaf for path, leaf in paths}
    if wanted.keys() != arrays.keys():
        odd = sorted(wanted.keys() ^ arrays.keys())
        raise complain("checkpoint", f"arrays that do not fit, {odd[0]} first", "those of the same training")
    filled = []
    for name, leaf in wanted.items():
        array = jnp.asarray(np.asarray(arrays[name], dtype=leaf.dtype))
        if array.shape != leaf.shape:
            raise complain("checkpoint", f"{name} of shape {array.shape}", f"shape {leaf.shape}")
        filled.append(array)
    return jax.tree.unflatten(structure, filled)


def steps_in(folder: str | Path) -> list[int]:
    """The completed steps of which ``folder`` holds a checkpoint, in order."""
    if not Path(folder).is_dir():
        return []
    found = [_STEP.fullmatch(path.name) for path in Path(folder).iterdir() if path.is_dir()]
    return sorted(int(match[1]) for match in found if match)


def step_folder(folder: str | Path, step: int) -> Path:
    """Where the checkpoint after ``step`` steps lies."""
    return Path(folder) / f"step_{step:08d}"


def save(folder: str | Path, step: int, tree: Any, metadata: dict) -> Path:
    """Write ``tree`` (a pytree of arrays) and ``metadata`` (JSON) as the checkpoint of ``step``; keep the last two.

    Atomic and synchronous, about 0.1 s for a small network.
    """
    target = step_folder(folder, step)
    check_writable("checkpoint_dir", folder)
    write_arrays(target, _named_leaves(tree), metadata, "checkpoint_dir")
    for old in steps_in(folder)[:-KEPT]:
        shutil.rmtree(out_of_the_way(step_folder(folder, old)), ignore_errors=True)
    return target


def restore_latest(
    folder: str | Path, template: Any, metadata: dict, may_lack: tuple[str, ...] = ()
) -> tuple[int, Any] | None:
    """(step, tree) of the newest readable checkpoint, None if there is none.

    ``template`` gives structure, shapes and types; ``metadata`` must equal what was saved. A damaged step is passed
    over, with a warning, for the one before it. Entries that a checkpoint ``may_lack``, as it was written before there
    were such, are taken as equal where they are missing, with a warning. Raises ValueError for the checkpoint of
    another training, naming the first entry that differs.
    """
    for step in reversed(steps_in(folder)):
        path = step_folder(folder, step)
        try:
            arrays, saved = read_arrays(path)
        except UNREADABLE as error:
            logging.getLogger(__name__).warning("%s cannot be read and is passed over: %s", path, error)
            continue
        for name, value in metadata.items():
            if name in may_lack and name not in saved:
                logging.getLogger(__name__).warning(
                    "%s does not say of which %s it is: taken as this one", path, name
                )
            elif saved.get(name) != value:
                raise complain(
                    "checkpoint_dir",
                    f"{folder} with a checkpoint of a training whose {name} is {saved.get(name)}",
                    f"one with {name} = {value}, an empty folder, or resume=False to start over",
                )
        return step, _fill(template, arrays)
    return None


def clear(folder: str | Path) -> None:
    """Remove all step folders; nothing else in ``folder`` is touched."""
    for step in steps_in(folder):
        shutil.rmtree(out_of_the_way(step_folder(folder, step)))


def clear_unfinished(folder: str | Path) -> None:
    """Remove what processes that were killed while they wrote a step have left."""
    for path in Path(folder).glob(f"step_*{UNFINISHED}*"):
        shutil.rmtree(path, ignore_errors=True)


class Keeper:
    """Writes a training's checkpoints to a folder, no more often than every ``seconds``; without one, nothing.

    Of several processes the first reads and writes, for all.
    """

    def __init__(
        self,
        folder: str | Path | None,
        metadata: dict,
        seconds: float | None = None,
        may_lack: tuple[str, ...] = (),
    ) -> None:
        self.folder, self.metadata, self.may_lack = folder, metadata, may_lack
        self.seconds = CHECKPOINT_SECONDS if seconds is None else seconds
        self._saved_at, self._pending = time.monotonic(), (-1, None)

    def restore(self, template: Any, resume: bool) -> tuple[int, Any] | None:
        """The newest checkpoint, or None; with ``resume`` false older checkpoints are removed first.

        Raises OSError now, rather than after hours, where none could be written; ValueError as ``restore_latest``.
        """
        if self.folder is None:
            return None
        found = self._restore_here(template, resume) if first_process() else None
        step, tree = from_first_process((-1, template) if found is None else found)
        return None if step < 0 else (int(step), tree)

    def _restore_here(self, template: Any, resume: bool) -> tuple[int, Any] | None:
        assert self.folder is not None
        check_writable("checkpoint_dir", self.folder)
        clear_unfinished(self.folder)
        if not resume:
            clear(self.folder)
        return restore_latest(self.folder, template, self.metadata, self.may_lack)

    def offer(self, step: int, tree: Any) -> None:
        """A state worth keeping: written now if the last is old enough, or later by ``flush``."""
        self._pending = (step, tree)
        if time.monotonic() - self._saved_at >= self.seconds:
            self.flush()

    def flush(self) -> None:
        """Write the last state offered, unless it has been."""
        (step, tree), self._pending = self._pending, (-1, None)
        if self.folder is not None and tree is not None and first_process():
            save(self.folder, step, tree, self.metadata)
        self._saved_at = time.monotonic()

    def __str__(self) -> str:
        if self.folder is None or not steps_in(self.folder):
            return "there is no checkpoint"
        return f"the last good checkpoint is {step_folder(self.folder, steps_in(self.folder)[-1])}"
