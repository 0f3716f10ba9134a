"""Figures read records only, are drawn the same way twice, and are small enough for one column."""

import hashlib
import json

import numpy as np
import pytest
import scipy.integrate

from thermodiff import plotting


@pytest.fixture
def rates():
    time = np.geomspace(0.01, 1.0, 201)
    record = {"time": time, "log_snr": -4 * np.log(time), "log_snr_rate": 4 / time, "reading": "divergence"}
    for name, value in (("intrinsic", 2.0), ("system", -1.5), ("exchange", -3.5)):
        record |= {name: value * time, f"{name}_stderr": 0.1 * time}
    return json.loads(
        json.dumps({k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in record.items()})
    )


@pytest.fixture
def ladder():
    values = {
        "S0": 1.0,
        "nll": 1.2,
        "neg_elbo": 1.3,
        "cross": 1.1,
        "certified_flow": 1.05,
        "certified_elbo": 0.9,
    }
    values |= {f"bound_{k}": 0.5 for k in ("quadratic", "divergence", "denoising", "flow")}
    return {**values, **{f"{k}_stderr": 0.01 for k in values}, "known": {"S0": "exact"}}


def axes_of(figure):
    return figure.subplots()


def test_areas_against_log_snr_are_those_against_time(rates):
    figure = plotting.new_figure()
    areas = {}
    for against in ("time", "log_snr"):
        axes = plotting.plot_rates(axes_of(figure), rates, against=against)
        assert len(axes.collections) == 3  # a band for each rate
        curve = next(line for line in axes.lines if line.get_label() == "intrinsic")
        x, y = curve.get_data()
        areas[against] = abs(scipy.integrate.simpson(y, x=x))
    assert areas["time"] == pytest.approx(1.0 - 1e-4, rel=1e-5)  # the integral of 2 t from 0.01 to 1
    assert areas["log_snr"] == pytest.approx(areas["time"], rel=1e-5)


def test_rates_are_drawn_against_what_there_is(rates):
    with pytest.raises(ValueError, match="against: got 'sigma', need one of time, log_snr"):
        plotting.plot_rates(axes_of(plotting.new_figure()), rates, against="sigma")


def test_the_ladder_shows_each_number_with_its_error(ladder):
    with plotting.style():
        axes = plotting.plot_ladder(axes_of(plotting.new_figure()), ladder, offset=10.0)
    texts = [t.get_text() for t in axes.texts]
    assert "11.200 ± 0.010" in texts
    assert len(axes.get_yticks()) == 10
    assert not any("≤" in t for t in texts)


def test_an_upper_bound_on_S0_is_said_and_what_compares_with_itself_left_out(ladder):
    ladder["known"]["S0"] = "upper bound"
    axes = plotting.plot_ladder(axes_of(plotting.new_figure()), ladder)
    labels = [t.get_text() for t in axes.get_yticklabels()]
    assert not any("ELBO" in label and "certified" in label for label in labels)
    said = [t.get_text() for t in axes.texts if t.get_text()]
    assert sum("≤" in text for text in said) == 5  # four L_k and S0
    assert "at most" in axes.get_xlabel()


def test_a_number_that_is_missing_is_left_out(ladder):
    ladder["certified_flow"] = None
    ladder["nll_stderr"] = None
    axes = plotting.plot_ladder(axes_of(plotting.new_figure()), ladder)
    assert len(axes.get_yticks()) == 9


def test_the_kept_step_is_that_of_the_smallest_held_out_loss():
    history = {"step": [1, 2, 3], "loss": [3.0, 2.0, 1.0], "validation": [3.0, 2.5, 2.7]}
    axes = plotting.plot_loss(axes_of(plotting.new_figure()), history)
    kept = next(line for line in axes.lines if line.get_label() == "kept")
    assert kept.get_xydata().tolist() == [[2.0, 2.5]]
    bare = plotting.plot_loss(axes_of(plotting.new_figure()), history | {"validation": [None] * 3})
    assert len(bare.lines) == 1


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (4.3512, 0.0123, "4.351 ± 0.012"),
        (112.8, 0.74, "112.80 ± 0.74"),
        (112.8, 25.0, "113 ± 25"),
        (1.0, 0.0, "1.0000"),
        (1.0, 1e-6, "1.0000 ± <0.0001"),
        (1.0, None, "1.000 ± ?"),
        (1.0, float("nan"), "1.000 ± ?"),
    ],
)
def test_decimals_follow_the_error(value, error, text):
    rung = {"label": "it", "mean": value, "stderr": error, "kind": "bound"}
    axes = plotting.plot_estimates(axes_of(plotting.new_figure()), [rung])
    assert [t.get_text() for t in axes.texts] == [text]


def test_the_same_figure_gives_the_same_bytes(tmp_path, rates, ladder):
    digests = set()
    for run in ("one", "two"):
        with plotting.style():
            figure = plotting.new_figure(plotting.COLUMN, 2.0)
            plotting.plot_rates(figure.subplots(), rates)
        png, pdf = plotting.save_figure(figure, tmp_path / run)
        assert png.read_bytes().startswith(b"\x89PNG")
        assert pdf.read_bytes().startswith(b"%PDF")
        digests.add(hashlib.sha256(png.read_bytes() + pdf.read_bytes()).hexdigest())
    assert len(digests) == 1
    assert {p.name for p in tmp_path.iterdir()} == {"one.png", "one.pdf", "two.png", "two.pdf"}
