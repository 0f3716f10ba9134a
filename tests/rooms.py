"""The plan of the house: which room may import which, and the graph of what is, printed.

python tests/rooms.py

prints, for every room of ``thermodiff/``, the rooms it imports with the number of importing lines, and the longest
chain. ``test_layering.py`` holds the code against the table below.
"""

from __future__ import annotations

import ast
import functools
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "thermodiff"

GROUND = ("types", "validation", "units", "array_types", "runtime", "numerics")
"""What every room above may stand on; among themselves as in the table."""
ROOMS: dict[str, tuple[str, ...]] = {
    "version": (),
    "types": (),
    "validation": ("types",),
    "units": ("types", "validation"),
    "array_types": ("types",),
    "runtime": ("types", "validation"),
    "numerics": ("types", "validation", "array_types"),
    "distributions": GROUND,
    "processes": GROUND,
    "data": (*GROUND, "distributions"),
    "plotting": GROUND,
    "scores": (*GROUND, "distributions", "processes"),
    "training": (*GROUND, "distributions", "processes", "scores"),
    "trajectories": (*GROUND, "distributions", "processes", "scores"),
    "thermodynamics": (*GROUND, "distributions", "processes", "scores", "trajectories"),
    "likelihood": (*GROUND, "distributions", "processes", "scores", "trajectories", "thermodynamics"),
    "sampling": (*GROUND, "distributions", "processes", "scores", "trajectories", "thermodynamics"),
    "paths": (
        *GROUND,
        "distributions",
        "processes",
        "scores",
        "trajectories",
        "thermodynamics",
        "likelihood",
        "sampling",
    ),
    "auditing": (
        *GROUND,
        "distributions",
        "processes",
        "scores",
        "trajectories",
        "thermodynamics",
        "likelihood",
        "sampling",
        "paths",
    ),
    "energetics": (
        *GROUND,
        "distributions",
        "processes",
        "scores",
        "trajectories",
        "thermodynamics",
        "likelihood",
        "sampling",
        "paths",
    ),
    "jumps": GROUND,
    "information": (*GROUND, "distributions", "processes", "scores", "training"),
    "exploration": ("types", "validation", "runtime", "numerics"),
}
ROOMS["commands"] = (*ROOMS, "plotting")
ROOMS["__main__"] = ("commands",)

_TRAINED = ("array_types", "training.optimiser", "training.checkpoints", "training.cores")
FURTHER: dict[str, tuple[str, ...]] = {
    "auditing.quoted": ("data.pixels",),
    "exploration.tasks": ("array_types",),
    "exploration.policies": ("array_types",),
    "exploration.learning": _TRAINED,
    "exploration.diffusion_policy": (
        *_TRAINED,
        "distributions",
        "processes",
        "scores",
        "training",
        "trajectories",
    ),
}
"""Files, or parts of a room, that may import more than their room: rooms, or single files of them."""

SINGLE_FILES = {
    "version",
    "units",
    "types",
    "validation",
    "array_types",
    "plotting",
    "likelihood",
    "__main__",
}

WITHOUT_JAX = (
    "version",
    "units",
    "types",
    "validation",
    "runtime.files",
    "runtime.records",
    "runtime.progress",
    "runtime.extras",
    "runtime.compilation_cache",
    "numerics.affine_maps",
    "numerics.crooks",
    "numerics.pareto_tail",
    "numerics.path_ratio",
    "numerics.estimates",
    "numerics.quadrature",
    "numerics.robust_scatter",
    "distributions.rows",
    "distributions.repeats",
    "distributions.sample_checks",
    "data",
    "plotting",
    "energetics.hardware",
    "jumps",
    "exploration.boundary",
    "exploration.exchange",
    "exploration.extrapolation",
    "exploration.readers",
    "exploration.tokens",
    "exploration.methods",
    "exploration.policies.tabular",
    "exploration.policies.prefix_tabular",
    "exploration.policies.shared_features",
    "exploration.policies.weights",
    "exploration.loading",
    "exploration.named",
    "exploration.rollouts",
    "commands.main",
    "commands.options",
    "commands.shared",
    "commands.explore",
    "commands.exploring",
)
"""Files, or rooms with all their files, that start no JAX."""

DOORS = {
    "matplotlib": {"plotting"},
    "flax": {"scores.networks", "exploration.policies.networks"},
    "optax": {"training.optimiser"},
    "orbax": {"runtime.saved_arrays"},
    "diffrax": {"trajectories.probability_flow"},
    "tyro": {"commands.main", "commands.options"},
}
"""Packages that only these files import."""


def module_of(path: Path) -> str:
    """``distributions/base.py`` is "distributions.base"; ``distributions/__init__.py`` "distributions"."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {module_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}
FILES.pop("")  # thermodiff/__init__.py is the front door: its names are those of every room


def resolve(name: str) -> str | None:
    """The module of ours that a dotted name is or lies in ("" for the front door), None for others'."""
    head, *rest = name.split(".")
    if head != "thermodiff":
        return None
    while rest and ".".join(rest) not in FILES:
        rest.pop()
    return ".".join(rest)


def imports(source: str, module: str, is_package: bool) -> Iterator[tuple[int, str]]:
    """Line and absolute dotted name of all that a file imports, wherever in the file it does so."""
    package = ["thermodiff", *module.split(".")]
    if not is_package:
        package.pop()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                yield node.lineno, f"{base}.{alias.name}"


def may_import(module: str, target: str) -> bool:
    """Whether the plan lets a file import another, outside packages and its own room apart."""
    allowed = [*ROOMS[module.split(".")[0]]]
    allowed += [name for part, names in FURTHER.items() if _within(module, part) for name in names]
    return any(_within(target, name) for name in allowed)


def _within(module: str, part: str) -> bool:
    return module == part or module.startswith(f"{part}.")


def imported_files(module: str) -> set[str]:
    """The files of ours that a file imports."""
    path = FILES[module]
    found = imports(path.read_text(encoding="utf-8"), module, path.name == "__init__.py")
    return {target for _, name in found if (target := resolve(name)) and target != module}


def graph() -> dict[str, Counter[str]]:
    """room -> the rooms it imports, with how many files import how many others."""
    edges: dict[str, Counter[str]] = {room: Counter() for room in ROOMS}
    for module in FILES:
        room = module.split(".")[0]
        targets = (target.split(".")[0] for target in imported_files(module))
        edges[room].update(target for target in targets if target != room)
    return edges


def longest_chain(edges: dict[str, Counter[str]]) -> list[str]:
    """The longest sequence of rooms each of which imports the next; ends in RecursionError where there is a circle."""

    @functools.cache
    def from_(room: str) -> tuple[str, ...]:
        return (room, *max((from_(target) for target in edges[room]), key=len, default=()))

    return list(max((from_(room) for room in edges), key=len))


if __name__ == "__main__":
    edges = graph()
    for room in ROOMS:
        told = ", ".join(f"{target} {n}" for target, n in sorted(edges[room].items()))
        print(f"{room:<15} {sum(m.split('.')[0] == room for m in FILES):>3} files   {told}")
    chain = [room for room in longest_chain(edges) if room != "__main__"]
    print(f"\nlongest chain, {len(chain)} rooms: {' > '.join(chain)}")
