"""Eight devices and two processes give what one device gives, and each device really does its part of the work."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

import thermodiff as td
from thermodiff.runtime.devices import batch_mesh
from thermodiff.training.checkpoints import steps_in

ROOT = Path(__file__).resolve().parents[2]
WORKER = Path(__file__).parents[1] / "worker_devices.py"
COMPILED = ("jit__chunk", "jit_advance_in_turn", "jit__noise_moments", "jit__solve", "jit__divergence_along")
# Splitting a sum changes its rounding; the trainings are short enough for that not to have grown.
TOLERANCE = {"rtol": 2e-4, "atol": 2e-4}


FAST = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
"""To compile: what is compiled here runs once."""


def start(out, *arguments, flags=""):
    """The worker, with compilations that are neither read from nor written to a cache."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "XLA_FLAGS": f"{FAST} {flags}",
        "JAX_PLATFORMS": "cpu",
    }
    return subprocess.Popen(
        [sys.executable, str(WORKER), str(out), *arguments],
        env={**environment, "JAX_ENABLE_COMPILATION_CACHE": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(process):
    said, _ = process.communicate(timeout=400)
    assert process.returncode == 0, said[-3000:]


def on_eight(out, names):
    """``out``, where a process with eight devices has left these results, and the programs it compiled."""
    dump = (
        f"--xla_dump_to={out}/programs --xla_dump_hlo_as_text --xla_dump_hlo_module_re=({'|'.join(COMPILED)})"
    )
    finish(start(out, names, flags=f"--xla_force_host_platform_device_count=8 {dump}"))
    return out


def same(found, expected):
    assert found.files == expected.files
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], **TOLERANCE, err_msg=name)


def programs(folder, name, partitions):
    """The optimised programs called ``name`` that were compiled for so many devices."""
    texts = [path.read_text() for path in folder.glob(f"programs/*{name}.*after_optimizations.txt")]
    count = f"num_partitions={partitions}" if partitions > 1 else ""
    return [
        t
        for t in texts
        if count in t.splitlines()[0] and ("num_partitions" in t.splitlines()[0]) == bool(count)
    ]


def works_on(folder, name, part, whole, name_on_one=None):
    """Each of 8 devices works on its ``part`` of an array that is ``whole`` on one: rows by the network's width."""
    split, alone = programs(folder, name, 8), programs(folder, name_on_one or name, 1)
    assert any(whole in text for text in alone), f"{name} on one device no longer works on {whole}"
    assert any(part in text for text in split), f"{name} on 8 devices does not work on {part}"
    assert not any(whole in text for text in split), f"{name} works on {whole} on every device"


def test_eight_devices_give_the_results_of_one_each_doing_its_part(tmp_path):
    folder = on_eight(tmp_path, "fit,rates,likelihood")
    same(np.load(folder / "all-0.npz"), np.load(folder / "one-0.npz"))
    works_on(folder, "jit__chunk", "f32[8,24]", "f32[64,24]")
    works_on(folder, "jit__noise_moments", "f32[1,8,2]", "f32[6,8,2]")  # 6 units filled up to 8
    works_on(folder, "jit__solve_in_groups", "f32[7,5,2]", "f32[7,37,2]")  # 37 points, to 40


@pytest.mark.slow
def test_eight_devices_share_sweeps_and_flow_rates_too(tmp_path):
    folder = on_eight(tmp_path, "sweep,flow rates")
    same(np.load(folder / "all-0.npz"), np.load(folder / "one-0.npz"))
    # One processor runs the program of one training on its cores.
    works_on(folder, "jit_advance_in_turn", "f32[8,24]", "f32[64,24]", name_on_one="jit__chunk")
    works_on(folder, "jit__solve_in_groups", "f32[7,6,2]", "f32[7,48,2]")
    # Of a Gaussian's score the divergence needs no rows; its values are put together from parts.
    assert any("f32[1,6,5]" in text for text in programs(folder, "jit__divergence_along", 8))


def free_address():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


@pytest.mark.slow
def test_two_processes_give_the_results_of_one(tmp_path):
    """And one set of checkpoints; started again, both go on from the last."""
    names, address = "fit,rates,likelihood", free_address()
    alone = tmp_path / "alone"
    alone.mkdir()
    finish(start(alone, names))
    for _ in range(2):
        for process in [start(tmp_path, names, address, str(number)) for number in range(2)]:
            finish(process)
        for number in range(2):
            same(np.load(tmp_path / f"all-{number}.npz"), np.load(alone / "all-0.npz"))
        assert steps_in(tmp_path / "checkpoints-all")[-1] == 24


def test_devices_can_be_chosen():
    with (
        pytest.raises(ValueError, match=r"devices: got none, need at least one of jax\.devices\(\)"),
        td.use_devices([]),
    ):
        pass
    assert batch_mesh().size == len(jax.devices())
    with td.use_devices(jax.devices()[:1]):
        assert batch_mesh().devices.tolist() == jax.devices()[:1]
    with jax.default_device(jax.devices()[0]):
        assert batch_mesh().size == 1
