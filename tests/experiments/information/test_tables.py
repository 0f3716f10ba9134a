"""Tables and figures on information need records only."""

import json
import re
from pathlib import Path

import pytest

from experiments.information import (
    data_entropy_figure,
    effort,
    kl_divergence,
    mutual_information_figure,
    unseen,
    unseen_figure,
)

RECORDS = Path(__file__).resolve().parents[3] / "docs" / "records"


def made_up(error, covered, **cell):
    return {
        **cell,
        "truth": 1.0,
        "score": 1.0 + error,
        "score_stderr": 0.05,
        "score_error": error,
        "bracket": [0.9, 1.1],
        "covered": covered,
        "neighbours": 1.3,
        "neighbours_stderr": 0.1,
        "neighbours_error": 0.3,
        "gaussian": 0.5,
    }


def drawn(paths):
    return [path.name for path in paths if path.stat().st_size > 1000]


def test_entropies_as_they_are_recorded(tmp_path):
    rows = [json.loads(line) for line in (RECORDS / "data_entropy.jsonl").read_text().splitlines()]
    text = data_entropy_figure.table(rows)
    large = [row for row in rows if row["n"] == 50_000]
    held = [row["covered"] for row in large]
    nearer = sum(abs(row["score_error"]) < abs(row["neighbours_error"]) for row in large)
    assert f"nearer {nearer}/{len(large)}   coverage {sum(held) / len(held):.2f} ± " in text
    assert "curve           d = 22  n = 50000" in text
    assert drawn(data_entropy_figure.draw(large, tmp_path)) == ["data_entropy.png", "data_entropy.pdf"]


def test_mutual_information(tmp_path):
    rows = [made_up(0.1, True, task="one", dims=[1, 1]), made_up(-0.4, False, task="two", dims=[1, 2])]
    text = mutual_information_figure.table(rows)
    assert "score networks 0.250, KSG 0.300, Gaussian 0.500; median 0.250" in text
    line = r"one +1.000 +1.100 +± 0.050 +\+0.100 +\[0.900, 1.100\] +1.30 +0.500$"
    assert re.search(line, text, re.MULTILINE), "digits are those of the errors, 0.05 and 0.1"
    assert "Nearest to the truth: score 1, KSG 1, Gaussian 0; coverage of 90 % intervals 0.50 ± 0.35" in text
    assert drawn(mutual_information_figure.draw(rows, tmp_path)) == [
        "mutual_information.png",
        "mutual_information.pdf",
    ]


def test_unseen_families(tmp_path):
    shared = {"columns": 3, "sampling": 0.027, "seconds": 41.3}
    rows = [
        {**made_up(error, True, family=name, n=n, **shared), "within": abs(error) <= 0.1}
        for error, name, n in ((0.083, "parity-3", 2000), (-0.2, "ratio-3", 2000), (0.01, "ratio-3", 10_000))
    ]
    text = unseen_figure.table(rows)
    assert re.search(
        r"parity-3 +3 +2000 +1.000 +1.083 +± 0.050 +0.083 +\+1.7 +0.027 +41$", text, re.MULTILINE
    )
    assert re.search(r"ratio-3 .* -4.0 .* beyond 2$", text, re.MULTILINE)
    assert (
        "all        within two standard errors 0.67 ± 0.27 (2 of 3 cells); mean standard error 0.050" in text
    )
    assert drawn(unseen_figure.draw(rows, tmp_path)) == ["unseen.png", "unseen.pdf"]


def test_unseen_families_that_there_are_not():
    with pytest.raises(SystemExit, match="--names: got moons, need some of squares-4, "):
        unseen.cells(unseen.Config(names=("moons",)))


def test_efforts(tmp_path):
    def of(error, seconds):
        return {**made_up(error, abs(error) < 0.2), "seconds": seconds}

    rows = [
        {
            "family": name,
            "n": 2000,
            "columns": 2,
            "truth": 1.0,
            "efforts": {"quick": of(3 * error, 2.0), "standard": of(error, seconds)},
        }
        for name, error, seconds in (("annulus", 0.1, 20.0), ("shell", -0.05, 8.0))
    ]
    text = effort.table(rows)
    assert "+0.300 ± 0.050" in text
    assert "2000  quick                0.225       0.050       1 of 2    0.175 (0.1 to 0.25)" in text
    assert "2000  standard             0.075       0.050       2 of 2             1 (1 to 1)" in text
    assert drawn(effort.draw(rows, tmp_path)) == ["effort.png", "effort.pdf"]
    alone = [{**row, "efforts": {"quick": row["efforts"]["quick"]}} for row in rows]
    assert effort.table(alone).endswith("-")
    with pytest.raises(ValueError, match="repeats: got 3, need one for each of 1 efforts"):
        effort.Config(efforts=("quick",))


def test_divergence_of_pairs(tmp_path):
    rows = [made_up(0.1, True, pair="wider", dim=2), made_up(-0.2, False, pair="shifted", dim=1)]
    text = kl_divergence.table(rows)
    assert re.search(r"wider +2 +1.000 +1.100 +± 0.050 +\+0.100 +1.30 +\+0.30$", text, re.MULTILINE)
    assert text.endswith("90 % intervals hold the truth in 1 of 2 cells")
    assert drawn(kl_divergence.draw(rows, tmp_path)) == ["kl_divergence.png", "kl_divergence.pdf"]


@pytest.mark.parametrize("pair", ["shifted", "wider"])
def test_the_divergence_in_closed_form_is_a_mean_log_ratio(pair):
    from scipy.stats import norm

    p, _ = kl_divergence.samples(pair, 20_000, 2, 0)
    law = norm(kl_divergence.SHIFT, 1) if pair == "shifted" else norm(0, kl_divergence.SCALE)
    ratios = (law.logpdf(p) - norm.logpdf(p)).sum(axis=1)
    assert abs(ratios.mean() - kl_divergence.truth(pair, 2)) < 4 * ratios.std() / len(p) ** 0.5
