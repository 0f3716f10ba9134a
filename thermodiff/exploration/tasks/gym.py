"""Problems and verdicts of reasoning-gym: a second opinion on texts, and tasks where its answers are few.

reasoning-gym has a hundred generators of problems, each with a scorer of answers as text. A score is no verdict: its
Countdown gives 0.01 or 0.05 for a wrong answer, and where a wrong text contains the right answer others give that
answer's share of the text, 2/3 for "1-4" where -4 is asked. So the score from which on an answer is correct has to be
named; 1 is the only one that no wrong answer reaches. Source: Stojanovski et al. (2025), arXiv 2505.24760.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from thermodiff.exploration.tasks.table import TableTask, task_of_texts
from thermodiff.runtime.extras import from_extra
from thermodiff.validation import check_count, complain

Entry = Mapping[str, Any]
"""A problem as reasoning-gym gives it: "question", "answer" (one of the correct ones), "metadata"."""


@runtime_checkable
class Generator(Protocol):
    """What is used of a data set of reasoning-gym; one's own will do."""

    def __len__(self) -> int:
        """How many problems there are."""
        ...

    def __getitem__(self, index: int) -> Entry:
        """One of them."""
        ...

    def score_answer(self, answer: str | None, entry: Entry) -> float:
        """From 0 to 1."""
        ...


class ReasoningGym:
    """A number of problems of one generator, with its scorer as verifier of texts; runs on the host, not in JAX.

    ``generator``  its name, such as "chain_sum" (with ``settings``, as reasoning-gym names them), or a data set itself.
    ``threshold``  the score from which on an answer is correct.
    ``problems``, ``seed``  how many, and which ones, of a generator that is named.

    Raises ValueError where reasoning-gym is not installed (the extra "gym"), does not know the name or a setting, where
    the threshold is no score, the generator's own answers do not reach it, or an empty one does.
    """

    def __init__(
        self,
        generator: str | Generator,
        *,
        threshold: float,
        problems: int = 100,
        seed: int = 0,
        **settings: Any,
    ) -> None:
        if isinstance(generator, str):
            check_count("problems", problems)
            generator = _created(generator, {**settings, "size": problems, "seed": seed})
        elif settings:
            raise complain("settings", ", ".join(settings), "none beside a data set: it has its own")
        if not 0 < threshold <= 1:
            raise complain("threshold", f"{threshold}", "a score above 0 and at most 1")
        self.generator, self.threshold = generator, threshold
        self.entries = [generator[n] for n in range(len(generator))]
        if not self.entries:
            raise complain("generator", "no problems", "at least one")
        for n, entry in enumerate(self.entries):
            own, empty = self.scores(n, [entry["answer"], ""])
            if own < threshold:
                got = f"{threshold}, and {own:.3g} for the answer {entry['answer']!r} that problem {n} comes with"
                raise complain("threshold", got, "one that it reaches")
            if empty >= threshold:
                raise complain(
                    "threshold", f"{threshold}, which an empty answer reaches", f"more than {empty:.3g}"
                )

    def scores(self, problem: int, answers: Sequence[str]) -> np.ndarray:
        """The scores of texts as answers to one problem, (answers,), from 0 to 1."""
        if not 0 <= problem < len(self.entries):
            raise complain("problem", f"{problem}", f"one from 0 to {len(self.entries) - 1}")
        return np.array([self.generator.score_answer(a, self.entries[problem]) for a in answers], dtype=float)

    def rewards(self, problem: int, answers: Sequence[str]) -> np.ndarray:
        """1 for texts whose score is at least the threshold, else 0."""
        return (self.scores(problem, answers) >= self.threshold).astype(float)

    def task(
        self,
        *,
        candidates: Callable[[Entry], Iterable[str]] | None = None,
        question: Callable[[Entry], str] | None = None,
        split: Callable[[str], Sequence[str]] = list,
        response_length: int | None = None,
    ) -> TableTask:
        """The problems as a task of tokens, which are characters unless ``split`` says otherwise.

        ``candidates(entry)`` are the texts that a policy might answer, right and wrong, by default the one answer that
        the problem comes with; each is scored here, and what reaches the threshold is correct. Texts that are no
        candidates are wrong in the task, though the scorer may take some ("07" for 7). ``question(entry)`` is the text
        of the prompt, by default the question in full. Raises ValueError as ``task_of_texts`` does.
        """
        rows = []
        for n, entry in enumerate(self.entries):
            texts = list(dict.fromkeys(candidates(entry) if candidates else [entry["answer"]]))
            text = question(entry) if question else entry["question"]
            rows.append((text, dict(zip(texts, (self.rewards(n, texts) == 1).tolist(), strict=True))))
        return task_of_texts(rows, split=split, response_length=response_length)


def _created(name: str, settings: dict[str, Any]) -> Generator:
    factory = from_extra("gym", "reasoning_gym.factory", "generator")
    from_extra("gym", "reasoning_gym", "generator")  # registers all
    if name not in factory.DATASETS:
        raise complain(
            "generator", repr(name), f"one of reasoning-gym's {len(factory.DATASETS)}, such as chain_sum"
        )
    kind, config = factory.DATASETS[name]
    try:
        made = config(**settings)
        if hasattr(made, "validate"):
            made.validate()
    except (TypeError, AssertionError) as error:  # of its dataclass, and of its own checks
        raise complain(
            "settings", f"{error} from {name}", f"those of reasoning-gym's {config.__name__}"
        ) from error
    return kind(config=made)
