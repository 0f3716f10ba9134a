"""Checks every array shape that thermodiff's signatures state, for as long as the tests run."""

import gc
import os
import sys
from pathlib import Path

os.environ["MPLBACKEND"] = "Agg"
# Tests compile what they test: a cache would carry programs from one run to the next, and fill the user's folder.
os.environ["THERMODIFF_NO_CACHE"] = "1"

# Before anything imports thermodiff: the hook rewrites modules as they are loaded.
from jaxtyping import config, install_import_hook

install_import_hook("thermodiff", "beartype.beartype")

import jax
import pytest
from hypothesis import HealthCheck, settings

# The same examples on every run, and no clock: a machine may be busy. Slow tests ask for more examples.
settings.register_profile(
    "quick",
    derandomize=True,
    deadline=None,
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("quick")


@pytest.fixture(scope="session")
def key() -> jax.Array:
    """The random key that tests start from."""
    return jax.random.key(0)


@pytest.fixture
def as_users_run_it(monkeypatch):
    """Signatures are not checked, so that arguments of a wrong type reach the package's own messages."""
    monkeypatch.setattr(config, "jaxtyping_disable", True)


@pytest.fixture
def without_scikit_learn(monkeypatch):
    """An environment in which scikit-learn is not installed."""
    for name in [name for name in sys.modules if name.startswith("sklearn.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sklearn", None)


@pytest.fixture(scope="module")
def double_precision():
    """JAX in 64 bits for all tests of a module."""
    with jax.enable_x64(True):
        yield


MOST_MAPPINGS = 20_000
"""Of a process's memory. A compiled program takes several, Linux allows 65,530, and then the compiler aborts."""


@pytest.fixture(scope="module", autouse=True)
def let_compiled_programs_go():
    """After a module what JAX keeps compiled is let go, once it has become much."""
    yield
    mappings = Path("/proc/self/maps")
    if mappings.exists() and mappings.read_bytes().count(b"\n") > MOST_MAPPINGS:
        jax.clear_caches()
        gc.collect()


def pytest_terminal_summary(terminalreporter):
    """Where every package is meant to be there, a test that was skipped has failed (``make test-peers``)."""
    skipped = terminalreporter.stats.get("skipped", [])
    if skipped and os.environ.get("THERMODIFF_NO_SKIPS"):
        terminalreporter.write_line(f"{len(skipped)} skipped where none may be", red=True)
        terminalreporter._session.exitstatus = pytest.ExitCode.TESTS_FAILED
