"""Examples that teach nothing new: like three earlier ones, with the same labels, and the same short answer or most words.

Input      the units of a prompt (prompts/units.py) and its sections.
Output     extra_examples: the units of the examples that may go. An example with a placeholder is none of them.
"""

import itertools
import math
import re
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from dspy_programs.budget.prompts.literals import placeholders
from dspy_programs.budget.prompts.units import Unit
from dspy_programs.text import content_stems, jaccard, words
from dspy_programs.types import Section

ALIKE_KEPT = 3
_ALIKE = 0.6  # Jaccard index of two examples' words
_MOST_COMPARED = 50  # examples with one word in common
_SHORT_ANSWER = 5  # words; a longer answer is no label


def extra_examples(units: Sequence[Unit], sections: Sequence[Section]) -> Iterator[Unit]:
    """Yield the units of each example that is like three earlier ones."""
    texts = {section.name: section.content for section in sections}
    forms = [(group, _form_of(text)) for group, text in _examples(units, sections, texts) if not placeholders(text)]
    rarity = Counter(stem for _, form in forms for stem in form.stems)
    kept: dict[object, deque[_Form]] = {}
    for group, form in forms:
        ranked = sorted(form.stems, key=lambda stem: (rarity[stem], stem))
        rarest = ranked[: len(ranked) - math.ceil(_ALIKE * len(ranked) - 1e-9) + 1]  # two alike share one of these
        keys = [(form.labels, form.answer), *((form.labels, frozenset({stem})) for stem in rarest)]
        similar = {id(other): other for key in keys for other in kept.get(key, ())}.values()
        if not form.labels:
            continue
        if sum(_are_alike(form, other) for other in similar) >= ALIKE_KEPT:
            yield from group
        else:
            for key in keys:
                kept.setdefault(key, deque(maxlen=_MOST_COMPARED)).append(form)


def _examples(units: Sequence[Unit], sections: Sequence[Section], texts: Mapping[str, str]) -> Iterator[tuple[list[Unit], str]]:
    """Yield each example with its text: a unit, or a whole section of the type; none that goes on without a label."""
    shots = {section.name for section in sections if section.type == "few_shot"}
    for name, found in itertools.groupby(units, key=lambda unit: unit.section):
        own = list(found)
        split = [
            unit
            for unit, following in itertools.zip_longest(own, own[1:])
            if unit.is_example and (following is None or following.is_example or following.is_frame)
        ]
        for group in [[unit] for unit in split] if any(unit.is_example for unit in own) else [own] if name in shots else []:
            yield group, texts[name][group[0].start : group[-1].end]


class _Form(NamedTuple):
    """What two examples that are alike share: the labels, and the answer or most stems."""

    labels: tuple[str, ...]
    answer: str
    stems: frozenset[str]


def _form_of(text: str) -> _Form:
    found = re.findall(r"(?m)^[ \t>*_-]*([^\W\d_][\w ]{0,30}?)[ \t]*+\d{0,3}[ \t]*+[:：]|<([^\W\d][\w-]*)>", text)
    answer = re.split(r"[:：]", re.sub(r"</[^<>]+>", "", text))[-1] if found else ""
    labels = tuple("".join(label).casefold() for label in found)
    return _Form(labels, " ".join(words(answer)), frozenset(content_stems(text)))


def _are_alike(one: _Form, other: _Form) -> bool:
    same_answer = one.answer == other.answer and 0 < len(one.answer.split()) <= _SHORT_ANSWER
    return same_answer or jaccard(one.stems, other.stems) >= _ALIKE
