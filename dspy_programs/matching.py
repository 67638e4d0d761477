"""What fits: paths to patterns, lines to expressions. The agent's tools search by the same functions.

Guarantees no expression runs for longer than it is given.
"""

import time
from collections.abc import Iterator
from fnmatch import fnmatchcase

import regex

_LONGEST_LINE = 200  # characters shown


def path_matches(path: str, pattern: str) -> bool:
    """Return whether a pattern fits a path: its last part if the pattern has no slash. `**/` may stand for no folder."""
    pattern = pattern.removeprefix("./")
    if "/" not in pattern:
        return fnmatchcase(path.rpartition("/")[2], pattern)
    return fnmatchcase(path, pattern) or fnmatchcase(path, pattern.replace("**/", ""))


def matching_lines(text: str, wanted: "regex.Pattern[str]", seconds: float) -> Iterator[tuple[int, str]]:
    """Yield the lines that an expression fits, with their numbers from 1. Raises TimeoutError after some seconds of a text."""
    until = time.monotonic() + seconds
    if _is_local(wanted.pattern) and not wanted.search(text, timeout=seconds):
        return
    for number, line in enumerate(text.splitlines(), 1):
        if wanted.search(line, timeout=max(0.001, until - time.monotonic())):
            yield number, line


def _is_local(pattern: str) -> bool:
    """Return whether an expression that fits a line fits the whole text too, so that one look is enough for most files."""
    return not any(sign in pattern for sign in ("(?", "\\A", "\\Z", "^", "$"))


def shown_line(line: str, wanted: "regex.Pattern[str] | None" = None) -> str:
    """Cut a long line, around what fits if that would be lost."""
    if len(line) <= _LONGEST_LINE:
        return line
    found = wanted.search(line, timeout=1.0) if wanted else None
    start = max(0, found.start() - _LONGEST_LINE // 2) if found and found.end() > _LONGEST_LINE else 0
    return ("[cut] " if start else "") + line[start : start + _LONGEST_LINE] + " [cut]"
