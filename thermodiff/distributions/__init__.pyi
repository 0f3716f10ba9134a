"""The densities by name, for the lazy loader and for type checkers."""

from .base import Family as Family
from .checkerboard import Checkerboard as Checkerboard
from .curves import NoisyCurve as NoisyCurve
from .curves import rings as rings
from .curves import swiss_roll as swiss_roll
from .curves import two_moons as two_moons
from .gaussian import Gaussian as Gaussian
from .laplace import Laplace as Laplace
from .mixture import GaussianMixture as GaussianMixture
from .mixture import eight_gaussians as eight_gaussians
from .samples import Samples as Samples
from .student import StudentT as StudentT
from .uniform import Uniform as Uniform
