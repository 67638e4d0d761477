"""The calls that a goal spells out: what a reader does without a thought, such as "rename a.txt to b.txt".

Moves, deletions, exact replacements, values of keys, given texts, copies; in English and German. A model is slower at these,
and sometimes wrong.

Input      goal; the workspace, to see which files are there and that a replaced text or key occurs.
Output     calls of the shipped file tools, in order; [] where anything is left open: a file that is not there, a key that
           occurs twice, a condition, or another wish in the same goal.
Guarantees no model; nothing is written. A file that the goal protects ("except legal.md", "keep x.txt") is in no call.
"""

import re
from collections.abc import Sequence
from itertools import islice

from dspy_programs.agent.rules import file_calls, folder_calls, line_calls, text_calls, value_calls
from dspy_programs.agent.rules.file_names import with_full_names
from dspy_programs.agent.rules.pieces import EXCEPT
from dspy_programs.agent.tools.tool import ToolError
from dspy_programs.agent.workspace.workspace import Workspace
from dspy_programs.programs.actor import closing
from dspy_programs.types import Call

_LONGEST = 5_000  # characters of a goal
_MOST = 20  # calls
_MOST_FILES = 20_000  # that the goal's words are compared with
_PROTECTS = re.compile(
    r"\b(?:don['’]t|do\s+not|never|keep|leave|stays?|nothing\s+else|no\s+other|except|but\s+not|unchanged|only|nicht|bleib\w*|"
    r"sonst\s+nichts|außer|also\s+not)\b",
    re.I,
)
_WISH = re.compile(
    r"\b(?:rename|move|copy|delete|remove|erase|replace|change|set|write|put|add|append|create|make|save|sort|count|merge|join|"
    r"convert|collect|find|fix|extract|translate|summari[sz]e|overwrite|clear|empty|list|fill|insert|update|run|ask|send|turn|switch|print|compute|"
    r"calculate|sum|answer|show|tell|ersetz\w*|lösch\w*|verschieb\w*|benenn\w*|kopier\w*|schreib\w*|leg|setz\w*|änder\w*|trag\w*|"
    r"füg\w*|sortier\w*|such\w*|zähl\w*|stell\w*)\b",
    re.I,
)
_NARROWS = re.compile(r"\b(?:if|when|unless|until|how|what|which|falls|wenn|wie|was|welche\w*)\b", re.I)
_NEGATES = re.compile(r"\b(?:don['’]t|not|never|nicht|nie)\b", re.I)
_FILLER = re.compile(
    r"(?:[\s,.!?]|\b(?:please|only|now|everywhere|too|thanks|in\s+the\s+same\s+order|whatever\s+happens|bitte|nur|jetzt|überall|auch|"
    r"danke|um|an|ein|hinzu)\b)*",
    re.I,
)

_KINDS = (file_calls, folder_calls, line_calls, text_calls, value_calls)
_WORDINGS = [each for kind in _KINDS for each in kind.WORDINGS]
_RULES = [(re.compile(wording, re.I), make) for wording, make in _WORDINGS]


def spelled_out(goal: str, workspace: Workspace) -> list[Call]:
    """Return the calls that reach the goal, [] if its words do not say all of them."""
    return _read(goal, workspace)[0]


def why_not(goal: str, workspace: Workspace) -> str:
    """Return why the calls that a goal spells out cannot be made, such as "a.txt is not there"; "" if it spells out none."""
    calls, why = _read(goal, workspace)
    return "" if calls else why


def _read(goal: str, workspace: Workspace) -> tuple[list[Call], str]:
    if len(goal) > _LONGEST:
        return [], ""
    reason = ""
    goal = with_full_names(goal, (found.path for found in islice(workspace.walk(), _MOST_FILES) if found.kind == "file"))
    for pattern, make in _RULES:
        found = pattern.search(goal)
        if found is None or not _is_all(goal, found):
            continue
        try:
            calls = make(found, goal, workspace)
        except (ToolError, ValueError) as error:  # a file that is not there, or two where one is meant
            reason = reason or str(error)
            continue
        if calls:
            return (calls, "") if len(calls) <= _MOST else ([], f"these are {len(calls)} calls, and at most {_MOST} are made")
    return [], reason


def without_calls(goal: str, names: Sequence[str]) -> str:
    """Return a goal without the calls that are written out in it: their arguments are no words about what is to be so."""
    call = re.compile(rf"(?<![\w.])(?:{'|'.join(map(re.escape, names))})\s*(?=\()")
    place = 0
    while found := call.search(goal, place):
        place = found.end()
        if end := closing(goal, place):
            goal, place = goal[: found.start()] + " " + goal[end:], found.start()
    return goal


def _is_all(goal: str, found: re.Match[str]) -> bool:
    """Return whether nothing else is wanted, and nothing that is wanted is narrowed: "older than a week", "if it is empty"."""
    before, after = _sentences(goal[: found.start()]), _sentences(goal[found.end() :])
    head, tail = before.pop(), after.pop(0)
    others = [EXCEPT.sub("", each) for each in (*before, *after)]
    return (
        _FILLER.fullmatch(EXCEPT.sub("", tail)) is not None
        and not any(words.search(head) for words in (_NARROWS, _NEGATES, _WISH))
        and not any(_NARROWS.search(each) or (_WISH.search(each) and not _PROTECTS.search(each)) for each in others)
    )


def _sentences(text: str) -> list[str]:
    return re.split(r"[.!?;:]\s+|\n|\s+[-–]\s+", text)
