"""The public names in the order in which data flow, for the lazy loader and for type checkers."""

# distributions
from .distributions import Gaussian as Gaussian
from .distributions import GaussianMixture as GaussianMixture
from .distributions import Uniform as Uniform
from .distributions import Laplace as Laplace
from .distributions import StudentT as StudentT
from .distributions import Checkerboard as Checkerboard
from .distributions import eight_gaussians as eight_gaussians
from .distributions import rings as rings
from .distributions import swiss_roll as swiss_roll
from .distributions import two_moons as two_moons
from .distributions import Samples as Samples

# processes
from .processes.exploding import VarianceExploding as VarianceExploding
from .processes.exploding import GeometricVarianceExploding as GeometricVarianceExploding
from .processes.preserving import VariancePreserving as VariancePreserving
from .processes.preserving import OrnsteinUhlenbeck as OrnsteinUhlenbeck
from .processes.preserving import SubVariancePreserving as SubVariancePreserving
from .processes.cosine import CosineVariancePreserving as CosineVariancePreserving
from .processes.edm import EDM as EDM
from .processes.interpolants import LinearInterpolant as LinearInterpolant
from .processes.tabulated import TabulatedProcess as TabulatedProcess
from .processes.custom import CustomProcess as CustomProcess

# the user's data
from .data.tables import NamedData as NamedData
from .data.named import named_data as named_data
from .data.dequantisation import Dequantised as Dequantised
from .data.dequantisation import dequantise as dequantise
from .data.pixels import Pixels as Pixels
from .data.pixels import PixelUnits as PixelUnits
from .data.pixels import pixels as pixels
from .data.whitening import Whitened as Whitened
from .data.whitening import whiten as whiten

# scores
from .scores.exact import exact_score as exact_score
from .scores.learned import PlainScore as PlainScore
from .scores.learned import PreconditionedScore as PreconditionedScore
from .scores.torch_models import torch_model as torch_model
from .scores.numpy_models import numpy_model as numpy_model
from .scores.perturbed import scaled as scaled
from .scores.perturbed import shifted as shifted
from .scores.perturbed import rotated as rotated
from .scores.perturbed import noisy as noisy
from .scores.parameterisations import score_from_noise_prediction as score_from_noise_prediction
from .scores.parameterisations import score_from_denoiser as score_from_denoiser
from .scores.parameterisations import score_from_v_prediction as score_from_v_prediction
from .scores.parameterisations import score_from_velocity as score_from_velocity
from .scores.model_times import ContinuousTime as ContinuousTime
from .scores.model_times import StepNumber as StepNumber
from .scores.model_times import WholeSteps as WholeSteps
from .scores.model_times import NoiseLevel as NoiseLevel
from .scores.model_times import LogSigma as LogSigma
from .scores.model_times import LogSNR as LogSNR
from .scores.model_times import EDMNoise as EDMNoise
from .scores.model_scalings import EDMScaling as EDMScaling
from .scores.model_scalings import VEToVP as VEToVP
from .scores.model_scalings import VPToVE as VPToVE
from .scores.saved import save_score as save_score
from .scores.saved import load_score as load_score

# training
from .training.config import TrainingConfig as TrainingConfig
from .training.fit import fit as fit
from .training.sweep import fit_sweep as fit_sweep
from .training.fit import Fit as Fit
from .training.fit import TrainingDivergedError as TrainingDivergedError

# thermodynamics
from .thermodynamics.rates import entropy_rates as entropy_rates
from .thermodynamics.rates import EntropyRates as EntropyRates
from .thermodynamics.calibration import calibrate as calibrate
from .thermodynamics.calibration import CalibratedScore as CalibratedScore
from .thermodynamics.priors import moment_prior as moment_prior
from .thermodynamics.priors import noise_prior as noise_prior

# likelihood
from .likelihood import flow_log_likelihood as flow_log_likelihood
from .likelihood import flow_likelihood as flow_likelihood
from .likelihood import elbo as elbo
from .likelihood import cross_log_likelihood as cross_log_likelihood

# samples
from .sampling.schedules import Schedule as Schedule
from .sampling.schedules import schedule as schedule
from .sampling.clocks import Clock as Clock
from .sampling.clocks import clock as clock
from .sampling.least_waste import least_waste_schedule as least_waste_schedule
from .sampling.sample import Sampled as Sampled
from .sampling.sample import sample as sample
from .sampling.sample_quality import deterministic_sampler as deterministic_sampler
from .sampling.sample_quality import sample_quality as sample_quality
from .sampling.sample_quality import Quality as Quality

