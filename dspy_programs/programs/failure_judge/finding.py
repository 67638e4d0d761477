"""What a detector found, and how it words its evidence: on one line, bounded, with what decides the matter kept whole."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, Field

from dspy_programs.programs.failure_judge.trace_view import text_of
from dspy_programs.text import shortened
from dspy_programs.types import FailureMode

_LONGEST = 300  # characters of evidence
_LONGEST_NAME = 60  # of a tool's name in it
_LONGEST_VALUE = 40  # of one argument
_LONGEST_RESULT = 150  # of what a tool returned; the arguments get what is left
_MOST_TURNS = 200
_LONGEST_WORD = 15  # characters; a longer one may be cut
_ERROR_KEYS = ("error", "errors", "exception", "detail", "message")
_TRACEBACK = "Traceback (most recent call last)"


class Finding(BaseModel):
    """What one detector found. `turn`: where it first shows; `turns`: all turns with evidence; `evidence`: words of the run."""

    mode: FailureMode
    turn: int
    confidence: float = Field(ge=0, le=1)
    evidence: str
    turns: list[int] = Field(default_factory=list)


def found(mode: FailureMode, turn: int, confidence: float, evidence: str, turns: Sequence[int] = ()) -> Finding:
    witnesses = list(turns)[:_MOST_TURNS] or [turn]
    return Finding(mode=mode, turn=turn, confidence=round(confidence, 2), evidence=quoted(evidence), turns=witnesses)


def quoted(text: str, longest: int = _LONGEST) -> str:
    """Return a text on one line; of a longer one its start and its end, cut between words where they are short."""
    if len(text) > 4 * longest:
        text = f"{text[: 2 * longest]} {text[-2 * longest :]}"
    line = " ".join(text.split())
    tail = 2 * longest // 5
    if len(line) <= longest:
        return line
    start, end = line[: longest - tail - 3], line[len(line) - tail :]
    if (gap := start.rfind(" ", -_LONGEST_WORD)) > 0:
        start = start[:gap]
    return f"{start.rstrip()} … {end[end.find(' ', 0, _LONGEST_WORD) + 1 :].lstrip()}"


def called(name: str, given: Any, returned: Any = None) -> str:
    """Word a call as `name input -> result`: the result, which may be an error, comes first when room runs out."""
    tool, result = quoted(name, _LONGEST_NAME), quoted(_said_by(returned), _LONGEST_RESULT)
    result = f" -> {result}" if result else ""
    return f"{tool} {quoted(_shortened(given), _LONGEST - len(tool) - len(result) - 1)}".rstrip() + result


def _shortened(given: Any) -> str:
    """Return a call's input as text, each argument shortened, so that all names show."""
    if isinstance(given, Mapping):
        given = {name: quoted(value, _LONGEST_VALUE) if isinstance(value, str) else value for name, value in given.items()}
    return text_of(given)


def _said_by(returned: Any) -> str:
    """Return what a tool says: the error among its fields, the last line of a traceback, or all of it."""
    if isinstance(returned, Mapping):
        returned = next((returned[key] for key in _ERROR_KEYS if returned.get(key)), returned)
    text = text_of(returned)
    if _TRACEBACK in text[:400]:
        return next((line for line in reversed(text[-2000:].splitlines()) if line.strip()), text)
    return text


def strongest(findings: Sequence[Finding | None]) -> Finding | None:
    seen = list(filter(None, findings))
    return max(seen, key=lambda finding: finding.confidence) if seen else None


def sentence_at(text: str, place: int) -> str:
    """Return the sentence around a place in a text, at most about 200 characters, cut between words, each cut marked."""
    start = max(text.rfind(". ", 0, place), text.rfind("\n", 0, place)) + 1
    long_before = place - start > 100
    if long_before:
        start = 1 + max(text.find(" ", place - 100, place), place - 101)
    end = max(place + 100, start + 180)
    piece = text[start:end]
    if end < len(text):
        piece = f"{shortened(piece, len(piece) - 1)} …"
    return f"{'… ' if long_before else ''}{piece.strip()}"
