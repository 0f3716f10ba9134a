"""Clip-Cov and KL-Cov against sorted lists of the batch's tokens."""

import numpy as np
import pytest
from method_cases import ADVANTAGES, LOG_PROBS, MASK, OLD_LOG_PROBS, PADDED, UNIFORMS

from thermodiff import exploration as explore

A = np.broadcast_to(ADVANTAGES[..., None], MASK.shape)


def covariances():
    """Index of each token of the batch -> its covariance."""
    where = [tuple(i) for i in np.argwhere(MASK)]
    surprise, advantage = (np.mean([x[i] for i in where]) for x in (LOG_PROBS, A))
    return {i: (LOG_PROBS[i] - surprise) * (A[i] - advantage) for i in where}


@pytest.mark.parametrize("share", [2e-4, 0.05, 1.0])
def test_kl_cov_penalises_the_largest(share):
    found = covariances()
    number = max(int(share * len(found)), 1)
    largest = set(sorted(found, key=found.get, reverse=True)[:number])
    got = explore.kl_cov_penalty(*PADDED, A, MASK, share=share, coefficient=0.7)
    for index in np.ndindex(*MASK.shape):
        expected = 0.7 * abs(LOG_PROBS[index] - OLD_LOG_PROBS[index]) if index in largest else 0
        assert got[index] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("share", [2e-4, 0.05, 1.0])
def test_clip_cov_takes_out_some_of_the_large_ones(share):
    found = covariances()
    candidates = [i for i, c in found.items() if 0.5 < c < 3.0]
    assert len(candidates) > 20
    number = min(max(int(share * len(found)), 1), len(candidates))
    out = set(sorted(candidates, key=lambda i: UNIFORMS[i])[:number])
    kept = explore.clip_cov_mask(PADDED[0], A, MASK, UNIFORMS, share=share, low=0.5, high=3.0)
    for index in np.ndindex(*MASK.shape):
        assert kept[index] == (MASK[index] and index not in out)


def test_clip_cov_takes_each_candidate_equally_often():
    """Over 400 draws, counts against their binomial error."""
    rng = np.random.default_rng(0)
    found = covariances()
    candidates = [i for i, c in found.items() if 1 < c < 5]
    draws = 400
    out = sum(
        MASK & ~explore.clip_cov_mask(PADDED[0], A, MASK, rng.random(MASK.shape), share=0.02)
        for _ in range(draws)
    )
    p = int(0.02 * len(found)) / len(candidates)
    z = (np.array([out[i] for i in candidates]) - draws * p) / np.sqrt(draws * p * (1 - p))
    assert out.sum() == draws * int(0.02 * len(found))
    assert np.abs(z).max() < 4


def test_clip_cov_leaves_what_is_not_eligible():
    clipped = explore.policy_loss_terms(*PADDED, A, MASK).clipped
    kept = explore.clip_cov_mask(PADDED[0], A, MASK, UNIFORMS, share=1.0, eligible=~clipped)
    assert (MASK & ~kept).any()
    assert not (MASK & ~kept & clipped).any()


def test_nothing_large_takes_nothing_out():
    zeros = np.zeros((2, 3, 4))
    kept = explore.clip_cov_mask(zeros, zeros, zeros == 0, zeros)
    assert kept.all()
    np.testing.assert_array_equal(explore.kl_cov_penalty(zeros, zeros, zeros, zeros == 1), 0)


@pytest.mark.parametrize(("tokens", "number"), [(3, 1), (1000, 29), (2000, 58), (499, 14)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_number_is_the_whole_share(tokens, number, dtype):
    """0.029 * 1000 is 28.999999999999996 in double precision."""
    lp = -np.arange(1, tokens + 1, dtype=dtype).reshape(1, -1)
    got = explore.kl_cov_penalty(lp, lp - 1, lp, lp < 0, share=0.029)
    assert (got > 0).sum() == number


def test_the_covariance_gives_the_change_of_entropy():
    """For a softmax with its own table a step dz = eta A along every token changes H by -eta Cov(ln pi, A)."""
    rng = np.random.default_rng(3)
    z, advantage, eta = rng.normal(size=6), rng.normal(size=6), 1e-5

    def entropy(z):
        p = np.exp(z - z.max())
        p /= p.sum()
        return -(p * np.log(p)).sum(), p

    before, p = entropy(z)
    advantage = advantage - p @ advantage
    after, _ = entropy(z + eta * advantage)
    log_p = np.log(p)
    mean_covariance = p @ ((log_p - p @ log_p) * advantage)
    assert (after - before) / eta == pytest.approx(-mean_covariance, rel=1e-3)


def clip_cov(advantages=A, uniforms=UNIFORMS, **options):
    return explore.clip_cov_mask(PADDED[0], advantages, MASK, uniforms, **options)


def kl_cov(advantages=A, old=PADDED[1], **options):
    return explore.kl_cov_penalty(PADDED[0], old, advantages, MASK, **options)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: clip_cov(share=0.0), r"share: got 0.0, need a share, above 0 and at most 1"),
        (lambda: clip_cov(low=5.0, high=5.0), r"low: got 5.0 with high = 5.0, need low < high"),
        (lambda: clip_cov(uniforms=UNIFORMS[0]), r"uniforms: got shape \(4, 8, 6\), need that of log_probs"),
        (
            lambda: clip_cov(uniforms=UNIFORMS + 1),
            r"uniforms: got a number outside \[0, 1\] at index \(0, 0, 0, 0\), need uniform random numbers",
        ),
        (lambda: clip_cov(eligible=MASK[0]), r"eligible: got shape \(4, 8, 6\), need that of log_probs"),
        (lambda: clip_cov(ADVANTAGES), r"advantages: got shape \(3, 4, 8\), need shape \(3, 4, 8, 6\), or"),
        (lambda: kl_cov(share=1.1), r"share: got 1.1, need a share"),
        (lambda: kl_cov(coefficient=-1.0), r"coefficient: got -1.0, need a number that is at least 0"),
        (lambda: kl_cov(old=PADDED[1][0]), r"old_log_probs: got shape \(4, 8, 6\), need that of log_probs"),
        (lambda: kl_cov(A * np.nan), r"advantages: got NaN or infinity"),
    ],
)
def test_what_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
