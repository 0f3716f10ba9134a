"""thermodiff: the thermodynamics of score-based diffusion models.

The story, in the order in which data flows:

    import jax, thermodiff as td
    data = td.Uniform([-1.0, -1.0], [1.0, 1.0])            # a distribution, or your own samples (n, d)
    process = td.VarianceExploding(sigma=25.0)             # alpha(t), sigma(t)
    fit = td.fit(jax.random.key(0), data, process)         # a score network, trained
    rates = td.entropy_rates(jax.random.key(1), fit.score, process, data, reading="divergence")
    print(rates.integral().system)                         # nats, with its standard error
    print(td.audit(jax.random.key(2), fit.score, process, data))

Symbols: x position (d,), t time in [0, 1], data at 0 and noise at 1; alpha, sigma with x_t = alpha x_0 + sigma eps;
D = g^2/2; s score; n = -sigma s noise prediction; ell = ln(sigma/alpha); S0 entropy of the data, S1 of p_1. Entropies
and likelihoods are in nats per sample, rates in nats per unit of t.
"""

from thermodiff.audit import audit as audit
from thermodiff.audit_report import Audit as Audit
from thermodiff.calibration import CalibratedScore as CalibratedScore
from thermodiff.calibration import calibrate as calibrate
from thermodiff.compilation_cache import keep_compiled_programs
from thermodiff.cross_fitting import CrossFitting as CrossFitting
from thermodiff.density_baselines import GaussianBaseline as GaussianBaseline
from thermodiff.density_baselines import KernelBaseline as KernelBaseline
from thermodiff.density_baselines import MixtureBaseline as MixtureBaseline
from thermodiff.density_baselines import gaussian_mutual_information as gaussian_mutual_information
from thermodiff.density_baselines import held_out_entropy as held_out_entropy
from thermodiff.dequantisation import Dequantised as Dequantised
from thermodiff.dequantisation import dequantise as dequantise
from thermodiff.devices import use_devices as use_devices
from thermodiff.distributions import Checkerboard as Checkerboard
from thermodiff.distributions import Gaussian as Gaussian
from thermodiff.distributions import GaussianMixture as GaussianMixture
from thermodiff.distributions import Laplace as Laplace
from thermodiff.distributions import Samples as Samples
from thermodiff.distributions import StudentT as StudentT
from thermodiff.distributions import Uniform as Uniform
from thermodiff.distributions import eight_gaussians as eight_gaussians
from thermodiff.distributions import rings as rings
from thermodiff.distributions import swiss_roll as swiss_roll
from thermodiff.distributions import two_moons as two_moons
from thermodiff.divergence import kl_divergence as kl_divergence
from thermodiff.entropy_rates import EntropyRates as EntropyRates
from thermodiff.entropy_rates import entropy_rates as entropy_rates
from thermodiff.held_out_likelihood import cross_entropy as cross_entropy
from thermodiff.held_out_likelihood import entropy_from_score as entropy_from_score
from thermodiff.held_out_likelihood import held_out_nll as held_out_nll
from thermodiff.information import conditional_entropy as conditional_entropy
from thermodiff.information import data_entropy as data_entropy
from thermodiff.information import mutual_information as mutual_information
from thermodiff.information import total_correlation as total_correlation
from thermodiff.information_report import Information as Information
from thermodiff.likelihood import cross_log_likelihood as cross_log_likelihood
from thermodiff.likelihood import elbo as elbo
from thermodiff.likelihood import flow_likelihood as flow_likelihood
from thermodiff.likelihood import flow_log_likelihood as flow_log_likelihood
from thermodiff.likelihood import moment_prior as moment_prior
from thermodiff.likelihood import noise_prior as noise_prior
from thermodiff.marginals import Asinh as Asinh
from thermodiff.marginals import Gaussianise as Gaussianise
from thermodiff.marginals import Standardise as Standardise
from thermodiff.named_data import NamedData as NamedData
from thermodiff.named_data import named_data as named_data
from thermodiff.nearest_neighbours import nearest_neighbour_divergence as nearest_neighbour_divergence
from thermodiff.nearest_neighbours import nearest_neighbour_entropy as nearest_neighbour_entropy
from thermodiff.nearest_neighbours import (
    nearest_neighbour_mutual_information as nearest_neighbour_mutual_information,
)
from thermodiff.processes import CosineVariancePreserving as CosineVariancePreserving
from thermodiff.processes import CustomProcess as CustomProcess
from thermodiff.processes import GeometricVarianceExploding as GeometricVarianceExploding
from thermodiff.processes import OrnsteinUhlenbeck as OrnsteinUhlenbeck
from thermodiff.processes import VarianceExploding as VarianceExploding
from thermodiff.processes import VariancePreserving as VariancePreserving
from thermodiff.saved_scores import load_score as load_score
from thermodiff.saved_scores import save_score as save_score
from thermodiff.scores import PlainScore as PlainScore
from thermodiff.scores import PreconditionedScore as PreconditionedScore
from thermodiff.scores import exact_score as exact_score
from thermodiff.scores import noisy as noisy
from thermodiff.scores import rotated as rotated
from thermodiff.scores import scaled as scaled
from thermodiff.scores import shifted as shifted
from thermodiff.training import Fit as Fit
from thermodiff.training import TrainingDivergedError as TrainingDivergedError
from thermodiff.training import fit as fit
from thermodiff.training import fit_sweep as fit_sweep
from thermodiff.training_problem import TrainingConfig as TrainingConfig
from thermodiff.types import Estimate as Estimate
from thermodiff.types import NotKnownError as NotKnownError

keep_compiled_programs()
del keep_compiled_programs
