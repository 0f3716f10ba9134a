"""Checks every array shape that thermodiff's signatures state, for as long as the tests run."""

import os

os.environ["MPLBACKEND"] = "Agg"

# Before anything imports thermodiff: the hook rewrites modules as they are loaded.
from jaxtyping import install_import_hook

install_import_hook("thermodiff", "beartype.beartype")

import jax
import pytest


@pytest.fixture(scope="session")
def key() -> jax.Array:
    """The random key that tests start from."""
    return jax.random.key(0)
