"""The section scorer without a model: measures by shared words how much of each criterion the sections cover.

Input      sections: list[Section]; rubric: Rubric.
Output     section -> criterion -> share of it that the section covers, in [0, 1]; both in the given order.
Guarantees linear in the text; a section's coverage does not depend on the other sections; an empty text covers nothing. If a
           number or a quotation is missing, a fifth counts; if only one of the two texts forbids something, half.
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from dspy_programs.text import WORD, words
from dspy_programs.types import Criterion, Rubric, Section

_MOST_CHARACTERS = 20_000  # of one section, half from each end; a constraint is short
OTHER_FACTS, OTHER_SIGN = 0.2, 0.5
_FAMILIAR = frozenset(
    "a all also an and any are as at be by can do each for from has have i if in is it its like made make must of on one or "
    "out over own so some such text than that the their them then there these they this to up use used we what when where "
    "which who will with word words write written you your response reply answer entire whole should please ensure sure "
    "include contain occur put give state".split()
)
_NEGATIONS = frozenset(
    "no not never without avoid avoids free omit refrain exclude forbidden banned nothing nor don doesn".split()
)
_NUMBERS = {
    word: str(number)
    for number, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen".split()
    )
} | {"twenty": "20", "thirty": "30", "forty": "40", "fifty": "50", "hundred": "100", "twice": "2", "once": "1"}
_NOT_FORBIDDING = re.compile(r"\bno (more|fewer|less) than\b|\bno other\b")
_STRICT = re.compile(r"\b(more than|less than|fewer than|over|under|above|below|exceeds?)\b")
QUOTED = re.compile(r"[\"“”]([^\"“”]{1,200})[\"“”]|(?<!\w)['‘]([^'‘’]{1,200})['’](?!\w)")
_ENDINGS = ("ations", "ation", "ings", "ing", "ies", "ied", "ers", "er", "ed", "es", "ly", "s", "e", "y")


class _Facts(NamedTuple):
    """What a text says, as far as counting goes."""

    stems: frozenset[str]
    numbers: frozenset[int]
    quotes: frozenset[str]
    strict: bool
    negated: bool
    folded: str


def shares_by_rules(sections: Sequence[Section], rubric: Rubric) -> dict[str, dict[str, float]]:
    """Compare every section with every criterion."""
    asked_for = {criterion.name: facts(asked(criterion)) for criterion in rubric.criteria}
    common = Counter(stem for wanted in asked_for.values() for stem in wanted.stems)
    shares = {}
    for section in sections:
        said = facts(ends(section.content))
        shares[section.name] = {name: covers(wanted, said, common) for name, wanted in asked_for.items()}
    return shares


def asked(criterion: Criterion) -> str:
    return f"{criterion.name.replace('_', ' ')}: {criterion.description}"


def ends(text: str) -> str:
    """Return a long text without its middle."""
    half = _MOST_CHARACTERS // 2
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:half]} {text[-half:]}"


def covers(wanted: _Facts, said: _Facts, common: Counter[str]) -> float:
    """Return the share of the wanted words (rarer ones weigh more) that the section has; less if facts differ."""
    weights = {stem: 1 / common[stem] for stem in wanted.stems}
    if not weights or not said.stems:
        return 0.0
    shared = sum(weight for stem, weight in weights.items() if stem in said.stems) / sum(weights.values())
    if not shared:
        return 0.0
    value = min(1.0, 0.25 + 1.5 * shared)  # wordings differ: half of the words is the most to expect
    value *= OTHER_FACTS if _facts_differ(wanted, said) else 1.0
    return value * (OTHER_SIGN if wanted.negated != said.negated else 1.0)


def _facts_differ(wanted: _Facts, said: _Facts) -> bool:
    """Return whether a wanted number or quotation is missing."""
    steps = (0, 1, -1) if wanted.strict != said.strict else (0,)  # "more than 2" is "at least 3"
    numbers = all(
        any(number + step in said.numbers for step in steps) for number in wanted.numbers - {1}
    )  # "one" is many things
    return not numbers or not all(quote in said.folded for quote in wanted.quotes)


def facts(text: str) -> _Facts:
    folded = text.casefold()
    found = words(folded)
    plain = _NOT_FORBIDDING.sub(" ", folded)
    numbers = frozenset(
        int(n) for n in (_NUMBERS.get(word, word) for word in found) if n.isascii() and n.isdigit() and len(n) < 10
    )
    return _Facts(
        stems=frozenset(
            stem(word) for word in found if word not in _FAMILIAR and word not in _NEGATIONS and word not in _NUMBERS
        ),
        numbers=numbers,
        quotes=frozenset(quote.strip(" .,") for pair in QUOTED.findall(folded) for quote in pair if WORD.search(quote)),
        strict=bool(_STRICT.search(plain)),
        negated=not _NEGATIONS.isdisjoint(words(plain)),
        folded=folded,
    )


def stem(word: str) -> str:
    """Remove one common English ending if the rest is long enough."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word
