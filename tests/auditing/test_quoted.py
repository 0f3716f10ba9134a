"""Likelihoods under several priors and in several units against closed forms of a Gaussian."""

import numpy as np
import oracles_diffusion as oracle
import pytest

import thermodiff as td
from thermodiff.data.pixels import PixelUnits

D = 2
MEAN, COV = np.array([0.2, -0.1]), np.array([[0.09, 0.03], [0.03, 0.05]])
DATA = td.Gaussian(MEAN, COV)
PROCESS = td.EDM(0.002, 5.0)  # so little noise at the end that the priors differ
IMAGES = np.random.default_rng(4).integers(0, 256, size=(64, 2, 1), dtype=np.uint8)
FLOW = 2e-5
"""Nats per dimension that single precision and the flow's tolerance may cost."""


@pytest.fixture(scope="module")
def pixels():
    return td.pixels(0, IMAGES)


@pytest.fixture(scope="module")
def quoted(key, pixels):
    wide = td.Gaussian(np.zeros(D), 36.0 * np.eye(D))
    priors = {"moments": "moments", "noise": "noise", "N(0, 36)": wide}
    # These levels are uniform and no draws of DATA.
    said = r"^data: \d+(\.\d+)? bits per dimension of grey levels, where a uniform guess has 8: the units \[-1, 1\]"
    with pytest.warns(UserWarning, match=said):
        return td.quoted_likelihoods(key, td.exact_score(DATA, PROCESS), PROCESS, pixels, priors=priors)


def terminal_and_growth(x):
    """Where the exact flow of N(MEAN, COV) carries x from t_min, and ln of the volume: one linear map."""
    start, end = COV + 0.002**2 * np.eye(D), COV + 25.0 * np.eye(D)
    values, axes = np.linalg.eigh(COV)
    stretch = np.sqrt((values + 25.0) / (values + 0.002**2))
    growth = 0.5 * (np.linalg.slogdet(end)[1] - np.linalg.slogdet(start)[1])
    return MEAN + (x - MEAN) @ axes * stretch @ axes.T, growth


PRIORS = {
    "moments": (MEAN, COV + 25.0 * np.eye(D)),
    "noise": (np.zeros(D), 25.0 * np.eye(D)),
    "N(0, 36)": (np.zeros(D), 36.0 * np.eye(D)),
}


@pytest.mark.parametrize("prior", PRIORS)
def test_the_flow_under_each_prior(quoted, pixels, prior):
    x1, growth = terminal_and_growth(pixels.samples)
    nll = -oracle.gaussian_log_prob(x1, *PRIORS[prior]) - growth
    value = quoted["nll", prior]
    assert value.nats.mean == pytest.approx(nll.mean(), abs=D * FLOW)
    assert value.nats.stderr == pytest.approx(nll.std(ddof=1) / 8, rel=1e-3)
    assert value.nats.n == 64


@pytest.mark.parametrize("prior", ["noise", "N(0, 36)"])
def test_bounds_differ_between_priors_by_their_cross_entropies(quoted, pixels, prior):
    """CE(p_1, pi | x) = -ln pi(x) + sigma(1)^2 tr C_pi^-1/2; all else in the bounds is the same."""

    def cross_entropy(name):
        mean, cov = PRIORS[name]
        return (
            -oracle.gaussian_log_prob(pixels.samples, mean, cov) + 12.5 * np.trace(np.linalg.inv(cov))
        ).mean()

    change = quoted["neg_elbo", prior].nats.mean - quoted["neg_elbo", "moments"].nats.mean
    assert change == pytest.approx(cross_entropy(prior) - cross_entropy("moments"), abs=D * FLOW)


def test_units(quoted):
    """-ln P(v) <= -ln p(y) + d ln 128: seven bits a dimension between [-1, 1] and grey levels."""
    for value in quoted.values:
        assert value.bits_per_dim.mean == pytest.approx(value.nats.mean / (D * np.log(2)))
        assert value.grey_bits_per_dim.mean == pytest.approx(value.bits_per_dim.mean + 7)
        assert value.grey_bits_per_dim.stderr == value.bits_per_dim.stderr


@pytest.mark.slow
def test_grey_levels_have_one_likelihood_whatever_the_units(key):
    """The same images, the same law and process in units of [-1, 1], [0, 1] and levels: equal bits of grey levels."""
    found = []
    for name, scale in (("[-1, 1]", 1 / 128), ("[0, 1]", 1 / 256), ("[0, 255]", 1.0)):
        made = td.pixels(0, IMAGES, name)
        mean = made.units.origin + scale * 128 * (MEAN + 1)
        law, process = td.Gaussian(mean, (scale * 128) ** 2 * COV), td.EDM(0.256 * scale, 640 * scale)
        quoted = td.quoted_likelihoods(key, td.exact_score(law, process), process, made)
        found.append(quoted["nll", "moments"].grey_bits_per_dim.mean)
    np.testing.assert_allclose(found, found[0], atol=FLOW / np.log(2))


def test_what_is_printed_says_units_priors_and_start(quoted):
    text = str(quoted)
    for said in (
        "Likelihoods of 64 rows of 2 columns",
        "from t_min = 0.0004: of data with noise of 0.002 on them, 0.256 grey levels",
        "which is 0.0078125 wide in units of [-1, 1]:",
        "an upper bound, are those of these units +7",
        "bits/dim, grey levels",
        "N(0, 36)",
    ):
        assert said in text
    record = quoted.to_dict()
    assert record["units"] == {"name": "[-1, 1]", "step": 1 / 128, "origin": -1.0}
    assert [row["prior"] for row in record["values"][:3]] == list(PRIORS)


def test_what_is_refused(key, quoted):
    score = td.exact_score(DATA, PROCESS)
    for data, options, message in (
        (np.zeros((5, 3)), {}, r"score: got one of 2 dimensions for data of 3"),
        (np.zeros(5), {}, r"data: got shape \(5,\), need an array of shape \(n, d\)"),
        (IMAGES[:1].reshape(1, 2), {}, r"data: got 1 row, need at least 2"),
        (IMAGES.reshape(64, 2), {"priors": "noise"}, r"priors: got 'noise', need names such as"),
        (IMAGES.reshape(64, 2), {"priors": ("wide",)}, r"prior: got 'wide', need 'moments', 'noise' or"),
    ):
        with pytest.raises(ValueError, match=f"^{message}"):
            td.quoted_likelihoods(key, score, PROCESS, data, **options)
    with pytest.raises(ValueError, match=r"^which: got \('nll', 'own'\), need one of nll, moments"):
        quoted["nll", "own"]
    assert PixelUnits("x", 2.0, 0.0).bits == -1
