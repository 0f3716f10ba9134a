"""Against packages that measure the same: run by ``make test-peers`` in an environment that has them."""

import counts
import method_cases as cases
import numpy as np
import pytest

from thermodiff.exploration.boundary.crossing import crossing
from thermodiff.exploration.boundary.pass_at_k import pass_at_k
from thermodiff.exploration.tokens.statistics import token_statistics

pytestmark = pytest.mark.peer


def test_passk_inference_finds_the_same_curves_errors_and_first_loss():
    """Version 0.3.1. Its band and ours have the same law; both quantiles are of a sample, 1 % apart at most."""
    peer = pytest.importorskip("passk_inference")
    base, rl = counts.deepscaler("base"), counts.deepscaler("rl")
    theirs = peer.compare(base.correct, base.samples, rl.correct, rl.samples)
    ours = crossing(base, rl)
    np.testing.assert_allclose(pass_at_k(base).mean, theirs["base_pass_at_k"], rtol=1e-12)
    np.testing.assert_allclose(pass_at_k(rl).mean, theirs["rl_pass_at_k"], rtol=1e-12)
    np.testing.assert_allclose(ours.difference.estimate.stderr, theirs["se"], rtol=1e-9)
    assert ours.difference.quantile == pytest.approx(theirs["critical_value"], rel=0.01)
    low, high = ours.first_loss
    assert abs(low - theirs["first_loss_interval"][0]) <= 1
    assert abs(high - theirs["first_loss_interval"][1]) <= 2
    np.testing.assert_array_equal(ours.gains, np.arange(1, 11))


def test_token_statistics_of_pytorch_tensors_are_its_own():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(5)
    logits, tokens = (
        torch.tensor(rng.normal(size=(3, 4, 7)) * 3),
        torch.tensor(rng.integers(0, 7, size=(3, 4))),
    )
    got = token_statistics(logits, tokens, 0.7, top=4)
    assert isinstance(got.entropy, torch.Tensor)
    own = torch.distributions.Categorical(logits=logits / 0.7)
    np.testing.assert_allclose(got.log_prob, own.log_prob(tokens), rtol=1e-12)
    np.testing.assert_allclose(got.entropy, own.entropy(), rtol=1e-12)
    np.testing.assert_allclose(got.top_log_probs, own.logits.topk(4).values, rtol=1e-12)
    numpy = token_statistics(logits.numpy(), tokens.numpy(), 0.7, top=4)
    np.testing.assert_array_equal(got.nucleus_size, numpy.nucleus_size)
    half = token_statistics(logits.to(torch.bfloat16), tokens, 1.0)
    assert half.entropy.dtype == torch.float32


def test_methods_of_pytorch_tensors_are_those_of_numpy_and_their_gradient_is_followed():
    torch = pytest.importorskip("torch")
    expected, got = cases.all_of(np.asarray), cases.all_of(torch.asarray)
    for name, value in got.items():
        assert isinstance(value, torch.Tensor), name
        np.testing.assert_allclose(
            value.double(), expected[name].astype(float), rtol=1e-12, atol=1e-12, err_msg=name
        )
    log_probs = torch.asarray(cases.PADDED[0]).requires_grad_()
    cases.all_of(torch.asarray, log_probs)["loss"].backward()
    rho = np.exp(np.where(cases.MASK, cases.LOG_PROBS - cases.OLD_LOG_PROBS, 0))
    A = cases.ADVANTAGES[..., None]
    gradient = np.where(cases.MASK & ~expected["clipped"], -rho * A, 0) / cases.MASK.sum()
    np.testing.assert_allclose(log_probs.grad, gradient, rtol=1e-10, atol=1e-15)
