"""Steps of tabular policies against finite differences, Fisher matrices formed by hand, and the tilt."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tables import random_tables

from thermodiff.exploration import (
    PassAtKGradient,
    PassAtKTraining,
    PrefixTabularPolicy,
    SharedFeaturePolicy,
    TabularPolicy,
    exact_cost_by_problem,
    exact_pass_at_k,
    exact_weights,
    least_cost_of_mean_accuracy,
    pass_at_k_advantage,
    rloo_advantage,
    sampled_weights,
)


def chances(policy, correct):
    return np.exp(np.where(correct, policy.log_probs(), -np.inf)).sum(1)


def tree_of_responses(seed=0, M=3):
    """Responses of one to three tokens, none of which begins another, and a table of their probabilities."""
    every = [[0, -1, -1], [1, 0, -1], [1, 1, 0], [1, 1, 1], [2, 0, -1], [2, 1, -1]]
    responses = np.tile(np.array(every), (M, 1, 1))
    responses[0, 5] = -1  # the first problem has one response less
    rng = np.random.default_rng(seed)
    z = np.where(responses[:, :, 0] >= 0, rng.standard_normal(responses.shape[:2]), -np.inf)
    correct = np.tile([True, False, True, False, False, True], (M, 1))
    correct[0, 5] = False
    return responses, z - np.log(np.exp(z).sum(1, keepdims=True)), correct


def policies(seed=0):
    """One of each kind, with what is correct."""
    base, _, correct, real = random_tables(seed, M=3, R=6)
    rng = np.random.default_rng(seed)
    responses, table, right = tree_of_responses(seed)
    features = rng.standard_normal((3, 6, 4))
    theta = rng.standard_normal(4)
    return {
        "tabular": (TabularPolicy(np.where(real, base, 0), real), correct),
        "prefix": (PrefixTabularPolicy.from_table(table, responses), right),
        "shared": (SharedFeaturePolicy(np.where(real, base, 7), features, theta, real), correct),
    }


KINDS = ("tabular", "prefix", "shared")


def jacobian(policy, eps=1e-6):
    """d ln pi(y | x)/d parameter by central differences, (M, R, parameters)."""
    columns = []
    for i in range(policy.parameters.size):
        unit = np.zeros(policy.parameters.size)
        unit[i] = eps
        ends = [policy.moved(sign * unit.reshape(policy.parameters.shape)).log_probs() for sign in (1, -1)]
        columns.append(
            np.where(
                policy.real, np.subtract(*(np.where(policy.real, end, 0) for end in ends)) / (2 * eps), 0
            )
        )
    return np.stack(columns, -1)


@pytest.mark.parametrize("kind", KINDS)
def test_probabilities_sum_to_one_where_there_are_responses(kind):
    policy, _ = policies()[kind]
    table = policy.log_probs()
    assert np.exp(table).sum(1) == pytest.approx(1, abs=1e-14)
    assert ((table == -np.inf) == ~policy.real).all()


@pytest.mark.parametrize("kind", KINDS)
def test_steps_are_the_gradient_and_the_inverse_fisher_matrix_times_it(kind):
    policy, _ = policies(1)[kind]
    pi = np.exp(policy.log_probs())
    weights = np.where(policy.real, np.random.default_rng(5).standard_normal(pi.shape), 0)
    slopes = jacobian(policy)
    gradient = np.einsum("xy,xyp->p", weights, slopes)
    assert policy.euclidean(weights).ravel() == pytest.approx(gradient, abs=1e-8)
    fisher = np.einsum("xy,xyp,xyq->pq", pi, slopes, slopes)
    by_hand = np.linalg.pinv(fisher, rcond=1e-8, hermitian=True) @ gradient
    step = policy.natural(weights)
    # What parameters do not tell apart (a constant in a softmax) is left out of both.
    assert slopes @ step.ravel() == pytest.approx(slopes @ by_hand, abs=1e-6)
    assert policy.change(step) == pytest.approx(slopes @ step.ravel(), abs=1e-7)


@pytest.mark.parametrize("objective", [PassAtKGradient(1), PassAtKGradient(3)])
@pytest.mark.parametrize("kind", KINDS)
def test_exact_weights_give_the_gradient_of_pass_at_k(kind, objective):
    policy, correct = policies(2)[kind]
    found = policy.euclidean(exact_weights(policy.log_probs(), correct, objective)).ravel()
    eps = 1e-5
    for i in range(policy.parameters.size):
        unit = np.zeros(policy.parameters.size)
        unit[i] = eps
        step = unit.reshape(policy.parameters.shape)
        ends = [exact_pass_at_k(chances(policy.moved(s * step), correct), objective.k).sum() for s in (1, -1)]
        assert found[i] == pytest.approx((ends[0] - ends[1]) / (2 * eps), abs=1e-8)


@pytest.mark.parametrize("k", [1, 2, 4])
def test_training_advantages_have_the_variance_of_best_of_k(k):
    """Advantages of pass@k: mean 0 over pi, and the correct one's is (1 - R)/sqrt(R (1 - R))."""
    base, _, correct, _ = random_tables(4)
    weights = exact_weights(base, correct, PassAtKTraining(k))
    assert weights.sum(1) == pytest.approx(0, abs=1e-12)
    p = np.exp(np.where(correct, base, -np.inf)).sum(1)
    solved = exact_pass_at_k(p, k)
    advantage = weights[:, 0] / np.exp(base[:, 0])  # the first response is correct
    assert advantage == pytest.approx((1 - solved) / np.sqrt(solved * (1 - solved)))


