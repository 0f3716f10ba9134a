"""Folders that results go to, and files written whole or not at all.

A folder that cannot be written is found out before hours of work, and one message says why.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from thermodiff.validation import complain

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
# Some network file systems lock no folders.
_NO_LOCKS = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EBADF, errno.EINVAL}
# Tensorstore, which raises ValueError, hides it in a long message.
_TENSORSTORE = re.compile(r"\[os_error_code='(\d+)'")


def cannot_write(name: str, path: Path, error: Exception) -> OSError:
    """The error to raise when ``path``, which the user named by the argument ``name``, could not be written."""
    reason, code = getattr(error, "strerror", None) or str(error), getattr(error, "errno", None)
    if found := _TENSORSTORE.search(reason):
        code = int(found[1])
        reason = os.strerror(code)
    need = "more room on that disk" if code in _FULL else "a folder that may be written to"
    return OSError(str(complain(name, f"{path}, which cannot be written ({reason})", need)))


def check_writable(name: str, folder: str | Path) -> None:
    """Make ``folder`` if it is not there, and raise OSError unless a file can be written in it."""
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Permissions do not tell: the disk may be mounted read-only, or full.
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"0")
    except OSError as error:
        raise cannot_write(name, folder, error) from error


@contextlib.contextmanager
def held(name: str, folder: str | Path) -> Iterator[None]:
    """Holds ``folder``, which exists, for this run until the block is left or the process ends, however it does.

    Raises ValueError, naming the argument ``name``, where another run holds it. Of several processes of one run the
    first holds it. File systems that have no locks are not told from free folders.
    """
    if not _first_process():
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                got = f"{str(folder)!r}, in which another run is at work"
                raise complain(name, got, "a folder of its own, or the other run's end") from error
            if error.errno not in _NO_LOCKS:
                raise
        yield
    finally:
        os.close(handle)


def write_atomically(path: Path, content: bytes | str) -> Path:
    """Writes under a temporary name beside ``path`` and renames: readers see the old file or the whole new one.

    On any exception, an interrupt included, the temporary file is removed and ``path`` is untouched. Raises OSError
    where it cannot be written. Of several processes the first writes.
    """
    if not _first_process():
        return path
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as stream:
            stream.write(content.encode() if isinstance(content, str) else content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        raise cannot_write("out", path, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
    return path


def _first_process() -> bool:
    """Whether this process is to write. Processes are joined by JAX: where it does not run there is one."""
    if "jax" not in sys.modules:
        return True
    from thermodiff.runtime.devices import first_process

    return first_process()
