"""The calls that write, add and replace texts.

Input      found: where a wording matches; goal; workspace.
Output     the calls; [] if the words leave anything open.
Raises     ToolError or ValueError with the reason where a file is not as the words take it to be.
"""

import contextlib
import re

from dspy_programs.agent.rules.pieces import (
    ALL,
    EXCEPT,
    NEW,
    PATH,
    QUOTED,
    THE,
    WORD,
    Maker,
    all_of,
    must_be_new,
    must_be_there,
    names,
    one,
    said,
)
from dspy_programs.agent.rules.showing import bare
from dspy_programs.agent.tools.tool import ToolError
from dspy_programs.agent.workspace.workspace import Workspace
from dspy_programs.types import Call

_EACH = r"(?:(?:all|every|each)\s+)?(?:(?:the\s+)?(?:occurrences?|instances?)\s+of\s+)?"
_TEXT_INTO = rf"{THE}{QUOTED}\s+(?:in|into|to|nach)\s+{THE}{NEW}{PATH}"


def replacements(found: re.Match[str], goal: str, workspace: Workspace) -> list[Call]:
    """Replace one text by another in the one file that is named with it."""
    old, new = said(found, "old"), said(found, "new")
    path = one(found["path"] or found["before"])
    must_be_there(path, workspace)
    if not old or old == new:
        return []
    if old not in workspace.text(path):
        raise ValueError(f'"{old}" is not in {path}')
    return [_replaced(path, old, new)]


def replacements_everywhere(found: re.Match[str], goal: str, workspace: Workspace) -> list[Call]:
    """Replace one text by another in each file that has it."""
    old, new = said(found, "old"), said(found, "new")
    spared = {name for each in EXCEPT.finditer(goal) for name in names(each["paths"])}
    calls = []
    for file in workspace.walk():
        if file.kind != "file" or not file.path.endswith(f".{found['ending']}" if found["ending"] else ""):
            continue
        if file.path in spared or file.path.rpartition("/")[2] in spared:
            continue
        with contextlib.suppress(ToolError):  # no text
            if old in workspace.text(file.path):
                calls.append(_replaced(file.path, old, new))
    if not calls:
        raise ValueError(f'"{old}" is in no file')
    return calls if old != new else []


def _replaced(path: str, old: str, new: str) -> Call:
    return Call(tool="edit_file", arguments={"path": path, "old": old, "new": new, "everywhere": True})


def empty(found: re.Match[str], goal: str, workspace: Workspace) -> list[Call]:
    """Make a file of which nothing more is said."""
    path = one(found["path"])
    if found[0].rstrip(".!`\"' ") != bare(goal).rstrip(".!`\"' "):
        return []
    must_be_new(path, workspace)
    return [Call(tool="write_file", arguments={"path": path, "content": ""})]


def overwritten(found: re.Match[str], goal: str, workspace: Workspace) -> list[Call]:
    """Put a given text, or nothing, in the place of all that a file holds."""
    path = one(found["path"])
    must_be_there(path, workspace)
    text = said(found, "text") if found["text"] else ""
    return [Call(tool="write_file", arguments={"path": path, "content": f"{text}\n" if text else ""})]


def texts(found: re.Match[str], goal: str, workspace: Workspace) -> list[Call]:
    """Write a given text to a new file."""
    path = one(found["path"])
    lines = found.groupdict().get("lines")
    if lines is None:
        parts = (
            [part.strip(" .") for part in re.split(r",\s*|\s+(?:and|und)\s+", found["items"])]
            if found.groupdict().get("items")
            else []
        )
        lines = "\n".join(parts) or said(found, "text")
    if not lines:
        return []
    must_be_new(path, workspace)
    return [Call(tool="write_file", arguments={"path": path, "content": lines.strip("\n") + "\n"})]


def several_texts(found: re.Match[str], goal: str, workspace: Workspace) -> list[Call]:
    """Write a text of its own to each of several new files."""
    pairs = re.findall(rf"({QUOTED})\s+(?:in|into|to|nach)\s+{THE}({PATH})", found["pairs"], re.I)
    paths = [one(path) for _, path in pairs]
    for path in paths:
        must_be_new(path, workspace)
    return [
        Call(tool="write_file", arguments={"path": path, "content": f"{text[1:-1]}\n"})
        for path, (text, _) in zip(paths, pairs, strict=True)
    ]


def appended(found: re.Match[str], goal: str, workspace: Workspace) -> list[Call]:
    """Add a line to a file, or to all of one ending."""
    paths = all_of(found, goal, workspace) if found["ending"] or found["kind"] else names(found["path"])
    for path in paths:
        must_be_there(path, workspace)
    line = said(found, "text")
    calls = []
    for path in paths:
        start = "" if workspace.text(path).endswith("\n") or not workspace.text(path) else "\n"
        calls.append(Call(tool="append", arguments={"path": path, "content": f"{start}{line}\n"}))
    return calls


