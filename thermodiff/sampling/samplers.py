"""How one step is made from the noise prediction, in z = x/alpha where nothing drifts: a sampler is a small class.

A step goes from the noise ratio s = sigma/alpha to s' = s e^-h, and D = z - s n_th(alpha z, t) is the denoiser. The
flow is dz/ds = n, so that Euler's method in s holds D fixed and is exact for a D that stands still:

    euler            z' = z - (1 - e^-h) s n                              DDIM, Song, Meng & Ermon (2021a)
    heun             the mean of that n and the n at its end              Karras et al. (2022), algorithm 1
    dpmpp_2m         z' = e^-h z + (1 - e^-h) (D + (h/2h_-)(D - D_-))     DPM-Solver++(2M), Lu et al. (2022)
    multistep        z' = e^-h z + (1 - e^-h) D + (s' h - (s - s')) (D - D_-)/(s - s_-)       this project
    ancestral        z' = z - (1 - a) s n + sqrt(v) xi,  a = e^-2h,  v = s'^2 (1 - a)(1 + e)     sampling.kernels
    euler_maruyama   z' = z - (1 - e^-(1+zeta)h) s n + s' sqrt(1 - e^-2 zeta h) xi
with the D, h and s of the step before as D_-, h_- and s_-, and xi standard normal. Where dpmpp_2m takes D for linear in
ln s over a step, multistep takes it for linear in s: over a long last step the first extrapolates without end, the
second no further than to s = 0, where the denoiser comes to rest. For short steps they are the same. The ancestral
step is that of a kernel, and ``sampling.kernels`` tells which e there are. The last is the exact step, for a D that
stands still, of the reverse diffusion with stochasticity zeta: euler at 0 and the ancestral posterior step at 1.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from thermodiff.array_types import Key, Scalar, Vector, as_pytree, pytree_dataclass
from thermodiff.sampling.kernels import AnalyticKernel, named_kernel, steps_of_ratios
from thermodiff.sampling.schedules import Schedule
from thermodiff.types import is_concrete
from thermodiff.validation import check_numbers, complain

Noise = Callable[[Vector, Scalar], Vector]
"""n_th(alpha z, t), shape (d,), of z (d,) and t."""
LARGEST_HEUN_RATIO = 10.0
"""Heun's correction is taken at s' with a slope that reaches over the whole step: beyond this s/s' it diverges."""


class Step(NamedTuple):
    """One step: its times, its noise ratios s and s', h = ln(s/s'), that of the step before, and its place.

    ``last_h`` of the first step is infinite: a slope over it is 0.
    """

    time: Any
    next_time: Any
    s: Any
    next_s: Any
    h: Any
    last_h: Any
    index: Any


def sampler_steps(schedule: Schedule) -> Step:
    """The steps of a schedule, each field (N,), computed in double precision."""
    s = schedule.noise_ratio
    h = np.log(s[:-1] / s[1:])
    last_h = np.concatenate([[np.inf], h[:-1]])
    steps = Step(schedule.time[:-1], schedule.time[1:], s[:-1], s[1:], h, last_h, index=np.arange(len(h)))
    return Step(*(jnp.asarray(field, dtype=int if field is steps.index else float) for field in steps))


@runtime_checkable
class Sampler(Protocol):
    """What makes the steps of one sample; ``calls`` is the number of score calls a step.

    An object of a class that is no pytree is compiled in as it is. One that draws nothing may say so by an attribute
    ``deterministic``: its divergence from a known truth can then be computed (``td.sample_quality``).
    """

    calls: int

    def start(self, z: Vector) -> Any:
        """What the first step is given as memory."""

    def step(self, noise: Noise, z: Vector, memory: Any, at: Step, key: Key) -> tuple[Vector, Any]:
        """z at the step's end, and the memory for the next."""


class _WithoutMemory:
    """What most samplers share."""

    calls = 1

    def start(self, z: Vector) -> Any:
        """Nothing."""
        return ()


@pytree_dataclass
class Euler(_WithoutMemory):
    """First order, deterministic: DDIM."""

    deterministic = True

    def step(self, noise: Noise, z: Vector, memory: Any, at: Step, key: Key) -> tuple[Vector, Any]:
        """z - (1 - e^-h) s n."""
        return z + jnp.expm1(-at.h) * at.s * noise(z, at.time), memory


@pytree_dataclass
class Heun(_WithoutMemory):
    """Second order, deterministic, two calls a step."""

    calls, deterministic = 2, True

    def step(self, noise: Noise, z: Vector, memory: Any, at: Step, key: Key) -> tuple[Vector, Any]:
        """The trapezoid rule in s, its far end predicted by Euler's."""
        change = jnp.expm1(-at.h) * at.s
        first = noise(z, at.time)
        second = noise(z + change * first, at.next_time)
        return z + 0.5 * change * (first + second), memory


@pytree_dataclass
class MultistepDPM:
    """DPM-Solver++(2M): second order from the denoiser of the step before, deterministic, one call a step."""

    calls, deterministic = 1, True

    def start(self, z: Vector) -> Vector:
        """No denoiser yet: the first step gives it no weight."""
        return jnp.zeros_like(z)

    def step(self, noise: Noise, z: Vector, memory: Any, at: Step, key: Key) -> tuple[Vector, Any]:
        """e^-h z + (1 - e^-h)(D + (h/2h_-)(D - D_-))."""
        denoised = z - at.s * noise(z, at.time)
        ahead = denoised + 0.5 * at.h / at.last_h * (denoised - memory)
        return jnp.exp(-at.h) * z - jnp.expm1(-at.h) * ahead, denoised


