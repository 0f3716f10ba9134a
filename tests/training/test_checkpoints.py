"""Checkpoints and saved scores: what is written comes back bit for bit, and what is half written is never taken."""

import shutil
import time
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from checks import assert_identical

from thermodiff.distributions import Gaussian
from thermodiff.training import checkpoints
from thermodiff.training.checkpoints import (
    Keeper,
    clear,
    clear_unfinished,
    restore_latest,
    save,
    step_folder,
    steps_in,
)

GAUSSIAN = Gaussian([1.0, -2.0], [[2.0, 0.6], [0.6, 0.5]])
ABOUT = {"learning_rate": "0.004", "data": "abc"}


def tree(value):
    return {
        "weights": {0: jnp.full((3, 2), value), 1: jnp.arange(4)},
        "step": jnp.int32(value),
        "loss": np.float32(0.1),
    }


# --- steps of a training ------------------------------------------------------------------------


def test_the_newest_of_the_last_two_comes_back(tmp_path):
    for step in (10, 20, 30):
        save(tmp_path, step, tree(step), ABOUT)
    assert steps_in(tmp_path) == [20, 30]
    step, restored = restore_latest(tmp_path, tree(0), ABOUT)
    assert step == 30
    assert_identical(restored, tree(30))


def test_a_step_loses_its_name_before_its_files(tmp_path, monkeypatch):
    """A kill while an old step is removed file by file must not leave the rest under its final name."""
    for step in (10, 20):
        save(tmp_path, step, tree(step), ABOUT)
    begun = []
    monkeypatch.setattr(checkpoints.shutil, "rmtree", lambda path, **_: begun.append(Path(path).name))
    save(tmp_path, 30, tree(30), ABOUT)
    assert steps_in(tmp_path) == [20, 30]
    clear(tmp_path)
    assert steps_in(tmp_path) == []
    assert {name[:13] for name in begun} == {"step_00000010", "step_00000020", "step_00000030"}
    monkeypatch.undo()
    clear_unfinished(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_nothing_to_restore(tmp_path):
    assert restore_latest(tmp_path, tree(0), ABOUT) is None
    assert restore_latest(tmp_path / "not there", tree(0), ABOUT) is None


def test_half_written_and_damaged_steps_are_passed_over(tmp_path, caplog):
    """Killed while writing step 30 (orbax's temporary name) and with step 20 damaged on disk, step 10 is left."""
    for step in (10, 20):
        save(tmp_path, step, tree(step), ABOUT)
    shutil.copytree(step_folder(tmp_path, 20), tmp_path / "step_00000030.orbax-checkpoint-tmp")
    for path in step_folder(tmp_path, 20).rglob("*"):
        if path.is_file() and path.name != "_CHECKPOINT_METADATA":
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    step, restored = restore_latest(tmp_path, tree(0), ABOUT)
    assert step == 10
    assert_identical(restored, tree(10))
    assert "step_00000020 cannot be read and is passed over" in caplog.text
    save(tmp_path, 30, tree(30), ABOUT)
    assert restore_latest(tmp_path, tree(0), ABOUT)[0] == 30


def test_an_empty_step_folder_is_passed_over(tmp_path):
    save(tmp_path, 10, tree(10), ABOUT)
    step_folder(tmp_path, 20).mkdir()
    assert restore_latest(tmp_path, tree(0), ABOUT)[0] == 10


def test_another_training_is_refused_by_the_entry_that_differs(tmp_path):
    save(tmp_path, 10, tree(10), ABOUT)
    with pytest.raises(
        ValueError, match=r"whose learning_rate is 0\.004, need one with learning_rate = 0\.1"
    ):
        restore_latest(tmp_path, tree(0), ABOUT | {"learning_rate": "0.1"})
    with pytest.raises(ValueError, match=r"\['loss'\] of shape \(\), need shape \(2,\)"):
        restore_latest(tmp_path, tree(0) | {"loss": np.zeros(2)}, ABOUT)
    with pytest.raises(ValueError, match=r"arrays that do not fit, \['loss'\] first"):
        restore_latest(tmp_path, {k: v for k, v in tree(0).items() if k != "loss"}, ABOUT)


def test_an_entry_that_older_checkpoints_lack(tmp_path, caplog):
    save(tmp_path, 10, tree(10), ABOUT)
    with pytest.raises(ValueError, match=r"whose task is None, need one with task = 1"):
        restore_latest(tmp_path, tree(0), ABOUT | {"task": "1"})
    step, _ = restore_latest(tmp_path, tree(0), ABOUT | {"task": "1"}, may_lack=("task",))
    assert step == 10
    assert "does not say of which task it is: taken as this one" in caplog.text
    save(tmp_path, 20, tree(20), ABOUT | {"task": "2"})
    with pytest.raises(ValueError, match=r"whose task is 2, need one with task = 1"):
        restore_latest(tmp_path, tree(0), ABOUT | {"task": "1"}, may_lack=("task",))


def test_clear_leaves_what_it_did_not_make(tmp_path):
    save(tmp_path, 10, tree(10), ABOUT)
    (tmp_path / "notes.txt").write_text("mine")
    clear(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_keeper_waits_and_flushes_once(tmp_path):
    keeper = Keeper(tmp_path, ABOUT, seconds=1000.0)
    keeper.offer(10, tree(10))
    assert str(keeper) == "there is no checkpoint"
    keeper.flush()
    assert str(keeper) == f"the last good checkpoint is {step_folder(tmp_path, 10)}"
    shutil.rmtree(step_folder(tmp_path, 10))
    keeper.flush()
    assert steps_in(tmp_path) == []
    eager = Keeper(tmp_path, ABOUT, seconds=0.0)
    eager.offer(20, tree(20))
    assert steps_in(tmp_path) == [20]


def test_saving_a_small_training_is_quick(tmp_path):
    state = {f"w{i}": jnp.ones((64, 64)) for i in range(60)}
    save(tmp_path, 1, state, ABOUT)
    costs = []
    for step in range(2, 7):
        start = time.process_time()
        save(tmp_path, step, state, ABOUT)
        costs.append(time.process_time() - start)
    assert min(costs) < 0.2
