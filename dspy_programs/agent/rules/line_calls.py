"""The calls that change lines of a file: put one first, take one out, tick off what is done.

Input      found: where a wording matches; goal; workspace.
Output     the calls.
Raises     ToolError or ValueError with the reason where a file or a line is not as the words take it to be.
"""

import re

from dspy_programs.agent.rules.pieces import PATH, QUOTED, THE, Maker, must_be_there, one, said
from dspy_programs.agent.workspace.workspace import Workspace
from dspy_programs.types import Call

_PLACES = {"first": 1, "second": 2, "third": 3, "last": 0, "erste": 1, "zweite": 2, "dritte": 3, "letzte": 0}


def put_first(found: re.Match[str], goal: str, workspace: Workspace) -> list[Call]:
    path = one(found["path"])
    must_be_there(path, workspace)
    return [_written(path, [f"{said(found, 'text')}\n", *_lines(path, workspace)])]


def taken_out(found: re.Match[str], goal: str, workspace: Workspace) -> list[Call]:
    """Take out the one line that reads so."""
    path, text = one(found["path"]), said(found, "text")
    must_be_there(path, workspace)
    lines = _lines(path, workspace)
    at = [number for number, line in enumerate(lines) if line.strip() == text.strip()]
    if len(at) != 1:
        raise ValueError(f'"{text}" is {len(at)} times a line of {path}' if at else f'"{text}" is no line of {path}')
    return [_written(path, lines[: at[0]] + lines[at[0] + 1 :])]


def taken_out_by_number(found: re.Match[str], goal: str, workspace: Workspace) -> list[Call]:
    path = one(found["path"])
    must_be_there(path, workspace)
    lines = _lines(path, workspace)
    number = int(found["number"]) if found["number"] else _PLACES[found["which"].lower()] or len(lines)
    if not 1 <= number <= len(lines):
        raise ValueError(f"{path} has {len(lines)} lines, and no line {number}")
    return [_written(path, lines[: number - 1] + lines[number:])]


def ticked(found: re.Match[str], goal: str, workspace: Workspace) -> list[Call]:
    """Tick the one open box of a checklist that has this text."""
    path, text = one(found["path"]), said(found, "text")
    must_be_there(path, workspace)
    open_ = [line for line in _lines(path, workspace) if text.lower() in line.lower() and "[ ]" in line]
    whole = [line for line in open_ if line.partition("[ ]")[2].strip().lower() == text.strip().lower()]
    open_ = whole if len(whole) == 1 else open_
    if len(open_) != 1:
        raise ValueError(f'"{text}" stands {len(open_)} times at an open box "[ ]" in {path}')
    bare = open_[0].rstrip("\r\n")
    old = bare if workspace.text(path).count(bare) == 1 else open_[0]  # another item may begin with these words
    return [Call(tool="edit_file", arguments={"path": path, "old": old, "new": old.replace("[ ]", "[x]", 1)})]


def _lines(path: str, workspace: Workspace) -> list[str]:
    return workspace.text(path).splitlines(keepends=True)


def _written(path: str, lines: list[str]) -> Call:
    return Call(tool="write_file", arguments={"path": path, "content": "".join(lines)})


WORDINGS: list[tuple[str, Maker]] = [
    (
        rf"\b(?:insert|add|put|write|füge?|schreibe?)\s+{THE}(?P<text>{QUOTED})\s+(?:at|to|on|in|an|am)\s+(?:the\s+|den\s+)?(?:very\s+)?"
        rf"(?:top|beginning|start|anfang)\s+(?:of|von)\s+{THE}(?P<path>{PATH})(?:\s+ein)?",
        put_first,
    ),
    (rf"\bprepend\s+{THE}(?P<text>{QUOTED})\s+to\s+{THE}(?P<path>{PATH})", put_first),
    (
        rf"\b(?:remove|delete|drop|erase|lösche?|entferne?)\s+(?:the\s+|die\s+)?(?:line|zeile)\s+(?P<text>{QUOTED})\s+"
        rf"(?:from|in|of|aus|in|von)\s+{THE}(?P<path>{PATH})",
        taken_out,
    ),
    (
        rf"\b(?:remove|delete|drop|erase|lösche?|entferne?)\s+(?:the\s+|die\s+)?(?:(?P<which>{'|'.join(_PLACES)})\s+(?:line|zeile)|"
        rf"(?:line|zeile)\s+(?P<number>\d{{1,6}}))\s+(?:from|in|of|aus|von)\s+{THE}(?P<path>{PATH})",
        taken_out_by_number,
    ),
    (
        rf"\b(?:mark|markiere?)\s+{THE}(?P<text>{QUOTED})\s+(?:as|als)\s+(?:done|complete|completed|finished|erledigt)\s+in\s+{THE}(?P<path>{PATH})",
        ticked,
    ),
    (
        rf"\b(?:mark|markiere?)\s+{THE}(?P<text>{QUOTED})\s+in\s+{THE}(?P<path>{PATH})\s+(?:as|als)\s+(?:done|complete|completed|finished|erledigt)",
        ticked,
    ),
    (rf"\b(?:tick|check)\s+(?:off\s+)?{THE}(?P<text>{QUOTED})\s+(?:off\s+)?in\s+{THE}(?P<path>{PATH})", ticked),
]
