"""Take a piece out of a file: a definition by its dotted name, in any of the languages, or the lines around an expression.

Raises     UsageError if there is no such piece, or more than one and none was chosen.
"""

import difflib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from dspy_programs.code.files.source_files import LeftOut, read_bytes, text_in
from dspy_programs.code.finding.grep import grep_files
from dspy_programs.code.index.index import Definition, Index, is_named
from dspy_programs.code.parsing.chunks import symbols_in
from dspy_programs.code.parsing.grammar_symbols import grammars_are_here
from dspy_programs.code.parsing.languages import language_of
from dspy_programs.errors import UsageError

_SECONDARY = re.compile(r"^\s*@(?:\w+\.)?(?:overload|setter|deleter)\b", re.M)
_MOST_NAMED = 8  # of several, in an error


class Piece(NamedTuple):
    """Some lines of a file, as they are. line, end_line: from 1, the last one included; symbol: dotted, "" for lines."""

    path: str
    line: int
    end_line: int
    symbol: str
    text: str


def extract_symbol(path: str | Path, name: str, nth: int | None = None, db: str | Path | None = None) -> Piece:
    """Return a definition with its decorators and the comment above it.

    Args:
        path: A file; or a folder, whose index is brought up to date first.
        name: Dotted, or the end of a dotted name: `Session.send`, `send`.
        nth: Which one, from 1, if several have this name.
        db: The index of the folder.
    """
    path = Path(path)
    found = _in_folder(path, name, db) if path.is_dir() else _in_file(path, name)
    if len(found) > 1 and nth is None and len({(one.path, one.symbol.name) for one in found}) == 1:
        found = _of_one_name(found, _text_of(path if path.is_file() else path / found[0].path).split("\n"))
    if len(found) > 1 and nth is None:
        exact = [one for one in found if one.symbol.name == name]
        found = exact if len(exact) == 1 else found
    if len(found) > 1 and nth is None:
        places = [f"{one.path}:{one.symbol.head} {one.symbol.name}" for one in found]
        more = f" and {len(places) - _MOST_NAMED} more" if len(places) > _MOST_NAMED else ""
        raise UsageError(
            f"{name}: {len(found)} definitions have this name: {', '.join(places[:_MOST_NAMED])}{more}; "
            "name the file, write more of the name, or add --nth"
        )
    symbol, where = _chosen(found, nth, name), path if path.is_file() else None
    text = _text_of(where or path / symbol.path)
    lines = text.split("\n")[symbol.symbol.line - 1 : symbol.symbol.end_line]
    return Piece(symbol.path, symbol.symbol.line, symbol.symbol.end_line, symbol.symbol.name, "\n".join(lines) + "\n")


def extract_lines(path: str | Path, pattern: str, before: int = 0, after: int = 0, nth: int | None = None) -> Piece:
    """Return the lines around the nth line (by default the first) of a file that an expression fits."""
    left_out = LeftOut()
    hits = list(grep_files(pattern, path, left_out=left_out))
    if Path(path).is_dir():
        raise UsageError(f"{path}: a folder; --regex takes lines out of one file")
    if left_out and len(hits) < (nth or 1):
        raise UsageError(f"{path}: not searched to its end: {next(iter(left_out))}; name another file or a simpler expression")
    if not hits:
        raise UsageError(f"{path}: no line fits {pattern}")
    if not 1 <= (nth or 1) <= len(hits):
        raise UsageError(f"{path}: {len(hits)} lines match {pattern}; choose one with --nth, from 1")
    at = hits[(nth or 1) - 1].number
    lines = _text_of(Path(path)).split("\n")
    first, last = max(1, at - before), min(len(lines), at + after)
    return Piece(str(path), first, last, "", "\n".join(lines[first - 1 : last]) + "\n")


def _in_folder(folder: Path, name: str, db: str | Path | None) -> list[Definition]:
    index = Index(folder, db)
    index.refresh()
    found = index.definitions(name)
    return found or _none(str(folder), name, [one.symbol.name for one in index.definitions()])


def _in_file(path: Path, name: str) -> list[Definition]:
    text = _text_of(path)
    language = language_of(path.name, text)
    symbols = symbols_in(text, language) if language else None
    if symbols is None:
        is_lacking = language and not grammars_are_here()
        how = "; pip install dspy-programs[code] adds its language" if is_lacking else "; --regex finds lines in any text"
        raise UsageError(f"{path}: cannot be read for definitions{how}")
    found = [Definition(str(path), one, "") for one in symbols if is_named(path.as_posix(), one, name)]
    return found or _none(str(path), name, [one.name for one in symbols])


def _of_one_name(found: list[Definition], lines: Sequence[str]) -> list[Definition]:
    """Leave out overloads, and what sets or deletes a property: the rest of them is meant, if there is a rest."""
    main = [one for one in found if not _SECONDARY.search("\n".join(lines[one.symbol.line - 1 : one.symbol.head - 1]))]
    return main or found


def _none(where: str, name: str, known: Sequence[str]) -> list[Definition]:
    ends = {one.rpartition(".")[2]: one for one in known}
    near = [
        *difflib.get_close_matches(name, known, n=2),
        *difflib.get_close_matches(name.rpartition(".")[2], ends, n=1, cutoff=0.8),
    ]
    like = f"; did you mean {ends.get(near[0], near[0])}?" if near else "; grep finds what is no definition"
    raise UsageError(f"{where}: nothing named {name} is defined here{like}")


def _chosen(found: Sequence[Definition], nth: int | None, name: str) -> Definition:
    if not 1 <= (nth or 1) <= len(found):
        raise UsageError(f"{name}: {len(found)} definitions have this name; choose one with --nth, from 1")
    return found[(nth or 1) - 1]


def _text_of(path: Path) -> str:
    data = read_bytes(path)
    text = text_in(data) if data is not None else None
    if text is None:
        raise UsageError(f"{path}: {'cannot be read, or too large' if data is None else 'a binary file'}; name a text file")
    return text
