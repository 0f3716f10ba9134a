"""Entropy, dependence and divergence of samples: closed forms, laws, what is refused and what is warned of.

Networks are small and trained for 300 steps: what they leave out has to show in the error bars.
"""

import dataclasses
import json
import re

import jax
import numpy as np
import oracles as oracle
import pytest
import scipy.stats
from problems_information import SMALL, N, gaussian_entropy, gaussian_rows
from scipy.stats import t as student

import thermodiff as td
from thermodiff.information.cross_fitting.negentropy import SIGMA_LOW, canonical
from thermodiff.information.report import estimate_rows, total_error
from thermodiff.information.warnings import (
    few_rows_warning,
    missing_warning,
    spread_warning,
    strong_warning,
    tail_warning,
    training_warning,
)

COV = np.array([[1.0, 0.7, 0.3], [0.7, 1.0, 0.5], [0.3, 0.5, 1.0]])
WEIGHTS = np.array([0.7, 0.3])
MEANS = np.array([[0.6, -0.5], [-0.8, 0.9]])
COVS = np.array([[[0.3, 0.2], [0.2, 0.2]], [[0.1, -0.05], [-0.05, 0.4]]])
LONG = dataclasses.replace(SMALL, training=dataclasses.replace(SMALL.training, steps=1500))
FEW = dataclasses.replace(SMALL, training=dataclasses.replace(SMALL.training, steps=20, chunk=10))


def near(got, expected, z=4.0, allowance=0.0):
    assert abs(got.mean - expected) < z * got.stderr + allowance, (got.mean, got.stderr, expected)


def block_information(cov, first, second):
    """I of two blocks of a Gaussian's coordinates."""

    def log_det(columns):
        return np.linalg.slogdet(cov[np.ix_(columns, columns)])[1]

    return 0.5 * (log_det(first) + log_det(second) - log_det(first + second))


@pytest.fixture(scope="module")
def trio():
    """Three correlated normal columns, far off-centre and in unlike units."""
    z = gaussian_rows(1, np.zeros(3), COV)
    return z * [1.0, 100.0, 0.01] + [50.0, -3.0, 0.0]


@pytest.fixture(scope="module")
def mixture_rows():
    rng = np.random.default_rng(2)
    which = rng.choice(2, N, p=WEIGHTS)
    roots = np.linalg.cholesky(COVS)
    return MEANS[which] + np.einsum("nij,nj->ni", roots[which], rng.normal(size=(N, 2)))


@pytest.fixture(scope="module")
def mixture_answer(mixture_rows):
    return td.data_entropy(jax.random.key(1), mixture_rows, settings=SMALL)


@pytest.fixture(scope="module")
def pair_answer(trio):
    return td.mutual_information(jax.random.key(2), trio[:, :1], trio[:, 1:2], settings=SMALL)


# --- entropy --------------------------------------------------------------------------------------


def test_entropy_of_a_correlated_gaussian_far_from_the_origin(trio):
    units = np.diag([1.0, 100.0])
    got = td.data_entropy(jax.random.key(0), trio[:, :2], settings=SMALL)
    near(got, gaussian_entropy(units @ COV[:2, :2] @ units))
    assert abs(got.terms["negentropy"]) < 0.05
    assert got.n == N


def test_entropy_of_a_skewed_mixture(mixture_answer):
    def integrand(x):
        log_p = oracle.mixture_log_density(x, WEIGHTS, MEANS, COVS)
        return -np.exp(log_p) * log_p

    marks = np.linspace(-6, 6, 17)
    near(mixture_answer, oracle.plane_integral(integrand, marks, marks))
    assert mixture_answer.terms["negentropy"] > 0.2


@pytest.mark.slow
def test_entropy_of_long_tails():
    """Student-t(2), which has no variance, through the bent map."""
    x = student(2, 3.0, 0.2).rvs(size=(N, 1), random_state=3)
    got = td.data_entropy(jax.random.key(3), x, settings=SMALL)
    near(got, student(2, 3.0, 0.2).entropy())
    assert not any("standard deviations out" in warning for warning in got.warnings)


