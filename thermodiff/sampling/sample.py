"""``td.sample``: new samples of a score, by any sampler on any schedule."""

from __future__ import annotations

from typing import Any, NamedTuple

from jaxtyping import Array, Float

from thermodiff.array_types import Key, Score
from thermodiff.distributions.gaussian import Gaussian
from thermodiff.processes.base import last_time
from thermodiff.runtime.devices import in_full_precision
from thermodiff.sampling.clocks import Clock
from thermodiff.sampling.generation import generate
from thermodiff.sampling.kernels import Kernel
from thermodiff.sampling.own_clock import own_clock
from thermodiff.sampling.samplers import Request, Sampler, as_sampler
from thermodiff.sampling.schedules import SPACINGS, Schedule, check_made_for, check_spacing, schedule_between
from thermodiff.scores.base import reference_of
from thermodiff.scores.diffusion import LearnedDiffusion, learned_diffusion
from thermodiff.thermodynamics.chosen_prior import chosen_prior
from thermodiff.types import is_concrete
from thermodiff.validation import check_count, check_key, check_process, complain

DEFAULT_STEPS = 16


class Sampled(NamedTuple):
    """New samples x (n, d) at the schedule's last time, and what one of them cost.

    ``evaluations`` is the number of score calls a sample; ``paths`` (n, N+1, d), if asked for, where each was at the
    schedule's times, data first.
    """

    x: Float[Array, "n d"]
    evaluations: int
    schedule: Schedule
    paths: Float[Array, "n N1 d"] | None = None


@in_full_precision
def sample(
    key: Key,
    score: Score,
    process: Any,
    n: int,
    *,
    sampler: Any = "multistep",
    steps: int = DEFAULT_STEPS,
    schedule: Any = None,
    stochasticity: Any = 1.0,
    kernel: Kernel | str = "analytic",
    prior: Gaussian | str | None = None,
    paths: bool = False,
) -> Sampled:
    """``n`` new samples of ``score`` (x (d,), t -> (d,), units of 1/x) from the prior at t = 1 down to t_min.

    ``sampler`` is one of multistep, dpmpp_2m, euler, heun (two score calls a step), ancestral (the step of ``kernel``:
    posterior, forward, analytic, or one of ``sampling.kernels``) and euler_maruyama (with ``stochasticity`` zeta >= 0),
    or an object of the user's own (``sampling.samplers.Sampler``). ``schedule`` is a ``Schedule``, whose number of
    steps then counts, the name of one, or a ``Clock``. None is the flow-curvature clock of the score itself, from 1024
    samples that it makes in 64 steps: measured once a score and process, kept while the score lives, and about 270
    thousand score calls. The analytic kernel needs E|x0 - D|^2 and takes it from the same measurement, or from the
    clock that is given. ``prior`` is a Gaussian, "moments" or "noise" as in ``td.flow_likelihood``.

    What comes out is x at t_min, data with noise of sigma(t_min) on it. Sample i depends on ``key`` and i, not on n.
    Raises ValueError for other names, a schedule that does not begin at t = 1, ends below the score's t_min or is
    another process's, and where neither score nor prior say what d is; ScoreError where the score gives NaN. Source:
    ``sampling.samplers`` for each; the clock is this project's.
    """
    key = check_key(key)
    check_count("n", n)
    ready = prepare(score, process, sampler, steps, schedule, stochasticity, kernel, prior)
    x, visited = generate(key, ready.sampler, ready.diffusion, ready.prior, ready.schedule, n, paths)
    return Sampled(x, ready.evaluations, ready.schedule, visited)


class Prepared(NamedTuple):
    """A sampler with all that it needs, checked."""

    sampler: Sampler
    diffusion: LearnedDiffusion
    prior: Gaussian
    schedule: Schedule

    @property
    def evaluations(self) -> int:
        """Score calls a sample."""
        return self.sampler.calls * self.schedule.steps


def prepare(
    score: Any,
    process: Any,
    sampler: Any,
    steps: Any,
    schedule: Any,
    stochasticity: Any,
    kernel: Any,
    prior: Any,
) -> Prepared:
    """What the arguments of ``sample`` ask for."""
    check_process(process)
    dim = _dim(score, prior)
    diffusion = learned_diffusion(score, process, dim).taking(None)
    prior, _ = chosen_prior(prior, diffusion.score, process, dim)
    own = lambda: own_clock(score, diffusion, prior)  # noqa: E731
    if isinstance(schedule, Schedule):
        check_schedule(schedule, diffusion)
        made = schedule
    else:
        check_count("steps", steps)
        made = _schedule(schedule, steps, diffusion, own)
    mmse = schedule.mmse_at if isinstance(schedule, Clock) else lambda ratio: own().mmse_at(ratio)
    chosen = as_sampler(sampler, Request(made, dim, stochasticity, kernel, mmse))
    return Prepared(chosen, diffusion, prior, made)


def _dim(score: Any, prior: Any) -> int:
    known = reference_of(score) or (prior if isinstance(prior, Gaussian) else None)
    if known is None:
        raise complain(
            "prior",
            f"{prior!r} for a score that knows of no data",
            "a Gaussian, which says how many dimensions there are, such as td.noise_prior(process, 2)",
        )
    return known.dim


def _schedule(schedule: Any, steps: int, diffusion: LearnedDiffusion, own: Any) -> Schedule:
    """Of a name, a clock, or none."""
    if isinstance(schedule, str):
        check_spacing("schedule", schedule)
        return schedule_between(
            schedule, diffusion.process, steps, diffusion.starting_time(), diffusion.reference
        )
    if schedule is None:
        return own().schedule(steps)
    if isinstance(schedule, Clock):
        made = schedule.schedule(steps)
        check_schedule(made, diffusion)
        return made
    need = f"a td.Schedule, a clock, None, or one of {', '.join(SPACINGS)}"
    raise complain("schedule", type(schedule).__name__, need)


def check_schedule(schedule: Schedule, diffusion: LearnedDiffusion) -> None:
    """Raise unless the schedule begins at t = 1, ends no lower than the score's own t_min, and fits the process."""
    last = last_time(diffusion.process)
    if is_concrete(last) and abs(schedule.time[0] - float(last)) > 1e-6:
        raise complain(
            "schedule", f"a first time of {schedule.time[0]:g}", f"{float(last):g}, where the prior stands"
        )
    least = getattr(diffusion.score, "t_min", None)
    if least is not None and is_concrete(least) and schedule.t_min < float(least) * (1 - 1e-5):
        raise complain(
            "schedule", f"a last time of {schedule.t_min:.3g}", f"at least t_min = {float(least):.3g}"
        )
    check_made_for(schedule, diffusion.process)
