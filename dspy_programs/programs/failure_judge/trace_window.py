"""Shows a trace of any length in bounded space: the turns that matter, each truncated, all quoted as data.

Guarantees at most `characters` long; a turn's content stays inside the quotes of its own line.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from dspy_programs.programs.failure_judge.trace_view import text_of
from dspy_programs.types import Turn

_NARROWEST = 90  # characters of a turn; a shorter line says nothing
_FRAME = 34  # characters of a line besides its texts


def window(turns: Sequence[Turn], matter: Sequence[int], characters: int) -> tuple[str, list[int]]:
    """Return the lines and the numbers of the turns shown: first, last, those that `matter` and their neighbours."""
    places = chosen(turns, matter, max(1, characters // _NARROWEST))
    width = characters // max(1, len(places))
    return _lines(turns, dict.fromkeys(places, width), characters), [turns[place].turn_number for place in places]


def around(turns: Sequence[Turn], matter: Sequence[int], characters: int) -> str:
    """Return the lines of the first two turns that `matter`, half as wide those next to them, and that of the last turn."""
    last = len(turns) - 1
    witnesses = _places_of(turns, matter)[:2] or [last]
    near = {place + step for place in witnesses for step in (-1, 0, 1)} | {last}
    places = [place for place in sorted(near) if 0 <= place <= last]
    width = characters // (len(places) + len(set(witnesses)))
    return _lines(turns, {place: width * (1 + (place in witnesses)) for place in places}, characters)


def _lines(turns: Sequence[Turn], widths: Mapping[int, int], characters: int) -> str:
    """Write the turns at these places in lines of about these widths."""
    lines, before = [], -1
    for place, width in widths.items():
        if place > before + 1:
            lines.append(f"({place - before - 1} turns)")
        lines.append(turn_line(turns[place], max(8, width - _FRAME)))
        before = place
    return "\n".join(lines)[:characters]


def _places_of(turns: Sequence[Turn], numbers: Sequence[int]) -> list[int]:
    place_of = {turn.turn_number: place for place, turn in reversed(list(enumerate(turns)))}
    return [place_of[number] for number in numbers if number in place_of]


def chosen(turns: Sequence[Turn], matter: Sequence[int], count: int) -> list[int]:
    """Choose at most `count` places, in order of importance: evidence, the first, the last two, neighbours, the rest."""
    if len(turns) <= count:
        return list(range(len(turns)))
    witnesses = _places_of(turns, matter)
    last = len(turns) - 1
    near = [place + step for place in witnesses[:4] for step in (1, -1) if 0 <= place + step <= last]
    wanted = dict.fromkeys([*witnesses[:4], 0, last, last - 1, *near, *range(min(len(turns), 2 * count))])
    return sorted(list(wanted)[:count])


def turn_line(turn: Turn, width: int) -> str:
    parts = [f"{turn.turn_number} {turn.role}"]
    given, output = text_of(turn.tool_input), text_of(turn.tool_output)
    texts = [text for text in (turn.content, given, output) if text]
    room = max(8, width // max(1, len(texts)))
    if turn.content:
        parts.append(cut(turn.content, width - (room * (len(texts) - 1))))
    if turn.tool_name:
        parts.append(f"{_printable(turn.tool_name[:60])}({quoted_value(turn.tool_input, given, room)})")
    if output:
        parts.append(f"-> {quoted_value(turn.tool_output, output, room)}")
    if turn.latency_ms is not None:
        parts.append(f"{turn.latency_ms:.0f} ms")
    return " ".join(parts)


def quoted_value(value: Any, text: str, characters: int) -> str:
    """Quote text; JSON already has its strings quoted."""
    if isinstance(value, str) or not text:
        return cut(text, characters) if text else ""
    return _printable(_shortened_in_the_middle(text, characters))


def cut(text: str, characters: int) -> str:
    """Quote a text; from a longer one, its start and its end."""
    return json.dumps(_printable(_shortened_in_the_middle(text, characters)), ensure_ascii=False)


def _shortened_in_the_middle(text: str, characters: int) -> str:
    tail = characters // 3
    return text if len(text) <= characters else f"{text[: characters - tail]} ... {text[len(text) - tail :]}"


def _printable(text: Any) -> str:
    """Replace lone surrogates, which no tokenizer accepts."""
    return str(text).encode("utf-8", "replace").decode("utf-8")
