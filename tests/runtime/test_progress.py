"""Those who wait are told within two seconds, and how long it may take."""

import sys
import time

import numpy as np
import pytest

from thermodiff.runtime import progress
from thermodiff.runtime.progress import Report, Watched, shown, stage, watchers


def report(step, loss=0.5):
    return Report(step, np.float32(loss), np.float32(np.nan))


@pytest.fixture
def impatient(monkeypatch):
    """A log that gets its first line after 0.02 s."""
    monkeypatch.setattr(progress, "FIRST_LINE", 0.02)
    monkeypatch.setattr(progress, "LINE_EVERY", 0.1)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)


@pytest.mark.parametrize("terminal", [True, False])
def test_the_bar_is_drawn_on_terminals_only(terminal, monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    told = []
    with watchers("training", 10, True, told.append) as tell:
        tell(report(10, 1.25))
    assert [r.step for r in told] == [10]
    said = capsys.readouterr()
    assert said.out == ""
    assert ("training" in said.err and "10/10" in said.err and "loss 1.25" in said.err) is terminal
    assert terminal or said.err == ""  # over before anybody had to wait


def test_nothing_is_shown_unless_asked_for(impatient, capsys):
    with watchers("training", 10, False, None) as tell:
        time.sleep(0.1)
        tell(report(5))
    stage("elsewhere")
    assert capsys.readouterr().err == ""


def test_the_first_line_comes_at_once_and_says_that_it_compiles(impatient, capsys):
    assert 0 < progress.FIRST_LINE < 2
    with watchers("training", 10, True, None) as tell:
        time.sleep(0.1)
        tell(report(5))
        time.sleep(0.3)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "training: 0 of 10, compiling, 0 s so far"
    assert lines[2].startswith("training: 5 of 10, loss 0.5, 0 s so far")
    assert any("about 0 s left" in line for line in lines)
    assert len(lines) <= 8  # ever more seldom


def test_lines_begin_within_two_seconds_and_end_at_one_a_minute():
    waits, wait = [], progress.FIRST_LINE
    for _ in range(9):
        waits.append(wait)
        wait = min(2 * wait, progress.LINE_EVERY)
    assert waits[0] < 2
    assert waits[-1] == 60


def test_time_left_is_that_of_the_pace_without_compilation(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    watched = Watched("training", 100, "compiling")
    assert watched.left() is None
    now[0] = 30.0
    watched.tell(10, "loss 1")
    assert watched.left() == pytest.approx(270.0)  # compilation and steps cannot be told apart yet
    now[0] = 40.0
    watched.tell(30, "loss 1")  # 20 steps in 10 s
    assert watched.left() == pytest.approx(35.0)
    now[0] = 45.0
    assert str(watched) == "loss 1, 45 s so far, about 30 s left"
    now[0] = 100.0  # it took longer than that
    assert str(watched) == "loss 1, 2 min so far"


def test_trainings_inside_move_the_whole_on_by_parts(impatient, capsys):
    with watchers("trainings", 2, True, None) as tell:
        watched = progress.OUTERMOST.get()
        with watchers("training", 100, True, None) as inner:
            inner(report(50))
            assert watched.done == 0.25
        assert watched.done == 0.5
        with watchers("training", 100, False, None) as inner:
            inner(report(100))
            assert watched.done == 0.75
        tell(report(1))
        assert watched.done == 1.0
        time.sleep(0.1)
    lines = capsys.readouterr().err.splitlines()
    assert all(line.startswith("trainings: ") for line in lines), lines
    assert "1 of 2, loss 0.5" in lines[-1]


def test_stages_count_when_the_next_begins(monkeypatch):
    with shown("audit", 3, "compiling") as watched:
        stage("first")
        assert (watched.done, watched.message) == (0.0, "first")
        stage("second")
        stage("third")
        assert (watched.done, watched.message) == (2.0, "third")
        with shown("within", None, "nothing"):  # one display at a time
            assert progress.OUTERMOST.get() is watched
