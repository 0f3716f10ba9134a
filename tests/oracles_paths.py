"""What the tests of paths are held against: Gaussian algebra of whole paths and propagation on a grid, in NumPy alone.

Nothing here comes from thermodiff. One dimension; z = x/alpha, noise ratio s, k = 0 (data) .. N
(noise), a = (s_{k-1}/s_k)^2.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


def even_ratios(schedule, steps, t_min=1e-3):
    """Noise ratios (N+1,), increasing, even in ln(sigma/alpha), and alpha at both ends."""
    ends = np.array([t_min, 1.0])
    alpha, sigma = schedule.alpha(ends), np.sqrt(schedule.variance(ends))
    low, high = np.log(sigma / alpha)
    return np.exp(np.linspace(low, high, steps + 1)), alpha


class LinearPaths(NamedTuple):
    """Chains of noising N(0, c) and of a generator with D(z) = c_k z: residuals u = F z and u = B z are white.

    ``forward`` and ``backward`` are F and B, (N+1, N+1): rows whose products with z_0 .. z_N are standard normal.
    """

    forward: np.ndarray
    backward: np.ndarray

    def log_det(self):
        """ln |det F| and ln |det B|: both are triangular."""
        return [np.sum(np.log(np.abs(np.diag(m)))) for m in (self.forward, self.backward)]

    def ratio_moments(self):
        """<R> and Var R under noising, R = ln P_F - ln P_B = (|B z|^2 - |F z|^2)/2 + ln det F - ln det B."""
        root = np.linalg.inv(self.forward)  # z = F^-1 u
        quadratic = 0.5 * (root.T @ self.backward.T @ self.backward @ root - np.eye(len(root)))
        constant = self.log_det()[0] - self.log_det()[1]
        return np.trace(quadratic) + constant, 2 * np.trace(quadratic @ quadratic)

    def model_variance(self):
        """Var z_0 under the generator."""
        root = np.linalg.inv(self.backward)
        return (root @ root.T)[0, 0]


def excess(kernel, s, error=None):
    """1 + e of a kernel at every step; ``error`` is E|x0 - D|^2 (N,) for the analytic one."""
    a, dgamma = (s[:-1] / s[1:]) ** 2, 1 / s[:-1] ** 2 - 1 / s[1:] ** 2
    return {
        "posterior": np.ones_like(a),
        "forward": 1 / a,
        "analytic": None if error is None else 1 + dgamma * error,
    }[kernel]


def shrink_error(s, factor, c=1.0):
    """D(z) = (1 - factor s^2/(c + s^2)) z of the score times ``factor``, and E|x0 - D|^2, data N(0, c)."""
    share = factor * s**2 / (c + s**2)
    return 1 - share, c * share**2 + (1 - share) ** 2 * s**2


def linear_paths(s, factor=1.0, kernel="posterior", c=1.0, inflation=None):
    """Noising of N(0, c) against the generator of the score times ``factor``, prior p_N; 1 + e may be given."""
    N = len(s) - 1
    a = (s[:-1] / s[1:]) ** 2
    slope, error = shrink_error(s[1:], factor, c)
    inflation = excess(kernel, s, error) if inflation is None else inflation
    F, B = np.zeros((N + 1, N + 1)), np.zeros((N + 1, N + 1))
    F[0, 0] = 1 / np.sqrt(c + s[0] ** 2)
    B[N, N] = 1 / np.sqrt(c + s[N] ** 2)
    for k in range(1, N + 1):
        width = np.sqrt(s[k] ** 2 - s[k - 1] ** 2)
        F[k, k], F[k, k - 1] = 1 / width, -1 / width
        width = s[k - 1] * np.sqrt((1 - a[k - 1]) * inflation[k - 1])
        B[k - 1, k - 1] = 1 / width
        B[k - 1, k] = -(a[k - 1] + (1 - a[k - 1]) * slope[k - 1]) / width
    return LinearPaths(F, B)


def gaussian_divergence(v, model):
    """KL(N(0, v) || N(0, model))."""
    return 0.5 * (v / model - 1 + np.log(model / v))


def naive_log_ratio(z, alpha_ends, s, noise, inflation, log_prior):
    """ln q(z_1..z_N | z_0) - ln p_th(z_0..z_N) by the Gaussian densities as they stand, then as densities of x.

    z (n, N+1, d), ``noise`` (n, N, d) the noise predictions at z_1 .. z_N, ``log_prior`` (n,) that of x_N.
    """
    d, a = z.shape[2], (s[:-1] / s[1:]) ** 2

    def log_normal(residual, variance):
        return -0.5 * np.sum(residual**2, axis=2) / variance - 0.5 * d * np.log(2 * np.pi * variance)

    up = log_normal(z[:, 1:] - z[:, :-1], s[1:] ** 2 - s[:-1] ** 2)
    D = z[:, 1:] - s[1:, None] * noise
    mean = a[:, None] * z[:, 1:] + (1 - a)[:, None] * D
    down = log_normal(z[:, :-1] - mean, s[:-1] ** 2 * (1 - a) * inflation)
    jacobian = d * np.log(alpha_ends[0] / alpha_ends[1])
    return (up - down).sum(axis=1) - log_prior + jacobian


def propagated_density(s, D, inflation, prior_sd, prior_mean=0.0, points=3001, reach=9.0):
    """z and p_th(z_0) of the generator in one dimension, its kernels applied on grids, one a step; a Gaussian prior.

    ``D(z, k)`` is the denoiser at step k = 1..N. Each grid spans ``reach`` widths of data of variance 1 and the noise.
    """
    N = len(s) - 1
    a = (s[:-1] / s[1:]) ** 2
    span = reach * np.sqrt(1 + s**2)
    z = np.linspace(-span[N], span[N], points)
    p = np.exp(-0.5 * ((z - prior_mean) / prior_sd) ** 2) / np.sqrt(2 * np.pi) / prior_sd
    for k in range(N, 0, -1):
        mean = a[k - 1] * z + (1 - a[k - 1]) * D(z, k)
        sd = s[k - 1] * np.sqrt((1 - a[k - 1]) * inflation[k - 1])
        below = np.linspace(-span[k - 1], span[k - 1], points)
        weights = p * (z[1] - z[0])
        p = np.zeros(points)
        for block in np.array_split(np.arange(points), 30):  # a matrix of all pairs is large
            residual = (below[block, None] - mean) / sd
            p[block] = (np.exp(-0.5 * residual**2) @ weights) / (sd * np.sqrt(2 * np.pi))
        z = below
    return z, p
