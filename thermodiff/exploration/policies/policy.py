"""What a policy is, and what is done with any of them: log-probabilities, entropies, samples.

A policy gives the logits of the next token. ``logits`` takes a whole response at once, as training does; ``begin`` and
``extend`` go token by token with what they remember, as sampling does. Both are the same distribution; which is tested.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from thermodiff.array_types import Key, Scalar

Prompt = Int[Array, " prompt"]
Response = Int[Array, " response"]
Logits = Float[Array, " vocabulary"]


@runtime_checkable
class TokenPolicy(Protocol):
    """A distribution over responses, pi(y | x) = prod_i pi(y_i | x, y_1 ... y_i-1), as a pytree of its weights."""

    def logits(self, prompt: Prompt, response: Response) -> Float[Array, "response vocabulary"]:
        """Those of each token of a response, given the prompt and the tokens before it; of one sample."""
        ...

    def begin(self, prompt: Prompt, room: int) -> tuple[Any, Logits]:
        """What is remembered of a prompt, with room for so many tokens more, and the logits of the first."""
        ...

    def extend(self, memory: Any, token: Int[Array, ""]) -> tuple[Any, Logits]:
        """The memory with one token more, and the logits of the next."""
        ...


class Sampled(NamedTuple):
    """Responses drawn from a policy, and of each token ln pi and the entropy of what it was drawn from, in nats.

    After ``end`` tokens are ``end``, and both numbers 0.
    """

    responses: Int[Array, "... response"]
    log_probs: Float[Array, "... response"]
    entropies: Float[Array, "... response"]


def token_log_probs(
    policy: TokenPolicy, prompt: Prompt, response: Response, end: int, temperature: float = 1.0
) -> Float[Array, " response"]:
    """ln pi of each token of one response; 0 after its first ``end``, so that the sum is ln pi(y | x)."""
    log_probs = jax.nn.log_softmax(policy.logits(prompt, response) / temperature)
    chosen = jnp.take_along_axis(log_probs, response[:, None], axis=-1)[:, 0]
    return jnp.where(_within(response, end), chosen, 0.0)


def log_prob(policy: TokenPolicy, prompt: Prompt, response: Response, end: int) -> Scalar:
    """ln pi(y | x) of one response."""
    return jnp.sum(token_log_probs(policy, prompt, response, end))


def sample(
    policy: TokenPolicy,
    prompt: Prompt,
    key: Key,
    number: int,
    length: int,
    end: int,
    temperature: float = 1.0,
) -> Sampled:
    """``number`` responses of at most ``length`` tokens to one prompt, which is read once.

    Token by token the inverse of the cumulative distribution at one uniform number each. ln pi and entropies are of
    what was drawn from, softmax(logits/temperature).
    """
    start = policy.begin(prompt, length)
    uniforms = jax.random.uniform(key, (number, length))

    def next_token(logits: Logits, ended: Array, u: Scalar) -> Sampled:
        log_probs = jax.nn.log_softmax(logits / temperature)
        probs = jnp.exp(log_probs)
        reached = jnp.cumsum(probs)
        token = jnp.where(ended, end, jnp.sum(reached <= u * reached[-1])).astype(jnp.int32)
        entropy = -jnp.sum(probs * jnp.where(probs > 0, log_probs, 0.0))
        return Sampled(token, jnp.where(ended, 0.0, log_probs[token]), jnp.where(ended, 0.0, entropy))

    def draw(uniforms: Array) -> Sampled:
        def one(carry: tuple[Any, Logits, Array], u: Scalar) -> tuple[tuple, Sampled]:
            memory, logits, ended = carry
            drawn = next_token(logits, ended, u)
            memory, logits = policy.extend(memory, drawn.responses)
            return (memory, logits, ended | (drawn.responses == end)), drawn

        # Nothing is drawn after the last token, so that the policy need not read it.
        (_, logits, ended), drawn = jax.lax.scan(one, (*start, jnp.array(False)), uniforms[:-1])
        return jax.tree.map(jnp.append, drawn, next_token(logits, ended, uniforms[-1]))

    return jax.vmap(draw)(uniforms)


def _within(response: Response, end: int) -> Array:
    is_end = response == end
    return (jnp.cumsum(is_end) - is_end) == 0
