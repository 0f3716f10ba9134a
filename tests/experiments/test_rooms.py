"""Experiments keep to their rooms: a claim imports its own room and the harness, and the harness no claim."""

import ast
from pathlib import Path

import pytest

EXPERIMENTS = Path(__file__).resolve().parents[2] / "experiments"
ROOMS = sorted(path.name for path in EXPERIMENTS.iterdir() if (path / "__init__.py").exists())


def rooms_imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("experiments"):
            assert node.module != "experiments", f"{path.name}:{node.lineno} names no room"
            yield node.module.split(".")[1]


@pytest.mark.parametrize("room", ROOMS)
def test_a_claim_imports_its_own_room_and_the_harness(room):
    files = sorted((EXPERIMENTS / room).glob("*.py"))
    assert {name for path in files for name in rooms_imported(path)} <= {room, "harness"}


def test_every_file_has_a_room():
    own = {"bound", "energetics", "exploration", "information", "models", "paths", "sampling", "speed"}
    assert {*ROOMS} == own | {"harness"}
    assert [path.name for path in EXPERIMENTS.glob("*.py")] == ["__init__.py"]
