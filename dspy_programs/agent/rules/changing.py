"""The calls that a goal spells out: what a reader does without a thought, such as "rename a.txt to b.txt".

Moves, deletions, exact replacements, values of keys, given texts, copies; in English and German. A model is slower at these,
and sometimes wrong.

Input      goal; the workspace, to see which files are there and that a replaced text or key occurs.
Output     calls of the shipped file tools, in order; [] where anything is left open: a file that is not there, a key that
           occurs twice, a condition, or another wish in the same goal.
Guarantees no model; nothing is written. A file that the goal protects ("except legal.md", "keep x.txt") is in no call.
"""

import re
from collections.abc import Callable, Sequence
from itertools import islice

from dspy_programs.agent.rules import file_calls, folder_calls
from dspy_programs.agent.rules.file_calls import EXCEPT, PATH, PATHS, QUOTED, THE
from dspy_programs.agent.rules.file_names import with_full_names
from dspy_programs.agent.tools.tool import ToolError
from dspy_programs.agent.workspace.workspace import Workspace
from dspy_programs.programs.actor import closing
from dspy_programs.types import Call

_LONGEST = 5_000  # characters of a goal
_MOST = 20  # calls
_MOST_FILES = 20_000  # that the goal's words are compared with
_FOLDER = r"[`\"']?(?:[\w.-]+/)*[\w.-]*\w/?[`\"']?"
_WORD = rf"(?:{QUOTED}|[^\s\"'`]*[^\s\"'`.,;:!?])"
_NEW = r"(?:(?:new|called|named)\s+)*"
_KEY = r"(?P<key>[\w .-]{2,40}?)"
_SET = rf"\b(?:set|change|bump|update|setze?|ändere?|stelle?)\s+(?:bitte\s+)?{THE}[\"'`]?{_KEY}[\"'`]?\s+"
_TEXT_INTO = rf"{THE}{QUOTED}\s+(?:in|into|to|nach)\s+{THE}{_NEW}{PATH}"
_ALL = (
    r"(?:all|every|alle)\s+(?:of\s+)?(?:the\s+)?\*?\.(?P<ending>\w+)[- ]*(?:files?|dateien)?"
    rf"(?:\s+(?:in|from|aus|im)\s+{THE}(?:folder\s+|ordner\s+)?(?P<folder>{_FOLDER}))?"
)
_IS_FOLDER = r"(?:(?:whole|entire|new|neuen?)\s+)*(?P<word>(?:folder|directory|ordner|verzeichnis)\s+)?"
_THE_FOLDER = rf"(?:(?:the|my|this|den|das|meinen|mein)\s+)?{_IS_FOLDER}"
_AFTER_FOLDER = r"(?:\s+(?:folder|directory))?"
_PROTECTS = re.compile(
    r"\b(?:don['’]t|do\s+not|never|keep|leave|stays?|nothing\s+else|no\s+other|except|but\s+not|unchanged|only|nicht|bleib\w*|"
    r"sonst\s+nichts|außer|also\s+not)\b",
    re.I,
)
_WISH = re.compile(
    r"\b(?:rename|move|copy|delete|remove|erase|replace|change|set|write|put|add|append|create|make|save|sort|count|merge|join|"
    r"convert|collect|find|fix|extract|translate|summari[sz]e|list|fill|insert|update|run|ask|send|turn|switch|print|compute|"
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

_Maker = Callable[[re.Match[str], str, Workspace], list[Call]]
_WORDINGS: list[tuple[str, _Maker]] = [
    (
        r"\b(?:change|rename)\s+the\s+(?:file\s+)?(?:ending|extension|suffix)s?\s+of\s+(?:all|every|the)\s+(?:of\s+)?(?:the\s+)?"
        rf"\*?\.(?P<old>\w+)\s+files?(?:\s+in\s+{THE}(?P<folder>(?!to\b){_FOLDER}))?\s+(?:in)?to\s+\.?(?P<new>\w+)",
        file_calls.endings,
    ),
    (
        r"\brename\s+(?:all|every)\s+(?:of\s+)?(?:the\s+)?"
        rf"\*?\.(?P<old>\w+)(?:[- ]files?)?(?:\s+in\s+{THE}(?P<folder>(?!to\b){_FOLDER}))?\s+"
        r"(?:in)?to\s+\*?\.(?P<new>\w+)(?:[- ]files?)?",
        file_calls.endings,
    ),
    (
        rf"\b(?P<verb>rename|move|benenne|verschiebe)\s+{THE}(?:(?P<path>{PATHS})|them|these|sie)\s+"
        rf"(?:to|into|as|in|nach|zu)\s+{THE}(?P<folder>(?:folder|directory|ordner)\s+)?{_NEW}(?P<to>{PATHS}|{_FOLDER})(?:\s+um\b)?",
        file_calls.moves,
    ),
    (
        rf"\b(?:move|verschiebe)\s+{_ALL}\s+(?:to|into|in|nach)\s+{THE}(?:(?:new\s+)?(?:folder|directory|ordner)\s+)?(?P<to>{_FOLDER})"
        rf"{_AFTER_FOLDER}",
        file_calls.all_moved,
    ),
    (
        rf"\b(?P<verb>rename|move|benenne|verschiebe)\s+{_THE_FOLDER}(?P<path>{_FOLDER}){_AFTER_FOLDER}\s+(?:to|into|as|in|nach|zu)\s+"
        rf"{THE}(?P<into>(?:folder|directory|ordner|verzeichnis)\s+)?{_NEW}(?P<to>{_FOLDER})(?:\s+um\b)?",
        folder_calls.moved,
    ),
    (
        rf"\bcopy\s+{_THE_FOLDER}(?P<path>{_FOLDER}){_AFTER_FOLDER}\s+(?:to|as)\s+{THE}(?:folder\s+)?{_NEW}(?P<to>{_FOLDER})",
        folder_calls.copied,
    ),
    (
        rf"\b(?:delete|remove|erase|get\s+rid\s+of|lösche?)\s+(?:bitte\s+)?(?:(?:the|den|das)\s+)?(?P<empty>(?:empty|leeren?)\s+)?"
        rf"{_THE_FOLDER}(?P<path>{_FOLDER}){_AFTER_FOLDER}(?:,?\s+(?:and|with|und|mit)\s+(?:all|everything|allem)(?:\s+(?:that\s+is|"
        rf"files|was))?(?:\s+(?:in|inside)\s+it|\s+darin(?:\s+ist)?)?)?",
        folder_calls.deleted,
    ),
    (
        r"\b(?:create|make|add|erstelle?|lege?)\s+(?:bitte\s+)?(?:(?:an?|the|two|three|einen?|eine|den|new|neuen?|empty|leeren?)\s+)*"
        r"(?:folders?|directory|directories|ordner|verzeichnis(?:se)?)\s+(?:(?:called|named|namens)\s+)?"
        rf"(?P<paths>{_FOLDER}(?:(?:\s*,\s*(?:and\s+|und\s+)?|\s+and\s+|\s+und\s+){_FOLDER})*)(?:\s+an\b)?",
        folder_calls.made,
    ),
    (
        rf"\b(?:copy|kopiere?)\s+{THE}(?P<path>{PATH})\s+(?:to|into|as|in|nach)\s+{THE}(?P<folder>(?:folder|directory|ordner)\s+)?"
        rf"(?P<to>{PATH}|{_FOLDER})",
        file_calls.copies,
    ),
    (rf"\bmake\s+a\s+copy\s+of\s+{THE}(?P<path>{PATH})\s+(?:called|named|as)\s+{THE}(?P<to>{PATH})", file_calls.copies),
    (
        rf"\b(?:delete|remove|erase|get\s+rid\s+of|lösche?)\s+(?:bitte\s+)?(?:{_ALL}|{THE}(?P<paths>{PATHS}))(?=[\s.,!?]|$)",
        file_calls.deletions,
    ),
    (
        rf"(?:\bin\s+{THE}(?P<before>{PATH}),?\s+)?\b(?:replace|ersetze?)\s+(?:in\s+{THE}(?P<path>{PATH})\s+)?"
        rf"(?:überall\s+|every\s+|all\s+)?{THE}(?P<old>{_WORD})\s+(?:with|by|durch)\s+{THE}(?P<new>{_WORD})",
        file_calls.replacements,
    ),
    (
        rf"\b(?:replace|change|swap|ersetze?|ändere?)\s+{THE}(?P<old>{QUOTED})\s+(?:with|by|to|for|durch|mit|zu)\s+{THE}(?P<new>{QUOTED})\s+in\s+{THE}(?P<path>{PATH})"
        r"(?P<before>)",
        file_calls.replacements,
    ),
    (
        rf"{_SET}in\s+{THE}(?P<path>{PATH})\s+(?:(?:from|von)\s+\S+\s+)?(?:to|auf)\s+(?P<value>{_WORD})",
        file_calls.values,
    ),
    (rf"{_SET}(?:(?:from|von)\s+\S+\s+)?(?:to|auf)\s+(?P<value>{_WORD})\s+in\s+{THE}(?P<path>{PATH})", file_calls.values),
    (
        rf"\b(?:create|make|write|add)\s+{THE}{_NEW}(?P<path>{PATH})\s+with\s+(?:exactly\s+)?(?:these|the\s+following|this)\s+"
        r"(?:\w+\s+){0,2}(?:lines?|content|text):?[ \t]*\n(?P<lines>(?:[^\n]+\n?)+)",
        file_calls.texts,
    ),
    (
        rf"\bleg\w*\s+(?:bitte\s+)?(?:eine\s+)?(?:neue\s+)?datei\s+(?P<path>{PATH})\s+an\b[^:\n]*(?:pro|je)\s+zeile[^:\n]*:\s*"
        r"(?P<items>.+)",
        file_calls.texts,
    ),
    (
        rf"\b(?:write|put|save|schreibe?)\s+(?P<pairs>{_TEXT_INTO}(?:(?:\s*,\s*(?:and\s+|und\s+)?|\s+and\s+|\s+und\s+){_TEXT_INTO})+)",
        file_calls.several_texts,
    ),
    (
        rf"\bfüge?\s+am\s+ende\s+von\s+(?:{_ALL}|{THE}(?P<path>{PATH}))\s+{THE}(?P<text>{QUOTED})(?=\s+hinzu\b)",
        file_calls.appended,
    ),
    (
        rf"\b(?:write|put|save|schreibe?)\s+{THE}(?P<text>{QUOTED})\s+(?:in|into|to|nach)\s+{THE}{_NEW}(?P<path>{PATH})",
        file_calls.texts,
    ),
    (
        rf"\b(?:create|make|write|erstelle?|schreibe?|erzeuge?)\s+{THE}{_NEW}(?P<path>{PATH})\s+(?:with|containing|that\s+says|saying|mit)\s+"
        rf"{THE}(?:content\s+|inhalt\s+)?"
        rf"(?P<text>{QUOTED})",
        file_calls.texts,
    ),
    (
        rf"\b(?:append|add|füge?|hänge?)\s+{THE}(?P<text>{QUOTED})\s+(?:to|at\s+the\s+end\s+of|an|zu|am\s+ende\s+von)\s+(?:{_ALL}|{THE}(?P<path>{PATH}))",
        file_calls.appended,
    ),
]
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
