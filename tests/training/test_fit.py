"""Training: what it learns, that interruption leaves no trace, and what it says when it cannot go on."""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from checks import assert_identical
from scipy.special import log_ndtr
from scipy.stats import norm

from thermodiff.distributions import Gaussian, Samples, Uniform
from thermodiff.distributions.reference import reference_gaussian
from thermodiff.processes.exploding import VarianceExploding
from thermodiff.processes.preserving import VariancePreserving
from thermodiff.scores.learned import PlainScore, PreconditionedScore
from thermodiff.scores.networks import potential_mlp
from thermodiff.training import cores as cores_in_use
from thermodiff.training.checkpoints import Keeper, steps_in
from thermodiff.training.fit import TrainingConfig, TrainingDivergedError, check_losses, fit
from thermodiff.training.losses import LikelihoodWeighting
from thermodiff.training.sweep import fit_sweep
from thermodiff.training.times import UniformLogSNR

GAUSSIAN = Gaussian([1.0, -2.0], [[2.0, 0.6], [0.6, 0.5]])
PROCESS = VarianceExploding(25.0)
SMALL = TrainingConfig(steps=60, batch_size=32, chunk=25, width=16, depth=1)


def leaves(score):
    return [np.asarray(leaf) for leaf in jax.tree.leaves(score)]


class Counting(LikelihoodWeighting):
    """Counts how often a program that contains it is traced."""

    traces = 0

    def __call__(self, t, span):
        Counting.traces += 1
        return super().__call__(t, span)


class StopAfter:
    """A callback that presses Ctrl-C after so many chunks."""

    def __init__(self, chunks):
        self.left = chunks

    def __call__(self, report):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def gaussian_noise(x, alpha, sigma):
    """n = sigma (alpha^2 C + sigma^2)^-1 (x - alpha m), the noise prediction of GAUSSIAN in double precision."""
    mean, cov = np.array([1.0, -2.0]), np.array([[2.0, 0.6], [0.6, 0.5]])
    total = alpha[:, None, None] ** 2 * cov + sigma[:, None, None] ** 2 * np.eye(2)
    return sigma[:, None] * np.linalg.solve(total, (x - alpha[:, None] * mean)[..., None])[..., 0]


def box_noise(x, alpha, sigma):
    """-sigma d ln p/dx per coordinate for data uniform on [-1, 1]^2; by symmetry at -|x|, where nothing cancels."""
    a, s = alpha[:, None], sigma[:, None]
    above, below = (a - np.abs(x)) / s, (-a - np.abs(x)) / s
    mass = log_ndtr(above) + np.log1p(-np.exp(log_ndtr(below) - log_ndtr(above)))
    return np.sign(x) * (np.exp(norm.logpdf(above) - mass) - np.exp(norm.logpdf(below) - mass))


def excess_loss(score, x0, noise_prediction, n=16384):
    """int d ell E|n_th - n|^2 in nats over the range of the training, with its standard error."""
    rng = np.random.default_rng(5)
    low, high = (-0.5 * float(score.process.log_snr(t)) for t in (float(score.t_min), 1.0))
    ratio = np.exp(low + (high - low) * rng.random(n))
    alpha = 1 / np.sqrt(1 + ratio**2) if isinstance(score.process, VariancePreserving) else np.ones(n)
    sigma = alpha * ratio
    x = alpha[:, None] * x0(rng, n) + sigma[:, None] * rng.standard_normal((n, 2))
    t = score.process.time_of_log_snr(-2 * np.log(ratio).astype(np.float32))
    learned = jax.jit(jax.vmap(type(score).noise, (None, 0, 0)))(score, x.astype(np.float32), t)
    values = (high - low) * np.sum((np.asarray(learned) - noise_prediction(x, alpha, sigma)) ** 2, axis=-1)
    return values.mean(), values.std(ddof=1) / np.sqrt(n)


def gaussian_rows(rng, n):
    return rng.multivariate_normal([1.0, -2.0], [[2.0, 0.6], [0.6, 0.5]], n)


# --- what is learned ----------------------------------------------------------------------------


@pytest.mark.parametrize("process", [PROCESS, VariancePreserving(0.1, 20.0)], ids=lambda p: type(p).__name__)
def test_plain_score_of_gaussian_data_comes_near_the_exact_one(key, process):
    """500 steps from nothing; an untrained plain score is 10 to 20 nats off."""
    trained = fit(
        key, GAUSSIAN, process, steps=500, batch_size=128, width=32, depth=1, parameterisation=PlainScore
    )
    value, error = excess_loss(trained.score, gaussian_rows, gaussian_noise)
    assert value + 3 * error < 0.1
    assert trained.history.loss[-1] < trained.history.loss[0]
    assert trained.steps == 500
    assert not trained.stopped_early


