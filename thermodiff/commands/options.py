"""What can be said to each command: a dataclass whose fields are its options and whose docstrings are its help."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

import tyro

_no_default = tyro.conf.arg(help_behavior_hint="")  # the help text states it in words


@dataclasses.dataclass(frozen=True)
class TrainedHere:
    """What every command asks that trains a score on the user's rows and measures on others."""

    file: Annotated[str, tyro.conf.Positional]
    """A .npy, .npz, .csv, .tsv, .txt, .dat or .parquet file of samples (n rows, d columns), or one of
    `digits`, `iris`, `wine`, `breast_cancer`,
    `diabetes`, `patches`, `patches_without_mean` (made samples of a density already)."""
    out: Annotated[Path, tyro.conf.arg(metavar="DIR")]
    """Folder for the results; made if it is not there."""
    key: Annotated[str | None, _no_default] = None
    """Which array of an .npz file; not needed where it holds only one."""
    columns: Annotated[str | None, _no_default] = None
    """Columns to take: numbers from 0 or names, such as 0,1 or height,weight."""
    without: Annotated[str | None, _no_default] = None
    """Columns to leave out, such as an identifier."""
    sigma: Annotated[float | None, _no_default] = None
    """Noise of the process: sigma for ve (default 25), the largest beta for vp (default 20)."""
    steps: Annotated[int | None, _no_default] = None
    """At most so many training steps (default: 4000 up to 16 columns, 2000 above)."""
    seed: int = 0
    """Seed of the split, the training and the averages; the same seed gives the same numbers."""
    dequantise: bool = False
    """Add uniform noise of one step to columns of whole numbers, tenths and the like. (named data: done already)"""
    missing: Literal["refuse", "drop"] = "refuse"
    """What to do with rows that lack a value (empty, NA, NaN and the like)."""
    separator: Literal["auto", "comma", "semicolon", "tab", "space"] = "auto"
    """What separates the cells of a text file, where it cannot be told."""
    header: Literal["auto", "yes", "no"] = "auto"
    """Whether the first line of a text file names the columns, where it cannot be told."""
    max_points: int = 1024
    """Measure on at most so many test rows; the record says how many were used."""


@dataclasses.dataclass(frozen=True)
class Audit(TrainedHere):
    """Audit entropy rates, likelihoods and bounds of a score: one trained here on your samples, or your own.

    Standardises the columns, trains on 70 % of the rows, stops by 10 %, measures on the other 20 %. Writes the table
    that is also printed (audit.txt), a figure of loss, entropy rates and bounds (audit.png, audit.pdf), and every
    number with the options, seed and versions behind it (audit.json). An interrupted run resumes when started again.
    With --score nothing is trained, mapped or split: your model is measured on rows as they are, in their units.
    """

    process: Annotated[str | None, _no_default] = None
    """ve: dx = sigma^t dw (the default).  vp: beta(t) rises linearly from 0.1 to sigma.  With --score also
    FILE.py:NAME, a process of your own; by default the one that the score knows."""
    score: Annotated[str | None, _no_default] = None
    """FILE.py:NAME, a score of your own, such as td.score_from_noise_prediction makes. The file is run, and a file that
    is run can do anything that you can: run only files that you trust."""
    paths: int = 0
    """Measure NLL_SDE too, the likelihood of the reverse SDE in 64 steps, from so many paths a row (16 are usual)."""
    prior: Literal["moments", "noise"] = "moments"
    """The prior at t = 1. moments: the Gaussian of the noised data's moments.  noise: N(0, sigma(1)^2)."""
    unit: Literal["nats", "bits", "bits/dim"] = "nats"
    """What results are printed and written in; bits/dim are bits per sample and column."""


@dataclasses.dataclass(frozen=True)
class Ledger(TrainedHere):
    """Price one sample of your data: entropy production, work in k_B T and joules, seconds on a device.

    Trains a score as `thermodiff audit` does (in the same --out it goes on from an audit's training), then measures
    what generating a sample costs on rows that were not trained on. Writes the table that is also printed (ledger.txt),
    a figure of rates, cumulative work and the energy-time frontier (ledger.png, ledger.pdf), and every number with the
    options, seed and versions behind it (ledger.json). The numbers are floors of the sampled degrees of freedom.
    """

    process: Literal["ve", "vp"] = "ve"
    """ve: dx = sigma^t dw.  vp: beta(t) rises linearly from 0.1 to sigma."""
    temperature: float = 300.0
    """Of the device's bath, in kelvin."""
    relaxation_time: float = 1e-6
    """Of the device, in seconds: that of a trap (RC of a capacitor) in which one standard deviation of a column is one
    thermal standard deviation."""
    stochasticity: float = 1.0
    """Of the generator: 1 is the reverse SDE, more is slower and dissipates less, 0 the flow (infinite heat)."""


