"""Binding sentences: what a prompt demands, forbids, allows, limits, fixes or refuses, in any language.

Found by structure first (an imperative, an item under a heading of rules, a template, a table of rules, code), by the words
of obligation.py second. Only who the model is and a greeting are free to go. What clearly describes (whose shop it is, what
happened) may be a rule in plain words: it binds as a "statement", the kind that goes first. All else is a demand.

Input      sections: list[Section].
Output     binding_sentences: list[Binding], in the prompt's order. Which of them a smaller prompt has lost: lost.py.
Guarantees no model, no randomness; linear in the text.
"""

import functools
import itertools
import re
from collections.abc import Sequence, Set
from typing import NamedTuple

from dspy_programs.budget.prompts.description import (
    BACKGROUND,
    OURS,
    POINTED_AT,
    POINTING,
    is_courtesy,
    is_description,
    is_identity,
    is_persona,
    is_story,
)
from dspy_programs.budget.prompts.examples import EXAMPLE_HEADING, statement_runs
from dspy_programs.budget.prompts.literals import BLANK, QUOTED, placeholders
from dspy_programs.budget.prompts.obligation import (
    CONDITION,
    FORMAT,
    LIMIT,
    PROHIBITION,
    RULE_HEADING,
    Kind,
    by_words,
    has_number,
)
from dspy_programs.budget.prompts.statements import Statement, statements
from dspy_programs.text import words
from dspy_programs.types import Section

Verdict = tuple[Kind | None, str]
"""The kind of demand and why it counts as one; None for what is free to go."""

_SLOT = re.compile(
    r"(?:the |user[’']?s? )?(?:input|question|query|text|context|document|eingabe|entrée|entrada|输入|入力)s?\s*[:：]\s*$",
    re.IGNORECASE,
)
_TITLE = 4  # words; a longer heading may be a demand itself
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
    """Let a statement be a condition if it stands among demands, goes on about one, or is what the next speaks of."""
    joins = [
        one.form == other.form == "sentence" and "\n\n" not in content[one.start : one.end] and not {at, at + 1} & shown
        for at, (one, other) in enumerate(itertools.pairwise(said))
    ]
    for at, one in enumerate(said):
        if verdicts[at][0] != "statement" or is_persona(one.text):
            continue
        before = at > 0 and joins[at - 1] and verdicts[at - 1][0] not in (None, "statement")
        behind = at < len(joins) and joins[at] and verdicts[at + 1][0] not in (None, "statement")
        if before and POINTING.match(one.text):
            verdicts[at] = ("condition", "goes on about the sentence before")
        elif behind and (POINTING.match(said[at + 1].text) or POINTED_AT.search(said[at + 1].text)):
            verdicts[at] = ("condition", "the next sentence speaks of it")
        elif before and behind and not OURS.match(one.text):
            verdicts[at] = ("condition", "stands among demands")


def lead_in_of(one: Statement) -> str:
    """Return the lines that a statement hangs on, with the headings that turn it around, as "Don'ts" or "If in doubt"."""
    turning = [title for title in one.heading.split("\n") if _turns(title)]
    return " ".join(part for part in (*turning, one.lead_in) if part)


@functools.lru_cache(maxsize=2_000)
def _turns(title: str) -> bool:
    return any(sign.search(title) for sign in (PROHIBITION, LIMIT, CONDITION, _POLAR))


def _shown(one: Statement) -> Verdict:
    return ("placeholder", "a placeholder") if placeholders(one.text) else (None, "")


@functools.lru_cache(maxsize=20_000)
def _verdict(one: Statement) -> Verdict:
    """Return the kind of demand and why it counts as one; None for what is free to go."""
    text = one.text.strip("*_ ")
    if one.form == "rule" or not text.strip(" .…-–—•*_|"):
        return None, ""
    if not re.search(r"\w", text):
        return "format", "signs, as of code"
    if placeholders(text) or BLANK.search(text) or _SLOT.fullmatch(text):
        return "placeholder", "a placeholder"
    if one.form == "heading":
        return _heading(one, text)
    if one.form == "code":
        is_example = EXAMPLE_HEADING.search(one.heading) and not FORMAT.search(one.heading)
        return (None, "") if is_example else ("format", "code, a quoted block or a template")
    if is_identity(text) or is_courtesy(text):
        return None, ""
    if is_persona(text):
        return "statement", "says what the model is like"
    above = _above(one.lead_in)
    if above and above[0] in ("refusal", "prohibition"):
        return above
    own = by_words(text)
    if found := above if own is None or (own[0] == "condition" and is_story(text)) else own:
        return found
    if is_listed(one):
        return "step", "stands under a heading or line of rules"
    if has_number(text):
        return "fact-with-number", "a number"
    if QUOTED.search(text):
        return "format", "a quotation"
    if is_description(text) and (not is_under_a_title(one) or OURS.match(text) or is_story(text)):
        return "statement", "a plain statement"
    return "step", "an order, or not clearly a description"


_above = functools.lru_cache(maxsize=2_000)(by_words)


def _heading(one: Statement, text: str) -> Verdict:
    """Return the verdict of a heading: a title says nothing; "Never answer in French" and a title of the output do."""
    if one.lead_in or FORMAT.search(one.heading) or (text.endswith((":", "：")) and RULE_HEADING.search(one.heading)):
        return "format", "a title that the output has"
    if forbids(text):
        return "prohibition", "a title that forbids"
    is_title = len(text.split()) <= _TITLE and not re.search(r"[.!。！]$", text) and len(text) < 60
    return (None, "") if is_title else by_words(text) or (None, "")


def forbids(title: str) -> bool:
    """Return whether a title says what is forbidden: "No refunds", "refund: never"; not "Don'ts", nor "What not to do"."""
    found = PROHIBITION.search(title)
    return bool(found) and len(words(title)) > 1 and not _POLAR.search(title) and not _ASKS.match(title)


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
