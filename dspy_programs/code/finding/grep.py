"""Find lines by a regular expression or a text, in the files of a folder that are its own.

Guarantees pipes and devices are never opened, a line of any length and an expression that would run for ever do no harm: a
           file that takes too long is left out, and after some of them all others, and said. So is one that is made for
           secrets, unless it is named itself.
Raises     UsageError for an expression that is none, or a path that cannot be read.
"""

import codecs
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import regex

from dspy_programs.code.files.secret_files import has_secret_name, is_private_key
from dspy_programs.code.files.source_files import (
    HOLDS_SECRETS,
    LeftOut,
    checked_folder,
    has_binary_name,
    read_bytes,
    source_files,
    text_in,
)
from dspy_programs.errors import UsageError
from dspy_programs.matching import matching_lines, path_matches, shown_line

_MOST_BYTES = 100_000_000  # of a file
_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)  # texts in which no literal has its own bytes
_PATIENCE = 0.5  # seconds for one file
_MOST_SLOW = 10  # files: then the search ends
_TOO_SLOW, _NOT_TRIED = "the expression takes too long", "not searched, since the expression takes too long"


class Line(NamedTuple):
    """A line that was found. path: relative to the folder; number: from 1; before, after: the lines around it."""

    path: str
    number: int
    text: str
    before: Sequence[str] = ()
    after: Sequence[str] = ()


def grep_files(
    pattern: str,
    path: str | Path = ".",
    *,
    fixed: bool = False,
    ignore_case: bool = False,
    only: Sequence[str] = (),
    exclude: Sequence[str] = (),
    context: int = 0,
    left_out: LeftOut | None = None,
    patience: float = _PATIENCE,
) -> Iterator[Line]:
    """Yield the lines that fit, in the order of paths and lines.

    Args:
        pattern: A regular expression.
        path: A file, or a folder.
        fixed: The pattern is a text.
        ignore_case: a is A.
        only: Patterns of paths, like `*.py` or `src/**/*.ts`: only these files.
        exclude: Not these files.
        context: How many lines before and after each.
        left_out: Is told why files were left out, and how many.
        patience: Seconds for one file.
    """
    wanted = _compiled(pattern, fixed, ignore_case)
    told = LeftOut() if left_out is None else left_out
    own = Path(path).resolve()
    literal = _literal(pattern, fixed, ignore_case)
    for name, file in _files(Path(path), only, exclude, told):
        if told[_TOO_SLOW] >= _MOST_SLOW:
            told[_NOT_TRIED] += 1
            continue
        data = read_bytes(file, _MOST_BYTES)
        if data is None:
            told[f"cannot be read, or larger than {_MOST_BYTES // 1_000_000} MB"] += 1
        elif literal not in data and not data.startswith(_WIDE):
            continue
        elif (text := text_in(data)) is None:
            told["binary"] += 1
        elif is_private_key(text) and file != own:
            told[HOLDS_SECRETS] += 1
        else:
            try:
                yield from _in_text(name, text, wanted, context, patience)
            except TimeoutError:
                told[_TOO_SLOW] += 1


def _in_text(name: str, text: str, wanted: "regex.Pattern[str]", context: int, patience: float) -> Iterator[Line]:
    lines = text.splitlines() if context else []
    for number, line in matching_lines(text, wanted, patience):
        before, after = lines[max(0, number - 1 - context) : number - 1], lines[number : number + context]
        yield Line(name, number, shown_line(line, wanted), [shown_line(x) for x in before], [shown_line(x) for x in after])


def _compiled(pattern: str, fixed: bool, ignore_case: bool) -> "regex.Pattern[str]":
    try:
        return regex.compile(regex.escape(pattern) if fixed else pattern, regex.IGNORECASE if ignore_case else 0)
    except regex.error as error:
        said = f"not a regular expression: {error}; put \\ before its signs, or add --fixed to grep"
        raise UsageError(f"{pattern}: {said}") from None


def _literal(pattern: str, fixed: bool, ignore_case: bool) -> bytes:
    """Return bytes that are in every file with a hit, so that most files are never decoded; none if nobody can say."""
    word = regex.fullmatch(r"\\b(\w+)\\b", pattern)
    pattern = word[1] if word and not fixed else pattern
    plain = fixed or regex.fullmatch(r"[\w ]+", pattern)
    return pattern.encode() if plain and pattern.isascii() and not ignore_case and len(pattern) > 1 else b""


def _files(path: Path, only: Sequence[str], exclude: Sequence[str], told: LeftOut) -> Iterator[tuple[str, Path]]:
    if not os.path.isdir(path):
        if not path.is_file():
            raise UsageError(f"{path}: {'not a regular file' if path.exists() else 'not there'}; name a file or a folder")
        yield str(path), path.resolve()
        return
    folder = checked_folder(path)
    for found in source_files(folder, told, every=True):
        if has_binary_name(found.path):
            continue
        if (not only or any(path_matches(found.path, one) for one in only)) and not any(
            path_matches(found.path, one) for one in exclude
        ):
            if has_secret_name(found.path.rpartition("/")[2]):
                told[HOLDS_SECRETS] += 1
            else:
                yield found.path, folder / found.path
