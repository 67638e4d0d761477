"""Binding sentences: what a prompt demands, forbids, allows, limits, fixes or refuses, in any language.

Found by structure first (an imperative, an item under a heading of rules, a template, a table of rules, code), by the words
of obligation.py second. What is neither clearly a description nor clearly a demand is a demand: only a sentence that
describes (who the model is, whose shop it is, a greeting) is free to go.

Input      sections: list[Section].
Output     binding_sentences: list[Binding], in the prompt's order. lost: those of the first prompt that the second no longer
           says: word for word, or in one sentence with the same words, numbers, negations, quotations and placeholders.
Guarantees no model, no randomness; linear in the text, except that at most MOST_COMPARED sentences are compared by words:
           the others count as said only word for word.
"""

import functools
import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from dspy_programs.budget.obligation import (
    ANSWER,
    CHINESE_SUBJECT,
    CLOSING,
    CONDITION,
    COURTESY,
    DUTY,
    EXAMPLE_HEADING,
    FORMAT,
    OBLIGATION,
    PERMISSION,
    PERSONA,
    PROHIBITION,
    REFUSAL,
    RULE_HEADING,
    SUBJECT,
    VERB,
)
from dspy_programs.budget.statements import Statement, statements
from dspy_programs.text import CJK_RUN, containment, content_stems, words
from dspy_programs.types import Section

Kind = Literal["prohibition", "permission", "condition", "step", "format", "refusal", "fact-with-number", "placeholder"]

MOST_COMPARED = 500
SAME = 0.8  # share of a sentence's words in another, from which that may say the same
_PLACEHOLDER = re.compile(
    r"\{\{?\s*[A-Za-z_][\w. -]{0,60}\}?\}|<<\s*\w+\s*>>|\$\{\w+\}|\[\[\w+\]\]|<[A-Z][A-Z_ ]+>|\[[A-Z][A-Z_ ]+\]|%\w+%"
)
_SLOT = re.compile(
    r"(?:the |user[’']?s? )?(?:input|question|query|text|context|document|eingabe|entrée|entrada|输入|入力)s?\s*[:：]\s*$",
    re.IGNORECASE,
)
_QUOTED = re.compile(
    r"[\"“„«「『](?=\S)[^\"“”«»「」『』\n]{1,200}[\"”“»」』]|`[^`\n]{1,200}`|(?<!\w)[‘'](?=\S)[^'’\n]{2,100}['’](?!\w)"
)
_NUMBER = re.compile(r"\d|[一二三四五六七八九十百](?=[天日个個句条條年月次位张張人]|つ|文|行)")
_SPELLED = frozenset(
    "two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty hundred thousand once twice half double single "
    "zwei drei vier fünf sechs sieben acht neun zehn deux trois quatre cinq sept huit neuf dix dos tres cuatro cinco seis siete ocho "
    "nueve diez due tre quattro cinque sei sette otto nove dieci dois duas três quatro oito dez twee vier vijf zes zeven acht negen tien "
    "два две три четыре пять шесть семь восемь девять десять".split()
)
_LABEL = re.compile(r"[\w /&’'-]{1,40}[:：]\s+")
_EXAMPLE_LINE = re.compile(
    r"(?:example|beispiel|exemple|ejemplo|例|q|a|question|answer|user|assistant|human|input|output|customer|agent)\s*\d*\s*[:：.]",
    re.IGNORECASE,
)
_TITLE = 4  # words; a longer heading may be a demand itself
_POLAR = re.compile(r"don[’']?ts?\b", re.IGNORECASE)


class Binding(NamedTuple):
    """A sentence that binds.

    section: its section's name. start, end: where it stands in the section's content. number: its place among the section's
    statements, from 0. text: the sentence; lead_in: the lines it hangs on ("Never:"), "" for none. why: why it counts.
    """

    section: str
    number: int
    start: int
    end: int
    text: str
    lead_in: str
    kind: Kind
    why: str


