"""GOAL_DRIFT: the last answer is about something else than what was asked."""

from dspy_programs.programs.failure_judge.detectors.no_answer import announces
from dspy_programs.programs.failure_judge.finding import Finding, found
from dspy_programs.programs.failure_judge.phrases import (
    CALL_IN_TEXT,
    COURTESY,
    EMPTY_WORDS,
    EXCEPTION_LINE,
    FREE_FORM,
    GIVES_UP,
    LIMIT,
    MARKED_ERROR,
    REFUSAL,
    SENTENCE_END,
    STEM,
)
from dspy_programs.programs.failure_judge.trace_view import LONGEST, View, names_in

_LAST_CALLS = 5  # whose results an answer is compared with


def detect_goal_drift(view: View) -> Finding | None:
    """The last answer shares no word with what was asked, nor with what was looked up for it.

    What is no answer (a notice, an exception, an announcement, a call as text) has not drifted.
    """
    text = view.final[:LONGEST]
    answer, asked = stems(text), stems(view.asked[: 4 * LONGEST])
    if len(answer) < 4 or len(asked) < 3 or not view.said or text.isascii() != view.asked.isascii():
        return None
    shared = answer & asked
    elsewhere = len(shared) < 2 and (view.is_elsewhere or (view.is_foreign and bool(view.calls)))
    if (shared and not elsewhere) or _is_no_answer(text) or len(stems(_without_courtesies(text))) < 4:
        return None  # behind a farewell, what was asked is done
    place, confidence = _start_of_drift(view, asked, answer), _confidence(view, asked, answer, elsewhere)
    return found("GOAL_DRIFT", view.number(place), confidence, text)


def _is_no_answer(text: str) -> bool:
    patterns = (MARKED_ERROR, EXCEPTION_LINE, LIMIT)
    return (
        any(pattern.match(text) for pattern in patterns)
        or announces(text)
        or CALL_IN_TEXT.search(text) is not None
        or GIVES_UP.search(text) is not None
        or REFUSAL.search(text[:300]) is not None
    )


def _start_of_drift(view: View, asked: frozenset[str], answer: frozenset[str]) -> int:
    place = view.said[-1]
    while place > 0 and view.turns[place - 1].role != "user":
        before = stems(turn_text(view, place - 1))
        if before & asked or not before & answer:
            break
        place -= 1
    return place


def _confidence(view: View, asked: frozenset[str], answer: frozenset[str], elsewhere: bool) -> float:
    if FREE_FORM.search(view.goal[:LONGEST]) or _is_looked_up(view, asked):
        return 0.35
    if not view.calls:
        return 0.6 if elsewhere else 0.5  # talk, in other words than the question's
    sources = [call for call in view.calls[-_LAST_CALLS:] if answer & stems(call.output[:LONGEST])]
    if not sources:
        return 0.75
    is_of_it = view.has_a_name_of_goal or any(len(asked & stems(call.key[1][:LONGEST])) > 1 for call in sources)
    return 0.45 if is_of_it else 0.6


def _without_courtesies(text: str) -> str:
    return ". ".join(sentence for sentence in SENTENCE_END.split(text) if not COURTESY.search(sentence))


def _is_looked_up(view: View, asked: frozenset[str]) -> bool:
    """Whether some call was given words of the goal and gave a name that the answer has."""
    named = names_in(view.final)
    return any(
        asked & stems(call.key[1][:LONGEST]) and any(name in call.output[:LONGEST].lower() for name in named)
        for call in view.calls[-20:]
    )


def stems(text: str) -> frozenset[str]:
    """First letters of the words that carry meaning: "forwarded" and "forward" are one."""
    return frozenset([word[:5] for word in set(STEM.findall(text.lower())) - EMPTY_WORDS])


def turn_text(view: View, place: int) -> str:
    turn = view.turns[place]
    return f"{turn.content[:LONGEST]} {turn.tool_name or ''} {str(turn.tool_input)[:LONGEST]} {str(turn.tool_output)[:LONGEST]}"