@pytest.mark.filterwarnings("ignore:a step of more than 745 nats")
@given(
    seed=st.integers(0, 1000),
    objective=st.sampled_from(
        [PassAtKGradient(1), PassAtKTraining(1), PassAtKGradient(4), PassAtKTraining(4)]
    ),
    eta=st.floats(0.001, 3),
)
def test_natural_steps_of_free_logits_waste_nothing_and_lose_no_problem(seed, objective, eta):
    base, _, correct, real = random_tables(seed)
    policy = TabularPolicy(np.where(real, base, 0), real)
    before = chances(policy, correct)
    for _ in range(5):
        weights = exact_weights(policy.log_probs(), correct, objective)
        policy = policy.moved(eta * policy.natural(weights))
        after = chances(policy, correct)
        assert (after >= before - 1e-14).all()
        before = after
    cost = exact_cost_by_problem(base, policy.log_probs(), correct, real=real)
    assert np.abs(cost.among_correct).max() < 1e-12 * max(1, cost.divergence.max())
    assert np.abs(cost.among_wrong).max() < 1e-12 * max(1, cost.divergence.max())


def test_natural_reinforce_is_the_cheapest_way_to_a_mean_accuracy():
    base, _, correct, real = random_tables(3, M=20)
    policy = TabularPolicy(np.where(real, base, 0), real)
    p = chances(policy, correct)
    for _ in range(40):
        policy = policy.moved(
            0.05 * policy.natural(exact_weights(policy.log_probs(), correct, PassAtKGradient()))
        )
    cost = exact_cost_by_problem(base, policy.log_probs(), correct, real=real)
    least = least_cost_of_mean_accuracy(p, cost.p_new.mean())
    assert least.tilt == pytest.approx(40 * 0.05, abs=1e-10)
    assert cost.divergence.mean() == pytest.approx(least.cost, abs=1e-12)


def test_one_curve_with_different_clocks():
    """The Euclidean path of a problem does not depend on the objective: only where along it a step ends does."""
    base, _, correct, real = random_tables(6, M=1)
    ends = []
    for objective in (PassAtKGradient(1), PassAtKTraining(2)):
        policy = TabularPolicy(np.where(real, base, 0), real)
        for _ in range(60):
            step = policy.euclidean(exact_weights(policy.log_probs(), correct, objective))
            policy = policy.moved(0.1 / np.abs(step).max() * step)  # steps of equal length
        ends.append(np.exp(policy.log_probs()))
    assert ends[0] == pytest.approx(ends[1], abs=1e-12)


def test_a_tree_of_one_level_is_the_free_table():
    base, _, correct, _ = random_tables(8, M=2, R=5)
    responses = np.where(np.isfinite(base), np.arange(5), -1)[..., None]
    tree = PrefixTabularPolicy.from_table(base, responses)
    table = TabularPolicy(np.where(tree.real, base, 0), tree.real)
    assert tree.log_probs() == pytest.approx(table.log_probs(), abs=1e-14)
    weights = exact_weights(base, correct, PassAtKTraining())
    for name in ("euclidean", "natural"):
        moved = [policy.moved(0.3 * getattr(policy, name)(weights)).log_probs() for policy in (tree, table)]
        assert moved[0] == pytest.approx(moved[1], abs=1e-13)


