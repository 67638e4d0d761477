"""Rows for log_context: the lines around each kind of error in a repository's own logs, and what an answer must name."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path

from dspy_programs.code.history.row import KnownRepository, Row
from dspy_programs.code.log_bus import redacted_lines
from dspy_programs.text import STOPWORDS

PROGRAM = "log_context"
_BEFORE, _AFTER, _LONGEST = 12, 4, 60  # lines
_MOST = 300  # kinds of errors
_TYPE = re.compile(r"\b(?:[A-Za-z_]\w*\.)*([A-Z]\w*(?:Error|Exception|Failure|Fault|Timeout|Interrupt|Exit|Warning))\b")
_LEVEL = re.compile(r"\b(?:ERROR|FATAL|CRITICAL|SEVERE|EMERG|ALERT|PANIC|error|fatal|panic)\b[\]:]?\s*")
_TOKEN = re.compile(r"[A-Za-z_/][\w./-]{2,60}\w")
_BANNER = re.compile(r"\s*(?:The above exception was the direct cause|During handling of the above exception)")
_TELLS_NOTHING = frozenset(
    "error errors failed failure exception fatal warning info debug critical cannot unable found file line".split()
)


def log_rows(repository: KnownRepository) -> Iterator[Row]:
    """Yield a row for each kind of error, without keys and passwords. Raises UsageError for logs that cannot be read."""
    from dspy_programs.logs import log_context

    for place in repository.logs:
        for kind in [kind for kind in log_context([place]).kinds if kind.severity in ("error", "fatal")][:_MOST]:
            path, _, number = kind.at.rpartition(":")
            lines = redacted_lines(kind.lines)
            keywords = _keywords(lines)
            if not keywords or _BANNER.match(lines[0]):
                repository.leave_out(PROGRAM, "nothing in it that an answer must name")
                continue
            fields = {
                "task": "",
                "logs": _around(Path(path), int(number), len(kind.lines)),
                "context_keywords": keywords,
                "key_points_keywords": keywords[:1],
            }
            yield Row(kind.at, _when(kind.last, Path(path)), "\n".join(lines), fields)


def _around(path: Path, number: int, count: int) -> str:
    from dspy_programs.logs import lines_of

    first = max(1, number - _BEFORE)
    last = min(number + count + _AFTER, first + _LONGEST)
    return "\n".join(redacted_lines([line.text for line in islice(lines_of(path), first - 1, last - 1)]))


def _keywords(lines: Sequence[str]) -> list[str]:
    """Return the type of the error, the last one of a chain, and what of its message tells most: names first, then words."""
    types = [found[1] for line in lines for found in [_TYPE.search(line)] if found]
    message = next((line for line in reversed(lines) if _TYPE.search(line)), lines[0])
    said = _TYPE.sub(" ", _LEVEL.split(message)[-1])
    told = [word for word in _TOKEN.findall(said) if word.lower() not in STOPWORDS | _TELLS_NOTHING and word not in types]
    names = [word for word in told if re.search(r"[\d_/.-]|[a-z][A-Z]", word)]
    found = list(dict.fromkeys([*types[-1:], *names[:2], *(word for word in told if word.isalpha())]))
    return found[:3] if types or len(found) > 1 else []


def _when(time: str, path: Path) -> int:
    try:
        return int(datetime.fromisoformat(time).timestamp())
    except ValueError:
        return int(path.stat().st_mtime)
