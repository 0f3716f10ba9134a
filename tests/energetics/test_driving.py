"""Action, path length, Wasserstein brackets and overheads against closed forms; the uncertainty relation's bound."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from oracles_energetics import SCHEDULES, gaussian_costs
from problems_energetics import process

import thermodiff as td

pytestmark = pytest.mark.usefixtures("double_precision")

SMALL = {"replicates": 4, "points": 8, "flow_points": 8, "t_min": 1e-9}


def driven(key, name, mean, cov, **options):
    data, dynamics = td.Gaussian(mean, cov), process(name)
    return td.driving_cost(key, td.exact_score(data, dynamics), dynamics, data, **(SMALL | options))


def check_against_closed_forms(cost, truth, overhead_schedule, overhead_path):
    assert cost.entropy_production.mean == pytest.approx(truth["Sig"], abs=1e-7)
    assert cost.action == pytest.approx(truth["Lam"], rel=1e-7)
    for measured, true in ((cost.path_length, truth["L"]), (cost.kinetic, truth["kinetic"])):
        assert measured.mean == pytest.approx(true, abs=3 * measured.quadrature_error + 1e-6 * true)
    assert cost.wasserstein_low.mean == pytest.approx(truth["W2"], rel=1e-6)
    assert cost.wasserstein_low.stderr == 0.0
    # Printed to four digits; the quadrature error of L on the default grid is below a unit of the last.
    assert cost.overhead_schedule.mean == pytest.approx(overhead_schedule, abs=2e-4)
    assert cost.overhead_path[1].mean == pytest.approx(overhead_path, abs=2e-4)
    low, high = cost.efficiency
    assert low.mean * (1 - 1e-9) <= high.mean <= 1 + 1e-6  # equal in one dimension, up to rounding


@pytest.mark.parametrize(
    ("name", "c", "overhead"),
    [
        pytest.param("VE25", 1.0, 1.4037, marks=pytest.mark.slow),
        pytest.param("VE10", 1.0, 1.1942, marks=pytest.mark.slow),
        pytest.param("VE25", 0.25, 1.6500, marks=pytest.mark.slow),
        pytest.param("VE10", 0.25, 1.3846, marks=pytest.mark.slow),
        ("VP20", 0.25, 6.3952),
        pytest.param("cosine", 0.25, 5.8614, marks=pytest.mark.slow),
    ],
)
def test_the_table_of_closed_forms(key, name, c, overhead):
    """In one dimension the path is the straight one: all overhead is the schedule's, the flow the optimal map."""
    cost = driven(key, name, [0.0], [[c]])
    truth = gaussian_costs(name, [0.0], [c])
    check_against_closed_forms(cost, truth, overhead, 1.0)
    assert cost.wasserstein_high.mean == pytest.approx(truth["W2"], rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "mean", "variances", "schedule", "path"),
    [
        ("VE25", [0.0, 0.0], [1.0, 0.01], 1.8959, 1.0103),
        ("VP20", [0.0, 0.0], [1.0, 0.01], 11.2143, 1.0000),
        ("cosine", [0.0, 0.0], [1.0, 0.01], 10.2780, 1.0000),
        ("VE25", [0.6, 0.8], [0.25, 0.25], 1.6500, 1.0000),
        ("VP20", [0.6, 0.8], [0.25, 0.25], 3.4497, 1.1132),
        ("cosine", [0.6, 0.8], [0.25, 0.25], 3.1783, 1.1124),
    ],
)
def test_two_dimensions_off_centre_and_correlated(key, name, mean, variances, schedule, path):
    turn = np.array([[np.cos(0.4), -np.sin(0.4)], [np.sin(0.4), np.cos(0.4)]])
    cost = driven(key, name, turn @ mean, turn @ np.diag(variances) @ turn.T)
    check_against_closed_forms(cost, gaussian_costs(name, mean, variances), schedule, path)


