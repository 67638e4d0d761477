"""Search the text of files by a regular expression.

Guarantees an expression that would run for ever ends after a second a line; files with other names outside (hard links) and
           binary ones are left out, and their number is said.
Raises     ToolError.
"""

import time
from collections.abc import Iterator

import regex

from dspy_programs.agent.tools.files import encoding_of, seen
from dspy_programs.agent.tools.tool import Scope, ToolError, WorkspacePath, tool
from dspy_programs.agent.workspace.workspace import Found
from dspy_programs.matching import matching_lines, path_matches, shown_line

_MOST_HITS = 100
_MOST_READ = 5_000_000  # bytes of one file
_PATIENCE = 0.5  # seconds for one file


@tool(effect="reads")
def grep(scope: Scope, pattern: str, path: WorkspacePath = ".", files: str = "*", ignore_case: bool = False) -> str:
    """Find lines that match a text or a regular expression, in one file or a folder. files limits the names, like *.py."""
    options = regex.IGNORECASE if ignore_case else 0
    note = ""
    try:
        wanted = regex.compile(pattern, options)
    except regex.error:
        wanted = regex.compile(regex.escape(pattern), options)
        note = "[not a regular expression; searched as plain text]"
    hits: list[str] = []
    left_out = 0
    until = time.monotonic() + scope.seconds
    for found in _files(scope, path, files):
        if scope.cancelled.is_set() or time.monotonic() > until:
            return _shown(hits, pattern, left_out, "[stopped: no time left; name a smaller folder]", note)
        try:
            for hit in _hits_in(scope, found, wanted):
                hits.append(hit)
                if len(hits) > _MOST_HITS:
                    cut = f"[cut here: more than {_MOST_HITS} lines; name a file or a more exact pattern]"
                    return _shown(hits[:_MOST_HITS], pattern, left_out, cut, note)
        except TimeoutError:
            raise ToolError(f"{pattern}: takes too long; use a simpler expression") from None
        except ToolError:
            left_out += 1
    return _shown(hits, pattern, left_out, "", note)


def _files(scope: Scope, path: str, files: str) -> Iterator[Found]:
    if scope.workspace.kind(path) == "file":
        yield Found(scope.workspace.normal(path), "file", 0, 0, scope.workspace.is_shared(path))
        return
    yield from (found for found in seen(scope, path) if found.kind == "file" and path_matches(found.path, files))


def _hits_in(scope: Scope, found: Found, wanted: "regex.Pattern[str]") -> Iterator[str]:
    if found.shared:
        raise ToolError(f"{found.path}: has other names")
    data = scope.workspace.read(found.path, _MOST_READ)
    text = data.decode(encoding_of(data[:8192], found.path), "replace")
    for number, line in matching_lines(text, wanted, _PATIENCE):
        yield f"{found.path}:{number}: {shown_line(line)}"


def _shown(hits: list[str], pattern: str, left_out: int, cut: str, note: str) -> str:
    silent = f"[{left_out} files left out: binary, closed, or with other names outside]" if left_out else ""
    return "\n".join([*(hits or [f"[no line matches {pattern}]"]), *filter(None, (note, silent, cut))])
