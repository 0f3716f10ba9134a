"""The audit as a table: every number with its error, every bound with what it bounds, why, and when it is tight."""

from __future__ import annotations

from typing import Any, NamedTuple

from thermodiff.types import Estimate


class Guide(NamedTuple):
    """What to know of a lower bound before quoting it (theory section 5).

    ``key`` in the audit's values; ``always`` what it bounds whatever the score; ``why`` the guarantee with its
    assumptions; ``tight`` the scores that reach it.
    """

    key: str
    label: str
    always: str
    why: str
    tight: str


_ROWS = (
    ("bound_quadratic", "L_1  quadratic reading", "N_th", "J >= 0: N_th; B >= A: all; 9B <= A: -ELBO", "s_th = s"),
    ("bound_divergence", "L_2  divergence reading", "", "no theorem", "s_th = s"),
    ("bound_denoising", "L_3  denoising reading", "-ELBO", "identity: -ELBO - L_3 = J/2 + KL", "s_th = s"),
    ("bound_flow", "L_0  flow reading", "", "E|x1|^2 >= d; always less d(1 - ln 2)/4", "q_1 = pi"),
    ("certified_elbo", "certified, from entropies", "-ELBO", "Cauchy-Schwarz; S0, S(p_1) known", "s_th = c s"),
    ("certified_elbo_rate", "certified, from true rates", "-ELBO", "Cauchy-Schwarz in t; s known", "s_th = c(t) s"),
    ("certified_flow", "certified, from q_1", "NLL_ode", "pi Gaussian; S0 known", "q_1 Gaussian"),
)  # fmt: skip
GUIDES = tuple(Guide(*row) for row in _ROWS)
_READINGS = {
    "bound_quadratic": "L_1",
    "bound_divergence": "L_2",
    "bound_denoising": "L_3",
    "bound_flow": "L_0",
}


def table(audit: Any, systematic: float) -> list[str]:
    """The lines of ``str(audit)``; ``systematic`` is what solver and rounding may add to any number, nats."""
    sections = (_head(audit), _likelihoods(audit), _bounds(audit), _inequalities(audit), _slacks(audit))
    lines = [line for section in sections if section for line in (*section, "")]
    return [*lines, *_health(audit, systematic)]


def _line(label: str, value: Estimate, remark: str = "") -> str:
    return f"  {label:<38}{value.mean:>11.5f} ± {value.stderr:<9.2g} {remark}".rstrip()


def _head(audit: Any) -> list[str]:
    v, known = audit.values, audit.known
    truncation = "unknown" if audit.truncation is None else f"{audit.truncation:.2g} nats"
    return [
        f"Thermodynamic audit   d = {audit.dim}, {v['nll'].n} independent units, nats per sample",
        f"  integrals start at t_min = {audit.t_min:.3g}: S(p(t_min)) - S(p_0) = {truncation}",
        "",
        "Entropies",
        _line("S0   data, at t_min", v["S0"], known["S0"]),
        _line("S1   S(p_1), noised data", v["S1"], known["S1"]),
        _line("CE(p_1, pi), prior cross entropy", v["prior_cross_entropy"]),
        _line("S(pi), prior", v["prior_entropy"], known["prior"]),
    ]


def _likelihoods(audit: Any) -> list[str]:
    v = audit.values
    return [
        "Likelihoods",
        _line("NLL_ode   probability flow", v["nll"]),
        _line("-ELBO     bounds the SDE's NLL", v["neg_elbo"]),
        _line("N_th      cross functional", v["cross"], "not a likelihood"),
    ]


def bounded(audit: Any, guide: Guide) -> list[str]:
    """The quantities that a bound is guaranteed to lie below for this score."""
    name = _READINGS.get(guide.key)
    here = [i.name.split(" >= ")[0] for i in audit.inequalities if _is_about(i, name)]
    return [q for q in ("N_th", "NLL_ode", "-ELBO") if q == guide.always or q in here]


def _is_about(inequality: Any, bound: str | None) -> bool:
    return inequality.standing == "guaranteed" and inequality.name.endswith(f" >= {bound}")


def _bounds(audit: Any) -> list[str]:
    lines = [f"{'Lower bounds':<62}{'bounds here':<22}{'guaranteed by':<42}tight when"]
    for guide in GUIDES:
        if guide.key in audit.values:
            below = ", ".join(bounded(audit, guide)) or "nothing"
            number = _line(guide.label, audit.values[guide.key])
            lines.append(f"{number:<62}{below:<22}{guide.why:<42}{guide.tight}")
    if audit.known["S0"] == "upper bound":
        lines.append(
            "  (S0 and S1 are upper bounds here, so each L_k is an upper bound on the one that is meant)"
        )
    return lines


def _inequalities(audit: Any) -> list[str]:
    lines = ["Inequalities"]
    for i in audit.inequalities:
        gap = f"{i.gap.mean:+.5f} ± {i.gap.stderr:<9.2g}"
        lines.append(f"  {i.name:<38}{gap:<24} {i.verdict:<13} {i.standing}: {i.why}")
    if audit.known["S0"] == "upper bound":
        lines += [
            "  (guaranteed for the true S0; with its upper bound in its place a positive slack proves the inequality",
            "  and a negative one proves nothing: undecided)",
        ]
    return lines


def _slacks(audit: Any) -> list[str]:
    lines = ["Slack, term by term"] if audit.identities else []
    for identity in audit.identities:
        terms = " + ".join(f"{name} {value.mean:.5f}" for name, value in identity.terms.items())
        lines.append(
            f"  {identity.name:<14} {identity.slack.mean:+.5f} = {terms}   residual {identity.residual:.1e}"
        )
    return lines


def _health(audit: Any, systematic: float) -> list[str]:
    v = audit.values
    verdict = "agree" if audit.healthy else "DISAGREE: the score is not self-consistent, distrust the bounds"
    return [
        "Health",
        _line("int R1 - int R3, readings", v["readings_spread"], verdict),
        *([_line("J = int D E|s - s_th|^2, score error", v["J"])] if audit.identities else []),
        f"  {'quadrature error of int R1':<38}{audit.quadrature_error:>11.2g}",
        f"  {'solver and rounding, not in any ±':<38}{systematic:>11.2g}",
    ]