def test_terms_add_up(mixture_answer):
    terms = mixture_answer.terms
    total = terms["gaussian"] + terms["marginal map"] + terms["truncation"] - terms["negentropy"]
    assert total == pytest.approx(mixture_answer.mean, abs=1e-9)
    assert sum(mixture_answer.summands.values()) == pytest.approx(total, abs=1e-12)
    assert terms["truncation"] < 0
    low, high = mixture_answer.bracket
    assert low <= mixture_answer.mean <= high
    assert 0.5 * (low + high) == pytest.approx(mixture_answer.mean, abs=1e-9)


def test_units_move_the_entropy_and_nothing_else(mixture_rows, mixture_answer):
    factors = np.array([1e-3, -40.0])
    got = td.data_entropy(jax.random.key(1), mixture_rows * factors + 1.0, settings=SMALL)
    # A mirrored coordinate is another training, which may take another map: the same but for what these differ by.
    near(got, mixture_answer.mean + np.log(np.abs(factors)).sum(), z=2.0)
    # No coordinate mirrored and a power of two: the same numbers reach the networks.
    got = td.data_entropy(jax.random.key(1), 8 * mixture_rows, settings=SMALL)
    assert got.mean - 2 * np.log(8) == pytest.approx(mixture_answer.mean, abs=1e-6)
    assert got.stderr == pytest.approx(mixture_answer.stderr, abs=1e-6)


def assert_slope_is_one(true, values):
    """Values are the truth of their row and noise that knows nothing of it: regressed on it they rise as it does."""
    apart = true - true.mean()
    slope = apart @ values / (apart @ apart)
    noise = values - values.mean() - slope * apart
    error = np.sqrt(np.sum((apart * noise) ** 2)) / (apart @ apart)
    assert abs(slope - 1) < 4 * error


def test_values_by_row_and_their_correction_make_the_estimate(
    mixture_rows, mixture_answer, trio, pair_answer
):
    """And each value is that row's: -ln p of the mixture, the density ratio of the pair."""
    for answer in (mixture_answer, pair_answer):
        values, correction = answer.pointwise
        assert values.shape == (N,)
        assert values.mean() + correction == pytest.approx(answer.mean, abs=1e-6)
    true = -oracle.mixture_log_density(mixture_rows, WEIGHTS, MEANS, COVS)
    assert_slope_is_one(true, mixture_answer.pointwise.values)
    x, y = ((trio - [50.0, -3.0, 0.0]) / [1.0, 100.0, 0.01])[:, :2].T
    ratio = -0.5 * np.log(1 - 0.49) - 0.5 * ((y - 0.7 * x) ** 2 / 0.51 - y**2)
    assert_slope_is_one(ratio, pair_answer.pointwise.values)


def test_the_same_key_gives_the_same_answer(mixture_rows, mixture_answer):
    again = td.data_entropy(jax.random.key(1), mixture_rows, settings=SMALL)
    assert again == mixture_answer
    other = td.data_entropy(jax.random.key(11), mixture_rows, settings=SMALL)
    assert other.mean != mixture_answer.mean
    assert abs(other.mean - mixture_answer.mean) < 4 * mixture_answer.stderr


@pytest.mark.slow
def test_entropies_of_independent_columns_add(mixture_rows):
    """Additive within errors: each column's own, and the pair's after the columns were shuffled apart."""
    rng = np.random.default_rng(4)
    apart = np.column_stack([mixture_rows[:, 0], rng.permutation(mixture_rows[:, 1])])
    pair = td.data_entropy(jax.random.key(4), apart, settings=SMALL)
    alone = [td.data_entropy(jax.random.key(4), apart[:, [j]], settings=SMALL) for j in range(2)]
    # The rows are shared: sampling errors are common, and what is left is the networks'.
    near(pair, sum(a.mean for a in alone))


