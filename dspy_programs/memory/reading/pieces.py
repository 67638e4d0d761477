"""What each unit of a memory adds to the note that stands for it: pieces to choose from, and the lines that they make.

Input      unit: one message, or a message that calls tools with the results of its calls (units.py).
Output     pieces_of: pieces in order, each with its rank and its line. lines_of: the lines of the chosen pieces, with what is
           left out counted. stub_of: stubs.py. open_requests: open_request.py.
Guarantees a line starts with who speaks, how a deed ended or which call it is, and text never starts a line: it cannot pose as
           another line or as the note's frame. A note's own lines are read back into the same ranks.
"""

import re
from collections.abc import Sequence

from dspy_programs.conversation import Call, call_of
from dspy_programs.memory.entry import MemoryEntry
from dspy_programs.memory.reading.deed_lines import Deed, cut, name_of, told
from dspy_programs.memory.reading.deeds import changes
from dspy_programs.memory.reading.endings import ending_of, reason_of
from dspy_programs.memory.reading.fields import Parts, joined
from dspy_programs.memory.reading.note import STILL_OPEN, is_note
from dspy_programs.memory.reading.noted import noted
from dspy_programs.memory.reading.open_request import open_requests as open_requests
from dspy_programs.memory.reading.outcomes import only_says_done, outcome_of, says_only_done
from dspy_programs.memory.reading.piece import Line, Piece, Rank, joint_of
from dspy_programs.memory.reading.replies import is_output
from dspy_programs.memory.reading.speech import request_of, speech_of
from dspy_programs.memory.reading.stubs import mentioned_in as mentioned_in, stub_of as stub_of
from dspy_programs.memory.reading.text_results import parts_of_result, value_of

_AFTER_DEED = 0.4  # of the rest of a deed's result
_LONGEST_REASON = 120  # characters of a failure's, in short
_LONGEST_BRIEF, _BRIEF_PARTS = 40, 3  # of a deed's outcome, in short
_PROGRAM = re.compile(r"\s*(\w[\w.@-]{0,39}): ")  # "Computer_terminal: exitcode: 1"
_LABELS = frozenset(("user", "assistant", "system", "tool", "note", "user (still open)", "done", "failed", "asked"))


def pieces_of(unit: Sequence[MemoryEntry], *, open_request: bool = False) -> list[Piece]:
    """Return a unit's pieces, in order.

    Args:
        unit: A message, or a call with its results.
        open_request: The unit is in `open_requests`. What an assistant proposed there is a decision that waits.
    """
    if len(unit) == 1 and not unit[0].metadata:
        return _of_message(unit[0], open_request, 0)
    found: list[Piece] = []
    results = [entry for entry in unit if entry.role == "tool"]
    number = 0
    for entry in unit:
        if entry.role == "tool":
            continue
        if entry.content.strip():
            found += _of_message(entry, open_request, number)
            number += 1
        for raw in entry.calls:
            call = call_of(raw) if isinstance(raw, dict) else Call("(unnamed)", raw)
            result = _taken(results, call)
            found += _of_call(call, None if result is None else result.content, number)
            number += 2
    for result in results:
        found += _of_stray(result, number)
        number += 1
    return found


def _taken(results: list[MemoryEntry], call: Call) -> MemoryEntry | None:
    """Take a call's result out of the results: by its id; without one, the first of its name or without a name."""
    for result in results:
        id_ = result.answers
        if id_ == call.id if id_ is not None and call.id else result.kept("name") in (None, call.name):
            results.remove(result)
            return result
    return None


def _of_message(entry: MemoryEntry, open_request: bool, number: int) -> list[Piece]:
    text = entry.content
    if entry.role == "compressed" and is_note(text):
        return noted(text, open_request)
    speaker = _speaker(entry)
    if entry.role == "tool" or (entry.role == "user" and is_output(text)):
        return _of_stray(entry, number)
    if not open_request:
        return speech_of(text, speaker, entry.role == "assistant", number)
    if entry.role == "assistant":  # what the user agreed to
        return [piece._replace(rank=Rank.DECISION) for piece in speech_of(text, speaker, True, number)]
    return request_of(text, f"{speaker}{STILL_OPEN}", number, 0)


def _speaker(entry: MemoryEntry) -> str:
    name = entry.kept("name") if entry.metadata else None
    role = entry.chat_role if entry.role == "compressed" else entry.role
    if not isinstance(name, str) or not name.strip():
        return role
    name = " ".join(re.sub(r"[^\w.'@-]+", " ", name[:200]).split())[:60]
    return name if name and name.lower() not in _LABELS and not name.lower().startswith("earlier") else role


def _of_call(call: Call, result: str | None, number: int) -> list[Piece]:
    """Return the pieces of a call: a deed or a failure as a line of its own, a look-up's result by its fields."""
    value = None if result is None else value_of(result)
    deed = changes(call, result, value)
    ending = ending_of(result, deed, value)
    call_ = told(call)
    named = call_.text
    if ending == "asked" or result is None:
        return [_of_deed(call_, Rank.DEED if deed else Rank.ORDINARY, Line(number, "asked: "))]
    if ending == "failed":
        why = reason_of(result)
        call_ = call_._replace(outcome=f": {why}", brief=f": {cut(why, _LONGEST_REASON)}")
        return [_of_deed(call_, Rank.DEED if deed else Rank.DECISION, Line(number, "failed: "))]
    parts = parts_of_result(result, value)
    if not deed:
        return _of_parts(parts, Line(number, f"{named} -> "))
    if says_only_done(result, named):
        return [_of_deed(call_, Rank.DEED, Line(number, "done: "))]
    outcome = outcome_of(parts, call_)
    if outcome:
        short = [part for part in outcome if len(part.text) + len(part.under) <= _LONGEST_BRIEF][:_BRIEF_PARTS]
        call_ = call_._replace(outcome=f" -> {joined(outcome)}", brief=f" -> {joined(short)}" if short else "")
    rest = [part for part in parts.parts if part not in outcome and not only_says_done(part)]
    return [
        _of_deed(call_, Rank.DEED, Line(number, "done: ")),
        *[
            piece._replace(worth=_AFTER_DEED * piece.worth)
            for piece in _of_parts(Parts(rest, parts.noun, parts.beyond), Line(number + 1, f"{name_of(call)} -> "))
        ],
    ]


def _of_deed(deed: Deed, rank: Rank, line: Line) -> Piece:
    return Piece(deed.text, rank, line, deed=deed)


def _of_stray(result: MemoryEntry, number: int) -> list[Piece]:
    """Return the pieces of a result whose call is not on record."""
    name, text = result.kept("name") if result.metadata else None, result.content
    if result.role == "user" and name is None and (program := _PROGRAM.match(text)):
        name, text = program[1], text[program.end() :]
    name = re.sub(r"[^\w.:/-]+", "_", name[:80]) if isinstance(name, str) and name else "tool"
    if ending_of(text, False) == "failed":
        return [Piece(f"{name}: {reason_of(text)}", Rank.DEED, Line(number, "failed: "))]
    return _of_parts(parts_of_result(text), Line(number, f"{name} -> "))


def _of_parts(parts: Parts, line: Line) -> list[Piece]:
    line = line._replace(noun=parts.noun, joint=joint_of(parts.noun), beyond=parts.beyond)
    return [Piece(part.text, Rank.ORDINARY, line, part.under, part.worth) for part in parts.parts]
