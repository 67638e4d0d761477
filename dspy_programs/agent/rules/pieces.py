"""The pieces of which the wordings of wishes are made, and what is read from the places where they match.

Guarantees paths stand without quotes, and without the full stop that ends a sentence.
Raises     ToolError or ValueError with the reason where a file is not as the words take it to be.
"""

import re
from collections.abc import Callable, Iterator

from dspy_programs.agent.workspace.workspace import Workspace
from dspy_programs.types import Call

Maker = Callable[[re.Match[str], str, Workspace], list[Call]]
"""From where a wording matches, the goal and the workspace to the calls; [] if the words leave anything open."""

_UNENDED = r"(?-i:LICEN[SC]E|README|NOTICE|Makefile|Dockerfile)(?![\w.-]*\w)"
PATH = rf"[`\"']?(?:\./)?(?:[\w.-]+/)*(?:[\w-][\w.-]*\.\w+|\.\w[\w.-]*|{_UNENDED})[`\"']?"
PATHS = rf"{PATH}(?:(?:\s*,\s*(?:and\s+|und\s+)?|\s+and\s+|\s+und\s+){PATH})*"
THE = r"(?:(?:the|a|an|file|files|line|text|word|words|die|der|das|den|dem|eine|einen|datei|dateien|zeile|wort|namens)\s+)*"
QUOTED = r"(?:\"[^\"\n]+\"|'[^'\n]+'|`[^`\n]+`|“[^”\n]+”|„[^“\n]+“)"
FOLDER = r"[`\"']?(?:[\w.-]+/)*[\w.-]*\w/?[`\"']?"
WORD = rf"(?:{QUOTED}|[^\s\"'`]*[^\s\"'`.,;:!?])"
NEW = r"(?:(?:new|called|named)\s+)*"
KINDS = dict(
    python="py", markdown="md", text="txt", javascript="js", typescript="ts", shell="sh", log="log", csv="csv", json="json"
)
ALL = (
    r"(?:(?:all|every|alle)\s+(?:of\s+)?(?:the\s+)?|(?:(?:the|die)\s+)?(?=\*\.\w|\.?\w+[- ](?:files|dateien)\b))"  # or a plural
    r"(?:(?:files?|dateien)\s+(?:ending\s+(?:in|with|on)|(?:with|mit)\s+(?:the\s+|der\s+)?(?:ending|extension|endung))\s+)?"
    rf"(?:\*?\.(?P<ending>\w+)[- ]*(?:files?|dateien)?|(?P<kind>{'|'.join(KINDS)})[- ]?(?:files|dateien))"
    rf"(?:\s+(?:in|from|aus|im)\s+{THE}(?:folder\s+|ordner\s+)?(?P<folder>{FOLDER}))?"
)
EXCEPT = re.compile(
    r",?\s*(?:but|aber|and)?\s*\b(?:(?:do\s+not|don['’]t|never)\s+(?:touch|change|edit|modify|delete|remove|rename|move)|except|not|keep|leave|"
    rf"außer|ohne|nicht|behalte)(?:\s+(?:for|in))?\s+{THE}(?P<paths>{PATHS})",
    re.I,
)


def must_be_new(path: str, workspace: Workspace) -> None:
    """Raise ValueError for a path that is taken, ToolError for one that may not be written."""
    workspace.check_writable(path)
    if workspace.kind(path) is not None:
        raise ValueError(f"{path} exists already; delete it first, or name another one")


def must_be_there(path: str, workspace: Workspace) -> None:
    kind = workspace.kind(path)
    if kind != "file":
        raise ValueError(f"{path} is a {kind}, and no file" if kind else f"{path} is not there")


def all_of(found: re.Match[str], goal: str, workspace: Workspace) -> list[str]:
    """Return the files that ALL means, but those that the goal excepts."""
    return with_ending(found["ending"] or KINDS[found["kind"].lower()], found["folder"], goal, workspace)


def with_ending(ending: str, folder: str | None, goal: str, workspace: Workspace) -> list[str]:
    """Return the files of an ending in a folder, but those that the goal excepts."""
    spared = {name for found in EXCEPT.finditer(goal) for name in names(found["paths"])}
    home = (folder or ".").strip("`\"'").rstrip("/")
    if folder and workspace.kind(home) != "folder":
        return []
    files = sorted(found.path for found in workspace.walk(home) if found.kind == "file" and found.path.endswith(f".{ending}"))
    return [path for path in files if path not in spared and path.rpartition("/")[2] not in spared]


def names(text: str | None) -> list[str]:
    """Return the paths of a list, without quotes and the full stop that ends a sentence."""
    return [part.strip("`\"',").rstrip(".") for part in _split(text or "")]


def one(text: str | None) -> str:
    paths = names(text)
    if len(paths) != 1:
        raise ValueError("one file must be named")
    return paths[0]


def _split(text: str) -> Iterator[str]:
    return (part for part in re.split(r"\s*,\s*|\s+", text) if part and part.lower() not in ("and", "und"))


def said(found: re.Match[str], name: str) -> str:
    """Return a text that is quoted or one word, without its quotes."""
    text = found[name]
    return text[1:-1] if len(text) > 1 and text[0] in "\"'`“„" else text