# paths
from .numerics.path_ratio import path_ratio as path_ratio
from .numerics.path_ratio import PathRatio as PathRatio
from .numerics.path_ratio import fluctuation_theorem as fluctuation_theorem
from .numerics.path_ratio import FluctuationTheorem as FluctuationTheorem
from .paths.noising import noising_paths as noising_paths
from .paths.noising import noising_entropy_production as noising_entropy_production
from .paths.generation import generated_paths as generated_paths
from .paths.generation import generation_heat as generation_heat
from .paths.waste import path_waste as path_waste
from .paths.path_likelihood import path_log_likelihood as path_log_likelihood
from .paths.path_likelihood import PathLikelihood as PathLikelihood
from .paths.discretisation_waste import discretisation_waste as discretisation_waste

# what it costs
from .energetics.hardware import Hardware as Hardware
from .energetics.ledger import energy_ledger as energy_ledger
from .energetics.ledger import Ledger as Ledger
from .energetics.driving import driving_cost as driving_cost
from .energetics.driving import DrivingCost as DrivingCost
from .energetics.speed_accuracy import speed_accuracy as speed_accuracy
from .energetics.speed_accuracy import SpeedAccuracy as SpeedAccuracy
from .energetics.uncertainty import uncertainty_bound as uncertainty_bound

# all of it at once
from .auditing.model_check import check_model as check_model
from .auditing.model_check import ModelCheck as ModelCheck
from .auditing.quoted import quoted_likelihoods as quoted_likelihoods
from .auditing.quoted import QuotedLikelihoods as QuotedLikelihoods
from .auditing.audit import audit as audit
from .auditing.report import Audit as Audit

# information of data
from .information.entropy import data_entropy as data_entropy
from .information.entropy import conditional_entropy as conditional_entropy
from .information.dependence import mutual_information as mutual_information
from .information.dependence import total_correlation as total_correlation
from .information.kl_divergence import kl_divergence as kl_divergence
from .information.held_out import cross_entropy as cross_entropy
from .information.held_out import held_out_nll as held_out_nll
from .information.held_out import entropy_from_score as entropy_from_score
from .information.pairwise import pairwise_mutual_information as pairwise_mutual_information
from .information.pairwise import PairwiseInformation as PairwiseInformation
from .information.independence import independence_test as independence_test
from .information.independence import IndependenceTest as IndependenceTest
from .information.time_series.transfer import transfer_entropy as transfer_entropy
from .information.time_series.transfer import lagged_mutual_information as lagged_mutual_information
from .information.time_series.transfer import LaggedInformation as LaggedInformation
from .information.report import Information as Information
from .information.report import Pointwise as Pointwise
from .information.cross_fitting.folds import CrossFitting as CrossFitting
from .information.coordinate_maps import Standardise as Standardise
from .information.coordinate_maps import Asinh as Asinh
from .information.coordinate_maps import Gaussianise as Gaussianise

# what it is compared with
from .information.baselines.nearest_neighbours import nearest_neighbour_entropy as nearest_neighbour_entropy
from .information.baselines.nearest_neighbours import (
    nearest_neighbour_mutual_information as nearest_neighbour_mutual_information,
)
from .information.baselines.nearest_neighbours import (
    nearest_neighbour_divergence as nearest_neighbour_divergence,
)
from .information.baselines.gaussian_formula import gaussian_mutual_information as gaussian_mutual_information
from .information.baselines.density_models import held_out_entropy as held_out_entropy
from .information.baselines.density_models import GaussianBaseline as GaussianBaseline
from .information.baselines.density_models import MixtureBaseline as MixtureBaseline
from .information.baselines.density_models import KernelBaseline as KernelBaseline

# words and the machine
from .types import Estimate as Estimate
from .types import NotKnownError as NotKnownError
from .runtime.devices import use_devices as use_devices

# the rooms
from . import runtime as runtime
from . import numerics as numerics
from . import distributions as distributions
from . import processes as processes
from . import data as data
from . import plotting as plotting
from . import scores as scores
from . import training as training
from . import trajectories as trajectories
from . import thermodynamics as thermodynamics
from . import sampling as sampling
from . import paths as paths
from . import auditing as auditing
from . import information as information
from . import energetics as energetics
from . import jumps as jumps
from . import exploration as exploration
from . import commands as commands

__version__: str
