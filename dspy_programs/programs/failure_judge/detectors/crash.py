"""CRASH: an exception ended the run."""

from dspy_programs.programs.failure_judge.finding import Finding, found
from dspy_programs.programs.failure_judge.phrases import EXCEPTION_LINE, LIMIT, MARKED_ERROR
from dspy_programs.programs.failure_judge.trace_view import LONGEST, View

_ANSWERED = 0.6  # an exception after a recorded answer, perhaps while cleaning up, need not have cost anything


def detect_crash(view: View) -> Finding | None:
    """An exception on record as the end of the run, or as the agent's last words. A limit is no exception."""
    if view.error and not LIMIT.search(view.error[:LONGEST]):
        return found("CRASH", view.last_number, _ANSWERED if view.is_answered else 0.95, view.error)
    words = view.last_words[:LONGEST]
    if not (MARKED_ERROR.match(words) or EXCEPTION_LINE.match(words)) or LIMIT.search(words):
        return None
    return found("CRASH", view.last_number, 0.9, words)
