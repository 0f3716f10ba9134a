"""``thermodiff explore`` as a user meets it: one line a mistake, whole results, sentences that the data bear out."""

import csv
import gzip
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from checks import strict, without_progress

import thermodiff as td
from thermodiff.commands import main as cli
from thermodiff.exploration.named import FOLDER
from thermodiff.exploration.readers.formats import FORMATS

VERL = Path(__file__).parents[1] / "exploration" / "data" / "readers" / "verl"
TOKENS = {"logprobs": [-0.5, -1.0], "entropies": [0.4, 0.9]}


def lines(name, rows):
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows))


def counts(name, correct, samples):
    rows = zip(correct, np.broadcast_to(samples, len(correct)), strict=True)
    Path(name).write_text("problem,c,n\n" + "".join(f"p{i},{c},{n}\n" for i, (c, n) in enumerate(rows)))


def rollouts(rewards, **columns):
    """Rollouts of as many problems as rewards has rows, one a sample."""
    return [
        {"problem_id": i, "sample": j, "correct": reward, **columns}
        for i, row in enumerate(rewards)
        for j, reward in enumerate(row)
    ]


def characters():
    content = gzip.decompress((FOLDER / "characters.jsonl.gz").read_bytes())
    return [json.loads(line) for line in content.decode().splitlines()]


