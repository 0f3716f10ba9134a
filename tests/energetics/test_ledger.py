"""The ledger's lines against closed forms (oracles_energetics), for exact scores, wrong ones, and rows."""

import jax
import numpy as np
import oracles_diffusion as oracle
import pytest
from oracles_energetics import gaussian_costs
from problems_diffusion import sub_vp_alpha, sub_vp_sigma
from problems_energetics import process

import thermodiff as td

pytestmark = pytest.mark.usefixtures("double_precision")

SMALL = {"replicates": 16, "points": 8}
START = 1e-9


def near(line, value):
    """Within five standard errors, and what rounding of the averages leaves."""
    return abs(line.mean - value) < 5 * line.stderr + 1e-6


def gaussian_ledger(key, name, mean, cov, factor=1.0, **options):
    data, dynamics = td.Gaussian(mean, cov), process(name)
    score = td.scaled(td.exact_score(data, dynamics), factor)
    return td.energy_ledger(key, score, dynamics, data, **({"t_min": START} | SMALL | options))


TABLE = [
    ("VE25", 1.0, 2.292118, 2.292118),
    ("VE10", 1.0, 1.556704, 1.556704),
    ("VP20", 1.0, 0.0, 0.0),
    ("VE25", 0.25, 2.981421, 2.981421),
    ("VE10", 0.25, 2.232898, 2.232898),
    ("VP20", 0.25, 0.693131, 0.318147),
]
FURTHER = [("cosine", 0.25, 0.693110, 0.318147)]


@pytest.mark.parametrize(
    ("name", "c", "dS", "Sig"), [*TABLE, *(pytest.param(*row, marks=pytest.mark.slow) for row in FURTHER)]
)
def test_the_table_of_closed_forms(key, name, c, dS, Sig):
    ledger = gaussian_ledger(key, name, [0.0], [[c]], nodes=65)
    truth = gaussian_costs(name, [0.0], [c])
    for line, value, printed in (
        (ledger.entropy_drop, truth["dS"], dS),
        (ledger.entropy_production, truth["Sig"], Sig),
        (ledger.bath_entropy, truth["dS"] + truth["Sig"], dS + Sig),
        (ledger.cycle_work, 2 * truth["Sig"], 2 * Sig),
    ):
        assert line.mean == pytest.approx(printed, abs=1.1e-6)
        assert line.mean == pytest.approx(value, abs=1e-7)
        assert line.sense == "="
        assert line.standing == "theorem"
    # By quadrature on the grid and not from the entropies: the exact score's own.
    assert ledger.neural_entropy.mean == pytest.approx(
        truth["Sig"], abs=max(3 * ledger.neural_entropy.quadrature_error, 1e-7)
    )
    assert ledger.action == pytest.approx(truth["Lam"], rel=1e-7)
    assert ledger.seconds == pytest.approx(truth["Lam"] * 1e-6, rel=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "mean", "variances", "Sig"),
    [
        ("VE25", [0.0, 0.0], [1.0, 0.01], 6.881740),
        ("VP20", [0.0, 0.0], [1.0, 0.01], 1.807585),
        ("VE25", [0.6, 0.8], [0.25, 0.25], 5.962841),
        ("VP20", [0.6, 0.8], [0.25, 0.25], 1.136273),
        ("cosine", [0.6, 0.8], [0.25, 0.25], 1.136244),
    ],
)
def test_two_dimensions_off_centre_and_correlated(key, name, mean, variances, Sig):
    """Turned by 0.4: nothing may depend on the axes."""
    turn = np.array([[np.cos(0.4), -np.sin(0.4)], [np.sin(0.4), np.cos(0.4)]])
    ledger = gaussian_ledger(key, name, turn @ mean, turn @ np.diag(variances) @ turn.T)
    assert ledger.entropy_production.mean == pytest.approx(Sig, abs=1.1e-6)
    assert ledger.entropy_production.mean == pytest.approx(
        gaussian_costs(name, mean, variances)["Sig"], abs=1e-7
    )


@pytest.mark.parametrize("zeta", [0.5, 1.0, 4.0])
def test_stochasticity_divides_what_is_dissipated(key, zeta):
    ledger = gaussian_ledger(key, "VP20", [0.0], [[0.25]], stochasticity=zeta)
    Sig = gaussian_costs("VP20", [0.0], [0.25])["Sig"]
    assert ledger.dissipation.mean == pytest.approx(Sig / zeta, abs=1e-7)
    assert ledger.cycle_work.mean == pytest.approx((1 + 1 / zeta) * Sig, abs=1e-7)
    assert ledger.work.mean == pytest.approx((1 + 1 / zeta) * ledger.free_energy.mean, abs=1e-12)
    assert ledger.efficiency.mean == zeta / (1 + zeta)
    assert ledger.seconds == pytest.approx(5.025e-6 * zeta, rel=1e-6)
    assert ledger.joules["cycle_work"].mean == pytest.approx((1 + 1 / zeta) * Sig * 4.141947e-21, rel=1e-6)
    assert ledger.bits["cycle_work"].mean == pytest.approx((1 + 1 / zeta) * Sig / np.log(2), abs=1e-6)


def test_a_flow_has_infinite_heat_and_says_why(key):
    ledger = gaussian_ledger(key, "VP20", [0.0], [[0.25]], stochasticity=0.0)
    assert ledger.cycle_work.mean == np.inf
    assert "no noise" in ledger.cycle_work.note
    assert ledger.entropy_production.mean == pytest.approx(0.318147, abs=1e-6)
    assert ledger.efficiency.mean == 0.0
    assert "inf" in str(ledger)


