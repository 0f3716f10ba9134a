"""The files to copy do what they say: each is imported as it stands and held to the laws of what it would join."""

import importlib.util
import itertools
import json
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import thermodiff as td
from thermodiff.array_types import Distribution, Process
from thermodiff.exploration import load_rollouts
from thermodiff.exploration.readers import formats
from thermodiff.exploration.readers.response import RowError
from thermodiff.exploration.tasks.checks import check_task
from thermodiff.exploration.tasks.task import words_of
from thermodiff.thermodynamics.bounds import certified_flow_bound

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "developer" / "skeletons"
NAMES = ("process", "density", "estimator", "bound", "sampler", "reader", "task", "experiment")


def skeleton(name):
    """The file as a module, as it would be after copying."""
    name_of_module = f"skeleton_{name}"
    spec = importlib.util.spec_from_file_location(name_of_module, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name_of_module] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_these_are_all():
    assert {path.stem for path in FOLDER.glob("*.py")} == set(NAMES)


def test_a_process():
    process = skeleton("process").Brownian(3.0)
    assert isinstance(process, Process)
    t = jnp.array([0.01, 0.3, 1.0])
    # Variance of a Brownian motion, D = (1/2) d sigma^2/dt, and the inverse of sigma/alpha.
    np.testing.assert_allclose(process.sigma(t) ** 2, 9.0 * t, rtol=1e-6)
    slope = jax.vmap(jax.grad(lambda u: 0.5 * process.sigma(u) ** 2))(t)
    np.testing.assert_allclose(process.diffusivity(t), slope, rtol=1e-5)
    np.testing.assert_allclose(process.time_of_log_snr(process.log_snr(t)), t, rtol=1e-5)
    data = td.Gaussian([1.0], [[4.0]])
    noised = stats.norm(1.0, np.sqrt(4.0 + 9.0 * 0.3))
    score = td.exact_score(data, process)(jnp.array([2.0]), jnp.array(0.3))
    np.testing.assert_allclose(score, [-(2.0 - 1.0) / noised.var()], rtol=1e-5)
    with pytest.raises(ValueError, match=r"scale: got -1.0, need a number above 0"):
        skeleton("process").Brownian(-1.0)


def test_a_density():
    made = skeleton("density")
    data = made.Logistic([1.0, -2.0], [0.5, 3.0])
    assert isinstance(data, Distribution)
    truth = [stats.logistic(1.0, 0.5), stats.logistic(-2.0, 3.0)]
    x = jnp.array([[1.2, -9.0], [-3.0, 4.0]])
    expected = sum(law.logpdf(x[:, i]) for i, law in enumerate(truth))
    np.testing.assert_allclose(data.log_prob(x), expected, rtol=1e-5)
    assert data.entropy() == pytest.approx(float(sum(law.entropy() for law in truth)))
    mean, cov = data.moments()
    np.testing.assert_allclose(mean, [law.mean() for law in truth])
    np.testing.assert_allclose(np.diag(cov), [law.var() for law in truth], rtol=1e-6)
    sample = np.asarray(data.sample(jax.random.key(0), 2000))
    for i, law in enumerate(truth):
        assert stats.kstest(sample[:, i], law.cdf).pvalue > 1e-3
    with pytest.raises(td.NotKnownError, match="noised log density of Logistic"):
        data.noised_log_prob(jnp.zeros(2), 1.0, 0.1)
    with pytest.raises(ValueError, match=r"scale: got shape \(1,\), need the shape \(d,\) of loc, \(2,\)"):
        made.Logistic([0.0, 0.0], [1.0])


@pytest.mark.parametrize("law", [stats.uniform(3.0, 7.0), stats.norm(0.0, 0.2), stats.expon(0.0, 5.0)])
def test_an_estimator(law):
    """The mean error and the scatter of 400 estimates, in units of what each states."""
    estimate = skeleton("estimator").spacing_entropy
    rng = np.random.default_rng(0)
    found = [estimate(law.rvs(2000, random_state=rng)) for _ in range(400)]
    z = np.array([(one.mean - law.entropy()) / one.stderr for one in found])
    assert abs(z.mean()) < 4 / np.sqrt(len(z))
    assert z.var() == pytest.approx(1, abs=4 * np.sqrt(2 / len(z)))


