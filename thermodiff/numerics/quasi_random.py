"""Sobol' points and their Owen scrambling: evenly spread, and random enough for an error bar."""

from __future__ import annotations

import warnings

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt32


def sobol(n: int, dim: int) -> np.ndarray:
    """The first n points of the Sobol' sequence as 32-bit binary fractions, shape (n, dim), uint32."""
    from scipy.stats import qmc  # slow to import

    engine = qmc.Sobol(dim, scramble=False, bits=32)
    with warnings.catch_warnings():
        # Cut into blocks that are powers of two by their owner, the total need not be one.
        warnings.filterwarnings("ignore", message="The balance properties")
        return np.round(engine.random(n) * 2.0**32).astype(np.uint32)


def _reverse_bits(x: UInt32[Array, "..."]) -> UInt32[Array, "..."]:
    for shift, mask in ((1, 0x55555555), (2, 0x33333333), (4, 0x0F0F0F0F), (8, 0x00FF00FF)):
        x = ((x >> shift) & jnp.uint32(mask)) | ((x & jnp.uint32(mask)) << shift)
    return (x >> 16) | (x << 16)


def owen_scramble(points: UInt32[Array, "m k"], seeds: UInt32[Array, " k"]) -> Float[Array, "m k"]:
    """Nested uniform scrambling: each point becomes uniform on (0, 1)^k and the set keeps its evenness.

    Every bit is flipped by a hash of the higher bits and the coordinate's seed (Laine & Karras 2011, with the constants
    of Vegdahl 2021). The result lies strictly inside (0, 1), so that quantile functions stay finite.
    """
    x = _reverse_bits(points)
    x = x ^ (x * jnp.uint32(0x3D20ADEA))
    x = (x + seeds) * ((seeds >> 16) | jnp.uint32(1))
    x = x ^ (x * jnp.uint32(0x05526C56))
    x = x ^ (x * jnp.uint32(0x53A22864))
    x = _reverse_bits(x)
    # 23 bits and a half: single precision holds them exactly, so nothing is rounded up to 1.
    return ((x >> 9).astype(float) + 0.5) * 2.0**-23
