"""Jobs at once: results in order, errors and interrupts end all; JAX's settings and what is shown go with them."""

import contextlib
import logging
import re
import sys
import threading
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from thermodiff.runtime.compiled_once import compiled_once
from thermodiff.runtime.progress import OUTERMOST, Watched
from thermodiff.runtime.shares import so_far
from thermodiff.training import cores
from thermodiff.training.jobs import Job, Plan, joined, one_by_one, run_jobs, run_plans


@contextlib.contextmanager
def count_compilations():
    """The names of the functions compiled inside."""
    names, log = [], logging.getLogger("jax._src.dispatch")

    class Keep(logging.Handler):
        def emit(self, record):
            found = re.search(r"Finished XLA compilation of jit\((\w+)\)", record.getMessage())
            names.extend(found.groups() if found else [])

    keep = Keep()
    log.addHandler(keep)
    try:
        with jax.log_compiles(True):
            yield names
    finally:
        log.removeHandler(keep)


@pytest.fixture
def two(monkeypatch):
    monkeypatch.setattr(cores, "available_cores", lambda: 2)


def names(count, length=1.0):
    """Jobs that say in which thread they ran."""

    def work(i):
        time.sleep(0.2)
        return i, threading.current_thread().name

    return [Job(lambda i=i: work(i), length) for i in range(count)]


@pytest.mark.parametrize(("available", "threads"), [(1, 1), (2, 2), (8, 5)])
def test_results_come_in_order_from_as_many_threads_as_cores(monkeypatch, available, threads):
    monkeypatch.setattr(cores, "available_cores", lambda: available)
    found = run_jobs(names(5), "jobs", progress=False)
    assert [i for i, _ in found] == list(range(5))
    ran_in = {name for _, name in found}
    assert len(ran_in) == threads
    assert (ran_in == {"MainThread"}) is (available == 1)


def test_none_and_one_need_no_thread(two):
    assert run_jobs([], "jobs", progress=True) == []
    assert run_jobs(names(1), "jobs", progress=False) == [(0, "MainThread")]


def test_on_an_accelerator_and_on_several_devices_they_run_in_turn(two, monkeypatch):
    monkeypatch.setattr(cores, "share_cores", lambda: False)
    assert {name for _, name in run_jobs(names(3), "jobs", progress=False)} == {"MainThread"}


def test_one_by_one_is_in_the_thread_of_the_caller(two):
    with one_by_one():
        assert {name for _, name in run_jobs(names(3), "jobs", progress=False)} == {"MainThread"}
    assert "MainThread" not in {name for _, name in run_jobs(names(3), "jobs", progress=False)}


def test_the_longest_come_first(two):
    begun = []
    jobs = [
        Job(lambda i=i: (begun.append(i), time.sleep(0.05)), length)
        for i, length in enumerate([1.0, 3.0, 1.0, 2.0])
    ]
    run_jobs(jobs, "jobs", progress=False)
    assert set(begun[:2]) == {1, 3}
    assert begun[2:] == [0, 2] or set(begun[2:]) == {0, 2}


def test_jobs_inside_jobs_run_in_turn(two):
    def outer():
        return {name for _, name in run_jobs(names(3), "inside", progress=False)}

    first, second = run_jobs([Job(outer, 1.0)] * 2, "jobs", progress=False)
    assert len(first) == len(second) == 1


def test_an_error_in_one_ends_all_at_their_next_word(two):
    far = []

    def goes_on():
        for i in range(1000):
            far.append(i)
            so_far(i / 1000, "on")
            time.sleep(0.005)

    def fails():
        time.sleep(0.05)
        raise OSError("no more room")

    jobs = [Job(goes_on, 3.0), Job(fails, 2.0), Job(lambda: far.append("begun"), 1.0)]
    with pytest.raises(OSError, match="no more room"):
        run_jobs(jobs, "jobs", progress=False)
    assert len(far) < 500
    assert "begun" not in far


