"""Countdown judged from its words, by regular expressions and Python's arithmetic: no code of the package."""

import re
from collections import Counter
from itertools import permutations, product

NUMBER, SIGN = r"\d+", r"[-+x]"
LINE = re.compile(rf"({NUMBER}) ({SIGN}) ({NUMBER}) = ({NUMBER})")
STRICT = re.compile(rf"({LINE.pattern}) ; ({LINE.pattern}) end")
PAIR = rf"\( {NUMBER} {SIGN} {NUMBER} \)"
ANSWER = re.compile(rf"(?:{PAIR} {SIGN} {NUMBER}|{NUMBER} {SIGN} {PAIR})")


def value(expression):
    return eval(expression.replace("x", "*"), {"__builtins__": {}})  # of a matched expression


def holds(line):
    left, right = line.split(" = ")
    return value(left) == int(right)


def strict_is_correct(prompt, words):
    """``prompt`` is four integers, ``words`` the whole response, every token of it."""
    found = STRICT.fullmatch(" ".join(words))
    if not found:
        return False
    first, second = found[1], found[6]
    numbers, (a, b, c), (e, f, t) = (
        Counter(prompt[:3]),
        *(map(int, re.findall(NUMBER, s)) for s in (first, second)),
    )
    if not (holds(first) and holds(second) and t == prompt[3] and Counter([a, b]) <= numbers):
        return False
    return Counter([e, f]) == Counter([c]) + (numbers - Counter([a, b]))


def strict_forms(numbers):
    """Every text of valid arithmetic -> what it comes to."""
    found = {}
    for (a, b, third), first, second, swap in product(permutations(numbers), "+-x", "+-x", (0, 1)):
        c = value(f"{a} {first} {b}")
        e, f = (third, c) if swap else (c, third)
        t = value(f"{e} {second} {f}") if c >= 0 else -1
        if 0 <= c <= 99 and 0 <= t <= 99:
            found[f"{a} {first} {b} = {c} ; {e} {second} {f} = {t}"] = t
    return found


def free_defect(prompt, words):
    if "end" not in words:
        return "truncated"
    *before, last = " ".join(words[: words.index("end")]).split("answer")
    expression = last.split(";")[0].strip()
    if not before or not ANSWER.fullmatch(expression):
        return "malformed"
    if sorted(map(int, re.findall(NUMBER, expression))) != sorted(prompt[:3]):
        return "wrong operands"
    if value(expression) == prompt[3]:
        return "correct"
    lines = [segment.strip() for segment in "answer".join(before).split(";")[:-1]]  # the last is not closed
    return "false work" if any(LINE.fullmatch(s) and not holds(s) for s in lines) else "wrong value"


def free_work(words):
    """Lines, false ones among them, broken segments."""
    inside = words[: words.index("end")] if "end" in words else words
    text = " ".join(inside)
    segments = [segment.strip() for segment in text.split(";")]
    if inside and inside[-1] == ";":
        segments.pop()
    cut = inside and "end" not in words and inside[-1] != ";"
    lines = [s for n, s in enumerate(segments) if LINE.fullmatch(s) and not (cut and n == len(segments) - 1)]
    answers = [s for s in segments if s.split()[:1] == ["answer"]]
    total = len(segments) if inside else 0
    return len(lines), sum(not holds(line) for line in lines), total - len(lines) - len(answers)


def free_answers(numbers):
    """Every answer -> what it comes to."""
    found = {}
    for (a, b, c), first, second in product(permutations(numbers), "+-x", "+-x"):
        for text in (f"( {a} {first} {b} ) {second} {c}", f"{a} {first} ( {b} {second} {c} )"):
            found[text] = value(text)
    return found
