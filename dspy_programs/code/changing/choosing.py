"""Which files a task is about, and what of them a model is shown.

Input      an Index that is up to date, and a task in words.
Output     chosen(...) -> paths: files that the task names, then those that a search finds. shown_of(...) -> text by path.
           mentioning(...) -> all files that have what the task quotes or renames.
Calls      no model.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from dspy_programs.code.files.source_files import LeftOut, read_bytes, source_files
from dspy_programs.code.finding.by_words import Hit, search
from dspy_programs.code.index.index import Index
from dspy_programs.diffs import utf8_text

_MOST_FILES = 4
_MOST_CHARACTERS = 24_000  # of all files together: some 6,000 tokens
_MOST_HITS = 40
_MOST_MENTIONING = 200  # files
_PATH = re.compile(r"(?<![\w./-])[\w./-]*\w\.\w{1,6}\b")
_QUOTED = re.compile(r"`([^`\n]+)`|\"([^\"\n]+)\"|'([^'\n]+)'|“([^“”\n]+)”")
_RENAMED = re.compile(r"\brename\s+(?:\w+\s+){0,3}?`?([\w.]*\w)(?:\(\))?`?\s+(?:to|into|as)\s+`?([\w.]*\w)", re.IGNORECASE)
_AROUND = 3  # lines before and after a definition
_CUT = "[...]"


def chosen(task: str, index: Index) -> list[str]:
    """Return the files that a task is about, the likeliest first; of a small folder all, if nothing tells."""
    known = [row["path"] for row in index.database.rows("SELECT path FROM files ORDER BY path")]
    found = dict.fromkeys([*named_in(task, known), *(hit.path for hit in search(index, task, _MOST_HITS))])
    few = known if len(known) <= _MOST_FILES else []
    return [path for path in found or few if _text(index.folder / path) is not None][:_MOST_FILES]


def shown_of(texts: Mapping[str, str], task: str, index: Callable[[], Index]) -> dict[str, str]:
    """Return files as a model is shown them: of those that are too long the definitions that the task is about."""
    if sum(map(len, texts.values())) <= _MOST_CHARACTERS:
        return dict(texts)
    hits, share = search(index(), task, _MOST_HITS), _MOST_CHARACTERS // len(texts)
    return {
        path: text if len(text) <= share else _excerpt(text, [hit for hit in hits if hit.path == path], share) or text[:share]
        for path, text in texts.items()
    }


def mentioning(task: str, folder: Path) -> list[str]:
    """Return the files that have what the task quotes or renames, so that a rule may change it everywhere; [] if too many."""
    words = [word.encode() for word in quoted_in(task)]
    paths = list[str]()
    for found in source_files(folder, LeftOut()) if words else ():
        data = read_bytes(folder / found.path) or b""
        if any(word in data for word in words) and utf8_text(data) is not None:
            paths.append(found.path)
    return paths if len(paths) <= _MOST_MENTIONING else []


def quoted_in(task: str) -> list[str]:
    """Return what a task has in quotes, and the names in "rename X to Y"; of a dotted one the end."""
    renamed = [[name.rpartition(".")[2] for name in names] for names in _RENAMED.findall(task)]
    return [word for parts in [*_QUOTED.findall(task), *renamed] for word in parts if word]


def named_in(task: str, known: Sequence[str]) -> list[str]:
    """Return the files whose paths, or ends of paths, stand in a task; none for an end that several have."""
    named = list[str]()
    for word in _PATH.findall(task):
        word = word.removeprefix("./")
        fits = [word] if word in known else [path for path in known if path.endswith(f"/{word}")]
        named += fits if len(fits) == 1 else []
    return named


def _text(path: Path) -> str | None:
    data = read_bytes(path)
    return None if data is None else utf8_text(data)


def _excerpt(text: str, hits: Sequence[Hit], most: int) -> str:
    """Return the definitions that were found, with the lines around them, in their order; "" if none fits."""
    lines = text.split("\n")
    wanted = set[int]()
    for hit in hits:
        span = range(max(0, hit.line - 1 - _AROUND), min(len(lines), hit.end_line + _AROUND))
        if sum(len(lines[number]) + 1 for number in wanted | set(span)) <= most:
            wanted |= set(span)
    shown, last = list[str](), -1
    for number in sorted(wanted):
        shown += [_CUT] if number != last + 1 else []
        shown.append(lines[number])
        last = number
    return "\n".join(shown)
