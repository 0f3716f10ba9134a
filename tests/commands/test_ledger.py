"""``thermodiff ledger`` as a user meets it: one line for each mistake, whole results, an audit gone on from."""

import re

import numpy as np
import pytest
from checks import names_in, strict, without_progress

from thermodiff.commands import ledger as ledger_command
from thermodiff.commands import main as cli
from thermodiff.commands import training as training_command

RNG = np.random.default_rng(0)
GOOD = RNG.normal(size=(60, 2)) @ np.array([[1.0, 0.4], [0.0, 0.5]]) + [3.0, -1.0]
QUICK = ("--steps", "200", "--max-points", "8", "--process", "vp")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--temperature -3", "temperature: got -3.0, need a positive, finite number"),
        ("--relaxation-time 0", "relaxation_time: got 0.0, need a positive, finite number"),
        (
            "--stochasticity -1",
            "stochasticity: got -1.0, need a number that is 0 (the flow), 1 (the SDE) or more",
        ),
        ("--process vp --sigma 0.01", "sigma: got 0.01 with --process vp, need at least 0.1"),
        ("--seed first", "seed: got 'first', need a whole number"),
        ("--temperature warm", "temperature: got 'warm', need a number"),
    ],
)
def test_bad_calls(words, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", GOOD)
    assert cli.main(["ledger", "x.npy", "--out", "results", *words.split()]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert f"thermodiff: error: {message}" in without_progress(err)
    assert not (tmp_path / "results").exists()


@pytest.mark.slow
def test_the_results_are_all_there_and_an_audits_training_is_not_repeated(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", GOOD)
    assert cli.main(["audit", "x.npy", "--out", "results", *QUICK]) == 0
    steps = []
    fit = training_command.fit
    monkeypatch.setattr(
        training_command, "fit", lambda *a, **k: fit(*a, **k, callback=lambda r: steps.append(r.step))
    )
    device = ["--temperature", "4", "--relaxation-time", "1e-9", "--stochasticity", "2"]
    capsys.readouterr()
    assert cli.main(["ledger", "x.npy", "--out", "results", *QUICK, *device]) == 0
    assert steps == []
    assert names_in("results") >= set(ledger_command.RESULTS)
    text, record = capsys.readouterr().out, strict("results/ledger.json")
    assert "floors of the sampled degrees of freedom" in text
    assert "x.npy: 60 rows of 2 columns" in text
    assert re.search(r"k_B T = \(\d\.\d+ ± \d\.\d+\)e-\d\d J in a closed cycle at 4 K", text)
    assert record["options"]["temperature"] == 4.0
    lines, ledger = record["ledger"]["lines"], record["ledger"]
    assert lines["cycle_work"]["mean"] == pytest.approx(1.5 * lines["entropy_production"]["mean"], rel=1e-6)
    joules = lines["cycle_work"]["mean"] * 4 * 1.380649e-23
    assert lines["cycle_work"]["joules"] == pytest.approx(joules, rel=1e-9)
    assert ledger["seconds"] == pytest.approx(2 * ledger["action"] * 1e-9)
    assert lines["cycle_work"]["sense"] == ">="
    assert lines["waste"]["mean"] is None
    assert record["frontier"]["own"]["duration"] == pytest.approx(ledger["seconds"], rel=1e-3)
    assert max(map(len, text.splitlines())) <= 140
