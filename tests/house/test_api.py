"""The public names: all of them, nothing else, found by whoever looks, and imported only when asked for."""

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest
import rooms

import thermodiff as td

NAMES = [
    "Gaussian",
    "GaussianMixture",
    "Uniform",
    "Laplace",
    "StudentT",
    "Checkerboard",
    "eight_gaussians",
    "rings",
    "swiss_roll",
    "two_moons",
    "Samples",
    "VarianceExploding",
    "GeometricVarianceExploding",
    "VariancePreserving",
    "OrnsteinUhlenbeck",
    "SubVariancePreserving",
    "CosineVariancePreserving",
    "EDM",
    "LinearInterpolant",
    "TabulatedProcess",
    "CustomProcess",
    "NamedData",
    "named_data",
    "Dequantised",
    "dequantise",
    "Pixels",
    "PixelUnits",
    "pixels",
    "Whitened",
    "whiten",
    "exact_score",
    "PlainScore",
    "PreconditionedScore",
    "torch_model",
    "numpy_model",
    "scaled",
    "shifted",
    "rotated",
    "noisy",
    "score_from_noise_prediction",
    "score_from_denoiser",
    "score_from_v_prediction",
    "score_from_velocity",
    "ContinuousTime",
    "StepNumber",
    "WholeSteps",
    "NoiseLevel",
    "LogSigma",
    "LogSNR",
    "EDMNoise",
    "EDMScaling",
    "VEToVP",
    "VPToVE",
    "save_score",
    "load_score",
    "TrainingConfig",
    "fit",
    "fit_sweep",
    "Fit",
    "TrainingDivergedError",
    "entropy_rates",
    "EntropyRates",
    "calibrate",
    "CalibratedScore",
    "moment_prior",
    "noise_prior",
    "flow_log_likelihood",
    "flow_likelihood",
    "elbo",
    "cross_log_likelihood",
    "Schedule",
    "schedule",
    "Clock",
    "clock",
    "least_waste_schedule",
    "Sampled",
    "sample",
    "deterministic_sampler",
    "sample_quality",
    "Quality",
    "path_ratio",
    "PathRatio",
    "fluctuation_theorem",
    "FluctuationTheorem",
    "noising_paths",
    "noising_entropy_production",
    "generated_paths",
    "generation_heat",
    "path_waste",
    "path_log_likelihood",
    "PathLikelihood",
    "discretisation_waste",
    "Hardware",
    "energy_ledger",
    "Ledger",
    "driving_cost",
    "DrivingCost",
    "speed_accuracy",
    "SpeedAccuracy",
    "uncertainty_bound",
    "check_model",
    "ModelCheck",
    "quoted_likelihoods",
    "QuotedLikelihoods",
    "audit",
    "Audit",
    "data_entropy",
    "conditional_entropy",
    "mutual_information",
    "total_correlation",
    "kl_divergence",
    "cross_entropy",
    "held_out_nll",
    "entropy_from_score",
    "pairwise_mutual_information",
    "PairwiseInformation",
    "independence_test",
    "IndependenceTest",
    "transfer_entropy",
    "lagged_mutual_information",
    "LaggedInformation",
    "Information",
    "Pointwise",
    "CrossFitting",
    "Standardise",
    "Asinh",
    "Gaussianise",
    "nearest_neighbour_entropy",
    "nearest_neighbour_mutual_information",
    "nearest_neighbour_divergence",
    "gaussian_mutual_information",
    "held_out_entropy",
    "GaussianBaseline",
    "MixtureBaseline",
    "KernelBaseline",
    "Estimate",
    "NotKnownError",
    "use_devices",
]
ROOMS = {room for room in rooms.ROOMS if (rooms.PACKAGE / room).is_dir()} | {"plotting"}


