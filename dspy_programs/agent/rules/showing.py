"""The calls of a goal that only wants something shown: "Read notes.txt", "How many lines has a.txt?", "Run `pytest -q`".

Input      goal, English or German, of one wish; the workspace, to see which files are there.
Output     calls of the shipped tools that read or run; their results are the answer. [] where the goal wants anything else.
Guarantees no model; the whole goal is one of these wordings, so nothing beside it is forgotten. Only a command that the goal
           itself writes out can change anything, and the policy decides on it.
"""

import re
from collections.abc import Callable

from dspy_programs.agent.rules import showing_calls as make
from dspy_programs.agent.rules.showing_calls import Said
from dspy_programs.agent.tools.tool import ToolError
from dspy_programs.agent.workspace.workspace import Workspace
from dspy_programs.types import Call

_LONGEST = 300  # characters of a goal that only wants something shown
_POLITE = re.compile(
    r"(?:hi|hello|hey|hallo)[,!]?\s+|(?:please|bitte|now|just|kindly|quickly)[,:]?\s+"
    r"|(?:can|could|would|will)\s+you\s+|(?:kannst|könntest|würdest)\s+du\s+(?:mal\s+)?"
    r"|i\s+(?:want|would\s+like|need)\s+(?:you\s+)?to\s+|(?:i['’]d\s+like\s+to|let['’]s|let\s+me)\s+",
    re.I,
)
_THANKS = re.compile(
    r"[\s,]*(?:\b(?:please|thanks|thank\s+you|bitte|danke|mal|now|for\s+me|to\s+me|für\s+mich|in\s+this\s+folder|"
    r"in\s+the\s+workspace)\b|(?<=[\w`\"')])[.!?])$",
    re.I,
)

_A = r"(?:(?:the|a|an|all|every|each|of|my|our|this|die|der|das|den|dem|alle|allen|aller|meine|unsere|des)\s+){0,3}"
_SHOW = (
    r"(?:(?:read|show|display|print|open|cat|view|see|output|type|give|list|tell|zeige?|lies|lese|öffne|nenne?|gib|liste)\s+"
    r"(?:out\s+)?(?:(?:me|us|mir|uns)\s+)?|(?:have\s+a\s+)?look\s+(?:at|into)\s+)"
)
_LIST = (
    r"(?:(?:list|show|display|print|see|give|tell|name|find|which|zeige?|nenne?|liste|gib|welche)\s+(?:(?:me|us|mir|uns)\s+)?)"
)
_END = r"(?:\s+(?:out|aus|auf|an|vor|anzeigen|zeigen|ansehen))?"
_FILE = r"(?:(?:file|script|datei|skript|text)\s+)?"
_FOLDER = r"(?:(?:folder|directory|dir|ordner|verzeichnis)\s+)?"
_QUOTED = r"`[^`\n]+`|\"[^\"\n]+\"|'[^'\n]+'|„[^“\n]+“"
_NAME = rf"(?:{_QUOTED}|[^\s,`\"']+)"
_PATH = rf"(?P<path>{_NAME})"
_PATHS = rf"(?P<paths>{_NAME}(?:(?:\s*,\s*(?:(?:and|und)\s+)?|\s+(?:and|und)\s+){_NAME}){{0,7}})"
_IN = (
    r"(?:\s+(?:(?:are|is|sind|ist|liegen)\s+)?(?:(?:there|here|da|hier)\s+)?(?:in|inside|under|of|from|im|aus|von)\s+"
    rf"{_A}{_FOLDER}{_PATH}(?:\s+(?:folder|directory))?)"
)
_HERE = (
    r"(?:\s+(?:(?:are|is|sind|ist|gibt|liegen|exist)\s+)?(?:there|here|es|hier|da|(?:do\s+)?(?:i|we)\s+have)"
    r"(?:\s+(?:here|hier))?)?"
)
_CONTENT = r"(?:(?:contents?|text|inhalte?s?)\s+(?:of|in|von|aus)?\s*)?"
_WHAT = r"(?:what(?:['’]s|\s+is|\s+are)?|was\s+(?:ist|steht))"
_KIND = r"(?:(?P<kind>python|markdown|text|json|yaml|csv|html|javascript|typescript|shell|[*]?\.\w+)[- ]+)?"
_FILES = rf"{_KIND}(?:files?|dateien)"
_WORD = rf"(?P<word>{_QUOTED}|\S+)"
_THE_WORD = r"(?:(?:the|das|dem|den|nach)\s+)?(?:(?:word|text|string|term|wort|begriff|pattern)\s+)?"
_OWNER = r"(?:project|repo(?:sitory)?|folder|workspace|projekt|ordner)"
_COUNT = r"(?:how\s+many|count|(?:the\s+)?number\s+of|wie\s*viele|zähle?)"
_HAS = r"(?:in|has|have|does|of|hat|haben|enthält|von|stehen\s+in)"
_LAST = r"(?:(?:last|latest|recent|newest|letzten|neuesten)\s+)?"
_SINCE = r"(?:\s+(?:since\s+the\s+last\s+commit|seit\s+dem\s+letzten\s+commit|so\s+far))?"
_RUN = r"(?:run|execute|start|führe|starte)"
_PROGRAMS = (
    r"(?:python3?|pytest|npm|npx|node|make|cargo|go|ls|wc|cat|head|tail|grep|git|ruff|mypy|black|bash|sh|du|df|date|pwd|tree|"
    r"sort|uniq|diff|uv|pip|tox|nox)"
)
_ACTION = r"(?:\s+(?:status|diff|log|tests?|check|build|run|install|lint))?"
_COMMAND = rf"(?P<command>`[^`\n]+`|{_PROGRAMS}{_ACTION}(?:\s+(?:-[\w=./:-]+|[\w.-]*[./:*][\w./:*-]*)){{0,8}})"
"""Quoted, or a known program with options and paths: no further words."""

