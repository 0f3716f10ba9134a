"""A sampler to copy: second order at the middle of a step. Goes to thermodiff/sampling/NAME.py, or stays your own.

In z = x/alpha with s = sigma/alpha the flow is dz/ds = n(z, t), and a step goes from s to s'. An object of this class
is taken by ``td.sample(..., sampler=Midpoint(process))`` as it is; a name for it is a line in SAMPLERS.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from thermodiff.array_types import Key, Process, Vector, pytree_dataclass
from thermodiff.sampling.samplers import Noise, Step


@pytree_dataclass
class Midpoint:
    """z' = z + (s' - s) n at sqrt(s s'), where Euler's method leads: two score calls a step, nothing drawn."""

    process: Process
    calls = 2
    deterministic = True  # then td.sample_quality knows its divergence; leave it out where noise is drawn

    def start(self, z: Vector) -> Any:
        """Nothing is remembered between steps."""
        return ()

    def step(self, noise: Noise, z: Vector, memory: Any, at: Step, key: Key) -> tuple[Vector, Any]:
        """z at the end of the step, and what the next one is given; ``key`` is the step's own."""
        middle = jnp.sqrt(at.s * at.next_s)
        ahead = z + (middle - at.s) * noise(z, at.time)
        time = self.process.time_of_log_snr(-2 * jnp.log(middle))
        return z + (at.next_s - at.s) * noise(ahead, time), memory
