"""Checks without a model: is a response too short, a refusal, repetitive, an echo, off topic, in the wrong form?

Each check takes the request and the response and returns a share in [0, 1], 1 if nothing is wrong. They see form and overlap,
never truth. The judge's rules multiply them: one fault is enough.
"""

import json
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import NamedTuple

from dspy_programs.text import REQUESTS, ngrams, stem, words
from dspy_programs.types import Rubric

LONGEST = 20_000  # characters that are read, from the start of the text
_ENOUGH = 100  # distinct words; more say nothing about quality

_REFUSAL = re.compile(
    r"\W*(?:nan|none|null|n/a|no ?input|i(?:'m| am) sorry|sorry|as an ai|i (?:can(?:no|')t|am (?:not able|unable)))\b",
    re.IGNORECASE,
)
_LIST_ITEM = re.compile(r"^[ \t]*(?:[-*•]|\d+[.)])[ \t]+\S", re.MULTILINE)
CODE = re.compile(
    r"```|[;{}][ \t]*$|^[ \t]*(?:def|class|import|from|return|select|const|let|<\w+)\b|\w\([^()\n]{0,200}\)",
    re.MULTILINE | re.IGNORECASE,
)
_WITHOUT_SPACES = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]")  # Thai, Lao, Japanese, Chinese
_WANTS_JSON = re.compile(r"\bjson\b", re.IGNORECASE)
_WANTS_CODE = re.compile(r"\b(?:code|function|program|script|sql|regex|html|python)\b", re.IGNORECASE)
_WANTS_LIST = re.compile(r"\b(?:list|steps|several|ideas|items|examples|names|queries|questions)\b", re.IGNORECASE)
_WANTS_LANGUAGE = re.compile(r"translat|language", re.IGNORECASE)
_TO_THE_JUDGE = re.compile(
    r"\b(?:ignore|disregard|forget|override)\b.{0,40}\b(?:instructions?|rubric|criteria|prompt)\b"
    r"|\b(10|5|100)(?: ?/ ?| out of )\1\b|\bpassed\W{1,4}true\b|\b(?:judge|grader|evaluator)s?\b",
    re.IGNORECASE,
)
_WITHOUT_FORM = 0.3  # what is left for a good answer in the wrong form
_COPIED = 0.4  # and for one that is all in the request: it may have been a choice
_OFF_THE_POINT = 0.3  # and for one without a word of the request
_COMMON = frozenset(
    "a an the of to in on at for with by from and or but is are was were be been it its this that these those you your "
    "i me my we our they them their he she his her as not no do does did can could will would should have has had what "
    "which who how when where why some any all".split()
)
_COMMON_STEMS = frozenset(map(stem, _COMMON | REQUESTS))

_Check = Callable[[str, str], float]  # (what was asked, response) -> share


def enough(asked: str, response: str) -> float:
    """Count distinct words on a scale that flattens out: a few more matter where there are few."""
    return min(1.0, math.log1p(len(set(_units(response)))) / math.log1p(_ENOUGH))


def fresh(asked: str, response: str) -> float:
    """Measure what is not repeated inside the response: runs of three words, and lines but for their numbers."""
    found = _units(response)
    lines = [" ".join(words(line.lstrip("0123456789.)-*• \t"))) for line in response.splitlines() if line.strip()]
    return min(_distinct_share(list(zip(found, found[1:], found[2:], strict=False))), _distinct_share(lines))


def own(asked: str, response: str) -> float:
    """Measure what is not copied from the request: runs of four words that are not in it."""
    said = ngrams(response, 4)
    copied = len(said & ngrams(asked, 4)) / len(said) if said else 1.0
    return 1 - (1 - _COPIED) * copied


def to_the_point(asked: str, response: str) -> float:
    """Measure how many of the request's telling words come back, in any form ("bakes" for "bake"); three are enough."""
    wanted = frozenset(_stems(asked)) - _COMMON_STEMS
    share = min(1.0, len(wanted & frozenset(_stems(response))) / min(3, len(wanted))) if wanted else 1.0
    return _OFF_THE_POINT + (1 - _OFF_THE_POINT) * share


