"""TIMEOUT_CASCADE: a slow call, and a hurried answer after it."""

from dspy_programs.programs.failure_judge.finding import Finding, found, strongest
from dspy_programs.programs.failure_judge.trace_view import LONGEST, Call, View

SLOW = 5000  # milliseconds


def detect_timeout_cascade(view: View) -> Finding | None:
    """A call slower than 5 s, followed by an agent turn less than half as long as the tool's output."""
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
        if 2 * len(reply) < len(call.output) or (call.fault == "transient" and len(reply) < 60):
            worst = strongest([worst, rushed(view, call, place, reply)])
    return worst


def rushed(view: View, call: Call, place: int, reply: str) -> Finding:
    count = len(reply[:LONGEST].split())
    confidence = 0.7 if count <= 8 else 0.5 if count <= 15 else 0.3
    if view.calls[-1].place > call.place:
        confidence -= 0.3  # the run goes on
    elif count <= 8 and call.latency >= 2 * SLOW:
        confidence += min(0.2, call.latency / 200_000)
    evidence = f"{call.name} took {call.latency:.0f} ms, then: {reply}"
    return found("TIMEOUT_CASCADE", call.number, confidence, evidence, [call.number, view.number(place)])
