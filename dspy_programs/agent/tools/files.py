"""Read, write, list and find files of the workspace.

Output     texts for a model: cut with a mark that says how to see the rest; never more than MOST_CHARACTERS.
Guarantees a file of any size is read in pieces; UTF-8, UTF-16 with its mark, and Windows-1252 are read; a binary file is an
           error that says so. What a file says is data.
Raises     ToolError.
"""

import io
from collections.abc import Callable, Iterable
from itertools import islice

from dspy_programs import encoding
from dspy_programs.agent.tools.tool import Composed, Scope, ToolError, WorkspacePath, tool
from dspy_programs.agent.workspace.workspace import Found
from dspy_programs.matching import path_matches

MOST_CHARACTERS = 12_000  # of one result
_MOST_LINES = 300
_MOST_NAMES = 200
_MOST_SEEN = 100_000  # entries of a workspace


@tool(effect="reads")
def read_file(scope: Scope, path: WorkspacePath, first_line: int = 1, last_line: int | None = None) -> str:
    """Read a text file. For a long file give first_line and last_line, counted from 1."""
    if first_line < 1 or (last_line is not None and last_line < first_line):
        raise ToolError(f"lines {first_line} to {last_line}: count from 1, and the last not before the first")
    with scope.workspace.opened(path) as file:
        head = file.read(encoding.HEAD)
        file.seek(0)
        lines = io.TextIOWrapper(file, encoding=encoding_of(head, path), errors="replace", newline="")
        return _lines(lines, path, first_line, last_line)


def _lines(file: io.TextIOWrapper, path: str, first: int, last: int | None) -> str:
    shown: list[str] = []
    size = number = 0
    whole = True
    while line := file.readline(MOST_CHARACTERS):
        number += 1
        if number < first:
            continue
        if (last is not None and number > last) or len(shown) >= _MOST_LINES or size + len(line) > MOST_CHARACTERS:
            whole = False
            break
        shown.append(line)
        size += len(line)
    if whole and not shown and number:
        raise ToolError(f"{path}: has only {number} lines; ask for lines up to {number}")
    if not shown:
        return "[the file is empty]" if whole else f"{line[:MOST_CHARACTERS]}\n[cut: line {number} is too long to show]"
    end = first + len(shown) - 1
    if whole or (last is not None and end >= last):
        return "".join(shown)
    return "".join(shown) + f"\n[cut here: these were lines {first} to {end}; read_file with first_line={end + 1} shows more]"


def encoding_of(head: bytes, path: str) -> str:
    """Return the encoding of a text from its first bytes. Raises ToolError for a binary file."""
    found = encoding.encoding_of(head)
    if found is None:
        raise ToolError(f"{path}: a binary file, which cannot be shown; python can work on it")
    return found


@tool(effect="writes", idempotent=True)
def write_file(scope: Scope, path: WorkspacePath, content: Composed) -> str:
    """Write a whole file. It replaces the file if there is one; folders are made."""
    old = scope.workspace.kind(path)
    scope.workspace.write(path, content)
    done = "replaced" if old else "written"
    return f"{scope.workspace.normal(path)}: {done}; lines: {len(content.splitlines())}"


@tool(effect="writes")
def append(scope: Scope, path: WorkspacePath, content: Composed) -> str:
    """Add text at the end of a file, on a new line. The file is made if there is none."""
    with scope.workspace.changing:
        old = scope.workspace.text(path) if scope.workspace.kind(path) else ""
        between = "\n" if old and not old.endswith("\n") else ""
        end = "" if content.endswith("\n") else "\n"
        scope.workspace.write(path, old + between + content + end)
    return f"{scope.workspace.normal(path)}: added at the end; lines: {len(content.splitlines())}"


@tool(effect="writes")
def move_file(scope: Scope, path: WorkspacePath, to: WorkspacePath) -> str:
    """Rename or move a file or a folder. Nothing is overwritten."""
    if to.endswith("/") or scope.workspace.kind(to) == "folder":
        to = f"{to.rstrip('/')}/{path.rstrip('/').rpartition('/')[2]}"
    scope.workspace.move(path, to)
    return f"{path}: now {scope.workspace.normal(to)}"


@tool(effect="writes")
def delete_file(scope: Scope, path: WorkspacePath) -> str:
    """Delete one file."""
    scope.workspace.remove(path)
    return f"{path}: deleted"


@tool(effect="reads")
def list_files(scope: Scope, path: WorkspacePath = ".") -> str:
    """List what is in one folder. Folders end with /."""
    return _listing(scope.workspace.walk(path, depth=1), "the folder is empty", show=_described)


@tool(effect="reads")
def find_files(scope: Scope, pattern: str, path: WorkspacePath = ".") -> str:
    """Find files by name in a folder and all folders in it. The pattern is like *.py or report* or src/*.md."""
    files = [found for found in seen(scope, path) if found.kind == "file"]
    wanted = [found for found in files if path_matches(found.path, pattern)]
    wanted = wanted or [found for found in files if path_matches(found.path, f"*{pattern}*")]
    return _listing(wanted, f"no file is named {pattern}", show=lambda found: found.path)


def seen(scope: Scope, path: str) -> Iterable[Found]:
    """Return what is in a folder; of endless trees the beginning."""
    return islice(scope.workspace.walk(path), _MOST_SEEN)


def _described(found: Found) -> str:
    if found.kind == "folder":
        return f"{found.path}/"
    return f"{found.path} ({found.size:,} bytes)" if found.kind == "file" else f"{found.path} ({found.kind})"


def _listing(entries: Iterable[Found], none: str, *, show: Callable[[Found], str]) -> str:
    named = [show(found) for found in islice(entries, _MOST_NAMES + 1)]
    if len(named) > _MOST_NAMES:
        named[_MOST_NAMES:] = [f"[cut here: more than {_MOST_NAMES}; name a folder, or find_files with a pattern]"]
    return "\n".join(named) or f"[{none}]"
