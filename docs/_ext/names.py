"""Which public name is made where: read from the package's stubs and files, of which nothing is imported.

A public name is one of ``thermodiff.__all__`` or of a room's ``__all__``; both are listed in a file ``__init__.pyi``.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PACKAGE = Path(__file__).resolve().parents[2] / "thermodiff"


class Public(NamedTuple):
    """A name, the module at whose door it stands, and the one in which it is made."""

    name: str
    door: str
    made_in: str
    kind: str

    @property
    def address(self) -> str:
        """What a user writes after ``import thermodiff``."""
        return f"{self.door}.{self.name}"


def file_of(module: str) -> Path:
    """The file of a dotted name, or of the room's stub."""
    path = PACKAGE.parent / Path(*module.split("."))
    stub = path / "__init__.pyi"
    return stub if stub.exists() else path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _imports(module: str) -> Iterator[tuple[str, str]]:
    """Name and the absolute module that it is imported from, for each line of a stub that gives out a name."""
    for node in ast.parse(file_of(module).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                yield alias.name, f"{module}.{node.module}"


def kind_of(module: str, name: str) -> str:
    """Whether the file has it as a "class" or a "function"."""
    for node in ast.parse(file_of(module).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return "class"
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return "function"
    return "data"


def _given_out(door: str) -> Iterator[Public]:
    for name, module in _imports(door):
        made_in = module
        while file_of(made_in).suffix == ".pyi":  # a room's door: one step further in
            made_in = dict(_imports(made_in))[name]
        yield Public(name, door, made_in, kind_of(made_in, name))


@functools.cache
def public_names() -> tuple[Public, ...]:
    """Every public name in the order of the stubs, by the shortest address that it has."""
    found: dict[tuple[str, str], Public] = {}
    stubs = sorted(PACKAGE.rglob("__init__.pyi"), key=lambda path: len(path.parts))
    for stub in stubs:
        door = ".".join(stub.parent.relative_to(PACKAGE.parent).parts)
        for public in _given_out(door):
            found.setdefault((public.made_in, public.name), public)
    return tuple(found.values())


def names_of_file(module: str) -> list[Public]:
    """The functions and classes without an underscore that a file makes, for files that are used by their address."""
    kinds = {ast.ClassDef: "class", ast.FunctionDef: "function"}
    body = ast.parse(file_of(module).read_text(encoding="utf-8")).body
    return [
        Public(node.name, module, module, kinds[type(node)])
        for node in body
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and not node.name.startswith("_")
    ]


def names_in(part: str) -> list[Public]:
    """The public names made in ``part`` (a room, a folder or a file, as "training.fit"); else those of that file."""
    whole = f"thermodiff.{part}"
    found = [p for p in public_names() if p.made_in == whole or p.made_in.startswith(f"{whole}.")]
    return found or names_of_file(whole)
