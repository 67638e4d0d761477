"""A note's own lines, read back into pieces of the same ranks.

Input      a note's text, and whether a request that it marks as open is still so.
Output     noted: the pieces of its lines, in order, with what each line left out.
"""

import re

from dspy_programs.conversation import Call
from dspy_programs.memory.reading.compact import plain
from dspy_programs.memory.reading.deed_lines import deed_of
from dspy_programs.memory.reading.deeds import changes
from dspy_programs.memory.reading.note import STILL_OPEN
from dspy_programs.memory.reading.piece import Line, Piece, Rank, joint_of
from dspy_programs.memory.reading.sentence_breaks import lines_in
from dspy_programs.memory.reading.speech import request_of, speech_of

_MORE = re.compile(r" ?\((\d[\d,]*) more(?: (\w+?)s?)?\)$")
_HEAD = re.compile(
    r"(?P<ended>done|failed|asked): |(?P<said>[^:\n>(]{1,60}(?: \(still open\))?): |(?P<call>.{1,700}?\)|[\w.:/-]{1,80}) -> "
)


def noted(text: str, open_request: bool) -> list[Piece]:
    """Read a note's lines back."""
    found: list[Piece] = []
    lines: list[str] = []
    for raw in text.split("\n")[1:]:
        if raw.startswith("  ") and lines:
            lines[-1] += "\n" + raw[2:]
        elif raw.strip():
            lines.append(raw)
    for number, raw in enumerate(lines):
        found += _of_line(raw, open_request, number)
    return found


def _of_line(raw: str, open_request: bool, number: int) -> list[Piece]:
    match = _HEAD.match(raw)
    if match is None:
        return [Piece(plain(raw), Rank.ORDINARY, Line(number, "note: "))]
    head, rest = match.group(), raw[match.end() :]
    if match["ended"]:
        changed = match["ended"] == "done" or changes(Call(rest.partition("(")[0], {}), None)
        rank = Rank.DEED if changed else Rank.DECISION if match["ended"] == "failed" else Rank.ORDINARY
        return [Piece(plain(rest), rank, Line(number, head), deed=deed_of(plain(rest)))]
    beyond = 0
    if more := _MORE.search(rest):
        beyond, rest = int(more[1].replace(",", "")), rest[: more.start()]
    if match["call"]:
        noun = (more[2] if more else None) or "field"
        line = Line(number, head, noun, joint_of(noun), beyond)
        told_ = lines_in(rest) if noun == "sentence" else rest.split(line.joint)
        return [Piece(plain(part), Rank.ORDINARY, line) for part in told_ if part.strip()]
    if head.endswith(STILL_OPEN) and open_request:
        return request_of(rest, head, number, beyond)
    head = head.replace(" (still open)", "")
    speech = speech_of(rest, head[:-2], head == "assistant: ", number)
    return [piece._replace(line=piece.line._replace(beyond=piece.line.beyond + beyond)) for piece in speech]
