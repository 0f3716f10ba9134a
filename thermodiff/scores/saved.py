"""A score kept in a folder: its arrays, and in JSON the objects of this package that they belong to."""

from __future__ import annotations

import dataclasses
import importlib
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from thermodiff.array_types import Score
from thermodiff.runtime.devices import first_process
from thermodiff.runtime.saved_arrays import UNREADABLE, read_arrays, write_arrays
from thermodiff.validation import complain

_PACKAGE = "thermodiff"
_NEED = "a folder that save_score wrote"
SAVABLE = {
    name: f"{_PACKAGE}.{module}"
    for module, names in {
        "scores.exact": "ExactScore",
        "scores.learned": "PlainScore PreconditionedScore",
        "scores.perturbed": "ScaledScore ShiftedScore RotatedScore NoisyScore",
        "scores.parameterisations": "ModelScore",
        "scores.predictions": "NoisePrediction Denoiser VPrediction Velocity",
        "scores.model_times": "ContinuousTime StepNumber WholeSteps NoiseLevel LogSigma EDMNoise LogSNR Backwards",
        "scores.model_scalings": "Unscaled VEToVP VPToVE EDMScaling",
        "scores.networks": "Network ResidualMLP PotentialMLP",
        "processes.custom": "CustomProcess",
        "processes.exploding": "VarianceExploding GeometricVarianceExploding",
        "processes.preserving": "VariancePreserving SubVariancePreserving OrnsteinUhlenbeck",
        "processes.cosine": "CosineVariancePreserving",
        "processes.edm": "EDM",
        "processes.interpolants": "LinearInterpolant",
        "processes.tabulated": "TabulatedProcess",
        "distributions.gaussian": "Gaussian",
        "distributions.mixture": "GaussianMixture",
        "distributions.uniform": "Uniform",
        "distributions.laplace": "Laplace",
        "distributions.student": "StudentT",
        "distributions.checkerboard": "Checkerboard",
        "distributions.curves": "NoisyCurve",
        "distributions.samples": "Samples",
        "information.cross_fitting.conditional": "ConditionalGaussian ConditionalScore",
        "information.cross_fitting.rescaling": "RescaledScore MeanScore",
        "thermodynamics.calibration": "CalibratedScore",
        "exploration.diffusion_policy.controlled": "ControlledScore",
    }.items()
    for name in names.split()
}
"""What a saved score may be made of, and where each class is now: a file holds names alone, and outlives a move."""


def save_score(folder: str | Path, score: Score) -> None:
    """Write a score, its network, process and reference included, to ``folder``; an older score there is replaced.

    Arrays by orbax, the rest as JSON; ``load_score`` gives it back bit for bit. Raises ValueError for a score that
    holds something that is not of this package, such as the Python functions of a ``CustomProcess``, OSError where
    ``folder`` cannot be written. Of several processes the first writes.
    """
    folder = Path(folder)
    if folder.exists() and any(folder.iterdir()) and "score" not in _metadata_of(folder):
        raise complain("folder", f"{folder}, which exists and is no saved score", "a new folder")
    arrays: dict[str, np.ndarray] = {}
    description = _describe(score, "score", arrays)
    if first_process():
        write_arrays(folder, arrays, {"score": description})


def load_score(folder: str | Path) -> Any:
    """The score that ``save_score`` wrote to ``folder``. Raises ValueError if there is none."""
    try:
        arrays, metadata = read_arrays(Path(folder))
    except UNREADABLE as error:
        raise complain("folder", f"{folder}, which holds no readable score", _NEED) from error
    if "score" not in metadata:
        raise complain("folder", f"{folder}, a checkpoint of a training", _NEED)
    return _rebuild(metadata["score"], arrays)


def _metadata_of(folder: Path) -> dict:
    try:
        return read_arrays(folder)[1]
    except UNREADABLE:
        return {}


def _describe(value: Any, name: str, arrays: dict[str, np.ndarray]) -> dict:
    """``value`` as JSON, its arrays put into ``arrays`` under their dotted names."""
    if value is None or isinstance(value, bool | int | float | str):
        return {"value": value}
    if isinstance(value, jax.Array | np.ndarray | np.generic):
        arrays[name] = np.asarray(value)
        return {"array": name, "dtype": str(arrays[name].dtype)}
    if isinstance(value, dict):
        items = [[key, _describe(child, f"{name}.{key}", arrays)] for key, child in value.items()]
        return {"items": items}
    if isinstance(value, type) and _is_ours(value):
        return {"type": value.__name__}
    if dataclasses.is_dataclass(value) and _is_ours(type(value)):
        fields = [f.name for f in dataclasses.fields(value)]
        described = {f: _describe(getattr(value, f), f"{name}.{f}", arrays) for f in fields}
        return {"class": type(value).__name__, "fields": described}
    raise complain(
        name, f"{value!r}", "arrays, numbers and objects of thermodiff, which can be saved as data"
    )


def _rebuild(description: dict, arrays: dict[str, Any]) -> Any:
    match description:
        case {"value": value}:
            return value
        case {"array": name, "dtype": dtype}:
            return jnp.asarray(np.asarray(arrays[name], dtype=dtype))
        case {"items": items}:
            return {key: _rebuild(child, arrays) for key, child in items}
        case {"type": address}:
            return _find(address)
        case {"class": address, "fields": fields}:
            cls = _find(address)
            built: Any = object.__new__(cls)
            for field, child in fields.items():
                object.__setattr__(built, field, _rebuild(child, arrays))
            return built
    raise complain("folder", f"an entry {description}", "a score saved by this version of thermodiff")


def _is_ours(cls: type) -> bool:
    return SAVABLE.get(cls.__name__) == cls.__module__


def _find(address: str) -> type:
    """The class of a name in the table, so that a file cannot run other code. Older files say ``module:name``."""
    module, _, name = address.rpartition(":")
    ours = module in ("", _PACKAGE) or module.startswith(f"{_PACKAGE}.")
    if not (ours and name in SAVABLE):
        raise complain("folder", f"a score made of {address}", "classes of this version of thermodiff")
    return getattr(importlib.import_module(SAVABLE[name]), name)
