"""The house is built as ``rooms.py`` plans it: no import upwards, no circle, each outside package behind one door."""

import pytest
import rooms

# Families: each of these files knows the shared ones of its room and none of the others.
FAMILIES = {
    "distributions": {
        "shared": (
            "base",
            "quadrature",
            "truncated",
            "gaussian",
            "mixture",
            "rows",
            "repeats",
            "sample_checks",
        ),
        "made of families": ("reference",),
    },
    "processes": {"shared": ("base",), "made of families": ()},
}


def violations(source: str, module: str, is_package: bool = False) -> list[str]:
    """What a file's imports break: the table of rooms, the doors, or a family's privacy."""
    found, room = [], module.split(".")[0]
    for line, name in rooms.imports(source, module, is_package):
        target = rooms.resolve(name)
        if target is None:
            door = rooms.DOORS.get(name.split(".")[0])
            if door is not None and module not in door:
                found.append(f"line {line}: {name} is for {', '.join(sorted(door))} alone")
        elif target == "":
            found.append(f"line {line}: {name}: import from the file that defines it, not from thermodiff")
        elif target.split(".")[0] != room and not rooms.may_import(module, target):
            found.append(f"line {line}: {module} imports {target}, which {room} may not (tests/rooms.py)")
        elif target in rooms.ROOMS and target not in rooms.SINGLE_FILES and target != room:
            found.append(f"line {line}: {name}: import from the file that defines it, not from its room")
        elif target != module and _is_family(module) and _is_family(target) and room == target.split(".")[0]:
            found.append(f"line {line}: {module} imports its sister {target}")
    return found


def _is_family(module: str) -> bool:
    room, _, name = module.partition(".")
    special = FAMILIES.get(room)
    return bool(special) and bool(name) and not any(name in names for names in special.values())


def test_every_file_has_a_room():
    unlisted = sorted({module.split(".")[0] for module in rooms.FILES} - set(rooms.ROOMS))
    assert not unlisted, f"no row in ROOMS of tests/rooms.py for {', '.join(unlisted)}"


def test_the_table_itself_points_down():
    order = list(rooms.ROOMS)
    for room, allowed in rooms.ROOMS.items():
        above = [other for other in allowed if other in order and order.index(other) > order.index(room)]
        assert not above or room in rooms.GROUND, f"{room} may import {above}, which stands above it"
    for part, allowed in rooms.FURTHER.items():
        own = order.index(part.split(".")[0])
        above = [name for name in allowed if order.index(name.split(".")[0]) >= own]
        assert not above, f"{part} may import {above}, which does not stand below it"


@pytest.mark.parametrize("module", rooms.FILES)
def test_imports_follow_the_plan(module):
    path = rooms.FILES[module]
    found = violations(path.read_text(encoding="utf-8"), module, is_package=path.name == "__init__.py")
    assert not found, f"{path.relative_to(rooms.ROOT)}:\n" + "\n".join(found)


def test_no_circle_and_no_tower():
    """Eleven rooms from the command to the words; a circle would have no end."""
    chain = [room for room in rooms.longest_chain(rooms.graph()) if room != "__main__"]
    assert len(chain) <= 11, " > ".join(chain)


def test_no_circle_between_files():
    state: dict[str, int] = {}

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert state.get(module) != 1, f"a circle: {' > '.join((*path[path.index(module) :], module))}"
        if state.get(module) is None:
            state[module] = 1
            for target in sorted(rooms.imported_files(module)):
                visit(target, (*path, module))
            state[module] = 2

    for module in rooms.FILES:
        if rooms.FILES[module].name != "__init__.py":
            visit(module, ())


@pytest.mark.parametrize(
    ("module", "source", "ok"),
    [
        ("numerics.estimates", "from thermodiff.types import Estimate", True),
        ("numerics.estimates", "from ..types import Estimate", True),
        ("numerics.estimates", "def f():\n    import thermodiff.types", True),
        ("types", "from thermodiff.numerics.estimates import estimate_rows", False),
        ("types", "from . import numerics", False),
        ("types", "def f():\n    import thermodiff.numerics as n", False),
        ("types", "from thermodiff import Score", False),
        ("types", "import thermodiff", False),
        ("information.entropy", "from thermodiff.thermodynamics.rates import entropy_rates", False),
        ("exploration.rollouts", "from thermodiff.training.fit import fit", False),
        ("exploration.learning.reinforce", "from thermodiff.training.checkpoints import Keeper", True),
        ("exploration.learning.reinforce", "from thermodiff.training.fit import fit", False),
        ("scores.exact", "from thermodiff.distributions import Gaussian", False),
        ("scores.exact", "from thermodiff.distributions.gaussian import Gaussian", True),
        ("scores.networks", "from flax import nnx", True),
        ("training.fit", "from flax import nnx", False),
        ("training.optimiser", "import optax", True),
        ("training.step", "import optax.losses", False),
        ("training.checkpoints", "import orbax.checkpoint as ocp", False),
        ("exploration.rollouts", "def f():\n    import matplotlib.figure", False),
        ("types", "import flaxible", True),
        ("distributions.uniform", "from .base import Family\nfrom ..numerics.estimates import x", True),
        ("distributions.uniform", "from thermodiff.distributions.gaussian import Gaussian", True),
        ("distributions.uniform", "from .laplace import Laplace", False),
        ("distributions.uniform", "from thermodiff.processes.base import DerivedProcess", False),
        ("distributions.reference", "from .samples import Samples", True),
    ],
)
def test_the_rule_itself(module, source, ok):
    assert (not violations(source, module)) is ok