def test_a_tree_has_the_probabilities_that_it_was_made_of():
    responses, table, _ = tree_of_responses(3)
    policy = PrefixTabularPolicy.from_table(table, responses)
    assert policy.log_probs() == pytest.approx(table, abs=1e-14)
    assert policy.parameters.size == 8 + 9 + 9  # edges: one response less in the first problem


def test_natural_steps_of_a_tree_leave_the_tilt_by_the_square_of_the_step():
    responses, table, correct = tree_of_responses(4)
    policy = PrefixTabularPolicy.from_table(table, responses)
    weights = exact_weights(table, correct, PassAtKGradient())
    off = []
    for eta in (0.02, 0.01):
        tilt = table + eta * correct
        tilt -= np.log(np.exp(tilt).sum(1, keepdims=True))
        moved = policy.moved(eta * policy.natural(weights)).log_probs()
        off.append(np.abs(np.where(policy.real, moved, 0) - np.where(policy.real, tilt, 0)).max())
    assert off[0] / off[1] == pytest.approx(4, rel=0.05)


@pytest.mark.parametrize("with_reward", [True, False])
def test_shared_features_waste_nothing_once_correctness_is_among_them(with_reward):
    base, _, correct, real = random_tables(9, M=8)
    features = np.random.default_rng(1).standard_normal((*base.shape, 3))
    if with_reward:
        features = np.concatenate([features, correct[..., None]], -1)
    policy = SharedFeaturePolicy(np.where(real, base, 0), features, real=real)
    for _ in range(10):
        policy = policy.moved(
            0.1 * policy.natural(exact_weights(policy.log_probs(), correct, PassAtKGradient()))
        )
    cost = exact_cost_by_problem(base, policy.log_probs(), correct, real=real).mean()
    waste = cost.among_correct.mean + cost.among_wrong.mean
    assert waste < 1e-12 if with_reward else waste > 0.1 * cost.divergence.mean


@pytest.mark.parametrize("k", [1, 3])
def test_clocks_of_training_are_those_of_large_groups(k):
    """Advantages in groups of G, pG of them correct: what is missing to the limit falls as 1/G."""
    base, correct = np.log([[0.3, 0.7]]), np.array([[1, 0]])
    limit = exact_weights(base, correct, PassAtKTraining(k))[0] / np.exp(base[0])
    off = []
    for G in (1000, 2000):
        rewards = np.where(np.arange(G) < 0.3 * G, 1.0, 0.0)
        off.append(pass_at_k_advantage(rewards, k)[[0, -1]] - limit)
    if k == 1:
        assert np.abs(off).max() < 1e-12
    else:
        assert np.abs(off[1]).max() < 1e-2
        assert off[0] / off[1] == pytest.approx(2, rel=0.01)


def test_sampled_weights_are_right_in_the_mean():
    base, _, correct, _ = random_tables(12, M=4, R=5)
    rng = np.random.default_rng(0)
    draws = np.array([sampled_weights(rng, base, correct, 4, rloo_advantage) for _ in range(1000)])
    exact = exact_weights(base, correct, PassAtKGradient())
    error = draws.std(0, ddof=1) / np.sqrt(1000)
    assert (np.abs(draws.mean(0) - exact) <= 4.5 * error).all()  # of 20 entries, those not there exactly 0
    assert (draws[:, ~np.isfinite(base)] == 0).all()
    again = sampled_weights(np.random.default_rng(0), base, correct, 4, rloo_advantage)
    assert (again == draws[0]).all()


def test_problems_that_are_certain_do_not_move():
    policy = TabularPolicy([[800.0, 0.0, 1.0], [0.0, 800.0, 1.0]])
    correct = np.array([[1, 0, 0]] * 2)
    for objective in (PassAtKGradient(2), PassAtKTraining(1), PassAtKTraining(3)):
        weights = exact_weights(policy.log_probs(), correct, objective)
        assert (weights == 0).all()
        assert (policy.natural(weights) == 0).all()


