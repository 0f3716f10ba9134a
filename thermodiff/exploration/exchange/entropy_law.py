"""What reward has to do with entropy in a training: R = -a exp(H) + b, a straight line, or the exact exchange.

Three curves are laid through the points (H_t, R_t) of a training, and a constant beside them:
    exponential  R = b - a exp(H)          (arXiv 2505.22617)
    line         R = b - a H
    exchange     H = [h(R) + R S_c + (1 - R) S_w]/L, with S_c, S_w and L constant; R on the branch where it falls with H
    constant     R = b
the third from the exact identity of ``exchange``: a policy that pays entropy for accuracy and loses nothing else moves
along it. In long responses h(R)/L vanishes, and the exchange curve itself is a straight line: where that wins, nothing
speaks against the identity. Residuals are autocorrelated (phi, fitted for each curve), AIC counts phi and sigma. Over a
narrow range of H all are straight; how far apart they are there is reported, and "cannot be told apart" is an answer.
This project.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from thermodiff.exploration.exchange.curves import Curve, curve_of, whiten
from thermodiff.exploration.exchange.law_curves import LawFit, fit_exchange, fit_linear
from thermodiff.types import Estimate
from thermodiff.validation import check_positive, complain

TELLS = 6.0
"""AIC by which a curve must be better than every other to be named: a likelihood ratio of 20."""
ALIKE = "cannot be told apart on this range of H"
NOTHING = "no relation of reward and entropy can be seen"


class EntropyLaw(NamedTuple):
    """Fits of the curves, and whether the data tell them apart."""

    fits: Mapping[str, LawFit]
    """"exponential", "line", "exchange" (where rewards lie in [0, 1]) and "constant"."""
    verdict: str
    """A name from ``fits``, better than all others by 6 in AIC; or that they cannot be told apart; or no relation."""
    line_less_exponential: float
    """AIC of the line less that of the exponential: above 0 the exponential is better."""
    contrast: float
    """The same, in the mean, if the exponential were true as fitted: below 6 this range of H cannot show it."""
    range: tuple[float, float]
    """Least and greatest H."""
    remarks: tuple[str, ...]

    def __str__(self) -> str:
        low, high = self.range
        lines = [f"reward against entropy, H from {low:.3g} to {high:.3g}: {self.verdict}"]
        for name, fit in self.fits.items():
            values = ", ".join(f"{key} = {value:.4g}" for key, value in fit.parameters.items())
            lines.append(f"  {name:<12}AIC {fit.aic:9.2f}  residual {fit.residual:.4f}  {values}")
        return "\n".join([*lines, *self.remarks])


def fit_entropy_law(step: Any, reward: Any, entropy: Any, length: float | None = None) -> EntropyLaw:
    """Fits R = -a exp(H) + b, a straight line and the exchange curve to a training's curves (n,), n >= 12.

    ``entropy`` in nats a token (a response, with ``length`` = 1); ``length``, if given, is the mean number of tokens L
    of a response in the exchange curve, else L is fitted. H is taken as known: its own noise flattens every curve.
    Raises ValueError for curves of different lengths, repeated steps, entries that are no numbers, or a constant H.
    """
    curve = curve_of(step, reward, entropy)
    if length is not None:
        check_positive("length", length)
    if np.ptp(curve.entropy) == 0:
        raise complain("entropy", "a constant", "a curve that varies")
    ones = np.ones(len(curve.step))
    # exp(H) relative to the greatest H, so that entropies of whole responses do not overflow.
    top = curve.entropy.max()
    fits = {
        "exponential": fit_linear(
            curve.reward, np.stack([-np.exp(curve.entropy - top), ones], 1), curve.gaps
        ),
        "line": fit_linear(curve.reward, np.stack([-curve.entropy, ones], 1), curve.gaps),
        "constant": fit_linear(curve.reward, ones[:, None], curve.gaps),
    }
    a = fits["exponential"].parameters["a"]
    scaled = {
        **fits["exponential"].parameters,
        "a": Estimate(a.mean * np.exp(-top), a.stderr * np.exp(-top), a.n),
    }
    fits["exponential"] = fits["exponential"]._replace(parameters=scaled)
    remarks = []
    if ((curve.reward >= 0) & (curve.reward <= 1)).all():
        fits["exchange"] = fit_exchange(curve, length)
    else:
        remarks.append("rewards outside [0, 1] are no accuracies: no exchange curve")
    contrast = _contrast(fits["exponential"], curve)
    if contrast < TELLS:
        remarks.append(
            f"on this range of H the exponential, if true, would be better than a line by {contrast:.1f} in AIC"
        )
    if fits["line"].parameters["a"].mean < 0:
        remarks.append("reward rises with entropy here: no entropy is paid for accuracy")
    difference = fits["line"].aic - fits["exponential"].aic
    low, high = float(curve.entropy.min()), float(top)
    return EntropyLaw(fits, _verdict(fits), difference, contrast, (low, high), tuple(remarks))


def _verdict(fits: Mapping[str, LawFit]) -> str:
    best, *others = sorted(fits, key=lambda name: fits[name].aic)
    if fits["constant"].aic - fits[best].aic < TELLS:
        return NOTHING
    if best == "line":
        # The exchange curve becomes this line where L is large: it can be as good, and says no more.
        others = [name for name in others if name != "exchange"]
    return best if fits[others[0]].aic - fits[best].aic >= TELLS else ALIKE


def _contrast(exponential: LawFit, curve: Curve) -> float:
    """Squared distance of the fitted exponential from the nearest line, in variances of the whitened residuals."""
    phi = exponential.autocorrelation
    line = np.stack([np.ones_like(curve.entropy), curve.entropy], axis=1)
    base = np.linalg.qr(whiten(line, curve.gaps, phi))[0]
    bent = whiten(exponential.fitted, curve.gaps, phi)
    bent = bent - base @ (base.T @ bent)
    left = whiten(curve.reward - exponential.fitted, curve.gaps, phi)
    return float(bent @ bent / max(np.mean(np.square(left)), 1e-300))
