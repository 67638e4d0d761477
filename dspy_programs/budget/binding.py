"""Binding sentences: what a prompt demands, forbids, allows, limits, fixes or refuses, in any language.

Found by structure first (an imperative, an item under a heading of rules, a template, a table of rules, code), by the words
of obligation.py second. What is neither clearly a description nor clearly a demand is a demand: only a sentence that
describes (who the model is, whose shop it is, a greeting) is free to go.

Input      sections: list[Section].
Output     binding_sentences: list[Binding], in the prompt's order. Which of them a smaller prompt has lost: lost.py.
Guarantees no model, no randomness; linear in the text.
"""

import functools
import itertools
import re
from collections.abc import Sequence, Set
from typing import Literal, NamedTuple

from dspy_programs.budget.examples import EXAMPLE_HEADING, PLACEHOLDER, statement_runs
from dspy_programs.budget.obligation import (
    ANSWER,
    BACKGROUND,
    CHINESE_SUBJECT,
    CLOSING,
    CONDITION,
    COURTEOUS,
    COURTESY,
    DUTY,
    FORMAT,
    FROM_A_PLACE,
    LIMIT,
    NORM,
    OBLIGATION,
    OURS,
    PAST,
    PERMISSION,
    PERSONA,
    POINTED_AT,
    POINTING,
    PROHIBITION,
    REFUSAL,
    RELATIVE,
    RULE_HEADING,
    SCOPE,
    SUBJECT,
    VERB,
)
from dspy_programs.budget.statements import Statement, statements
from dspy_programs.text import CJK_RUN, words
from dspy_programs.types import Section

Verdict = tuple["Kind | None", str]
"""The kind of demand and why it counts as one; None for what is free to go."""
Kind = Literal["prohibition", "permission", "condition", "step", "format", "refusal", "fact-with-number", "placeholder"]

_BLANK = re.compile(
    r"\[[A-Z][\w'’]*(?:,? [\w'’.-]+){0,5}\](?!\()|<<[^<>\n]{1,40}>>|_{4,}"
)  # to be filled in by the model: [Your Name]
_SLOT = re.compile(
    r"(?:the |user[’']?s? )?(?:input|question|query|text|context|document|eingabe|entrée|entrada|输入|入力)s?\s*[:：]\s*$",
    re.IGNORECASE,
)
_QUOTED = re.compile(
    r"[\"“„«「『](?=\S)[^\"“”«»「」『』\n]{1,200}[\"”“»」』]|`[^`\n]{1,200}`|(?<!\w)[‘'](?=\S)[^'’\n]{2,100}['’](?!\w)"
)
_NUMBER = re.compile(r"\d|[一二三四五六七八九十百](?=[天日个個句条條年月次位张張人]|つ|文|行)")
_SPELLED = frozenset(
    "two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty hundred thousand once twice half "
    "double single zwei drei vier fünf sechs sieben acht neun zehn deux trois quatre cinq sept huit neuf dix dos tres cuatro "
    "cinco seis siete ocho nueve diez due tre quattro cinque sei sette otto nove dieci dois duas três quatro oito dez "
    "twee vier vijf zes zeven acht negen tien два две три четыре пять шесть семь восемь девять десять".split()
)
_NAMED_STORY = re.compile(
    rf"[A-Z][\w’'-]+(?: (?:and|of|und|et|y|e) [A-Z][\w’'-]+)?(?: (?:also|first|once))? (?=(?:{PAST.pattern}))"
)
_LONGEST_COURTESY = 80  # characters
_TITLE = 4  # words; a longer heading may be a demand itself
_MAY = re.compile(r"\b(?:can|may|only|must)\b", re.IGNORECASE)
_CLAUSES = re.compile(r";\s+|\s[–—]\s|,\s+(?:so|thus|hence|therefore|but|yet)\s+")
_ASKS = re.compile(r"\W*(?:what|how|when|things|was|wie|wann|ce qu|quand|qué|cómo|cosa|quando)\b|.*[:：?？]$", re.IGNORECASE)
_POLAR = re.compile(r"don[’']?ts?\b", re.IGNORECASE)


class Binding(NamedTuple):
    """A sentence that binds.

    section: the name of its section. start, end: its span in the section's content. number: its index among the section's
    statements, from 0. text: the sentence; lead_in: the lines that introduce it ("Never:"), "" for none; heading: the
    headings above it, one per line. why: the reason that it counts.
    """

    section: str
    number: int
    start: int
    end: int
    text: str
    lead_in: str
    kind: Kind
    why: str
    heading: str = ""


