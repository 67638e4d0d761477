"""A trace step by step, each with everything that the run had shown before it."""

import re
from collections.abc import Iterator, Sequence
from typing import Literal

from dspy_programs.programs.failure_judge.trace_view import Call, View, text_of
from dspy_programs.provenance import Sources
from dspy_programs.types import Turn

_SHORT = 30_000  # characters in which a value is simply searched
_TRIES = 10  # how often: "1" stands in many figures
_PAGE = 20_000  # characters in which links are counted
_LINKS = 5

_RUNS_CODE = re.compile(r"python|terminal|exec|interpreter|notebook|repl|run_?code", re.IGNORECASE)

_NOTHING = re.compile(
    r"\b(?:not (?:found|valid|exist)|no [\w ]{1,40}(?:found|match\w*)|"
    r"invalid|error|unknown|does not exist|doesn't exist|failed|denied)\b"
)
_LONGEST_NOTHING = 200  # characters

Voice = Literal["system", "user", "agent", "tool"]


def voices_of(view: View) -> list[Voice]:
    """Return who speaks in each turn."""
    if view.has_user:
        return [turn.role for turn in view.turns]
    return [_voice_among_agents(place, turn) for place, turn in enumerate(view.turns)]


def answers_in(view: View, voices: Sequence[Voice]) -> list[int]:
    """Return the places of what an agent says to the user or, where there is no user, to the other agents."""
    if view.has_user:
        return view.told
    return [place for place, voice in enumerate(voices) if voice == "agent" and view.turns[place].content]


def known_before(view: View, voices: Sequence[Voice]) -> Iterator[tuple[int, Sources]]:
    """Yield each place with the sources of what came before; they are valid until the next one.

    What a tool took without a fault is known from then on: it exists now. Not so the literals of a program that was run.
    """
    sources = Sources()
    sources.add(view.goal, 0, "user")
    calls = {call.place: call for call in view.calls}
    open_call: Call | None = None
    for place, (voice, turn) in enumerate(zip(voices, view.turns, strict=True)):
        yield place, sources
        open_call = calls.get(place, open_call)
        if turn.content and not (voice == "user" and turn.content == view.goal):
            sources.add(turn.content, turn.turn_number, voice)
        if turn.tool_output is not None:
            sources.add(turn.tool_output, turn.turn_number, "tool")
        if turn.role == "tool" and open_call is not None:
            if not came_to_nothing(open_call) and not _RUNS_CODE.search(open_call.name[:200]):
                sources.add(open_call.given, turn.turn_number, "tool")
            open_call = None


def came_to_nothing(call: Call) -> bool:
    """Return whether a call failed, or found nothing."""
    if call.fault or call.returned in ([], {}, "[]", "{}"):
        return True
    text = call.returned
    return isinstance(text, str) and len(text) <= _LONGEST_NOTHING and _NOTHING.search(text.lower()) is not None


class Told:
    """What users, systems and tools said, word for word: where everything is found here, no index is needed."""

    def __init__(self, view: View, voices: Sequence[Voice]) -> None:
        calls = {id(call.returned): call for call in view.calls}
        texts, size = [view.goal], len(view.goal)
        self._ends: list[int] = []  # by place: where what was told before it ends
        for voice, turn in zip(voices, view.turns, strict=True):
            self._ends.append(size)
            if voice != "agent" and turn.content:
                texts.append(turn.content)
                size += 1 + len(texts[-1])
            if (output := turn.tool_output) is not None:
                texts.append(calls[id(output)].output if id(output) in calls else text_of(output))
                size += 1 + len(texts[-1])
        self._text = "\n".join(texts) if size <= _SHORT else ""

    def has(self, value: str, place: int) -> bool:
        """Return whether a value stands as a word of its own in what was said before a place; False in a long trace."""
        text, end, start = self._text, self._ends[place], -1
        for _ in range(_TRIES):
            start = text.find(value, start + 1, end)
            if start < 0:
                return False
            after = start + len(value)
            if not (text[start - 1 : start].isalnum() or text[after : after + 1].isalnum()):
                return True
        return False


def stands_in(value: str, text: str) -> bool:
    """Return whether a value stands in a text as a word of its own: 17 does in "INV-17", not in "117"."""
    place = text.find(value)
    while place >= 0:
        end = place + len(value)
        if not (text[max(0, place - 1) : place].isalnum() or text[end : end + 1].isalnum()):
            return True
        place = text.find(value, max(end, place + 1))
    return False


def _voice_among_agents(place: int, turn: Turn) -> Voice:
    """Of several agents without a user, the first turn is the task, and a page full of links is what one of them found."""
    if turn.role != "agent" or not turn.content:
        return turn.role
    links = turn.content.count("http", 0, _PAGE) + turn.content.count("](", 0, _PAGE)
    return "user" if place == 0 else "tool" if links >= _LINKS else "agent"
