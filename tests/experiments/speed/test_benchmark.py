"""The benchmark: its ratios on a clock of its own, its comparators against closed forms, and its table."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import thermodiff as td
from experiments.harness.provenance import provenance
from experiments.speed import benchmark, benchmark_reference, paired_timing
from experiments.speed.benchmark_evaluation import loosest
from experiments.speed.benchmark_training import mixture, process, row_of


class Clock:
    """Time passes only when something says so."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def passes(self, seconds):
        self.now += seconds


def test_ratios_are_those_of_pairs_taken_by_turns():
    clock, order = Clock(), []
    load = itertools.cycle([1.0, 1.0, 5.0, 5.0])  # the whole machine is slower in every other pair

    def action(name, seconds):
        def act():
            order.append(name)
            clock.passes(seconds * next(load))

        return act

    pairs = paired_timing.by_turns(action("a", 2.0), action("b", 6.0), 4, warm=False, clock=clock)
    assert order == list("abbaabba")
    assert pairs.ours == pytest.approx((2.0, 10.0, 2.0, 10.0))
    assert pairs.theirs == pytest.approx((6.0, 30.0, 6.0, 30.0))
    np.testing.assert_allclose(pairs.ratios(speedup=True), 3.0)
    np.testing.assert_allclose(pairs.ratios(speedup=False), 1 / 3)
    row = row_of(pairs, speedup=True, dim=2)
    assert (row["ratio"], row["low"], row["high"]) == pytest.approx((3.0, 3.0, 3.0))
    assert (row["ours_seconds"], row["theirs_seconds"], row["pairs"], row["dim"]) == (6.0, 18.0, 4, 2)


def test_the_first_calls_are_not_timed():
    clock, cost = Clock(), {"a": 100.0, "b": 100.0}

    def action(name):
        def act():
            clock.passes(cost[name])
            cost[name] = 1.0

        return act

    pairs = paired_timing.by_turns(action("a"), action("b"), 2, clock=clock)
    assert pairs == paired_timing.Pairs((1.0, 1.0), (1.0, 1.0))
    with pytest.raises(ValueError, match=r"^pairs: got 0, need at least 1"):
        paired_timing.by_turns(action("a"), action("b"), 0)


def test_median_and_range():
    assert paired_timing.summary([3.0, 1.0, 2.0]) == {"ratio": 2.0, "low": 1.0, "high": 3.0}


def test_loosest_tolerance_that_is_accurate_enough():
    tolerance, error = loosest(lambda tolerance: np.full(3, 5.0 * tolerance))
    # 5 times 1e-4 is accurate enough and 5 times 3e-4 is not; of the two in between one is.
    assert tolerance == pytest.approx(1e-4 * 3 ** (1 / 3))
    assert error == pytest.approx(5 * tolerance, rel=1e-2)
    with pytest.raises(RuntimeError, match="no tolerance"):
        loosest(lambda tolerance: np.full(3, 1e6 * tolerance))


@pytest.mark.parametrize("probed", [False, True])
def test_solve_ivp_finds_the_density_of_a_gaussian(probed):
    """Diagonal, so that one Rademacher probe is exact too: the comparator computes what it should."""
    data, p = td.Gaussian([0.5, -1.0], [[1.0, 0.0], [0.0, 0.3]]), process()
    x = data.sample(jax.random.key(0), 64)
    key = jax.random.key(1) if probed else None
    found = benchmark_reference.host_flow(td.exact_score(data, p), p, x, 1e-6, key)(1e-5)
    np.testing.assert_allclose(found.log_likelihood, data.log_prob(x), atol=2e-3)
    assert found.evaluations > 20


def test_host_mixture_has_the_moments_of_the_mixture():
    data = mixture(3)
    rows = benchmark_reference.host_mixture(np.random.default_rng(0), data, 40_000)
    mean, cov = data.moments()
    np.testing.assert_allclose(rows.mean(axis=0), mean, atol=0.03)
    np.testing.assert_allclose(np.cov(rows, rowvar=False), cov, atol=0.04)


def test_plain_monte_carlo_has_the_variance_of_its_integrand():
    """For s = -x/(1 + sigma^2) and unit data |s|^2 is chi^2/(1 + sigma^2): E f^2 = int D^2 3/(1 + sigma^2)^2 dt."""
    data, p = td.Gaussian([0.0], [[1.0]]), process()
    t = np.linspace(0.1, 1.0, 20001)
    ratio = 0.9 * np.asarray(p.diffusivity(jnp.asarray(t))) / (1 + np.asarray(p.sigma(jnp.asarray(t))) ** 2)
    expected = 3 * np.mean(ratio**2) - np.mean(ratio) ** 2
    found = benchmark_reference.plain_monte_carlo_variance(
        jax.random.key(0), td.exact_score(data, p), p, data, 0.1, 2**16
    )
    assert found == pytest.approx(expected, rel=0.05)


def test_bare_products_are_all_products_of_a_pass():
    from thermodiff.scores.networks import residual_mlp

    network = residual_mlp(jax.random.key(0), 2, width=8, depth=2)
    forward, to_weights, to_inputs = benchmark_reference.bare_products(network, 6)()
    shapes = {leaf.shape for leaf in jax.tree.leaves(network.params) if leaf.ndim == 2}
    assert {w.shape for w in to_weights.values()} == shapes
    assert len(forward) == len(to_weights) == len(to_inputs) + 2 == 8


@pytest.mark.slow
def test_rows_on_training_run_and_become_a_table(tmp_path, capsys):
    command = ["--preset", "smoke", "--rows", "step 128", "loop", "--pairs", "1", "--step-repeats", "1"]
    enabled = jax.config.jax_enable_compilation_cache
    try:
        assert benchmark.main([*command, "--loop-steps", "2", "--out", str(tmp_path)]) == 0
    finally:
        jax.config.update("jax_enable_compilation_cache", enabled)
    said = capsys.readouterr().out
    assert "at most 1.6" in said
    assert "at least 3" in said


def test_an_unknown_row_is_refused(tmp_path):
    with pytest.raises(SystemExit, match="--rows: got step 7, need some of step 128"):
        benchmark.main(["--rows", "step 7", "--out", str(tmp_path)])


def test_a_row_belongs_to_its_commit_and_machine():
    (cell,) = benchmark.cells(benchmark.Config(rows=("loop",)))
    assert cell["row"] == "loop"
    assert set(benchmark.CELL_KEYS) == cell.keys()
    of_itself = provenance()
    assert {key: of_itself[key] for key in cell if key != "row"} == {
        key: cell[key] for key in cell if key != "row"
    }


def test_marks_are_read_in_their_direction():
    assert benchmark.Mark("", 1.6, at_most=True).reached(1.5)
    assert not benchmark.Mark("", 1.6, at_most=True).reached(1.7)
    assert benchmark.Mark("", 3.0).reached(3.1)
    assert not benchmark.Mark("", 3.0).reached(2.9)
    assert set(benchmark.measurements(benchmark.Config())) == set(benchmark.MARKS)


def test_forward_products_are_those_of_a_token():
    from thermodiff.exploration import Countdown, transformer_policy

    policy = transformer_policy(jax.random.key(0), Countdown(), 8, 2)
    found = benchmark_reference.forward_products(policy, 6)()
    assert sorted(x.shape for x in found.values()) == sorted(
        [(6, 24), (6, 8), (6, 32), (6, 8)] * 2 + [(6, 106)]
    )