@dataclasses.dataclass(frozen=True)
class Entropy:
    """Estimate the differential entropy of your samples by scores, and compare density models on held-out rows.

    Trains networks on parts of the rows and evaluates them on the others. Then trains on 80 % of the rows, and reports
    the mean -ln p of the other 20 % for the score, a Gaussian, a mixture of Gaussians and a kernel estimate. Writes
    the table that is also printed (entropy.txt), a figure (entropy.png, entropy.pdf), and every number (entropy.json).
    """

    file: Annotated[str, tyro.conf.Positional]
    """A .npy, .npz, .csv, .tsv, .txt, .dat or .parquet file of samples (n rows, d columns), or one of
    `digits`, `iris`, `wine`, `breast_cancer`,
    `diabetes`, `patches`, `patches_without_mean` (with their own fixed split)."""
    out: Annotated[Path, tyro.conf.arg(metavar="DIR")]
    """Folder for the results; made if it is not there."""
    key: Annotated[str | None, _no_default] = None
    """Which array of an .npz file; not needed where it holds only one."""
    columns: Annotated[str | None, _no_default] = None
    """Columns to take: numbers from 0 or names, such as 0,1 or height,weight."""
    without: Annotated[str | None, _no_default] = None
    """Columns to leave out, such as an identifier."""
    effort: Literal["quick", "standard", "thorough"] = "standard"
    """How much each network is trained: quick is a first look in a twentieth of the time of standard, thorough takes
    three times as long, to check a number on which much depends."""
    steps: Annotated[int | None, _no_default] = None
    """So many training steps a network instead of those of the effort, fewer or more."""
    alone: bool = False
    """The entropy alone, without the comparison with other density models on held-out rows, which takes longer."""
    seed: int = 0
    """Seed of the split, the training and the averages; the same seed gives the same numbers."""
    dequantise: bool = False
    """Add uniform noise of one step to columns of whole numbers, tenths and the like. (named data: done already)"""
    missing: Literal["refuse", "drop"] = "refuse"
    """What to do with rows that lack a value (empty, NA, NaN and the like)."""
    separator: Literal["auto", "comma", "semicolon", "tab", "space"] = "auto"
    """What separates the cells of a text file, where it cannot be told."""
    header: Literal["auto", "yes", "no"] = "auto"
    """Whether the first line of a text file names the columns, where it cannot be told."""
    unit: Literal["nats", "bits", "bits/dim"] = "nats"
    """What results are printed and written in; bits/dim are bits per sample and column."""


@dataclasses.dataclass(frozen=True)
class MutualInformation:
    """Estimate the mutual information of paired rows: of two files, or of columns of one.

    Beside the estimate by scores stand those by nearest neighbours and of a Gaussian, but for classes. Writes the table
    that is also printed (mi.txt), a figure (mi.png, mi.pdf), and every number (mi.json).
    """

    file_x: Annotated[str, tyro.conf.Positional]
    """A .npy, .npz, .csv, .tsv, .txt, .dat or .parquet file of samples (n rows, a columns), or the name of a data set
    (see thermodiff entropy)."""
    out: Annotated[Path, tyro.conf.arg(metavar="DIR")]
    """Folder for the results; made if it is not there."""
    file_y: Annotated[str | None, tyro.conf.Positional, _no_default] = None
    """Another of as many rows, paired with the first in their order; left out if columns of one file are meant."""
    key: Annotated[str | None, _no_default] = None
    """Which array of FILE-X, if it is an .npz file."""
    key_y: Annotated[str | None, _no_default] = None
    """Which array of FILE-Y, if it is an .npz file."""
    x_columns: Annotated[str | None, _no_default] = None
    """Columns that make x: numbers from 0 or names, such as 0,1."""
    y_columns: Annotated[str | None, _no_default] = None
    """Columns that make y."""
    discrete: Annotated[str | None, _no_default] = None
    """Columns whose values are classes: `x` or `y` for all of that side, or columns of the one file, such as 4,sex;
    in a file classes are numbers."""
    permutations: Annotated[int | None, _no_default] = None
    """Test independence too, by so many random orders of held-out rows (999 are usual)."""
    pairs: bool = False
    """The matrix of every two columns of FILE-X (or of --x-columns) instead, in nats, with its picture."""
    effort: Literal["quick", "standard", "thorough"] = "standard"
    """How much each network is trained: quick is a first look in a twentieth of the time of standard, thorough takes
    three times as long, to check a number on which much depends."""
    steps: Annotated[int | None, _no_default] = None
    """So many training steps a network instead of those of the effort, fewer or more."""
    seed: int = 0
    """Seed of the folds, the training and the averages; the same seed gives the same numbers."""
    dequantise: bool = False
    """Add uniform noise of one step to columns of whole numbers, tenths and the like. (named data: done already)"""
    missing: Literal["refuse", "drop"] = "refuse"
    """What to do with rows that lack a value (empty, NA, NaN and the like)."""
    separator: Literal["auto", "comma", "semicolon", "tab", "space"] = "auto"
    """What separates the cells of a text file, where it cannot be told."""
    header: Literal["auto", "yes", "no"] = "auto"
    """Whether the first line of a text file names the columns, where it cannot be told."""
    unit: Literal["nats", "bits"] = "nats"
    """What results are printed and written in."""


