"""The command ``thermodiff``: its options, its exit statuses and its one-line complaints; the work is done elsewhere.

Exit status 0 for success, 2 for input that a user can put right, 1 for a training, a flow or a disk that failed (one
line on stderr each), 130 for an interrupt; an error that nobody foresaw keeps its traceback.
Heavy imports wait until a command runs, so that help is quick.
"""

from __future__ import annotations

import _thread
import contextlib
import dataclasses
import io
import os
import re
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

INTERRUPTED = 130
FAILED, BAD_INPUT = 1, 2

DESCRIPTION = """Thermodynamics of score-based diffusion models, from the command line.

    thermodiff audit samples.csv --out results/mine     # your own samples
    thermodiff audit digits --out results/digits        # scikit-learn's digits, a minute or two
    thermodiff entropy samples.csv --out results/mine   # their entropy
    thermodiff mi x.npy y.npy --out results/mine        # mutual information of paired rows
    thermodiff audit --help                             # all options of a command"""


_no_default = tyro.conf.arg(help_behavior_hint="")  # the help text states it in words


@dataclasses.dataclass(frozen=True)
class Audit:
    """Train a score on your samples and audit its entropy rates, likelihoods and bounds.

    Standardises the columns, trains on 70 % of the rows, stops by 10 %, measures on the other 20 %. Writes the table
    that is also printed (audit.txt), a figure of loss, entropy rates and bounds (audit.png, audit.pdf), and every
    number with the options, seed and versions behind it (audit.json). An interrupted run resumes when started again.
    """

    file: Annotated[str, tyro.conf.Positional]
    """A .npy, .npz or .csv file of samples (n rows, d columns), or `digits` for scikit-learn's."""
    out: Annotated[Path, tyro.conf.arg(metavar="DIR")]
    """Folder for the results; made if it is not there."""
    key: Annotated[str | None, _no_default] = None
    """Which array of an .npz file; not needed where it holds only one."""
    process: Literal["ve", "vp"] = "ve"
    """ve: dx = sigma^t dw.  vp: beta(t) rises linearly from 0.1 to sigma."""
    sigma: Annotated[float | None, _no_default] = None
    """Noise of the process: sigma for ve (default 25), the largest beta for vp (default 20)."""
    steps: Annotated[int | None, _no_default] = None
    """At most so many training steps (default: 4000 up to 16 columns, 2000 above)."""
    seed: int = 0
    """Seed of the split, the training and the averages; the same seed gives the same numbers."""
    dequantise: bool = False
    """Add uniform noise of one unit to integer data, which have no density as they are. (digits: always)"""
    max_points: int = 1024
    """Audit at most so many test rows; the record says how many were used."""

    def __call__(self) -> int:
        """Runs the command; returns the exit status."""
        from thermodiff import user_audit

        return _carried_out(self, user_audit)


@dataclasses.dataclass(frozen=True)
class Entropy:
    """Estimate the differential entropy of your samples by scores, and compare density models on held-out rows.

    Trains networks on parts of the rows and evaluates them on the others. Then trains on 80 % of the rows, and reports
    -ln p of the other 20 % for the score, a Gaussian, a mixture of Gaussians and a kernel estimate. Writes the table
    that is also printed (entropy.txt), a figure (entropy.png, entropy.pdf), and every number (entropy.json).
    """

    file: Annotated[str, tyro.conf.Positional]
    """A .npy, .npz or .csv file of samples (n rows, d columns), or one of `digits`, `iris`, `wine`, `breast_cancer`,
    `diabetes`, `patches`, `patches_without_mean` (with their own fixed split)."""
    out: Annotated[Path, tyro.conf.arg(metavar="DIR")]
    """Folder for the results; made if it is not there."""
    key: Annotated[str | None, _no_default] = None
    """Which array of an .npz file; not needed where it holds only one."""
    steps: Annotated[int | None, _no_default] = None
    """At most so many training steps a network (default: the library's)."""
    seed: int = 0
    """Seed of the split, the training and the averages; the same seed gives the same numbers."""
    dequantise: bool = False
    """Add uniform noise of one step to columns of whole numbers, tenths and the like. (named data: done already)"""

    def __call__(self) -> int:
        """Runs the command; returns the exit status."""
        from thermodiff import user_entropy

        return _carried_out(self, user_entropy)


