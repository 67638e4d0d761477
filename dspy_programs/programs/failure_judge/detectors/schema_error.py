"""SCHEMA_ERROR: arguments or an answer that should be JSON and are not."""

from dspy_programs.programs.failure_judge.finding import Finding, called, found, strongest
from dspy_programs.programs.failure_judge.phrases import (
    CALL_AS_TEXT,
    CALL_IN_TEXT,
    FENCE,
    JSON_ASKED,
    JSON_TEXT,
    PARSER_GAVE_UP,
)
from dspy_programs.programs.failure_judge.trace_view import LONGEST, View
from dspy_programs.text import is_json


def detect_schema_error(view: View) -> Finding | None:
    return strongest([_broken_arguments(view), _broken_answer(view)])


def _broken_arguments(view: View) -> Finding | None:
    """Arguments that start like JSON but are not, or a tool that says so; weaker if a later call of the tool succeeds."""
    well = {call.name: call.place for call in view.calls if not call.fault}
    for call in view.calls:
        is_text = isinstance(call.given, str) and call.given.lstrip()[:1] in ("{", "[")
        broken = is_text and not is_json(call.given)
        if broken or call.fault == "schema":
            mended = well.get(call.name, -1) > call.place
            confidence = (0.9 if broken else 0.8) * (0.4 if mended else 1)
            return found("SCHEMA_ERROR", call.number, confidence, called(call.name, call.given, call.returned))
    return None


def _broken_answer(view: View) -> Finding | None:
    """An agent turn that starts like JSON but is not, or a call that is only written as text."""
    wanted = "json" in view.asked.casefold() and JSON_ASKED.search(view.asked[: 2 * LONGEST]) is not None
    for place in view.said:
        text = view.turns[place].content
        if "{" not in text and "[" not in text:
            continue
        last = place == view.said[-1]
        start = text.lstrip()[:1]
        if JSON_TEXT.match(text[:LONGEST]) or (wanted and last and start in ("{", "[")):
            if not is_json(FENCE.sub("", text)):
                return found("SCHEMA_ERROR", view.number(place), 0.85 if last else 0.6, text)
            if last and CALL_AS_TEXT.match(text[:LONGEST]):
                return found("SCHEMA_ERROR", view.number(place), 0.75, f"a call is written as text and not made: {text}")
    last_text = view.last_words[:LONGEST]
    if (written := CALL_IN_TEXT.search(last_text)) is not None:
        return found(
            "SCHEMA_ERROR",
            view.number(view.said[-1]),
            0.75,
            f"a call is written as text and not made: {last_text[written.start() :]}",
        )
    if PARSER_GAVE_UP.search(view.final[:LONGEST]) and view.said:
        return found("SCHEMA_ERROR", view.number(view.said[-1]), 0.8, view.final)
    if wanted and view.said and "{" not in view.final[:LONGEST]:
        return found("SCHEMA_ERROR", view.number(view.said[-1]), 0.4, view.final)
    return None