MIXTURE = td.GaussianMixture(
    [0.3, 0.7], [[-2 / 1.5], [1 / 1.5]], [[[(0.4 / 1.5) ** 2]], [[(0.6 / 1.5) ** 2]]]
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "Sig", "L2", "W2", "gelbrich", "schedule", "path"),
    [
        ("VE25", 2.722896, 82.206609, 80.542299, 79.351508, 1.6053, 1.0207),
        ("VP20", 0.419804, 0.162882, 0.125535, 0.004566, 12.9511, 1.2975),
        ("cosine", 0.419803, 0.162698, 0.125505, None, 11.8825, 1.2963),
    ],
)
def test_a_mixture(key, name, Sig, L2, W2, gelbrich, schedule, path):
    """In one dimension the flow is the optimal map, so that the upper end is W2^2 itself; the lower may be useless."""
    dynamics = process(name)
    sizes = {"replicates": 8, "points": 512, "flow_points": 256, "t_min": 1e-7, "nodes": 257}
    cost = td.driving_cost(key, td.exact_score(MIXTURE, dynamics), dynamics, MIXTURE, **sizes)
    assert cost.entropy_production.mean == pytest.approx(Sig, abs=2e-6)
    L = cost.path_length
    allowed = 2 * L.mean * (5 * L.stderr + 3 * L.quadrature_error)
    assert L.mean**2 == pytest.approx(L2, abs=allowed + 1e-5 * L2)
    assert abs(cost.wasserstein_high.mean - W2) < 5 * cost.wasserstein_high.stderr + 1e-4 * W2
    if gelbrich is not None:
        assert cost.wasserstein_low.mean == pytest.approx(gelbrich, rel=1e-4)
    scale = 5 * cost.overhead_schedule.stderr + 1e-3 * schedule
    assert cost.overhead_schedule.mean == pytest.approx(schedule, abs=scale)
    assert cost.overhead_path[0].mean == pytest.approx(path, abs=5 * cost.overhead_path[0].stderr + 1e-3)


@pytest.mark.slow
def test_rows_have_a_jackknife_and_a_transport_of_ones_own(key):
    """256 rows: Gelbrich's square within its error of the truth; the optimal map handed in is the upper end."""
    data, dynamics = td.Gaussian([0.5], [[0.25]]), process("VP20")
    rows = td.Samples(data.sample(jax.random.key(3), 256))
    straight = lambda x: 2 * (x - 0.5)  # noqa: E731  # N(1/2, 1/4) to N(0, 1), nearly p_1
    cost = td.driving_cost(
        key, td.exact_score(data, dynamics), dynamics, rows, transport=straight, t_min=1e-6, nodes=65
    )
    truth = gaussian_costs("VP20", [0.5], [0.25])["W2"]
    assert 0 < cost.wasserstein_low.stderr < 0.1
    assert abs(cost.wasserstein_low.mean - truth) < 4 * cost.wasserstein_low.stderr
    assert abs(cost.wasserstein_high.mean - truth) < 4 * cost.wasserstein_high.stderr + 1e-2
    with pytest.raises(
        ValueError, match=r"transport: got an output of shape \(256,\), need shape \(256, 1\)"
    ):
        td.driving_cost(
            key,
            td.exact_score(data, dynamics),
            dynamics,
            rows,
            transport=lambda x: jnp.sum(x, axis=1),
            t_min=1e-6,
            nodes=65,
        )


@pytest.mark.parametrize("name", ["VE10", pytest.param("VP20", marks=pytest.mark.slow)])
def test_the_uncertainty_relation_bounds_the_true_rate_from_below(key, name):
    """Equality for c s where s_eq = 0; for s + h what w = nu - D h makes of E|nu|^2 and of the mean E nu = a m."""
    data, dynamics = td.Gaussian([0.3], [[0.25]]), process(name)
    exact = td.exact_score(data, dynamics)
    schedule = SCHEDULES[name]

    def true_rate(t):
        v, m = schedule.alpha(t) ** 2 * 0.25 + schedule.variance(t), schedule.alpha(t) * 0.3
        return ((schedule.a(t) + schedule.D(t) / v) ** 2 * v + (schedule.a(t) * m) ** 2) / schedule.D(t)

    def bound(factor, shift):
        score = td.shifted(td.scaled(exact, factor), np.array([shift]))
        return td.uncertainty_bound(
            key, score, dynamics, data, replicates=16, points=64, nodes=33, t_min=1e-3
        )

    loose = bound(1.0, 0.7)
    t = np.asarray(loose.time, dtype=float)
    truth = np.array([true_rate(x) for x in t])
    mean, D = schedule.a(t) * schedule.alpha(t) * 0.3, schedule.D(t)
    learned = truth - 2 * mean * 0.7 + D * 0.49
    bound_there = (truth - mean * 0.7) ** 2 / learned
    assert (np.abs(loose.rate.mean - bound_there) < 5 * loose.rate.stderr + 1e-5 * bound_there).all()
    assert (np.abs(loose.learned.mean - learned) < 5 * loose.learned.stderr + 1e-5 * learned).all()
    assert (bound_there < truth).all()
    if name == "VE10":  # where s_eq = 0
        tight = bound(0.6, 0.0)
        assert (np.abs(tight.rate.mean - truth) < 5 * tight.rate.stderr + 1e-5 * truth).all()
        assert (np.abs(tight.learned.mean - 0.36 * truth) < 5 * tight.learned.stderr + 1e-5 * truth).all()
        assert abs(tight.total.mean - loose.total.mean) > 5 * loose.total.stderr