def in_form(asked: str, response: str) -> float:
    """Detect a requested form that is missing: JSON, code, a list."""
    if _WANTS_JSON.search(asked):
        return 1.0 if _is_json(response) else _WITHOUT_FORM
    if _WANTS_CODE.search(asked):
        return 1.0 if CODE.search(response) else _WITHOUT_FORM
    if _WANTS_LIST.search(asked):
        listed = _LIST_ITEM.search(response) or response.count("\n") >= 2 or response.count(",") >= 2
        return 1.0 if listed else _WITHOUT_FORM
    return 1.0


def in_script(asked: str, response: str) -> float:
    """Measure the letters in the scripts of the request; a request about languages may have any."""
    here, there = _scripts(response), _scripts(asked)
    if _WANTS_LANGUAGE.search(asked) or not here or not there:
        return 1.0
    return sum(count for script, count in here.items() if script in there) / here.total()


def honest(asked: str, response: str) -> float:
    """Detect a text that addresses its judge; a request may be about that."""
    return float(not _TO_THE_JUDGE.search(response) or bool(_TO_THE_JUDGE.search(asked)))


class _Sign(NamedTuple):
    """A check, and what to say about a response that fails it."""

    check: _Check
    fault: str


_SIGNS: Mapping[str, tuple[_Sign, ...]] = {
    "correctness": (
        _Sign(honest, "tells the judge what to answer"),
        _Sign(own, "copies the request"),
        _Sign(to_the_point, "is not about what was asked"),
        _Sign(in_form, "is not in the form that was asked for"),
        _Sign(in_script, "is in another script than the request"),
    ),
    "helpfulness": (_Sign(enough, "says little"),),
    "clarity": (_Sign(fresh, "repeats itself"),),
}
EVERY_SIGN = tuple(sign for signs in _SIGNS.values() for sign in signs)
BAD = 0.5  # a check below this is a fault worth naming


def scores_by_checks(asked: str, response: str, rubric: Rubric) -> dict[str, float]:
    """Return every criterion's share: the product of its checks, or of all checks if the criterion is unknown."""
    asked, response = asked[:LONGEST], response[:LONGEST]
    if not _says_something(response):
        return {criterion.name: 0.0 for criterion in rubric.criteria}
    values = {sign: sign.check(asked, response) for sign in EVERY_SIGN}
    scores = {}
    for criterion in rubric.criteria:
        signs = _SIGNS.get(criterion.name, EVERY_SIGN)
        scores[criterion.name] = math.prod(values[sign] for sign in signs)
    return scores


def worst_fault(asked: str, response: str) -> str:
    """Return the worst fault; "" if there is none."""
    asked, response = asked[:LONGEST], response[:LONGEST]
    if not _says_something(response):
        return "does not answer"
    value, fault = min((sign.check(asked, response), sign.fault) for sign in EVERY_SIGN)
    return fault if value < BAD else ""


def _says_something(response: str) -> bool:
    return bool(_units(response)) and not _REFUSAL.match(response)


def _units(text: str) -> list[str]:
    """Return the words; in scripts without spaces, the characters."""
    return [unit for word in words(text) for unit in (word if _WITHOUT_SPACES.search(word) else [word])]


def _stems(text: str) -> list[str]:
    return [stem(unit) for unit in _units(text)]


def _distinct_share(items: Sequence[Hashable]) -> float:
    return len(set(items)) / len(items) if items else 1.0


def _is_json(text: str) -> bool:
    try:
        json.loads(text.strip().removeprefix("```json").removesuffix("```"))
    except (ValueError, RecursionError):
        return False
    return True


def _scripts(text: str) -> Counter[str]:
    return Counter(unicodedata.name(character, "?").split()[0] for character in text if character.isalpha())
