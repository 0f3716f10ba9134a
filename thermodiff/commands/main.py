"""The command ``thermodiff``: its options, its exit statuses and its one-line complaints; the work is done elsewhere.

Exit status 0 for success, 2 for input that a user can put right, 1 for a training, a flow or a disk that failed (one
line on stderr each), 130 for an interrupt; an error that nobody foresaw keeps its traceback.
A command's own file is imported when it runs, so that help is quick.
"""

from __future__ import annotations

import _thread
import contextlib
import importlib
import io
import os
import re
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any

import tyro

from thermodiff.commands.options import Audit, Entropy, Explore, Ledger, MutualInformation, Sample
from thermodiff.version import __version__

INTERRUPTED = 130
FAILED, BAD_INPUT = 1, 2
DESCRIPTION = """Thermodynamics of generative models, from the command line.

    thermodiff audit samples.csv --out results/mine     # your own samples
    thermodiff audit digits --out results/digits        # scikit-learn's digits, a minute or two
    thermodiff ledger samples.csv --out results/mine    # what one sample costs, in joules
    thermodiff entropy samples.csv --out results/mine   # their entropy
    thermodiff mi x.npy y.npy --out results/mine        # mutual information of paired rows
    thermodiff explore base.jsonl rl.jsonl              # rollouts of language models, before and after RL
    thermodiff explore deepscaler                       # real ones, to see what it says
    thermodiff sample results/score --out results/new   # samples of a score that td.save_score wrote
    thermodiff audit --help                             # all options of a command
    thermodiff --version"""


COMMANDS: dict[str, Callable[..., Any]] = {
    "audit": Audit,
    "ledger": Ledger,
    "entropy": Entropy,
    "mi": MutualInformation,
    "explore": Explore,
    "sample": Sample,
}
WORKERS = {
    Audit: "audit",
    Ledger: "ledger",
    Entropy: "entropy",
    MutualInformation: "mutual_information",
    Explore: "explore",
    Sample: "sample",
}
"""The file of this room that carries each command out."""


def main(argv: Sequence[str] | None = None) -> int:
    """The command line ``argv`` (default: that of the process, which is then ours to end); returns the exit status."""
    ours = argv is None
    if ours:
        sys.unraisablehook = _resend_interrupt
    try:
        command = _parse(sys.argv[1:] if argv is None else argv)
        with contextlib.ExitStack() as holding:
            status = command if isinstance(command, int) else _carry_out(command, holding)
    except KeyboardInterrupt:
        status = _interrupted("")
    except BrokenPipeError:
        # Whoever read what we print has read enough; all results are written by then.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    if ours and status == INTERRUPTED:
        # JAX stopped in the middle of a compilation can crash while Python shuts down, which would hide the status.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    return status


def _carry_out(command: Any, holding: contextlib.ExitStack) -> int:
    """The worker of ``command`` prepares and runs a job with its options, ``holding`` its folder; the exit status."""
    # Not for help: NumPy comes with them.
    from thermodiff.runtime.files import held
    from thermodiff.runtime.progress import shown

    try:
        with shown("thermodiff", None, "starting"):
            worker = importlib.import_module(f"thermodiff.commands.{WORKERS[type(command)]}")
            job = worker.prepare(command)
        holding.enter_context(held("out", command.out))
    except (ValueError, OSError) as error:
        return _refuse(str(error))
    for remark in job.about.get("remarks", ()):
        print(f"thermodiff: note: {remark}", file=sys.stderr)
    try:
        said = worker.run(job)
    except KeyboardInterrupt:
        resumable = getattr(job, "checkpoints", None)
        advice = "" if resumable is None else f"; run the same command again to go on from {resumable}"
        return _interrupted(advice)
    except worker.FORESEEN as error:
        return _complain(str(error), FAILED)
    results = getattr(job, "results", None) or worker.RESULTS  # what is written may depend on the data
    print(f"{said}\n\nWritten: {command.out / results[0]}, {', '.join(results[1:])}", flush=True)
    return 0


def _resend_interrupt(dropped: Any) -> None:
    """Python drops an interrupt that falls into a garbage collection (JAX hooks into those): raise it once more."""
    if issubclass(dropped.exc_type, KeyboardInterrupt):
        threading.Timer(0.05, _thread.interrupt_main).start()
    else:
        sys.__unraisablehook__(dropped)


def _parse(argv: Sequence[str]) -> Any:
    """The command with its options, or the exit status if there is nothing to run (help, version, or bad options)."""
    if list(argv) == ["--version"]:
        print(f"thermodiff {__version__}")
        return 0
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
        r"Error parsing --([\w-]+): no type matching ({\[)?(INT|FLOAT)( .*)? could be instantiated from \['(.*)'\]\.?",
        said,
    )
    if found is None:
        plain = re.fullmatch(
            r"Error parsing --([\w-]+): (could not convert string to float|invalid literal for int\(\).*): '(.*)'\.?",
            said,
        )
        if plain is None:
            return said
        option, kind, word = plain.groups()
        return f"{option}: got {word!r}, need a {'number' if 'float' in kind else 'whole number'}"
    option, several, kind, _, words = found.groups()
    number = "whole number" if kind == "INT" else "number"
    return f"{option}: got {words.replace(chr(39), '')!r}, need {f'{number}s' if several else f'a {number}'}"


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
