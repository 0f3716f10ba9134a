"""Which terminal prior a call uses: a Gaussian of the user's, one by name, or the best that is known of the data.

    "moments"  the Gaussian of p_1's moments, from the data that the score was trained on or, in an audit of a score
               that knows of none, from the audited data
    "noise"    N(0, sigma(1)^2 I), which needs no data
Without a choice it is "moments" where there are moments, else "noise": for a score of the user's own that is "moments"
in ``td.audit``, which has data, and "noise" in ``td.flow_likelihood`` and ``td.elbo``, which have none.
"""

from __future__ import annotations

from typing import Any

from thermodiff.array_types import Process, Score
from thermodiff.distributions.gaussian import Gaussian
from thermodiff.scores.base import reference_of
from thermodiff.thermodynamics.priors import check_prior, default_prior, moment_prior, noise_prior
from thermodiff.validation import complain

MOMENTS, NOISE = "moments", "noise"


def chosen_prior(
    choice: Any, score: Score, process: Process, dim: int, audited: Gaussian | None = None
) -> tuple[Gaussian, str]:
    """The prior, and in words what it is; ``audited`` is the Gaussian of the audited data's moments.

    Raises ValueError for another name, a Gaussian of another dimension, or "moments" where no data are known.
    """
    if isinstance(choice, str):
        return _by_name(choice, score, process, dim, audited)
    if choice is not None:
        check_prior(choice, dim)
        return choice, "given"
    if reference_of(score) is None and audited is None:
        return _by_name(NOISE, score, process, dim, audited)
    return _by_name(MOMENTS, score, process, dim, audited)


def _by_name(
    name: str, score: Score, process: Process, dim: int, audited: Gaussian | None
) -> tuple[Gaussian, str]:
    if name == NOISE:
        return noise_prior(process, dim), "noise alone, N(0, sigma(1)^2)"
    if name != MOMENTS:
        raise complain("prior", repr(name), f"{MOMENTS!r}, {NOISE!r} or a td.Gaussian")
    if reference_of(score) is not None:
        return default_prior(score, process, dim), "moments of p_1, from the score's reference"
    if audited is None:
        raise complain(
            "prior", f"{MOMENTS!r} for a score that knows of no data", f"a td.Gaussian, or {NOISE!r}"
        )
    return moment_prior(audited, process), "moments of p_1, from the audited data"
