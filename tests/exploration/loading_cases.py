"""Small files of rollouts, and what load_rollouts says when it refuses one."""

import json
from pathlib import Path

import pytest

from thermodiff.exploration.loading import load_rollouts


def written(folder: Path, rows: list, name: str = "rollouts.jsonl") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def rows(*correct, **columns) -> list[dict]:
    """Two samples a problem; every column is the same in all rows."""
    return [{"problem_id": i // 2, "sample": i % 2, "correct": c, **columns} for i, c in enumerate(correct)]


def refused(folder: Path, content: list, name: str = "rollouts.jsonl", **options) -> str:
    path = written(folder, content, name)
    with pytest.raises(ValueError, match=r"got .*, need ") as error:
        load_rollouts(path, **options)
    message = str(error.value)
    assert "\n" not in message
    assert message.startswith(str(folder))
    return message.removeprefix(f"{folder}/")
