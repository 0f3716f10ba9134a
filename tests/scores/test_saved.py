"""Saved scores: they come back bit for bit, whatever room their classes have moved to, and nothing else is loaded."""

import ast
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from checks import assert_identical

import thermodiff as td
from thermodiff.distributions import Gaussian, Uniform
from thermodiff.processes.custom import CustomProcess
from thermodiff.processes.exploding import VarianceExploding
from thermodiff.processes.preserving import VariancePreserving
from thermodiff.scores import saved
from thermodiff.scores.exact import ExactScore
from thermodiff.scores.learned import PlainScore, PreconditionedScore
from thermodiff.scores.networks import potential_mlp
from thermodiff.scores.perturbed import scaled
from thermodiff.scores.saved import load_score, save_score
from thermodiff.training import checkpoints

GAUSSIAN = Gaussian([1.0, -2.0], [[2.0, 0.6], [0.6, 0.5]])
SAVED_BEFORE_THE_ROOMS = Path(__file__).parent / "data"
"""Scores saved at commit 97ff34b, when their description named classes by the module that they were in then."""
AT = jnp.asarray([[0.3, -0.7], [2.0, 1.0]]), jnp.asarray([0.2, 0.7])
VALUES = {
    "scaled_preconditioned": [
        [-5.278020858764648, -9.877784729003906],
        [-20.221092224121094, -75.3887710571289],
    ],
    "noisy_shifted_plain": [
        [-0.974076509475708, -1.1687517166137695],
        [-61.47291946411133, -61.785457611083984],
    ],
    "exact_mixture": [
        [-0.0021311044692993164, 5.741268157958984],
        [-1.8062485456466675, -0.9566303491592407],
    ],
}
"""What these scores were at the points ``AT``, computed at that commit."""


def scores(key):
    network = potential_mlp(key, 2, 8, 1)
    network = jax.tree.map(lambda w: w + 0.1, network)
    for process in (VarianceExploding(7.0), VariancePreserving(0.1, 5.0)):
        yield PlainScore(network, process, GAUSSIAN, jnp.float32(1e-3))
        yield scaled(PreconditionedScore(network, process, GAUSSIAN, 1e-3), 0.9)
    yield ExactScore(Uniform([-1.0, 0.0], [1.0, 3.0]), VarianceExploding(7.0))


@pytest.mark.parametrize("number", range(5))
def test_a_saved_score_comes_back_bit_for_bit(key, tmp_path, number):
    score = list(scores(key))[number]
    save_score(tmp_path / "score", score)
    again = load_score(tmp_path / "score")
    assert_identical(score, again)


def test_saving_over_a_score_replaces_it_and_over_anything_else_is_refused(key, tmp_path):
    first, second, *_ = scores(key)
    save_score(tmp_path / "score", first)
    save_score(tmp_path / "score", second)
    assert_identical(load_score(tmp_path / "score"), second)
    (tmp_path / "thesis").mkdir()
    save_score(tmp_path / "thesis", first)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_text("meow")
    with pytest.raises(ValueError, match=r"folder: got .*photos, which exists and is no saved score"):
        save_score(tmp_path / "photos", first)
    assert (tmp_path / "photos" / "cat.jpg").read_text() == "meow"


def test_what_cannot_be_saved_says_which_part(tmp_path):
    process = CustomProcess(lambda t: jnp.cos(1.5 * t), lambda t: jnp.sin(1.5 * t))
    with pytest.raises(ValueError, match=r"score\.process\.alpha_of_t: got <function"):
        save_score(tmp_path / "score", ExactScore(GAUSSIAN, process))
    assert not (tmp_path / "score").exists()


def test_loading_what_is_no_score(tmp_path):
    with pytest.raises(ValueError, match=r"folder: got .*nothing, which holds no readable score"):
        load_score(tmp_path / "nothing")
    target = checkpoints.save(tmp_path, 10, {"weights": jnp.ones(3)}, {})
    with pytest.raises(ValueError, match="a checkpoint of a training, need a folder that save_score wrote"):
        load_score(target)


@pytest.mark.parametrize(
    "address", ["os:system", "thermodiff.networks:nnx", "thermodiff.types:nothing", "system"]
)
def test_a_file_cannot_name_classes_of_others(tmp_path, address):
    checkpoints.write_arrays(
        tmp_path / "score", {"a": np.ones(1)}, {"score": {"class": address, "fields": {}}}
    )
    with pytest.raises(
        ValueError, match=f"folder: got a score made of {address}, need classes of this version"
    ):
        load_score(tmp_path / "score")


@pytest.mark.parametrize("name", VALUES)
def test_scores_saved_when_the_package_had_no_rooms_are_read(name):
    score = load_score(SAVED_BEFORE_THE_ROOMS / name)
    # Single precision, and another machine's compiler: a few units in the last place of the largest.
    np.testing.assert_allclose(jax.vmap(score)(*AT), VALUES[name], rtol=3e-6, atol=3e-6)


def test_what_is_written_names_classes_and_no_place(tmp_path):
    save_score(tmp_path / "score", td.exact_score(GAUSSIAN, td.OrnsteinUhlenbeck()))
    description = checkpoints.read_arrays(tmp_path / "score")[1]["score"]
    assert description["class"] == "ExactScore"
    assert "thermodiff" not in str(description)


def test_every_process_density_and_score_can_be_saved():
    """Each pytree class of the rooms that scores are made of has its row in the table."""
    package = Path(td.__file__).parent
    files = [
        file for room in ("distributions", "processes", "scores") for file in package.glob(f"{room}/*.py")
    ]
    found = {
        node.name
        for file in files
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and any("pytree" in ast.unparse(d) for d in node.decorator_list)
    }
    # Three hold a user's function, the last a score with its process and what is made of both.
    not_kept = {"CallableScore", "BatchedScore", "FunctionOfTime", "LearnedDiffusion"}
    missing = {name for name in found - not_kept if not name.startswith("_")} - set(saved.SAVABLE)
    assert not missing, f"add to SAVABLE of scores.saved: {sorted(missing)}"
