"""``thermodiff entropy`` and ``thermodiff mi`` as a user meets them: one line a mistake, whole results."""

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest
from checks import names_in, strict, without_progress

import thermodiff as td
from thermodiff.commands import entropy as entropy_command
from thermodiff.commands import information_settings
from thermodiff.commands import main as cli
from thermodiff.commands import mutual_information as mutual_information_command
from thermodiff.information.baselines.density_models import GaussianBaseline
from thermodiff.information.held_out import held_out_nll

pytest.importorskip("sklearn")

RNG = np.random.default_rng(0)
GOOD = RNG.normal(size=(100, 2)) @ np.array([[1.0, 0.4], [0.0, 0.5]]) + [3.0, -1.0]
TENTHS = np.round(GOOD, 1)
TINY = td.TrainingConfig(steps=20, batch_size=64, width=16, depth=1, chunk=10, patience=4)
HALF = td.CrossFitting(training=dataclasses.replace(TINY, steps=10))


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    efforts = {"quick": HALF, "standard": td.CrossFitting(training=TINY)}
    monkeypatch.setattr(information_settings, "EFFORTS", efforts)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", GOOD)
    np.save("tenths.npy", TENTHS)
    np.save("twice.npy", 2 * GOOD)
    np.save("cube.npy", GOOD[:, :1] ** 3)
    np.save("classes.npy", np.column_stack([GOOD, np.arange(100) % 2, np.arange(100) // 50]))
    np.save("short.npy", GOOD[:90])
    np.save("few.npy", GOOD[:70])
    np.savez("two.npz", a=GOOD[:, :1], b=GOOD[:, 1:])
    lines = ["a,sex,b", *(f"{a!r},{i % 2},{b!r}" for i, (a, b) in enumerate(GOOD.tolist()))]
    Path("x.csv").write_text("\n".join(lines))
    gaps = [*lines[:4], ",1,0.5", *lines[5:8], "0.5,NA,0.5", *lines[9:]]
    Path("gaps.csv").write_text("\n".join(gaps))
    return tmp_path


def complaint(capsys, *argv):
    """The one line that a bad call leaves on stderr, after checking that it is one line and nothing else."""
    assert cli.main(argv) == 2
    out, err = capsys.readouterr()
    err = without_progress(err)
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("thermodiff: error: ")
    assert not Path("results").exists()
    return err


# --- what users get wrong -----------------------------------------------------------------------

BAD = {
    "no such file": ("entropy nowhere.npy", "file: got 'nowhere.npy', which does not exist"),
    "ties": (
        "entropy tenths.npy",
        "tenths.npy: got 6 repeated rows out of 100: a discrete distribution has no density",
    ),
    "a binary column": (
        "entropy x.csv",
        "x.csv[:, 'sex']: got 2 distinct values in 100 rows, 50.0% of them 0, need a column without ties",
    ),
    "few rows": ("entropy few.npy", "few.npy: got 70 rows, need at least 75"),
    "no grid": ("entropy x.npy --dequantise", "dequantise: got no column of x.npy on a grid"),
    "a key for a name": ("entropy iris --key a", "key: got 'a' for iris, need no key"),
    "no steps": ("entropy x.npy --steps 0", "steps: got 0, need a positive whole number"),
    "a negative seed": ("entropy x.npy --seed -1", "seed: got -1, need a whole number from 0"),
    "out is a file": ("entropy x.npy --out x.csv", "out: got 'x.csv', which is a file"),
    "classes nowhere": (
        "mi x.csv --x-columns a --y-columns b --discrete sex",
        "discrete: got 'sex', need a column that is used, one of x-columns or y-columns",
    ),
    "a column of two files": (
        "mi x.npy x.npy --discrete 1",
        "discrete: got '1', need x or y, all columns of",
    ),
    "numbers as classes": ("mi x.npy short.npy --discrete y", "y: got 90 rows, need as many as x has, 100"),
    "noise on classes": (
        "mi x.npy x.npy --discrete y --dequantise",
        "dequantise: got it with --discrete, need",
    ),
    "few permutations": ("mi x.npy x.npy --permutations 9", "permutations: got 9, need at least 19"),
    "pairs of two files": (
        "mi x.npy x.npy --pairs",
        "pairs: got it with FILE-Y, need one file, and --x-columns",
    ),
    "pairs and permutations": (
        "mi x.npy --pairs --permutations 99",
        "--x-columns for some of its columns, without permutations",
    ),
    "classes that lack values": (
        "mi gaps.csv --x-columns a --y-columns sex --discrete sex",
        "gaps.csv: got 1 missing value(s) in 1 of 100 rows, first in line 5, column 0 ('a'), need numbers",
    ),
    "a pair of one": ("mi cube.npy --pairs", "pairs: got 1 column of cube.npy, need at least two"),
    "pairs with a label": (
        "mi x.csv --pairs --x-columns a,sex --discrete a",
        "x.csv[:, 'sex']: got 2 distinct values in 100 rows, need a column with a density, or --discrete 'sex' if",
    ),
    "one file": ("mi x.npy", "mi: got one file, 'x.npy', alone, need two files, or --x-columns and"),
    "half the columns": ("mi x.npy --x-columns 1", "need two files, or --x-columns and --y-columns"),
    "unpaired": ("mi x.npy short.npy", "short.npy: got 90 rows, need as many as x.npy has, 100"),
    "the same": ("mi x.npy x.npy", "column 0 of y: got it in x too, need it in one"),
    "the same but for scale": (
        "mi x.npy twice.npy",
        "columns: got x[:, 0], x[:, 1], y[:, 0], y[:, 1], one of them given by the others",
    ),
    "no such column": (
        "mi x.npy --x-columns 0 --y-columns 3",
        "y-columns: got '3', need numbers from 0 to 1, with commas between",
    ),
    "no such name": (
        "mi x.csv --x-columns c --y-columns b",
        "x-columns: got 'c', need numbers from 0 to 2 or names (a, sex, b), with",
    ),
    "a column twice": (
        "mi x.csv --x-columns 0,a --y-columns b",
        "x-columns: got '0,a', which are columns [0, 0], need every column once",
    ),
    "a column in both": (
        "mi x.csv --x-columns a --y-columns a,b",
        "column 0 ('a') of y: got it in x too, need it in one",
    ),
    "a column and its cube": (
        "mi cube.npy x.npy",
        "columns: got x[:, 0], y[:, 0], one of them given by the others",
    ),
    "a column and twice it, by name and by the file's number": (
        "mi x.csv twice.npy --x-columns b --y-columns 1",
        "columns: got x[:, 'b'], y[:, 1], one of them given by the others",
    ),
    "a class, by the file's number": (
        "mi classes.npy --x-columns 1 --y-columns 3,2 --discrete 3",
        "y[:, 2]: got 2 distinct values in 100 rows, need a column with a density, or --discrete 2 if",
    ),
    "a tied column": (
        "mi x.csv --x-columns a --y-columns 1",
        "x.csv: got 98 repeated rows out of 100: a discrete distribution has no density",
    ),
    "a second key": (
        "mi x.npy --x-columns 0 --y-columns 1 --key-y b",
        "key-y: got 'b' without a second file",
    ),
    "no key": ("mi two.npz x.npy", "key: got no key for two.npz, need one of the keys in it: a, b"),
    "bad steps": ("mi x.npy tenths.npy --steps 0", "steps: got 0"),
    "no such effort": (
        "mi x.npy tenths.npy --effort great",
        "invalid choice 'great' for argument '--effort'",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_calls(name, folder, capsys):
    words, message = BAD[name]
    out = () if "--out" in words else ("--out", "results")
    assert message in complaint(capsys, *words.split(), *out)


def test_help_names_every_option(capsys):
    reading = ("--missing", "--separator", "--header")
    for command, options in {
        "entropy": (
            "--out",
            "--key",
            "--columns",
            "--without",
            "--effort",
            "--steps",
            "--alone",
            "--seed",
            "--dequantise",
            *reading,
        ),
        "mi": (
            *reading,
            "--out",
            "--key-y",
            "--x-columns",
            "--y-columns",
            "--effort",
            "--steps",
            "--seed",
            "--dequantise",
        ),
    }.items():
        assert cli.main([command, "--help"]) == 0
        text = capsys.readouterr().out
        assert all(option in text for option in options)


# --- what they get ------------------------------------------------------------------------------


@pytest.mark.slow
def test_entropy_of_tenths(folder, capsys):
    assert cli.main(["entropy", "tenths.npy", "--out", "results", "--dequantise", "--seed", "3"]) == 0
    printed = capsys.readouterr().out
    assert names_in("results") == set(entropy_command.RESULTS)
    record, text = strict("results/entropy.json"), Path("results/entropy.txt").read_text()
    assert printed.startswith(text)
    assert "uniform noise of one step: 0.1 in every column" in text
    assert "-ln p of 20 test rows by models of 80 others" in text
    mean = record["entropy"]["mean"]
    assert f"entropy: {td.Estimate(mean, record['entropy']['stderr'], 100)} nats" in text
    assert record["discrete_entropy"] == pytest.approx(mean - 2 * math.log(0.1))
    assert record["settings"]["training"]["width"] == 16
    assert record["options"]["seed"] == 3
    score, gaussian, *_ = record["held_out"]
    assert score["difference"] == {"mean": 0.0, "stderr": 0.0}
    assert [row["name"].split()[0].strip(",") for row in record["held_out"]] == [
        "score",
        "Gaussian",
        "mixture",
        "kernels",
    ]
    for row in record["held_out"]:
        assert row["difference"]["mean"] == pytest.approx(row["mean"] - score["mean"])
    # The Gaussian once more, from rows split and made noisy as the command does.
    rng = np.random.default_rng(3)
    rows = td.dequantise(rng, TENTHS).samples
    order = rng.permutation(100)
    nll = -GaussianBaseline(rows[order[:80]]).log_prob(rows[order[80:]])
    assert gaussian["mean"] == pytest.approx(nll.mean())
    assert gaussian["stderr"] == pytest.approx(nll.std(ddof=1) / math.sqrt(20))
    assert cli.main(["entropy", "tenths.npy", "--out", "again", "--dequantise", "--seed", "3"]) == 0
    again = strict("again/entropy.json")
    assert {k: v for k, v in again.items() if k != "seconds"} == {
        k: v for k, v in record.items() if k != "seconds"
    }


def test_entropy_alone_is_the_same_number_without_a_comparison(folder, capsys):
    """A column needs no network: its entropy, and nearest neighbours in any unit of it."""
    np.save("column.npy", 1000 * GOOD[:, :1])
    assert cli.main(["entropy", "column.npy", "--out", "results", "--alone"]) == 0
    text, record = capsys.readouterr().out, strict("results/entropy.json")
    assert names_in("results") == set(entropy_command.RESULTS)
    assert "test rows" not in text
    assert "comparison" not in text
    assert record["held_out"] == []
    near = td.nearest_neighbour_entropy(GOOD[:, :1] / GOOD[:, :1].std())
    expected = near.mean + math.log(1000 * GOOD[:, 0].std())
    assert record["nearest_neighbours"]["mean"] == pytest.approx(expected)


@pytest.mark.parametrize("which", ["--x-columns a --y-columns sex", "--pairs --x-columns a,sex"])
def test_rows_that_lack_values_are_dropped_beside_classes_too(folder, which):
    command = f"mi gaps.csv {which} --discrete sex --missing drop --steps 20 --out results"
    assert cli.main(command.split()) == 0
    record = strict("results/mi.json")
    notes = record["notes"] if "--pairs" in which else record["x"]["notes"]
    assert record["rows"] == 98
    assert "2 of 100 rows dropped for missing values" in notes[0]


def test_mi_of_a_label(folder, capsys):
    """A column of classes by name, and a whole file of them: the same number, and no estimate that needs a density."""
    command = "mi x.csv --x-columns a,b --y-columns sex --discrete sex --out results"
    assert cli.main(command.split()) == 0
    record = json.loads(Path("results/mi.json").read_text())
    assert record["others"] == []
    assert record["independence"] is None
    assert set(record["mutual_information"]["readings"]) == {"classifier"}
    assert "classes of y" in capsys.readouterr().out
    np.save("sex.npy", np.arange(100)[:, None] % 2)
    assert cli.main(["mi", "x.npy", "sex.npy", "--discrete", "y", "--out", "results/files"]) == 0
    other = json.loads(Path("results/files/mi.json").read_text())
    assert other["mutual_information"]["mean"] == record["mutual_information"]["mean"]


def test_a_pair_of_a_column_and_a_label(folder, capsys):
    command = "mi x.csv --pairs --x-columns a,sex --discrete sex --steps 20 --out results"
    assert cli.main(command.split()) == 0
    record = json.loads(Path("results/mi.json").read_text())
    assert record["names"] == ["a", "sex"]
    assert record["mean"][0][0] is None
    assert record["mean"][0][1] == record["mean"][1][0] == record["pairs"][0]["mean"]
    assert "a : sex" in capsys.readouterr().out
    assert {path.name for path in Path("results").iterdir()} == {"mi.txt", "mi.json", "mi.png", "mi.pdf"}


@pytest.mark.slow
def test_mi_with_a_test_of_independence(folder, capsys):
    command = "mi x.csv --x-columns a --y-columns b --permutations 99 --steps 20 --out results"
    assert cli.main(command.split()) == 0
    record = json.loads(Path("results/mi.json").read_text())
    assert 0.01 <= record["independence"]["p_value"] <= 1
    assert "independence: p = " in capsys.readouterr().out


@pytest.mark.slow
def test_rows_that_the_library_takes_are_taken(folder):
    """Ranks of y are those of x, whose difference alone is not nothing: answered, and only neighbours refuse."""
    x = GOOD[:, :1]
    y = x + 3e-6 * np.random.default_rng(1).normal(size=x.shape)
    np.testing.assert_array_equal(x.argsort(axis=0), y.argsort(axis=0))
    np.save("one.npy", x)
    np.save("nearly.npy", y)
    assert cli.main(["mi", "one.npy", "nearly.npy", "--out", "results"]) == 0
    record = strict("results/mi.json")
    found = record["mutual_information"]
    assert abs(found["mean"] - 0.5 * np.log1p(3e-6**-2)) < 4 * found["stderr"]
    assert [other["name"] for other in record["others"]] == ["Gaussian formula"]
    said = "no estimate by nearest neighbours: y[:, 0]: got a monotone function of x[:, 0]"
    assert said in record["remarks"][-1]
    # Remarks are wrapped for people to read.
    assert record["remarks"][-1] in " ".join(Path("results/mi.txt").read_text().split())


@pytest.mark.slow
def test_the_unit_is_chosen_and_stated(folder, capsys):
    for unit in ("nats", "bits/dim"):
        assert cli.main(["entropy", "x.npy", "--out", unit[:4], "--unit", unit]) == 0
    nats, bits = strict("nats/entropy.json"), strict("bits/entropy.json")
    per = 2 * math.log(2)
    assert (bits["unit"], bits["entropy"]["unit"]) == ("bits/dim", "bits/dim")
    assert bits["units"] == "bits per dimension, in the units of the columns"
    for part in ("entropy", "nearest_neighbours"):
        assert bits[part]["mean"] == pytest.approx(nats[part]["mean"] / per, rel=1e-12)
        assert bits[part]["stderr"] == pytest.approx(nats[part]["stderr"] / per, rel=1e-12)
    for a, b in zip(bits["held_out"], nats["held_out"], strict=True):
        assert a["mean"] == pytest.approx(b["mean"] / per, rel=1e-12)
        assert a["difference"]["mean"] == pytest.approx(b["difference"]["mean"] / per, rel=1e-12, abs=1e-12)
    text = Path("bits/entropy.txt").read_text()
    assert " bits/dim   (n = 100" in text
    assert "by models of 80 others, bits/dim" in text
    capsys.readouterr()
    said = complaint(capsys, "mi", "x.npy", "--out", "results", "--unit", "bits/dim")
    assert "invalid choice 'bits/dim'" in said


@pytest.mark.slow
def test_mi_of_columns_and_of_files_are_the_same_numbers(folder, capsys):
    assert cli.main(["mi", "x.csv", "--x-columns", "a", "--y-columns", "2", "--out", "one"]) == 0
    assert "x from x.csv, 1 column: a" in capsys.readouterr().out
    assert cli.main(["mi", "two.npz", "two.npz", "--key", "a", "--key-y", "b", "--out", "two"]) == 0
    one, two = strict("one/mi.json"), strict("two/mi.json")
    assert names_in("one") == set(mutual_information_command.RESULTS)
    # The same but for what columns are called: one file has names for them.
    numbers = [
        {k: v for k, v in found["mutual_information"].items() if k != "warnings"} for found in (one, two)
    ]
    assert numbers[0] == numbers[1]
    assert one["others"] == two["others"]
    rho = np.corrcoef(GOOD.T)[0, 1]
    gaussian = next(o for o in one["others"] if o["name"] == "Gaussian formula")
    assert gaussian["mean"] == pytest.approx(-0.5 * math.log(1 - rho**2), abs=0.02)
    text = Path("one/mi.txt").read_text()
    found = one["mutual_information"]
    assert f"mutual information: {td.Estimate(found['mean'], found['stderr'], 100)} nats" in text
    assert "nearest neighbours" in text


@pytest.mark.parametrize(
    ("command", "stage"), [("entropy x.npy", "data_entropy"), ("mi two.npz two.npz", "")]
)
def test_an_interrupt_leaves_no_result(command, stage, folder, monkeypatch, capsys):
    def interrupted(*_args, **_kwargs):
        raise KeyboardInterrupt

    worker = entropy_command if stage else mutual_information_command
    monkeypatch.setattr(worker, stage or "mutual_information", interrupted)
    keys = () if stage else ("--key", "a", "--key-y", "b")
    assert cli.main([*command.split(), *keys, "--out", "results"]) == 130
    assert capsys.readouterr().err == "thermodiff: interrupted\n"
    assert names_in("results") == set()


def test_a_full_disk_is_one_line(folder, monkeypatch, capsys):
    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(mutual_information_command, "mutual_information", full)
    assert cli.main(["mi", "two.npz", "two.npz", "--key", "a", "--key-y", "b", "--out", "results"]) == 1
    assert "No space left on device" in capsys.readouterr().err


# --- the parts ----------------------------------------------------------------------------------


def test_rows_of_the_held_out_likelihood_average_to_the_cross_entropy(key):
    settings = td.CrossFitting(training=TINY)
    rows = held_out_nll(key, GOOD[:80], GOOD[80:], settings=settings)
    whole = td.cross_entropy(key, GOOD[:80], GOOD[80:], settings=settings)
    assert rows.shape == (20,)
    assert rows.mean() == pytest.approx(whole.mean, rel=1e-6)
    assert rows.std(ddof=1) / math.sqrt(20) <= whole.stderr * (1 + 1e-6)


def test_steps_shorten_the_training_and_nothing_else():
    short = information_settings.cross_fitting("standard", 7).training
    assert (short.steps, short.chunk, short.width) == (7, 7, TINY.width)
    assert information_settings.cross_fitting("standard", None).training == TINY
    assert information_settings.cross_fitting("quick", None) == HALF
