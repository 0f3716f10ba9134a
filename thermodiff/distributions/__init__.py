"""Densities to diffuse: one family a file, each knowing what mathematics lets it know."""

from thermodiff.distributions.base import Family as Family
from thermodiff.distributions.checkerboard import Checkerboard as Checkerboard
from thermodiff.distributions.curves import NoisyCurve as NoisyCurve
from thermodiff.distributions.curves import rings as rings
from thermodiff.distributions.curves import swiss_roll as swiss_roll
from thermodiff.distributions.curves import two_moons as two_moons
from thermodiff.distributions.gaussian import Gaussian as Gaussian
from thermodiff.distributions.laplace import Laplace as Laplace
from thermodiff.distributions.mixture import GaussianMixture as GaussianMixture
from thermodiff.distributions.mixture import eight_gaussians as eight_gaussians
from thermodiff.distributions.samples import Samples as Samples
from thermodiff.distributions.student import StudentT as StudentT
from thermodiff.distributions.uniform import Uniform as Uniform
