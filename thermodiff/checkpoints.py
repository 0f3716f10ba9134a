"""Checkpoints of a training: arrays through orbax, a description in JSON, no pickle.

Orbax writes a folder under a temporary name and renames it when it is complete, so that one called
``step_00000250`` is whole and what a killed process left half written is never taken for one. Removing one renames it
first, for the same reason.
"""

from __future__ import annotations

import contextlib
import logging
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from thermodiff.devices import first_process, from_first_process
from thermodiff.folders import cannot_write, check_writable
from thermodiff.validation import complain

KEPT = 2
UNREADABLE = (OSError, ValueError, KeyError)
_STEP = re.compile(r"step_(\d{8,})")
_UNFINISHED = ".orbax-checkpoint-tmp"
_FORMAT = 1


# --- arrays -------------------------------------------------------------------------------------


def write_arrays(folder: Path, arrays: dict[str, np.ndarray], metadata: dict, name: str = "folder") -> None:
    """Write named arrays and JSON metadata to ``folder``: it appears when complete and replaces an older one.

    Raises OSError where it cannot be written, calling it by the argument ``name``, and leaves nothing behind.
    """
    # Beside an older one, which orbax would remove before it writes.
    target = folder.with_name(f"{folder.name}{_UNFINISHED}-new") if folder.exists() else folder
    try:
        with contextlib.closing(_orbax()) as writer, _quiet():
            writer.save(target.resolve(), arrays, force=True, custom_metadata={"format": _FORMAT, **metadata})
        if target != folder:
            older = _out_of_the_way(folder)
            target.rename(folder)
            shutil.rmtree(older)
    except (OSError, ValueError) as error:  # tensorstore, which writes the arrays, raises ValueError
        for unfinished in folder.parent.glob(f"{folder.name}{_UNFINISHED}*"):
            shutil.rmtree(unfinished, ignore_errors=True)
        raise cannot_write(name, folder, error) from error


def _out_of_the_way(folder: Path) -> Path:
    """Renames ``folder`` to what is never taken for a whole one and returns that, to be removed file by file."""
    older = folder.with_name(f"{folder.name}{_UNFINISHED}-old")
    shutil.rmtree(older, ignore_errors=True)  # of a process killed in the middle of removing it
    return folder.rename(older)


def read_arrays(folder: Path) -> tuple[dict[str, Any], dict]:
    """(arrays, metadata) that ``write_arrays`` wrote. Raises ``UNREADABLE`` for anything else, or damaged."""
    with contextlib.closing(_orbax()) as reader, _quiet():
        metadata = reader.metadata(folder.resolve()).custom_metadata or {}
        if metadata.get("format") != _FORMAT:
            raise ValueError(f"{folder} was not written by this version of thermodiff")
        return reader.restore(folder.resolve()), metadata


def _orbax() -> Any:
    """Orbax for this process alone: among several it would wait for all of them to save or to read together."""
    import orbax.checkpoint as ocp

    here = jax.process_index()
    alone = ocp.options.MultiprocessingOptions(
        primary_host=here, active_processes={here}, barrier_sync_key_prefix="thermodiff"
    )
    handler = ocp.PyTreeCheckpointHandler(multiprocessing_options=alone)
    return ocp.Checkpointer(handler, multiprocessing_options=alone)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Orbax remarks through absl's logger on what does not concern one machine, and on errors that it raises."""
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


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


# --- steps of a training ------------------------------------------------------------------------


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
        shutil.rmtree(_out_of_the_way(step_folder(folder, old)), ignore_errors=True)
    return target


def restore_latest(folder: str | Path, template: Any, metadata: dict) -> tuple[int, Any] | None:
    """(step, tree) of the newest readable checkpoint, None if there is none.

    ``template`` gives structure, shapes and types; ``metadata`` must equal what was saved. A damaged step is passed
    over, with a warning, for the one before it. Raises ValueError for the checkpoint of another training, naming
    the first entry that differs.
    """
    for step in reversed(steps_in(folder)):
        path = step_folder(folder, step)
        try:
            arrays, saved = read_arrays(path)
        except UNREADABLE as error:
            logging.getLogger(__name__).warning("%s cannot be read and is passed over: %s", path, error)
            continue
        for name, value in metadata.items():
            if saved.get(name) != value:
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
        shutil.rmtree(_out_of_the_way(step_folder(folder, step)))


def clear_unfinished(folder: str | Path) -> None:
    """Remove what processes that were killed while they wrote a step have left."""
    for path in Path(folder).glob(f"step_*{_UNFINISHED}*"):
        shutil.rmtree(path, ignore_errors=True)


class Keeper:
    """Writes a training's checkpoints to a folder, no more often than every ``seconds``; without one, nothing.

    Of several processes the first reads and writes, for all.
    """

    def __init__(self, folder: str | Path | None, metadata: dict, seconds: float) -> None:
        self.folder, self.metadata, self.seconds = folder, metadata, seconds
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
        return restore_latest(self.folder, template, self.metadata)

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
