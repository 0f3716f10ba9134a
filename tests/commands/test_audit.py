"""``thermodiff audit`` as a user meets it: one line for each mistake, whole results, the same numbers again."""

import math
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from checks import names_in, strict, without_progress

from thermodiff.commands import audit as audit_command
from thermodiff.commands import main as cli
from thermodiff.commands import training as training_command
from thermodiff.commands.options import Audit
from thermodiff.runtime.files import held
from thermodiff.types import to_error

ROOT = Path(__file__).resolve().parents[2]
RNG = np.random.default_rng(0)
GOOD = RNG.normal(size=(60, 2)) @ np.array([[1.0, 0.4], [0.0, 0.5]]) + [3.0, -1.0]
QUICK = ("--steps", "200", "--max-points", "8")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def complaint(capsys, *argv):
    """The one line that a bad call leaves on stderr, after checking that it is one line and nothing else."""
    assert cli.main(argv) == 2
    out, err = capsys.readouterr()
    err = without_progress(err)
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("thermodiff: error: ")
    return err


def spoiled(**changes):
    """GOOD with some entries replaced."""
    x = GOOD.copy()
    for where, value in changes.values():
        x[where] = value
    return x


# --- what users get wrong -----------------------------------------------------------------------

BAD_ARRAYS = {
    "NaN": (
        spoiled(a=((4, 1), np.nan)),
        "1 missing value(s) in 1 of 60 rows, first in row 4, counted from 0, column 1, need numbers everywhere, or",
    ),
    "infinity": (
        spoiled(a=((4, 0), np.inf)),
        "1 infinite value(s), first in row 4, counted from 0, column 0, need finite",
    ),
    "one axis": (GOOD[:, 0], "got shape (60,), need shape (n, d), one sample a row"),
    "three axes": (GOOD[None], "got shape (1, 60, 2), need an array of shape (n, d)"),
    "no axis": (np.array(1.0), "got a single number (shape ())"),
    "no rows": (GOOD[:0], "got shape (0, 2)"),
    "one row": (GOOD[:1], "got 1 row(s) of dimension 2, need at least 3 rows"),
    "fewer rows than columns": (RNG.normal(size=(5, 8)), "got 5 row(s) of dimension 8, need at least 9 rows"),
    "too few rows for many columns": (
        RNG.normal(size=(60, 20)),
        "got 60 rows of dimension 20, need at least 110",
    ),
    "too few to split": (GOOD[:10], "got 10 rows of dimension 2, need at least 20"),
    "a constant column": (
        spoiled(a=(np.s_[:, 1], 7.0)),
        "got constant column(s) [1], counted from 0, need columns that vary",
    ),
    "a column twice": (
        GOOD[:, [0, 1, 0]],
        "got linearly dependent columns [0, 2], counted from 0 (singular covariance)",
    ),
    "rows repeated": (np.tile(GOOD[:20], (3, 1)), "got 40 repeated rows out of 60"),
    "integers": (
        RNG.integers(0, 3, size=(60, 2)),
        "add uniform noise of one step to integer data and rounded numbers (dequantise)",
    ),
    "strings": (GOOD.astype(str), "got entries of type <U"),
    "complex numbers": (GOOD.astype(complex), "got entries of type complex128, need real numbers"),
}


@pytest.mark.parametrize("name", BAD_ARRAYS)
def test_bad_arrays(name, folder, capsys):
    array, message = BAD_ARRAYS[name]
    np.save("x.npy", array)
    said = complaint(capsys, "audit", "x.npy", "--out", "results")
    assert said.startswith("thermodiff: error: x.npy: got ")
    assert message in said
    assert not Path("results").exists()


