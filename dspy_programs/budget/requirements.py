"""Requirements: sentences that must not be dropped silently: rules, numbers, quotations, placeholders.

A scorer that looks for a rubric in a prompt is blind to what the rubric does not name: drop "Never give medical advice" and
no score falls. So requirements the rubric omits are always kept: a sentence that requires something goes only if a criterion
clearly covers it (then the scorer notices) or a remaining section says the same.

Guarantees any script works, though the words that mark a requirement are English; in a text of more than MOST_COMPARED
           sentences the rest are only compared verbatim, so no text takes long.
"""

import functools
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from dspy_programs.programs.section_scorer import shares_by_rules
from dspy_programs.text import containment, content_stems, sentences, words
from dspy_programs.types import Rubric, Section

_PLACEHOLDER = re.compile(r"\{\{?\s*[A-Za-z_][\w.]*\s*\}?\}|<<\s*\w+\s*>>|\$\{\w+\}|\[\[\w+\]\]")
_LISTED = re.compile(r"\s*(?:\d{1,3}[.)]|[-*•])\s+")
_PERSONA = re.compile(r"\s*(?:you are|you['’]re|act as)\b", re.IGNORECASE)  # "an expert with 20 years" requires nothing
NUMBER = re.compile(r"\d")
_QUOTED = re.compile(r"[\"“«](?=\S)[^\"“”«»\n]{1,200}[\"”»]|`[^`\n]{1,200}`|(?<!\w)'(?=\S)[^'\n]{2,100}'(?!\w)")
_BINDING = re.compile(
    r"\b(?:never|must|shall|always|only|exactly|at (?:least|most)|no (?:more|fewer|less) than|do not|don[’']t|not allowed|"
    r"without|avoid|refrain|forbidden|prohibited|required?|mandatory|ensure|make sure|under no circumstances|except|unless|"
    r"entire(?:ly)?|no (?!matter)\w+)\b"
    r"|\b(?:JSON|XML|YAML|CSV|HTML|Markdown|UTF-8|ISO)\b|必须|不得|禁止|只能",
    re.IGNORECASE,
)
_SPELLED = frozenset(
    "two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty hundred once twice".split()
)
_CLEARLY = 0.85  # share of a criterion that a sentence must cover, by the rules, to count as about it
_MOST_COMPARED = 500
SAME = 0.8  # share of a requirement's words in another sentence, from which that says the same


def placeholders(text: str) -> frozenset[str]:
    """Return the placeholders that are filled in before the prompt is sent: {input}, {{ name }}, ${name}, <<name>>."""
    return frozenset(found.group() for found in _PLACEHOLDER.finditer(text))


def demands(section: Section) -> list[str]:
    """Return the sentences that require or fix something; in examples only the placeholders."""
    found = sentences(section.content)
    if section.type == "few_shot":
        return [sentence for sentence in found if _PLACEHOLDER.search(sentence)]
    return [sentence for sentence in found if is_demand(sentence)]


def is_demand(sentence: str) -> bool:
    if sentence.lstrip().startswith("#"):
        return False
    sentence = _LISTED.sub("", sentence)
    if any(pattern.search(sentence) for pattern in (_PLACEHOLDER, _QUOTED, _BINDING)):
        return True
    return not _PERSONA.match(sentence) and (bool(NUMBER.search(sentence)) or not _SPELLED.isdisjoint(words(sentence)))


def unseen(sections: Sequence[Section], rubric: Rubric) -> dict[str, list[str]]:
    """Return, by section, the requirements that no criterion clearly covers."""
    found = {section.name: demands(section) for section in sections}
    texts = dict.fromkeys(text for own in found.values() for text in own)
    each = [Section(name=str(i), content=text) for i, text in enumerate(texts)]
    shares = shares_by_rules(each, rubric)
    seen = {part.content for part in each if max(shares[part.name].values(), default=0.0) >= _CLEARLY}
    return {name: [text for text in own if text not in seen] for name, own in found.items()}


def lost(wanted: Iterable[str], kept: Sequence[str]) -> Iterator[str]:
    """Yield the requirements that no kept text also states with the same numbers, quotations and placeholders."""
    said = dict.fromkeys(sentence for text in kept for sentence in split(text))
    compared = [_facts_of(sentence) for sentence in itertools.islice(said, _MOST_COMPARED)]
    yield from (demand for demand in wanted if demand not in said and not any(says(found, demand) for found in compared))


def says(found: "Said", demand: str) -> bool:
    own = _facts_of(demand)
    return bool(own.stems) and containment(own.stems, found.stems) >= SAME and own.exact <= found.exact


class Said(NamedTuple):
    """A sentence, ready to be compared."""

    stems: frozenset[str]
    exact: frozenset[str]


@functools.lru_cache(maxsize=20_000)
def _facts_of(sentence: str) -> Said:
    return Said(frozenset(content_stems(sentence)), exact(sentence))


@functools.lru_cache(maxsize=1_000)
def split(text: str) -> tuple[str, ...]:
    return tuple(sentences(text))


def exact(text: str) -> frozenset[str]:
    """Return what must match verbatim: numbers, quotations, placeholders, and whether it forbids."""
    found = {*re.findall(r"\d+", text), *(q.group() for q in _QUOTED.finditer(text)), *placeholders(text)}
    found |= {word for word in words(text) if word in _SPELLED}
    return frozenset(found | {word for word in words(text) if word in {"not", "never", "no", "without", "avoid", "don"}})