def test_an_estimator_refuses_what_has_no_density():
    estimate = skeleton("estimator").spacing_entropy
    with pytest.raises(ValueError, match=r"x: got 15 pairs of equal values, need the sample of a density"):
        estimate(np.repeat(np.arange(15.0), 2))
    with pytest.raises(ValueError, match=r"x: got shape \(3,\), need shape \(n,\) with n at least 20"):
        estimate([1.0, 2.0, 3.0])


def test_a_bound():
    """Below the bound that knows the covariance too, and equal to it where that is the prior's."""
    bound = skeleton("bound").mean_flow_bound
    rng = np.random.default_rng(0)
    for _ in range(20):
        root, other = rng.normal(size=(2, 3, 3))
        prior_cov, cov = root @ root.T + np.eye(3), other @ other.T + np.eye(3)
        mean, prior_mean = rng.normal(size=(2, 3))
        weaker = float(bound(1.5, mean, prior_mean, prior_cov))
        assert weaker <= float(certified_flow_bound(1.5, mean, cov, prior_mean, prior_cov)) + 1e-5
        same = float(certified_flow_bound(1.5, mean, prior_cov, prior_mean, prior_cov))
        assert weaker == pytest.approx(same, abs=1e-5)


def test_a_reader(tmp_path, monkeypatch):
    reader = skeleton("reader")
    monkeypatch.setattr(formats, "FORMATS", (reader.FORMAT, *formats.FORMATS))
    rows = [
        {"question_key": "a", "attempts": [{"verdict": 1, "text": "4"}, {"verdict": 0, "text": "5"}]},
        {"question_key": "b", "attempts": [{"verdict": 0}, {"verdict": 0}]},
    ]
    path = tmp_path / "arena.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    counts = load_rollouts(path).counts()
    assert list(counts.correct) == [1, 0]
    assert list(counts.samples) == [2, 2]
    with pytest.raises(RowError) as error:
        list(reader.read([{"question_key": "a", "attempts": 3}], None))
    assert error.value.args == ("attempts 3", "a list of them")


def test_a_task():
    """Its reward of every response there is, whatever the prompt, is 1 for those that a plain loop finds."""
    task = skeleton("task").DigitSum()
    check_task(task)
    responses = np.array(list(itertools.product(range(21), repeat=4)), dtype=np.int32)
    for total in (0, 7, 18):
        rewards = np.asarray(jax.jit(jax.vmap(task.reward, (None, 0)))(jnp.array([total]), responses))
        found = {f"{a} + {b}" for a in range(10) for b in range(10) if a + b == total}
        assert {words_of(task, y) for y in responses[rewards == 1]} == found
        assert rewards.sum() == len(found)


def test_an_experiment(tmp_path, capsys):
    """It runs from its command line."""
    assert skeleton("experiment").main(["--preset", "smoke", "--out", str(tmp_path)]) == 0
    assert len((tmp_path / "records.jsonl").read_text().splitlines()) == 6
    assert {"scatter.png", "records.jsonl"} <= {path.name for path in tmp_path.iterdir()}
    assert "one estimate states" in capsys.readouterr().out


def test_the_sampler_is_of_second_order():
    """On N(0, 1) its error of the standard deviation falls by 4 where steps are halved: a step is a known factor."""
    process, data = td.VarianceExploding(25.0), td.Gaussian([0.0], [[1.0]])
    made = skeleton("sampler").Midpoint(process)
    score, errors = td.exact_score(data, process), []
    with jax.enable_x64(True):
        for steps in (16, 32):
            schedule = td.schedule("cosine", process, steps)
            sampler = td.deterministic_sampler(score, process, sampler=made, schedule=schedule)
            s = schedule.noise_ratio[[0, -1]]
            exact = np.sqrt((1 + s[1] ** 2) / (1 + s[0] ** 2))
            errors.append(float(jax.jvp(sampler, (jnp.zeros(1),), (jnp.ones(1),))[1][0]) / exact - 1)
    assert 3 < errors[0] / errors[1] < 5
    assert abs(errors[1]) < 0.01
