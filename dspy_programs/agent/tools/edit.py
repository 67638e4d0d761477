"""Change a file by exact replacement, or several by a patch.

Guarantees an edit that does not fit exactly once changes nothing and says where the nearest text is; line ends of the file
           are kept; two actors that edit one file at a time do not lose each other's work. A patch is applied whole or not
           at all, by git to copies of the files, and only to paths inside the workspace that the policy has seen.
Raises     ToolError.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from pydantic import JsonValue

from dspy_programs.agent.tools.tool import Composed, Scope, ToolError, WorkspacePath, tool
from dspy_programs.agent.workspace.putting import file_at, put_file
from dspy_programs.agent.workspace.workspace import Workspace
from dspy_programs.diffs import Change, File, in_writing_order
from dspy_programs.edits import lines_with
from dspy_programs.errors import UsageError
from dspy_programs.patches import patched

_AROUND = 2  # lines shown before and after a change
_MOST_SHOWN = 30  # lines
_MOST_COMPARED = 20_000  # lines
_HEADER = re.compile(r"^(?:---|\+\+\+|rename from|rename to|copy from|copy to) (.+?)(?:\t.*)?\r?$", re.M)
_GIT_HEADER = re.compile(r"^diff --git (a/(.+) b/(.+?))\r?$", re.M)


@tool(effect="writes")
def edit_file(scope: Scope, path: WorkspacePath, old: Composed, new: Composed, everywhere: bool = False) -> str:
    """Replace old by new in a file. old must be copied exactly from the file and occur once, or set everywhere."""
    if not old or old == new:
        raise ToolError("old and new must differ, and old must not be empty; use append to add text")
    with scope.workspace.changing:
        text = scope.workspace.text(path)
        if old not in text and "\r\n" in text:
            old, new = (part.replace("\r\n", "\n").replace("\n", "\r\n") for part in (old, new))
        count = text.count(old)
        if count == 0:
            raise ToolError(f"{path}: old is not in the file. {_nearest(text, old)}")
        if count > 1 and not everywhere:
            where = lines_with(text, old, most=10)
            raise ToolError(f"{path}: old occurs {count} times, in lines {where}. Give more of one of them")
        changed = text.replace(old, new)
        scope.workspace.write(path, changed)
    return f"{path}: replaced {count} time{'s' * (count > 1)}. It now reads:\n{_excerpt(changed, text.index(old), new)}"


def _nearest(text: str, old: str) -> str:
    """Quote the lines of the file that share most words with the first line of `old`."""
    lines, wanted = text.splitlines(), old.strip().splitlines()
    words = set(re.findall(r"\w+", wanted[0])) if wanted else set()
    shared = [len(words.intersection(re.findall(r"\w+", line[:500]))) for line in lines[:_MOST_COMPARED]]
    if not words or max(shared, default=0) * 2 < len(words):
        return "Nothing like it is there; read_file shows what is"
    at = shared.index(max(shared))
    return f"The nearest, from line {at + 1}, is:\n" + "\n".join(lines[at : at + min(len(wanted), _MOST_SHOWN)])


def _excerpt(text: str, start: int, new: str) -> str:
    lines = text.splitlines()
    first = text.count("\n", 0, start)
    end = first + new.count("\n") + 1 + _AROUND
    return "\n".join(lines[max(0, first - _AROUND) : min(end, first + _MOST_SHOWN)])


def _patched(arguments: Mapping[str, JsonValue]) -> list[str]:
    return list(dict.fromkeys(_paths_in(str(arguments.get("patch", "")))))


def _paths_in(patch: str) -> Iterator[str]:
    """Read the paths that a patch names, without git's a/ and b/."""
    stripped = _level(patch) == 1
    for match in _HEADER.finditer(patch):
        path = match[1].strip()
        if path != "/dev/null":
            yield path[2:] if stripped and path[:2] in ("a/", "b/") else path
    for match in _GIT_HEADER.finditer(patch):
        yield from (match[2], match[3])


def _level(patch: str) -> int:
    """Return how many parts git has to strip: 1 where the paths begin with a/ and b/."""
    named = [match[1] for match in re.finditer(r"^(?:---|\+\+\+) (.+)$", patch, re.M) if "/dev/null" not in match[1]]
    return 1 if _GIT_HEADER.search(patch) or (named and all(name[:2] in ("a/", "b/") for name in named)) else 0


@tool(effect="writes", touches=_patched)
def apply_patch(scope: Scope, patch: Composed) -> str:
    """Apply a patch in unified diff format (--- a/file, +++ b/file, @@ ... @@)."""
    if not (paths := _patched({"patch": patch})):
        raise ToolError("the patch names no file: it must have lines like --- a/notes.txt and +++ b/notes.txt")
    with scope.workspace.changing:
        try:
            changes = patched(patch.encode("utf-8", "replace"), _Named(scope.workspace, paths))
        except UsageError as error:
            raise ToolError(f"the patch does not fit: {error}. Read the file again, or use edit_file") from None
        _write(scope.workspace, changes)
    return f"patched: {', '.join(paths)}"


class _Named(NamedTuple):
    """The files of the workspace that the policy knows a patch to touch."""

    workspace: Workspace
    paths: Sequence[str]

    def checked(self, path: str) -> str:
        if path not in self.paths:  # git reads the name otherwise
            raise ToolError(f"the patch names its files in a way that is not supported; write just --- a/{path}")
        self.workspace.check_writable(path)
        return path

    def file(self, path: str) -> File | None:
        return file_at(self.workspace, path)


def _write(workspace: Workspace, changes: Sequence[Change]) -> None:
    """Write all changes, or none."""
    done = list[Change]()
    try:
        for change in in_writing_order(changes):
            done.append(change)
            put_file(workspace, change.path, change.after)
    except ToolError:
        for change in reversed(done):
            put_file(workspace, change.path, change.before)
        raise
