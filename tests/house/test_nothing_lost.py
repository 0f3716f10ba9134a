"""Killed at any moment and started again, a training ends as if it had not been; disks that refuse are named."""

import contextlib
import dataclasses
import errno
import gc
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import jax
import numpy as np
import pytest
from checks import without_progress
from matplotlib.figure import Figure

import thermodiff as td
from experiments.bound import nll_bound
from experiments.harness.records import Records
from thermodiff.commands import main as cli
from thermodiff.commands.shared import write_results
from thermodiff.runtime.saved_arrays import UNREADABLE, read_arrays
from thermodiff.training import checkpoints
from thermodiff.training.checkpoints import step_folder, steps_in

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def nothing_left_to_collect():
    """A failed write leaves a task behind, and one collected in the middle of ``ast.parse`` breaks it (Python 3.11)."""
    yield
    gc.collect()


WORKER = Path(__file__).parents[1] / "worker_fit.py"


def start(out, steps):
    out.mkdir(exist_ok=True)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, str(WORKER), str(out), str(steps)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def ended(process):
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    return [int(line) for line in said.split()]


def kill_while_training(out, steps, wait):
    """SIGKILL ``wait`` seconds after the first chunk of this process; False if it was through before."""
    process = start(out, steps)
    first = process.stdout.readline()
    time.sleep(wait)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return first and process.returncode == -signal.SIGKILL


def kill_while_writing(out, steps):
    """SIGKILL at the sight of a checkpoint that is being written."""
    process = start(out, steps)
    while process.poll() is None and not list(out.glob("checkpoints/*.orbax-checkpoint-tmp")):
        time.sleep(1e-4)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return process.returncode == -signal.SIGKILL


def all_readable(out):
    """Whether every checkpoint under a final name is whole."""
    for step in steps_in(out / "checkpoints"):
        try:
            read_arrays(step_folder(out / "checkpoints", step))
        except UNREADABLE:
            return False
    return True


def killed_and_started_again(out, steps, kills, seed):
    """So many kills at random moments, half of them in the middle of writing a checkpoint; then the end."""
    dice = random.Random(seed)
    for number in range(kills):
        hit = (
            kill_while_writing(out, steps)
            if number % 2
            else kill_while_training(out, steps, dice.uniform(0.0, 0.4))
        )
        assert hit, "the training is too short to be killed so often"
        assert all_readable(out)
    assert ended(start(out, steps))[0] > 10, "it did not go on from where it was"
    assert not list(out.glob("checkpoints/*tmp*")), "what a killed process left is still there"
    return (out / "done.txt").read_text()


def uninterrupted(out, steps):
    assert ended(start(out, steps)) == [*range(10, steps + 1, 10)]
    return (out / "done.txt").read_text()


@pytest.mark.slow
def test_a_training_killed_twice_ends_bit_for_bit_the_same(tmp_path):
    expected = uninterrupted(tmp_path / "once", steps=300)
    assert killed_and_started_again(tmp_path / "killed", steps=300, kills=2, seed=0) == expected


@pytest.mark.slow
def test_a_training_killed_ten_times_ends_bit_for_bit_the_same(tmp_path):
    expected = uninterrupted(tmp_path / "once", steps=1500)
    assert killed_and_started_again(tmp_path / "killed", steps=1500, kills=10, seed=1) == expected


# --- disks that refuse --------------------------------------------------------------------------

NOWHERE = Path("/proc/thermodiff")
"""A folder that nobody can make, not even root."""
DATA, PROCESS = td.Gaussian([0.0], [[1.0]]), td.VarianceExploding(25.0)
SMALL = {"steps": 6, "chunk": 2, "batch_size": 8, "width": 8, "depth": 1}


