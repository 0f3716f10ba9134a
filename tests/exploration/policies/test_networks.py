"""Networks as policies: one distribution, whether a response is read at once or written token by token."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny import TASK, every_response

from thermodiff.exploration import recurrent_policy, transformer_policy
from thermodiff.exploration.policies.policy import sample, token_log_probs

RESPONSES = every_response()
NEW = {"transformer": transformer_policy, "recurrent": recurrent_policy}


@pytest.fixture(scope="module", params=["transformer", pytest.param("recurrent", marks=pytest.mark.slow)])
def policy(request):
    """A fresh network, its weights made larger so that it is far from uniform."""
    fresh = NEW[request.param](jax.random.key(3), TASK, 8, 2)
    return jax.tree.map(lambda x: 2.5 * x, fresh)


DRAW = jax.jit(sample, static_argnums=(3, 4, 5, 6))


@functools.partial(jax.jit, static_argnums=3)
def read(policy, prompt, responses, temperature):
    """Logits and ln pi of each token of responses that are read at once."""
    logits = jax.vmap(lambda y: policy.logits(prompt, y))(responses)
    log_probs = jax.vmap(lambda y: token_log_probs(policy, prompt, y, TASK.end, temperature))(responses)
    return logits, log_probs


@pytest.fixture(scope="module")
def exact(policy):
    """ln pi of every response to both problems, (2, responses)."""
    both = [read(policy, jnp.asarray(x), jnp.asarray(RESPONSES), 1.0)[1] for x in TASK.prompts]
    return np.asarray(both, dtype=float).sum(axis=-1)


def test_the_chances_of_all_responses_add_up_to_one(exact):
    np.testing.assert_allclose(np.exp(exact).sum(axis=1), 1.0, atol=2e-6)
    assert exact.std() > 0.5  # no uniform distribution, of which much would hold by itself


@pytest.mark.parametrize("temperature", [1.0, pytest.param(0.6, marks=pytest.mark.slow)])
def test_what_is_drawn_has_the_chances_that_are_read(policy, exact, temperature):
    number, prompt = 20_000, jnp.asarray(TASK.prompts[0])
    drawn = DRAW(policy, prompt, jax.random.key(1), number, TASK.response_length, TASK.end, temperature)
    code = {tuple(response): i for i, response in enumerate(RESPONSES.tolist())}
    which = [code[tuple(y)] for y in np.asarray(drawn.responses).tolist()]
    _, log_probs = read(policy, prompt, jnp.asarray(RESPONSES), temperature)
    np.testing.assert_allclose(drawn.log_probs, np.asarray(log_probs)[which], atol=2e-5)

    if temperature == 1.0:
        counts = np.bincount(which, minlength=len(code))
        expected = number * np.exp(exact[0])
        often = expected > 5
        z = (counts - expected)[often] / np.sqrt(expected[often] * (1 - expected[often] / number))
        assert abs(z).max() < 4.5
        assert often.sum() > 15

    # E[-ln pi] = E[H], token by token: the differences are a martingale.
    gap = np.sum(-np.asarray(drawn.log_probs) - np.asarray(drawn.entropies), axis=1)
    assert abs(gap.mean()) < 4 * gap.std() / np.sqrt(number)


@pytest.mark.slow
def test_a_response_of_one_token(policy):
    """The first token's log-probability is that which is read, whatever the room."""
    prompt = jnp.asarray(TASK.prompts[0])
    one = sample(policy, prompt, jax.random.key(1), 3, 1, TASK.end)
    assert one.responses.shape == (3, 1)
    first = jax.nn.log_softmax(policy.begin(prompt, 1)[1])
    np.testing.assert_allclose(one.log_probs[:, 0], first[one.responses[:, 0]], atol=1e-5)


def test_a_token_does_not_see_those_after_it(policy):
    pair = [20, 21]
    first, second = RESPONSES[pair]
    change = int(np.flatnonzero(first != second)[0])
    logits, _ = read(policy, jnp.asarray(TASK.prompts[0]), jnp.asarray(RESPONSES), 1.0)
    a, b = np.asarray(logits)[pair]
    np.testing.assert_array_equal(a[: change + 1], b[: change + 1])


def test_it_sees_the_prompt(policy, exact):
    assert abs(exact[0] - exact[1]).max() > 0.1


@pytest.mark.parametrize("new", NEW.values(), ids=NEW)
def test_sizes_are_checked(new):
    with pytest.raises(ValueError, match=r"^width: got 0, need"):
        new(jax.random.key(0), TASK, 0, 1)
    with pytest.raises(ValueError, match=r"^depth: got -1, need"):
        new(jax.random.key(0), TASK, 8, -1)


def test_heads_have_one_width():
    with pytest.raises(ValueError, match=r"^width: got 48, need at most 32, or a multiple of it"):
        transformer_policy(jax.random.key(0), TASK, 48, 1)
