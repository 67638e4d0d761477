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
from dspy_programs.memory.reading.cues import says_something_exact
from dspy_programs.memory.reading.decisions import is_courtesy, looks_up, revises, settles, stands
from dspy_programs.memory.reading.deed_lines import Deed, cut, deed_of, name_of, told
from dspy_programs.memory.reading.deeds import changes, ending_of, only_says_done, outcome_of, reason_of, says_only_done
from dspy_programs.memory.reading.fields import Parts, joined, plain
from dspy_programs.memory.reading.note import STILL_OPEN, is_note
from dspy_programs.memory.reading.open_request import asks, open_requests as open_requests
from dspy_programs.memory.reading.piece import Line, Piece, Rank
from dspy_programs.memory.reading.replies import is_consent, is_output
from dspy_programs.memory.reading.sentence_breaks import lines_in, said_in
from dspy_programs.memory.reading.stubs import mentioned_in as mentioned_in, stub_of as stub_of
from dspy_programs.memory.reading.text_results import parts_of_result, value_of

_MOST_SENTENCES = 400  # pieces of one message
_SHORT_MESSAGE = 170  # characters of a message of a person that is one piece
_FRAGMENT = 20  # characters of a sentence that says nothing alone
DECIDED_WORTH = 3.0  # of what a person decides
_STATED_WORTH = 2.0  # of what a person states in exact values
_AFTER_DEED = 0.4  # of the rest of a deed's result
_ASKED_WORTH = 0.3  # of what an assistant asks or offers: the answer says it
_LONGEST_REASON = 120  # characters of a failure's, in short
_LONGEST_BRIEF, _BRIEF_PARTS = 40, 3  # of a deed's outcome, in short
_ENDINGS = ("done", "failed", "asked")
_STAMP = re.compile(r"\A\[[^\[\]]{1,60}\] ")
_PROGRAM = re.compile(r"\s*(\w[\w.@-]{0,39}): ")  # "Computer_terminal: exitcode: 1"
_WORDS = re.compile(r"(?:[^\W\d_]+[,']? ){3}|[\u3040-\u9fff]{4}")  # running text
_LABELS = frozenset(("user", "assistant", "system", "tool", "note", "user (still open)", *_ENDINGS))


_new_piece = tuple.__new__  # there are hundreds of thousands: half the time of Piece(...)


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
        return _of_note(text, open_request)
    speaker = _speaker(entry)
    if entry.role == "tool" or (entry.role == "user" and is_output(text)):
        return _of_stray(entry, number)
    if not open_request:
        return _of_speech(text, speaker, entry.role == "assistant", number)
    if entry.role == "assistant":  # what the user agreed to
        return [piece._replace(rank=Rank.DECISION) for piece in _of_speech(text, speaker, True, number)]
    return _of_open_request(text, f"{speaker}{STILL_OPEN}", number, 0)