def test_conditional_entropy_and_the_chain_rule(trio):
    x, y = trio[:, :1], trio[:, 1:2]
    key = jax.random.key(5)
    got = td.conditional_entropy(key, x, y, settings=SMALL)
    near(got, gaussian_entropy(COV[0, 0] - COV[0, 1] ** 2 / COV[1, 1]))
    pair = td.data_entropy(key, trio[:, :2], settings=SMALL)
    condition = td.data_entropy(key, y, settings=SMALL)
    # Other networks: what is left of their difference is in the brackets, and the sampling error is common.
    apart = np.hypot(pair.bracket[1] - pair.bracket[0], got.bracket[1] - got.bracket[0])
    assert got.mean + condition.mean == pytest.approx(pair.mean, abs=0.01 + apart)


# --- dependence -----------------------------------------------------------------------------------


def test_mutual_information_of_gaussians(pair_answer):
    near(pair_answer, -0.5 * np.log(1 - 0.7**2))
    assert abs(pair_answer.terms["beyond gaussian"]) < 0.03
    assert sum(pair_answer.terms.values()) == pytest.approx(pair_answer.mean, abs=1e-9)


def test_mutual_information_is_symmetric(trio, pair_answer):
    other = td.mutual_information(jax.random.key(2), trio[:, 1:2], trio[:, :1], settings=SMALL)
    assert abs(other.mean - pair_answer.mean) < 0.02


def test_mutual_information_knows_ranks_only(trio, pair_answer):
    """Increasing maps of single coordinates change nothing at all."""
    z = (trio - [50.0, -3.0, 0.0]) / [1.0, 100.0, 0.01]
    got = td.mutual_information(jax.random.key(2), np.exp(3 * z[:, :1]), z[:, 1:2] ** 3, settings=SMALL)
    assert got.mean == pytest.approx(pair_answer.mean, abs=1e-6)
    assert got.stderr == pytest.approx(pair_answer.stderr, abs=1e-6)


def test_independent_columns_share_nothing():
    rng = np.random.default_rng(6)
    x, y = rng.exponential(size=(N, 1)), rng.uniform(-1, 1, size=(N, 1))
    got = td.mutual_information(jax.random.key(6), x, y, settings=SMALL)
    assert abs(got.mean) < 3 * got.stderr


def test_dependence_without_correlation():
    """y = x^2 + noise: zero correlation, and I = S(y) - S(noise) by quadrature."""
    rng = np.random.default_rng(70)
    x = rng.normal(size=(N, 1))
    y = x**2 + 0.5 * rng.normal(size=(N, 1))
    nodes, weights = np.polynomial.hermite_e.hermegauss(200)
    values = np.linspace(-3, 30, 20_001)
    p = np.exp(-0.5 * ((values[:, None] - nodes**2) / 0.5) ** 2) @ weights / (2 * np.pi * 0.5)
    step = values[1] - values[0]
    assert p.sum() * step == pytest.approx(1, abs=1e-3)
    expected = -np.sum(p * np.log(np.maximum(p, 1e-300))) * step - gaussian_entropy([[0.25]])
    got = td.mutual_information(jax.random.key(7), x, y, settings=SMALL)
    near(got, expected)
    assert abs(got.terms["gaussian"]) < 0.05 < got.terms["beyond gaussian"]


@pytest.mark.slow
def test_conditional_mutual_information_and_the_chain_rule(trio):
    x, y, w = (trio[:, [j]] for j in range(3))
    key = jax.random.key(8)
    got = td.mutual_information(key, x, y, given=w, settings=SMALL)
    inverse = np.linalg.inv(COV)
    partial = -inverse[0, 1] / np.sqrt(inverse[0, 0] * inverse[1, 1])
    near(got, -0.5 * np.log(1 - partial**2))
    assert got.quantity == "conditional mutual information"
    # I(x; y, w) = I(x; w) + I(x; y | w), on the same folds and noise.
    both = td.mutual_information(key, x, np.hstack([y, w]), settings=SMALL)
    near(both, block_information(COV, [0], [1, 2]))
    alone = td.mutual_information(key, x, w, settings=SMALL)
    assert abs(both.mean - alone.mean - got.mean) < 0.02 + 2 * both.stderr


