"""Each mistake in an argument has its message."""

import re

import jax.numpy as jnp
import numpy as np
import pytest

import thermodiff.distributions as td
from thermodiff.types import NotKnownError

EYE = np.eye(2)

MISTAKES = {
    "weights that do not add up": (
        lambda: td.GaussianMixture([0.5, 0.6], np.zeros((2, 2)), [EYE, EYE]),
        "weights: got a sum of 1.1, need weights that add up to 1",
    ),
    "a negative weight": (
        lambda: td.GaussianMixture([1.2, -0.2], np.zeros((2, 2)), [EYE, EYE]),
        "weights: got weights[1] = -0.2, need positive weights",
    ),
    "a weight of zero": (
        lambda: td.GaussianMixture([0.0, 1.0], np.zeros((2, 2)), [EYE, EYE]),
        "weights: got weights[0] = 0, need positive weights",
    ),
    "a weight that is no number": (
        lambda: td.GaussianMixture([np.nan, 1.0], np.zeros((2, 2)), [EYE, EYE]),
        "weights: got 1 NaN or infinite value(s)",
    ),
    "no weights": (
        lambda: td.GaussianMixture(1.0, np.zeros((1, 2)), [EYE]),
        "weights: got shape (), need shape (K,), one weight per component",
    ),
    "means for other weights": (
        lambda: td.GaussianMixture([0.5, 0.5], np.zeros((3, 2)), [EYE, EYE]),
        "means: got shape (3, 2), need shape (2, d), one mean per weight",
    ),
    "one covariance for two": (
        lambda: td.GaussianMixture([0.5, 0.5], np.zeros((2, 2)), [EYE]),
        "covs: got shape (1, 2, 2), need shape (2, 2, 2)",
    ),
    "an infinite mean": (
        lambda: td.GaussianMixture([0.5, 0.5], [[0.0], [np.inf]], np.ones((2, 1, 1))),
        "means: got 1 NaN or infinite value(s) (first at index (1, 0), counted from 0)",
    ),
    "a covariance that is none": (
        lambda: td.GaussianMixture([0.5, 0.5], np.zeros((2, 2)), [EYE, [[1.0, 2.0], [2.0, 1.0]]]),
        "covs[1]: got smallest eigenvalue -1, need a positive definite matrix",
    ),
    "a covariance that is not symmetric": (
        lambda: td.GaussianMixture([0.5, 0.5], np.zeros((2, 2)), [[[1.0, 0.5], [0.0, 1.0]], EYE]),
        "covs[0]: got a matrix that differs from its transpose by 0.5, need a symmetric one",
    ),
    "eight Gaussians of no width": (
        lambda: td.eight_gaussians(width=0.0),
        "width: got 0.0, need a positive number",
    ),
    "an empty box": (
        lambda: td.Uniform([0.0, 1.0], [1.0, 1.0]),
        "high: got 1 where low is 1 (coordinate 1), need high above low",
    ),
    "ends of different boxes": (
        lambda: td.Uniform([0.0, 1.0], [2.0]),
        "high: got shape (1,), need the shape of low, (2,)",
    ),
    "a box of matrices": (
        lambda: td.Uniform(np.zeros((1, 2)), np.ones((1, 2))),
        "low: got shape (1, 2), need shape (d,)",
    ),
    "a box without an end": (
        lambda: td.Uniform([0.0], [np.inf]),
        "high: got 1 NaN or infinite value(s) (first at index (0,), counted from 0), need finite numbers",
    ),
    "a Laplace scale below zero": (
        lambda: td.Laplace([0.0], [-1.0]),
        "scale: got [-1.0], need a positive, finite number",
    ),
    "a Laplace scale for another dimension": (
        lambda: td.Laplace([0.0, 1.0], [1.0]),
        "scale: got shape (1,), need the shape of loc, (2,)",
    ),
    "a Laplace location of matrices": (
        lambda: td.Laplace(np.zeros((2, 2)), np.ones((2, 2))),
        "loc: got shape (2, 2), need shape (d,)",
    ),
    "tails too heavy": (
        lambda: td.StudentT(0.5, [0.0], [[1.0]]),
        "df: got 0.5, need one number of degrees of freedom between 1 and 10^6",
    ),
    "degrees of freedom per coordinate": (
        lambda: td.StudentT([3.0, 4.0], [0.0, 0.0], EYE),
        "df: got [3.0, 4.0], need one number of degrees of freedom",
    ),
    "a scale matrix for another dimension": (
        lambda: td.StudentT(3.0, [0.0], EYE),
        "scale_matrix: got shape (2, 2), need a covariance matrix of shape (1, 1)",
    ),
    "a location of matrices": (
        lambda: td.StudentT(3.0, EYE, EYE),
        "loc: got shape (2, 2), need shape (d,)",
    ),
    "a curve without noise": (
        lambda: td.two_moons(noise=0.0),
        "noise: got 0.0, need a positive, finite number",
    ),
    "a curve almost without noise": (
        lambda: td.swiss_roll(noise=1e-5),
        "noise: got 1e-05, need at least 0.002 for this curve",
    ),
    "a path that is none": (
        lambda: td.NoisyCurve([0.0, 1.0], 0.1),
        "path: got list, need a callable from u () to a point (2,)",
    ),
    "breaks that do not end": (
        lambda: td.NoisyCurve(lambda u: jnp.stack([u, u]), 0.1, (0.0, 0.5)),
        "breaks: got (0.0, 0.5), need increasing numbers from 0 to 1",
    ),
    "a ring of no radius": (
        lambda: td.rings((1.0, 0.0)),
        "radii: got (1.0, 0.0), need a positive, finite number",
    ),
    "weights for other rings": (
        lambda: td.rings((1.0, 2.0), weights=(1.0,)),
        "weights: got shape (1,), need one weight per ring, shape (2,)",
    ),
    "a ring of negative weight": (
        lambda: td.rings((1.0, 2.0), weights=(1.0, -1.0)),
        "weights: got [ 1. -1.], need a positive, finite number",
    ),
    "a board of one square": (
        lambda: td.Checkerboard(1),
        "cells: got 1, need an integer of at least 2",
    ),
    "half a square": (
        lambda: td.Checkerboard(2.5),
        "cells: got 2.5, need an integer of at least 2",
    ),
    "a board of no width": (
        lambda: td.Checkerboard(4, -1.0),
        "width: got -1.0, need a positive, finite number",
    ),
    "too few samples": (
        lambda: td.Samples(np.ones((2, 3))),
        "array: got 2 row(s) of dimension 3, need at least 4 rows",
    ),
    "samples with a hole": (
        lambda: td.Samples([[0.0], [np.nan], [1.0]]),
        "array: got 1 NaN or infinite value(s) (first at index (1, 0), counted from 0), need finite numbers",
    ),
    "samples in one row": (
        lambda: td.Samples(np.arange(5.0)),
        "array: got shape (5,), need an array of shape (n, d)",
    ),
}


@pytest.mark.parametrize("what", MISTAKES)
def test_a_mistake_has_its_message(what):
    make, message = MISTAKES[what]
    with pytest.raises(ValueError, match=re.escape(message)):
        make()


def test_samples_know_only_themselves():
    family = td.Samples(np.random.default_rng(0).normal(size=(10, 2)))
    x = jnp.zeros(2)
    for ask, what in [
        (lambda: family.log_prob(x), "log density of Samples"),
        (lambda: family.entropy(), "entropy of Samples in 2 dimensions"),
        (lambda: family.noised_log_prob(x, 1.0, 0.1), "noised log density of Samples"),
        (lambda: family.noised_score(x, 1.0, 0.1), "noised log density of Samples"),
        (lambda: family.transport(x), "transport from the uniform cube of Samples"),
    ]:
        with pytest.raises(NotKnownError, match=f"{what}: not known .*; estimate it from samples instead"):
            ask()
