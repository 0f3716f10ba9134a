"""Networks as policies: a causal transformer that remembers keys and values, and a recurrent network.

Written for one sequence of tokens, and mapped outside. What is read, the prompt, and what is written, the response,
are one sequence; its last token is never read.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int

from thermodiff.array_types import Key, pytree_dataclass, static
from thermodiff.exploration.policies.policy import Logits, Prompt, Response
from thermodiff.validation import check_count, check_key, complain

HEAD = 32
"""Width of one head of attention, which has as many as fit."""
Hidden = Float[Array, "tokens width"]


class _Attention(nnx.Module):
    """softmax(q k / sqrt(width of a head)) v over the tokens so far."""

    def __init__(self, width: int, *, rngs: nnx.Rngs) -> None:
        self.heads = max(width // HEAD, 1)
        self.project = nnx.Linear(width, 3 * width, use_bias=False, rngs=rngs)
        self.merge = nnx.Linear(width, width, use_bias=False, rngs=rngs)

    def split(self, x: Array) -> tuple[Array, Array, Array]:
        """Query, key and value of each token, (..., heads, width of a head)."""
        parts = self.project(x).reshape(*x.shape[:-1], 3, self.heads, -1)
        return parts[..., 0, :, :], parts[..., 1, :, :], parts[..., 2, :, :]

    def all_at_once(self, x: Hidden) -> tuple[Hidden, tuple[Array, Array]]:
        """What each token takes from those up to itself; and keys and values."""
        query, key, value = self.split(x)
        seen = jnp.tril(jnp.ones((len(x), len(x)), bool))
        scores = jnp.einsum("ihd,jhd->hij", query, key) / jnp.sqrt(query.shape[-1])
        weights = jax.nn.softmax(jnp.where(seen, scores, -jnp.inf))
        mixed = jnp.einsum("hij,jhd->ihd", weights, value)
        return self.merge(mixed.reshape(x.shape)), (key, value)

    def next(self, x: Array, memory: tuple[Array, Array], at: Array) -> tuple[Array, tuple[Array, Array]]:
        """What the token at place ``at`` takes; and the memory with its key and value."""
        query, key, value = self.split(x)
        keys = jax.lax.dynamic_update_index_in_dim(memory[0], key, at, 0)
        values = jax.lax.dynamic_update_index_in_dim(memory[1], value, at, 0)
        scores = jnp.sum(query[None] * keys, axis=-1) / jnp.sqrt(query.shape[-1])
        seen = jnp.arange(len(keys)) <= at
        weights = jax.nn.softmax(jnp.where(seen[:, None], scores, -jnp.inf), axis=0)
        return self.merge(jnp.sum(weights[..., None] * values, axis=0).reshape(x.shape)), (keys, values)


class _Block(nnx.Module):
    """Attention and two layers, each added to what it was given, which is normalised first."""

    def __init__(self, width: int, *, rngs: nnx.Rngs) -> None:
        self.before_attention = nnx.RMSNorm(width, rngs=rngs)
        self.attention = _Attention(width, rngs=rngs)
        self.before_layers = nnx.RMSNorm(width, rngs=rngs)
        self.widen = nnx.Linear(width, 4 * width, rngs=rngs)
        self.narrow = nnx.Linear(4 * width, width, rngs=rngs)

    def layers(self, h: Array) -> Array:
        return h + self.narrow(nnx.gelu(self.widen(self.before_layers(h))))

    def all_at_once(self, h: Hidden) -> tuple[Hidden, tuple[Array, Array]]:
        taken, memory = self.attention.all_at_once(self.before_attention(h))
        return self.layers(h + taken), memory

    def next(self, h: Array, memory: tuple[Array, Array], at: Array) -> tuple[Array, tuple[Array, Array]]:
        taken, memory = self.attention.next(self.before_attention(h), memory, at)
        return self.layers(h + taken), memory


class Transformer(nnx.Module):
    """A causal transformer: embedding and place, ``depth`` blocks, logits. At most ``length`` tokens."""

    def __init__(self, vocabulary: int, length: int, width: int, depth: int, *, rngs: nnx.Rngs) -> None:
        self.embed = nnx.Embed(vocabulary, width, rngs=rngs)
        self.place = nnx.Embed(length, width, rngs=rngs)
        self.blocks = nnx.List([_Block(width, rngs=rngs) for _ in range(depth)])
        self.last = nnx.RMSNorm(width, rngs=rngs)
        self.leave = nnx.Linear(width, vocabulary, rngs=rngs)

    def read(self, tokens: Int[Array, " tokens"]) -> tuple[Array, list]:
        """Logits after each token, and the memory of each block."""
        h, memory = self.embed(tokens) + self.place(jnp.arange(len(tokens))), []
        for block in self.blocks:
            h, kept = block.all_at_once(h)
            memory.append(kept)
        return self.leave(self.last(h)), memory

    def begin(self, prompt: Prompt, room: int) -> tuple[Any, Logits]:
        """Keys and values of a prompt, with room for so many tokens more, and the logits of the first."""
        logits, memory = self.read(prompt)
        padded = jax.tree.map(lambda x: jnp.pad(x, ((0, room), (0, 0), (0, 0))), memory)
        return (padded, jnp.int32(len(prompt))), logits[-1]

    def extend(self, memory: Any, token: Int[Array, ""]) -> tuple[Any, Logits]:
        """The memory with one token's keys and values more, and the logits of the next."""
        blocks, at = memory
        h, new = self.embed(token) + self.place(at), []
        for block, kept in zip(self.blocks, blocks, strict=True):
            h, kept = block.next(h, kept, at)
            new.append(kept)
        return (new, at + 1), self.leave(self.last(h))


