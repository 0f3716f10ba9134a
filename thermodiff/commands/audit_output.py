"""What an audit of a user's samples leaves behind: the record (plain, strict JSON), the table and the figure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from thermodiff import plotting
from thermodiff.auditing.report import Audit
from thermodiff.auditing.table import line as table_line
from thermodiff.commands.shared import remark_lines
from thermodiff.runtime.records import plain
from thermodiff.training.fit import Fit
from thermodiff.types import Estimate
from thermodiff.units import unit_of

FORMAT = "thermodiff audit 1"
IN_NATS_OF_DATA = (
    *("S0", "S1", "prior_entropy", "prior_cross_entropy", "nll", "neg_elbo", "cross"),
    *("nll_sde", "nll_paths", "neg_elbo_steps"),
    *("bound_quadratic", "bound_divergence", "bound_denoising", "bound_flow"),
    *("certified_elbo", "certified_elbo_rate", "certified_flow"),
)
"""The numbers of an audit that depend on the unit of the data, all by the same log Jacobian."""


def record(
    about: Mapping[str, Any], trained: Fit, measured: Audit, seconds: Mapping[str, float]
) -> dict[str, Any]:
    """Every number with what it was made from: numbers, strings, lists and dicts; None where a number is not finite.

    "standardised" is the audit of z, the mapped rows, "own_units" those of its numbers that change with the unit,
    "training" what ``fit`` was told and did.
    """
    unit = measured.unit
    log_jacobian = about["standardisation"]["log_jacobian"] / unit.nats
    standardised = measured.to_dict()
    grid = measured.rates.grid
    standardised["rates"] |= {"log_snr": -2 * grid.ell, "log_snr_rate": 2 * np.asarray(grid.rate)}
    own_units = {name: standardised[name] + log_jacobian for name in IN_NATS_OF_DATA if name in standardised}
    best = int(np.argmin(trained.history.validation))
    training = {
        **about["training"],
        "steps_done": trained.steps,
        "stopped_early": trained.stopped_early,
        "best_step": int(trained.history.step[best]),
        "history": trained.history._asdict(),
    }
    parts = {
        "format": FORMAT,
        **about,
        "training": training,
        "t_min": measured.t_min,
        "unit": unit.name,
        "units": f"{unit.per_sample}; rates in nats per unit of t, or of log-SNR after division by log_snr_rate; "
        "the log Jacobian and losses in nats",
        "log_jacobian": log_jacobian,
        "own_units": own_units,
        "standardised": standardised,
        "seconds": seconds,
    }
    return plain(parts)


def table(parts: Mapping[str, Any], measured: Audit) -> str:
    """The readable account: where the numbers come from, the answer in the data's own units, the audit, remarks."""
    lines = [*heading(parts, "audit"), "", *_answer(parts), "", _standardised_line(parts), "", str(measured)]
    return "\n".join([*lines, *remark_lines(parts["remarks"])])


def heading(parts: Mapping[str, Any], work: str) -> list[str]:
    """Where the numbers come from: rows, their split, process and training; ``work`` names what took the rest."""
    options, split, training = parts["options"], parts["split"], parts["training"]
    noise = "sigma" if options["process"] == "ve" else "beta_max"
    used = "" if parts["audited"] == split["test"] else f" ({parts['audited']} of them used)"
    why = "stopped early" if training["stopped_early"] else "all asked for"
    return [
        f"{parts['source']}: {parts['rows']} rows of {parts['dim']} columns",
        *(f"  {note}" for note in parts["notes"]),
        f"  {split['training']} rows to train, {split['validation']} to stop, {split['test']} to measure{used}",
        f"  process {options['process']}, {noise} = {options['sigma']:g}, seed {options['seed']}",
        f"  {training['steps_done']} training steps ({why}), score of step {training['best_step']}, "
        f"{parts['seconds']['training']:.0f} s; {work} {parts['seconds'][work]:.0f} s",
    ]


def _answer(parts: Mapping[str, Any]) -> list[str]:
    own, errors = parts["own_units"], parts["standardised"]

    def line(label: str, name: str, remark: str) -> str:
        return table_line(label, Estimate(own[name], errors[f"{name}_stderr"], parts["audited"]), remark)

    trust = "estimates it, bounds nothing" if errors["healthy"] else "the readings disagree: distrust it"
    return [
        f"In the data's own units, {unit_of(parts['unit']).per_sample}",
        line("NLL_ode   probability flow", "nll", "the entropy is no higher, in the mean"),
        line("-ELBO     bounds the SDE's NLL", "neg_elbo", "the entropy is no higher, in the mean"),
        line("N_th      entropy, from the rates", "cross", trust),
    ]


def _standardised_line(parts: Mapping[str, Any]) -> str:
    about = parts["standardisation"]
    mixed = not np.allclose(about["mix"], np.eye(len(about["std"])), atol=1e-6)
    columns = "columns standardised, narrow ones mixed" if mixed else "standardised columns"
    return (
        f"All below is for {columns}; {parts['log_jacobian']:+.5f} {parts['unit']} (minus ln of the map's\n"
        "determinant) on each entropy, likelihood and bound turns it into the data's own units. Gaps,\n"
        "slacks and rates are the same in both."
    )


def figure(parts: Mapping[str, Any]) -> plotting.Figure:
    """Loss and rates on the left, the ladder of bounds in the data's own units on the right, as wide as a page."""
    with plotting.style():
        drawn = plotting.new_figure(2 * plotting.COLUMN + 0.2, 3.9)
        axes = drawn.subplot_mosaic([["loss", "ladder"], ["rates", "ladder"]], width_ratios=[1, 0.95])
        rates, shift = parts["standardised"]["rates"], parts["log_jacobian"]
        plotting.plot_loss(axes["loss"], parts["training"]["history"])
        plotting.plot_rates(axes["rates"], rates, against="log_snr")
        plotting.plot_ladder(axes["ladder"], parts["standardised"], shift)
        axes["loss"].set_title("training")
        axes["rates"].set_title(f"entropy rates in {rates['orientation']}, {rates['reading']} reading")
        axes["ladder"].set_title("bounds and likelihoods, data's own units")
    return drawn
