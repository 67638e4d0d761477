"""A trace step by step, each with everything that the run had shown before it."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from dspy_programs.programs.failure_judge.trace_view import Call, View
from dspy_programs.provenance import Sources
from dspy_programs.types import Turn

_PAGE = 20_000  # characters in which links are counted
_LINKS = 5

Voice = Literal["system", "user", "agent", "tool"]


class Step(NamedTuple):
    """A turn at `place`, who speaks in it, and the call on it, if there is one.

    sources: of what came before; they are valid until the next step. is_answer: an agent's turn that is read by the user,
    or, where there is no user, by the other agents.
    """

    place: int
    voice: Voice
    is_answer: bool
    call: Call | None
    sources: Sources


def steps_of(view: View) -> Iterator[Step]:
    """Yield the turns of a trace in order. What a tool took without a fault is known from then on: it exists now."""
    sources = Sources()
    sources.add(view.goal, 0, "user")
    calls = {call.place: call for call in view.calls}
    has_user = any(turn.role == "user" for turn in view.turns)
    open_call: Call | None = None
    for place, turn in enumerate(view.turns):
        call = calls.get(place)
        voice = turn.role if has_user else _voice_among_agents(place, turn)
        is_answer = voice == "agent" and turn.content != "" and (not has_user or _is_for_the_user(view, place))
        yield Step(place, voice, is_answer, call, sources)
        open_call = call or open_call
        if turn.content and not (voice == "user" and turn.content == view.goal):
            sources.add(turn.content, turn.turn_number, voice)
        if turn.tool_output is not None:
            sources.add(turn.tool_output, turn.turn_number, "tool")
        if turn.role == "tool" and open_call is not None:
            if not open_call.fault:
                sources.add(open_call.given, turn.turn_number, "tool")
            open_call = None


def _voice_among_agents(place: int, turn: Turn) -> Voice:
    """Of several agents without a user, the first turn is the task, and a page full of links is what one of them found."""
    if turn.role != "agent" or not turn.content:
        return turn.role
    links = turn.content.count("http", 0, _PAGE) + turn.content.count("](", 0, _PAGE)
    return "user" if place == 0 else "tool" if links >= _LINKS else "agent"


def _is_for_the_user(view: View, place: int) -> bool:
    return place == view.said[-1] or (place + 1 < len(view.turns) and view.turns[place + 1].role == "user")
