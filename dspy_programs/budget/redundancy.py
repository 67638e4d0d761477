"""Redundancy: what a prompt can lose without a change of meaning, found by rules alone.

Duplicates  a paragraph or list item of one sentence that says, word for word but for articles, endings and filler, what an
            earlier one says: under the same heading and introducing line, or both under none. Not what may mean something
            else at its second place: a step ("run the tests"), a sentence that points elsewhere ("each of these", "give it
            in 15 words"), a part of an output's plan.
Filler      "please note that", "it is important to remember that", "in order to": the phrase goes, the sentence stays.
Examples    of more than three that are alike (same labels, and the same short answer or mostly the same words), the rest.
Whitespace  at line ends, between sentences, and more than one empty line.
Output      Redundant: the units that go and the new texts of others, each with its reason.
Never       touched: code, tables, quotations, examples and what stands under their headings, a sentence with a placeholder.
"""

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from dspy_programs.budget.alike_examples import ALIKE_KEPT, extra_examples
from dspy_programs.budget.prompts.binding import Binding
from dspy_programs.budget.prompts.examples import EXAMPLE_HEADING
from dspy_programs.budget.prompts.literals import placeholders
from dspy_programs.budget.prompts.lost import lost, missing
from dspy_programs.budget.prompts.statements import statements
from dspy_programs.budget.prompts.units import Unit, goes_on, hangs_on, units_of, without
from dspy_programs.text import stem, words
from dspy_programs.types import Section

_FEWEST_WORDS = 4  # of a sentence that may be a duplicate; in CJK, characters
_PLACED = re.compile(  # headings under which a sentence may be meant twice
    r"\b(?:steps?|process|workflow|procedure|sequence|order|sections?|template|user|system|assistant|schritte?|étapes?|pasos?|passi|passos)\b"
    r"|步骤|手順|단계",
    re.IGNORECASE,
)
_POINTS = re.compile(
    r"\b(?:this|that|these|those|it|its|they|them|their|each|here|there|such|above|below|following|next|previous|first|second|last|same"
    r"|dies\w*|sie|es|jede\w*|cela|ces?|cette|chaque|est[aeo]s?|cada|quest[aeio]|ogni)\b|这|這|此|その|この|それ|각",
    re.IGNORECASE,
)
_NO_PROSE = re.compile(r"[{}<>;=$_|\\]|^\W*\w[\w ]{0,30}[:：]")
_NUMBERED = re.compile(r"\s*(?:\(?\w{1,3}[.)]|\d{1,3}[、．：])")
_ARTICLES = frozenset({"a", "an", "the", "please"})
_FILLER_START = re.compile(
    r"(?!.*\b(?:and|or|but|et|y) (?:that|que)\b)"  # what goes on with another "that" needs the first one
    r"(?:(?:and |also,? )?(?:please |kindly )?(?:note|be aware|be advised|keep in mind|bear in mind|remember|be reminded)"
    r"(?: also)? that:?,? "
    r"|it(?:['’]s| is) (?:also |very |really )?(?:important|essential|crucial|critical|vital|necessary|worth|useful|helpful)"
    r"(?: to)? (?:note|noting|remember|remembering|mention|mentioning|keep in mind|bear in mind|be aware|understand"
    r"|point out|emphasi[sz]e|stress|recognize|realize) that,? "
    r"|it (?:should|must) be (?:noted|mentioned|remembered|emphasi[sz]ed|stressed) that,? "
    r"|(?:needless to say|it goes without saying that|as (?:i )?(?:(?:previously|already) )?(?:mentioned|stated|noted|said)"
    r"(?: above| before| earlier| previously)?),? (?!in\b|by\b|on\b)"
    r"|(?:please|kindly),? (?!accept\b|find\b)(?=[a-z]+\b)"  # not a letter's formulas
    r"|veuillez noter que |il est important de (?:noter|rappeler) que "
    r"|(?:tenga|ten|tengan) en cuenta que |cabe (?:señalar|destacar) que "
    r"|请注意[，,：:]|請注意[，,：:])+",
    re.IGNORECASE,
)
_FILLER_INSIDE = (
    (re.compile(r"\bin order to\b(?! (?:be )?(?:form|sequence))"), "to"),
    (re.compile(r"\bIn order to\b"), "To"),
    (re.compile(r"\bdue to the fact that\b"), "because"),
    (re.compile(r"\bin the event that\b"), "if"),
    (re.compile(r"\bIn the event that\b"), "If"),
)
_QUOTES = re.compile(r"[\"“”«»„「」`]|(?<!\w)['‘]|['’](?!\w)")
_MARKED = re.compile(r"\s*(?:[-*+•]\s+|\(?\w{1,3}[.)]\s+)?")


