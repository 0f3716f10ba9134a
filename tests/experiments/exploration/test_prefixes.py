"""Access, execution and what is spent at each place, against sums over all responses written out."""

from itertools import product

import numpy as np
import pytest
from policies_markov import markov

from experiments.exploration.arms import prefixes
from thermodiff.exploration.tasks.task import Forms

WORDS, LENGTH = 3, 4
ALL = np.array(list(product(range(WORDS), repeat=LENGTH)))
RNG = np.random.default_rng(0)
CORRECT = RNG.random((2, len(ALL))) < 0.1


@pytest.fixture(scope="module")
def case():
    """Two problems of which every response is listed, the second's in another order and the last one padding."""
    order = np.stack([np.arange(len(ALL)), RNG.permutation(len(ALL))])
    responses, correct = ALL[order], np.take_along_axis(CORRECT, order, 1)
    responses = np.concatenate([responses, np.zeros_like(responses[:, :1])], axis=1).astype(np.int32)
    real = np.ones(responses.shape[:2], bool)
    real[:, -1] = False
    forms = Forms(responses, np.concatenate([correct, np.zeros((2, 1), bool)], axis=1), real)
    (base, pi_0), (policy, pi) = markov(1, WORDS), markov(2, WORDS)
    tokens = prefixes.tokens_of(base, policy, np.zeros((2, 1), np.int32), forms)
    return forms, tokens, pi_0, pi


def chance(pi, response):
    return np.prod([pi[last, token] for last, token in zip([-1, *response[:-1]], response, strict=True)])


def test_tokens_are_those_of_the_table(case):
    forms, tokens, pi_0, pi = case
    last = np.concatenate([np.full((*forms.real.shape, 1), -1), forms.responses[..., :-1]], axis=-1)
    at = (last, forms.responses)
    assert tokens.base == pytest.approx(np.log(pi_0[at]), abs=2e-6)
    assert tokens.policy == pytest.approx(np.log(pi[at]), abs=2e-6)
    entropy, kl = -(pi * np.log(pi)).sum(1), (pi * np.log(pi / pi_0)).sum(1)
    assert tokens.entropy == pytest.approx(entropy[last], abs=2e-6)
    assert tokens.divergence == pytest.approx(kl[last], abs=2e-6)


def test_access_and_execution(case):
    forms, tokens, pi_0, pi = case
    found = prefixes.access_and_execution(prefixes.tree_of(forms), tokens.base, tokens.policy)
    before, after = (np.array([chance(x, y) for y in ALL]) for x in (pi_0, pi))
    p_0, p = (np.mean([x[right].sum() for right in CORRECT]) for x in (before, after))
    assert found.by_access + found.by_execution == pytest.approx(np.full(LENGTH + 1, p - p_0), abs=1e-6)
    assert found.access * found.execution == pytest.approx(np.full(LENGTH + 1, p), rel=1e-5)
    for depth in range(LENGTH + 1):
        access, parts = 0.0, np.zeros(2)
        for right in CORRECT:
            for u in {tuple(y[:depth]) for y in ALL[right]}:
                through = (ALL[:, :depth] == u).all(axis=1)
                reached = np.array([x[through].sum() for x in (before, after)])
                finish = np.array([x[through & right].sum() for x in (before, after)]) / reached
                access += reached[1]
                parts += finish.mean() * np.diff(reached)[0], reached.mean() * np.diff(finish)[0]
        assert found.access[depth] == pytest.approx(access / 2, rel=1e-5)
        assert (found.by_access[depth], found.by_execution[depth]) == pytest.approx(parts / 2, abs=1e-6)


def test_what_is_spent_at_each_place_adds_up_to_the_divergence(case):
    forms, tokens, pi_0, pi = case
    tree = prefixes.tree_of(forms)
    spent = prefixes.at_each_place(tree, tokens.policy, tokens.divergence)
    before, after = (np.array([chance(x, y) for y in ALL]) for x in (pi_0, pi))
    assert spent.sum() == pytest.approx(np.sum(after * np.log(after / before)), rel=1e-5)
    assert (spent >= 0).all()
    first = np.sum(pi[-1] * np.log(pi[-1] / pi_0[-1]))
    assert spent[0] == pytest.approx(first, rel=1e-5)
    entropy = prefixes.at_each_place(tree, tokens.policy, tokens.entropy)
    assert entropy.sum() == pytest.approx(-np.sum(after * np.log(after)), rel=1e-5)
    assert prefixes.at_each_place(tree, tokens.policy, np.ones_like(tokens.policy)) == pytest.approx(
        np.ones(LENGTH), rel=1e-5
    )
