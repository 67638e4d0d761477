"""What somebody says, as pieces of a note: by its sentences, each with its rank.

Input      a message's text, who says it, and the number of its line.
Output     speech_of: a message's pieces. request_of: those of a request that is still open, word for word.
Guarantees what follows the first line of a request is indented, so that none can pose as a line of the note.
"""

import re
from collections.abc import Sequence

from dspy_programs.memory.reading.asking import asks
from dspy_programs.memory.reading.cues import exact_in
from dspy_programs.memory.reading.decisions import is_courtesy, looks_up, revises, settles, stands
from dspy_programs.memory.reading.piece import Line, Piece, Rank
from dspy_programs.memory.reading.replies import is_consent
from dspy_programs.memory.reading.sentence_breaks import lines_in, said_in
from dspy_programs.memory.reading.talk import speaker_of

_MOST_SENTENCES = 400  # pieces of one message
_SHORT_MESSAGE = 170  # characters of a message of a person that is one piece
_FRAGMENT = 20  # characters of a sentence that says nothing alone
DECIDED_WORTH = 3.0  # of what a person decides
_STATED_WORTH = 2.0  # of what a person states in exact values
_ASKED_WORTH = 0.3  # of what an assistant asks or offers: the answer says it
_STAMP = re.compile(r"\A\[[^\[\]]{1,60}\] ")
_WORDS = re.compile(r"(?:(?<![^\W\d_])[^\W\d_]++[,']? ){3}|[\u3040-\u9fff]{4}")  # running text

_new_piece = tuple.__new__  # there are hundreds of thousands: half the time of Piece(...)


def request_of(text: str, head: str, number: int, beyond: int) -> list[Piece]:
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


def speech_of(text: str, speaker: str, assistant: bool, number: int) -> list[Piece]:
    """Return a message by its sentences; a short one of a person is whole: "Yes, send." says nothing alone."""
    said = said_in(text) if assistant else lines_in(text)
    agrees = is_consent(text)
    if not agrees and speaker_of(text) is None:
        said = _with_fragments(said, assistant)
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


def _with_fragments(said: Sequence[str], assistant: bool) -> list[str]:
    """Join what says nothing alone: "OK?" to the sentence before it, a person's "Great." to the one after it."""
    found: list[str] = []
    waiting = ""
    for part in said:
        text = _STAMP.sub("", part)
        short = len(text) <= _FRAGMENT and not any(map(str.isdigit, text)) and (text.count(" ") < 2 or not settles(text))
        if short and part.endswith("?") and found:
            found[-1] += f" {part}"
        elif not assistant and ((short and part[-1] in ".!,") or (_opens_bracket(part) and len(part) < _SHORT_MESSAGE)):
            waiting = f"{waiting} {part}".lstrip()
        else:
            found.append(f"{waiting} {part}".lstrip())
            waiting = ""
    return [*found[:-1], f"{found[-1]} {waiting}".rstrip()] if found else [waiting] * bool(waiting)


def _opens_bracket(part: str) -> bool:
    return part.count("(") > part.count(")")


def _rank_said(part: str) -> tuple[Rank, float]:
    """Return the rank and worth of a person's sentence; of a question that is not open any more, the answer is kept."""
    if stands(part):
        return Rank.STANDING, DECIDED_WORTH
    if looks_up(part):
        return Rank.ORDINARY, _ASKED_WORTH
    exact = any(kind != "name" and (kind != "number" or len(value) > 1) for value, kind in exact_in(part))
    if exact and revises(part):
        return Rank.REVISED, 2 * DECIDED_WORTH
    if settles(part) or asks(part):
        return Rank.DECISION, DECIDED_WORTH
    states = exact and _WORDS.search(part) is not None  # in words, as code does not
    return (Rank.DECISION, _STATED_WORTH) if states else (Rank.ORDINARY, 1.0)
