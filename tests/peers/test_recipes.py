"""The recipes of docs/exploration-methods.md, each run where its trainer is installed, against loops over subsets."""

import math

import numpy as np
import pytest
from method_cases import pass_at_k_by_subsets, signed_root
from peers.own_environment import lines_of

from experiments.harness.own_environment import environment
from experiments.harness.provenance import ROOT

pytestmark = [pytest.mark.peer, pytest.mark.trainer]

OURS = ("array-api-compat==1.16.0", "lazy-loader==0.6")
TORCH = (
    *OURS,
    "torch==2.14.1",
    "transformers==5.10.4",
    "accelerate==1.15.0",
    "datasets==5.2.0",
    "trl==1.16.0",
    "verl==0.9.1",
    "ray==2.60.0",
    "tensordict==0.10.0",
    "cachetools==8.0.2",
    "fastapi==0.165.0",
    "uvicorn==0.54.0",
)
"""TRL and verl share an environment, since either needs PyTorch; the last three verl imports and does not ask for."""
TUNIX = (*OURS, "google-tunix==0.1.7", "jax==0.10.2", "flax==0.12.8")


def recipe(name):
    return ROOT / "docs" / "recipes" / f"with_{name}.py"


def by_subsets(groups, k):
    return np.array([[signed_root(x) for x in pass_at_k_by_subsets(group, k)] for group in groups])


def test_trl():
    lines = lines_of(environment("torch-trainers", TORCH), recipe("trl"))
    assert len(lines) == 6
    for step, line in enumerate(lines):
        expected, mask = by_subsets(line["rewards"], 2).reshape(-1), np.array(line["mask"])
        got = np.array(line["advantages"])
        if step >= 3:
            place = np.arange(mask.shape[1]) / mask.sum(axis=1, keepdims=True)
            bonus = 0.1 / (1 + np.exp(-15 * (place - 0.5)))
            A = expected[:, None]
            expected = (A + np.sign(A) * np.minimum(bonus, np.abs(A) / 2)) * mask
        np.testing.assert_allclose(got, expected, rtol=2e-6, atol=1e-7)
        assert 1e-3 < line["moved"] < 1
    assert any(0 < sum(group) < 8 for line in lines for group in line["rewards"])


def test_verl_calls_an_estimator_of_ours():
    """Its own ``compute_advantage`` on a batch; a training needs a server of rollouts on a GPU and is not run."""
    python = environment("torch-trainers", TORCH)
    (line,) = lines_of(python, recipe("verl"))
    for problem in "ab":
        rows = [i for i, name in enumerate(line["problems"]) if name == problem]
        expected = by_subsets([[line["rewards"][i] for i in rows]], 2)[0]
        for i, A in zip(rows, expected, strict=True):
            on = np.arange(4) < line["lengths"][i]
            np.testing.assert_allclose(line["advantages"][i], np.where(on, A, 0), rtol=2e-6)


def test_verl_imports_the_recipe_by_its_variable(tmp_path):
    script = tmp_path / "registered.py"
    script.write_text(
        "import json\nfrom verl.trainer.ppo.core_algos import get_adv_estimator_fn\n"
        "print(json.dumps({'module': get_adv_estimator_fn('pass_at_2').__module__}))\n"
    )
    (line,) = lines_of(
        environment("torch-trainers", TORCH),
        script,
        PYTHONPATH=f"{ROOT}:{ROOT / 'docs' / 'recipes'}",
        VERL_USE_EXTERNAL_MODULES="with_verl",
    )
    assert line == {"module": "with_verl"}


def test_tunix():
    *steps, last = lines_of(environment("tunix", TUNIX), recipe("tunix"))
    assert len(steps) == 3
    for step in steps:
        np.testing.assert_allclose(
            step["advantages"], by_subsets(step["rewards"], 2).reshape(-1), rtol=1e-6, atol=1e-12
        )
    assert any(0 < sum(group) < 8 for step in steps for group in step["rewards"])
    assert math.isfinite(last["moved"])
    assert last["moved"] > 1e-3