def test_preconditioned_score_of_gaussian_data_stays_near_its_exact_start(key):
    trained = fit(key, GAUSSIAN, PROCESS, config=SMALL)
    value, error = excess_loss(trained.score, gaussian_rows, gaussian_noise)
    assert value + 3 * error < 0.1


def test_uniform_data_teach_more_than_their_gaussian(key):
    box = Uniform([-1.0, -1.0], [1.0, 1.0])
    trained = fit(key, box, PROCESS, config=SMALL, steps=300, batch_size=128)
    start = dataclasses.replace(trained.score, network=jax.tree.map(jnp.zeros_like, trained.score.network))
    learned, start = (
        excess_loss(score, lambda rng, n: rng.uniform(-1, 1, (n, 2)), box_noise)
        for score in (trained.score, start)
    )
    assert learned[0] + 3 * np.hypot(learned[1], start[1]) < 0.8 * start[0]


# --- reproducibility ----------------------------------------------------------------------------


@pytest.mark.parametrize("chunks", [1, 2])
def test_interrupted_and_resumed_is_bit_for_bit_the_same(key, tmp_path, chunks):
    whole = fit(key, GAUSSIAN, PROCESS, config=SMALL)
    with pytest.raises(KeyboardInterrupt):
        fit(key, GAUSSIAN, PROCESS, config=SMALL, checkpoint_dir=tmp_path, callback=StopAfter(chunks))
    told = []
    again = fit(key, GAUSSIAN, PROCESS, config=SMALL, checkpoint_dir=tmp_path, callback=told.append)
    assert [report.step for report in told] == [25, 50, 60][chunks:]
    assert_identical(whole.score, again.score)
    for a, b in zip(whole.history, again.history, strict=True):
        assert np.array_equal(a, b, equal_nan=True)


def test_a_finished_training_is_returned_at_once_and_resume_false_starts_over(key, tmp_path):
    told = []
    arguments = {"config": SMALL, "checkpoint_dir": tmp_path, "callback": told.append}
    first = fit(key, GAUSSIAN, PROCESS, **arguments)
    second = fit(key, GAUSSIAN, PROCESS, **arguments)
    assert len(told) == 3
    third = fit(key, GAUSSIAN, PROCESS, resume=False, **arguments)
    assert len(told) == 6
    assert_identical(first.score, second.score)
    assert_identical(first.score, third.score)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"learning_rate": 1e-3}, "learning_rate is 0.004"),
        ({"data": Gaussian([1.0, -2.0], [[2.0, 0.6], [0.6, 0.6]])}, "data is"),
        ({"process": VarianceExploding(24.0)}, "process is"),
        ({"key": jax.random.key(1)}, "key is"),
    ],
)
def test_checkpoint_of_another_training_is_refused(key, tmp_path, changed, named):
    arguments = {
        "key": key,
        "data": GAUSSIAN,
        "process": PROCESS,
        "config": SMALL,
        "checkpoint_dir": tmp_path,
    }
    fit(**arguments)
    with pytest.raises(ValueError, match=f"checkpoint_dir: got .* a training whose {named}.*resume=False"):
        fit(**(arguments | changed))


def test_second_fit_compiles_nothing(key):
    config = dataclasses.replace(SMALL, weighting=Counting())
    fit(key, GAUSSIAN, PROCESS, config=config)
    before = Counting.traces
    assert before > 0
    other = Gaussian([0.0, 3.0], [[1.0, 0.1], [0.1, 4.0]])
    fit(
        jax.random.key(5),
        other,
        VarianceExploding(10.0),
        config=dataclasses.replace(config, weighting=Counting()),
    )
    assert Counting.traces == before


