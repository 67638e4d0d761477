"""From the words of a goal that only wants something shown to the calls that show it: the makers of showing.py.

Input      said: what the wording's groups matched, "" for those that did not; workspace.
Output     the calls; [] if a file or folder is not as the words take it to be.
Raises     ToolError for a path that leads out of the workspace, or a file that is no text.
"""

import json
import re
import shlex
from collections.abc import Mapping
from itertools import islice

from dspy_programs.agent.rules.pieces import KINDS
from dspy_programs.agent.workspace.workspace import Workspace
from dspy_programs.types import Call

Said = Mapping[str, str]

_MOST_SEEN = 20_000  # files among which a bare name is looked for
_NAME = re.compile(r"`[^`]+`|\"[^\"]+\"|'[^']+'|[^\s,]+")
_ENDINGS = KINDS | dict(yaml="y*ml", html="htm*")
_VAGUE = re.compile(
    r"(?:bugs?|errors?|mistakes?|typos?|problems?|issues?|duplicates?|files?|everything|something|fehlern?|problemen?|dateien|it|"
    r"them|that|this|information|ways?)$",
    re.I,
)
"""What nobody wants looked for as a word."""


def _call(tool: str, **arguments: object) -> Call:
    return Call.model_validate({"tool": tool, "arguments": arguments})


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] in "`\"'„" else text


def _found(text: str, workspace: Workspace) -> str:
    """Return the path of the one file that is meant: as it is written, or the only one of that name; "" for none."""
    name = _unquoted(text).removeprefix("./")
    if name and workspace.kind(name) == "file":
        return name
    if not name or "/" in name or workspace.kind(name):
        return ""
    paths = [found.path for found in islice(workspace.walk(), _MOST_SEEN) if found.kind == "file"]
    named = [path for path in paths if path.endswith(f"/{name}")]
    if not named and "." not in name:  # "the README" is README.md
        stems = [path for path in paths if path.rpartition("/")[2].partition(".")[0].lower() == name.lower()]
        named = [path for path in stems if "/" not in path] or stems
    return named[0] if len(named) == 1 else ""


def _folder(text: str, workspace: Workspace) -> str:
    """Return a folder's path, "." where none is named, "" for one that is not there."""
    name = _unquoted(text).rstrip("/") if text else "."
    return name if name and workspace.kind(name) == "folder" else ""


def shown(said: Said, workspace: Workspace) -> list[Call]:
    names = [name for name in _NAME.findall(said["paths"]) if name.lower() not in ("and", "und")]
    if len(names) == 1 and _folder(names[0], workspace):
        return listed({"path": names[0]}, workspace)
    paths = [_found(name, workspace) for name in names]
    return [_call("read_file", path=path) for path in paths] if all(paths) else []


def lines(said: Said, workspace: Workspace) -> list[Call]:
    path = _found(said["path"], workspace)
    if not path:
        return []
    number = max(1, int(said.get("number") or (10 if said["which"].lower() in ("head", "tail") else 1)))
    if said["which"].lower() in ("first", "head", "ersten", "erste", "top"):
        return [_call("read_file", path=path, first_line=1, last_line=number)]
    return [_call("read_file", path=path, first_line=max(1, len(workspace.text(path).splitlines()) - number + 1))]


def lines_between(said: Said, workspace: Workspace) -> list[Call]:
    path, first, last = _found(said["path"], workspace), int(said["first"]), int(said["last"])
    return [_call("read_file", path=path, first_line=first, last_line=last)] if path and 1 <= first <= last else []


def listed(said: Said, workspace: Workspace) -> list[Call]:
    folder = _folder(said.get("path", ""), workspace)
    kind = said.get("kind", "").lower()
    if not folder:
        return []
    if kind or said.get("every"):
        return [_call("find_files", pattern=_pattern(kind), path=folder)]
    return [_call("list_files", path=folder)]


def _pattern(kind: str) -> str:
    """Return the names of a kind of file: python is *.py, and .log is *.log."""
    return f"*.{_ENDINGS.get(kind, kind.lstrip('*.'))}" if kind else "*"


