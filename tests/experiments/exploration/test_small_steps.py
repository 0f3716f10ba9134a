"""Small steps of networks and tables against finite differences, dense algebra and enumeration."""

from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import thermodiff.exploration as explore
from experiments.exploration.arms.problems import TASK, mixture
from experiments.exploration.small_steps import (
    Listed,
    change,
    exact_direction,
    ledger_of_step,
    natural_direction,
)
from experiments.exploration.step_shares import (
    Making,
    Source,
    clock_of,
    draw_groups,
    listed,
    measure_steps,
    table_step,
)
from thermodiff.exploration.learning.imitation import ImitationConfig, imitate
from thermodiff.exploration.learning.methods import Batch, LeaveOneOut, Method
from thermodiff.exploration.policies.networks import recurrent_policy
from thermodiff.exploration.policies.policy import log_prob, token_log_probs
from thermodiff.exploration.tasks.task import Forms, response_mask
from thermodiff.training.optimiser import SteadyAdam

PROMPTS = TASK.prompts[[5, 700, 1500]]


def made_up(rng, missing=0.2, M=4, R=6):
    """Tables of responses, a share of which is not listed, and a step."""
    logits = rng.normal(size=(M, R + 1))
    pi = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    pi = np.concatenate(
        [pi[:, :R] / pi[:, :R].sum(1, keepdims=True) * (1 - missing), np.full((M, 1), missing)], 1
    )
    right = rng.random((M, R + 1)) < 0.4
    right[:, 0], right[:, 1], right[:, R] = True, False, False
    u = rng.normal(size=(M, R + 1))
    u -= (pi * u).sum(1, keepdims=True)
    forms = Forms(np.zeros((M, R, 12), int), right[:, :R], np.ones((M, R), bool))
    return pi, right, u, Listed(np.zeros((M, 4), int), forms, np.log(pi[:, :R]))


def test_ledger_of_a_step_is_the_limit_of_the_ledger_of_policies():
    pi, right, u, step = made_up(np.random.default_rng(0))
    found, size = ledger_of_step(step, u[:, :-1]), 1e-4
    costs, p = [], []
    for sign in (1, -1):  # odd orders drop out of the mean of both
        log_probs = np.log(pi) + sign * size * u
        log_probs -= np.log(np.exp(log_probs).sum(1, keepdims=True))
        costs.append(explore.exact_cost_by_problem(np.log(pi), log_probs, right))
        p.append((np.exp(log_probs) * right).sum(1))
    spent = sum(cost.divergence.mean() for cost in costs)
    for name, part in (("share", "paid"), ("among_correct",) * 2, ("among_wrong",) * 2):
        assert found[name] == pytest.approx(sum(getattr(c, part).mean() for c in costs) / spent, abs=1e-5)
    falls = p[0] < p[1]
    assert found["lost"] == pytest.approx(sum((c.paid * falls).mean() for c in costs) / spent, abs=1e-5)
    length = np.sqrt(spent / 2) / size
    for k in (1, 256):
        gained = (explore.exact_pass_at_k(p[0], k) - explore.exact_pass_at_k(p[1], k)).mean() / (2 * size)
        assert found[f"gain_{k}"] == pytest.approx(gained / length, rel=1e-4)


def test_a_tables_natural_step_wastes_nothing_and_no_step_has_no_ledger():
    pi, right, _, step = made_up(np.random.default_rng(1))
    p = (pi * right).sum(1, keepdims=True)
    found = ledger_of_step(step, (right - p)[:, :-1])
    assert found["share"] == pytest.approx(1, abs=1e-12)
    assert found["among_correct"] == pytest.approx(0, abs=1e-12)
    assert set(ledger_of_step(step, np.zeros((4, 6))).values()) == {None}


def test_the_tables_plain_step_is_that_of_the_tabular_policy():
    pi, right, _, step = made_up(np.random.default_rng(2), missing=0.0)
    log_probs, right = step.log_probs, right[:, :-1]
    policy = explore.TabularPolicy(log_probs)
    weights = explore.exact_weights(log_probs, right, explore.PassAtKTraining())
    p = (pi[:, :-1] * right).sum(1)
    expected = policy.change(policy.euclidean(weights))
    assert table_step(step, 1 / np.sqrt(p * (1 - p))) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", ["REINFORCE", "GRPO"])
def test_clocks_are_means_over_all_groups(name):
    p, G = np.array([0.05, 0.5, 0.9]), 4
    methods = {"REINFORCE": explore.rloo_advantage, "GRPO": explore.group_relative_advantage}
    total = np.zeros(3)
    for rewards in product((0.0, 1.0), repeat=G):
        r = np.array([rewards])
        A = methods[name](r, ddof=1)[0] if name == "GRPO" else methods[name](r)[0]
        chance = p ** sum(rewards) * (1 - p) ** (G - sum(rewards))
        total += chance * np.sum(A * r[0]) / G
    assert clock_of(name, p, G) == pytest.approx(total / (p * (1 - p)), rel=1e-12)


@pytest.fixture(scope="module")
def network():
    """A small network that writes valid equations now and then, in double precision, and its table."""
    config = ImitationConfig(300, 32, SteadyAdam(1e-2), chunk=300)
    policy = recurrent_policy(jax.random.key(0), TASK, 12, 1)
    policy = imitate(jax.random.key(1), TASK, policy, mixture(PROMPTS, 0.5), config=config).policy
    with jax.enable_x64(True):
        policy = jax.tree.map(lambda x: jnp.asarray(np.asarray(x), jnp.float64), policy)
        table = listed(policy, PROMPTS, TASK.forms(PROMPTS))
    assert table.p.min() > 1e-3
    return policy, table