@pytest.mark.slow
def test_total_correlation(trio):
    got = td.total_correlation(jax.random.key(9), trio, settings=SMALL)
    near(got, -0.5 * np.linalg.slogdet(COV)[1])
    # Of two columns it is their mutual information, by another network.
    pair = td.total_correlation(jax.random.key(2), trio[:, :2], settings=SMALL)
    same = td.mutual_information(jax.random.key(2), trio[:, :1], trio[:, 1:2], settings=SMALL)
    assert pair.mean == pytest.approx(same.mean, abs=0.02)
    assert pair.terms["gaussian"] == pytest.approx(same.terms["gaussian"], abs=1e-4)


# --- divergence -----------------------------------------------------------------------------------


def test_divergence_of_shifted_and_scaled_gaussians():
    mean, cov = np.array([1.0, -0.5]), np.array([[2.0, -0.4], [-0.4, 0.8]])
    q_cov = COV[:2, :2]
    p, q = gaussian_rows(10, 7 + mean, cov), gaussian_rows(11, [7.0, 7.0], q_cov)
    expected = 0.5 * (
        np.trace(np.linalg.solve(q_cov, cov))
        + mean @ np.linalg.solve(q_cov, mean)
        - 2
        + np.linalg.slogdet(q_cov)[1]
        - np.linalg.slogdet(cov)[1]
    )
    got = td.kl_divergence(jax.random.key(10), p, q, settings=SMALL)
    near(got, expected)
    assert got.terms["cross entropy"] - got.terms["entropy"] == pytest.approx(got.mean, abs=1e-9)


SIDE_BY_SIDE = np.random.default_rng(12).normal(size=(200, 2)) @ [[1.0, 0.3], [0.0, 1.0]] + [5.0, -2.0]


@pytest.mark.parametrize(
    ("y", "among"),
    [
        (SIDE_BY_SIDE, ["x0, y0", "x1, y1", "x0, x1, y0, y1"]),
        (np.exp(SIDE_BY_SIDE[:, :1]), ["x0, y0"]),
        (-(SIDE_BY_SIDE[:, 1:] ** 3), ["x1, y0"]),
        (SIDE_BY_SIDE @ [[3.0], [-2.0]] + 7.0, ["x0, x1, y0"]),
    ],
)
def test_a_column_that_another_gives(key, y, among):
    """Infinite mutual information and total correlation are refused, of one column and of two."""
    listed = "|".join(re.sub(r"([xy])(\d)", r"\1\\[:, \2\\]", some) for some in among)
    message = "^columns: got ({}), one of them given by the others, need columns with noise of their own"
    with pytest.raises(ValueError, match=message.format(listed)):
        td.mutual_information(key, SIDE_BY_SIDE, y, settings=SMALL)
    if y.shape[1] == 1:
        message = message.format("samples.*")
        with pytest.raises(ValueError, match=rf"{message}|^samples: got linearly dependent columns"):
            td.total_correlation(key, np.hstack([SIDE_BY_SIDE, y]), settings=SMALL)


@pytest.mark.parametrize(("noise", "n"), [(0.03, 1500), (0.01, 10_000), (0.003, 10_000)])
def test_what_ranks_lose_of_a_strong_dependence(noise, n):
    """3 exp(I)/n nats, by the Gaussian formula before and after ranks; and the warning says it."""
    lost = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=n)
        pair = np.stack([x, x + noise * rng.normal(size=n)])
        ranks = scipy.stats.norm.ppf((scipy.stats.rankdata(pair, axis=1) - 0.5) / n)
        raw, mapped = (-0.5 * np.log1p(-(np.corrcoef(z)[0, 1] ** 2)) for z in (pair, ranks))
        lost.append(raw - mapped)
    strength = 0.5 * np.log1p(noise**-2)
    expected = 3 * np.exp(strength) / n
    assert np.mean(lost) == pytest.approx(expected, rel=0.5)
    (warning,) = strong_warning(strength, n)
    assert f"lose {expected:.2f} or more" in warning
    assert strong_warning(strength, 100_000 if noise > 0.005 else 1_000_000) == []


