"""Paper presets resumed: what is kept is not measured again, nothing is kept twice, an interrupt loses no row."""

import dataclasses
import json

import pytest

from experiments.harness import paper
from experiments.harness.cells import one_by_one
from experiments.harness.command import Experiment


@dataclasses.dataclass(frozen=True)
class Config:
    """Squares."""

    numbers: tuple[int, ...] = (1, 2, 3)


def squares(measured, stop_at=None):
    def measure(config, cell):
        if cell["number"] == stop_at:
            raise KeyboardInterrupt
        measured.append(cell["number"])
        if measured.count(2) == 1 and cell["number"] == 2:
            raise ValueError("not at first")
        return {"square": cell["number"] ** 2}

    def cells(config):
        return [{"number": n} for n in config.numbers]

    return Experiment("room.squares", {"paper": Config()}, ("number",), cells, one_by_one(measure), str)


def rows(path):
    return [(row["number"], row["square"]) for row in map(json.loads, path.read_text().splitlines())]


def test_what_is_kept_is_not_measured_again_and_nothing_is_kept_twice(tmp_path, capsys):
    kept, measured = tmp_path / "squares.jsonl", []
    toy = squares(measured)
    assert paper.resume(toy, kept, tmp_path / "here") == 1
    assert "2 new rows" in capsys.readouterr().out
    assert rows(kept) == [(1, 1), (3, 9)], "a failed cell has no row that is kept"
    assert paper.resume(toy, kept, tmp_path / "here") == 0
    assert rows(kept) == [(1, 1), (3, 9), (2, 4)]
    assert paper.resume(toy, kept, tmp_path / "elsewhere") == 0
    assert measured == [1, 2, 3, 2], "the kept rows were measured again"
    assert rows(kept) == [(1, 1), (3, 9), (2, 4)]
    assert "(0 new rows)\nleft     0 of 3 cells of room.squares" in capsys.readouterr().out
    row = json.loads(kept.read_text().splitlines()[0])
    assert {"commit", "versions", "device", "config"} <= row.keys()


def test_an_interrupt_keeps_what_was_measured_and_says_what_is_left(tmp_path, capsys):
    kept = tmp_path / "squares.jsonl"
    with pytest.raises(KeyboardInterrupt):
        paper.resume(squares([2], stop_at=2), kept, tmp_path / "here")
    assert rows(kept) == [(1, 1)]
    assert "left     2 of 3 cells" in capsys.readouterr().out


def test_one_experiment_after_the_other_and_who_is_not_finished(monkeypatch, capsys):
    started = []

    def run(command, check):
        started.append(command[-1])
        if command[-1] == "room.c":
            raise KeyboardInterrupt
        return type("Done", (), {"returncode": int(command[-1] == "room.a")})

    monkeypatch.setattr(paper.subprocess, "run", run)
    assert paper.main(["room.a", "room.b", "room.c", "room.d"]) == 130
    assert started == ["room.a", "room.b", "room.c"]
    assert "not finished: room.a room.c room.d" in capsys.readouterr().out
    assert paper.main(["room.b", "room.b"]) == 0