def searched(said: Said, workspace: Workspace) -> list[Call]:
    word, place = _unquoted(said["word"]), said.get("path", "")
    path = (_found(place, workspace) or _folder(place, workspace)) if place else "."
    if not path or not word or (word == said["word"] and not word.isupper() and _VAGUE.match(word)):
        return []
    quiet = {"ignore_case": True} if word.islower() else {}
    return [_call("grep", pattern=re.escape(word) if re.search(r"[^\w -]", word) else word, path=path, **quiet)]


def searched_in(said: Said, workspace: Workspace) -> list[Call]:
    return searched(said, workspace) if _found(said["path"], workspace) else []


def named(said: Said, workspace: Workspace) -> list[Call]:
    name = _unquoted(said["path"])
    return [_call("find_files", pattern=name)] if re.search(r"\w\.\w|^[A-Z]{4,}$", name) or "*" in name else []


def counted(said: Said, workspace: Workspace) -> list[Call]:
    path = _found(said["path"], workspace)
    if not path:
        return []
    what = said["what"].lower()
    lines = what.startswith(("line", "zeile"))
    script = "END {print NR}" if lines else "{n += NF} END {print n + 0}"
    return [_call("shell", command=f"awk '{script}' {shlex.quote(f'./{path}')}")]


def files_counted(said: Said, workspace: Workspace) -> list[Call]:
    folder, kind = _folder(said.get("path", ""), workspace), said.get("kind", "").lower()
    named = f" -name {shlex.quote(_pattern(kind))}" if kind else ""
    place = shlex.quote(f"./{folder}" if folder != "." else ".")
    return [_call("shell", command=f"find {place} -type f{named} -not -path '*/.git/*' | wc -l")] if folder else []


def sized(said: Said, workspace: Workspace) -> list[Call]:
    path = _found(said["path"], workspace)
    return [_call("shell", command=f"wc -c {shlex.quote(f'./{path}')}")] if path else []


def run(said: Said, workspace: Workspace) -> list[Call]:
    return [_call("shell", command=_unquoted(said["command"]))]


def run_on_files(said: Said, workspace: Workspace) -> list[Call]:
    """Run a command that may change files, if all its words are options or paths: the policy decides on it."""
    words = said["command"].split()[1:]
    is_one = all(word[0] == "-" or re.search(r"[./*]", word) or workspace.kind(word) for word in words)
    return run(said, workspace) if is_one else []


def script(said: Said, workspace: Workspace) -> list[Call]:
    path = _found(said["path"], workspace)
    return [_call("shell", command=f"python3 {shlex.quote(f'./{path}')}")] if path.endswith(".py") else []


def tests(said: Said, workspace: Workspace) -> list[Call]:
    names = (found.path.rpartition("/")[2] for found in islice(workspace.walk(), _MOST_SEEN) if found.kind == "file")
    is_python = any(re.fullmatch(r"test_.*\.py|.*_test\.py", name) for name in names)
    return [_call("shell", command="python3 -m pytest -q")] if is_python else []


def status(said: Said, workspace: Workspace) -> list[Call]:
    return [_call("git_status")]


def changes(said: Said, workspace: Workspace) -> list[Call]:
    path = _found(said["path"], workspace) if said.get("path") else ""
    return [_call("git_diff", **({"path": path} if path else {}))] if path or not said.get("path") else []


def commits(said: Said, workspace: Workspace) -> list[Call]:
    return [_call("git_log", **({"count": int(said["number"])} if said["number"] else {}))]


def value(said: Said, workspace: Workspace) -> list[Call]:
    path, key = _found(said["path"], workspace), _unquoted(said["key"])
    if not path.endswith(".json"):
        return []
    try:
        held = json.loads(workspace.text(path))
    except (ValueError, RecursionError):
        return []
    for part in key.split("."):
        if isinstance(held, list) and part.isdecimal() and int(part) < len(held):
            held = held[int(part)]
        elif isinstance(held, dict) and part in held:
            held = held[part]
        else:
            return []
    return [_call("json_get", path=path, key=key)]
