"""The bounds of theory section 5: in closed form, on the counterexample, and on many wrong scores."""

import jax
import jax.numpy as jnp
import numpy as np
import oracles_diffusion as oracle
import pytest
from problems_diffusion import (
    COV,
    FLOW,
    MEAN,
    PROCESSES,
    SIZES,
    Errors,
    close,
    gaussian,
    mixture,
    unit_gaussian,
)
from scipy.optimize import brentq

import thermodiff as td
from thermodiff.thermodynamics import bounds

VE, SCHEDULE = PROCESSES["VE"]
LAM = np.log1p(SCHEDULE.variance(1.0))

# --- the formulas -------------------------------------------------------------------------------


def test_formulas_on_plain_numbers():
    assert bounds.paper_bound(1.0, 5.0, 3.0) == 1.5
    assert bounds.implied_entropy(5.0, 3.0) == 2.0
    # The bound is midway between the entropy and what the score implies for it.
    assert bounds.paper_bound(1.0, 5.0, 3.0) == 0.5 * (1.0 + bounds.implied_entropy(5.0, 3.0))
    assert float(bounds.certified_elbo_bound(1.0, 9.0, 4.0, 0.5)) == pytest.approx(2.5)
    assert pytest.approx((1 - np.log(2)) / 4) == bounds.FLOW_READING_FLOOR
    weights = np.array([0.5, 1.0, 0.5])
    value = bounds.certified_elbo_rate_bound(
        1.0, np.array([1.0, 4.0, 9.0]), np.array([4.0, 4.0, 1.0]), weights, 0.25
    )
    assert float(value) == pytest.approx(1.0 + 0.5 + 0.0 + 2.0 + 0.25)


def test_kl_of_gaussians():
    prior_mean, prior_cov = np.array([0.5, 0.0]), np.array([[2.0, -0.3], [-0.3, 0.5]])
    expected = oracle.gaussian_kl(MEAN, COV, prior_mean, prior_cov)
    assert float(bounds.gaussian_kl(MEAN, COV, prior_mean, prior_cov)) == pytest.approx(expected, rel=1e-5)
    assert float(bounds.certified_flow_bound(2.0, MEAN, COV, prior_mean, prior_cov)) == pytest.approx(
        2 + expected, rel=1e-5
    )
    assert float(bounds.gaussian_kl(MEAN, COV, MEAN, COV)) == pytest.approx(0.0, abs=1e-6)


def test_rate_bound_is_never_below_the_bound_from_totals():
    """Cauchy-Schwarz in time, equality for a constant ratio."""
    rng = np.random.default_rng(0)
    for _ in range(50):
        a, b, w = rng.gamma(1.0, size=(3, 20))
        rate = float(bounds.certified_elbo_rate_bound(0.0, a, b, w))
        total = float(bounds.certified_elbo_bound(0.0, a @ w, b @ w))
        assert rate >= total * (1 - 1e-5)
        assert float(bounds.certified_elbo_rate_bound(0.0, a, 0.3 * a, w)) == pytest.approx(
            float(bounds.certified_elbo_bound(0.0, a @ w, 0.3 * a @ w)), rel=1e-4
        )


# --- closed forms of wrong Gaussian scores ------------------------------------------------------


@pytest.fixture(scope="module")
def closed_forms():
    """Every number of an audit for 24 random wrong scores, half under VE and half under VP, noise prior or moments."""
    rng = np.random.default_rng(12)
    cases = []
    for i in range(24):
        schedule = PROCESSES["VE" if i % 2 else "VP"][1]
        factor = rng.choice([0.25, rng.uniform(0.5, 1.5)], p=[0.15, 0.85])
        model = oracle.AffineModel(
            schedule,
            MEAN,
            COV,
            factor,
            rng.normal(size=2) * 0.1,
            Errors(angle=rng.normal() * 0.4).rotation(2),
        )
        prior = (np.zeros(2), schedule.variance(1.0) * np.eye(2)) if i % 3 else model.marginal(1.0)
        t_min = 1e-5
        cases.append((model.summary(t_min, *prior), prior))
    return cases


def test_slack_identities_in_closed_form(closed_forms):
    for s, _ in closed_forms:
        terms = bounds.slack_terms(
            s["A"], s["B"], s["C"], s["J"], s["KL"], s["nll"] - s["S0"], s["terminal_excess"] + 2, 2
        )
        slack = {
            "cross_quadratic": s["cross"] - s["bound_quadratic"],
            "elbo_quadratic": s["neg_elbo"] - s["bound_quadratic"],
            "elbo_denoising": s["neg_elbo"] - s["bound_denoising"],
            "flow_flow": s["nll"] - s["bound_flow"],
        }
        for name, value in slack.items():
            assert sum(getattr(terms, name).values()) == pytest.approx(value, abs=1e-7), name
        assert s["neg_elbo"] - s["S0"] == pytest.approx(s["J"] + s["KL"], abs=1e-7)