class Recurrent(nnx.Module):
    """``depth`` gated recurrent units, one above the other, and logits; of any length."""

    def __init__(self, vocabulary: int, length: int, width: int, depth: int, *, rngs: nnx.Rngs) -> None:
        del length
        self.embed = nnx.Embed(vocabulary, width, rngs=rngs)
        self.cells = nnx.List([nnx.GRUCell(width, width, rngs=rngs) for _ in range(depth)])
        self.leave = nnx.Linear(width, vocabulary, rngs=rngs)

    def next(self, memory: list, token: Int[Array, ""]) -> tuple[list, Array]:
        """What the units remember after one token more, and what the uppermost says."""
        h, new = self.embed(token), []
        for cell, carry in zip(self.cells, memory, strict=True):
            carry, h = cell(carry, h)
            new.append(carry)
        return new, h

    def read(self, tokens: Int[Array, " tokens"]) -> tuple[Array, list]:
        """Logits after each token, and what is remembered after the last."""
        width = self.embed.features
        memory, hidden = jax.lax.scan(self.next, [jnp.zeros(width) for _ in self.cells], tokens)
        return self.leave(hidden), memory

    def begin(self, prompt: Prompt, room: int) -> tuple[Any, Logits]:
        """What is remembered of a prompt, and the logits of the first token; ``room`` is not needed."""
        del room
        logits, memory = self.read(prompt)
        return memory, logits[-1]

    def extend(self, memory: Any, token: Int[Array, ""]) -> tuple[Any, Logits]:
        """The memory after one token more, and the logits of the next."""
        memory, h = self.next(memory, token)
        return memory, self.leave(h)


@pytree_dataclass
class NetworkPolicy:
    """A module with its weights as a policy. ``module`` and the sizes are compiled in; ``params`` are its leaves."""

    module: Any = static()
    vocabulary: int = static()
    length: int = static()
    width: int = static()
    depth: int = static()
    params: Any

    def logits(self, prompt: Prompt, response: Response) -> Float[Array, "response vocabulary"]:
        """Those of each token of ``response``, given what stands before it."""
        tokens = jnp.concatenate([prompt, response[:-1]])
        return self._merged().read(tokens)[0][len(prompt) - 1 :]

    def begin(self, prompt: Prompt, room: int) -> tuple[Any, Logits]:
        """The memory of a prompt, with room for so many tokens, and the logits of the first."""
        return self._merged().begin(prompt, room)

    def extend(self, memory: Any, token: Int[Array, ""]) -> tuple[Any, Logits]:
        """The memory with one token more, and the logits of the next."""
        return self._merged().extend(memory, token)

    def _merged(self) -> Any:
        sizes = (self.vocabulary, self.length, self.width, self.depth)
        return nnx.merge(_graph(self.module, *sizes), self.params)


@functools.cache
def _graph(module: Any, *sizes: int) -> nnx.GraphDef:
    """The module without its arrays."""
    return nnx.split(nnx.eval_shape(lambda: module(*sizes, rngs=nnx.Rngs(0))))[0]


@functools.partial(jax.jit, static_argnums=(0, 2))
def _initial_params(module: Any, key: Key, sizes: tuple[int, ...]) -> dict:
    return nnx.to_pure_dict(nnx.state(module(*sizes, rngs=nnx.Rngs(key))))


def _new(module: Any, key: Key, task: Any, width: int, depth: int) -> NetworkPolicy:
    key = check_key(key)
    for name, value in {"width": width, "depth": depth}.items():
        check_count(name, value)
    if len(task.vocabulary) < 2:
        raise complain("task", f"a vocabulary of {len(task.vocabulary)} words", "two or more to choose from")
    sizes = (len(task.vocabulary), task.prompt_length + task.response_length, width, depth)
    return NetworkPolicy(module, *sizes, _initial_params(module, key, sizes))


def transformer_policy(key: Key, task: Any, width: int = 96, depth: int = 2) -> NetworkPolicy:
    """A new causal transformer for a task's tokens, its heads 32 wide. Raises ValueError for sizes below 1."""
    if width > HEAD and width % HEAD:
        raise complain("width", f"{width}", f"at most {HEAD}, or a multiple of it")
    return _new(Transformer, key, task, width, depth)


def recurrent_policy(key: Key, task: Any, width: int = 192, depth: int = 2) -> NetworkPolicy:
    """A new recurrent network of gated units for a task's tokens. Raises ValueError for sizes below 1."""
    return _new(Recurrent, key, task, width, depth)