class Change(NamedTuple):
    """One change: a unit that goes (new is None), or its new text. kind: duplicate, filler, example."""

    unit: Unit
    new: str | None
    kind: str
    reason: str

    @property
    def new_text(self) -> str | None:
        """The new text without its list marker."""
        return None if self.new is None else _MARKED.sub("", self.new, count=1)


class Redundant(NamedTuple):
    """The prompt without what is redundant, and each change."""

    sections: list[Section]
    changes: list[Change]
    whitespace: list[str]  # names of the sections whose spaces were tidied


def without_redundancy(sections: Sequence[Section]) -> Redundant:
    """Return the prompt without duplicates, filler, examples beyond the third alike, and needless whitespace.

    A change that would lose a sentence that binds is not made.
    """
    units = units_of(sections)
    texts = {section.name: section.content for section in sections}
    examples = {section.name for section in sections if section.type == "few_shot"}
    told = [
        unit
        for unit in units
        if unit.section not in examples
        and not unit.is_example
        and unit.said.form in ("sentence", "item")
        and not EXAMPLE_HEADING.search(unit.said.heading)
    ]
    alike = f"the {ALIKE_KEPT} examples before it are alike"
    changes = [*_duplicates(told, texts), *(Change(unit, None, "example", alike) for unit in extra_examples(units, sections))]
    gone = {change.unit.number for change in changes}
    changes += [change for unit in told if unit.number not in gone and (change := _without_filler(unit, texts))]
    kept, changes = _nothing_lost(sections, units, changes)
    tidied = [section if section.name in examples else _tidied(section) for section in kept]
    spaced = [new.name for old, new in zip(kept, tidied, strict=True) if old.content != new.content]
    return Redundant(tidied, changes, spaced)


def _nothing_lost(
    sections: Sequence[Section], units: Sequence[Unit], changes: list[Change]
) -> tuple[list[Section], list[Change]]:
    while True:
        gone = {change.unit.number for change in changes if change.new is None}
        new = {change.unit.number: change.new for change in changes if change.new is not None}
        kept = without(sections, units, gone, new)
        missed = {(one.section, one.text) for one in no_longer_said(sections, kept)}
        if not missed:
            return kept, changes
        if missed.isdisjoint((change.unit.section, change.unit.text) for change in changes):
            return list(sections), []  # lost in a way that no single change explains
        changes = [change for change in changes if (change.unit.section, change.unit.text) not in missed]


def no_longer_said(before: Sequence[Section], after: Sequence[Section]) -> list[Binding]:
    """Return the binding sentences of `before` that `after` does not say, not even without their filler."""
    gone = {(one.section, one.number): one for one in lost(before, after)}
    left = missing([one._replace(text=_plain(one.text)) for one in gone.values()], after) if gone else []
    return [gone[one.section, one.number] for one in left]


def added(before: Sequence[Section], after: Sequence[Section]) -> str:
    """Return the name of a section of `after` that says what its original does not, or not in that order; "" if none does."""
    own = {section.name: words(_short(section.content)) for section in before}
    for section in after:
        left = iter(own.get(section.name, []))
        if section.name not in own or not all(word in left for word in words(_short(section.content))):
            return section.name
    return ""


def _short(text: str) -> str:
    for pattern, short in _FILLER_INSIDE:
        text = pattern.sub(short, text)
    return text


