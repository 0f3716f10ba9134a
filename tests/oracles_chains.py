"""Reverse chains of a Gaussian under linear scores in closed form, by numpy alone: a step is linear and Gaussian."""

from dataclasses import dataclass

import numpy as np

LOW, HIGH = 0.1, 20.0


def alpha_and_variance(t):
    total = LOW * t + 0.5 * (HIGH - LOW) * t**2
    return np.exp(-0.5 * total), -np.expm1(-total)


@dataclass(frozen=True)
class LinearChain:
    """x' = A x + c + s xi for each step, from the score -(x - alpha m) factor/v of N(m, c), beta from 0.1 to 20."""

    A: np.ndarray
    c: np.ndarray
    s: np.ndarray
    start: float

    @classmethod
    def of(cls, steps, mean, variance, factor=1.0, shift=0.0):
        t = np.linspace(1, 0, steps + 1)
        alpha, noise = alpha_and_variance(t)
        ratio = alpha[:-1] / alpha[1:]
        added = noise[:-1] - ratio**2 * noise[1:]
        v = alpha[:-1] ** 2 * variance + noise[:-1]
        A = (1 - factor * added / v) / ratio
        c = added / ratio * (factor * alpha[:-1] * mean / v + shift)
        return cls(A, c, np.sqrt(added), np.sqrt(noise[0]))

    def moments(self):
        """Mean and variance before each step and of the sample."""
        means, variances = [0.0], [self.start**2]
        for A, c, s in zip(self.A, self.c, self.s, strict=True):
            means.append(A * means[-1] + c)
            variances.append(A**2 * variances[-1] + s**2)
        return np.array(means), np.array(variances)

    def path_law(self):
        """Mean (T + 1,) and covariance of (x_T, ..., x_0)."""
        mean, cov = np.zeros(1), np.array([[self.start**2]])
        for A, c, s in zip(self.A, self.c, self.s, strict=True):
            row = A * cov[-1]
            cov = np.block([[cov, row[:, None]], [row[None], np.array([[A**2 * cov[-1, -1] + s**2]])]])
            mean = np.append(mean, A * mean[-1] + c)
        return mean, cov

    def step_divergences(self, base):
        """E (mu - mu_ref)^2/(2 s^2) of every step."""
        means, variances = self.moments()
        A, c = self.A - base.A, self.c - base.c
        return (A**2 * (variances[:-1] + means[:-1] ** 2) + 2 * A * c * means[:-1] + c**2) / (2 * self.s**2)


def gaussian_divergence(mean, cov, base_mean, base_cov):
    mean, base_mean = np.atleast_1d(mean), np.atleast_1d(base_mean)
    cov, base_cov = np.atleast_2d(cov), np.atleast_2d(base_cov)
    inverse, apart = np.linalg.inv(base_cov), mean - base_mean
    logs = np.linalg.slogdet(base_cov)[1] - np.linalg.slogdet(cov)[1]
    return 0.5 * (np.trace(inverse @ cov) - len(mean) + apart @ inverse @ apart + logs)