@pytest.mark.slow
def test_divergence_of_equal_laws(mixture_rows):
    """300 steps are too few here, and the answer says so; 1500 are enough."""
    other = td.GaussianMixture(WEIGHTS, MEANS, COVS).sample(jax.random.key(12), N)
    got = td.kl_divergence(jax.random.key(12), mixture_rows, other, settings=LONG)
    assert abs(got.mean) < 3 * got.stderr
    assert sum(got.summands.values()) == pytest.approx(got.mean, abs=1e-6)


# --- held-out rows, and scores that are given ---------------------------------------------------------


def test_cross_entropy_of_gaussian_rows(trio):
    test = gaussian_rows(13, np.zeros(3), COV)[:, :2] * [1.0, 100.0] + [50.0, -3.0]
    units = np.diag([1.0, 100.0])
    got = td.cross_entropy(jax.random.key(13), trio[:, :2], test, settings=SMALL)
    near(got, gaussian_entropy(units @ COV[:2, :2] @ units))
    assert got.quantity == "cross entropy"
    assert sum(got.summands.values()) == pytest.approx(got.mean, abs=1e-9)


@pytest.mark.parametrize("process", [canonical(), td.VariancePreserving()], ids=["canonical", "VP"])
def test_entropy_from_an_exact_score(process, mixture_rows):
    law = td.GaussianMixture(WEIGHTS, MEANS, COVS)
    got = td.entropy_from_score(jax.random.key(14), td.exact_score(law, process), process, mixture_rows)

    def integrand(x):
        log_p = oracle.mixture_log_density(x, WEIGHTS, MEANS, COVS + SIGMA_LOW**2 * np.eye(2))
        return -np.exp(log_p) * log_p

    marks = np.linspace(-6, 6, 17)
    near(got, oracle.plane_integral(integrand, marks, marks))
    assert got.warnings == ()
    assert sum(got.summands.values()) == pytest.approx(got.mean, abs=1e-9)


@pytest.mark.parametrize("unit", [1e-3, 1e3])
def test_entropy_from_a_score_in_any_unit(unit, mixture_rows):
    """Rows, law and process in another unit: d ln(unit) more, to rounding, as the noise is in widths of the rows."""
    found = []
    for scale in (1.0, unit):
        law = td.GaussianMixture(WEIGHTS, scale * MEANS, scale**2 * COVS)
        process = td.GeometricVarianceExploding(1e-4 * scale, 100.0 * scale)
        score = td.exact_score(law, process)
        found.append(td.entropy_from_score(jax.random.key(14), score, process, scale * mixture_rows))
    assert found[1].mean - found[0].mean == pytest.approx(2 * np.log(unit), abs=1e-3)
    assert found[1].warnings == ()


def test_a_process_that_ends_too_early_for_the_rows_says_so(mixture_rows):
    law, process = td.GaussianMixture(WEIGHTS, 10 * MEANS, 100 * COVS), td.VarianceExploding(2.0)
    found = td.entropy_from_score(
        jax.random.key(14), td.exact_score(law, process), process, 10 * mixture_rows
    )
    assert found.warnings[0].startswith("the process ends at a noise of 1.47, where rows")
    with pytest.raises(
        ValueError, match=r"^samples: got rows at least .* noise ends at 1\.47, need the units"
    ):
        td.entropy_from_score(jax.random.key(14), td.exact_score(law, process), process, 1e5 * mixture_rows)


def test_a_rate_that_diverges_loses(trio):
    """One of two rates ends in NaN: the other is taken, and the estimate is that of the other alone."""
    wild = dataclasses.replace(SMALL, rates=(1e30, 1.0))
    found = td.data_entropy(jax.random.key(3), trio[:, :2], settings=wild)
    alone = td.data_entropy(jax.random.key(3), trio[:, :2], settings=dataclasses.replace(SMALL, rates=(1.0,)))
    assert found.mean == pytest.approx(alone.mean, abs=1e-6)


def test_more_folds_than_rows_to_judge_by_are_refused(trio):
    with pytest.raises(ValueError, match=r"^folds: got 90 of .* rows, need .* at most: 10 rows a fold"):
        td.data_entropy(jax.random.key(0), trio[:800, :2], settings=dataclasses.replace(SMALL, folds=90))