def _of_open_request(text: str, head: str, number: int, beyond: int) -> list[Piece]:
    """Return a request word for word; its further lines are indented, so that none can pose as a line of the note.

    Its fenced code comes as late as what is ordinary: the words say what is wanted.
    """
    said: list[tuple[str, Rank]] = []
    in_code = False
    for row in filter(str.strip, text.splitlines()):
        row = "".join([sign if sign == "\t" or sign >= " " else " " for sign in row]).rstrip()
        blanks = row[: len(row) - len(row.lstrip())] if said else ""
        first, *rest = lines_in(row) if _WORDS.search(row) else [row.lstrip()]
        is_fence = first.startswith("```")
        rank = Rank.ORDINARY if in_code or is_fence else Rank.OPEN_REQUEST
        first = f"\n  {blanks}{first}" if said else first
        if (
            said and rank is Rank.OPEN_REQUEST and said[-1][0].rpartition("\n")[2].lstrip().startswith("#")
        ):  # a heading says nothing alone
            first = said.pop()[0] + first
        said += [(part, rank) for part in (first, *rest)]
        in_code ^= is_fence
    if len(said) > _MOST_SENTENCES:
        beyond += len(said) - _MOST_SENTENCES
        said = said[: _MOST_SENTENCES // 2] + said[-_MOST_SENTENCES // 2 :]
    line = Line(number, head, "", " ", beyond)
    return [Piece(part, rank, line) for part, rank in said]


def _of_speech(text: str, speaker: str, assistant: bool, number: int) -> list[Piece]:
    """Return a message by its sentences; a short one of a person is whole: "Yes, send." says nothing alone."""
    said = _with_fragments(said_in(text) if assistant else lines_in(text))
    agrees = is_consent(text)
    asked = not assistant and not agrees
    if asked and len(text) <= _SHORT_MESSAGE and len(said) > 1:
        rank, worth = max(map(_rank_said, said), key=lambda found: (-found[0], found[1]))
        return [Piece(" ".join(said), rank, Line(number, f"{speaker}: ", "", " "), worth=worth)]
    beyond = max(0, len(said) - _MOST_SENTENCES)
    if beyond:
        half = _MOST_SENTENCES // 2
        said = said[:half] + said[-half:]
    line = Line(number, f"{speaker}: ", "", " ", beyond)
    found = []
    for part in said:
        if asked:
            rank, worth = _rank_said(part)
        else:
            rank, worth = Rank.DECISION if not agrees and settles(part, assistant) else Rank.ORDINARY, 1.0
        if assistant and ("?" in part or "\uff1f" in part or is_courtesy(part)):
            rank, worth = Rank.ORDINARY, _ASKED_WORTH
        found.append(_new_piece(Piece, (part, rank, line, "", worth, None)))
    return found


def _with_fragments(said: Sequence[str]) -> list[str]:
    """Join what says nothing alone: "OK?" to the sentence before it, "Great." to the one after it."""
    found: list[str] = []
    waiting = ""
    for part in said:
        said_ = _STAMP.sub("", part)
        short = len(said_) <= _FRAGMENT and not says_something_exact(said_) and (" " not in said_.strip() or not settles(said_))
        if short and part.endswith("?") and found:
            found[-1] += f" {part}"
        elif (short and part[-1] in ".!,") or (part.count("(") > part.count(")") and len(part) < _SHORT_MESSAGE):
            waiting = f"{waiting} {part}".lstrip()
        else:
            found.append(f"{waiting} {part}".lstrip())
            waiting = ""
    return [*found[:-1], f"{found[-1]} {waiting}".rstrip()] if found else [waiting] * bool(waiting)


def _rank_said(part: str) -> tuple[Rank, float]:
    """Return the rank and worth of a person's sentence; of a question that is not open any more, the answer is kept."""
    if stands(part):
        return Rank.STANDING, DECIDED_WORTH
    if looks_up(part):
        return Rank.ORDINARY, _ASKED_WORTH
    exact = says_something_exact(part)
    if exact and revises(part):
        return Rank.REVISED, 2 * DECIDED_WORTH
    if settles(part) or asks(part):
        return Rank.DECISION, DECIDED_WORTH
    return (Rank.DECISION, _STATED_WORTH) if exact else (Rank.ORDINARY, 1.0)


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
    line = line._replace(noun=parts.noun, joint=_joint(parts.noun), beyond=parts.beyond)
    return [Piece(part.text, Rank.ORDINARY, line, part.under, part.worth) for part in parts.parts]


def _joint(noun: str) -> str:
    return " " if noun == "sentence" else "; " if noun in ("field", "item") else " / "


_MORE = re.compile(r" ?\((\d[\d,]*) more(?: (\w+?)s?)?\)$")
_HEAD = re.compile(
    r"(?P<ended>done|failed|asked): |(?P<said>[^:\n>(]{1,60}(?: \(still open\))?): |(?P<call>.{1,700}?\)|[\w.:/-]{1,80}) -> "
)


def _of_note(text: str, open_request: bool) -> list[Piece]:
    """Read a note's lines back."""
    found: list[Piece] = []
    lines: list[str] = []
    for raw in text.split("\n")[1:]:
        if raw.startswith("  ") and lines:
            lines[-1] += "\n" + raw[2:]
        elif raw.strip():
            lines.append(raw)
    for number, raw in enumerate(lines):
        found += _of_note_line(raw, open_request, number)
    return found


def _of_note_line(raw: str, open_request: bool, number: int) -> list[Piece]:
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
        line = Line(number, head, noun, _joint(noun), beyond)
        told_ = lines_in(rest) if noun == "sentence" else rest.split(line.joint)
        return [Piece(plain(part), Rank.ORDINARY, line) for part in told_ if part.strip()]
    if head.endswith(STILL_OPEN) and open_request:
        return _of_open_request(rest, head, number, beyond)
    head = head.replace(" (still open)", "")
    speech = _of_speech(rest, head[:-2], head == "assistant: ", number)
    return [piece._replace(line=piece.line._replace(beyond=piece.line.beyond + beyond)) for piece in speech]
