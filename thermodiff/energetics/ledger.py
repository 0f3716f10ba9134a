"""The energy ledger of a generative diffusion: what one sample costs, line by line, each a theorem or a reading.

``energetics.prices`` has the theorems as formulae; here they are measured, given their sense and written down.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np

from thermodiff.array_types import Key, Process, Score
from thermodiff.energetics.driving import action_of
from thermodiff.energetics.entropy_production import BOUNDED, ENDLESS, EXACT, production_error
from thermodiff.energetics.hardware import FLOOR, Hardware, check_stochasticity
from thermodiff.energetics.lines import LINES, NOT_KNOWN, Line, Rule, ledger_text
from thermodiff.energetics.measurement import Measured, measure
from thermodiff.energetics.prices import ledger_constants, prices
from thermodiff.numerics.delta_method import estimate_functions
from thermodiff.runtime.devices import in_full_precision
from thermodiff.thermodynamics.ensembles import DEFAULT_REPLICATES
from thermodiff.thermodynamics.time_grid import DEFAULT_NODES
from thermodiff.types import Estimate
from thermodiff.validation import complain

FLOW_HEAT = "infinite: at stochasticity 0 the generator has no noise, and heat against no noise has no bound"
MOVING_TRAP = (
    "the equilibrium of this process moves, so that work is no difference of free energy; see cycle_work"
)
NOTHING_HELD = "the data are the trap's own Gaussian, from which nothing can be extracted"
NO_SCORE = "needs the exact score, which is not known for rows"
NO_DENSITY = "needs the data's entropy, which is not known for rows"


@dataclass(frozen=True)
class Ledger:
    """What ``td.energy_ledger`` returns; print it for a table. Each line is a ``Line`` in nats, which are k_B T.

    entropy_drop          dS = S(p_1) - S(p_tmin), what generation takes out of the noise
    entropy_production    Sig of the noising, the price of everything below
    dissipation           T1, intrinsic entropy production of the generator, Sig/zeta
    bath_entropy          T2, entropy given to the bath in generation
    free_energy, work     T3, stored and paid where the trap is constant, with its efficiency zeta/(1 + zeta)
    cycle_work            T4, heat = work of generating a sample and letting it relax: the number to quote
    neural_entropy        S_NN = int E|f - D s_th|^2/D dt, the learned score's own; its bits are "information stored"
    waste                 T5, path KL of the wrong score
    mismatch              T6, -ELBO - S0 >= KL(p_0||p_th)
    extraction            T7, work that an engine built for the model gets out of a sample, with its efficiency
    conditional_entropy   T8, what is still missing at t = 1 and was known at t_min
    negentropy            T9, free energy in the cheapest Gaussian trap, and cheapest_cycle, a closed cycle in it
    known says how Sig is known; action is Lam, in squared units of the data.
    """

    entropy_drop: Line
    entropy_production: Line
    dissipation: Line
    bath_entropy: Line
    free_energy: Line
    work: Line
    efficiency: Line
    cycle_work: Line
    neural_entropy: Line
    waste: Line
    mismatch: Line
    extraction: Line
    extraction_efficiency: Line
    conditional_entropy: Line
    negentropy: Line
    cheapest_cycle: Line
    stochasticity: float
    action: float
    hardware: Hardware
    known: str
    t_min: float
    dim: int

    @property
    def lines(self) -> dict[str, Line]:
        """Every line by its name."""
        return {
            f.name: getattr(self, f.name) for f in fields(self) if isinstance(getattr(self, f.name), Line)
        }

    @property
    def bits(self) -> dict[str, Estimate]:
        """The lines that are entropies or energies in bits, nats over ln 2."""
        return {name: line.estimate.in_bits() for name, line in self.lines.items() if LINES[name].has_unit}

    @property
    def joules(self) -> dict[str, Estimate]:
        """The same in joules at the hardware's temperature, k_B T a nat."""
        known = {name: line for name, line in self.lines.items() if LINES[name].has_unit}
        return {name: self.hardware.energy(line.estimate) for name, line in known.items()}

    @property
    def seconds(self) -> float:
        """How long the hardware takes to generate a sample at fixed mobility, zeta Lam tau_1."""
        return self.hardware.duration(self.action, self.stochasticity)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings, ready for JSON."""
        joules = self.joules
        return {
            "stochasticity": self.stochasticity,
            "action": self.action,
            "seconds": self.seconds,
            "temperature": self.hardware.temperature,
            "relaxation_time": self.hardware.relaxation_time,
            "length": self.hardware.length,
            "t_min": self.t_min,
            "dim": self.dim,
            "known": self.known,
            "unit": "nats per sample; energies in k_B T are the same numbers",
            "floor": FLOOR,
            "lines": {
                name: {**line._asdict(), "joules": float(joules[name].mean) if name in joules else None}
                for name, line in self.lines.items()
            },
        }

    def __str__(self) -> str:
        """The table."""
        return ledger_text(self)


class _Standing(NamedTuple):
    """What the ledger has to know of a measurement beside its numbers."""

    bounded: bool
    finite: bool
    trap: bool
    flow: bool


@in_full_precision
def energy_ledger(
    key: Key,
    score: Score,
    process: Process,
    data: Any,
    *,
    stochasticity: float = 1.0,
    hardware: Any = None,
    t_min: float | None = None,
    nodes: int = DEFAULT_NODES,
    replicates: int = DEFAULT_REPLICATES,
    points: int = 256,
    max_points: int | None = 4096,
) -> Ledger:
    """What generating one sample costs, and what the score wastes of it, line by line with standard errors.

    ``data`` and the sizes are as in ``td.entropy_rates``; ``stochasticity`` zeta chooses the generator among those of
    the same marginals, 1 the reverse SDE, 0 the probability flow, whose heat is infinite. ``hardware`` (a
    ``td.Hardware``, default 300 K and 1 microsecond) turns nats into joules and action into seconds. Where the density
    is known Sig comes from its entropies; for rows it is the score's certified lower bound, and each line says in which
    sense it then holds. A Sig that is infinite is so written, with its reason; the reason says what it is from t_min
    on.

    Returns a Ledger. Raises ValueError for bad arguments. Source: this project.
    """
    zeta = check_stochasticity(stochasticity)
    if hardware is not None and not isinstance(hardware, Hardware):
        need = "a td.Hardware, such as td.Hardware(temperature=300.0), or None"
        raise complain("hardware", type(hardware).__name__, need)
    measured = measure(key, score, process, data, t_min, nodes, replicates, points, max_points)
    # At stochasticity 0 what does not depend on it is computed at 1, and the rest is infinite.
    values = estimate_functions(prices, ledger_constants(measured, zeta or 1.0), measured.means)
    known = EXACT if measured.means.S0 is not None and measured.means.S1 is not None else BOUNDED
    standing = _Standing(known == BOUNDED, measured.finite, measured.trap is not None, zeta == 0)
    values["efficiency"] = Estimate(zeta / (1 + zeta), 0.0, measured.means.local.shape[0])
    errors = _quadrature_errors(measured)
    return Ledger(
        **{name: _line(rule, values.get(name), errors, standing) for name, rule in LINES.items()},
        stochasticity=zeta,
        action=action_of(process, measured.grid),
        hardware=hardware or Hardware(),
        known=known,
        t_min=float(measured.grid.time[0]),
        dim=measured.dim,
    )


def _quadrature_errors(measured: Measured) -> dict[str, float]:
    """Of Sig, of S_NN and of -ELBO, nats."""
    rule, m = measured.grid.rule, measured.means
    local, square, overlap = (
        np.asarray(v, dtype=np.float64).mean(axis=0) for v in (m.local, m.square, m.overlap)
    )
    return {
        "Sig": production_error(measured),
        "S_NN": float(rule.error(local)),
        "ELBO": float(rule.error(2 * overlap - square)),
        "": 0.0,
    }


def _line(rule: Rule, value: Estimate | None, errors: dict[str, float], standing: _Standing) -> Line:
    """A line with its sense and standing, or the reason why it is infinite or not known."""
    nothing = Line(float("nan"), float("nan"), 0, float("nan"), "", NOT_KNOWN, rule.law, "")
    if rule.of_the_trap and not standing.trap:
        return nothing._replace(note=MOVING_TRAP)
    if value is not None and np.isnan(value.mean):
        return nothing._replace(note=NOTHING_HELD)
    if value is None:
        return nothing._replace(note=NO_SCORE if rule.law == "T5" else NO_DENSITY)
    sense = rule.sense_where_bounded if standing.bounded else rule.sense
    error = errors[rule.integral] * rule.multiple
    line = Line(
        float(value.mean), float(value.stderr), value.n, error, sense, rule.standing, rule.law, rule.note
    )
    if rule.over_zeta and standing.flow:
        return line._replace(mean=float("inf"), stderr=0.0, sense="=", note=FLOW_HEAT)
    if rule.of_sig and not standing.finite:
        return line._replace(
            mean=float("inf"), stderr=0.0, sense="=", note=f"{ENDLESS}; from t_min on {value} nats"
        )
    return line
