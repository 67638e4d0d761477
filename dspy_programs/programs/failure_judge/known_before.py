"""A trace step by step, each with everything that the run had shown before it."""

import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from dspy_programs.programs.failure_judge.trace_view import Call, View, text_of
from dspy_programs.provenance import Sources
from dspy_programs.types import Turn

_SHORT, _FEW = 30_000, 300  # characters, and texts, in which a value is simply searched
_PAGE = 20_000  # characters in which links are counted
_LINKS = 5

_RUNS_CODE = re.compile(r"python|terminal|exec|interpreter|notebook|repl|run_?code", re.IGNORECASE)

_NOTHING = re.compile(
    r"\b(?:not (?:found|valid|exist)|no [\w ]{1,40}(?:found|match\w*)|"
    r"invalid|error|unknown|does not exist|doesn't exist|failed|denied)\b"
)
_LONGEST_NOTHING = 200  # characters

Voice = Literal["system", "user", "agent", "tool"]


class Step(NamedTuple):
    """A turn at `place`, who speaks in it, and the call on it, if there is one.

    is_answer: an agent's turn that is read by the user, or, where there is no user, by the other agents.
    """

    place: int
    voice: Voice
    is_answer: bool
    call: Call | None


def steps_of(view: View) -> list[Step]:
    """Return the turns of a trace in order."""
    calls = {call.place: call for call in view.calls}
    has_user = any(turn.role == "user" for turn in view.turns)
    steps = []
    for place, turn in enumerate(view.turns):
        voice = turn.role if has_user else _voice_among_agents(place, turn)
        is_answer = voice == "agent" and turn.content != "" and (not has_user or _is_for_the_user(view, place))
        steps.append(Step(place, voice, is_answer, calls.get(place)))
    return steps


def known_before(view: View, steps: Sequence[Step]) -> Iterator[tuple[Step, Sources]]:
    """Yield each step with the sources of what came before; they are valid until the next step.

    What a tool took without a fault is known from then on: it exists now. Not so the literals of a program that was run.
    """
    sources = Sources()
    sources.add(view.goal, 0, "user")
    open_call: Call | None = None
    for step, turn in zip(steps, view.turns, strict=True):
        yield step, sources
        open_call = step.call or open_call
        if turn.content and not (step.voice == "user" and turn.content == view.goal):
            sources.add(turn.content, turn.turn_number, step.voice)
        if turn.tool_output is not None:
            sources.add(turn.tool_output, turn.turn_number, "tool")
        if turn.role == "tool" and open_call is not None:
            if not came_to_nothing(open_call) and not _RUNS_CODE.search(open_call.name[:200]):
                sources.add(open_call.given, turn.turn_number, "tool")
            open_call = None


def came_to_nothing(call: Call) -> bool:
    """Return whether a call failed, or found nothing."""
    if call.fault or call.returned in ([], {}):
        return True
    text = call.returned
    return isinstance(text, str) and len(text) <= _LONGEST_NOTHING and _NOTHING.search(text.lower()) is not None


class Told:
    """What users, systems and tools said, word for word: where everything is found here, no index is needed."""

    def __init__(self, view: View, steps: Sequence[Step]) -> None:
        self._texts = [(-1, view.goal)]
        for step, turn in zip(steps, view.turns, strict=True):
            if step.voice != "agent" and turn.content:
                self._texts.append((step.place, turn.content))
            if turn.tool_output is not None:
                is_own = step.call is not None and step.call.returned is turn.tool_output
                self._texts.append((step.place, step.call.output if is_own and step.call else text_of(turn.tool_output)))
        self._is_short = len(self._texts) <= _FEW and sum(len(text) for _, text in self._texts) <= _SHORT

    def has(self, value: str, place: int) -> bool:
        """Return whether a value stands as a word of its own in what was said before a place; False in a long trace."""
        return self._is_short and any(at < place and _stands_in(value, text) for at, text in self._texts)


def _stands_in(value: str, text: str) -> bool:
    place = text.find(value)
    if place < 0:
        return False
    end = place + len(value)
    return not (text[place - 1 : place].isalnum() or text[end : end + 1].isalnum())


def _voice_among_agents(place: int, turn: Turn) -> Voice:
    """Of several agents without a user, the first turn is the task, and a page full of links is what one of them found."""
    if turn.role != "agent" or not turn.content:
        return turn.role
    links = turn.content.count("http", 0, _PAGE) + turn.content.count("](", 0, _PAGE)
    return "user" if place == 0 else "tool" if links >= _LINKS else "agent"


def _is_for_the_user(view: View, place: int) -> bool:
    return (place + 1 < len(view.turns) and view.turns[place + 1].role == "user") or place in view.said[-1:]
