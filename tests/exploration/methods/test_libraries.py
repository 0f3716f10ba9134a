"""One function for every library: the array API's strict form, JAX plain, compiled and mapped, short floats."""

import method_cases as cases
import numpy as np
import pytest
from method_cases import ADVANTAGES, MASK, PADDED, SHAPE, UNIFORMS

from thermodiff import exploration as explore

EXPECTED = cases.all_of(np.asarray)


def compare(got, rtol=1e-12):
    for name, value in got.items():
        assert value.shape == EXPECTED[name].shape, name
        np.testing.assert_allclose(
            np.asarray(value, dtype=float), EXPECTED[name].astype(float), rtol=rtol, atol=rtol, err_msg=name
        )


def test_the_case_has_something_of_everything():
    assert all(np.isfinite(value).all() and np.any(value) for value in EXPECTED.values())
    assert 0 < EXPECTED["varied"].sum() < EXPECTED["varied"].size
    assert 0 < (MASK & ~EXPECTED["clip_cov"]).sum() < MASK.sum()


def test_the_strict_array_api():
    import array_api_strict as strict

    compare({name: np.asarray(value) for name, value in cases.all_of(strict.asarray).items()})


@pytest.mark.usefixtures("double_precision")
def test_jax_compiled():
    import jax
    import jax.numpy as jnp

    compare(jax.jit(lambda lp: cases.all_of(jnp.asarray, lp))(jnp.asarray(PADDED[0])))


@pytest.mark.slow
@pytest.mark.usefixtures("double_precision")
def test_jax_call_by_call():
    import jax.numpy as jnp

    compare(cases.all_of(jnp.asarray))


@pytest.mark.usefixtures("double_precision")
def test_jax_maps_over_problems_what_belongs_to_one():
    import jax
    import jax.numpy as jnp

    shaped = jax.jit(jax.vmap(lambda a, lp, m: explore.perplexity_shaped_advantage(a, lp, m, 0.3)))
    got = shaped(*(jnp.asarray(x[0]) for x in (ADVANTAGES, PADDED[0], MASK)))
    np.testing.assert_allclose(got, EXPECTED["perplexity"][0], rtol=1e-12)


@pytest.mark.usefixtures("double_precision")
def test_the_gradient_is_the_score_weighed_by_ratio_and_advantage():
    """d loss/d ln pi = -rho A/n where no clip decides, sign(ln rho)/n more on penalised tokens, 0 in the padding."""
    import jax
    import jax.numpy as jnp

    old, a, mask, u = (jnp.asarray(x) for x in (PADDED[1], ADVANTAGES[..., None], MASK, UNIFORMS))

    def loss(lp):
        terms = explore.policy_loss_terms(lp, old, a, mask)
        kept = explore.clip_cov_mask(lp, a, mask, u, share=0.1, eligible=~terms.clipped)
        penalty = explore.kl_cov_penalty(lp, old, a, mask, share=0.1)
        return explore.token_mean(terms.loss * kept + penalty, mask)

    got = jax.jit(jax.grad(loss))(jnp.asarray(PADDED[0]))
    log_rho = np.where(MASK, cases.LOG_PROBS - cases.OLD_LOG_PROBS, 0)
    kept = EXPECTED["clip_cov"] & ~EXPECTED["clipped"]
    expected = np.where(kept, -np.exp(log_rho) * ADVANTAGES[..., None], 0)
    expected = expected + np.where(EXPECTED["kl_cov"] > 0, np.sign(log_rho), 0)
    np.testing.assert_allclose(got, expected / MASK.sum(), rtol=1e-10, atol=1e-15)


def test_whole_numbers_and_short_floats_are_widened():
    import jax
    import jax.numpy as jnp

    got = explore.rloo_advantage(np.array([[0, 1, 1]]))
    np.testing.assert_allclose(got, [[-1, 0.5, 0.5]])
    assert explore.rloo_advantage(np.array([[True, False]])).dtype == np.float64
    short = jax.ShapeDtypeStruct(SHAPE, jnp.bfloat16)
    assert jax.eval_shape(explore.rloo_advantage, short).dtype == jnp.float32
    half = explore.policy_loss_terms(
        np.where(MASK, PADDED[0], 0).astype(np.float16),
        np.where(MASK, PADDED[0], 0).astype(np.float16),
        ADVANTAGES[..., None].astype(np.float16),
        MASK,
    )
    assert half.loss.dtype == np.float32


ONE_OF_EACH = {
    "rewards": lambda x: explore.rloo_advantage(x),
    "advantages": lambda x: explore.positive_only(x),
    "mask": lambda x: explore.position_shaped_advantage(ADVANTAGES, x, 0.1),
    "log_probs": lambda x: explore.policy_loss_terms(x, PADDED[1], ADVANTAGES[..., None], MASK),
    "correct": lambda x: explore.select_for_finetuning(x, UNIFORMS[..., 0]),
}


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_what_is_no_array_is_refused(name):
    with pytest.raises(ValueError, match=f"{name}: got a list, need an array of NumPy, JAX or PyTorch"):
        ONE_OF_EACH[name]([0.0, 1.0])


def test_arrays_of_two_libraries_are_refused():
    import jax.numpy as jnp

    with pytest.raises(
        ValueError, match=r"advantages, mask: got advantages of numpy, mask of numpy, need"
    ) as e:
        explore.position_shaped_advantage(jnp.asarray(ADVANTAGES), MASK, 0.1)
    assert "arrays of one library" in str(e.value)


MASKED = {
    "log_probs": lambda m: explore.policy_loss_terms(PADDED[0], PADDED[1], ADVANTAGES[..., None], m),
    "values": lambda m: explore.token_mean(np.zeros(MASK.shape), m),
}


@pytest.mark.parametrize("of", MASKED)
def test_masks_that_do_not_fit_are_refused(of):
    with pytest.raises(ValueError, match=rf"mask: got shape \(3, 4, 8\), need that of {of}, \(3, 4, 8, 6\)"):
        MASKED[of](MASK[..., 0])
    with pytest.raises(
        ValueError, match=r"mask: got entries of type int64, need booleans, such as mask != 0"
    ):
        MASKED[of](MASK.astype(np.int64))


def test_tokens_need_an_axis():
    with pytest.raises(ValueError, match=r"values: got shape \(3,\), need shape \(\.\.\., G, L\)"):
        explore.token_mean(np.zeros(3), np.ones(3, bool))


def test_shapes_are_checked_under_a_trace_too():
    import jax

    with pytest.raises(ValueError, match=r"rewards: got groups of 1 rollout"):
        jax.eval_shape(explore.rloo_advantage, jax.ShapeDtypeStruct((*SHAPE[:2], 1), np.float32))