def test_a_wrong_score_costs_entropy_and_is_noticed(mixture_rows):
    law = td.GaussianMixture(WEIGHTS, MEANS, COVS)
    exact = td.exact_score(law, canonical())
    right = td.entropy_from_score(jax.random.key(14), exact, canonical(), mixture_rows)
    wrong = td.entropy_from_score(jax.random.key(14), td.scaled(exact, 1.3), canonical(), mixture_rows)
    # J = int 0.09 E|n|^2 d ell, from above; d ln(sigma_high/sigma_0) is most of int E|n|^2.
    assert wrong.mean > right.mean + 0.2
    assert any("far from the score" in warning for warning in wrong.warnings)


# --- what is refused ------------------------------------------------------------------------------


def test_arguments_that_do_not_fit(trio):
    key = jax.random.key(0)
    x, y = trio[:, :1], trio[:, 1:2]
    repeated = np.repeat(trio[:50], 4, axis=0)
    cases = [
        (lambda: td.data_entropy(key, trio[:59]), "samples: got 59 rows, need at least 60"),
        (lambda: td.data_entropy(key, repeated), "samples: got"),
        (lambda: td.data_entropy(key, trio * [1, 0, 1]), r"samples: got constant column\(s\) \[1\]"),
        (lambda: td.data_entropy(key, trio[:, 0]), r"samples: got shape \(900,\)"),
        (lambda: td.data_entropy(key, np.where(trio > 300, np.nan, trio)), "samples: got . NaN"),
        (lambda: td.data_entropy(key, trio, marginals=td.Gaussianise), "marginals: got Gaussianise"),
        (lambda: td.mutual_information(key, x, y[1:]), "y: got 899 rows, need as many as x has, 900"),
        (lambda: td.mutual_information(key, x, y, given=y[1:]), "given: got 899 rows, need as many as x has"),
        (lambda: td.conditional_entropy(key, x, y[1:]), "given: got 899 rows, need as many as samples has"),
        (lambda: td.total_correlation(key, x), "samples: got one column, need at least two"),
        (
            lambda: td.kl_divergence(key, trio, x),
            "samples_q: got 1 columns, need as many as samples_p has, 3",
        ),
        (
            lambda: td.cross_entropy(key, trio, x),
            r"test: got shape \(900, 1\), need an array of shape \(n, 3\)",
        ),
        (
            lambda: td.entropy_from_score(key, lambda x, t: x[:1], canonical(), trio),
            "score: got an output of shape",
        ),
    ]
    for call, message in cases:
        with pytest.raises(ValueError, match=message):
            call()


# --- the report -----------------------------------------------------------------------------------


def made(**changes):
    values = {
        "quantity": "entropy",
        "mean": 1.25,
        "stderr": 0.1,
        "n": 500,
        "bracket": (1.1, 1.4),
        "terms": {"gaussian": 1.5, "negentropy": 0.25},
        "readings": {"quadratic": td.Estimate(1.3, 0.02, 500)},
        "warnings": ("distrust this",),
    }
    return td.Information(**(values | changes))


def test_interval():
    low, high = made().interval()
    assert (low, high) == (pytest.approx(1.25 - 0.164485, abs=1e-5), pytest.approx(1.25 + 0.164485, abs=1e-5))
    assert made().interval(0.5)[1] == pytest.approx(1.25 + 0.067449, abs=1e-5)
    for level in (0.0, 1.0, -0.1, 1.5):
        with pytest.raises(ValueError, match="level: got"):
            made().interval(level)
    assert made().estimate == td.Estimate(1.25, 0.1, 500)


def test_what_is_printed():
    text = str(made())
    for part in ("entropy: 1.25 ± 0.10 nats", "n = 500", "1.10 to 1.40"):
        assert part in text, part
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert {"gaussian +1.50", "less negentropy -0.25"} < set(lines), "what is printed adds up to 1.25"
    assert "held out, quadratic reading" in text
    assert text.endswith("  warning: distrust this")
    assert "warning" not in str(made(warnings=()))
    divergence = made(terms={"cross entropy": -0.35, "entropy": -1.6})
    assert (
        "  cross entropy                       -0.35\n  less entropy                        +1.60\n"
        in str(divergence)
    )