BAD_CALLS = {
    "no such file": (
        "nowhere.npy",
        "file: got 'nowhere.npy', which does not exist, need a file (.npy, .npz, .csv, .tsv, .txt, .dat, .parquet), or",
    ),
    "a folder": (".", "file: got '.' (a directory), need one of .npy, .npz, .csv, .tsv, .txt"),
    "another ending": ("x.xls", "file: got 'x.xls' (the ending '.xls'), need one of .npy, .npz, .csv"),
    "a missing key": ("two.npz --key c", "key: got 'c' for two.npz, need one of the keys in it: a, b"),
    "no key": ("two.npz", "key: got no key for two.npz, need one of the keys in it: a, b"),
    "a key too many": ("x.npy --key a", "key: got 'a' for x.npy, need no key: only an .npz file has"),
    "a key for digits": ("digits --key a", "key: got 'a' for digits, need no key"),
    "a string in a csv": ("x.csv", "x.csv, line 3, column 1 ('weight'): got 'heavy', need a number"),
    "no grid": ("x.npy --dequantise", "dequantise: got no column of x.npy on a grid"),
    "no such column": (
        "x.npy --columns 2",
        "columns: got '2', need numbers from 0 to 1, with commas between",
    ),
    "a separator of no text": (
        "x.npy --separator tab",
        "separator: got 'tab' for x.npy, need it for text alone",
    ),
    "sigma for ve": ("x.npy --sigma 0.5", "sigma: got 0.5, need sigma > 1"),
    "sigma for vp": (
        "x.npy --process vp --sigma 0.01",
        "sigma: got 0.01 with --process vp, need at least 0.1",
    ),
    "no steps": ("x.npy --steps 0", "steps: got 0, need a positive whole number"),
    "a negative seed": ("x.npy --seed -1", "seed: got -1, need a whole number from 0"),
    "fewer points than columns": ("x.npy --max-points 2", "rows to measure on: got 2 row(s) of dimension 2"),
    "one point": ("x.npy --max-points 1", "max-points: got 1, need at least 2"),
    "one path": ("x.npy --paths 1", "paths: got 1, need at least 2 paths a row, or 0"),
    "out is a file": ("x.npy --out x.xls", "out: got 'x.xls', which is a file, need a folder"),
    "an unknown process": (
        "x.npy --process sub",
        "process: got 'sub', need one of ve, vp, or FILE.py:NAME together with --score",
    ),
    "a word for a number": ("x.npy --steps many", "steps: got 'many', need a whole number"),
    "a word for a real number": ("x.npy --sigma wide", "sigma: got 'wide', need a number"),
    "an unknown option": ("x.npy --stpes 3", "Unrecognized options: --stpes"),
}


@pytest.mark.parametrize("name", BAD_CALLS)
def test_bad_calls(name, folder, capsys):
    words, message = BAD_CALLS[name]
    np.save("x.npy", GOOD)
    np.savez("two.npz", a=GOOD, b=GOOD)
    Path("x.xls").write_text("1 2\n")
    Path("x.csv").write_text("length,weight\n1,2\n3,heavy\n")
    out = () if "--out" in words else ("--out", "results")
    assert message in complaint(capsys, "audit", *words.split(), *out)
    assert not Path("results").exists()


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ((), "Expected one of {audit, ledger, entropy, mi, explore, sample}"),
        (("audti",), "Unrecognized options: audti"),
        (("audit", "x.npy"), "Missing from thermodiff audit: --out DIR"),
        (("audit",), "Missing from thermodiff audit: FILE --out DIR"),
    ],
)
def test_incomplete_calls(argv, message, capsys):
    assert message in complaint(capsys, *argv)


def test_digits_without_scikit_learn(folder, capsys, without_scikit_learn):
    said = complaint(capsys, "audit", "digits", "--out", "results")
    assert "install the extra 'data' (pip install 'thermodiff[data]')" in said


def test_help_names_every_option(capsys):
    assert cli.main(["--help"]) == 0
    assert "thermodiff audit digits --out" in capsys.readouterr().out
    assert cli.main(["audit", "--help"]) == 0
    text = capsys.readouterr().out
    options = ("--out", "--key", "--process", "--sigma", "--steps", "--seed", "--dequantise", "--max-points")
    options += (
        "--columns",
        "--without",
        "--missing",
        "--separator",
        "--header",
        "--prior",
        "--unit",
        "--paths",
        "--score",
    )
    assert all(option in text for option in options)


def test_from_the_shell(folder):
    command = [sys.executable, "-m", "thermodiff", "audit", "nowhere.npy", "--out", "results"]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 2
    assert done.stdout == ""
    *progress, said = done.stderr.splitlines()
    assert said.startswith("thermodiff: error: file: got 'nowhere.npy', which does not exist")
    assert all(line.startswith("thermodiff: starting, ") for line in progress)


