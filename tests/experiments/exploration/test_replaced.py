"""Replaced tokens against a policy whose probabilities are known."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from policies_markov import markov
from scipy.stats import binomtest, chisquare

from experiments.exploration.arms.replaced import KINDS, hesitant_places, replace_tokens

WORDS, END, LENGTH = 5, 4, 6
RESPONSE = np.array([0, 2, 1, 3, END, END], dtype=np.int32)


@dataclasses.dataclass(frozen=True)
class ThirdIsOne:
    """A response is right where its third token is 1."""

    vocabulary: tuple = ("a", "b", "c", "d", "end")
    end: int = END
    prompt_length: int = 1
    response_length: int = LENGTH

    def reward(self, prompt, response):
        return (response[2] == 1).astype(float)


@pytest.fixture(scope="module")
def outcome():
    """20 000 times the same response, its second token replaced."""
    policy, pi = markov(3, WORDS)
    many = 20_000
    responses = np.broadcast_to(RESPONSE, (1, many, LENGTH))
    at = np.full((1, many, 1), 1, dtype=np.int32)
    found = replace_tokens(jax.random.key(0), ThirdIsOne(), policy, np.zeros((1, 1), int), responses, at)
    return found, pi


def test_the_token_at_the_place(outcome):
    found, pi = outcome
    own, likely, redrawn = (found.token[0, :, 0, kind] for kind in range(len(KINDS)))
    others = pi[RESPONSE[0]].copy()
    others[RESPONSE[1]] = 0
    assert (own == RESPONSE[1]).all()
    assert (likely == np.argmax(others)).all()
    seen = np.bincount(redrawn, minlength=WORDS)
    assert seen[RESPONSE[1]] == 0
    kept = others > 0
    assert chisquare(seen[kept], others[kept] / others.sum() * len(redrawn)).pvalue > 1e-3


def test_what_follows(outcome):
    """The rest stays, or is the policy's; after ``end`` nothing follows."""
    found, pi = outcome
    assert (found.stays[0, :, 0, 0] == 1).all()
    assert (found.stays[0, :, 0, 1:] == 1).all(), "the third token stays where it was"
    others = pi[RESPONSE[0]].copy()
    others[RESPONSE[1]] = 0
    likely = int(np.argmax(others))
    one = np.where(np.arange(WORDS) == END, 0, pi[:WORDS, 1])  # an ended response has no third token
    for kind, p in enumerate((one[RESPONSE[1]], one[likely], others @ one / others.sum())):
        right = int(found.goes_on[0, :, 0, kind].sum())
        assert binomtest(right, found.goes_on.shape[1], float(p)).pvalue > 1e-3


def test_an_end_put_in_the_middle_ends_the_response():
    policy, _ = markov(3, WORDS)
    sure = policy.table.at[0].set(jnp.where(jnp.arange(WORDS) == END, 9.0, 0.0))
    at = np.full((1, 1, 1), 1, dtype=np.int32)
    found = replace_tokens(
        jax.random.key(0), ThirdIsOne(), dataclasses.replace(policy, table=sure), np.zeros((1, 1), int),
        RESPONSE[None, None], at,
    )  # fmt: skip
    assert found.token[0, 0, 0, 1] == END
    assert found.goes_on[0, 0, 0, 1] == 0


def test_places_of_highest_entropy():
    rng = np.random.default_rng(0)
    entropies, lengths = rng.random((3, 4, 12)), rng.integers(1, 13, (3, 4))
    at, there = hesitant_places(entropies, lengths, 5)
    for i, j, part in np.ndindex(3, 4, 5):
        length = int(lengths[i, j])
        inside = [t for t in range(length) if int(5 * (t + 0.5) / length) == part]
        assert there[i, j, part] == bool(inside)
        if inside:
            assert at[i, j, part] == max(inside, key=lambda t: entropies[i, j, t])
