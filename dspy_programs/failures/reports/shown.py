"""A run as a page shows it: each text bounded, the turns that matter among those shown, and what is left out counted.

Guarantees the page does not grow with the run: at most `turns` turns, and about `characters` characters in all.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

from dspy_programs.failures.classifier import FailureReport
from dspy_programs.types import Trace, Turn

_LONGEST = 20_000  # characters of one text
_SHORTEST = 250  # of one text, however many there are
_LONGEST_NAME = 200  # of an id, a file or a tool
_LONGEST_PREVIEW = 80
_NEAR = 2  # turns shown before and after each that is marked
_END = 5  # turns shown of the start, and of the end


class Room(NamedTuple):
    """How much of a run a page shows."""

    turns: int
    characters: int


class Cut(NamedTuple):
    """A text, or its start and its end with `left_out` characters between them."""

    start: str
    left_out: int = 0
    end: str = ""


class ShownTurn(NamedTuple):
    """A turn on a page; input and output as indented JSON.

    place       its index in the run
    skipped     turns left out before it
    preview     the start of its input or output, on one line
    """

    place: int
    skipped: int
    number: int
    role: str
    content: Cut
    tool_name: str
    input: Cut
    output: Cut
    preview: str
    latency_ms: float | None
    blamed: bool
    witness_of: Sequence[str]
    unfolded: bool


class ShownTrace(NamedTuple):
    """A run on a page.

    places      turn number -> place, of the turns shown
    result      an answer that is not a turn
    skipped     turns left out after the last one shown
    left_out    turns left out in all
    """

    name: str
    source: str
    outcome: str
    goal: Cut
    error: Cut
    report: FailureReport
    turns: list[ShownTurn]
    places: Mapping[int, int]
    result: Cut
    skipped: int
    left_out: int


class _Texts(NamedTuple):
    content: str
    input: str
    output: str


def shown_trace(source: str, trace: Trace, report: FailureReport, room: Room) -> ShownTrace:
    """Choose and cut what a page shows of a run."""
    places: dict[int, int] = {}
    for place, turn in enumerate(trace.turns):
        places.setdefault(turn.turn_number, place)
    marked = [places[number] for found in report.modes for number in found.turns if number in places]
    chosen = _chosen(marked, len(trace.turns), room.turns)
    texts = [_texts_of(trace.turns[place]) for place in chosen]
    longest = _longest_that_fits([len(text) for each in texts for text in each], room.characters)
    blamed = None if report.first_failure_turn is None else places.get(report.first_failure_turn)
    turns: list[ShownTurn] = []
    for place, each in zip(chosen, texts, strict=True):
        before = turns[-1] if turns else None
        turns.append(_shown_turn(trace.turns[place], place, each, report, place == blamed, before, longest))
    last = next((turn.content for turn in reversed(trace.turns) if turn.role == "agent" and turn.content), "")
    result = trace.final_result if trace.final_result and trace.final_result.strip() != last.strip() else ""
    shown = set(chosen)
    return ShownTrace(
        name=_name(report.trace_id or source),
        source=_name(source),
        outcome={True: "successful", False: "failed", None: ""}[trace.is_successful],
        goal=cut(report.original_goal, longest),
        error=cut(trace.error or "", longest),
        report=report,
        turns=turns,
        places={number: place for number, place in places.items() if place in shown},
        result=cut(result, longest),
        skipped=len(trace.turns) - 1 - (chosen[-1] if chosen else -1),
        left_out=len(trace.turns) - len(chosen),
    )


def _chosen(marked: Sequence[int], count: int, most: int) -> list[int]:
    """Choose at most `most` places: those marked, their neighbours, both ends, then the rest from the start."""
    if count <= most:
        return list(range(count))
    near = (place + step for place in marked for step in range(-_NEAR, _NEAR + 1))
    wanted: Iterable[int] = chain(marked, near, range(_END), range(count - _END, count), range(count))
    chosen: set[int] = set()
    for place in wanted:
        if len(chosen) == most:
            break
        if 0 <= place < count:
            chosen.add(place)
    return sorted(chosen)


def _longest_that_fits(lengths: Sequence[int], characters: int) -> int:
    """Return how long a text may be, so that all of them have room."""
    longest = _LONGEST
    while longest > _SHORTEST and sum(min(length, longest) for length in lengths) > characters:
        longest //= 2
    return longest


def _shown_turn(
    turn: Turn, place: int, texts: _Texts, report: FailureReport, blamed: bool, before: ShownTurn | None, longest: int
) -> ShownTurn:
    witness_of = [found.mode for found in report.modes if turn.turn_number in found.turns]
    skipped = place - (-1 if before is None else before.place) - 1
    answers_marked = turn.role == "tool" and before is not None and before.unfolded and not skipped  # read with its call
    return ShownTurn(
        place=place,
        skipped=skipped,
        number=turn.turn_number,
        role=turn.role,
        content=cut(texts.content, longest),
        tool_name=_name(turn.tool_name or ""),
        input=cut(texts.input, longest),
        output=cut(texts.output, longest),
        preview=_preview(texts.input or texts.output),
        latency_ms=turn.latency_ms,
        blamed=blamed,
        witness_of=witness_of,
        unfolded=blamed or bool(witness_of) or answers_marked,
    )


def cut(text: str, longest: int) -> Cut:
    """Return a text, of a longer one its start and its end."""
    if len(text) <= longest:
        return Cut(text)
    end = longest // 3
    return Cut(text[: longest - end], len(text) - longest, text[len(text) - end :])


def _name(text: str) -> str:
    return text if len(text) <= _LONGEST_NAME else f"{text[: _LONGEST_NAME - 1]}…"


def _preview(text: str) -> str:
    line = " ".join(text[: 2 * _LONGEST_PREVIEW].split())
    return line if len(line) < _LONGEST_PREVIEW else f"{line[: _LONGEST_PREVIEW - 1]}…"


def _texts_of(turn: Turn) -> _Texts:
    return _Texts(turn.content, _indented(turn.tool_input), _indented(turn.tool_output))


def _indented(value: Any) -> str:
    """Return a JSON value indented for people; text that contains JSON is indented too, unless it will be cut anyway."""
    if value is None:
        return ""
    if isinstance(value, str):
        if value[:1] not in ("{", "[") or len(value) > _LONGEST:
            return value
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return str(value)
    try:
        return json.dumps(value, indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return repr(type(value))
