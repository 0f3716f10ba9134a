"""Packages that only some uses need, from the extras: imported when wanted, or one line on how to get them."""

from __future__ import annotations

import importlib
from typing import Any

from thermodiff.validation import complain

_INSTALLED_AS = {
    "sklearn": "scikit-learn",
    "npeet_plus": "npeet-plus",
    "passk_inference": "passk-inference",
    "reasoning_gym": "reasoning-gym",
}


def from_extra(extra: str, module: str, name: str) -> Any:
    """The module with the dotted name ``module``, wanted for the argument ``name``.

    Raises ValueError, naming the project's ``extra`` that has it, where its package is not installed.
    """
    package = module.split(".")[0]
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != package:
            raise
        got = f"no {_INSTALLED_AS.get(package, package)} in this environment"
        need = f"it: install the extra {extra!r} (pip install 'thermodiff[{extra}]')"
        raise complain(name, got, need) from error
