"""Keep the arguments whose values are said in the query or shown in the workspace; a path becomes one that is there.

Input      the arguments of a call, the tool, the query, the workspace's listing, and what the logs say.
Output     Known: the arguments with a source, what was changed or left out (`repairs`), and what the tool needs (`missing`).
Guarantees no value is invented: a path is in the listing, or written in the query; each word of a name, a pattern or a glob,
           and each number, is in the query, the listing or the logs; a question or a task with foreign words is the query.
"""

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import NamedTuple

from pydantic import JsonValue

from dspy_programs.programs.actor import MissingArgument
from dspy_programs.programs.orchestrator.repository_tools import KINDS, Kind
from dspy_programs.text import SPELLED, content_stems, words
from dspy_programs.types import Function

_PATH = re.compile(r"[\w.@+~-]*(?:/[\w.@+~-]+)+/?|[\w@+-]+(?:\.[\w@+-]+)+|\.[\w-]{2,}|[A-Z][A-Za-z]*file\b|[\w.-]+/")
_ESCAPE = re.compile(r"\\[A-Za-z]")
_NAME = re.compile(r"[^\W\d]\w*")
_NUMBER = re.compile(r"\d+")
SUFFIXES = {"python": "py", "javascript": "js", "typescript": "ts", "rust": "rs", "ruby": "rb", "go": "go", "java": "java"}
SUFFIXES |= {"kotlin": "kt", "bash": "sh", "cpp": "cpp", "c": "c", "csharp": "cs", "php": "php", "swift": "swift"}
_LOGS = re.compile(r"\.(?:log|out|err)(?:\.\d+)?(?:\.gz)?$|(?:^|/)logs?(?:/|$)")

_CODE = re.compile(r"\.(?:pyi?|[jt]sx?|go|rs|rb|java|kt|c|h|cpp|cs|php|swift|md|html|css)$")
_KEYWORDS = frozenset("from import class def func fn function raise return require".split())
"""Words of programming languages that a pattern may have beside those said."""
_SEVERAL = "there are several"


class Known(NamedTuple):
    arguments: dict[str, JsonValue]
    repairs: list[str]
    missing: list[MissingArgument]


class Place:
    """What is known: the query, the listing of the workspace with its paths, and the logs."""

    def __init__(self, query: str, workspace: str, logs: str = "") -> None:
        self.query, self.logs = query, logs
        self.paths = paths_in(workspace)
        self.folders = {path[: at + 1] for path in self.paths for at, sign in enumerate(path) if sign == "/"}
        self._folded = {path: path.casefold().rstrip("/") for path in [*self.paths, *sorted(self.folders)]}
        self.said = f"{query}\n{workspace}\n{logs}".casefold()
        self.names = set(_NAME.findall(self.said)) | set(_NAME.findall(self.said.replace("_", " ")))
        self.stems = set(content_stems(self.said.replace("_", " ").replace("/", " ")))

    def named(self, text: str) -> list[str]:
        """Return the paths of the listing that a text names: whole, by their end, or by the name without its suffix."""
        plain = text.strip("'\"`").removeprefix("./").casefold()
        if not plain or plain == ".":
            return []
        plain = plain.rstrip("/")
        whole = [path for path, text in self._folded.items() if text == plain]
        ends = [path for path, text in self._folded.items() if text.endswith(f"/{plain}")]
        stems = [path for path in self.paths if path.rpartition("/")[2].partition(".")[0].casefold() == plain]
        return whole or ends or (stems if len(plain) > 2 else [])

    @property
    def log_paths(self) -> list[str]:
        return [path for path in self.paths if _LOGS.search(path) and not _CODE.search(path)]

    @property
    def language(self) -> str:
        """The language that most files of the listing are in, "" if none is known."""
        ends = [path.rpartition(".")[2] for path in self.paths]
        count, language = max((ends.count(suffix), language) for language, suffix in SUFFIXES.items())
        return language if count else ""


def paths_in(workspace: str) -> list[str]:
    """Return the paths in a listing: one a line, or what looks like a path among other words."""
    found: list[str] = []
    for line in workspace.splitlines():
        alone = line.split()
        found += alone if len(alone) == 1 else _PATH.findall(line)
    return list(dict.fromkeys(path.removeprefix("./").strip("`,;") for path in found))


def written_paths(text: str) -> list[str]:
    """Return what in a text is written as a path."""
    return [each.rstrip(".") for each in _PATH.findall(text)]


def known_values(tool: Function, arguments: Mapping[str, JsonValue], place: Place) -> Known:
    """See the top of the file."""
    found = Known({}, [], [])
    for name, value in arguments.items():
        kept, why = _kept(KINDS.get(name, "words"), value, place)
        if kept is not None:
            found.arguments[name] = kept
            if kept != value and why:
                found.repairs.append(f"{name}: {why}")
        elif name in _needed(tool) or why.startswith((_SEVERAL, "it is outside")):
            found.missing.append(MissingArgument(tool=tool.name, argument=name, why=why))
        elif value not in ("", ".", None, False):
            found.repairs.append(f"{name}: {value!r} left out: {why}")
    for name in _needed(tool):
        if name not in found.arguments and all(gap.argument != name for gap in found.missing):
            found.missing.append(MissingArgument(tool=tool.name, argument=name, why="the query does not say it"))
    return found


def _needed(tool: Function) -> list[str]:
    required = tool.parameters.get("required")
    return [str(name) for name in required] if isinstance(required, list) else []


def _kept(kind: Kind, value: JsonValue, place: Place) -> tuple[JsonValue, str]:
    """Return a value with a source and what was changed in it, or None and why it has none."""
    unsaid = "neither the query nor the workspace says it"
    if kind == "flag":
        return (value, "") if isinstance(value, bool) else (None, "it is not true or false")
    if kind == "number":
        said = {*_NUMBER.findall(place.query), *(str(SPELLED.index(word)) for word in words(place.query) if word in SPELLED)}
        return (value, "") if str(value) in said else (None, "the query has no such number")
    if not isinstance(value, str) or not value.strip():
        return None, "it is empty"
    if kind == "path":
        return _path(value.strip(), place)
    if kind == "language":
        is_named = value.casefold() in words(place.query) or value.casefold() == place.language
        return (value, "") if is_named else (None, unsaid)
    if kind == "words":
        foreign = [stem for stem in content_stems(value) if stem not in place.stems]
        return (place.query, "the query itself, for it says other words") if foreign else (value, "")
    if kind == "glob" and any(fnmatchcase(path, value) or fnmatchcase(path.rpartition("/")[2], value) for path in place.paths):
        return value, ""
    parts = _NAME.findall(_ESCAPE.sub(" ", value).casefold())
    parts = [part for part in parts if f"${part}" not in value.casefold() and part not in _KEYWORDS]
    if value.casefold() in place.said or (parts and all(part in place.names or part in place.said for part in parts)):
        return value, ""
    return None, unsaid


def _path(value: str, place: Place) -> tuple[JsonValue, str]:
    if value in (".", "./", "-"):
        return (value, "") if value == "-" and place.logs else (None, "it is the whole folder")
    if value.startswith(("/", "~")) or ".." in value.split("/"):
        return None, "it is outside of the repository"
    found = place.named(value)
    own = [path for path in found if not path.startswith("test")]
    found = own if len(own) == 1 and "test" not in place.query.casefold() else found
    if len(found) > 1:
        return None, f"{_SEVERAL}: {', '.join(found[:4])}"
    if found:
        return found[0], f"{value} is {found[0]}"
    if value.casefold() in place.query.casefold() and value in written_paths(place.query):
        return value, ""
    return None, "neither the query nor the workspace names it"