WORDINGS: list[tuple[str, Maker]] = [
    (rf"\b(?:overwrite|überschreibe?)\s+{THE}(?P<path>{PATH})\s+(?:with|mit)\s+{THE}(?P<text>{QUOTED})", overwritten),
    (rf"\b(?:clear|empty|leere)\s+{THE}(?P<path>{PATH})(?P<text>)", overwritten),
    (
        rf"\b(?:replace|change|ersetze?)\s+{_EACH}{THE}(?P<old>{WORD})\s+(?:with|by|to|durch|mit)\s+{THE}(?P<new>{WORD})\s+"
        r"(?:everywhere|überall|in\s+(?:all|every|each|allen)\s+(?:of\s+)?(?:the\s+)?"
        r"(?:\*?\.(?P<ending>\w+)[- ]?)?(?:files?|dateien))",
        replacements_everywhere,
    ),
    (
        r"\b(?:create|make|add|touch|erstelle?)\s+(?:(?:an?|the|new|empty|blank|eine?|neue|leere)\s+)*(?:(?:file|datei)\s+)?"
        rf"(?:(?:called|named|namens)\s+)?(?P<path>{PATH})",
        empty,
    ),
    (
        rf"\b(?:replace|change)\s+{_EACH}{THE}(?P<old>{WORD})\s+(?:with|by)\s+{THE}(?P<new>{WORD})\s+in\s+{THE}(?P<path>{PATH})(?P<before>)",
        replacements,
    ),
    (
        rf"(?:\bin\s+{THE}(?P<before>{PATH}),?\s+)?\b(?:replace|ersetze?)\s+(?:in\s+{THE}(?P<path>{PATH})\s+)?"
        rf"(?:überall\s+|every\s+|all\s+)?{THE}(?P<old>{WORD})\s+(?:with|by|durch)\s+{THE}(?P<new>{WORD})",
        replacements,
    ),
    (
        rf"\b(?:replace|change|swap|ersetze?|ändere?)\s+{THE}(?P<old>{QUOTED})\s+(?:with|by|to|for|durch|mit|zu)\s+{THE}(?P<new>{QUOTED})\s+in\s+{THE}(?P<path>{PATH})"
        r"(?P<before>)",
        replacements,
    ),
    (
        rf"\b(?:create|make|write|add)\s+{THE}{NEW}(?P<path>{PATH})\s+with\s+(?:exactly\s+)?(?:these|the\s+following|this)\s+"
        r"(?:\w+\s+){0,2}(?:lines?|content|text):?[ \t]*\n(?P<lines>(?:[^\n]+\n?)+)",
        texts,
    ),
    (
        rf"\bleg\w*\s+(?:bitte\s+)?(?:eine\s+)?(?:neue\s+)?datei\s+(?P<path>{PATH})\s+an\b[^:\n]*(?:pro|je)\s+zeile[^:\n]*:\s*"
        r"(?P<items>.+)",
        texts,
    ),
    (
        rf"\b(?:write|put|save|schreibe?)\s+(?P<pairs>{_TEXT_INTO}(?:(?:\s*,\s*(?:and\s+|und\s+)?|\s+and\s+|\s+und\s+){_TEXT_INTO})+)",
        several_texts,
    ),
    (
        rf"\bfüge?\s+am\s+ende\s+von\s+(?:{ALL}|{THE}(?P<path>{PATH}))\s+{THE}(?P<text>{QUOTED})(?=\s+hinzu\b)",
        appended,
    ),
    (
        rf"\b(?:write|put|save|schreibe?)\s+{THE}(?P<text>{QUOTED})\s+(?:in|into|to|as|nach)\s+{THE}{NEW}(?P<path>{PATH})",
        texts,
    ),
    (
        rf"\b(?:create|make|write|erstelle?|schreibe?|erzeuge?)\s+{THE}{NEW}(?P<path>{PATH})\s+(?:with|containing|that\s+says|saying|mit)\s+"
        rf"{THE}(?:content\s+|inhalt\s+)?"
        rf"(?P<text>{QUOTED})",
        texts,
    ),
    (
        rf"\b(?:append|add|füge?|hänge?)\s+{THE}(?P<text>{QUOTED})\s+(?:to\s+the\s+end\s+of|to|at\s+the\s+end\s+of|an|zu|am\s+ende\s+von)\s+(?:{ALL}|{THE}(?P<path>{PATH}))",
        appended,
    ),
]
