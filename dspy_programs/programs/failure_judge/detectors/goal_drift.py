"""GOAL_DRIFT: the last answer is about something else than what was asked."""

from dspy_programs.programs.failure_judge.finding import Finding, found
from dspy_programs.programs.failure_judge.phrases import COURTESY, EMPTY_WORDS, FREE_FORM, GIVES_UP, REFUSAL, SENTENCE_END, STEM
from dspy_programs.programs.failure_judge.trace_view import LONGEST, View, names_in


def detect_goal_drift(view: View) -> Finding | None:
    """The last answer shares no word with what was asked, or names only things that the run never touched."""
    text = view.final[:LONGEST]
    answer, asked = stems(text), stems(view.asked[: 4 * LONGEST])
    if len(answer) < 4 or len(asked) < 3 or not view.said:
        return None
    elsewhere = view.is_elsewhere or (view.is_foreign and bool(view.calls))
    if (answer & asked and not elsewhere) or GIVES_UP.search(text) or REFUSAL.search(text[:300]):
        return None
    if len(stems(_without_courtesies(text))) < 4:
        return None  # a farewell: what was asked is behind it
    place = view.said[-1]
    while place > 0 and view.turns[place - 1].role != "user":
        before = stems(turn_text(view, place - 1))
        if before & asked or not before & answer:
            break
        place -= 1
    if FREE_FORM.search(view.goal[:LONGEST]) or _is_looked_up(view, asked):
        confidence = 0.35
    elif elsewhere:
        confidence = 0.75
    elif not view.calls:
        confidence = 0.5  # talk, in other words than the question's
    else:
        confidence = 0.6 if any(answer & stems(c.output[:LONGEST]) for c in view.calls[-5:]) else 0.75
    return found("GOAL_DRIFT", view.number(place), confidence, text)


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
