"""Grey levels made rows of a density: the units by hand, the noise uniform, and images that are none refused."""

import numpy as np
import pytest

import thermodiff as td
from thermodiff.data.pixels import PixelUnits

RNG = np.random.default_rng(3)
IMAGES = RNG.integers(0, 256, size=(50, 4, 4, 3), dtype=np.uint8)
V = IMAGES.reshape(50, -1).astype(float)


@pytest.mark.parametrize(
    ("units", "step", "origin", "bits"),
    [
        ("[-1, 1]", 1 / 128, -1.0, 7.0),
        ("[0, 1]", 1 / 256, 0.0, 8.0),
        ("[0, 255]", 1.0, 0.0, 0.0),
        (PixelUnits("2 v/255 - 1", 2 / 255, -1.0), 2 / 255, -1.0, np.log2(127.5)),
    ],
)
def test_units(units, step, origin, bits):
    made = td.pixels(0, IMAGES, units)
    assert made.samples.shape == (50, 48)
    u = (made.samples - origin) / step - V
    assert u.min() >= -1e-9
    assert u.max() < 1 + 1e-9
    assert abs(u.mean() - 0.5) < 5 * np.sqrt(1 / 12 / u.size)
    assert made.units.bits == pytest.approx(bits)
    assert made.discrete_correction == pytest.approx(48 * bits * np.log(2))


def test_fewer_levels_and_the_same_noise_again():
    made = td.pixels(5, IMAGES % 8, levels=8)
    assert made.units.step == 0.25
    assert -1 <= made.samples.min() < made.samples.max() < 1
    np.testing.assert_array_equal(made.samples, td.pixels(5, IMAGES % 8, levels=8).samples)


@pytest.mark.parametrize(
    ("images", "options", "message"),
    [
        (
            V / 127.5 - 1,
            {},
            r"images: got values from -1 to 1, need whole grey levels from 0 to 255, as they are before",
        ),
        (V + 0.5, {}, r"images: got values from 0\.5 to 255\.5, need whole grey levels"),
        (V, {"levels": 16}, r"images: got values from 0 to 255, need whole grey levels from 0 to 15"),
        (V[0], {}, r"images: got shape \(48,\), need images \(n, \.\.\.\)"),
        (V * np.nan, {}, r"images: got 2400 NaN or infinite"),
        (
            V,
            {"units": "[0, 2]"},
            r"units: got '\[0, 2\]', need one of \[-1, 1\], \[0, 1\], \[0, 255\], or PixelUnits",
        ),
        (V, {"units": PixelUnits("none", 0.0, 0.0)}, r"units\.step: got 0\.0, need a positive"),
        (V, {"levels": 0}, r"levels: got 0, need a positive whole number"),
    ],
)
def test_images_that_are_none(images, options, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        td.pixels(0, images, **options)


def test_images_are_taken_where_rows_are(key):
    """The same as their samples, and refused where these would be."""
    images = np.random.default_rng(0).integers(0, 256, size=(32, 2))
    made, process = td.pixels(0, images), td.EDM(0.01, 20.0)
    score = td.exact_score(td.Gaussian(np.zeros(2), np.eye(2) / 3), process)
    options = {"nodes": 5, "reading": "denoising"}
    rates, of_samples = (td.entropy_rates(key, score, process, x, **options) for x in (made, made.samples))
    np.testing.assert_array_equal(rates.intrinsic.mean, of_samples.intrinsic.mean)
    seen, seen_samples = (td.check_model(key, score, process, x) for x in (made, made.samples))
    np.testing.assert_array_equal(seen.loss.mean, seen_samples.loss.mean)
    with pytest.raises(ValueError, match=r"^data: got constant column"):
        td.entropy_rates(key, score, process, td.pixels(0, images)._replace(samples=np.ones((32, 2))))
