"""Images of whole grey levels as samples of a density, in the units that a model was trained in.

    y = origin + step (v + u),   v = 0 ... levels - 1,   u uniform on [0, 1)

so that with d pixels -ln P(v) <= E_u[-ln p(y)] - d ln step (nats): the likelihood of the integers that papers quote is
bounded by that of the density in the model's units plus a change of units. Source: Theis et al. (2016).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from thermodiff.data.dequantisation import dequantise
from thermodiff.validation import check_count, check_finite, check_numbers, check_positive, complain


class PixelUnits(NamedTuple):
    """What grey levels were made into: ``step`` is the width of one in the model's units, ``origin`` where 0 begins."""

    name: str
    step: float
    origin: float

    @property
    def bits(self) -> float:
        """What is added to bits per dimension in the model's units to have those of grey levels: -log2(step)."""
        return -math.log2(self.step)


NAMES = {
    "[-1, 1]": (2.0, -1.0),
    "[0, 1]": (1.0, 0.0),
    "[0, 255]": (None, 0.0),
}
"""Width of all levels together and where they begin; None: a level is 1 wide."""


class Pixels(NamedTuple):
    """Dequantised images as rows, ``samples`` (n, d), with the ``units`` of a model and the number of grey levels."""

    samples: np.ndarray
    units: PixelUnits
    levels: int

    @property
    def array(self) -> np.ndarray:
        """``samples``, by the name by which functions of data know the rows of ``td.Samples``."""
        return self.samples

    @property
    def discrete_correction(self) -> float:
        """Added to nats per sample of ``samples`` to have those of grey levels: -d ln(step)."""
        return -self.samples.shape[1] * math.log(self.units.step)


def pixels(seed: Any, images: Any, units: Any = "[-1, 1]", *, levels: int = 256) -> Pixels:
    """Images (n, ...) of whole grey levels 0 ... levels - 1 as rows of a density, with uniform noise of one level.

    ``units`` are those that the model was trained in: "[-1, 1]" and "[0, 1]", over which the levels are spread evenly,
    "[0, 255]", the levels themselves, or ``thermodiff.data.pixels.PixelUnits(name, step, origin)``, such as
    PixelUnits("2 v/255 - 1", 2/255, -1.0) for a model that saw v/255 scaled to [-1, 1]. ``seed`` fixes the noise, as in
    ``td.dequantise``.

    Raises ValueError for images that are no whole grey levels, one axis, and units of another name.
    """
    check_count("levels", levels)
    made = _units(units, levels)
    check_numbers("images", images)
    check_finite("images", images)
    values = np.asarray(images)
    if values.ndim < 2:
        raise complain("images", f"shape {values.shape}", "images (n, ...), one after another")
    if np.any(values != np.floor(values)) or values.min() < 0 or values.max() >= levels:
        got = f"values from {values.min():g} to {values.max():g}"
        raise complain(
            "images", got, f"whole grey levels from 0 to {levels - 1}, as they are before any scaling"
        )
    rows = dequantise(seed, values.reshape(len(values), -1).astype(np.float64), 1.0).samples
    return Pixels(made.origin + made.step * rows, made, levels)


def _units(units: Any, levels: int) -> PixelUnits:
    if isinstance(units, PixelUnits):
        check_positive("units.step", units.step)
        return units
    if units not in NAMES:
        raise complain("units", repr(units), f"one of {', '.join(NAMES)}, or PixelUnits(name, step, origin)")
    width, origin = NAMES[units]
    return PixelUnits(units, 1.0 if width is None else width / levels, origin)