def binding_sentences(sections: Sequence[Section]) -> list[Binding]:
    """Return every sentence that binds, in order."""
    return [one for section in sections for one in _bound(section.content, section.type == "few_shot", section.name)]


@functools.lru_cache(maxsize=2_000)
def _bound(content: str, examples: bool, name: str) -> tuple[Binding, ...]:
    found = []
    shown = False  # whether an example has begun, which shows and does not tell
    for number, one in enumerate(statements(content)):
        shown = shown or one.form in ("code", "row") or bool(_EXAMPLE_LINE.match(one.text))
        kind, why = _verdict(one) if not (examples and shown) else _shown(one)
        if kind:
            lead = " ".join(part for part in (*_polar_headings(one), one.lead_in) if part)
            found.append(Binding(name, number, one.start, one.end, one.text, lead, kind, why))
    return tuple(found)


def _polar_headings(one: Statement) -> Iterator[str]:
    """Yield the headings that turn what stands under them around, as "Don'ts"."""
    for title in one.heading.split("\n"):
        if PROHIBITION.search(title) or _POLAR.search(title) or CONDITION.search(title):
            yield title


def _shown(one: Statement) -> tuple[Kind | None, str]:
    return ("placeholder", "a placeholder") if _PLACEHOLDER.search(one.text) else (None, "")


@functools.lru_cache(maxsize=20_000)
def _verdict(one: Statement) -> tuple[Kind | None, str]:
    """Return the kind of demand and why it counts as one; None for a description."""
    text = one.text.strip("*_ ")
    if one.form == "rule" or not re.search(r"\w", text):
        return None, ""
    if _PLACEHOLDER.search(text) or _SLOT.fullmatch(text):
        return "placeholder", "a placeholder"
    if one.form == "heading":
        return _heading(text)
    if one.form == "code":
        return (
            (None, "")
            if EXAMPLE_HEADING.search(one.heading) and not FORMAT.search(one.heading)
            else ("format", "code or a template")
        )
    words_of = text if not one.lead_in else f"{one.lead_in} {text}"
    if is_persona(text) or is_courtesy(text):
        return None, ""
    if found := _by_words(words_of):
        return found
    if is_listed(one):
        return "step", "stands under a heading or line of rules"
    if _NUMBER.search(text) or not _SPELLED.isdisjoint(words(text)):
        return "fact-with-number", "a number"
    if _QUOTED.search(text):
        return "format", "a quotation"
    if is_description(text):
        return None, ""
    return "step", "an order, or not clearly a description"


def _heading(text: str) -> tuple[Kind | None, str]:
    """Return the verdict of a heading: a title says nothing, "Never answer in French" does."""
    is_title = len(text.split()) <= _TITLE and not re.search(r"[.!。！]$", text) and len(text) < 60
    return (None, "") if is_title else _by_words(text) or (None, "")


def _by_words(text: str) -> tuple[Kind, str] | None:
    table: tuple[tuple[Kind, re.Pattern[str]], ...] = (
        ("refusal", REFUSAL),
        ("prohibition", PROHIBITION),
        ("step", OBLIGATION),
        ("permission", PERMISSION),
        ("condition", CONDITION),
        ("format", FORMAT),
    )
    for kind, pattern in table:
        if found := pattern.search(text):
            return kind, f"says {found.group()!r}"
    return ("format", "says what the answer is like") if ANSWER.match(text) else None


def is_listed(one: Statement) -> bool:
    """Return whether a statement stands under a heading or lead-in of rules."""
    above = f"{one.heading.rsplit(chr(10), 1)[-1]}\n{one.lead_in}"
    return bool(RULE_HEADING.search(above)) and (one.form in ("item", "row") or not is_description(one.text))


def is_persona(text: str) -> bool:
    """Return whether a sentence only says who the model is: "You are an expert with 20 years of practice"."""
    if not (opening := PERSONA.match(text)):
        return bool(re.match(r"あなたは.{1,60}です。?$|(?:你|您)是[^，。；]{1,40}[。.]?$|당신은 .{1,60}입니다[.。]?$", text))
    rest = text[opening.end() :]
    orders = (REFUSAL, PROHIBITION, OBLIGATION, PERMISSION, DUTY)
    return not any(pattern.search(rest) for pattern in orders) and not _QUOTED.search(rest)


