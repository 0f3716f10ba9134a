"""The lines of an energy ledger: what each is called, which theorem it is, in which sense, how it is printed."""

from __future__ import annotations

import textwrap
from typing import Any, NamedTuple

from thermodiff.energetics.hardware import FLOOR
from thermodiff.types import Estimate, aligned, to_error, to_error_of_any_size

THEOREM, READING, NOT_KNOWN = "theorem", "reading", "not known"


class Line(NamedTuple):
    """A number of the ledger, nats: mean, standard error, units, quadrature error; then what it says.

    ``sense`` is "=", ">=" (the true number is at least this) or "<="; ``standing`` theorem, reading or not known;
    ``law`` T1 to T9; ``note`` what it means, or why it is infinite or not known.
    """

    mean: float
    stderr: float
    n: int
    quadrature_error: float
    sense: str
    standing: str
    law: str
    note: str

    @property
    def estimate(self) -> Estimate:
        """The number with its standard error."""
        return Estimate(self.mean, self.stderr, self.n)


class Rule(NamedTuple):
    """What holds of a line whatever is measured.

    ``sense`` with the density known and ``sense_where_bounded`` with Sig its lower bound; ``integral`` whose quadrature
    error it has, ``multiple`` times; ``of_sig`` infinite with it, ``over_zeta`` infinite for the flow, ``of_the_trap``
    only where the equilibrium does not move; ``has_unit`` unless a pure number.
    """

    label: str
    law: str
    note: str
    sense_where_bounded: str = ">="
    sense: str = "="
    standing: str = THEOREM
    integral: str = "Sig"
    multiple: float = 1.0
    of_sig: bool = False
    over_zeta: bool = False
    of_the_trap: bool = False
    has_unit: bool = True


LINES = {
    "entropy_drop": Rule("dS, entropy taken out of the noise", "", "S(p_1) - S(p_tmin)"),
    "entropy_production": Rule("Sig, entropy production", "", "the price of everything below", of_sig=True),
    "dissipation": Rule("Sig/zeta, of the generator", "T1", "intrinsic", of_sig=True, over_zeta=True),
    "bath_entropy": Rule(
        "to the bath in generation", "T2", "dS + Sig/zeta", multiple=2.0, of_sig=True, over_zeta=True
    ),
    "free_energy": Rule("dF, stored in the sample", "T3", "dF = T Sig", of_sig=True, of_the_trap=True),
    "work": Rule(
        "work of generation",
        "T3",
        "dF (1 + 1/zeta)",
        multiple=2.0,
        of_sig=True,
        over_zeta=True,
        of_the_trap=True,
    ),
    "efficiency": Rule(
        "dF/work",
        "T3",
        "zeta/(1 + zeta)",
        sense_where_bounded="=",
        integral="",
        of_the_trap=True,
        has_unit=False,
    ),
    "cycle_work": Rule(
        "CLOSED CYCLE, heat = work", "T4", "the number to quote", multiple=2.0, of_sig=True, over_zeta=True
    ),
    "neural_entropy": Rule(
        "S_NN, neural entropy",
        "",
        "the learned score's own, and no bound",
        sense_where_bounded="=",
        standing=READING,
        integral="S_NN",
    ),
    "waste": Rule("waste of the score", "T5", "path KL", integral="", over_zeta=True),
    "mismatch": Rule(
        "-ELBO - S0, second law", "T6", "at least KL(p_0||p_th)", integral="ELBO", sense_where_bounded="="
    ),
    "extraction": Rule(
        "work an engine of the model gets", "T7", "CE(p_0, p_eq) + ELBO", sense=">=", integral="ELBO"
    ),
    "extraction_efficiency": Rule(
        "of what the data hold",
        "T7",
        "1 - KL(p_0||p_th)/KL(p_0||p_eq)",
        sense=">=",
        integral="",
        has_unit=False,
    ),
    "conditional_entropy": Rule("H(x_0|x_1) - H(x_0|x_tmin)", "T8", "information still missing", "<="),
    "negentropy": Rule("dF in the cheapest Gaussian trap", "T9", "S(G_0) - S0"),
    "cheapest_cycle": Rule(
        "closed cycle in that trap", "T9", "(1 + 1/zeta) negentropy", multiple=2.0, over_zeta=True
    ),
}


def ledger_text(ledger: Any) -> str:
    """The table: nats (k_B T), bits and joules of every line, its sense, theorem or reading, then what is left out."""
    hardware, bits, joules = ledger.hardware, ledger.bits, ledger.joules
    rows = [
        f"Energy ledger, one sample in {_dimensions(ledger.dim)}, stochasticity {ledger.stochasticity:g}, from t = "
        f"{ledger.t_min:.3g}",
        f"  {hardware.temperature:g} K, k_B T = {hardware.nat:.6g} J; relaxation time {hardware.unit_time:.3g} s, "
        f"generation takes {ledger.seconds:.3g} s",
        f"  entropy production {ledger.known}",
        "",
        f"  {'':<36}{'nats = k_B T':>17}{'bits':>19}{'joules':>11}",
    ]
    rows += [_row(name, line, bits.get(name), joules.get(name)) for name, line in ledger.lines.items()]
    floor = textwrap.wrap(FLOOR, 100, initial_indent="  ", subsequent_indent="  ")
    return "\n".join([*(row.rstrip() for row in rows), "", *floor])


def _dimensions(number: int) -> str:
    return "1 dimension" if number == 1 else f"{number} dimensions"


def _row(name: str, line: Line, bits: Estimate | None, joules: Estimate | None) -> str:
    start = f"  {LINES[name].label:<35}{line.sense:>2} "
    if line.standing == NOT_KNOWN:
        return f"{start}{'not known':>12}{'':<34}{line.note}"
    others = (
        ""
        if bits is None or joules is None
        else f"{to_error(bits.mean, bits.stderr):>10}{to_error_of_any_size(joules.mean, joules.stderr):>12}"
    )
    law = f"{line.law} {line.standing}".strip()
    return f"{start}{aligned(line.mean, line.stderr):<22}{others:<22}  {law}: {line.note}"