@dataclasses.dataclass(frozen=True)
class MutualInformation:
    """Estimate the mutual information of paired rows: of two files, or of columns of one.

    Beside the estimate by scores stand those by nearest neighbours and of a Gaussian. Writes the table that is also
    printed (mi.txt), a figure (mi.png, mi.pdf), and every number (mi.json).
    """

    file_x: Annotated[str, tyro.conf.Positional]
    """A .npy, .npz or .csv file of samples (n rows, a columns), or the name of a data set (see thermodiff entropy)."""
    out: Annotated[Path, tyro.conf.arg(metavar="DIR")]
    """Folder for the results; made if it is not there."""
    file_y: Annotated[str | None, tyro.conf.Positional, _no_default] = None
    """Another of as many rows, paired with the first in their order; left out if columns of one file are meant."""
    key: Annotated[str | None, _no_default] = None
    """Which array of FILE-X, if it is an .npz file."""
    key_y: Annotated[str | None, _no_default] = None
    """Which array of FILE-Y, if it is an .npz file."""
    x_columns: Annotated[str | None, _no_default] = None
    """Columns that make x: numbers from 1 or names of the first line, such as 1,2."""
    y_columns: Annotated[str | None, _no_default] = None
    """Columns that make y."""
    steps: Annotated[int | None, _no_default] = None
    """At most so many training steps a network (default: the library's)."""
    seed: int = 0
    """Seed of the folds, the training and the averages; the same seed gives the same numbers."""
    dequantise: bool = False
    """Add uniform noise of one step to columns of whole numbers, tenths and the like. (named data: done already)"""

    def __call__(self) -> int:
        """Runs the command; returns the exit status."""
        from thermodiff import user_mutual_information

        return _carried_out(self, user_mutual_information)


def _carried_out(command: Any, worker: Any) -> int:
    """``worker`` prepares and runs a job with the options of ``command``; the exit status."""
    try:
        job = worker.prepare(**{f.name: getattr(command, f.name) for f in dataclasses.fields(command)})
    except (ValueError, OSError) as error:
        return _refuse(str(error))
    for remark in job.about.get("remarks", ()):
        print(f"thermodiff: note: {remark}", file=sys.stderr)
    try:
        print(worker.run(job))
    except KeyboardInterrupt:
        resumable = getattr(job, "checkpoints", None)
        advice = "" if resumable is None else f"; run the same command again to go on from {resumable}"
        return _interrupted(advice)
    except worker.FORESEEN as error:
        return _complain(str(error), FAILED)
    print(f"\nWritten: {', '.join(str(command.out / name) for name in worker.RESULTS)}")
    return 0


COMMANDS: dict[str, Callable[..., Any]] = {"audit": Audit, "entropy": Entropy, "mi": MutualInformation}


def main(argv: Sequence[str] | None = None) -> int:
    """The command line ``argv`` (default: that of the process, which is then ours to end); returns the exit status."""
    ours = argv is None
    if ours:
        sys.unraisablehook = _resend_interrupt
    try:
        command = _parse(sys.argv[1:] if argv is None else argv)
        status = command if isinstance(command, int) else command()
    except KeyboardInterrupt:
        status = _interrupted("")
    if ours and status == INTERRUPTED:
        # JAX stopped in the middle of a compilation can crash while Python shuts down, which would hide the status.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    return status


def _resend_interrupt(dropped: Any) -> None:
    """Python drops an interrupt that falls into a garbage collection (JAX hooks into those): raise it once more."""
    if issubclass(dropped.exc_type, KeyboardInterrupt):
        threading.Timer(0.05, _thread.interrupt_main).start()
    else:
        sys.__unraisablehook__(dropped)


def _parse(argv: Sequence[str]) -> Any:
    """The command with its options, or the exit status if there is nothing to run (help, or bad options)."""
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            return tyro.extras.subcommand_cli_from_dict(
                COMMANDS,
                prog="thermodiff",
                description=DESCRIPTION,
                args=list(argv),
                config=(
                    tyro.conf.DisallowNone,
                    tyro.conf.FlagCreatePairsOff,
                    tyro.conf.PositionalMetavarFromFieldName,
                ),
            )
    except SystemExit as stop:
        return 0 if not stop.code else _refuse(_one_line(complaint.getvalue()))


def _one_line(box: str) -> str:
    """tyro's framed message without its title, frame, explanations and help: what it says first."""
    said: list[str] = []
    for line in box.splitlines()[1:]:
        content = line[2:].rstrip(" │╯")
        if content.strip("─- ") == "":  # a rule, or nothing: the end of what is said
            if said:
                break
        elif not content.startswith(" " * 8):  # deeper lines repeat the help of an option
            said.append(content.strip())
    return _number_wanted(" ".join(said)) or box


def _number_wanted(said: str) -> str:
    """tyro's complaint about a word where a number belongs, as this package complains."""
    found = re.fullmatch(
        r"Error parsing --([\w-]+): no type matching (INT|FLOAT) could be instantiated from \['(.*)'\]\.?",
        said,
    )
    if found is None:
        return said
    option, kind, word = found.groups()
    return f"{option}: got {word!r}, need {'a whole number' if kind == 'INT' else 'a number'}"


def _refuse(message: str) -> int:
    return _complain(message, BAD_INPUT)


def _complain(message: str, status: int) -> int:
    print(f"thermodiff: error: {' '.join(message.split())}", file=sys.stderr)
    return status


def _interrupted(advice: str) -> int:
    print(f"thermodiff: interrupted{advice}", file=sys.stderr)
    return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
