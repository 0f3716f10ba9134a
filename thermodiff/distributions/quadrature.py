"""Entropies by adaptive Gauss-Legendre quadrature in one and two dimensions, in double precision on the host.

An integral is over boxes (B, d, 2), a lower and an upper end per axis. A box is halved along every axis until its
parts add up to the whole; it is for the caller to start from boxes so small that no feature falls between nodes.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from thermodiff.distributions.base import Family
from thermodiff.numerics.estimates import as_float64
from thermodiff.types import NotKnownError

Density = Callable[[np.ndarray], np.ndarray]
Boxes = np.ndarray
F = TypeVar("F", bound=Family)

ORDER = 10
CHUNK = 4096
BUDGET = 2**24
"""The most points that one integral may take."""

BOX_TOLERANCE = 1e-10
TOLERANCE = 1e-7
"""Largest sum, over all boxes, of |whole - halves|; the error of the halves is far below it."""

FARTHEST = 7.5
"""Gaussians are cut at this many standard deviations: beyond lies 1e-10 of the integral of p ln p."""


def in_float64(family: F) -> F:
    """The same family built again from its arguments in double precision; call it under jax.enable_x64."""
    fields = [f for f in dataclasses.fields(family) if f.init]  # type: ignore[arg-type]
    arguments = {f.name: getattr(family, f.name) for f in fields}
    data = {f.name: jax.tree.map(_widened, arguments[f.name]) for f in fields if not f.metadata.get("static")}
    return type(family)(**(arguments | data))


def _widened(leaf: Any) -> Any:
    return as_float64(leaf) if jnp.issubdtype(jnp.result_type(leaf), jnp.floating) else leaf


@jax.jit
def _log_densities(family: Family, x: Any, alpha: Any, sigma: Any) -> Any:
    return jax.vmap(lambda x: family.noised_log_prob(x, alpha, sigma))(x)


def log_density(family: Family, alpha: float, sigma: float) -> Density:
    """x (n, d) -> ln p(x) (n,) of alpha x_0 + sigma eps, in double precision on the host."""
    with jax.enable_x64(True):
        precise = in_float64(family)

    def evaluate(x: np.ndarray) -> np.ndarray:
        n = len(x)
        padded = np.resize(x, (-(-n // CHUNK) * CHUNK, x.shape[1]))  # one shape, one compilation
        with jax.enable_x64(True):
            values = [
                np.asarray(_log_densities(precise, jnp.asarray(part), float(alpha), float(sigma)))
                for part in np.split(padded, len(padded) // CHUNK)
            ]
        return np.concatenate(values)[:n]

    return evaluate


def panels(*breakpoints: Any) -> Boxes:
    """Every box between consecutive breakpoints, one increasing sequence an axis; shape (B, d, 2)."""
    axes = [list(itertools.pairwise(np.unique(np.asarray(b, dtype=np.float64)))) for b in breakpoints]
    return np.array(list(itertools.product(*axes)))


def halves(boxes: Boxes) -> Boxes:
    """The 2^d halves of each box (B, d, 2), shape (B 2^d, d, 2), those of one box together."""
    dim = boxes.shape[1]
    low, high = boxes[..., 0], boxes[..., 1]
    middle = 0.5 * (low + high)
    upper = [np.array(side, dtype=bool) for side in itertools.product((0, 1), repeat=dim)]
    parts = [np.stack([np.where(up, middle, low), np.where(up, high, middle)], axis=-1) for up in upper]
    return np.stack(parts, axis=1).reshape(-1, dim, 2)


def _box_integrals(f: Density, boxes: Boxes) -> np.ndarray:
    """The tensor Gauss-Legendre integral of f over each box, (B,)."""
    count, dim, _ = boxes.shape
    nodes, weights = np.polynomial.legendre.leggauss(ORDER)
    unit = np.array(list(itertools.product(0.5 * (1 + nodes), repeat=dim)))
    w = np.prod(np.array(list(itertools.product(0.5 * weights, repeat=dim))), axis=1)
    size = boxes[:, None, :, 1] - boxes[:, None, :, 0]
    x = boxes[:, None, :, 0] + size * unit
    values = f(x.reshape(-1, dim)).reshape(count, -1)
    return values @ w * np.prod(size[:, 0], axis=-1)


def integrate(f: Density, boxes: Boxes, what: str = "entropy") -> float:
    """int f over the boxes (B, d, 2), absolute error below 1e-7; f maps x (n, d) to (n,).

    Raises NotKnownError, naming ``what``, if 2^24 points do not suffice.
    """
    _check_budget(boxes, 0, what)
    spent, whole = len(boxes) * ORDER ** boxes.shape[1], _box_integrals(f, boxes)
    total = doubt = 0.0
    while len(boxes):
        _check_budget(boxes, spent, what)
        children = halves(boxes)
        spent += len(children) * ORDER ** boxes.shape[1]
        parts = _box_integrals(f, children)
        change = np.abs(parts.reshape(len(boxes), -1).sum(axis=1) - whole)
        done = change <= BOX_TOLERANCE
        split = np.repeat(~done, len(parts) // len(boxes))
        total += parts[~split].sum()
        doubt += change[done].sum()
        boxes, whole = children[split], parts[split]
    if not doubt <= TOLERANCE:
        raise _out_of_budget(what)
    return float(total)


def entropy_integral(family: Family, alpha: float, sigma: float, boxes: Boxes) -> float:
    """-int p ln p in nats over the boxes, p the density of alpha x_0 + sigma eps."""
    log_p = log_density(family, alpha, sigma)

    def integrand(x: np.ndarray) -> np.ndarray:
        value = np.maximum(log_p(x), -700.0)  # p ln p -> 0 where p does
        return -np.exp(value) * value

    return integrate(integrand, boxes, f"entropy of {type(family).__name__}")


def cover(
    domain: Boxes, centres: np.ndarray, inverse_roots: np.ndarray, what: str, kept: slice = slice(None)
) -> Boxes:
    """The domain, (1, d, 2), halved until no box is wider than 4 standard deviations of a Gaussian that reaches it.

    Gaussian k is at ``centres`` (K, d) and z = inverse_roots[k] (x - centres[k]) is standard normal. Boxes out of
    reach of all those in ``kept`` are dropped. Raises NotKnownError, naming ``what``, if the boxes are too many for
    ``integrate``.
    """
    smallest = 1 / np.linalg.norm(inverse_roots, ord=2, axis=(1, 2))
    finished, boxes = [], domain
    while len(boxes):
        size = boxes[..., 1] - boxes[..., 0]
        offset = boxes.mean(axis=-1)[:, None] - centres
        distance = np.linalg.norm(np.einsum("kij,bkj->bki", inverse_roots, offset), axis=-1)
        near = distance <= FARTHEST + 0.5 * np.linalg.norm(size, axis=-1)[:, None] / smallest
        alive = near[:, kept].any(axis=1)
        boxes, size, near = boxes[alive], size[alive], near[alive]
        wide = (near & (size.max(axis=-1)[:, None] > 4 * smallest)).any(axis=1)
        finished.append(boxes[~wide])
        boxes = halves(boxes[wide])
        _check_budget(np.concatenate([*finished, boxes]), 0, what)
    return np.concatenate(finished)


def _check_budget(boxes: Boxes, spent: int, what: str) -> None:
    """Raise if to evaluate the halves of these boxes would take more points than are left."""
    dim = boxes.shape[1]
    if spent + len(boxes) * 2**dim * ORDER**dim > BUDGET:
        raise _out_of_budget(what)


def _out_of_budget(what: str) -> NotKnownError:
    return NotKnownError(
        f"{what}: quadrature does not reach 1e-7 nats within {BUDGET} points; estimate it from samples"
    )
