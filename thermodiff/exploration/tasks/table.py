"""A task given by its list: problems as words, and to each the responses that are known, right and wrong.

What is right is looked up, so that any problem whose correct responses are few is a task, whatever decides it: a
function, a person, or another package's scorer (``gym``). A response that is not on the list is wrong.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence

import jax.numpy as jnp
import numpy as np

from thermodiff.array_types import Scalar
from thermodiff.exploration.tasks.task import (
    Forms,
    Prompt,
    Response,
    check_prompts,
    complain_of_others,
    response_mask,
)
from thermodiff.validation import complain

PAD, END = "pad", "end"


@dataclasses.dataclass(frozen=True, eq=False)
class TableTask:
    """A task of the listed responses of each problem; made by ``task_of_texts``.

    The reward compares with all correct responses of all problems: its cost grows with their number.
    """

    vocabulary: tuple[str, ...]
    end: int
    prompts: np.ndarray
    """(problems, prompt_length) tokens, rows all different."""
    listed: Forms
    """Responses of every problem, in the order of ``prompts``."""

    @property
    def prompt_length(self) -> int:
        """Tokens of every prompt; shorter ones begin with ``pad``."""
        return self.prompts.shape[1]

    @property
    def response_length(self) -> int:
        """Most tokens of a response, ``end`` included."""
        return self.listed.responses.shape[2]

    def reward(self, prompt: Prompt, response: Response) -> Scalar:
        """1 where the response is one of the problem's correct ones, else 0."""
        problem, form = np.nonzero(self.listed.correct)
        ended = jnp.where(response_mask(response, self.end), response, self.end)
        same_prompt = jnp.all(jnp.asarray(self.prompts)[problem] == prompt, axis=1)
        same_response = jnp.all(jnp.asarray(self.listed.responses[problem, form]) == ended, axis=1)
        return jnp.any(same_prompt & same_response).astype(float)

    def forms(self, prompts: np.ndarray) -> Forms:
        """The listed responses of these prompts. Raises ValueError for prompts that are none of the task's."""
        prompts = check_prompts(self, prompts)
        known = {tuple(prompt): row for row, prompt in enumerate(self.prompts.tolist())}
        complain_of_others(self, prompts, np.array([tuple(prompt) in known for prompt in prompts.tolist()]))
        rows = [known[tuple(prompt)] for prompt in prompts.tolist()]
        return Forms(*(part[rows] for part in self.listed))


def task_of_texts(
    problems: Iterable[tuple[str, Mapping[str, bool]]],
    *,
    split: Callable[[str], Sequence[str]] = str.split,
    response_length: int | None = None,
) -> TableTask:
    """The task of ``(problem, {response: whether it is correct})``; two problems of one text are one.

    ``split`` makes words of a text: those between spaces, or with ``list`` its characters. ``response_length`` is by
    default that of the longest response and its ``end``. Raises ValueError where there is no problem, a problem has no
    correct response, a verdict is none (a score is not) or contradicts another of the same words, a response does not
    fit, is no text, or has a word that the task adds itself.
    """
    table: dict[tuple[str, ...], dict[tuple[str, ...], bool]] = {}
    for pair in problems:
        if not (isinstance(pair, tuple | list) and len(pair) == 2 and isinstance(pair[1], Mapping)):
            raise complain("problems", f"{pair!r:.80}", "pairs (problem, {response: whether it is correct})")
        text, responses = pair
        answers = table.setdefault(_words("problems", text, split), {})
        for response, right in responses.items():
            if right not in (0, 1):
                raise complain("responses", f"{right!r} for {response!r} to {text!r}", "true or false")
            if answers.setdefault(_words("responses", response, split), bool(right)) != bool(right):
                got = f"{response!r} to {text!r} as correct and as wrong"
                raise complain("responses", got, "one verdict on the same words")
    if not table:
        raise complain("problems", "none", "at least one")
    for problem, answers in table.items():
        if not any(answers.values()):
            raise complain(
                "problems", f"{' '.join(problem)!r} without a correct response", "at least one of each"
            )
    longest = max((answer for answers in table.values() for answer in answers), key=len)
    length = len(longest) + 1 if response_length is None else response_length
    if length <= len(longest):
        need = f"at least {len(longest) + 1}: the longest response is {' '.join(longest)!r}, then {END}"
        raise complain("response_length", f"{length}", need)
    words = {word for problem, answers in table.items() for text in (problem, *answers) for word in text}
    vocabulary = (*sorted(words), PAD, END)
    return TableTask(vocabulary, len(words) + 1, *_tokens(table, vocabulary, length))


def _words(name: str, text: str, split: Callable[[str], Sequence[str]]) -> tuple[str, ...]:
    if not isinstance(text, str):
        raise complain(name, f"{text!r}", "texts")
    words = tuple(split(text))
    if not words:
        raise complain(name, f"{text!r}", "at least one word in each")
    added = [word for word in words if word in (PAD, END)]
    if added:
        raise complain(
            name, f"the word {added[0]!r} in {text!r}", "words other than those that the task adds"
        )
    return words


def _tokens(
    table: Mapping[tuple[str, ...], Mapping[tuple[str, ...], bool]], vocabulary: tuple[str, ...], length: int
) -> tuple[np.ndarray, Forms]:
    """Prompts with ``pad`` before them, and their responses with ``end`` after them."""
    token = {word: n for n, word in enumerate(vocabulary)}
    forms = (len(table), max(len(answers) for answers in table.values()))
    prompts = np.full((len(table), max(map(len, table))), token[PAD], dtype=np.int32)
    responses = np.full((*forms, length), token[END], dtype=np.int32)
    correct, real = np.zeros(forms, dtype=bool), np.zeros(forms, dtype=bool)
    for row, (problem, answers) in enumerate(table.items()):
        prompts[row, -len(problem) :] = [token[word] for word in problem]
        for form, (answer, right) in enumerate(answers.items()):
            responses[row, form, : len(answer)] = [token[word] for word in answer]
            correct[row, form], real[row, form] = right, True
    return prompts, Forms(responses, correct, real)
