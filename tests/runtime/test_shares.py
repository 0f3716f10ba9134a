"""Parts of shown work: the whole moves by their sizes, whatever thread they are in, and says how long is left."""

import sys
import threading

import numpy as np
import pytest

from thermodiff.runtime import progress
from thermodiff.runtime.progress import OUTERMOST, Report, Watched, stage, watchers
from thermodiff.runtime.shares import OthersFailedError, Share, portion, shares, so_far


def train(steps, total=100):
    """What a training tells while it runs."""
    with watchers("training", total, False, None) as tell:
        for step in steps:
            tell(Report(step, np.float32(0.5), np.float32(np.nan)))
            yield


@pytest.fixture
def whole(monkeypatch):
    """Parts of sizes 2, 1 and 0, shown: two count."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
    with shares("trainings", [2.0, 1.0, 0.0], True, threading.Event()) as parts:
        yield OUTERMOST.get(), parts


def test_parts_count_by_their_size(whole):
    watched, (longer, shorter, nothing) = whole
    assert watched.total == 2
    with longer:
        list(train([50, 100]))
        assert watched.done == pytest.approx(4 / 3)
    with nothing:
        stage("quick")
    assert (watched.done, watched.message) == (pytest.approx(4 / 3), "quick")
    with shorter:
        assert watched.done == pytest.approx(4 / 3)
    assert watched.done == pytest.approx(2.0)


def test_a_training_inside_moves_its_portion(whole):
    watched, (longer, *_) = whole
    with longer:
        with portion(0.6):
            told = train([50, 100])
            next(told)
            assert watched.done == pytest.approx(0.3 * 4 / 3)
            next(told)
            so_far(0.2, "evaluating")  # less than is done already
            assert watched.done == pytest.approx(0.6 * 4 / 3)
        with portion(0.4):
            so_far(0.5, "evaluating")
            assert (watched.done, watched.message) == (pytest.approx(0.8 * 4 / 3), "evaluating")
    assert watched.done == pytest.approx(4 / 3)


def test_parts_of_a_part_are_all_of_it(whole):
    watched, (longer, *_) = whole
    with longer, shares("inside", [1.0, 3.0], True, threading.Event()) as (first, second):
        with second:
            so_far(1.0, "there")
        assert watched.done == pytest.approx(0.75 * 4 / 3)
        with first:
            pass
        assert watched.done == pytest.approx(4 / 3)


def test_time_is_left_before_the_first_part_is_done(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    watched = Watched("trainings", 4, "compiling")
    first, second = Share(watched, 1.0), Share(watched, 1.0)
    now[0] = 5.0
    first.part(0.1)
    now[0] = 10.0
    second.part(0.1)
    now[0] = 20.0
    first.part(0.3)
    second.part(0.3)
    assert watched.left() == pytest.approx((4 - 0.6) * 15 / 0.5)
    assert watched.line().startswith(
        "trainings: 0.6 of 4, training, 20 s so far, about 102 s left".replace("102 s", "2 min")
    )


def test_nothing_is_shown_unless_asked_for():
    with shares("trainings", [1.0, 1.0], False, threading.Event()) as (part, _):
        assert OUTERMOST.get() is None
        with part, portion(0.5):
            so_far(0.5, "evaluating")
    so_far(0.5, "nowhere")
    with portion(0.5):
        assert OUTERMOST.get() is None


def test_a_part_ends_at_its_next_word_when_all_are_ended():
    ended = threading.Event()
    with shares("trainings", [1.0], False, ended) as (part,):
        part.part(0.1)
        ended.set()
        with pytest.raises(OthersFailedError):
            Share(part, 0.5).part(0.2)