TABLE = np.log([[0.5, 0.5]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: TabularPolicy([1.0]), r"parameters: got shape \(1,\), need \(problems, responses\)"),
        (lambda: TabularPolicy([[1.0, np.inf]]), r"parameters: got inf at \(0, 1\), need finite logits"),
        (
            lambda: TabularPolicy([[1.0]], [[1, 1]]),
            r"real: got shape \(1, 2\), need that of the table, \(1, 1\)",
        ),
        (lambda: TabularPolicy([[1.0]], [[0]]), "real: got no response to problem 0, need at least one"),
        (
            lambda: PrefixTabularPolicy.from_table(TABLE, [[[1, 2], [1, -1]]]),
            "responses: got response . of problem 0",
        ),
        (
            lambda: PrefixTabularPolicy.from_table(TABLE, [[[1, 2], [1, 2]]]),
            "responses: got response 1 of problem 0",
        ),
        (lambda: PrefixTabularPolicy.from_table(TABLE, [[0.5]]), r"responses: got shape \(1, 1\)"),
        (
            lambda: PrefixTabularPolicy.from_table([[0.0, -np.inf]], [[[1], [2]]]),
            r"log_probs: got -inf at \(0, 1\)",
        ),
        (
            lambda: SharedFeaturePolicy(TABLE, np.ones((1, 3, 2))),
            r"features: got shape \(1, 3, 2\), need \(1, 2, d\)",
        ),
        (
            lambda: SharedFeaturePolicy(TABLE, np.ones((1, 2, 2)), [1.0]),
            r"parameters: got shape \(1,\), need one",
        ),
        (
            lambda: SharedFeaturePolicy(TABLE, np.full((1, 2, 2), np.nan)),
            "features, parameters: got entries that are n",
        ),
        (lambda: PassAtKGradient(0), "k: got 0, need a positive whole number"),
        (lambda: PassAtKTraining(-1), "k: got -1, need a positive whole number"),
        (
            lambda: TabularPolicy(TABLE).moved(np.ones(2)),
            r"step: got shape \(2,\), need that of the policy's table, \(1, 2\)",
        ),
        (
            lambda: TabularPolicy(TABLE).natural(np.ones((1, 3))),
            r"weights: got shape \(1, 3\), need that of the",
        ),
        (
            lambda: TabularPolicy(TABLE).euclidean(np.ones((1, 3))),
            r"weights: got shape \(1, 3\), need that of",
        ),
        (
            lambda: exact_weights(TABLE, [[1, 0]], "grpo"),
            "objective: got 'grpo', need an objective with a clock",
        ),
        (
            lambda: exact_weights(TABLE, [[1, 0]], PassAtKTraining),
            "objective: got <class .*, need an objective",
        ),
        (
            lambda: sampled_weights(0, TABLE, [[1, 0]], 4, rloo_advantage),
            "rng: got 0, need a generator, such as",
        ),
        (lambda: exact_weights(TABLE, [[1, 2]], PassAtKGradient()), "correct: got shape .* need 0 and 1"),
        (
            lambda: sampled_weights(np.random.default_rng(0), TABLE, [[1, 0]], 0, rloo_advantage),
            "group: got 0, need a positive",
        ),
        (
            lambda: sampled_weights(np.random.default_rng(0), TABLE, [[1, 0]], 4, lambda r: r[:, :1]),
            r"advantage: got shape \(1, 1\), need finite numbers of shape \(1, 4\)",
        ),
    ],
)
def test_refused(as_users_run_it, call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_steps_that_overshoot_are_warned_of():
    """GRPO's clock with steps of 1: the fifth makes the wrong logits -7e30."""
    correct = np.array([[1, 0, 0, 0]])

    def natural(policy):
        return policy.natural(exact_weights(policy.log_probs(), correct, PassAtKTraining()))

    policy = TabularPolicy(np.zeros((1, 4)))
    for _ in range(4):
        policy = policy.moved(natural(policy))
    with pytest.warns(UserWarning, match=r"^a step of more than 745 nats, which takes chances to 0 for good"):
        policy = policy.moved(natural(policy))
    assert policy.parameters[0, 1] == pytest.approx(-7.12e30, rel=1e-3)