def _plain(text: str) -> str:
    """Return a sentence without filler phrases."""
    found = _FILLER_START.match(text)
    return _short(text[found.end() :] if found and text[found.end() :].strip() else text)


def _duplicates(units: Sequence[Unit], texts: Mapping[str, str]) -> Iterator[Change]:
    """Yield each unit that repeats an earlier one in the same scope."""
    seen: dict[tuple[tuple[str, ...], object], Unit] = {}
    for unit, following in itertools.zip_longest(units, units[1:]):
        key = _meaning(unit.text)
        is_part = goes_on(texts[unit.section], unit) or (
            following is not None
            and (
                (following.section == unit.section and goes_on(texts[unit.section], following))
                or hangs_on(following, unit, texts[following.section])
            )
        )
        if is_part or len(words(unit.text)) < _FEWEST_WORDS or not _may_repeat(unit, texts[unit.section]):
            continue
        scopes: list[object] = [(unit.section, unit.frames)]
        if not unit.said.lead_in and not unit.said.heading:
            scopes.append("prompt")
        if first := next((seen[key, scope] for scope in scopes if (key, scope) in seen), None):
            yield Change(unit, None, "duplicate", f"says the same as {first.text[:80]!r} in {first.section}")
            continue
        for scope in scopes:
            seen[key, scope] = unit


def _may_repeat(unit: Unit, content: str) -> bool:
    """Return whether a unit means the same wherever it stands."""
    if unit.is_frame or placeholders(unit.text) or _NUMBERED.match(content[unit.start : unit.end]):
        return False
    return not (_PLACED.search(unit.said.heading) or _POINTS.search(_plain(unit.text)) or _NO_PROSE.search(unit.text))


def _meaning(text: str) -> tuple[str, ...]:
    """Return the words of a sentence in order, without case, endings, articles and filler; signs that carry meaning stay."""
    plain = _plain(re.sub(r"[*_`]+", "", text).strip())
    found = re.findall(r"\w+(?:[-'’]\w+)*|[^\w\s.,;:!?()]", plain.casefold())
    return tuple(stem(word) if word.isascii() else word for word in found if word not in _ARTICLES)


def _without_filler(unit: Unit, texts: Mapping[str, str]) -> Change | None:
    """Return the unit without filler phrases, if it has any outside quotations."""
    if placeholders(unit.text) or _QUOTES.search(unit.text):
        return None
    body = texts[unit.section][unit.start : unit.end].strip("\n").rstrip()
    marked = _MARKED.match(body)
    at = marked.end() if marked else 0
    found = _FILLER_START.match(body, at)
    new, gone = body, []
    if found and body[found.end() :].strip():
        rest = body[found.end() :]
        is_word = re.match(r"[^\W\d_]+(?=[\s,]|$)", rest)  # an identifier keeps its letters
        new, gone = body[:at] + (rest[:1].upper() if is_word else rest[:1]) + rest[1:], [found.group().strip()]
    for pattern, short in _FILLER_INSIDE:
        if inside := pattern.search(new):
            new = pattern.sub(short, new)
            gone.append(inside.group())
    return Change(unit, new.strip(), "filler", f"without {', '.join(map(repr, gone))}") if gone else None


def _tidied(section: Section) -> Section:
    """Return a section without needless spaces; code, tables, aligned columns, indents and hard line breaks stay."""
    pieces: list[str] = []
    for one in statements(section.content):
        text = section.content[one.start : one.end]
        if one.form not in ("code", "row", "rule"):
            text = re.sub(r"(?<=[.!?]) {2,3}(?=\S)", " ", text)
            if pieces and pieces[-1].endswith((".", "!", "?")):
                text = re.sub(r"^ {2,3}(?=\S)", " ", text)
            text = re.sub(r"(?<=\S)[ \t](?=\n)|(?<![ \t])[ \t]++(?=\n[ \t]*+\n)", "", text)
        body = text.rstrip("\n")
        pieces.append(body + "\n" * min(len(text) - len(body), 2))
    content = "".join(pieces)
    return section if content == section.content else section.model_copy(update={"content": content})
