"""Laws that hold for any rollouts: of pass@k and of what is written to a file and read again."""

import json
from fractions import Fraction
from math import comb

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from thermodiff.exploration.boundary.pass_at_k import pass_at_k
from thermodiff.exploration.boundary.shift import boundary_shift
from thermodiff.exploration.loading import load_rollouts
from thermodiff.exploration.rollouts import Counts

SAMPLES = st.integers(1, 12)
PAIRS = st.lists(
    SAMPLES.flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=1, max_size=20
).map(lambda pairs: Counts(*np.array(pairs).T))


@given(PAIRS)
def test_pass_at_k_is_exact_never_falls_and_bends_down(counts):
    got = pass_at_k(counts).mean
    ks = range(1, counts.samples.min() + 1)
    pairs = list(zip(counts.correct.tolist(), counts.samples.tolist(), strict=True))
    exact = [1 - sum(Fraction(comb(n - c, k), comb(n, k)) for c, n in pairs) / len(pairs) for k in ks]
    np.testing.assert_allclose(got, [float(value) for value in exact], rtol=0, atol=1e-12)
    gains = np.diff(np.r_[0.0, got])
    assert (gains >= -1e-12).all(), "another rollout solves no fewer"
    assert (np.diff(gains) <= 1e-12).all(), "and each one adds no more than the one before"


@given(PAIRS, st.randoms(use_true_random=False))
def test_the_order_of_problems_says_nothing(counts, random):
    order = list(range(len(counts.correct)))
    random.shuffle(order)
    shuffled = Counts(counts.correct[order], counts.samples[order])
    one, other = pass_at_k(counts, 1), pass_at_k(shuffled, 1)
    np.testing.assert_allclose([one.mean, one.stderr], [other.mean, other.stderr], rtol=1e-9, atol=1e-15)


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=2, max_size=12))
def test_what_one_policy_loses_the_other_gains(pairs):
    first, second = (Counts(np.array(c), np.full(len(c), 6)) for c in zip(*pairs, strict=True))
    there, back = (boundary_shift(*pair, 3, resamples=1) for pair in ((first, second), (second, first)))
    np.testing.assert_allclose(there.lost.mean, back.gained.mean, rtol=1e-12)
    np.testing.assert_allclose(there.distance.mean, back.distance.mean, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(
        there.lost.mean - there.gained.mean,
        len(pairs) * (pass_at_k(first, 3).mean - pass_at_k(second, 3).mean),
        atol=1e-10,
    )


@given(
    st.lists(
        st.tuples(st.text(min_size=1, max_size=5), st.lists(st.booleans(), min_size=1, max_size=4)),
        min_size=1,
        max_size=8,
        unique_by=lambda problem: problem[0].strip(),
    )
)
def test_counts_survive_a_file(tmp_path_factory, problems):
    path = tmp_path_factory.mktemp("any") / "rollouts.jsonl"
    rows = [
        {"problem_id": f"p{name}", "sample": i, "correct": answer}
        for name, answers in problems
        for i, answer in enumerate(answers)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    counts = load_rollouts(path).counts()
    assert counts.problems.tolist() == [f"p{name}" for name, _ in problems]
    assert counts.correct.tolist() == [sum(answers) for _, answers in problems]
    assert counts.samples.tolist() == [len(answers) for _, answers in problems]
