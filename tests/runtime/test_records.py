"""How numbers are written down: JSON that every reader takes, whatever they were."""

import json
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

import thermodiff as td
from thermodiff.runtime.records import plain, strict_json, versions


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float32(0.5), 0.5),
        (np.arange(4).reshape(2, 2), [[0, 1], [2, 3]]),
        (jnp.array([1.0, jnp.nan, jnp.inf]), [1.0, None, None]),
        (jnp.array(2), 2),
        (float("-inf"), None),
        ((1, (True, None)), [1, [True, None]]),
        ({1: Path("a") / "b"}, {"1": "a/b"}),
        (td.Asinh, "Asinh"),
        (td.VarianceExploding(25.0), "VarianceExploding"),
    ],
)
def test_values_become_jsons_own(value, expected):
    assert plain(value) == expected
    assert json.loads(strict_json(value), parse_constant=pytest.fail) == expected


def test_what_json_has_no_word_for_is_refused():
    with pytest.raises(TypeError, match="complex"):
        strict_json({"a": 1j})


def test_versions_are_of_what_numbers_depend_on():
    assert {"python", "thermodiff", "jax", "jaxlib", "numpy", "scipy"} <= versions().keys()
