"""Entropy production by enumeration of small autoregressive policies; reversals that are involutions, and others."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thermodiff.exploration import (
    blocks_between,
    exact_entropy_production,
    policy_entropy_production,
    reverse_blocks,
    reverse_tokens,
)

END, LONGEST = 0, 4


def outcomes(longest=LONGEST, tokens=(1, 2)):
    """All responses: content and the end token, or cut off at the longest."""
    every = [(*content, END) for n in range(longest) for content in itertools.product(tokens, repeat=n)]
    return every + list(itertools.product(tokens, repeat=longest))


class Machine:
    """ln P of a sequence: the next token's logits are random and depend on all that stands before."""

    def __init__(self, seed, never=()):
        self.rng, self.tables, self.never = np.random.default_rng(seed), {}, never

    def __call__(self, response):
        total = 0.0
        for t, token in enumerate(response):
            prefix = tuple(response[:t])
            if prefix not in self.tables:
                z = self.rng.standard_normal(3)
                z[[token for place, token in self.never if place == prefix]] = -np.inf
                self.tables[prefix] = z - np.log(np.exp(z).sum())
            total += self.tables[prefix][token]
        return total


def tables(machine, reverse, every):
    forward = np.array([[machine(y) for y in every]])
    return forward, np.array([[machine(tuple(int(a) for a in reverse(y))) for y in every]])


def test_of_all_outcomes_by_plain_sums():
    every, machine = outcomes(), Machine(0)
    forward, backward = tables(machine, lambda y: reverse_tokens(y, END), every)
    found = exact_entropy_production(forward, backward)
    assert np.exp(forward).sum() == pytest.approx(1, abs=1e-12)
    sigma = (forward - backward)[0]
    assert found.production[0] == pytest.approx(
        sum(np.exp(f) * s for f, s in zip(forward[0], sigma, strict=True))
    )
    assert found.production[0] > 0
    assert found.fluctuation[0] == pytest.approx(1, abs=1e-12)
    assert found.impossible[0] == 0
    assert found.possible[0] == pytest.approx(found.production[0])


def test_what_is_impossible_one_way_round():
    every, machine = outcomes(), Machine(1, never=[((1,), 2)])  # after 1 never 2
    forward, backward = tables(machine, lambda y: reverse_tokens(y, END), every)
    found = exact_entropy_production(forward, backward)
    lost = sum(np.exp(f) for f, b in zip(forward[0], backward[0], strict=True) if b == -np.inf)
    assert lost > 0.01
    assert found.impossible[0] == pytest.approx(lost)
    assert found.fluctuation[0] == pytest.approx(1 - lost, abs=1e-12)
    assert found.production[0] == np.inf
    assert np.isfinite(found.possible[0])


def test_a_reversal_that_is_none_shows_in_the_mean_of_exp():
    every, machine = outcomes(), Machine(2)

    def end_first(y):
        return y[::-1]

    forward = np.array([[machine(y) for y in every]])
    probability = dict(zip(every, np.exp(forward[0]), strict=True))
    # Responses that begin with the end token and go on are no outcomes: the machine cannot write them.
    backward = np.log([[probability.get(end_first(y), 1e-300) for y in every]])
    found = exact_entropy_production(forward, backward)
    assert found.fluctuation[0] == pytest.approx(sum(probability.get(y[::-1], 0) for y in every))
    assert found.fluctuation[0] < 0.9
    # Left out, the responses that are cut off are missing: their probability.
    finished = [y for y in every if y[-1] == END]
    total = sum(probability[tuple(reverse_tokens(y, END).tolist())] for y in finished)
    assert total == pytest.approx(1 - sum(probability[y] for y in every if y[-1] != END))


def test_blocks():
    every, machine = outcomes(5, (1, 2)), Machine(3)
    parse = blocks_between(2)
    forward, backward = tables(machine, lambda y: reverse_blocks(y, parse, END), every)
    found = exact_entropy_production(forward, backward)
    assert found.fluctuation[0] == pytest.approx(1, abs=1e-12)
    assert found.production[0] > 0


def test_reversals_of_given_responses():
    assert reverse_tokens([3, 1, 2, END], END).tolist() == [2, 1, 3, END]
    assert reverse_tokens([3, 1, 2], END).tolist() == [2, 1, 3]
    assert reverse_tokens([END], END).tolist() == [END]
    assert reverse_tokens([], END).tolist() == []
    assert reverse_blocks([3, 4, 9, 5, 9, 6, 7, END], blocks_between(9), END).tolist() == [
        6,
        7,
        9,
        5,
        9,
        3,
        4,
        END,
    ]
    assert reverse_blocks([3, 4], lambda content: None, END).tolist() == [3, 4]


