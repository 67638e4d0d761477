"""Which binding sentences a smaller prompt has lost.

Input      the sections before and after, or bindings and the sections after.
Output     lost, missing: the bindings that are no longer said: in the same words in the same order but for case, articles and
           plurals, with the same lead-in, numbers, signs, quotations and placeholders, and under no heading that the first
           had not.
"""

import functools
import re
from collections.abc import Mapping, Sequence

from dspy_programs.budget.prompts.binding import Binding, binding_sentences, lead_in_of
from dspy_programs.budget.prompts.literals import exact
from dspy_programs.budget.prompts.statements import statements
from dspy_programs.types import Section

_CONTRACTED = re.compile(r"n[’']t\b")
_TOKEN = re.compile(r"\w+|[^\w\s.,;:!?\"“”„*_`。，！？]")
_UNHEARD = frozenset({"a", "an", "the", "please", "kindly"})


def lost(before: Sequence[Section], after: Sequence[Section]) -> list[Binding]:
    """Return each binding sentence of `before` that `after` no longer says."""
    return missing(binding_sentences(before), after)


def missing(bindings: Sequence[Binding], after: Sequence[Section]) -> list[Binding]:
    """Return the bindings that the sections do not say: in the same words, under no heading that theirs had not."""
    said: dict[tuple[str, ...], set[frozenset[str]]] = {}
    for section in after:
        for one in statements(section.content):
            said.setdefault(_heard(_full(lead_in_of(one), one.text)), set()).add(_titles(one.heading))
    return [one for one in bindings if not _is_said(one, said)]


def _is_said(one: Binding, said: Mapping[tuple[str, ...], set[frozenset[str]]]) -> bool:
    above, found = _titles(one.heading), said.get(_heard(_full(one.lead_in, one.text)), set())
    return above in found or any(titles <= above for titles in found)


@functools.lru_cache(maxsize=5_000)
def _titles(heading: str) -> frozenset[str]:
    return frozenset(" ".join(title.casefold().split()) for title in heading.split("\n") if title)


def _full(lead_in: str, text: str) -> str:
    return f"{lead_in} {text}" if lead_in else text


@functools.lru_cache(maxsize=20_000)
def _heard(text: str) -> tuple[str, ...]:
    """Return what two texts share that say the same: words and signs in order, without case, markup, articles and plurals.

    Quotations, code and placeholders count letter by letter.
    """
    exactly = sorted(exact(text))
    text = _CONTRACTED.sub(" not", text.casefold()).replace("can not", "cannot")
    found = [_singular(token) for token in _TOKEN.findall(text) if token not in _UNHEARD]
    return (*found, *exactly)


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
