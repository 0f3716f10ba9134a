"""Named arrays and a JSON description in one folder, through orbax: whole under its final name, or not there.

Orbax writes a folder under a temporary name and renames it when it is complete, so that what a killed process left half
written is never taken for one. Removing one renames it first, for the same reason. No pickle.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np

from thermodiff.runtime.files import cannot_write

UNREADABLE = (OSError, ValueError, KeyError)
UNFINISHED = ".orbax-checkpoint-tmp"
STILL_SECONDS, GIVEN_UP_SECONDS = 0.5, 10.0
_FORMAT = 1


def write_arrays(folder: Path, arrays: dict[str, np.ndarray], metadata: dict, name: str = "folder") -> None:
    """Write named arrays and JSON metadata to ``folder``: it appears when complete and replaces an older one.

    Raises OSError where it cannot be written, calling it by the argument ``name``, and leaves nothing behind.
    """
    # Beside an older one, which orbax would remove before it writes.
    target = folder.with_name(f"{folder.name}{UNFINISHED}-new") if folder.exists() else folder
    try:
        with contextlib.closing(_orbax()) as writer, _quiet():
            writer.save(target.resolve(), arrays, force=True, custom_metadata={"format": _FORMAT, **metadata})
        if target != folder:
            older = out_of_the_way(folder)
            target.rename(folder)
            shutil.rmtree(older)
    except (OSError, ValueError) as error:  # tensorstore, which writes the arrays, raises ValueError
        _clear_unfinished(folder)
        raise cannot_write(name, folder, error) from error


def _clear_unfinished(folder: Path) -> None:
    """Removes what a failed write of ``folder`` has left, until nothing has come for ``STILL_SECONDS``.

    Orbax raises at the first array that fails, and its threads go on with the others: a folder removed at once may be
    filled, or made, again. After ``GIVEN_UP_SECONDS`` it stays, under a name that is never taken for a whole one.
    """
    began = still_since = time.monotonic()
    while (now := time.monotonic()) - still_since < STILL_SECONDS and now - began < GIVEN_UP_SECONDS:
        for unfinished in folder.parent.glob(f"{folder.name}{UNFINISHED}*"):
            still_since = now
            shutil.rmtree(unfinished, ignore_errors=True)
        time.sleep(STILL_SECONDS / 20)


def out_of_the_way(folder: Path) -> Path:
    """Renames ``folder`` to what is never taken for a whole one and returns that, to be removed file by file."""
    older = folder.with_name(f"{folder.name}{UNFINISHED}-old")
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