def moved(policy, direction, size):
    return jax.tree.map(lambda x, d: x + size * d, policy, direction)


def without_embedding(direction):
    """flax rounds embeddings to single precision, so that differences along them are noise."""

    def kept(path, d):
        return 0 * d if "embed" in jax.tree_util.keystr(path) else d

    return jax.tree_util.tree_map_with_path(kept, direction)


def flat(tree):
    return np.concatenate([np.asarray(x).ravel() for x in jax.tree.leaves(tree)])


@pytest.mark.slow
def test_change_and_exact_direction_by_finite_differences(network):
    policy, table = network
    clock, size = np.array([1.0, 2.0, 0.5]), 1e-5
    with jax.enable_x64(True):
        gradient = exact_direction(policy, TASK.end, table, clock)
        direction = without_embedding(gradient)
        u = change(policy, TASK.end, table, direction)
        ends = [listed(moved(policy, direction, s), PROMPTS, table.forms) for s in (size, -size)]
        real = table.forms.real
        difference = (ends[0].log_probs[real] - ends[1].log_probs[real]) / (2 * size)
        assert u[real] == pytest.approx(difference, rel=1e-5, abs=1e-7)
        # The gradient of the mean of clock * p.
        rise = np.mean(clock * (ends[0].p - ends[1].p)) / (2 * size)
        assert rise == pytest.approx(float(flat(gradient) @ flat(direction)), rel=1e-5)


@pytest.mark.slow
def test_natural_direction_solves_the_dense_equation(network):
    policy, table = network
    with jax.enable_x64(True):
        gradient = exact_direction(policy, TASK.end, table, np.ones(3))
        found = natural_direction(policy, TASK.end, table, gradient, 0.1, 2000)

        def log_probs(policy):
            one = jax.vmap(lambda x, y: log_prob(policy, x, y, TASK.end), (None, 0))
            return jax.vmap(one)(jnp.asarray(PROMPTS), jnp.asarray(table.forms.responses))

        jacobian = jax.jacrev(log_probs)(policy)
        S = np.concatenate(
            [np.asarray(x).reshape(*table.probs.shape, -1) for x in jax.tree.leaves(jacobian)], -1
        )
    pi = table.probs
    F = np.einsum("xy,xyi,xyj->ij", pi, S, S) / 3
    mean = np.einsum("xy,xyi->xi", pi, S)
    F += np.einsum("xi,xj->ij", mean / (1 - pi.sum(1, keepdims=True)), mean) / 3
    g = flat(gradient)
    damp = 0.1 * (g @ F @ g) / (g @ g)
    exact = np.linalg.solve(F + damp * np.eye(len(g)), g / np.linalg.norm(g))
    assert found.residual < 2e-3
    off = flat(found.direction) - exact
    # The residual bounds the error in the metric that was solved for.
    assert off @ (F + damp * np.eye(len(g))) @ off <= found.residual**2 / damp
    natural, plain = (
        ledger_of_step(table, change(policy, TASK.end, table, d)) for d in (found.direction, gradient)
    )
    assert natural["share"] > plain["share"]


@pytest.mark.slow
@pytest.mark.parametrize(("clock", "method"), [("REINFORCE", Method(LeaveOneOut())), ("GRPO", Method())])
def test_sampled_direction_is_that_of_a_training_on_these_groups(network, clock, method):
    policy, _ = network
    with jax.enable_x64(True):
        groups = draw_groups(policy, PROMPTS, 256, jax.random.key(3))
        assert np.ptp(groups.rewards)
        prompts, responses = jnp.asarray(PROMPTS), jnp.asarray(groups.responses)

        def log_probs(policy):
            return jax.vmap(jax.vmap(lambda x, y: token_log_probs(policy, x, y, TASK.end), (None, 0)))(
                prompts, responses
            )

        old = log_probs(policy)
        mask = response_mask(responses, TASK.end)
        batch = Batch(prompts, responses, mask, jnp.asarray(groups.rewards), old, old, None)
        advantages = method.advantages(batch, jnp.int32(0))

        def loss(policy):
            return method.loss.of(log_probs(policy), method.counted(batch), advantages, old)

        expected = jax.grad(loss)(policy)
        found = groups.direction(policy, clock)
    assert flat(found) == pytest.approx(-flat(expected), rel=1e-6, abs=1e-9)


@pytest.mark.slow
def test_every_kind_of_step_of_a_network(network):
    policy, table = network
    with jax.enable_x64(True):
        near = table.only(slice(2))
        source = Source(policy, [near], [table], table.only(slice(2, 3)), np.repeat(PROMPTS, 4, axis=0))
        rows = measure_steps(source, 0, jax.random.key(0), Making(256, 2, 1e-3, 200))
    shares = {(row["kind"], row["clock"]): row["share"] for row in rows if row["where"] == "step"}
    assert len(rows) == 2 * len(shares) == 22
    assert all(0 < share <= 1 for share in shares.values())
    assert shares["natural", "GRPO"] > shares["natural, wide", "GRPO"] > shares["plain, exact", "GRPO"]
    for row in rows:
        assert row["share"] + row["among_correct"] + row["among_wrong"] == pytest.approx(1)
