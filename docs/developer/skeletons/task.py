"""A task to copy: two digits whose sum is asked for. Goes to thermodiff/exploration/tasks/NAME.py, or stays with you.

``reward`` looks at one prompt and one response with jax.numpy; ``forms`` lists the responses, so that the chance of a
correct one is a sum and no estimate. Leave it out where there are too many. ``check_task`` says what is wrong.
"""

from __future__ import annotations

from itertools import product

import jax.numpy as jnp
import numpy as np

from thermodiff.array_types import Scalar
from thermodiff.exploration.tasks.task import Forms, Prompt, Response, check_prompts


class DigitSum:
    """12 -> 5 + 7: three words and ``end``, correct where the digits have the sum."""

    vocabulary = (*(str(number) for number in range(19)), "+", "end")
    plus, end = 19, 20
    prompt_length, response_length = 1, 4
    prompts = np.arange(19, dtype=np.int32)[:, None]

    def reward(self, prompt: Prompt, response: Response) -> Scalar:
        """1 where the response is digit + digit end, and their sum is the prompt."""
        a, plus, b, end = response
        form = (a < 10) & (plus == self.plus) & (b < 10) & (end == self.end)
        return jnp.asarray(form & (a + b == prompt[0]), float)

    def forms(self, prompts: np.ndarray) -> Forms:
        """All hundred sums of two digits, for every prompt."""
        prompts = check_prompts(self, prompts)
        sums = np.array(
            [(a, self.plus, b, self.end) for a, b in product(range(10), repeat=2)], dtype=np.int32
        )
        correct = sums[:, 0] + sums[:, 2] == prompts
        return Forms(np.broadcast_to(sums, (len(prompts), *sums.shape)), correct, np.ones_like(correct))