# --- several at once ----------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["cpu", "gpu"])
def test_sweep_equals_training_alone(key, backend, monkeypatch):
    """Apart on the cores of a processor, and side by side in one program, as on an accelerator."""
    monkeypatch.setattr(jax, "default_backend", lambda: backend)
    keys = jax.random.split(key, 3)
    processes = [VarianceExploding(sigma) for sigma in (5.0, 15.0, 30.0)]
    together = fit_sweep(keys, GAUSSIAN, processes, config=SMALL)
    for k, process, swept in zip(keys, processes, together, strict=True):
        alone = fit(k, GAUSSIAN, process, config=SMALL)
        np.testing.assert_allclose(swept.history.loss, alone.history.loss, rtol=1e-4)
        for a, b in zip(leaves(swept.score), leaves(alone.score), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("cores", [1, 2, 5])
def test_on_a_processor_a_sweep_is_its_trainings_bit_for_bit_on_any_number_of_cores(key, cores, monkeypatch):
    monkeypatch.setattr(cores_in_use, "available_cores", lambda: cores)
    keys = jax.random.split(key, 3)
    for k, swept in zip(keys, fit_sweep(keys, GAUSSIAN, PROCESS, config=SMALL), strict=True):
        alone = fit(k, GAUSSIAN, PROCESS, config=SMALL)
        assert_identical(swept.score, alone.score)
        assert np.array_equal(swept.history.loss, alone.history.loss)


def test_sweep_follows_a_fit_and_another_sweep_without_tracing_again(key):
    config = dataclasses.replace(SMALL, weighting=Counting(), width=12)
    fit(key, GAUSSIAN, PROCESS, config=config)
    before = Counting.traces
    for _ in range(2):
        fit_sweep(jax.random.split(key, 2), GAUSSIAN, PROCESS, config=config)
    assert Counting.traces == before


class RefusesOnce(LikelihoodWeighting):
    """Raises, on the host and in whatever thread it runs, at one of its calls."""

    calls = itertools.repeat(-1)

    def __call__(self, t, span):
        def refuse(t):
            if next(RefusesOnce.calls) == 0:
                raise OSError("the host refuses")
            return t

        return super().__call__(jax.pure_callback(refuse, t, t), span)


def test_what_one_training_of_a_sweep_raises_ends_all_and_leaves_the_last_checkpoint(
    key, tmp_path, monkeypatch
):
    keys = jax.random.split(key, 3)
    config = dataclasses.replace(SMALL, steps=20, chunk=5, weighting=RefusesOnce())
    whole = fit_sweep(keys, GAUSSIAN, PROCESS, config=config)
    monkeypatch.setattr(RefusesOnce, "calls", itertools.count(-36))  # a call a step: in the third chunk
    with pytest.raises(jax.errors.JaxRuntimeError, match="the host refuses"):
        fit_sweep(keys, GAUSSIAN, PROCESS, config=config, checkpoint_dir=tmp_path)
    assert steps_in(tmp_path) == [10]
    again = fit_sweep(keys, GAUSSIAN, PROCESS, config=config, checkpoint_dir=tmp_path)
    for a, b in zip(whole, again, strict=True):
        assert_identical(a.score, b.score)
        assert np.array_equal(a.history.loss, b.history.loss)


def test_sweep_with_one_process_checkpoints_and_early_stopping(key, tmp_path):
    keys = jax.random.split(key, 2)
    rows = GAUSSIAN.sample(jax.random.key(3), 200)
    arguments = {
        "config": dataclasses.replace(SMALL, steps=150, chunk=10, patience=1, learning_rate=0.05),
        "validation": rows,
    }
    whole = fit_sweep(keys, GAUSSIAN, PROCESS, **arguments)
    with pytest.raises(KeyboardInterrupt):
        fit_sweep(keys, GAUSSIAN, PROCESS, checkpoint_dir=tmp_path, callback=StopAfter(2), **arguments)
    again = fit_sweep(keys, GAUSSIAN, PROCESS, checkpoint_dir=tmp_path, **arguments)
    for a, b in zip(whole, again, strict=True):
        assert_identical(a.score, b.score)
        assert a.steps == b.steps == a.history.step[-1]
        assert a.stopped_early == (a.steps < 150)
    assert any(a.stopped_early for a in whole)


def test_sweep_needs_one_class_of_process_and_a_key_for_each(key):
    keys = jax.random.split(key, 2)
    with pytest.raises(ValueError, match="processes: got VarianceExploding and VariancePreserving"):
        fit_sweep(keys, GAUSSIAN, [PROCESS, VariancePreserving()])
    with pytest.raises(ValueError, match="processes: got 1 for 2 keys"):
        fit_sweep(keys, GAUSSIAN, [PROCESS])
    with pytest.raises(ValueError, match="keys: got a single key"):
        fit_sweep(key, GAUSSIAN, PROCESS)


# --- validation ---------------------------------------------------------------------------------


def test_early_stopping_keeps_the_weights_of_the_best_validation(key):
    """Forty points are soon learned by heart: the validation loss turns, and training ends before its time."""
    few = np.asarray(GAUSSIAN.sample(jax.random.key(1), 40))
    rows = np.asarray(GAUSSIAN.sample(jax.random.key(2), 500))
    told = []
    trained = fit(
        key,
        few,
        PROCESS,
        config=SMALL,
        steps=1500,
        width=64,
        chunk=50,
        patience=3,
        validation=rows,
        callback=told.append,
    )
    validation = trained.history.validation
    assert trained.stopped_early
    assert trained.steps == trained.history.step[-1] == told[-1].step < 1000
    assert len(validation) - 1 - np.argmin(validation) == 3


# --- failure ------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class FailsLate(UniformLogSNR):
    """A sampler whose times are NaN for one batch in twenty-five or so."""

    def times(self, u, span):
        return jnp.where(u[0] * u.shape[0] > 0.96, jnp.nan, super().times(u, span))


def test_divergence_names_the_step_and_leaves_the_last_good_checkpoint(key, tmp_path):
    config = dataclasses.replace(SMALL, chunk=5, times=FailsLate())
    with pytest.raises(TrainingDivergedError, match="not finite at step") as caught:
        fit(key, GAUSSIAN, PROCESS, config=config, checkpoint_dir=tmp_path)
    step = int(str(caught.value).split("at step ")[1].split(" of 60")[0])
    # The step named is the first whose stratified uniform numbers trip the sampler.
    steps = jax.random.split(key, 4)[1]
    first = [
        float(jax.random.uniform(jax.random.split(jax.random.fold_in(steps, i), 3)[2], (16,))[0]) > 0.96
        for i in range(60)
    ].index(True)
    assert step == first + 1
    good = 5 * (first // 5)
    assert f"the last good checkpoint is {tmp_path}" in str(caught.value)
    assert f"step_{good:08d}" in str(caught.value)
    assert (tmp_path / f"step_{good:08d}").is_dir()


def test_divergence_of_a_sweep_names_the_training():
    with pytest.raises(
        TrainingDivergedError, match=r"at step 8 of 60 of training 1 \(of 3\); there is no checkpoint"
    ):
        check_losses(np.array([-1, 7, -1]), SMALL, Keeper(None, {}, 5.0))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 0}, "steps: got 0, need a positive whole number"),
        ({"batch_size": 33}, "batch_size: got 33, need an even number"),
        ({"learning_rate": -1.0}, r"learning_rate: got -1\.0, need a positive"),
        ({"warmup": -1}, "warmup: got -1, need"),
        ({"clip": 0.0}, r"clip: got 0\.0, need a positive"),
        ({"ema": 1.0}, r"ema: got 1\.0, need a decay in"),
        ({"t_min": 1.5}, r"t_min: got 1\.5, need a time strictly between 0 and 1"),
        ({"patience": 3}, "patience: got 3 without validation data"),
        ({"patience": 0}, "patience: got 0, need a positive whole number"),
        (
            {"validation": np.zeros((5, 3))},
            r"validation: got shape \(5, 3\), need an array of shape \(n, 2\)",
        ),
    ],
)
def test_bad_settings(key, settings, message):
    with pytest.raises(ValueError, match=message):
        fit(key, GAUSSIAN, PROCESS, **settings)


