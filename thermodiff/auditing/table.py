"""The audit as a table: every number with its error, every bound with what it bounds, why, and when it is tight."""

from __future__ import annotations

from typing import Any, NamedTuple

from thermodiff.types import Estimate, aligned


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


GUIDES = (
    Guide(
        "bound_quadratic",
        "L_1  quadratic reading",
        "N_th",
        "J >= 0 for N_th; B >= A for all three; 9B <= A for -ELBO",
        "s_th = s",
    ),
    Guide("bound_divergence", "L_2  divergence reading", "", "", "s_th = s"),
    Guide(
        "bound_denoising",
        "L_3  denoising reading",
        "-ELBO",
        "the identity -ELBO - L_3 = J/2 + KL(p_1 || pi)",
        "s_th = s",
    ),
    Guide(
        "bound_flow",
        "L_0  flow reading",
        "",
        "E|x1|^2 >= d, q_1 no narrower than pi; always less d(1 - ln 2)/4",
        "q_1 = pi",
    ),
    Guide(
        "certified_elbo",
        "certified, from entropies",
        "-ELBO",
        "Cauchy-Schwarz; needs S0 and S(p_1)",
        "s_th = c s",
    ),
    Guide(
        "certified_elbo_rate",
        "certified, from true rates",
        "-ELBO",
        "Cauchy-Schwarz at each t; needs s",
        "s_th = c(t) s",
    ),
    Guide("certified_flow", "certified, from q_1", "NLL_ode", "a Gaussian pi; needs S0", "q_1 Gaussian"),
)
_READINGS = {
    "bound_quadratic": "L_1",
    "bound_divergence": "L_2",
    "bound_denoising": "L_3",
    "bound_flow": "L_0",
}
LETTERS = """\
Letters
  s the true score, s_th the learned one; p_1 the noised data, q_1 the data carried by the learned
  flow, pi the prior; A = int D E|s|^2, B = int D E|s_th|^2, C = int D E[s . s_th],
  J = int D E|s - s_th|^2; R1, R2, R3, R0 the system's entropy rate, read quadratic, by divergence,
  denoising, by the flow"""


def table(audit: Any, systematic: float) -> list[str]:
    """The lines of ``str(audit)``; ``systematic`` is what solver and rounding may add to any number, nats."""
    sections = (
        _head(audit),
        _entropies(audit),
        _likelihoods(audit),
        _bounds(audit),
        _inequalities(audit),
        _slacks(audit),
        _health(audit, systematic / audit.unit.nats),
    )
    lines = [line for section in sections if section for line in (*section, "")]
    return [*lines, *LETTERS.splitlines()]


def line(label: str, value: Estimate, remark: str = "", sign: str = "") -> str:
    """A label, a number with its error, and a remark."""
    return f"  {label:<35}{aligned(value.mean, value.stderr, sign):<24}{remark}".rstrip()


def _head(audit: Any) -> list[str]:
    unit, n = audit.unit, audit.values["nll"].n
    truncation = "unknown" if audit.truncation is None else f"{audit.truncation:.2g} {unit.name}"
    return [
        f"Thermodynamic audit   d = {audit.dim}, {n} independent units, {unit.per_sample}",
        f"  integrals start at t_min = {audit.t_min:.3g}: S(p(t_min)) - S(p_0) = {truncation}",
        f"  prior pi, at t = {float(audit.rates.time[-1]):.4g}: {audit.known['prior']}",
    ]


def _entropies(audit: Any) -> list[str]:
    v, known = audit.values, audit.known
    return [
        "Entropies",
        line("S0   data, at t_min", v["S0"], known["S0"]),
        line("S1   S(p_1), noised data", v["S1"], known["S1"]),
        line("CE(p_1, pi), prior cross entropy", v["prior_cross_entropy"]),
        line("S(pi), prior", v["prior_entropy"]),
    ]


