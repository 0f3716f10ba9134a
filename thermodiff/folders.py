"""Folders that results go to: writable, as is seen before hours of work, or one message that says why not."""

from __future__ import annotations

import errno
import os
import re
import tempfile
from pathlib import Path

from thermodiff.validation import complain

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
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