def test_unknown_setting_and_bad_data(key):
    with pytest.raises(TypeError, match="step: got an unknown setting, need one of steps, batch_size"):
        fit(key, GAUSSIAN, PROCESS, step=10)
    with pytest.raises(ValueError, match="array: got 1 NaN or infinite value"):
        fit(key, np.array([[0.0, 1.0], [np.nan, 2.0], [1.0, 1.0], [2.0, 5.0]]), PROCESS)


# --- the reference ------------------------------------------------------------------------------


def test_reference_has_the_exact_moments_or_those_of_the_sample(key):
    assert np.array_equal(reference_gaussian(key, GAUSSIAN).cov, GAUSSIAN.cov)
    rows = np.asarray(GAUSSIAN.sample(key, 300))
    many = reference_gaussian(key, Samples(rows))
    np.testing.assert_allclose(many.cov, np.cov(rows, rowvar=False), rtol=1e-5)


def test_covariance_of_few_rows_is_shrunk_to_a_better_conditioned_one_of_the_same_variances(key):
    rows = np.random.default_rng(0).standard_normal((12, 10)) * np.arange(1, 11)
    shrunk = np.asarray(reference_gaussian(key, Samples(rows)).cov, dtype=np.float64)
    plain = np.cov(rows, rowvar=False)
    np.testing.assert_allclose(np.diag(shrunk), np.diag(plain), rtol=1e-5)
    std = np.sqrt(np.diag(plain))
    spread = [np.ptp(np.linalg.eigvalsh(c / np.outer(std, std))) for c in (shrunk, plain)]
    assert spread[0] < 0.5 * spread[1]


class Ring:
    """A user's distribution that is no pytree, has no moments and no density."""

    dim = 2

    def sample(self, key, n):
        angle = jax.random.uniform(key, (n,)) * 2 * jnp.pi
        return jnp.stack([2 * jnp.cos(angle), jnp.sin(angle)], axis=-1)


def test_any_object_that_can_be_sampled_is_data_and_a_potential_learns_it(key):
    trained = fit(key, Ring(), PROCESS, config=SMALL, architecture=potential_mlp)
    reference, params = trained.score.reference, trained.score.network.params
    np.testing.assert_allclose(np.diag(reference.cov), [2.0, 0.5], rtol=0.03)
    np.testing.assert_allclose(params["scales"], jnp.sqrt(reference.variances), rtol=1e-6)
    assert np.abs(params["leave"]["kernel"]).max() > 0
    assert np.all(np.isfinite(trained.history.loss))
    assert isinstance(trained.score, PreconditionedScore)
