"""NO_ANSWER: the run ended, perhaps at a limit, before it answered."""

import re

from dspy_programs.programs.failure_judge.finding import Finding, found
from dspy_programs.programs.failure_judge.phrases import (
    COURTESY,
    EXCEPTION_LINE,
    LIMIT,
    MARKED_ERROR,
    NEXT_STEP,
    NOTHING_SAID,
)
from dspy_programs.programs.failure_judge.trace_view import LONGEST, View
from dspy_programs.programs.failure_judge.verbs import closes, is_deed

_NAMES_LIMIT = re.compile("limit|reached|exceeded|exhausted|hit|stopp|ran out|more steps")  # one is in all that LIMIT finds
_LONGEST_NOTICE = 300  # characters in which a framework says that it stopped the agent


def detect_no_answer(view: View) -> Finding | None:
    """A limit on record or as the last words; no turns; nothing said; a tool's result or a question at the end."""
    if view.error and LIMIT.search(view.error[:LONGEST]):
        return found("NO_ANSWER", view.last_number, 0.6 if view.is_answered else 0.95, view.error)
    if not view.turns:
        return found("NO_ANSWER", 0, 0.95, "the run has no turns")
    last = view.turns[view.end]
    if view.end < 0:
        return found("NO_ANSWER", view.last_number, 0.9, "nothing was said or done")
    words = view.last_words
    if len(words) <= _LONGEST_NOTICE and _is_limit(words):
        return found("NO_ANSWER", view.last_number, 0.9, words)
    if not words:
        return _ends_with_user(view, last.content) if last.role == "user" else _ends_with_call(view)
    if NOTHING_SAID.fullmatch(words[:60]) and not any(closes(call.name) for call in view.calls[-1:]):
        return found("NO_ANSWER", view.last_number, 0.75, f"the last words are {words!r}")
    if announces(words):
        is_agent = bool(view.calls or view.tools)  # in mere talk, what comes next may be the user's turn
        confidence = 0.7 if words.endswith(":") else 0.6 if is_agent else 0.5
        return found("NO_ANSWER", view.last_number, confidence, words[-_LONGEST_NOTICE:])
    return None


def _is_limit(words: str) -> bool:
    """Whether these words say that a limit was reached: a framework's notice, or an exception for one."""
    if _NAMES_LIMIT.search(words.lower()) is None:
        return False
    return (LIMIT.search if MARKED_ERROR.match(words) or EXCEPTION_LINE.match(words) else LIMIT.match)(words) is not None


def announces(text: str) -> bool:
    """Return whether the last sentence says what comes next, and nothing comes."""
    last = max([text.rfind(mark, 0, -2) for mark in (". ", "! ", "? ", "\n")]) + 1
    return NEXT_STEP.fullmatch(text[last:].strip()[:LONGEST]) is not None


def _ends_with_call(view: View) -> Finding | None:
    """A call that ends a run on purpose (`submit`, `transfer_to_human`) is an answer; one that did the deed is nearly one."""
    if not view.calls:  # the tool has no name
        return None if view.said else found("NO_ANSWER", view.turns[-1].turn_number, 0.7, "the run ends with a tool's result")
    last = view.calls[-1]
    if closes(last.name):
        return None
    after = view.turns[view.end + 1 :]  # nothing, or the word with which a framework ends the run after an answer
    was_ended = bool(view.said) and any(turn.role == "agent" and turn.content.strip() for turn in after)
    confidence = 0.45 if was_ended or (is_deed(last.name) and not last.fault) else 0.7
    return found(
        "NO_ANSWER", view.turns[-1].turn_number, confidence, f"the run ends with {last.name} {last.key[1]} -> {last.output}"
    )


def _ends_with_user(view: View, text: str) -> Finding | None:
    if not view.said and not view.calls:
        return found("NO_ANSWER", view.turns[-1].turn_number, 0.9, f"nobody answered: {text}")
    if "?" not in text[:LONGEST] or COURTESY.search(text[:LONGEST]):
        return None  # a farewell, or a conversation that the user left
    return found("NO_ANSWER", view.turns[-1].turn_number, 0.6, f"the last question has no answer: {text}")
