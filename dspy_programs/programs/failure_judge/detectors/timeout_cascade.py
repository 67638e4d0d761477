"""TIMEOUT_CASCADE: a slow call, and a hurried answer after it."""

import re

from dspy_programs.programs.failure_judge.finding import Finding, found, strongest
from dspy_programs.programs.failure_judge.phrases import EMPTY_WORDS
from dspy_programs.programs.failure_judge.trace_view import LONGEST, Call, View

SLOW = 5000  # milliseconds
_SAID = re.compile(r"\d[\d.,]*\d|[^\W\d_]{5,}")


def detect_timeout_cascade(view: View) -> Finding | None:
    """A call slower than 5 s, then an agent turn less than half as long as the tool's output, with nothing of it in it."""
    worst: Finding | None = None
    said = iter(view.said)
    place = next(said, None)
    for call in view.calls:
        if call.latency <= SLOW:
            continue
        while place is not None and place <= call.place:
            place = next(said, None)
        if place is None:
            break
        reply = view.turns[place].content
        if uses(reply, call):
            continue
        if 2 * len(reply) < len(call.output) or (call.fault == "transient" and len(reply) < 60):
            worst = strongest([worst, rushed(view, call, place, reply)])
    return worst


def uses(reply: str, call: Call) -> bool:
    """Whether a reply says something that the call gave: a figure, a name, a word that carries meaning."""
    output = call.output[: 4 * LONGEST].lower()
    return any(word in output for word in _SAID.findall(reply[:LONGEST].lower()) if word not in EMPTY_WORDS)


def rushed(view: View, call: Call, place: int, reply: str) -> Finding:
    count = len(reply[:LONGEST].split())
    confidence = 0.7 if count <= 8 else 0.5 if count <= 15 else 0.3
    if view.calls[-1].place > call.place:
        confidence -= 0.3  # the run goes on
    elif count <= 8 and call.latency >= 2 * SLOW:
        confidence += min(0.2, call.latency / 200_000)
    evidence = f"{call.name} took {call.latency:.0f} ms, then: {reply}"
    return found("TIMEOUT_CASCADE", call.number, confidence, evidence, [call.number, view.number(place)])