def test_errors_that_nobody_foresaw_keep_their_traceback(folder, monkeypatch):
    np.save("x.npy", GOOD)
    monkeypatch.setattr(audit_command, "run", lambda job: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        cli.main(["audit", "x.npy", "--out", "results"])


# --- what they get ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """One small audit, and its folder."""
    folder = tmp_path_factory.mktemp("finished")
    np.save(folder / "x.npy", GOOD)
    assert cli.main(["audit", str(folder / "x.npy"), "--out", str(folder / "results"), *QUICK]) == 0
    return folder / "results"


def test_the_results_are_all_there_and_in_order(finished):
    assert names_in(finished) == set(audit_command.RESULTS)
    record = strict(finished / "audit.json")
    assert record["options"]["seed"] == 0
    assert record["split"] == {"training": 42, "validation": 6, "test": 12}
    assert record["audited"] == 8
    assert record["versions"].keys() >= {"thermodiff", "jax", "python"}
    assert record["t_min"] == record["standardised"]["t_min"] > 0
    assert len(record["training"]["history"]["step"]) == 2
    text = (finished / "audit.txt").read_text()
    assert "x.npy: 60 rows of 2 columns" in text
    assert "12 to measure (8 of them used)" in text
    nll, error = record["own_units"]["nll"], record["standardised"]["nll_stderr"]
    shown = to_error(nll, error)
    assert f"{shown} ± " in " ".join(text.split())
    assert "prior pi, at t = 1: moments of p_1, from the score's reference" in text
    assert max(map(len, text.splitlines())) <= 100


def test_the_unit_and_the_prior_are_chosen_and_the_training_is_not_repeated(finished, folder, monkeypatch):
    steps = []
    real_fit = training_command.fit
    monkeypatch.setattr(
        training_command, "fit", lambda *a, **k: real_fit(*a, **k, callback=lambda r: steps.append(r.step))
    )
    shutil.copytree(finished, "results")
    call = ["audit", str(finished.parent / "x.npy"), "--out", "results", *QUICK]
    assert cli.main([*call, "--unit", "bits", "--prior", "noise", "--paths", "2"]) == 0
    assert steps == []
    here, there = strict("results/audit.json"), strict(finished / "audit.json")
    assert (here["unit"], here["standardised"]["unit"], there["unit"]) == ("bits", "bits", "nats")
    assert here["standardised"]["known"]["prior"] == "noise alone, N(0, sigma(1)^2)"
    bits = here["standardised"]
    assert bits["integral_quadratic"] == pytest.approx(
        there["standardised"]["integral_quadratic"] / math.log(2)
    )
    assert bits["rates"] == there["standardised"]["rates"]
    own = here["own_units"]
    assert own["nll_sde"] <= own["nll_paths"] <= own["neg_elbo_steps"]
    assert "nll_sde" not in there["own_units"]
    text = Path("results/audit.txt").read_text()
    assert "In the data's own units, bits per sample" in text
    assert "prior pi, at t = 1: noise alone, N(0, sigma(1)^2)" in text


def test_own_units_are_standardised_ones_plus_the_log_jacobian(finished):
    record = strict(finished / "audit.json")
    about = record["standardisation"]
    shift = sum(math.log(std) for std in about["std"]) - np.linalg.slogdet(about["mix"])[1]
    for name in ("nll", "neg_elbo", "S1", "bound_flow"):
        assert record["own_units"][name] == pytest.approx(record["standardised"][name] + shift, rel=1e-12)


def test_a_change_of_units_shifts_the_nll_and_nothing_else(finished, folder):
    np.savez(
        "y.npz", only=GOOD * [4.0, 0.125]
    )  # powers of two: the standardised rows are the same to the bit
    assert cli.main(["audit", "y.npz", "--out", "results", *QUICK]) == 0
    here, there = strict("results/audit.json"), strict(finished / "audit.json")
    assert here["standardised"] == there["standardised"]
    shift = here["own_units"]["nll"] - there["own_units"]["nll"]
    assert shift == pytest.approx(math.log(4.0 * 0.125), rel=1e-10)


@pytest.mark.parametrize("moment", ["training", "audit", "figure", "writing"])
def test_an_interrupt_leaves_no_result_and_the_next_run_goes_on(
    moment, finished, folder, monkeypatch, capsys
):
    np.save("x.npy", GOOD)

    def interrupted(*_args, **_kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        if moment == "training":
            real = training_command.fit
            patch.setattr(training_command, "fit", lambda *a, **k: real(*a, **k, callback=interrupted))
        elif moment == "audit":
            patch.setattr(audit_command, "audit", interrupted)
        elif moment == "figure":
            patch.setattr(audit_command.audit_output, "figure", interrupted)
        else:
            patch.setattr("os.fsync", interrupted)
        assert cli.main(["audit", "x.npy", "--out", "results", *QUICK]) == 130
    err = capsys.readouterr().err
    assert "thermodiff: interrupted; run the same command again to go on from results/checkpoints/" in err
    assert names_in("results") == set()
    steps = []
    real_fit = training_command.fit
    monkeypatch.setattr(
        training_command, "fit", lambda *a, **k: real_fit(*a, **k, callback=lambda r: steps.append(r.step))
    )
    assert cli.main(["audit", "x.npy", "--out", "results", *QUICK]) == 0
    assert steps == ([200] if moment == "training" else [])
    here, there = strict("results/audit.json"), strict(finished / "audit.json")
    assert here["standardised"] == there["standardised"]


def test_every_named_set_and_every_file_is_prepared_as_entropy_does(finished, folder):
    pytest.importorskip("sklearn")
    job = audit_command.prepare(Audit(**options(finished, file="iris")))
    assert job.about["source"] == "iris (scikit-learn)"
    assert job.about["notes"][0].startswith("lengths in tenths of a centimetre")
    rows = np.vstack([1e9 * np.eye(3)[:1], RNG.normal(size=(99, 3))])
    Path("x.csv").write_text("\n".join(["a;b;c", "NA;1;2", *(";".join(map(repr, r)) for r in rows.tolist())]))
    about = audit_command.prepare(Audit(**options(finished, file="x.csv", missing="drop", without="c"))).about
    assert about["notes"] == (
        "cells separated by semicolons",
        "1 of 101 rows dropped for missing values: 1 in column 0 ('a')",
    )
    assert about["remarks"][0].startswith(
        "column 0 ('a') has 1 value(s) far out, up to 1e+09, that carry 100%"
    )
    assert about["options"]["without"] == "c"


def test_a_second_run_in_one_folder_is_told_of_the_first(folder, capsys):
    np.save("x.npy", GOOD)
    Path("results").mkdir()
    with held("out", "results"):
        assert cli.main(["audit", "x.npy", "--out", "results", *QUICK]) == 2
        assert (
            "error: out: got 'results', in which another run is at work, need a folder"
            in capsys.readouterr().err
        )
    with held("out", "results"):
        pass


def test_another_seed_does_not_go_on_from_this_one(finished):
    folders = [audit_command.prepare(Audit(**options(finished, seed=seed))).checkpoints for seed in (0, 0, 1)]
    assert folders[0] == folders[1] != folders[2]


def options(finished, **changes):
    return {
        "file": str(finished.parent / "x.npy"),
        "out": finished,
        "key": None,
        "columns": None,
        "without": None,
        "process": "ve",
        "sigma": None,
        "steps": None,
        "seed": 0,
        "dequantise": False,
        "missing": "refuse",
        "separator": "auto",
        "header": "auto",
        "max_points": 64,
        "paths": 0,
        "prior": "moments",
        "unit": "nats",
        **changes,
    }


@pytest.mark.slow
def test_vp(finished, folder):
    call = ["audit", str(finished.parent / "x.npy"), "--out", "results", *QUICK]
    assert cli.main([*call, "--process", "vp", "--seed", "3"]) == 0
    record = strict("results/audit.json")
    assert (record["options"]["process"], record["options"]["sigma"]) == ("vp", 20.0)


@pytest.mark.slow
def test_digits(folder, capsys):
    pytest.importorskip("sklearn")
    assert cli.main(["audit", "digits", "--out", "results", "--steps", "300", "--max-points", "100"]) == 0
    record = strict("results/audit.json")
    assert (record["rows"], record["dim"], record["audited"]) == (1797, 64, 100)
    assert record["notes"] == ["8 x 8 counts from 0 to 16, with uniform noise of one count"]
    # Uniform noise on counts 0..16 has at most the entropy of a uniform law, 64 ln 17.
    assert record["own_units"]["nll"] < 64 * math.log(17)