_WORDINGS: list[tuple[str, Callable[[Said, Workspace], list[Call]]]] = [
    (rf"(?:show\s+|zeige?\s+)?(?:me\s+|mir\s+)?{_A}git[- ]?status{_END}", make.status),
    (rf"(?:run\s+|{_SHOW})?{_A}git[- ]?diff{_END}(?:\s+(?:(?:of|for|von)\s+)?{_PATH})?", make.changes),
    (rf"what\s+(?:has\s+changed|have\s+i\s+changed|did\s+i\s+change|changed){_SINCE}(?:\s+in\s+{_PATH})?", make.changes),
    (rf"was\s+(?:hat\s+sich\s+|wurde\s+|habe\s+ich\s+)?geändert{_SINCE}", make.changes),
    (rf"{_SHOW}{_A}(?:uncommitted\s+)?(?:changes|änderungen){_SINCE}{_END}", make.changes),
    (rf"(?:run\s+|{_SHOW})?{_A}git[- ]?log(?P<number>){_END}", make.commits),
    (rf"{_SHOW}{_A}{_LAST}(?:(?P<number>\d{{1,3}})\s+)?{_LAST}(?:git\s+)?commits?{_END}", make.commits),
    (
        rf"(?:{_SHOW}|{_WHAT}\s+)?{_A}(?P<which>first|last|ersten?|letzten?|top)\s+(?:(?P<number>\d{{1,4}})\s+(?:lines|zeilen)|(?:line|zeile))\s+"
        rf"(?:of|from|in|von|aus)\s+{_A}{_FILE}{_PATH}{_END}",
        make.lines,
    ),
    (
        rf"(?:{_SHOW})?{_A}(?:lines|zeilen)\s+(?P<first>\d{{1,6}})\s*(?:to|-|until|and|bis|und)\s*(?P<last>\d{{1,6}})\s+(?:of|from|in|von|aus)\s+"
        rf"{_A}{_FILE}{_PATH}{_END}",
        make.lines_between,
    ),
    (rf"(?P<which>head|tail)(?:\s+-n?\s*(?P<number>\d{{1,4}}))?\s+{_PATH}", make.lines),
    (
        rf"(?:{_SHOW}|{_WHAT}\s+)?{_COUNT}\s+{_A}(?P<what>lines|words|zeilen|wörter|worte)\s+(?:(?:are|is|sind|ist)\s+)?"
        rf"(?:there\s+)?(?:of\s+text\s+)?{_HAS}\s+{_A}{_FILE}{_PATH}(?:\s+(?:have|has|contain))?",
        make.counted,
    ),
    (rf"(?P<what>line|word)\s+count\s+(?:of|for)\s+{_PATH}", make.counted),
    (rf"{_COUNT}\s+{_A}{_FILES}(?:{_IN}|{_HERE})", make.files_counted),
    (rf"(?:how\s+(?:big|large)\s+is|{_WHAT}\s+the\s+size\s+of|wie\s+groß\s+ist)\s+{_A}{_FILE}{_PATH}", make.sized),
    (
        rf"(?:{_WHAT}\s+|{_SHOW}|wie\s+(?:ist|lautet)\s+){_A}(?:(?:value|wert)\s+(?:of|von|für)\s+)?{_A}"
        rf"(?P<key>[\w.\"'`-]+)\s+(?:in|von|of|from|aus)\s+{_PATH}",
        make.value,
    ),
    (
        rf"{_LIST}(?P<every>all|every|alle)\s+{_A}{_FILES}(?:{_IN}|{_HERE}){_END}",
        make.listed,
    ),
    (rf"(?:{_LIST}|{_WHAT}\s+)?{_A}{_FILES}(?:{_IN}|{_HERE}){_END}", make.listed),
    (rf"(?:ls|dir)(?:\s+{_PATH})?", make.listed),
    (rf"{_LIST}(?:everything|alles){_HERE}(?:{_IN})?", make.listed),
    (rf"{_LIST}{_A}names\s+of\s+(?P<every>all\s+)?{_A}{_FILES}(?:{_IN}|{_HERE})", make.listed),
    (rf"(?:find|where\s+is|wo\s+ist|finde|locate)\s+{_A}{_FILE}{_PATH}", make.named),
    (
        rf"(?:does|do\s+(?:we|i)\s+have|is\s+there|are\s+there|gibt\s+es|existiert|(?:does|hat)\s+{_A}{_OWNER}\s+(?:have|contain)?)\s*"
        rf"{_A}(?:eine?\s+)?{_FILE}(?:(?:called|named|namens|mit\s+dem\s+namen)\s+)?{_PATH}(?:[ -](?:file|datei))?"
        rf"(?:\s+exist|{_HERE})?",
        make.named,
    ),
    (
        rf"(?:{_SHOW}|{_WHAT}\s+)(?:{_WHAT}\s+)?(?:(?:in|inside)\s+)?{_A}{_CONTENT}{_A}{_FILE}{_FOLDER}{_PATHS}"
        rf"(?:\s+(?:folder|directory))?{_END}(?:\s+steht)?",
        make.shown,
    ),
    (rf"mir\s+{_A}{_CONTENT}{_A}{_FILE}{_PATHS}\s+(?:zeigen|anzeigen|vorlesen|ausgeben|öffnen)", make.shown),
    (rf"(?:what\s+does|was\s+(?:sagt|enthält))\s+{_A}{_FILE}{_PATHS}(?:\s+(?:say|contain|have|look\s+like))?", make.shown),
    (
        rf"(?:search|grep|look|suche?|finde)\s+(?:(?:for|nach|in\s+all\s+files\s+for)\s+)?{_A}{_THE_WORD}{_WORD}"
        rf"(?:\s+(?:comments?|everywhere|überall))?(?:{_IN})?",
        make.searched,
    ),
    (
        rf"find\s+(?:all\s+)?(?:(?:lines\s+with|occurrences\s+of)\s+)?{_THE_WORD}(?P<word>{_QUOTED}|(?-i:[A-Z][A-Z_]{{2,}}))(?-i:s)?"
        rf"(?:\s+comments?)?(?:{_IN})?",
        make.searched,
    ),
    (rf"search\s+{_A}(?:files|dateien)\s+for\s+{_THE_WORD}{_WORD}", make.searched),
    (rf"search\s+{_A}{_PATH}\s+for\s+{_THE_WORD}{_WORD}", make.searched),
    (rf"(?:does|do)\s+{_A}{_FILE}{_PATH}\s+(?:contain|have|mention)\s+{_THE_WORD}{_WORD}", make.searched_in),
    (rf"enthält\s+{_A}{_FILE}{_PATH}\s+{_THE_WORD}{_WORD}", make.searched_in),
    (rf"where\s+is\s+{_WORD}\s+(?:mentioned|used|defined|called)(?:{_IN})?", make.searched),
    (rf"(?:which|what)\s+files?\s+(?:contains?|mentions?|uses?)\s+{_THE_WORD}{_WORD}", make.searched),
    (
        rf"(?:wo\s+steht|in\s+welchen\s+dateien\s+steht|welche\s+dateien\s+enthalten|wo\s+kommt)\s+{_THE_WORD}{_WORD}(?:\s+vor)?",
        make.searched,
    ),
    (
        rf"(?:{_RUN}\s+)?(?:(?:the\s+)?(?:command|tests?\s+with|das\s+kommando|den\s+befehl)\s+)?{_COMMAND}(?:\s+aus)?",
        make.run,
    ),
    (rf"{_RUN}\s+(?P<command>(?:rm|mv|cp|mkdir|rmdir|touch)(?:\s+[\w./*:=-]+){{1,8}})(?:\s+aus)?", make.run_on_files),
    (rf"(?P<command>grep\s+(?:-\w+\s+)+{_NAME}(?:\s+{_NAME})?)", make.run),
    (rf"{_RUN}\s+{_A}{_FILE}{_PATH}(?:\s+aus)?", make.script),
    (rf"{_RUN}\s+{_A}(?:unit\s*)?tests?(?:\s+aus)?", make.tests),
]
_RULES = [(re.compile(wording, re.I), maker) for wording, maker in _WORDINGS]


def looks(goal: str, workspace: Workspace) -> list[Call]:
    """Return the calls that show what a goal asks for, [] if it wants anything else."""
    goal = bare(goal)
    for pattern, maker in _RULES if 0 < len(goal) <= _LONGEST else []:
        if found := pattern.fullmatch(goal):
            try:
                calls = maker({name: text or "" for name, text in found.groupdict().items()}, workspace)
            except ToolError:  # a path that leads out, or a file that is no text
                continue
            if calls:
                return calls
    return []


def bare(goal: str) -> str:
    """Take the courtesy off a goal."""
    goal = " ".join(goal.split()) if len(goal) <= 2 * _LONGEST else ""
    while found := _POLITE.match(goal):
        goal = goal[found.end() :]
    while (found := _THANKS.search(goal)) and found.start():
        goal = goal[: found.start()]
    return goal.strip(" ,:")
