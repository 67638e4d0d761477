"""A trace step by step, each with everything that the run had shown before it."""

from collections.abc import Iterator
from typing import NamedTuple

from dspy_programs.programs.failure_judge.trace_view import Call, View
from dspy_programs.provenance import Sources


class Step(NamedTuple):
    """A turn at `place`, and the call on it, if there is one. `sources`: of what came before, valid until the next step."""

    place: int
    call: Call | None
    sources: Sources


def steps_of(view: View) -> Iterator[Step]:
    """Yield the turns of a trace in order. What a tool took without a fault is known from then on: it exists now."""
    sources = Sources()
    sources.add(view.goal, 0, "user")
    calls = {call.place: call for call in view.calls}
    open_call: Call | None = None
    told = next((place for place, turn in enumerate(view.turns) if turn.role == "user"), None)
    for place, turn in enumerate(view.turns):
        call = calls.get(place)
        yield Step(place, call, sources)
        open_call = call or open_call
        if turn.content and not (turn.role == "user" and turn.content == view.goal):
            is_task = place == 0 and told is None  # of several agents the first turn is the task, whoever writes it down
            sources.add(turn.content, turn.turn_number, "user" if is_task else turn.role)
        if turn.tool_output is not None:
            sources.add(turn.tool_output, turn.turn_number, "tool")
        if turn.role == "tool" and open_call is not None:
            if not open_call.fault:
                sources.add(open_call.given, turn.turn_number, "tool")
            open_call = None
