"""W2(p_tmin, p_1)^2 bracketed without a solver: the moments from below, a coupling from above; squared length.

    |m_0 - m_1|^2 + sum_i (sqrt(v_1i) - sqrt(v_0i))^2  <=  W2^2  <=  E|x - phi(x)|^2,     phi the probability flow
The left side is Gelbrich's for covariances with the same axes, which a process without directions keeps.
Source: Gelbrich (1990).
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from thermodiff.array_types import Key
from thermodiff.distributions.gaussian import Gaussian
from thermodiff.energetics.measurement import Measured
from thermodiff.thermodynamics.ensembles import ensemble
from thermodiff.thermodynamics.point_sets import noised_points
from thermodiff.trajectories.probability_flow import probability_flow
from thermodiff.types import Estimate
from thermodiff.validation import complain

GROUPS = 32
"""Parts of a user's rows that the jackknife of their moments leaves out in turn."""


def coupling_square(
    key: Key,
    measured: Measured,
    data: Any,
    transport: Any,
    replicates: int,
    points: int,
    max_points: int | None,
) -> Estimate:
    """E|x - phi(x)|^2 from t_min to 1; the flow of the data's Gaussian, whose cost is known, is control variate."""
    point_key, solve_key = jax.random.split(key)
    process, times = measured.diffusion.process, measured.grid.time[jnp.asarray([0, -1])]
    pts = ensemble(point_key, data, 1, replicates, points, max_points)
    x = noised_points(process, pts, 0, times[0])
    flat = x.reshape(-1, pts.dim)
    if transport is None:
        diffusion = measured.diffusion
        path = probability_flow(solve_key, diffusion, flat, times)
        image = path.x[:, -1]
    else:
        image = jnp.asarray(transport(flat))
        if image.shape != flat.shape:
            raise complain("transport", f"an output of shape {image.shape}", f"shape {flat.shape}")
    ends = [pts.reference.noised(process.alpha(t), process.sigma(t)) for t in times]
    cost, control, known = (
        np.asarray(value, dtype=np.float64)
        for value in (
            jnp.sum((image - flat) ** 2, axis=-1),
            jnp.sum((_gaussian_image(flat, *ends) - flat) ** 2, axis=-1),
            gelbrich_square(*ends),
        )
    )
    if float(pts.population) != 1.0:
        control, known = (
            np.zeros_like(control),
            np.zeros_like(known),
        )  # a sample's scatter stays in its error bar
    units = (cost - control).reshape(pts.units, -1).mean(axis=1) + known
    return Estimate(float(units.mean()), float(units.std(ddof=1) / np.sqrt(len(units))), len(units))


def _gaussian_image(x: Any, start: Gaussian, end: Gaussian) -> Any:
    """Where the flow of the data's Gaussian takes x (n, d): along its axes, from one law to the other."""
    stretch = jnp.sqrt(end.variances / start.variances)
    return end.mean + ((x - start.mean) @ start.axes * stretch) @ start.axes.T


def gelbrich_square(start: Gaussian, end: Gaussian) -> float:
    """|m_0 - m_1|^2 + sum_i (sqrt(v_1i) - sqrt(v_0i))^2 of two Gaussians with the same axes: W2^2 between them."""
    shift = np.asarray(end.mean, dtype=np.float64) - np.asarray(start.mean, dtype=np.float64)
    roots = [np.sqrt(np.asarray(g.variances, dtype=np.float64)) for g in (start, end)]
    return float(shift @ shift + np.sum((roots[1] - roots[0]) ** 2))


def gelbrich_bound(measured: Measured, data: Any, max_points: int | None) -> Estimate:
    """Gelbrich's square for the moments of p_tmin and p_1; of rows with a jackknife over ``GROUPS`` of them."""
    process = measured.diffusion.process
    ends = [
        (float(process.alpha(t)), float(process.sigma(t))) for t in measured.grid.time[jnp.asarray([0, -1])]
    ]

    def of(reference: Gaussian) -> float:
        return gelbrich_square(*(reference.noised(*end) for end in ends))

    value, n = of(measured.reference), measured.means.local.shape[0]
    if measured.exact_moments:
        return Estimate(value, 0.0, n)
    rows = getattr(data, "array", data)
    if not hasattr(rows, "shape"):
        return Estimate(value, float("nan"), n)
    rows = np.asarray(rows[:max_points], dtype=np.float64)
    groups = np.array_split(np.arange(len(rows)), min(GROUPS, len(rows)))
    left_out = []
    for group in groups:
        kept = np.delete(rows, group, axis=0)
        left_out.append(of(Gaussian(kept.mean(axis=0), np.cov(kept.T, bias=True).reshape(rows.shape[1], -1))))
    g = len(groups)
    return Estimate(
        value, float(np.sqrt((g - 1) / g * np.sum((np.array(left_out) - np.mean(left_out)) ** 2))), n
    )