def equations(content):
    """ "a b" blocks of two tokens, the second larger: other content cannot be parsed."""
    blocks = [list(content[i : i + 2]) for i in range(0, len(content), 2)]
    return blocks if all(len(b) == 2 and b[0] < b[1] for b in blocks) else None


def greedy(content):
    """A block is as long as its first token says: read from the other end it is another one."""
    blocks, rest = [], list(content)
    while rest:
        blocks.append(rest[: rest[0]])
        rest = rest[rest[0] :]
    return blocks


@pytest.mark.parametrize("parse", [equations, greedy, blocks_between(2)])
@given(response=st.lists(st.integers(1, 3), max_size=6), ended=st.booleans())
def test_every_reversal_is_its_own_inverse(parse, response, ended):
    y = [*response, *([END] if ended else [])]
    once = reverse_blocks(y, parse, END)
    assert sorted(once.tolist()) == sorted(y)
    assert (END in once) == ended
    assert reverse_blocks(once, parse, END).tolist() == y
    assert reverse_tokens(reverse_tokens(y, END), END).tolist() == y


def test_rollouts_estimate_it_each_problem_weighing_the_same():
    every = outcomes()
    pairs = [tables(Machine(10 + x), lambda y: reverse_tokens(y, END), every) for x in range(30)]
    forward, backward = (np.concatenate(side) for side in zip(*pairs, strict=True))
    exact = exact_entropy_production(forward, backward)
    rng = np.random.default_rng(0)
    numbers = rng.integers(500, 900, 30)
    problem = np.repeat(np.arange(30), numbers)
    y = np.concatenate(
        [rng.choice(len(every), n, p=np.exp(f)) for n, f in zip(numbers, forward, strict=True)]
    )
    found = policy_entropy_production(problem, forward[problem, y], backward[problem, y])
    sigma = forward - backward
    variance = (np.exp(forward) * sigma**2).sum(1) - exact.production**2
    error = np.sqrt((variance / numbers).sum()) / 30  # of these very problems
    assert abs(found.production.mean - exact.production.mean()) < 4 * error
    assert found.impossible == (0, 0, 30)
    assert "nats a response" in str(found)


def test_rollouts_some_of_which_cannot_be_reversed():
    found = policy_entropy_production([0, 0, 1, 1], [-1.0, -2, -3, -1], [-2.0, -np.inf, -4, -3])
    assert found.production.mean == np.inf
    assert found.impossible.mean == pytest.approx(0.25)
    assert found.possible.mean == pytest.approx((1 + 1.5) / 2)
    alone = policy_entropy_production(["a"] * 3, [-1.0, -2, -3], [-2.0, -4, -6])
    assert alone.production == pytest.approx((2, 1 / np.sqrt(3), 3))
    nothing = policy_entropy_production([0, 1], [-1.0, -2], [-np.inf] * 2)
    assert np.isnan(nothing.possible.mean)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: reverse_tokens([1, END, 2], END),
            "response: got the end token at place 1 of 3, need it last",
        ),
        (lambda: reverse_tokens([[1, 2]], END), r"response: got shape \(1, 2\)"),
        (lambda: reverse_tokens([0.5], END), "response: got shape .* type float64, need token ids"),
        (
            lambda: reverse_blocks([1, 2], lambda c: [[1], [1]], END),
            r"parse: got blocks that joined are \[1, 1\]",
        ),
        (
            lambda: policy_entropy_production([0], [1.0, 2.0], [1.0, 2.0]),
            "problem, log_probs, log_probs_reversed: got",
        ),
        (lambda: policy_entropy_production([], [], []), "problem, log_probs, log_probs_reversed: got"),
        (
            lambda: policy_entropy_production([0], [-np.inf], [1.0]),
            "log_probs: got -inf at .0,., need finite",
        ),
        (lambda: policy_entropy_production([0], [-1.0], [np.nan]), "log_probs_reversed: got nan at"),
        (lambda: exact_entropy_production([[-1.0]], [[-1.0]]), "log_probs: got probabilities of sum 0.36"),
        (lambda: exact_entropy_production([[0.0]], [0.0]), "log_probs_reversed: got shape"),
        (lambda: exact_entropy_production([[0.0]], [[np.nan]]), "log_probs_reversed: got nan at"),
    ],
)
def test_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
