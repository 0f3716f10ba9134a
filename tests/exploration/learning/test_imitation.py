"""Training on texts finds the mixture that they are, and resumes bit for bit."""

import jax
import numpy as np
import pytest
from checks import assert_identical
from tiny import TASK

from thermodiff.exploration import ImitationConfig, Texts, form_log_probs, imitate, recurrent_policy
from thermodiff.training.optimiser import FallingAdam

FORMS = TASK.forms(TASK.prompts)
WEIGHTS = np.array([[3.0, 1.0, 2.0, 2.0], [1.0, 4.0, 0.0, 0.0]])
PROBLEM, FORM = np.nonzero(WEIGHTS)
TEXTS = Texts(TASK.prompts[PROBLEM], FORMS.responses[PROBLEM, FORM], WEIGHTS[PROBLEM, FORM])
CONFIG = ImitationConfig(steps=400, batch_size=64, optimiser=FallingAdam(2e-2, 400), chunk=60, keep_every=150)


@pytest.fixture(scope="module")
def start():
    return recurrent_policy(jax.random.key(0), TASK, 16, 1)


@pytest.fixture(scope="module")
def learned(start):
    return imitate(jax.random.key(1), TASK, start, TEXTS, config=CONFIG)


def test_it_becomes_the_mixture(learned):
    """Each response's chance is its weight; both problems are read equally often here, so all are as well known."""
    wanted = WEIGHTS / WEIGHTS.sum(axis=1, keepdims=True)
    found = np.exp(form_log_probs(learned.policy, TASK, TASK.prompts))
    # Cross entropy of the texts less their entropy: what is left to learn, in nats a response.
    with np.errstate(divide="ignore", invalid="ignore"):
        left = np.where(wanted > 0, wanted * np.log(wanted / found), 0.0).sum(axis=1)
    assert left.max() < 0.02
    entropy = -np.sum(np.where(wanted > 0, wanted * np.log(np.where(wanted > 0, wanted, 1)), 0), axis=1)
    share = WEIGHTS.sum(axis=1) / WEIGHTS.sum()
    tokens = (FORMS.responses[PROBLEM, FORM] != TASK.end).sum(axis=1) + 1
    floor = share @ entropy / (TEXTS.weights @ tokens / TEXTS.weights.sum())
    assert learned.history["loss"][-100:].mean() == pytest.approx(floor, abs=0.03)


def test_policies_are_kept_on_the_way(learned):
    assert [step for step, _ in learned.kept] == [150, 300]
    assert np.isfinite(learned.history["loss"]).all()
    assert len(learned.history["loss"]) == 400


@pytest.fixture(scope="module")
def stopped(start, tmp_path_factory):
    """A folder with the checkpoint of a training that was stopped at step 180."""
    folder = tmp_path_factory.mktemp("stopped")

    def stop(report):
        if report.step == 180:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("thermodiff.training.checkpoints.CHECKPOINT_SECONDS", 0.0)
        with pytest.raises(KeyboardInterrupt):
            imitate(
                jax.random.key(1), TASK, start, TEXTS, config=CONFIG, checkpoint_dir=folder, callback=stop
            )
    return folder


def test_a_checkpoint_of_another_training_is_refused(start, stopped):
    with pytest.raises(ValueError, match=r"^checkpoint_dir: got .* whose key is"):
        imitate(jax.random.key(2), TASK, start, TEXTS, config=CONFIG, checkpoint_dir=stopped)
    other = TEXTS._replace(weights=TEXTS.weights[::-1].copy())
    with pytest.raises(ValueError, match=r"^checkpoint_dir: got .* whose texts is"):
        imitate(jax.random.key(1), TASK, start, other, config=CONFIG, checkpoint_dir=stopped)


def test_an_interruption_leaves_no_trace(start, learned, stopped):
    """Stopped at step 180, gone on with from the checkpoint, in other chunks."""
    again = imitate(jax.random.key(1), TASK, start, TEXTS, config=CONFIG, checkpoint_dir=stopped)
    assert_identical(again.policy, learned.policy)
    assert_identical(again.history, learned.history)
    assert_identical([policy for _, policy in again.kept], [policy for _, policy in learned.kept])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"responses": TEXTS.responses[:, :-1]},
            r"^texts: got shapes \(6, 2\) and \(6,\), need responses \(6, 3\)",
        ),
        ({"responses": TEXTS.responses + 90}, r"^texts: got responses with other tokens, need"),
        ({"weights": -TEXTS.weights}, r"^texts: got weights that are negative"),
        ({"weights": 0 * TEXTS.weights}, r"^texts: got weights that are negative, not finite or all zero"),
        ({"prompts": TEXTS.prompts[:, :1]}, r"^prompts: got shape \(6, 1\), need"),
    ],
)
def test_texts_are_checked(start, change, message):
    with pytest.raises(ValueError, match=message):
        imitate(jax.random.key(1), TASK, start, TEXTS._replace(**change), config=ImitationConfig(steps=1))


def test_settings_are_checked(start):
    with pytest.raises(ValueError, match=r"^steps: got 0, need"):
        ImitationConfig(steps=0)
    with pytest.raises(ValueError, match=r"^keep_every: got 0, need"):
        ImitationConfig(keep_every=0)
    with pytest.raises(ValueError, match=r"^policy: got str, need a policy with logits, begin and extend"):
        imitate(jax.random.key(1), TASK, "gru", TEXTS)
