"""Densities to diffuse: one family a file, each knowing what mathematics lets it know."""

from thermodiff.distributions.base import Family as Family
from thermodiff.distributions.gaussian import Gaussian as Gaussian
