"""A value that a goal wants set and does not say: "set the e-mail in settings.json to the new address".

Only the user knows it, so it is asked for before anything is done. A model would make one up.

Input      goal; the workspace, where another file may have the value.
Output     the words that stand for it ("the new address"), and the parts of files that are not there; "" and [] where nothing
           is open, as far as the words tell.
Guarantees no model; a goal that goes on with a quoted text, an address or a number has said it.
"""

import re

from dspy_programs.agent.tools.tool import ToolError
from dspy_programs.agent.workspace.workspace import Workspace

_WHOSE = r"(?:my|our|his|her|their|the\s+(?:new|right|correct|current))"
_NOUN = r"(?:[A-Za-zÀ-ÿ-]+\s+){0,2}[A-Za-zÀ-ÿ-]{3,30}"
_END = r"(?=\s*(?:[.,!?](?:\s|$)|$))"
_INTO = r"\s+(?:in|into|to|at|on)\s+(?:the\s+)?[`\"']?[\w./-]+\.\w+"
_OPEN = [
    re.compile(
        rf"\b(?:set|change|update|replace|switch)\b[^.!?\n]*?(?:\.\w[^.!?\n]*?)?\b(?:to|with|by)\s+(?P<what>{_WHOSE}\s+{_NOUN}){_END}",
        re.I,
    ),
    re.compile(rf"\b(?:add|enter|insert|note)\s+(?P<what>{_WHOSE}\s+{_NOUN}?){_INTO}", re.I),
    re.compile(
        rf"\b(?:trag\w*|setz\w*|änder\w*|schreib\w*|ergänz\w*)\s+(?:bitte\s+)?(?P<what>(?:(?:die|den|das)\s+neue[nr]?|(?:mein|unser|ihr)e?n?)\s+"
        rf"{_NOUN}?)(?:\s+(?:von|für)\s+[^.,\n]{{2,40}}?)?\s+(?:in|auf|bei)\s+[\w./-]+\.\w+",
        re.I,
    ),
]
_TARGETLESS = re.compile(
    r"""^\W*(?:(?:please|can\s+you|could\s+you|bitte)\s+)?(?:
    (?:set|change)\s+(?P<set>(?:the|my|our|his|her)\s+[^.,;\n]{3,60}?)
    |update\s+(?P<update>(?:the|my|our|his|her)\s+(?:[\w-]+\s+){0,3}?
    (?:price|date|deadline|number|address|e-?mail|phone|salary|amount|port|password|rate|time|place|title|owner|budget)
    (?:\s+(?:of|for)\s+[^.,;\n]{2,40}?)?)
    )\s+in\s+(?:the\s+)?[`"']?[\w./-]+\.\w+[`"']?(?:,?\s+please)?\s*[.!?]*\s*$""",
    re.I | re.X,
)
_TARGET = re.compile(r"\b(?:to|into|from|by|with|as|back|so|off|on)\b", re.I)
_SAID = re.compile(r"[\"“„`]|(?<!\w)'|[^\s@]+@[^\s@]+\.\w|\d|https?:|:\s*\S")
_FILE = re.compile(r"[\w./-]*\w\.[A-Za-z]\w{0,9}\b")
_PART = re.compile(
    rf"\b(?P<kind>[A-Za-zÀ-ÿ]{{3,20}})\s+(?P<number>\d+)\s+(?:of|in|from|aus|von|im|der)\s+(?:the\s+)?[`\"']?(?P<path>{_FILE.pattern})"
)
_LONGEST = 600  # characters of a goal: who says so much has said it


def open_value(goal: str, workspace: Workspace) -> str:
    """Return the words for a value that nobody has said and no other file has."""
    if len(goal) > _LONGEST or _SAID.search(_FILE.sub("", goal)):
        return ""
    found = next(filter(None, (pattern.search(goal) for pattern in _OPEN)), None)
    targets = [name for name in _FILE.findall(goal) if _is_file(name, workspace)]
    if found is None or len(targets) != 1:
        return ""
    what = " ".join(found["what"].split())
    return "" if _is_elsewhere(what.split()[-1], targets[0], workspace) else what


def target_value(goal: str, workspace: Workspace) -> str:
    """Return what a goal wants set without a word of to what: "Change the deadline in plan.md"."""
    found = _TARGETLESS.search(goal) if len(goal) <= _LONGEST else None
    what = (found["set"] or found["update"]) if found else ""
    names = [name for name in _FILE.findall(goal) if _is_file(name, workspace)]
    return "" if not what or _TARGET.search(what) or len(names) != 1 else what


def parts_missing(goal: str, workspace: Workspace) -> list[str]:
    """Return the numbered parts, as "chapter 7 of a.txt", that a goal wants of files that have only others of the kind."""
    found = []
    for match in _PART.finditer(goal[:_LONGEST]):
        if _is_file(match["path"], workspace):
            text = workspace.text(match["path"]).lower()
            there = re.findall(rf"\b{match['kind'].lower()}\s+(\d+)\b", text)
            if there and match["number"] not in there:
                found.append(f"{match['kind']} {match['number']} of {match['path']}")
    return found


def with_value(goal: str, what: str, value: str) -> str:
    """Return the goal with what the user answered in its place."""
    quoted = f'"{value}"' if '"' not in value else value
    return re.sub(r"\s+".join(map(re.escape, what.split())), lambda _: quoted, goal, count=1)


def _is_elsewhere(noun: str, target: str, workspace: Workspace) -> bool:
    """Return whether another file speaks of it."""
    for found in workspace.walk():
        if found.kind != "file" or found.path == target:
            continue
        try:
            if noun.lower() in f"{found.path}\n{workspace.text(found.path)}".lower():
                return True
        except ToolError:
            continue
    return False


def _is_file(path: str, workspace: Workspace) -> bool:
    try:
        return workspace.kind(path) == "file"
    except ToolError:
        return False