def curve(name, step, reward, entropy):
    rows = zip(step, reward, entropy, strict=True)
    Path(name).write_text("step,reward,entropy,lr\n" + "".join(f"{s},{r},{h},1e-6\n" for s, r, h in rows))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    counts("a.csv", [0, 2, 8, 3], 8)
    counts("b.csv", [1, 0, 8, 5], 8)
    counts("one.csv", [3], 8)
    Path("empty.jsonl").write_text("")
    Path("broken.jsonl").write_text('{"problem_id": 0, "correct": true}\n{"problem_id": 1,\n')
    lines("no_reward.jsonl", [{"problem_id": 0, "response": "x"}])
    lines("two_rewards.jsonl", [{"problem_id": 0, "correct": True, "reward": 1.0}])
    lines("scores.jsonl", [{"problem_id": i, "reward": r} for i in range(3) for r in (0.01, 1.0)])
    lines("twice.jsonl", [{"problem_id": 0, "sample": 0, "correct": True}] * 2)
    lines("elsewhere.jsonl", [{"problem_id": 100 + i, "correct": True} for i in range(3)])
    lines("here.jsonl", rollouts([[True, False]] * 3))
    lines("above_zero.jsonl", rollouts([[True]], **TOKENS | {"logprobs": [-0.5, 0.3]}))
    lines("lengths.jsonl", rollouts([[True]], **TOKENS | {"entropies": [0.4]}))
    lines("above_v.jsonl", rollouts([[True]], **TOKENS | {"entropies": [0.4, 2.5], "vocabulary": 10}))
    lines("unsorted.jsonl", rollouts([[True]], **TOKENS, top2_logprobs=[[-0.5, -2.0], [-2.0, -1.0]]))
    lines("outside.jsonl", rollouts([[True]], **TOKENS, top2_logprobs=[[-0.5, -2.0], [-1.5, -2.0]]))
    lines("steps.jsonl", [row | {"step": s} for s in (1, 2) for row in rollouts([[True, False]] * 3)])
    for run in ("runA", "runB"):
        Path(run).mkdir()
        for number in (1, 2):
            lines(f"{run}/{number}.jsonl", rollouts([[True, False]] * 3))
    step = 10.0 * np.arange(40)
    kink = np.minimum(step, 150) / 150
    noise = 0.01 * rng.normal(size=(2, 40))
    curve("kink.csv", step, 0.2 + 0.4 * kink + noise[0], 1 - 0.7 * kink + noise[1])
    curve("short.csv", step[:5], step[:5], step[:5] + 1)
    curve("flat.csv", step, 0 * step, 1 + noise[0])
    curve("twice.csv", step // 20, noise[0], noise[1])
    curve("words.csv", [*range(12), "x"], range(13), range(13))
    Path("no_entropy.csv").write_text("step,reward\n1,0.5\n")
    Path("file").write_text("")
    return tmp_path


def complaint(capsys, *argv):
    """The one line that a bad call leaves on stderr, after checking that it is one line and nothing else."""
    before = set(Path().iterdir())
    assert cli.main(("explore", *argv)) == 2
    out, err = capsys.readouterr()
    err = without_progress(err)
    assert out == ""
    assert err.count("\n") == 1
    assert set(Path().iterdir()) == before
    return err


BAD = {
    "nothing": ("", "files: got none, need rollouts, --curves, or a name: deepscaler, characters"),
    "no such file": ("nowhere.jsonl", "nowhere.jsonl: got nothing to read, need a file, a folder or a glob"),
    "a name misspelt": (
        "deepscalr",
        "deepscalr: got nothing to read, need a file, a folder or a glob of files, or by itself a name of data that "
        "ship with thermodiff: deepscaler, characters",
    ),
    "a name beside a file": (
        "deepscaler a.csv",
        "files: got deepscaler beside another, need it alone: named data (deepscaler, characters)",
    ),
    "two trainings": (
        "runA runB",
        "runA: got a training of 2 steps, need one step where two policies are compared, such as runA/2.jsonl "
        "runB/2.jsonl",
    ),
    "an empty file": ("empty.jsonl", "empty.jsonl: got an empty file, need rollouts, one a row"),
    "no JSON": ("broken.jsonl", "broken.jsonl, row 2: got '{\"problem_id\": 1,', which is no JSON"),
    "no reward": ("no_reward.jsonl", "no_reward.jsonl, row 1: got no reward among the fields"),
    "two rewards": ("two_rewards.jsonl", "two_rewards.jsonl, row 1: got "),
    "no threshold": (
        "scores.jsonl",
        "scores.jsonl, row 1: got a reward of 0.01, need 0 or 1, or a threshold",
    ),
    "k above n": ("a.csv --k 1 9", "k: got 9, need at most 8, the rollouts of the problem that has fewest"),
    "k of zero": ("a.csv --k 0", "k: got 0, need whole numbers from 1 on"),
    "k as a word": ("a.csv --k 2 many", "k: got '2, many', need whole numbers"),
    "beyond of zero": ("a.csv --beyond 0", "beyond: got 0, need whole numbers from 1 on"),
    "a sample twice": ("twice.jsonl", "twice.jsonl, row 2: got problem 0, sample 0 a second time"),
    "no common problems": (
        "here.jsonl elsewhere.jsonl",
        "here and elsewhere: got 0 common problem(s) between '0', ... and '100', ..., need at",
    ),
    "one problem twice": (
        "one.csv one.csv --labels x y",
        "x and y: got 1 common problem(s), need at least two",
    ),
    "log-probability above 0": (
        "above_zero.jsonl",
        "above_zero.jsonl, row 1: got 0.3 in log_probs at token 1",
    ),
    "lengths that differ": ("lengths.jsonl", "lengths.jsonl, row 1: got "),
    "entropy above ln V": (
        "above_v.jsonl",
        "above_v.jsonl, row 1: got 2.5 in entropies at token 1, need entropies of at least 0",
    ),
    "an unsorted list": ("unsorted.jsonl", "unsorted.jsonl, row 1: got an unsorted list in top_log_probs"),
    "a drawn token missing": (
        "outside.jsonl",
        "outside.jsonl, row 1: got a drawn token of log-probability -1",
    ),
    "three files": (
        "a.csv b.csv a.csv",
        "files: got 3 files, need one or two; for a training its folder, or",
    ),
    "labels": ("a.csv b.csv --labels x", "labels: got x, need 2 different one(s), one for each policy"),
    "labels twice": ("a.csv b.csv --labels x x", "labels: got x x, need 2 different one(s)"),
    "labels of a training": ("steps.jsonl --labels x", "labels: got 1 for a training, need none"),
    "a training beside": (
        "steps.jsonl here.jsonl",
        "steps: got a training of 2 steps, need one step where two",
    ),
    "options of a name": ("deepscaler --correct c", "correct: got it for deepscaler, need nothing"),
    "a format there is not": (
        "a.csv --format xls",
        "format: got 'xls', need auto or one of inspect, lm-eval",
    ),
    "seed": ("a.csv --seed -1", "seed: got -1, need a whole number from 0"),
    "out is a file": ("a.csv --out file", "out: got 'file', which is a file, need a folder"),
    "no curves": ("--curves nowhere.csv", "curves: got 'nowhere.csv', which does not exist, need a csv file"),
    "empty curves": ("--curves empty.jsonl", "empty.jsonl: got no rows, need a line of names"),
    "a column missing": (
        "--curves no_entropy.csv",
        "no_entropy.csv: got no column entropy among step, reward",
    ),
    "few steps": ("--curves short.csv", "short.csv: got 5 whole rows, need at least 12"),
    "a constant": ("--curves flat.csv", "flat.csv: reward: got a constant, need a curve that varies"),
    "a step twice": ("--curves twice.csv", "twice.csv: got step 0 twice, need each step once"),
    "a word": ("--curves words.csv", "words.csv, line 14: got 'x' in step, need a finite number"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_calls(name, folder, capsys):
    words, message = BAD[name]
    out = () if "--out" in words else ("--out", "results")
    assert f"thermodiff: error: {message}" in complaint(capsys, *words.split(), *out).replace(
        f"{folder}/", ""
    )


def test_help_names_every_option(capsys):
    assert cli.main(["explore", "--help"]) == 0
    text = capsys.readouterr().out
    options = "--curves --out --labels --k --beyond --format --correct --threshold --vocabulary --seed"
    assert all(option in text for option in options.split())
    words = text.replace(",", " ").replace(".", " ").split()
    assert all(form.name in words for form in FORMATS)


# --- what they get ------------------------------------------------------------------------------


def explored(capsys, *argv):
    """The report that is printed and the record, after checking that all is written and fits a terminal."""
    assert cli.main(("explore", *argv, "--out", "results")) == 0
    printed = capsys.readouterr().out
    report, _, written = printed.partition("\n\nWritten: ")
    assert {Path(name).name for name in written.strip().split(", ")} == {
        path.name for path in Path("results").iterdir()
    }
    assert Path("results/explore.txt").read_text() == report + "\n"
    assert max(map(len, report.splitlines())) <= 100
    record = strict("results/explore.json")
    assert 1 <= len(record["sentences"]) <= 6
    said = report.partition("What the data say")[2].partition("\n\nRemarks")[0]
    said = " ".join(said.split()).removeprefix("- ")
    assert said == " - ".join(record["sentences"])
    return report, record


def figures():
    return {path.stem for path in Path("results").glob("*.pdf")}


def test_deepscaler(folder, capsys):
    report, record = explored(capsys, "deepscaler")
    assert figures() == {"boundary"}
    assert "pass@k" in report
    said = " ".join(record["sentences"])
    # The published verdict is 10, and [11, 61].
    assert "RL is better than base at k = 1 to 10 and worse at k = 6" in said
    assert "33 lost and 12 gained at k = 128, 1 and 1 of them beyond chance" in said
    assert "4 and 1 among the 550 that can show a change" in said
    assert (
        "the boundary as a whole did move: D² = 12.8 ± 3.7 at k = 64, the largest k it can be had for" in said
    )
    assert "rose in 304 and fell in 16 of all 1060 problems" in said
    assert "rose in 334 and fell in 20 if only the 550" in said
    assert "(p ≤ 0.001)" in said
    assert "0.8215 ± 0.0108 [0.0015]" in report
    assert "No token log-probabilities: entropies, breadth and surprise skipped." in said
    assert "Never solved in 128 rollouts: 116 by base and 137 by RL of 1060 problems" in said
    # n >= k ln(1060/0.05)/ln 2 = 14.4 k: 115 failures for k = 8, 130 for 9.
    assert "116 and 137 are unsolvable in 8 rollouts, the most that can be certified" in said
    low, high = record["comparison"]["crossing"]["first_loss"]
    assert abs(low - 11) <= 1
    assert abs(high - 61) <= 2
    shift = dict(
        zip(record["comparison"]["shift"]["k"], record["comparison"]["shift"]["lost"]["mean"], strict=True)
    )
    assert [round(shift[k], 1) for k in (8, 16, 32, 64, 128)] == [26.8, 27.1, 28.8, 31.1, 33.0]
    assert record["versions"]["thermodiff"]
    assert record["options"]["seed"] == 0


def test_which_problems_changed(folder, capsys):
    report, _ = explored(capsys, "deepscaler")
    rows = list(csv.DictReader(Path("results/changed.csv").read_text().splitlines()))
    assert len(rows) == 1060
    flags = ("lost", "gained", "worse_of_all", "better_of_all", "worse", "better")
    assert tuple(rows[0])[-6:] == flags
    flagged = {name: {row["problem"] for row in rows if row[name] == "1"} for name in flags}
    lost = {row["problem"] for row in rows if int(row["c_base"]) > 0 and int(row["c_RL"]) == 0}
    assert flagged["lost"] == lost
    assert len(flagged["lost"] & flagged["worse"]) == 4
    assert len(flagged["lost"] & flagged["worse_of_all"]) == 1
    assert (len(flagged["worse"]), len(flagged["better"])) == (20, 334)
    assert sum(row["q"] != "" for row in rows) == 550
    assert all(
        (float(row["q_of_all"]) <= 0.05) == (row["worse_of_all"] + row["better_of_all"] != "00")
        for row in rows
    )
    table = report.partition("changed beyond chance")[2].partition("\n\n")[0].splitlines()[2:]
    assert len(table) == 10
    assert [line.split()[1] for line in table[:6]] == ["lost"] * 4 + ["gained", "worse"]
    assert {line.split()[0] for line in table[:4]} == flagged["lost"] & flagged["worse"]
    # No names in the files: rows; and one policy has nothing to compare with.
    Path("bare.csv").write_text("c,n\n0,64\n64,64\n")
    Path("other.csv").write_text("c,n\n40,64\n60,64\n")
    report, _ = explored(capsys, "bare.csv", "other.csv")
    assert "  row 1 " in report
    explored(capsys, "bare.csv")
    assert not Path("results/changed.csv").exists()


def test_a_small_distance_is_not_said_to_be_known_by_its_p(folder, capsys):
    counts("few.csv", [8, 9, 7, 8] * 10 + [0, 1], 32)
    counts("more.csv", [8, 9, 7, 8] * 10 + [12, 14], 32)
    _, record = explored(capsys, "few.csv", "more.csv")
    said = " ".join(record["sentences"])
    assert "some of these problems did change (p ≤ 0.001), but how much is open, D² = " in said
    assert "did move" not in said


def test_unsolvable_problems_with_uneven_rollouts(folder, capsys):
    # Of two problems: n >= k ln(40)/ln 2 = 5.32 k, so 64 failures certify k = 12, 16 certify 3 only.
    counts("uneven.csv", [0, 0], [16, 64])
    _, record = explored(capsys, "uneven.csv")
    assert record["policies"][0]["certificate"]["k"] == 12
    assert "Never solved in any rollout: 2 of 2 problems; 1 is unsolvable in 12 rollouts" in " ".join(
        record["sentences"]
    )
    counts("short.csv", [0, 2], 4)
    _, record = explored(capsys, "short.csv")
    assert "none can be called unsolvable even in 1 rollout, which takes 6 failures" in " ".join(
        record["sentences"]
    )


def test_every_number_of_a_table_has_its_error(folder, capsys):
    report, _ = explored(capsys, "a.csv", "b.csv")
    table = report.partition("pass@k ±")[2].partition("pass@k beyond")[0].splitlines()
    rows = [line.split() for line in table if line[:6].strip().isdigit()]
    assert len(rows) == 2 * 4
    assert all(
        row.count("±") + "".join(row).count("notknown") == (3 if i < 4 else 5) for i, row in enumerate(rows)
    )


def test_characters(folder, capsys):
    report, record = explored(capsys, "characters")
    assert figures() == {"boundary", "entropy", "tokens"}
    tokens = record["policies"][0]["tokens"]
    gap = tokens["gap"]["low"]
    assert abs(gap["mean"]) < 2 * gap["stderr"]
    assert (
        tokens["lists"]["mean_low"]["mean"]
        < tokens["entropy"]["mean"]["mean"]
        < tokens["lists"]["mean_high"]["mean"]
    )
    assert "surprise less entropy  " in report
    table = report.partition("Tokens; ±")[2].partition("\n\n")[0]
    assert all(
        "nats" in row or " tokens " in row for row in table.splitlines() if "±" in row and row[0] == " "
    )
    assert report.count("outside") == 1
    assert "16.4% of the responses were cut off and count as wrong" in report
    assert "no sign that log-probabilities and entropies do not belong together" in " ".join(
        record["sentences"]
    )
    assert "low" not in tokens["lists"]
    assert "values" not in tokens["covariance"]


@pytest.mark.slow
def test_two_policies_with_tokens_and_what_entropy_bought(folder, capsys):
    rows = characters()
    for name, part in (("a.jsonl", range(16)), ("b.jsonl", range(16, 32))):
        lines(name, [row for row in rows if row["sample"] in part])
    report, record = explored(capsys, "a.jsonl", "b.jsonl", "--labels", "before", "after")
    assert "[≤" not in report
    exchange = record["comparison"]["exchange"]
    parts = sum(exchange[name]["mean"] for name in ("accuracy", "correct", "wrong"))
    assert exchange["change"]["mean"] == pytest.approx(parts)
    assert "went with accuracy" in report
    assert "The entropy of a token is " in " ".join(record["sentences"])
    # One policy's tokens alone: said, not passed over.
    lines("bare.jsonl", [{name: row[name] for name in ("problem_id", "sample", "correct")} for row in rows])
    _, record = explored(capsys, "a.jsonl", "bare.jsonl")
    assert record["comparison"]["exchange"] is None


def test_top_lists_alone_without_a_vocabulary_leave_entropy_open_above(folder, capsys):
    names = ("problem_id", "sample", "correct", "logprobs", "top5_logprobs")
    lines("lists.jsonl", [{name: row[name] for name in names} for row in characters()])
    _, record = explored(capsys, "lists.jsonl")
    assert "entropy" in figures()
    assert record["policies"][0]["tokens"]["lists"]["lists_alone"][1]["mean"] is None


def test_log_probabilities_of_another_policy_are_the_first_thing_said_of_tokens(folder, capsys):
    rows = characters()
    half = [row | {"logprobs": [x / 2 for x in row["logprobs"]]} for row in rows]
    lines("half.jsonl", [{k: v for k, v in row.items() if k != "top5_logprobs"} for row in half])
    _, record = explored(capsys, "half.jsonl")
    assert "The log-probabilities of half are not of the policy that drew its tokens" in " ".join(
        record["sentences"]
    )


def test_a_training_of_verl_dumps(folder, capsys):
    report, record = explored(capsys, str(VERL))
    assert record["training"]["steps"] == [10, 20]
    assert [policy["label"] for policy in record["policies"]] == ["step 10", "step 20"]
    assert "A training of 2 steps" in report
    assert "counts()" not in report
    assert "stages and law of reward and entropy skipped" in " ".join(record["sentences"])
    as_glob, _ = explored(capsys, str(VERL / "*.jsonl"))
    assert as_glob == report


def test_a_training_on_other_problems_each_step_is_not_compared(folder, capsys):
    Path("dumps").mkdir()
    for step in (1, 2):
        score = [
            {"input": f"q{step}{i}", "output": f"{j}", "gts": "1", "score": float(j > i)}
            for i in range(3)
            for j in range(4)
        ]
        lines(f"dumps/{step}.jsonl", score)
    report, record = explored(capsys, "dumps")
    assert record["policies"] == []
    assert figures() == {"boundary"}
    said = " ".join(record["sentences"])
    assert "cannot be compared problem by problem (step 1 and step 2: got 0 common problem(s)" in said
    assert "pass@4" in report


def test_a_training_with_entropies_has_stages(folder, capsys):
    rng = np.random.default_rng(0)
    rows = [
        {
            "problem_id": i,
            "step": step,
            "correct": bool(rng.random() < 0.2 + 0.04 * step),
            "entropies": [h, 1.1 * h],
        }
        for step in range(14)
        for i in range(6)
        for h in (1 / (1 + step) + 0.01 * rng.random(4)).tolist()
    ]
    lines("training.jsonl", [row | {"logprobs": [-0.5, -0.5]} for row in rows])
    report, record = explored(capsys, "training.jsonl")
    assert figures() == {"boundary", "entropy", "tokens"}
    assert record["dynamics"]["source"] == "rollouts"
    assert "12 of them shown" in report
    assert len(record["training"]["entropy"]["mean"]) == 14


def test_curves(folder, capsys):
    report, record = explored(capsys, "--curves", "kink.csv")
    assert figures() == {"entropy"}
    low, high = record["dynamics"]["stages"]["interval"]
    assert low <= 150 <= high
    assert "until step" in record["sentences"][0]
    assert "Curves alone say nothing of what the policy can reach" in record["sentences"][-1]
    assert "exponential" in report
    beside, record = explored(capsys, "a.csv", "b.csv", "--curves", "kink.csv")
    assert figures() == {"boundary", "entropy"}
    assert "Stages" in beside


@pytest.mark.parametrize(
    ("correct", "samples"),
    [([8] * 5, 8), ([0] * 5, 8), ([3], 8), ([0, 1, 1], 1), ([4] * 9, 8), ([0, 3, 9, 20], [8, 9, 16, 33])],
    ids=["all right", "all wrong", "one problem", "one rollout", "alike", "unequal"],
)
def test_unkind_counts(correct, samples, folder, capsys):
    counts("unkind.csv", correct, samples)
    report, record = explored(capsys, "unkind.csv")
    assert "nan" not in report
    assert len(record["policies"][0]["drawn"]["k"]) >= 1
    if len(correct) > 1:
        counts("other.csv", correct[::-1], samples[::-1] if isinstance(samples, list) else samples)
        report, _ = explored(capsys, "unkind.csv", "other.csv")
        assert "nan" not in report


def test_problems_of_one_file_alone_are_left_out_with_a_line(folder, capsys):
    lines("more.jsonl", rollouts([[True, False]] * 4))
    report, record = explored(capsys, "here.jsonl", "more.jsonl")
    assert "3 of 4 problems of more (75.0%) are in both and used" in report
    assert [len(policy["counts"]["correct"]) for policy in record["policies"]] == [3, 3]


def test_threshold_k_and_beyond(folder, capsys):
    report, record = explored(capsys, "scores.jsonl", "--threshold", "0.5", "--k", "1", "--beyond", "4")
    assert record["policies"][0]["drawn"]["k"] == [1]
    assert record["policies"][0]["drawn"]["estimate"]["mean"] == [0.5]
    assert record["beyond"]["k"] == [4]
    assert "At k = 4 the data allow any pass@4 from" in record["sentences"][-1]
    assert "pass@k beyond the rollouts" in report


def test_the_same_seed_gives_the_same_files(folder, capsys):
    explored(capsys, "a.csv", "b.csv", "--seed", "3")
    before = {path.name: path.read_bytes() for path in Path("results").iterdir()}
    explored(capsys, "a.csv", "b.csv", "--seed", "3")
    assert {path.name: path.read_bytes() for path in Path("results").iterdir()} == before


def test_what_an_earlier_run_left_is_not_taken_for_this_one(folder, capsys):
    explored(capsys, "characters")
    Path("results/mine.png").write_text("")
    assert cli.main(("explore", "a.csv", "--out", "results")) == 0
    left = {path.name for path in Path("results").iterdir()}
    assert left == {"explore.txt", "explore.json", "boundary.png", "boundary.pdf", "mine.png"}


def test_remarks_are_said_once(folder, capsys):
    report, record = explored(capsys, "a.csv", "b.csv")
    assert len(record["remarks"]) == len(set(record["remarks"]))
    assert report.count("fewer than 100: intervals are approximate") == 1
    assert report.count("problems carry the error") == 1
    assert report.count("more than half of 8 rollouts") == 1
    assert not any(name in report for name in ("pass_at_k", "extrapolate", "use it"))
    assert report.index("What the data say") < report.index("Remarks")


def test_remarks_on_two_files_that_differ_in_one_number_are_one(folder, capsys):
    lines("x.jsonl", rollouts([[True, True], [True, False], [False, False], [False, False]]))
    lines("y.jsonl", rollouts([[True, True], [True, True], [True, False], [False, False]]))
    report, _ = explored(capsys, "x.jsonl", "y.jsonl")
    assert "25.0% (x) and 50.0% (y) of the problems are all right" in report


def test_a_problem_with_few_rollouts_that_ends_k_is_named(folder, capsys):
    counts("even.csv", [5, 9, 0], 16)
    counts("thin.csv", [3, 8, 2], [8, 16, 16])
    report, _ = explored(capsys, "even.csv", "thin.csv")
    assert "k ends at 8: 1 problem of thin has only 8 rollouts" in report
    assert "rollouts of a problem differ in number (16 to 16 by even and 8 to 16 by thin)" in " ".join(
        report.split()
    )


def test_starts_no_jax_to_its_last_file(tmp_path):
    code = (
        "import sys; from thermodiff.commands.main import main; "
        "status = main(['explore', 'deepscaler', '--out', sys.argv[1]]); "
        "print(status, sorted({'jax', 'scipy.stats', 'flax', 'rich.console'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "out")],
        cwd=Path(td.__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    assert (tmp_path / "out" / "explore.json").exists()
    assert done.stdout.splitlines()[-1] == "0 []"


def test_a_reader_that_has_read_enough_is_no_error(tmp_path):
    command = f"{sys.executable} -m thermodiff explore deepscaler --out {tmp_path / 'out'} | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=300, check=False)
    assert done.stdout.startswith("base: 1060 problems")
    assert all(line.endswith(" so far") for line in done.stderr.splitlines()), (
        done.stderr
    )  # on a busy machine
    assert (tmp_path / "out" / "explore.json").exists()