@contextlib.contextmanager
def full_disk(size):
    """No file can grow beyond ``size`` bytes: writes fail as on a full disk, with another word for it."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def full(name, path):
    said = (
        rf"^{name}: got \S*{path}, which cannot be written \(File too large\), need more room on that disk$"
    )
    return pytest.raises(OSError, match=said)


def test_a_full_disk_ends_a_training_and_leaves_its_checkpoints_good(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "CHECKPOINT_SECONDS", 0.0)
    expected = td.fit(jax.random.key(0), DATA, PROCESS, **SMALL)

    def fill(report):
        if report.step == 2:
            limit.enter_context(full_disk(200))

    with contextlib.ExitStack() as limit, full("checkpoint_dir", "step_00000004"):
        td.fit(jax.random.key(0), DATA, PROCESS, checkpoint_dir=tmp_path, callback=fill, **SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ["step_00000002"]
    again = td.fit(jax.random.key(0), DATA, PROCESS, checkpoint_dir=tmp_path, **SMALL)
    for one, other in zip(jax.tree.leaves(again.score), jax.tree.leaves(expected.score), strict=True):
        assert np.array_equal(one, other)


def test_a_folder_that_cannot_be_written_is_named_before_the_training(tmp_path):
    with pytest.raises(
        OSError, match=r"checkpoint_dir: got /proc/thermodiff, .*need a folder that may be written to"
    ):
        td.fit(jax.random.key(0), DATA, PROCESS, checkpoint_dir=NOWHERE, callback=pytest.fail, **SMALL)
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(OSError, match=r"checkpoint_dir: got .*file, which cannot be written"):
        td.fit(jax.random.key(0), DATA, PROCESS, checkpoint_dir=file, **SMALL)


def test_a_full_disk_and_a_saved_score(tmp_path):
    score = td.exact_score(DATA, PROCESS)
    td.save_score(tmp_path / "score", score)
    with full_disk(200), full("folder", "score"):
        td.save_score(tmp_path / "score", td.scaled(score, 2.0))
    assert type(td.load_score(tmp_path / "score")) is type(score), "the older one is still there"
    assert [path.name for path in tmp_path.iterdir()] == ["score"]


def test_what_threads_still_write_after_a_failure_is_removed_too(tmp_path, monkeypatch):
    def late(unfinished):
        for i in range(20):
            with contextlib.suppress(OSError):  # it is being removed meanwhile
                unfinished.mkdir(exist_ok=True)
                (unfinished / str(i)).touch()
            time.sleep(0.02)

    def failing(self, folder, *args, **kwargs):
        thread = threading.Thread(
            target=late, args=(folder.with_name(f"{folder.name}.orbax-checkpoint-tmp"),)
        )
        thread.start()
        threads.append(thread)
        raise OSError(errno.EFBIG, "File too large")

    threads = []
    monkeypatch.setattr("orbax.checkpoint.Checkpointer.save", failing)
    with full("folder", "score"):
        td.save_score(tmp_path / "score", td.exact_score(DATA, PROCESS))
    for thread in threads:
        thread.join()
    assert threads
    assert not [*tmp_path.iterdir()]


@dataclasses.dataclass(frozen=True)
class Config:
    """A toy."""

    size: int = 1


def test_a_full_disk_and_records(tmp_path):
    records = Records(tmp_path, Config(), ("seed",))
    records.append({"seed": 0}, {"value": 1.0}, 0.1)
    size = records.path.stat().st_size
    with full_disk(size + 100), full("out", "records.jsonl"):
        records.append({"seed": 1}, {"value": 2.0}, 0.1)
    assert records.path.stat().st_size == size + 100, "the disk was not full in the middle of a row"
    assert records.missing([{"seed": 0}, {"seed": 1}]) == [{"seed": 1}]
    records.append({"seed": 1}, {"value": 2.0}, 0.1)
    assert [row["value"] for row in records.rows()] == [1.0, 2.0]


def test_a_full_disk_and_results(tmp_path):
    """Figure, table and record of a command: the older ones stay, nothing half-written is left."""
    figure = Figure()
    write_results(tmp_path, "audit", figure, "text", {"value": 1})
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with full_disk(500), full("out", r"audit\.png"):
        write_results(tmp_path, "audit", figure, "other", {"value": 2})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_commands_say_it_in_one_line(tmp_path, capsys):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(100, 2)))
    line = "error: out: got /proc/thermodiff, which cannot be written (No such file or directory), need a folder that"
    for command in ("audit", "entropy"):
        assert cli.main([command, str(tmp_path / "x.npy"), "--out", str(NOWHERE)]) == cli.BAD_INPUT
        assert without_progress(capsys.readouterr().err) == f"thermodiff: {line} may be written to\n"
    assert nll_bound.main(["--preset", "smoke", "--out", str(NOWHERE)]) == 1
    assert capsys.readouterr().err == f"{line} may be written to\n"