def test_guarantees_in_closed_form(closed_forms):
    """Each inequality that theory section 5 calls guaranteed, for scores wrong by up to a factor of four."""
    tiny = 1e-8
    seen = set()
    for s, _ in closed_forms:
        assert s["nll"] >= s["S0"] - tiny
        assert s["neg_elbo"] >= s["S0"] - tiny
        assert s["cross"] >= s["bound_quadratic"] - tiny
        assert s["neg_elbo"] >= s["bound_denoising"] - tiny
        assert s["neg_elbo"] >= s["certified_elbo"] - tiny
        assert s["nll"] >= s["certified_flow"] - tiny
        assert s["nll"] >= s["bound_flow"] - 2 * bounds.FLOW_READING_FLOOR - tiny
        if s["terminal_excess"] >= 0:
            seen.add("spread out")
            assert s["nll"] >= s["bound_flow"] - tiny
        if s["B"] >= s["A"]:
            seen.add("B >= A")
            assert s["neg_elbo"] >= s["bound_quadratic"] - tiny
            assert s["bound_quadratic"] <= s["S0"] + tiny
        if s["B"] <= s["A"] / 9:
            seen.add("B <= A/9")
            assert s["neg_elbo"] >= s["bound_quadratic"] - tiny
        if s["neg_elbo"] < s["bound_quadratic"]:
            seen.add("violated")
    assert seen == {"spread out", "B >= A", "B <= A/9", "violated"}


def test_formulas_agree_with_the_closed_forms(closed_forms):
    for s, (prior_mean, prior_cov) in closed_forms:
        assert float(bounds.certified_elbo_bound(s["S0"], s["A"], s["B"], s["KL"])) == pytest.approx(
            s["certified_elbo"], rel=1e-5
        )
        for reading, name in (("quadratic", "S1"), ("denoising", "S1"), ("flow", "prior_entropy")):
            assert bounds.paper_bound(s["S0"], s[name], s[f"integral_{reading}"]) == pytest.approx(
                s[f"bound_{reading}"], rel=1e-9
            )
        # Section 6: the denoising reading implies S0 + J, never too little.
        assert bounds.implied_entropy(s["S1"], s["integral_denoising"]) == pytest.approx(
            s["S0"] + s["J"], abs=1e-7
        )
        assert prior_cov.shape == (2, 2)
        assert prior_mean.shape == (2,)


# --- the counterexample -------------------------------------------------------------------------


@pytest.mark.parametrize("e", [0.01, 0.1, 0.5, 0.66, 0.67, 0.9, -0.05, -0.5])
def test_counterexample_in_closed_form(e):
    """The general oracle against the three formulas of theory section 5, from t = 0 in effect."""
    model = oracle.AffineModel(SCHEDULE, np.zeros(1), np.eye(1), 1 - e)
    s = model.summary(1e-9, *model.marginal(1.0))
    expected = oracle.scaled_score_of_unit_gaussian(e, LAM)
    assert s["A"] == pytest.approx(LAM / 2, abs=1e-7)
    assert s["bound_quadratic"] - s["S0"] == pytest.approx(expected["L_1"], abs=1e-7)
    assert s["nll"] - s["S0"] == pytest.approx(expected["nll"], abs=1e-7)
    assert s["neg_elbo"] - s["S0"] == pytest.approx(expected["neg_elbo"], abs=1e-7)
    assert (expected["neg_elbo"] < expected["L_1"]) == (0 < e < 2 / 3)
    assert (expected["nll"] < expected["L_1"]) == (0 < e < 0.643)


def test_where_the_counterexample_ends():
    """-ELBO at e = 2/3 whatever Lam; NLL_ode at e*(Lam), 0.643 at sigma = 25."""

    def slack(likelihood, Lam):
        def gap(e):
            x = oracle.scaled_score_of_unit_gaussian(e, Lam)
            return x[likelihood] - x["L_1"]

        return gap

    for Lam in (0.5, LAM, 20.0):
        assert brentq(slack("neg_elbo", Lam), 0.1, 0.99) == pytest.approx(2 / 3, abs=1e-6)
    assert brentq(slack("nll", LAM), 0.1, 0.99) == pytest.approx(0.643, abs=5e-4)


