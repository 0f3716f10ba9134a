"""Where compiled programs are kept, what turns that off, and that a broken folder or entry breaks nothing."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import pytest

from thermodiff.runtime import compilation_cache as cache

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import jax, thermodiff
print(jax.config.jax_compilation_cache_dir)
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
print(float(jax.jit(lambda x: (x @ x).sum())(jax.numpy.ones((8, 8)))))
"""


def run(environment):
    """Folder and result of the program in a process of its own, and what it wrote on stderr."""
    kept = {k: v for k, v in os.environ.items() if k not in (cache.OFF, "JAX_COMPILATION_CACHE_DIR")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env={**kept, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    folder, result = done.stdout.split()
    assert float(result) == 512.0
    return folder, done.stderr


def test_programs_are_kept_in_the_users_cache_folder_and_a_broken_entry_is_compiled_again(tmp_path):
    folder, _ = run({"XDG_CACHE_HOME": str(tmp_path)})
    assert Path(folder).parent == tmp_path / "thermodiff" / "jax"
    entries = sorted(Path(folder).glob("*-cache"))
    assert entries
    written = [entry.stat().st_mtime_ns for entry in entries]
    again, complaints = run({"XDG_CACHE_HOME": str(tmp_path)})
    assert again == folder
    assert complaints == ""
    assert [entry.stat().st_mtime_ns for entry in entries] == written, "a second run compiled again"
    for entry in entries:
        entry.write_bytes(entry.read_bytes()[:20])
    run({"XDG_CACHE_HOME": str(tmp_path)})


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="a folder that root cannot write either")
def test_a_folder_that_cannot_be_written_is_not_complained_of():
    """Whatever the rights say that it has: JAX finds out when it writes."""
    _, complaints = run({"XDG_CACHE_HOME": "/proc/nowhere"})
    assert complaints == ""


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({cache.OFF: "1"}, "None"),
        ({"JAX_ENABLE_COMPILATION_CACHE": "false"}, "None"),
        ({"JAX_COMPILATION_CACHE_DIR": "{tmp}/mine"}, "{tmp}/mine"),
    ],
)
def test_the_users_own_decision_stands(environment, folder, tmp_path):
    environment = {name: value.format(tmp=tmp_path) for name, value in environment.items()}
    found, complaints = run({"XDG_CACHE_HOME": str(tmp_path / "xdg"), **environment})
    assert found == folder.format(tmp=tmp_path)
    assert complaints == ""
    assert not (tmp_path / "xdg").exists()


def test_a_folder_that_cannot_be_made_is_done_without(tmp_path):
    (tmp_path / "thermodiff").write_text("a file is in the way")
    assert run({"XDG_CACHE_HOME": str(tmp_path)}) == ("None", "")


def test_the_folder_by_platform(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    assert cache.user_cache_folder({}) == tmp_path / ".cache"
    assert cache.user_cache_folder({"XDG_CACHE_HOME": "/elsewhere"}) == Path("/elsewhere")
    assert cache.user_cache_folder({"XDG_CACHE_HOME": "relative"}) == tmp_path / ".cache"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert cache.user_cache_folder({}) == tmp_path / "Library" / "Caches"


def test_importing_makes_no_folder(tmp_path, monkeypatch):
    before = jax.config.jax_compilation_cache_dir
    monkeypatch.setattr(jax.config, "update", lambda name, value: None)
    folder = cache.keep_compiled_programs({"XDG_CACHE_HOME": str(tmp_path / "new")})
    assert folder is not None
    assert not (tmp_path / "new").exists()
    assert jax.config.jax_compilation_cache_dir == before


def test_processors_have_stable_names():
    assert cache.processor() == cache.processor()
    assert len(cache.processor()) == 8