def test_a_wrong_score_wastes_and_does_not_change_what_the_data_cost(key):
    """s_th = 0.9 s, VE 25, N(0, 1): J = e^2 Lam/2, S_NN = (1 - e)^2 Sig, and the mismatch is J with pi = p_1."""
    ledger = gaussian_ledger(key, "VE25", [0.0], [[1.0]], factor=0.9, stochasticity=2.0)
    Sig = 0.5 * np.log1p((25.0**2 - 1) / (2 * np.log(25.0)))
    assert ledger.entropy_production.mean == pytest.approx(Sig, abs=1e-7)
    assert near(ledger.neural_entropy, 0.81 * Sig)
    assert near(ledger.mismatch, 0.01 * Sig)
    assert near(ledger.waste, 9 / 8 * 0.01 * Sig)
    assert ledger.neural_entropy.standing == "reading"
    # CE(p_0, N(0, 1)) + ELBO = -J: an engine for the wrong model has to be paid.
    assert near(ledger.extraction, -0.01 * Sig)
    assert ledger.extraction_efficiency.standing == "not known"


@pytest.mark.slow
def test_the_neural_entropy_is_the_intrinsic_rates_integral(key):
    """For a shifted score that is neither of the two ends of the bound."""
    data, dynamics = td.Gaussian([0.3], [[0.25]]), process("VP20")
    score = td.shifted(td.exact_score(data, dynamics), np.array([0.2]))
    ledger = td.energy_ledger(key, score, dynamics, data, t_min=1e-3, **SMALL)
    rates = td.entropy_rates(key, score, dynamics, data, t_min=1e-3, **SMALL).integral().intrinsic
    assert ledger.neural_entropy.mean == pytest.approx(float(rates.mean), abs=5 * float(rates.stderr) + 1e-6)


def test_an_off_centre_gaussian_in_the_trap_of_the_process(key):
    """T7: extraction KL(p_0||p_eq) for the exact score, efficiency 1; T8 by the entropies; T9 zero."""
    ledger = gaussian_ledger(key, "VP20", [0.7], [[0.25]], t_min=1e-6)
    alpha, v0 = np.exp(-0.5 * 0.1 * 1e-6), 0.25
    KL = 0.5 * (v0 - 1 - np.log(v0) + 0.49)
    assert ledger.extraction.mean == pytest.approx(KL, abs=1e-5)
    assert ledger.extraction_efficiency.mean == pytest.approx(1.0, abs=1e-5)
    assert ledger.negentropy.mean == pytest.approx(0.0, abs=1e-9)
    schedule = oracle.preserving(0.1, 20.0)

    def conditional(t):  # of N(0, c) seen through alpha, sigma
        return 0.5 * np.log(v0 * schedule.variance(t) / (schedule.alpha(t) ** 2 * v0 + schedule.variance(t)))

    assert alpha == pytest.approx(1.0)
    assert ledger.conditional_entropy.mean == pytest.approx(conditional(1.0) - conditional(1e-6), abs=1e-5)


@pytest.mark.slow
def test_a_drift_that_outlives_the_noise_costs_without_end(key):
    """Sub-VP keeps its drift at t = 0, where its noise is gone: int a^2/D dt diverges like ln(1/t_min)."""
    dynamics, data = td.CustomProcess(sub_vp_alpha, sub_vp_sigma), td.Gaussian([0.0], [[0.25]])
    ledger = td.energy_ledger(key, td.exact_score(data, dynamics), dynamics, data, **SMALL)
    assert ledger.entropy_production.mean == np.inf
    assert "drift does not vanish at t = 0" in ledger.cycle_work.note
    assert "from t_min on" in ledger.cycle_work.note
    assert ledger.entropy_drop.mean < 10
    assert ledger.work.standing == "not known"
    assert "equilibrium of this process moves" in ledger.work.note


def test_rows_have_lower_bounds_and_say_so(key):
    """Of 512 rows of N(0, 1/4) with the true score: Sig >= its certified bound, which is tight for that score."""
    data, dynamics = td.Gaussian([0.0], [[0.25]]), process("VP20")
    rows = data.sample(jax.random.key(5), 512)
    ledger = td.energy_ledger(key, td.exact_score(data, dynamics), dynamics, td.Samples(rows), t_min=1e-6)
    Sig = ledger.entropy_production
    assert Sig.sense == ledger.cycle_work.sense == ">="
    assert ledger.conditional_entropy.sense == "<="
    assert abs(Sig.mean - 0.318147) < 4 * Sig.stderr
    assert ledger.waste.standing == ledger.mismatch.standing == "not known"
    assert "exact score" in ledger.waste.note
    text = str(ledger)
    assert "certified lower bound" in text
    assert "floors of the sampled degrees of freedom" in text
    assert "not known" in text
    record = ledger.to_dict()
    assert record["lines"]["cycle_work"]["sense"] == ">="
    assert record["floor"].startswith("These are floors")


def test_bad_input_gets_one_line(key):
    data, dynamics = td.Gaussian([0.0], [[0.25]]), process("VP20")
    with pytest.raises(ValueError, match=r"stochasticity: got -1\.0, need a number that is 0"):
        td.energy_ledger(key, td.exact_score(data, dynamics), dynamics, data, stochasticity=-1.0)
    with pytest.raises(ValueError, match=r"^hardware: got float, need a td.Hardware, such as td.Hardware\("):
        td.energy_ledger(key, td.exact_score(data, dynamics), dynamics, data, hardware=300.0)