def python(code: str, **environment: str) -> str:
    """What a new process prints, started where the package is not installed for it by chance."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(td.__file__).parents[1],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_public_names_are_these():
    assert len(NAMES) == len(set(NAMES)) == 138
    assert set(td.__all__) == {*NAMES, *ROOMS}
    assert all(hasattr(td, name) for name in NAMES)


def test_dir_shows_the_public_names_and_the_rooms_alone():
    shown = python("import thermodiff as td; td.fit, td.audit; print(*dir(td))").split()
    assert set(shown) == {*NAMES, *ROOMS}


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_says_what_it_is(name):
    assert (getattr(td, name).__doc__ or "").strip(), f"td.{name} has no docstring"


def test_a_name_like_a_rooms_file_is_the_function():
    """``thermodiff.auditing.audit`` is a file and ``td.audit`` what is in it, in whatever order they are imported."""
    code = "import thermodiff.auditing.audit, thermodiff as td; print(callable(td.audit), callable(td.fit))"
    assert python(code).split() == ["True", "True"]


def test_a_name_that_there_is_not():
    with pytest.raises(AttributeError, match="entropy_rate"):
        td.entropy_rate  # noqa: B018


def test_one_version():
    assert td.__version__ == importlib.metadata.version("thermodiff")


def test_every_name_can_be_had_at_once():
    assert python("from thermodiff import *; print(fit.__name__, Gaussian.__name__)") == "fit Gaussian\n"


def test_the_package_can_be_run():
    assert "thermodiff audit digits" in python(
        "import runpy, sys; sys.argv = ['thermodiff', '--help']; "
        "runpy.run_module('thermodiff', run_name='__main__')"
    )


# --- what starts JAX, and what does not ---------------------------------------------------------


def test_importing_thermodiff_starts_nothing():
    slow = (
        "jax",
        "scipy",
        "flax",
        "optax",
        "diffrax",
        "orbax",
        "matplotlib",
        "sklearn",
        "tyro",
        "rich",
        "numpy",
    )
    assert python(f"import sys, thermodiff; print(*(m for m in {slow} if m in sys.modules))").split() == []


def light_files() -> list[str]:
    return [
        m for m in rooms.FILES if any(m == light or m.startswith(f"{light}.") for light in rooms.WITHOUT_JAX)
    ]


def test_what_reads_starts_no_jax():
    """Each in a process of its own; the packages are named where one does."""
    code = (
        "import importlib, os, sys\n"
        "import numpy, matplotlib.figure\n"  # not JAX, and shared by all children
        "for module in sys.argv[1:]:\n"
        "    child = os.fork()\n"
        "    if not child:\n"
        "        importlib.import_module(module)\n"
        "        heavy = [m for m in ('jax', 'jaxlib', 'flax', 'optax') if m in sys.modules]\n"
        "        print(module, *heavy, flush=True) if heavy else None\n"
        "        os._exit(0)\n"
        "    assert os.waitpid(child, 0)[1] == 0, module\n"
    )
    modules = [f"thermodiff.{module}" for module in light_files()]
    assert len(modules) > 20
    done = subprocess.run(
        [sys.executable, "-c", code, *modules],
        cwd=Path(td.__file__).parents[1],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "", "these start JAX"


def test_help_starts_no_jax():
    code = (
        "import sys; from thermodiff.commands.main import main; status = main(['--help']); "
        "sys.stdout = sys.stderr; assert 'jax' not in sys.modules and 'numpy' not in sys.modules; sys.exit(status)"
    )
    assert "audit" in python(code)


def test_importing_thermodiff_starts_no_device():
    """After it, processes can still be joined (``jax.distributed.initialize``) and devices be chosen."""
    code = (
        "import thermodiff as td, jax; td.fit, td.audit, td.data_entropy; "
        "jax.config.update('jax_num_cpu_devices', 3); print(len(jax.devices('cpu')))"
    )
    assert python(code).split() == ["3"]


@pytest.mark.parametrize("order", ["jax, thermodiff as td", "thermodiff as td, jax"])
def test_compiled_programs_are_kept_whoever_is_imported_first(order, tmp_path):
    code = f"import {order}; td.Gaussian; print(jax.config.jax_compilation_cache_dir)"
    folder = python(code, XDG_CACHE_HOME=str(tmp_path), THERMODIFF_NO_CACHE="0").strip()
    assert folder.startswith(str(tmp_path))