def test_an_interrupt_ends_all(two, monkeypatch):
    """It comes to the main thread, which waits for the others."""
    ends = []

    def goes_on():
        try:
            for i in range(1000):
                so_far(i / 1000, "on")
                time.sleep(0.005)
        finally:
            ends.append(i)

    def interrupted(*_, **__):
        time.sleep(0.05)
        raise KeyboardInterrupt

    monkeypatch.setattr("thermodiff.training.jobs.wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_jobs([Job(goes_on, 1.0)] * 3, "jobs", progress=False)
    assert len(ends) == 2
    assert max(ends) < 500


def test_settings_of_jax_reach_every_thread(two):
    def seen():
        time.sleep(0.02)
        chosen = jax.config.jax_default_matmul_precision, jax.config.jax_enable_x64, jax.config.jax_debug_nans
        return chosen, jnp.ones(()).dtype, threading.current_thread().name

    with jax.default_matmul_precision("float32"), jax.enable_x64(True), jax.debug_nans(True):
        found = run_jobs([Job(seen, 1.0)] * 4, "jobs", progress=False)
    assert {(chosen, str(dtype)) for chosen, dtype, _ in found} == {(("float32", True, True), "float64")}
    assert len({name for *_, name in found}) == 2
    found = run_jobs([Job(seen, 1.0)] * 4, "jobs", progress=False)
    assert {chosen for chosen, *_ in found} == {(None, False, False)}


def test_one_program_is_compiled_once_and_another_does_not_wait_for_it(two):
    traced = []

    def slow(power, x):
        traced.append(power)
        time.sleep(0.1)
        for _ in range(30):
            x = jnp.sin(x) ** power
        return x

    function = jax.jit(slow, static_argnums=0)

    def work(power):
        compiled_once(function, power, jnp.ones(3))
        return function(power, jnp.ones(3))

    jobs = [Job(lambda power=power: work(power), 1.0) for power in (2, 2, 3, 3)]
    with count_compilations() as compiled:
        found = run_jobs(jobs, "jobs", progress=False)
    np.testing.assert_array_equal(found[0], found[1])
    assert sorted(traced) == [2, 3]
    assert compiled.count("slow") == 2


def test_what_is_shown_is_right_at_the_end_and_counts_what_takes_time(two, monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)

    def work():
        so_far(0.5, "half way")
        return OUTERMOST.get() is not None

    assert all(run_jobs([Job(work, 2.0), Job(work, 1.0), Job(work, 0.0)], "trainings", progress=True))
    said = capsys.readouterr().err
    assert "trainings" in said
    assert "2/2" in said


def test_rounds_are_shown_as_one_and_time_is_left_for_those_to_come(two, monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
    seen = []

    def job(length):
        def work():
            outer = OUTERMOST.get()
            while not isinstance(outer, Watched):
                outer = outer._whole
            seen.append((outer.total, round(outer.done, 6)))

        return Job(work, length)

    def trial(_):
        return Plan([job(2.0)], lambda _: Plan([job(5.0)], lambda _: "done"), [5.0])

    plan = Plan([job(1.0)], trial, [2.0, 5.0])
    assert run_plans([plan, Plan([job(0.0)], len)], "trainings", progress=True) == ["done", 1]
    assert {total for total, _ in seen} == {3}
    done = sorted(done for _, done in seen)
    np.testing.assert_allclose(done[-2:], [3 * 1 / 8, 3 * 3 / 8], atol=1e-6)


def test_plans_run_together_and_make_what_they_are_of(two):
    first = Plan([Job(lambda i=i: i, 1.0) for i in (1, 2, 3)], sum)
    second = Plan([Job(lambda: 10, 1.0)], lambda results: results[0])
    assert run_plans([first, second], "jobs", progress=False) == [6, 10]
    both = joined([first, second, Plan([], len)], tuple)
    assert len(both.jobs) == 4
    assert run_plans([both], "jobs", progress=False) == [(6, 10, 0)]
