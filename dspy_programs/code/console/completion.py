"""What may come next on a line: a command, then a path or the name of a definition."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from dspy_programs.cli import Completed, first_words

_MOST = 50  # shown
_FEWEST = 2  # letters before names of definitions are sought
_NAMED = "SELECT DISTINCT name FROM symbols WHERE substr(name, 1, ?) = ? OR substr(last, 1, ?) = ? ORDER BY name LIMIT ?"


def completions(line: str, commands: Sequence[str], names: Callable[[str], Sequence[str]]) -> list[Completed]:
    """Return what the word at the end of a line may become. names: from the beginning of a name to definitions."""
    if " " not in line.lstrip():
        return [*first_words(commands)(line.lstrip())]
    word = line.rpartition(" ")[2]
    found = [*_paths(word), *(names(word) if len(word) >= _FEWEST and "/" not in word else ())]
    return [Completed(each, len(word)) for each in dict.fromkeys(found)][:_MOST]


def _paths(word: str) -> list[str]:
    """Return files and folders; those whose names a line would have to quote are left out."""
    folder, _, start = word.rpartition("/")
    shown = f"{folder}/" if "/" in word else ""
    try:
        entries = sorted(os.scandir(os.path.expanduser(shown) or "."), key=lambda entry: entry.name)
    except OSError:
        return []
    return [
        f"{shown}{entry.name}{'/' if entry.is_dir() else ''}"
        for entry in entries
        if entry.name.startswith(start)
        and (start or not entry.name.startswith("."))
        and entry.name.isprintable()
        and not set(entry.name) & set(" '\"\\")
    ]


def names_in_index(start: str) -> list[str]:
    """Return the definitions of this folder whose dotted name, or its last part, begins so; none without an index."""
    from dspy_programs.code.index.index import Index
    from dspy_programs.code.kept_files import index_file
    from dspy_programs.errors import UsageError

    if not index_file(Path.cwd().resolve()).is_file():
        return []
    try:
        index = Index()
        rows = index.database.rows(_NAMED, (len(start), start, len(start), start, _MOST))
        index.close()
    except UsageError:  # a damaged index is no reason to stop typing
        return []
    return [str(row["name"]) for row in rows]
