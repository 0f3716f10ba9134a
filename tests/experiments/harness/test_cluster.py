"""Sweeps in jobs: a killed worker's cell is run again and a finished one is not, within a command and by the next."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from experiments.bound import nll_bound
from experiments.harness.cluster import Cluster, runs, turns
from experiments.harness.command import parse_command

ROOT = Path(__file__).resolve().parents[3]
WORKER = Path(__file__).parents[2] / "worker_cluster.py"


def start(out, *options):
    command = [sys.executable, str(WORKER), "--out", str(out), "--cluster", "local", "--jobs", "2", *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
    return subprocess.Popen(
        command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def waiting(out, number, times=1):
    """The process that waits at this number, when it has come there so many times."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        path = out / f"at-{number}"
        if path.exists() and len(ids := path.read_text().split()) >= times:
            return int(ids[times - 1])
        time.sleep(0.05)
    pytest.fail(f"no worker has come to {number}")


def rows(out):
    """All that was ever appended: number, and the square or the error."""
    lines = (out / "records.jsonl").read_text().splitlines()
    return sorted((row["number"], row.get("square", row.get("error"))) for row in map(json.loads, lines))


FIVE = (5, "ValueError: five is not liked")


@pytest.mark.slow
def test_the_cell_of_a_killed_worker_is_run_again_and_no_other(tmp_path):
    command = start(tmp_path)
    killed = waiting(tmp_path, 2)
    (tmp_path / "go").touch()
    os.kill(killed, signal.SIGKILL)
    assert command.wait(timeout=120) == 1, "five fails, and the exit status says so"
    assert rows(tmp_path) == [(1, 1), (2, 4), (3, 9), (4, 16), FIVE]
    first = json.loads((tmp_path / "records.jsonl").read_text().splitlines()[0])
    assert first["threads"] == "1", "a job of one core runs one thread"


@pytest.mark.slow
def test_a_killed_command_goes_on_where_it_was(tmp_path):
    """Killed with its jobs, which Slurm would let run, after 4 and, in the other job, 1 were finished."""
    numbers = ["--numbers", "4", "1", "6", "2"]
    command = start(tmp_path, *numbers, "--waits", "6", "2")
    workers = [waiting(tmp_path, 6), waiting(tmp_path, 2)]
    command.kill()
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    assert rows(tmp_path) == [(1, 1), (4, 16)]
    (tmp_path / "go").touch()
    again = start(tmp_path, *numbers, "--waits", "6", "2")
    assert again.wait(timeout=120) == 0
    assert rows(tmp_path) == [(1, 1), (2, 4), (4, 16), (6, 36)]


@pytest.mark.slow
def test_a_cell_that_kills_every_worker_is_a_row_with_its_error(tmp_path):
    command = start(tmp_path, "--numbers", "1", "2", "--waits", "2")
    for times in (1, 2, 3):
        os.kill(waiting(tmp_path, 2, times), signal.SIGKILL)
    assert command.wait(timeout=120) == 1
    assert "1 cells failed" in command.stdout.read()
    (_, one), (number, error) = rows(tmp_path)
    assert (one, number) == (1, 2)
    assert "died" in error
    assert "log:" in error


def test_shares_have_every_cell_once():
    cells = list(range(11))
    assert turns(cells, 3) == [[0, 3, 6, 9], [1, 4, 7, 10], [2, 5, 8]]
    assert runs(cells, 3) == [[0, 1, 2], [3, 4, 5, 6], [7, 8, 9, 10]]
    for shares in (turns, runs):
        for jobs in (1, 4, 11, 20):
            shared = shares(cells, jobs)
            assert len(shared) == min(jobs, 11)
            assert sorted(cell for share in shared for cell in share) == cells


def test_options_reach_slurm(tmp_path, monkeypatch):
    """What sbatch would be given."""
    import submitit

    monkeypatch.setattr(submitit.SlurmExecutor, "affinity", classmethod(lambda cls: 2))
    call = parse_command(
        "bound.nll_bound",
        "nll_bound",
        nll_bound.PRESETS,
        [
            *[
                "--cluster",
                "slurm",
                "--jobs",
                "7",
                "--partition",
                "gpu",
                "--minutes",
                "90",
                "--gpus",
                "1",
                "--cpus",
                "4",
            ]
        ],
    )
    assert call.cluster == Cluster("slurm", jobs=7, cpus=4, gpus=1, minutes=90, partition="gpu")
    submits = call.cluster.executor(tmp_path, "Figure 1")
    script = submits._executor._make_submission_file_text("command", "id")
    for line in (
        "--partition=gpu",
        "--time=90",
        "--gpus-per-node=1",
        "--cpus-per-task=4",
        "--job-name=Figure_1",
    ):
        assert f"#SBATCH {line}\n" in script


def test_without_submitit_one_line_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(
        SystemExit, match=r"got local without the package submitit, need .*thermodiff\[cluster\]"
    ):
        Cluster("local").executor(tmp_path, "x")


def test_without_slurm_one_line(tmp_path):
    with pytest.raises(SystemExit, match=r"--cluster: got slurm .*need a machine with srun, or local"):
        Cluster("slurm").executor(tmp_path, "x")


def test_sizes_are_checked():
    with pytest.raises(SystemExit, match="--jobs: got 0, need 1 or more"):
        Cluster("local", jobs=0)