@pytest.fixture(scope="module")
def counterexample():
    """A score that is one per cent too small, N(0, 1), VE with sigma = 25: a = 4.58 nats fall short by 0.0228."""
    return td.audit(jax.random.key(3), Errors(0.99).score(unit_gaussian, VE), VE, unit_gaussian, **SIZES)


def test_the_bound_fails_on_a_nearly_perfect_score(counterexample):
    """L_1 - S0 = 0.0228 while NLL_ode - S0 = 0.0005 and -ELBO - S0 = 0.00023."""
    a = counterexample
    expected = oracle.scaled_score_of_unit_gaussian(0.01, LAM)
    np.testing.assert_allclose(
        [expected["L_1"], expected["nll"], expected["neg_elbo"]], [0.02281, 0.00052, 0.00023], atol=5e-6
    )
    # Integrals from t_min, where sigma = 1e-3, leave out sigma^2 of each.
    above = td.Estimate(a["bound_quadratic"].mean - a["S0"].mean, a["bound_quadratic"].stderr, 16)
    close(above, expected["L_1"], FLOW)
    close(a["nll_minus_S0"], expected["nll"], FLOW)
    close(a["elbo_minus_S0"], expected["neg_elbo"], FLOW)
    assert a["slack_quadratic"].mean < -0.02
    assert a["slack_quadratic"].mean < -50 * a["slack_quadratic"].stderr


def test_the_audit_says_that_it_fails_and_that_nothing_guaranteed_does(counterexample):
    rows = {i.name: i for i in counterexample.inequalities}
    for name in ("NLL_ode >= L_1", "-ELBO >= L_1"):
        assert rows[name].verdict == "violated"
        assert rows[name].standing == "observed"
    assert all(i.verdict != "violated" for i in counterexample.inequalities if i.standing == "guaranteed")


@pytest.mark.parametrize(("e", "fails"), [(-0.05, ()), (0.3, ("nll", "elbo")), (0.655, ("elbo",)), (0.7, ())])
def test_the_counterexample_through_the_audit(e, fails):
    a = td.audit(jax.random.key(4), Errors(1 - e).score(unit_gaussian, VE), VE, unit_gaussian, **SIZES)
    expected = oracle.scaled_score_of_unit_gaussian(e, LAM)
    # Quadrature and rounding of numbers of the order of the score's error.
    allowance = FLOW + 2 * a.quadrature_error
    close(a["slack_quadratic"], expected["nll"] - expected["L_1"], allowance)
    close(a["elbo_slack_quadratic"], expected["neg_elbo"] - expected["L_1"], allowance)
    assert (a["slack_quadratic"].mean < 0) == ("nll" in fails)
    assert (a["elbo_slack_quadratic"].mean < 0) == ("elbo" in fails)


# --- the flow's bound at its worst --------------------------------------------------------------


def test_the_floor_of_the_flow_reading_is_attained():
    """q_1 = N(0, s^2/2) for the prior N(0, s^2): NLL_ode lies (1 - ln 2)/4 below L_0 and no theorem is broken."""
    v = SCHEDULE.variance(1.0) + 1
    prior = td.Gaussian([0.0], [[2 * v]])
    a = td.audit(
        jax.random.key(5), Errors().score(unit_gaussian, VE), VE, unit_gaussian, prior=prior, **SIZES
    )
    close(a["slack_flow"], -bounds.FLOW_READING_FLOOR, FLOW)
    close(a["floor_slack_flow"], 0.0, FLOW)
    rows = {i.name: i for i in a.inequalities}
    assert rows["NLL_ode >= L_0"].verdict == "violated"
    assert rows["NLL_ode >= L_0"].standing == "observed"
    assert rows["NLL_ode >= L_0 - d(1 - ln 2)/4"].verdict in ("holds", "within error")


# --- wrong scores of every kind -----------------------------------------------------------------

INJECTED = {
    "exact": Errors(),
    "scaled up": Errors(factor=1.3),
    "scaled down": Errors(factor=0.8),
    "shifted": Errors(shift=0.2),
    "rotated": Errors(angle=0.5),
    "noisy": Errors(amplitude=0.4),
    "all": Errors(0.85, 0.1, 0.3, 0.3),
}
LAWS = {
    "1-d Gaussian VE": (unit_gaussian, "VE"),
    "2-d Gaussian VE": (gaussian, "VE"),
    "2-d Gaussian VP": (gaussian, "VP"),
    "1-d mixture sub-VP": (mixture, "sub-VP"),
}