def binding_sentences(sections: Sequence[Section]) -> list[Binding]:
    """Return every sentence that binds.

    Args:
        sections: The parts of the prompt.

    Returns:
        The sentences in order, each with its kind and why it binds.
    """
    return [one for section in sections for one in _bound(section.content, section.type == "few_shot", section.name)]


@functools.lru_cache(maxsize=2_000)
def _bound(content: str, examples: bool, name: str) -> tuple[Binding, ...]:
    said = statements(content)
    shown = set(itertools.chain.from_iterable(statement_runs(said, content, examples)))
    verdicts = [_shown(one) if at in shown else _verdict(one) for at, one in enumerate(said)]
    _let_neighbours_bind(said, shown, content, verdicts)
    return tuple(
        Binding(name, number, one.start, one.end, one.text, lead_in_of(one), kind, why, one.heading)
        for number, (one, (kind, why)) in enumerate(zip(said, verdicts, strict=True))
        if kind
    )


def _let_neighbours_bind(said: Sequence[Statement], shown: Set[int], content: str, verdicts: list[Verdict]) -> None:
    """Let a description bind that stands among demands, goes on about the one before, or is what the one behind speaks of."""
    joins = [
        one.form == other.form == "sentence" and "\n\n" not in content[one.start : one.end] and not {at, at + 1} & shown
        for at, (one, other) in enumerate(itertools.pairwise(said))
    ]
    for at, one in enumerate(said):
        if verdicts[at][0] or is_persona(one.text) or is_courtesy(one.text):
            continue
        before = at > 0 and joins[at - 1] and bool(verdicts[at - 1][0])
        behind = at < len(joins) and joins[at] and bool(verdicts[at + 1][0])
        if before and POINTING.match(one.text):
            verdicts[at] = ("condition", "goes on about the sentence before")
        elif behind and (POINTING.match(said[at + 1].text) or POINTED_AT.search(said[at + 1].text)):
            verdicts[at] = ("condition", "the next sentence speaks of it")
        elif before and behind and not OURS.match(one.text):
            verdicts[at] = ("condition", "stands among demands")


def lead_in_of(one: Statement) -> str:
    """Return the lines that a statement hangs on, with the headings that turn it around, as "Don'ts" or "If in doubt"."""
    turning = [
        title
        for title in one.heading.split("\n")
        if any(sign.search(title) for sign in (PROHIBITION, LIMIT, CONDITION, _POLAR))
    ]
    return " ".join(part for part in (*turning, one.lead_in) if part)


def _shown(one: Statement) -> Verdict:
    return ("placeholder", "a placeholder") if PLACEHOLDER.search(one.text) else (None, "")


@functools.lru_cache(maxsize=20_000)
def _verdict(one: Statement) -> Verdict:
    """Return the kind of demand and why it counts as one; None for a description."""
    text = one.text.strip("*_ ")
    if one.form == "rule" or not text.strip(" .…-–—•*_|"):
        return None, ""
    if not re.search(r"\w", text):
        return "format", "signs, as of code"
    if PLACEHOLDER.search(text) or _BLANK.search(text) or _SLOT.fullmatch(text):
        return "placeholder", "a placeholder"
    if one.form == "heading":
        return _heading(one, text)
    if one.form == "code":
        is_example = EXAMPLE_HEADING.search(one.heading) and not FORMAT.search(one.heading)
        return (None, "") if is_example else ("format", "code, a quoted block or a template")
    if is_persona(text) or is_courtesy(text):
        return None, ""
    above = _by_words(one.lead_in)
    if above and above[0] in ("refusal", "prohibition"):
        return above
    own = _by_words(text)
    if found := above if own is None or (own[0] == "condition" and is_story(text)) else own:
        return found
    if is_listed(one):
        return "step", "stands under a heading or line of rules"
    if _NUMBER.search(text) or not _SPELLED.isdisjoint(words(text)):
        return "fact-with-number", "a number"
    if _QUOTED.search(text):
        return "format", "a quotation"
    if is_description(text) and (not is_under_a_title(one) or OURS.match(text) or is_story(text)):
        return None, ""
    return "step", "an order, or not clearly a description"


