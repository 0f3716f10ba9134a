"""``thermodiff audit FILE --score my_model.py:score``: one line for each mistake, and the audit of the library."""

from pathlib import Path

import numpy as np
import oracles_diffusion as oracle
import pytest
from checks import names_in, strict, without_progress

from thermodiff.commands import audit as audit_command
from thermodiff.commands import main as cli
from thermodiff.commands.options import Audit

ROWS = np.random.default_rng(0).normal(size=(40, 2)) @ np.array([[1.0, 0.4], [0.0, 0.5]]) + [3.0, -1.0]
MODEL = '''
import jax.numpy as jnp
import numpy as np
import thermodiff as td
from neighbour import MEAN

process = td.TabulatedProcess.from_betas(np.linspace(1e-3, 0.2, 100))
C = jnp.array([[1.0, 0.4], [0.4, 0.41]])

def noise(x, k):
    """A DDPM of 100 steps, exact for a Gaussian."""
    alpha, sigma = process.alpha((k + 1) / 100), process.sigma((k + 1) / 100)
    return sigma * jnp.linalg.solve(alpha**2 * C + sigma**2 * jnp.eye(2), x - alpha * MEAN)

def score(x, t):
    return -noise(x, 100 * t - 1) / process.sigma(t)

with_process = td.score_from_noise_prediction(noise, process)
number = 3
class Scores: pass
backwards = td.score_from_noise_prediction(noise, process, time=lambda t: 100 * (1 - t))
short = lambda x, t: x[:1]
learned_sigma = td.score_from_noise_prediction(lambda x, k: jnp.concatenate([x, x]), process)
stumbling = lambda x, t: {}["key"]
wild = td.score_from_noise_prediction(lambda x, k: 3 * jnp.sin(5 * x), process)
nowhere = lambda x, t: x * jnp.nan
'''
NOTE = "thermodiff: note: running my_model.py, which can do anything that you can: run only files that you trust\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", ROWS)
    Path("my_model.py").write_text(MODEL)
    Path("neighbour.py").write_text("import numpy\n\nMEAN = numpy.array([3.0, -1.0])\n")
    return tmp_path


BAD = {
    "no name": (
        "my_model.py",
        False,
        "score: got 'my_model.py', need FILE.py:NAME, an object in a Python file",
    ),
    "a pickle": (
        "weights.pt:net",
        False,
        "score: got 'weights.pt:net', a file .pt, need FILE.py:NAME, an object in a Python file of yours: no ",
    ),
    "no such file": ("mine.py:score", False, "score: got 'mine.py', which is not there, need FILE.py:NAME"),
    "no such name": (
        "my_model.py:socre",
        True,
        "score: got no 'socre' in my_model.py, need a name that it has (the last of them: short, learned_sigma, ",
    ),
    "nothing that can be called": (
        "my_model.py:number",
        True,
        "score: got int, need a callable score(x, t) -> (d,)",
    ),
    "a class": ("my_model.py:Scores", True, "score: got the class Scores, need an object of it"),
    "another shape": (
        "my_model.py:short --process my_model.py:process",
        True,
        "score: got an output of shape (1,) for x of shape (2,), need shape (2,)",
    ),
    "learned sigma": (
        "my_model.py:learned_sigma",
        True,
        "model: got an output of shape (4,) for x of shape (2,), twice",
    ),
    "an error of its own": (
        "my_model.py:stumbling --process my_model.py:process",
        True,
        "score: got KeyError in line 24 of my_model.py: 'key', need",
    ),
    "NaN": ("my_model.py:nowhere --process my_model.py:process", True, "model: NaN or infinite at t = 0.01"),
    "a clock the other way": (
        "my_model.py:backwards",
        True,
        "need a clock that runs the other way, with which these",
    ),
    "no process": (
        "my_model.py:score",
        True,
        "process: got none for a function, which does not know its own, need --process ve, vp or FILE.py:NAME",
    ),
    "no such process": (
        "my_model.py:score --process my_model.py:proces",
        True,
        "process: got no 'proces' in my_model.py, need a name",
    ),
    "a process that is none": (
        "my_model.py:score --process my_model.py:number",
        True,
        "process: got int, need a diffusion process",
    ),
    "a name that is no process": (
        "my_model.py:score --process sub",
        True,
        "process: got 'sub', need one of ve, vp, or FILE.py:NAME together with --score",
    ),
    "steps": (
        "my_model.py:score --steps 30",
        False,
        "steps: got 30 with --score, need no steps: nothing is trained",
    ),
    "sigma": (
        "my_model.py:with_process --sigma 9",
        False,
        "sigma: got 9 with a process of your own, need it for",
    ),
    "one point": ("my_model.py:score --max-points 1", False, "max-points: got 1, need at least 2"),
}


