"""What tests of several rooms ask of files and of trees of arrays."""

import json
from pathlib import Path

import jax
import numpy as np


def strict(path):
    """A JSON file that may not hold NaN or Infinity, with which other readers fail."""

    def refuse(token):
        raise AssertionError(f"{token} in {path}")

    return json.loads(Path(path).read_text(), parse_constant=refuse)


def names_in(folder):
    """The files in a folder, without those in folders of it."""
    return {p.name for p in Path(folder).iterdir() if p.is_file()}


def assert_identical(one, other):
    """Two trees of arrays are the same to the last bit."""
    assert jax.tree.structure(one) == jax.tree.structure(other)
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        assert np.asarray(a).dtype == np.asarray(b).dtype
        assert np.array_equal(a, b)


def without_progress(err):
    """What a command said on stderr but for how far it was, which a slow machine is told after a second."""
    return "".join(line for line in err.splitlines(keepends=True) if not line.endswith(" so far\n"))