@dataclasses.dataclass(frozen=True)
class Explore:
    """Measure what a policy can reach from rollouts on disk, before and after reinforcement learning.

    One file is a policy, two are a policy before and after; a folder or a quoted glob of <step>.jsonl is a training.
    Prints pass@k, problems lost and gained beside what chance alone would lose, and what entropies there are, each with
    its error; then what the data say and cannot say, and remarks. Writes that report (explore.txt), every
    number (explore.json), of two policies each problem (changed.csv), and figures (boundary, and where the data allow
    entropy and tokens, as .png and .pdf).
    """

    files: Annotated[tuple[str, ...], tyro.conf.Positional, _no_default] = ()
    """One or two files, a folder, or a glob in quotes, of verl, TRL, lm-eval and others, or of counts; of two trainings
    a step each, as runA/15.jsonl runB/15.jsonl; or alone `deepscaler` or `characters`, which ship with thermodiff."""
    curves: Annotated[Path | None, _no_default] = None
    """A csv log of a training with columns step, reward and entropy (nats a token)."""
    out: Annotated[Path, tyro.conf.arg(metavar="DIR")] = Path("results/explore")
    """Folder for the results; made if it is not there."""
    labels: Annotated[tuple[str, ...] | None, _no_default] = None
    """Names of the policies, one for each file (default: the files' names)."""
    k: Annotated[tuple[int, ...] | None, _no_default] = None
    """Numbers of rollouts to show pass@k at, up to those that there are (default: 1, 2, 4, ... and all)."""
    beyond: Annotated[tuple[int, ...] | None, _no_default] = None
    """More rollouts than there are, for which the data only bound pass@k (default: two and eight times the most that
    any problem has)."""
    format: str = "auto"
    """The files' format, told by their fields if this is auto; or thermodiff, counts, verl, trl, tunix, lm-eval,
    inspect, openai, math-eval, human-eval, tree-of-thought."""
    correct: Annotated[str | None, _no_default] = None
    """The field with the reward, where there are several."""
    threshold: Annotated[float | None, _no_default] = None
    """From which reward on a response is correct, where rewards are not 0 or 1."""
    vocabulary: Annotated[int | None, _no_default] = None
    """How many tokens there are, where the files do not say it; bounds entropies from above."""
    seed: int = 0
    """Seed of bands and exact tests; the same seed gives the same numbers."""


@dataclasses.dataclass(frozen=True)
class Sample:
    """New samples of a score that td.save_score wrote.

    Writes them as samples.npy and samples.csv, a picture of their first two columns (samples.png, samples.pdf), and the
    schedule with the options, seed and versions behind it (samples.json; what is printed is samples.txt).
    """

    folder: Annotated[Path, tyro.conf.Positional]
    """The folder of the score."""
    out: Annotated[Path, tyro.conf.arg(metavar="DIR")]
    """Folder for the results; made if it is not there."""
    n: int = 10_000
    """How many samples."""
    steps: int = 16
    """Steps of the sampler: score calls a sample, twice as many for heun."""
    sampler: Literal["dpmpp_2m", "multistep", "euler", "heun", "ancestral", "euler_maruyama"] = "multistep"
    """How a step is made."""
    clock: Literal["flow_curvature", "log_snr", "edm", "cosine", "linear_beta"] = "flow_curvature"
    """Where the steps are. flow_curvature is measured on 1024 samples of the score itself first."""
    stochasticity: float = 1.0
    """Of euler_maruyama: 0 is the flow, 1 the reverse diffusion."""
    kernel: Literal["analytic", "posterior", "forward"] = "analytic"
    """The variance of ancestral."""
    seed: int = 0
    """The same seed gives the same samples."""