def test_bits():
    bits, per_column = made().in_bits(), made().in_bits(2)
    assert (bits.unit, per_column.unit) == (bits.to_dict()["unit"], "bits/dim") == ("bits", "bits/dim")
    assert bits.mean == pytest.approx(1.25 / np.log(2), rel=1e-12)
    assert per_column.stderr == pytest.approx(0.05 / np.log(2), rel=1e-12)
    assert bits.interval()[1] == pytest.approx(made().interval()[1] / np.log(2), rel=1e-12)
    assert bits.terms["gaussian"] == pytest.approx(1.5 / np.log(2), rel=1e-12)
    assert str(bits).startswith("entropy: 1.80 ± 0.14 bits   (n = 500, 90 % from 1.57 to 2.04)")
    with pytest.raises(ValueError, match=r"^unit: got an answer in bits, need one in nats$"):
        bits.in_bits()


def test_to_dict_is_plain(mixture_answer, pair_answer):
    for answer in (made(), mixture_answer, pair_answer):
        back = json.loads(json.dumps(answer.to_dict()))
        assert back["mean"] == answer.mean
        assert back["bracket"] == list(answer.bracket)
        assert back["interval_90"] == list(answer.interval())
        assert back["warnings"] == list(answer.warnings)
    assert set(mixture_answer.readings) == {"quadratic", "divergence", "denoising"}


def test_errors_add_in_squares():
    """0, 2, 0, 2, ...: variance 1 (ddof 1: n/(n - 1)); a bracket of width 1.2 is uniform over it."""
    values = np.tile([0.0, 2.0], 50)
    sampling = np.sqrt(100 / 99) / 10
    assert estimate_rows(values).stderr == pytest.approx(sampling)
    assert total_error(values, (0.4, 1.6)) == pytest.approx(np.sqrt(sampling**2 + 1.2**2 / 12))
    assert total_error(values, (0.4, 1.6), 0.3) == pytest.approx(np.sqrt(sampling**2 + 1.2**2 / 12 + 0.09))


def test_warnings_fire_where_they_should_and_only_there():
    rng = np.random.default_rng(15)
    rows = rng.normal(size=400)
    assert spread_warning(rows, rows + 0.05) == []
    assert "differ by -0.20000 ± <0.00001 nats" in spread_warning(rows, rows + 0.2)[0]
    assert "differ by -0.228 ± 0.047 nats" in spread_warning(rows, rows + 0.2 + rng.normal(size=400))[0]
    assert spread_warning(rows, rows + rng.normal(size=400) * 20 + 1) == []
    assert missing_warning(0.09, 0.03, 2) == []
    assert "still to be learned: about 0.110 ± 0.040 nats" in missing_warning(-0.11, 0.04, 2)[0]
    assert training_warning([100, 250], 300) == []
    assert "1 of 2 trainings were still improving at step 300" in training_warning([100, 300], 300)[0]
    assert tail_warning(rows[:, None], ["x[:, 0]"]) == []
    far = tail_warning(np.array([[0.0, -20.0], [1.0, 3.0]]), ["x[:, 0]", "y[:, 'age']"])
    assert far == ["y[:, 'age'] has a value 20 standard deviations out: an outlier, or a long tail"]
    assert few_rows_warning(30, 3) == []
    assert "29 rows for 3 dimensions" in few_rows_warning(29, 3)[0]


def test_warnings_reach_the_answer():
    """One value far out, networks cut off after 20 steps."""
    x = gaussian_rows(17, np.zeros(2), np.eye(2))
    x[3, 0] = 1e4
    got = td.data_entropy(jax.random.key(16), x, marginals=td.Standardise, settings=FEW)
    text = "\n".join(got.warnings)
    assert "samples[:, 0] has a value 30 standard deviations out" in text
    assert "still improving at step 20" in text
    # The bent map does not mind, and neither does the estimate.
    assert "samples[:, 0]" not in "\n".join(td.data_entropy(jax.random.key(16), x, settings=FEW).warnings)