def _heading(one: Statement, text: str) -> Verdict:
    """Return the verdict of a heading: a title says nothing; "Never answer in French" and a title of the output do."""
    if one.lead_in or FORMAT.search(one.heading) or (text.endswith((":", "：")) and RULE_HEADING.search(one.heading)):
        return "format", "a title that the output has"
    if forbids(text):
        return "prohibition", "a title that forbids"
    is_title = len(text.split()) <= _TITLE and not re.search(r"[.!。！]$", text) and len(text) < 60
    return (None, "") if is_title else _by_words(text) or (None, "")


def forbids(title: str) -> bool:
    """Return whether a title says what is forbidden: "No refunds", "refund: never"; not "Don'ts", nor "What not to do"."""
    found = PROHIBITION.search(title)
    return bool(found) and len(words(title)) > 1 and not _POLAR.search(title) and not _ASKS.match(title)


def _by_words(text: str) -> tuple[Kind, str] | None:
    table: tuple[tuple[Kind, re.Pattern[str]], ...] = (
        ("refusal", REFUSAL),
        ("prohibition", PROHIBITION),
        ("prohibition", LIMIT),
        ("condition", CONDITION),
        ("step", OBLIGATION),
        ("permission", PERMISSION),
        ("format", FORMAT),
        ("step", SCOPE),
    )
    for kind, pattern in table:
        if found := pattern.search(text):
            return kind, f"says {found.group()!r}"
    return ("format", "says what the answer is like") if ANSWER.match(text) else None


def is_listed(one: Statement) -> bool:
    """Return whether a statement stands under a heading or lead-in of rules; the nearest that says what is under it decides."""
    if RULE_HEADING.search(one.lead_in):
        return True
    for title in reversed(one.heading.split("\n")):
        if RULE_HEADING.search(title):
            return one.form in ("item", "row") or not is_story(one.text)
        if BACKGROUND.search(title):
            return False
    return False


def is_under_a_title(one: Statement) -> bool:
    """Return whether a statement stands under a heading that does not announce background: what it states may matter."""
    return bool(one.heading) and not any(BACKGROUND.search(title) for title in one.heading.split("\n"))


def is_persona(text: str) -> bool:
    """Return whether a sentence only says who the model is: "You are an expert with 20 years of practice"."""
    if not (opening := PERSONA.match(text)):
        return bool(re.match(r"あなたは.{1,60}です。?$|(?:你|您)是[^，。；]{1,40}[。.]?$|당신은 .{1,60}입니다[.。]?$", text))
    rest = text[opening.end() :]
    return not any(pattern.search(rest) for pattern in (REFUSAL, PROHIBITION, OBLIGATION, DUTY, _MAY))


def is_courtesy(text: str) -> bool:
    """Return whether a sentence is a greeting or thanks, short and without a demand."""
    if not (opening := COURTESY.match(text)) or len(text) >= _LONGEST_COURTESY or _by_words(text) or _NUMBER.search(text):
        return False
    rest = text[opening.end() :].lstrip(" ,.!，。！")
    return bool(COURTEOUS.match(text, opening.end())) or is_persona(rest) or is_description(rest)


def is_story(text: str) -> bool:
    """Return whether a sentence narrates: its main clause has a subject and a past tense, as no rule has."""
    if place := FROM_A_PLACE.match(text):
        text = text[place.end() :].lstrip()
    return bool(_NAMED_STORY.match(text) or (SUBJECT.match(text) and PAST.search(RELATIVE.split(text)[0])))


def is_description(text: str) -> bool:
    """Return whether a sentence clearly states and does not ask: a subject first, then a verb that describes."""
    if text.rstrip().endswith((":", "：", "?", "？")):
        return False
    if CJK_RUN.search(text):
        return bool(CHINESE_SUBJECT.match(text) or CLOSING.match(text))
    if is_story(text):
        return True
    if place := FROM_A_PLACE.match(text):
        text = text[place.end() :].lstrip()
    if NORM.match(text):
        return False
    first, *others = _CLAUSES.split(text)
    if others:
        return all(map(is_description, (first, *others)))
    opening = SUBJECT.match(text)
    return bool(opening and VERB.search(RELATIVE.split(text[opening.end() :])[0]))


def placeholders(text: str) -> frozenset[str]:
    """Return the placeholders that are filled in before the prompt is sent: {input}, {{ name }}, ${name}, <<name>>."""
    return frozenset(found.group() for found in PLACEHOLDER.finditer(text))


def exact(text: str) -> frozenset[str]:
    """Return what must match letter by letter: quotations, code and placeholders."""
    blanks = {blank.group() for blank in _BLANK.finditer(text)}
    return placeholders(text) | blanks | {quote.group() for quote in _QUOTED.finditer(text)}