def _likelihoods(audit: Any) -> list[str]:
    v = audit.values
    of_paths = (
        [
            line("NLL_SDE   reverse SDE", v["nll_sde"], audit.known["NLL_SDE"]),
            line("NLL_K     the same, upper bound", v["nll_paths"], "not ordered against NLL_ode"),
            line("-ELBO_N   of its finite steps", v["neg_elbo_steps"]),
        ]
        if "nll_sde" in v
        else []
    )
    return [
        "Likelihoods",
        line("NLL_ode   probability flow", v["nll"]),
        line("-ELBO     bounds the SDE's NLL", v["neg_elbo"]),
        line("N_th      cross functional", v["cross"], "S1 - int R2: not a likelihood"),
        *of_paths,
    ]


def bounded(audit: Any, guide: Guide) -> list[str]:
    """The quantities that a bound is guaranteed to lie below for this score."""
    name = _READINGS.get(guide.key)
    here = [i.name.split(" >= ")[0] for i in audit.inequalities if _is_about(i, name)]
    return [q for q in ("N_th", "NLL_ode", "-ELBO") if q == guide.always or q in here]


def _is_about(inequality: Any, bound: str | None) -> bool:
    return inequality.standing == "guaranteed" and inequality.name.endswith(f" >= {bound}")


def _bounds(audit: Any) -> list[str]:
    lines = [f"{'Lower bounds':<61}{'bounds here':<22}tight when"]
    for guide in GUIDES:
        if guide.key in audit.values:
            below = ", ".join(bounded(audit, guide)) or "nothing"
            lines.append(line(guide.label, audit.values[guide.key], f"{below:<22}{guide.tight}"))
            lines.append(f"       guaranteed by {guide.why}" if guide.why else "       no theorem")
    if audit.known["S0"] == "upper bound":
        lines.append(
            "  (S0 and S1 are upper bounds here, so each L_k is an upper bound on the one that is meant)"
        )
    return lines


def _inequalities(audit: Any) -> list[str]:
    lines = ["Inequalities"]
    for i in audit.inequalities:
        gap = aligned(i.gap.mean, i.gap.stderr, "+")
        lines.append(f"  {i.name:<35}{gap:<23}{i.verdict:<13}{i.standing}: {i.why}")
    if audit.known["S0"] == "upper bound":
        lines += [
            "  (guaranteed for the true S0; with its upper bound in its place a positive slack proves the",
            "  inequality, and a negative one proves nothing: undecided)",
        ]
    return lines


def _slacks(audit: Any) -> list[str]:
    """The gaps of the inequalities above as sums; the second measurement of each is told as a difference."""
    if not audit.identities:
        return []
    gaps = {i.name: i.gap for i in audit.inequalities}
    lines = ["Slack, term by term"]
    for identity in audit.identities:
        gap = gaps[identity.name.replace(" - ", " >= ", 1)]
        lines.append(line(identity.name, gap, sign="+"))
        lines += [line(f"  {name}", value, sign="+") for name, value in identity.terms.items()]
        lines.append(line("  by a second route, more by", identity.residual, sign="+"))
    return [
        *lines,
        "  (terms add up within their errors: the A in them is measured, that of the gap is S1 - S0 less the",
        "  drift. The second route does without the exact density, which takes noise out of the numbers",
        "  above; the two differ by no more than the error of their difference, if all is right)",
    ]


def _health(audit: Any, systematic: float) -> list[str]:
    v = audit.values
    verdict = "agree" if audit.healthy else "DISAGREE"
    distrust = ["       the score is not self-consistent: distrust the bounds"]
    return [
        "Health",
        line("int R1 - int R3, readings", v["readings_spread"], verdict, "+"),
        *([] if audit.healthy else distrust),
        *([line("J = int D E|s - s_th|^2", v["J"], "error of the score")] if audit.identities else []),
        f"  {'quadrature error of int R1':<39}{audit.quadrature_error:.2g}",
        f"  {'solver and rounding, not in any ±':<39}{systematic:.2g}",
    ]
