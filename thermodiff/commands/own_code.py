"""An object out of a Python file of the user's, ``FILE.py:NAME``. The file is run: that is said before it is done.

Nothing else is ever run or unpickled: weights come in by the user's own lines in that file.
"""

from __future__ import annotations

import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from thermodiff.validation import complain

NEED = "FILE.py:NAME, an object in a Python file of yours"
NEAREST = 5
"""Names of the file that are listed where one was not found."""


class OwnCode:
    """Files of the user's, each run once however many names are taken from it."""

    def __init__(self) -> None:
        self._run: dict[Path, ModuleType] = {}

    def take(self, option: str, address: str) -> Any:
        """The object at ``address``. Raises ValueError, one line, for anything that is wrong with it or its file."""
        file, _, name = address.rpartition(":")
        if not file or not name:
            raise complain(option, repr(address), NEED)
        path = Path(file)
        if path.suffix != ".py":
            need = f"{NEED}: no weights or pickles are loaded, your own lines in it do that"
            raise complain(option, f"{address!r}, a file {path.suffix or 'without an ending'}", need)
        if not path.is_file():
            raise complain(option, f"{file!r}, which is not there", NEED)
        module = self._module(option, path)
        if not hasattr(module, name):
            there = [
                n
                for n in vars(module)
                if not n.startswith("_") and not isinstance(getattr(module, n), ModuleType)
            ]
            shown = ", ".join(there[-NEAREST:]) or "none"
            raise complain(
                option, f"no {name!r} in {file}", f"a name that it has (the last of them: {shown})"
            )
        return getattr(module, name)

    def _module(self, option: str, path: Path) -> ModuleType:
        path = path.resolve()
        if path not in self._run:
            self._run[path] = _run(option, path)
        return self._run[path]


def _run(option: str, path: Path) -> ModuleType:
    """The file as a module that can import its neighbours."""
    said = f"running {path.name}, which can do anything that you can: run only files that you trust"
    sys.stderr.write(f"thermodiff: note: {said}\n")
    sys.stderr.flush()
    spec = importlib.util.spec_from_file_location(f"thermodiff_own_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses and the like look for it
    sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # whatever the user's own lines raise
        raise complain(option, what_failed(error, path), f"{path.name} to run without an error") from error
    finally:
        sys.path.remove(str(path.parent))
    return module


def what_failed(error: BaseException, path: Path | None = None) -> str:
    """What an error of the user's code was and where: its last line in ``path``, or else its last line."""
    if isinstance(error, SyntaxError):
        return f"SyntaxError in line {error.lineno} of {Path(error.filename or '').name}: {error.msg}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if path is not None and Path(frame.filename) == path] or frames
    where = f" in line {own[-1].lineno} of {Path(own[-1].filename).name}" if own else ""
    first = str(error).split("\n")[0]
    return f"{type(error).__name__}{where}" + (f": {first}" if first else "")