@pytest.fixture(scope="module", params=LAWS)
def injected(request):
    """An audit for every kind of error, of one law under one process."""
    data, process = LAWS[request.param]
    p, _ = PROCESSES[process]
    return {
        name: td.audit(jax.random.key(i), errors.score(data, p, seed=i), p, data, **SIZES)
        for i, (name, errors) in enumerate(INJECTED.items())
    }


@pytest.mark.parametrize("error", INJECTED)
def test_slack_identities_with_injected_errors(injected, error):
    """Slacks measured without the exact score against terms measured with it: residuals are zero within their error."""
    a = injected[error]
    allowance = FLOW * a.dim + 3 * a.quadrature_error
    names = {i.name for i in a.identities}
    assert names == {"N_th - L_1", "-ELBO - L_1", "-ELBO - L_3", "NLL_ode - L_0"}
    for identity in a.identities:
        close(identity.residual, 0.0, allowance)
        terms = sum(term.mean for term in identity.terms.values())
        assert identity.slack.mean - terms == pytest.approx(identity.residual.mean, abs=1e-9)
    close(a["residual_elbo_gap"], 0.0, allowance)
    close(a["residual_true_rate"], 0.0, allowance)


@pytest.mark.parametrize("error", INJECTED)
def test_nothing_guaranteed_is_violated(injected, error):
    for i in injected[error].inequalities:
        if i.standing == "guaranteed":
            assert i.verdict != "violated", (i.name, i.gap)


def test_the_certified_bound_is_attained_by_a_constant_factor(injected):
    """Equality iff s_th = c s: measured gap of two different estimates of one number."""
    for error in ("scaled up", "scaled down"):
        a = injected[error]
        allowance = FLOW * a.dim + 2 * a.quadrature_error
        close(a["certified_elbo_slack"], 0.0, allowance)
        close(a["certified_elbo_rate_slack"], 0.0, allowance)
    assert injected["noisy"]["certified_elbo_slack"].mean > 0.05


def test_standing_follows_the_rates(injected):
    """B >= A makes L_1 a bound, and puts it below S0."""
    for error, a in injected.items():
        rows = {i.name: i for i in a.inequalities}
        above = a["B_minus_A"].mean > 3 * a["B_minus_A"].stderr
        assert (rows["NLL_ode >= L_1"].standing == "guaranteed") == above
        if above:
            assert rows["NLL_ode >= L_1"].why == "B >= A"
            assert a["bound_quadratic"].mean <= a["S0"].mean + FLOW
        if error in ("exact", "scaled up", "scaled down"):
            assert above == (error == "scaled up")


@pytest.mark.parametrize("draws", [8, pytest.param(100, marks=pytest.mark.slow)])
def test_random_errors_never_break_what_is_certified(draws):
    """Draws of all errors at once on correlated Gaussian data; means of identities' residuals must be honest too."""
    rng = np.random.default_rng(99)
    z = []
    for i in range(draws):
        errors = Errors(
            rng.choice([0.25, rng.uniform(0.6, 1.6)], p=[0.1, 0.9]),
            rng.normal(size=2) * rng.choice([0.0, 0.2]),
            rng.normal() * rng.choice([0.0, 0.5]),
            rng.uniform(0, 0.5) * rng.choice([0.0, 1.0]),
        )
        a = td.audit(jax.random.key(100 + i), errors.score(gaussian, VE, seed=i), VE, gaussian, **SIZES)
        allowance = FLOW * 2 + 3 * a.quadrature_error
        for name in (
            "certified_elbo_slack",
            "certified_elbo_rate_slack",
            "certified_flow_slack",
            "floor_slack_flow",
        ):
            assert a[name].mean > -5 * a[name].stderr - allowance, (errors, name, a[name])
        assert a["elbo_slack_denoising"].mean > -5 * a["elbo_slack_denoising"].stderr - allowance
        rows = {r.name: r for r in a.inequalities}
        if rows["-ELBO >= L_1"].standing == "guaranteed":
            assert rows["-ELBO >= L_1"].verdict != "violated"
        residual = a["residual_elbo_quadratic"]
        z.append(residual.mean / (residual.stderr + allowance / 5))
    assert np.abs(z).max() < 5
    assert abs(np.mean(z)) < 5 / np.sqrt(draws)


def test_vectors_of_rates_are_clipped_not_nan():
    """A moment that noise made negative must not turn the bound into NaN."""
    value = bounds.certified_elbo_rate_bound(0.0, jnp.array([1.0, -1e-6]), jnp.array([1.0, 0.0]), jnp.ones(2))
    assert float(value) == pytest.approx(0.0, abs=1e-6)