def refused(capsys, *argv):
    """The lines on stderr of a call that must be refused, of which the last is the complaint."""
    assert cli.main(argv) == 2
    out, err = capsys.readouterr()
    assert out == ""
    return without_progress(err)


@pytest.mark.parametrize("name", BAD)
def test_bad_models(name, folder, capsys):
    words, file_is_run, message = BAD[name]
    err = refused(capsys, "audit", "x.npy", "--out", "results", "--score", *words.split())
    assert err.startswith(NOTE) is file_is_run
    said = err.removeprefix(NOTE)
    assert said.count("\n") == 1
    assert said.startswith("thermodiff: error: ")
    assert message in said
    assert not Path("results").exists()


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("x = 1\ny = x / 0\n", "ZeroDivisionError in line 2 of my_model.py: division by zero"),
        ("def f(:\n", "SyntaxError in line 1 of my_model.py: "),
        (
            "import nowhere_to_be_found\n",
            "ModuleNotFoundError in line 1 of my_model.py: No module named 'nowhere_to",
        ),
        ("raise SystemExit\n", "SystemExit in line 1 of my_model.py, need"),
    ],
)
def test_files_that_do_not_run(code, message, folder, capsys):
    Path("my_model.py").write_text(code)
    err = refused(capsys, "audit", "x.npy", "--out", "results", "--score", "my_model.py:score")
    assert f"score: got {message}" in err
    assert err.endswith("need my_model.py to run without an error\n")


def test_what_is_to_be_distrusted_is_a_remark(folder):
    job = audit_command.prepare(Audit("x.npy", Path("results"), score="my_model.py:wild"))
    assert job.about["remarks"][-1].startswith("model: a noise prediction n with E|eps - n|^2/d = ")
    assert job.rows.shape == (40, 2)


@pytest.mark.slow
@pytest.mark.parametrize(
    "words", ["my_model.py:score --process my_model.py:process", "my_model.py:with_process --unit bits/dim"]
)
def test_the_audit_is_that_of_the_library(words, folder, capsys):
    call = ("audit", "x.npy", "--out", "results", "--max-points", "16", "--score", *words.split())
    assert cli.main(call) == 0
    assert names_in("results") == set(audit_command.RESULTS)
    record = strict("results/audit.json")
    assert record["audited"] == 16
    assert record["process"] == "TabulatedProcess"
    text = Path("results/audit.txt").read_text()
    assert "x.npy: 40 rows of 2 columns, the first 16 of them used" in text
    assert f"score {words.split()[0]}, nothing trained\n  process TabulatedProcess" in text
    assert max(map(len, text.splitlines())) <= 100
    nll = -oracle.gaussian_log_prob(
        ROWS[:16], np.array([3.0, -1.0]), np.array([[1.0, 0.4], [0.4, 0.41]])
    ).mean()
    unit = 2 * np.log(2) if record["unit"] == "bits/dim" else 1.0
    assert record["audit"]["nll"] * unit == pytest.approx(nll, abs=5 * record["audit"]["nll_stderr"] * unit)