def is_courtesy(text: str) -> bool:
    """Return whether a sentence is a greeting or thanks, short and without a demand."""
    return bool(COURTESY.match(text)) and len(text) < 80 and not (_by_words(text) or _NUMBER.search(text))


def is_description(text: str) -> bool:
    """Return whether a sentence clearly states and does not ask: a subject first, then a verb that describes."""
    if text.rstrip().endswith((":", "：", "?", "？")):
        return False
    if CJK_RUN.search(text):
        return bool(CHINESE_SUBJECT.match(text) or CLOSING.search(text))
    opening = SUBJECT.match(text)
    if not opening:
        first, _, rest = text.partition(" ")
        return bool(
            re.match(r"[A-Z][\w’'-]+$", first)
            and re.match(r"(?:is|was|are|were|has|have|had|sells|offers|serves|makes|runs|ist|est|es|è|é) ", rest)
        )
    return bool(VERB.search(text[opening.end() :]))


def lost(before: Sequence[Section], after: Sequence[Section]) -> list[Binding]:
    """Return each binding sentence of `before` that `after` no longer says."""
    return missing(binding_sentences(before), after)


def missing(bindings: Sequence[Binding], after: Sequence[Section]) -> list[Binding]:
    """Return the bindings that the sections do not say: word for word, or clearly the same in one sentence."""
    said = {_said(one) for section in after for one in statements(section.content)}
    open_ = [one for one in bindings if _normal(_full(one.lead_in, one.text)) not in said]
    if not open_:
        return []
    compared = [_facts_of(text) for text in sorted(said)[:MOST_COMPARED]]
    return [
        one for one in open_ if not any(_says(found, _facts_of(_normal(_full(one.lead_in, one.text)))) for found in compared)
    ]


def _said(one: Statement) -> str:
    return _normal(_full(" ".join(part for part in (*_polar_headings(one), one.lead_in) if part), one.text))


def _full(lead_in: str, text: str) -> str:
    return f"{lead_in} {text}" if lead_in else text


@functools.lru_cache(maxsize=20_000)
def _normal(text: str) -> str:
    """Return a text without case, markup and the sign that ends it: what a reader hears."""
    return " ".join(re.sub(r"[*_]{1,3}(?=\w)|(?<=[\w.!?])[*_]{1,3}", "", text).split()).rstrip(" .!。！").casefold()


class _Facts(NamedTuple):
    stems: frozenset[str]
    exact: frozenset[str]
    negations: int
    hedges: frozenset[str]


@functools.lru_cache(maxsize=20_000)
def _facts_of(text: str) -> _Facts:
    negations = len(PROHIBITION.findall(text)) + len(REFUSAL.findall(text))
    hedges = frozenset(found.casefold() for pattern in (PERMISSION, CONDITION) for found in pattern.findall(text))
    return _Facts(frozenset(content_stems(text)), exact(text), negations, hedges)


def _says(found: _Facts, wanted: _Facts) -> bool:
    """Return whether one sentence says what another does: its words and facts, as often denied, under the same conditions."""
    if not wanted.stems or found.negations != wanted.negations or not wanted.exact <= found.exact:
        return False
    return found.hedges == wanted.hedges and containment(wanted.stems, found.stems) >= SAME


def exact(text: str) -> frozenset[str]:
    """Return what must match verbatim: numbers, quotations and placeholders."""
    found = {*re.findall(r"\d+(?:[.,:]\d+)*", text), *placeholders(text), *(quote.group() for quote in _QUOTED.finditer(text))}
    return frozenset(found | {word for word in words(text) if word in _SPELLED})


def placeholders(text: str) -> frozenset[str]:
    """Return the placeholders that are filled in before the prompt is sent: {input}, {{ name }}, ${name}, <<name>>."""
    return frozenset(found.group() for found in _PLACEHOLDER.finditer(text))