@pytree_dataclass
class Multistep:
    """Second order from the denoiser of the step before, taken for linear in s; deterministic, one call a step."""

    calls, deterministic = 1, True

    def start(self, z: Vector) -> Any:
        """No denoiser yet, and infinitely far away: it has no weight in the first step."""
        return jnp.zeros_like(z), jnp.full((), jnp.inf, z.dtype)

    def step(self, noise: Noise, z: Vector, memory: Any, at: Step, key: Key) -> tuple[Vector, Any]:
        """e^-h z + (1 - e^-h) D + (s' h - (s - s')) (D - D_-)/(s - s_-)."""
        last, last_s = memory
        denoised = z - at.s * noise(z, at.time)
        reach = at.next_s * at.h - (at.s - at.next_s)
        bent = reach * (denoised - last) / (at.s - last_s)
        return jnp.exp(-at.h) * z - jnp.expm1(-at.h) * denoised + bent, (denoised, at.s)


@pytree_dataclass
class Ancestral(_WithoutMemory):
    """The Gaussian step of a kernel of ``sampling.kernels``: ``gain`` g, ``deviation`` sqrt(v) of each step, (N,)."""

    gain: Float[Array, " N"]
    deviation: Float[Array, " N"]

    def step(self, noise: Noise, z: Vector, memory: Any, at: Step, key: Key) -> tuple[Vector, Any]:
        """z - g s n + sqrt(v) xi."""
        fresh = self.deviation[at.index] * jax.random.normal(key, z.shape, z.dtype)
        return z - self.gain[at.index] * at.s * noise(z, at.time) + fresh, memory


@pytree_dataclass
class EulerMaruyama(_WithoutMemory):
    """The reverse diffusion with ``stochasticity`` zeta >= 0, its linear part solved exactly."""

    stochasticity: Any

    def step(self, noise: Noise, z: Vector, memory: Any, at: Step, key: Key) -> tuple[Vector, Any]:
        """z - (1 - e^-(1 + zeta)h) s n + s' sqrt(1 - e^-2 zeta h) xi."""
        deviation = at.next_s * jnp.sqrt(-jnp.expm1(-2 * self.stochasticity * at.h))
        change = jnp.expm1(-(1 + self.stochasticity) * at.h) * at.s
        fresh = deviation * jax.random.normal(key, z.shape, z.dtype)
        return z + change * noise(z, at.time) + fresh, memory


class Request(NamedTuple):
    """What a sampler may be made of: a schedule, d, the caller's options, and E|x0 - D|^2 at given noise ratios.

    ``mmse`` is called only by what needs it: it may cost a measurement.
    """

    schedule: Schedule
    dim: int
    stochasticity: Any
    kernel: Any
    mmse: Callable[[np.ndarray], np.ndarray]


def _ancestral(request: Request) -> Ancestral:
    steps = steps_of_ratios(request.schedule)
    kernel = named_kernel(request.kernel)
    if kernel is None:
        s = request.schedule.noise_ratio[:-1]
        kernel = AnalyticKernel(steps.s[1:], request.mmse(s)[::-1])
    at = kernel.at(steps, request.dim)
    return Ancestral(*(jnp.asarray(by[::-1], dtype=float) for by in (at.gain, at.deviation(steps))))


def _heun(request: Request) -> Heun:
    s = request.schedule.noise_ratio
    most = float(np.max(s[:-1] / s[1:]))
    if most > LARGEST_HEUN_RATIO:
        warnings.warn(
            f"heun: a step over a factor {most:.3g} of sigma/alpha, more than {LARGEST_HEUN_RATIO:g}, on which it "
            "diverges; take more steps, the schedule 'edm', or sampler='multistep'",
            stacklevel=4,
        )
    return Heun()


def _euler_maruyama(request: Request) -> EulerMaruyama:
    given = request.stochasticity
    if is_concrete(given):
        check_numbers("stochasticity", given)
        if np.shape(given) != () or not (np.isfinite(given) and given >= 0):
            raise complain(
                "stochasticity", f"{given}", "a number of at least 0 (0 is the flow, 1 the reverse SDE)"
            )
    return EulerMaruyama(jnp.asarray(given, dtype=float))


SAMPLERS: dict[str, Callable[[Request], Sampler]] = {
    "dpmpp_2m": lambda request: MultistepDPM(),
    "multistep": lambda request: Multistep(),
    "euler": lambda request: Euler(),
    "heun": _heun,
    "ancestral": _ancestral,
    "euler_maruyama": _euler_maruyama,
}
"""By name. A new one is its class and a line here; an object of a class of the user's own needs no line."""


def as_sampler(sampler: Any, request: Request) -> Sampler:
    """A sampler by its name, or the user's own. Raises ValueError for what is neither."""
    if isinstance(sampler, str) and sampler in SAMPLERS:
        return SAMPLERS[sampler](request)
    if isinstance(sampler, str | type) or not isinstance(sampler, Sampler):
        name = (
            repr(sampler)
            if isinstance(sampler, str)
            else getattr(sampler, "__name__", type(sampler).__name__)
        )
        need = f"one of {', '.join(SAMPLERS)}, or an object with calls, start and step"
        raise complain("sampler", name, need)
    return as_pytree(sampler)
