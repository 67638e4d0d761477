"""Find code by its structure: a pattern in the language itself, `open($FILE)`, with names for what may be anything.

`$NAME` stands for one expression, `$$$ARGS` for any number. The patterns are ast-grep's.

Raises     UsageError for a language or a pattern that is none; MissingExtra without the `code` extra.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from dspy_programs.code.files.source_files import LeftOut, checked_folder, read_bytes, source_files, text_in
from dspy_programs.code.parsing.grammar_process import GRAMMAR_PROCESS, TookTooLong
from dspy_programs.code.parsing.grammar_symbols import has_long_lines, parsed
from dspy_programs.code.parsing.languages import LANGUAGES, language_named, language_of
from dspy_programs.errors import UsageError


class Match(NamedTuple):
    """Code that fits. path: relative to the folder; line, end_line: from 1, the last one included."""

    path: str
    line: int
    end_line: int
    text: str


def find_structure(pattern: str, language: str, path: str | Path = ".", left_out: LeftOut | None = None) -> Iterator[Match]:
    """Yield the code that fits a pattern, in the files of one language, in the order of paths and lines."""
    wanted = language_named(language)
    if wanted is None:
        raise UsageError(f"{language}: no language known here; one of {', '.join(LANGUAGES)}")
    _check(pattern, wanted)
    path_is_folder = Path(path).is_dir()
    told = LeftOut() if left_out is None else left_out
    for name, file in _files(Path(path), wanted, told):
        text = text_in(read_bytes(file) or b"")
        if text is None or (path_is_folder and language_of(name, text) != wanted):
            continue
        if has_long_lines(text):
            told["lines too long for a syntax tree"] += 1
            continue
        try:
            for first, last, code in GRAMMAR_PROCESS.matches(text, wanted, pattern):
                yield Match(name, first, last, code)
        except TookTooLong:
            told["took too long"] += 1


def _check(pattern: str, language: str) -> None:
    if not pattern.strip():
        raise UsageError("the pattern is empty; write code, with $NAME for what may be anything")
    try:
        GRAMMAR_PROCESS.matches("x", language, pattern)
    except TookTooLong:
        raise UsageError(f"{pattern}: takes too long to read; write a shorter pattern") from None
    except ValueError as error:
        said = " ".join(str(error).partition("Stack backtrace")[0].replace("\u00b5", "$").split())
        raise UsageError(f"{pattern}: not a pattern of {language}: {said}") from None


def is_whole(pattern: str, language: str) -> bool:
    """Return whether a pattern alone is code without a mistake; one that is not seldom fits anything."""
    plain = re.sub(r"\$+(\w+)|\$\$\$", lambda name: name[1] or "x", pattern)
    return parsed(plain, language_named(language) or language).find(kind="ERROR") is None


def _files(path: Path, language: str, told: LeftOut) -> Iterator[tuple[str, Path]]:
    if path.is_file():
        yield str(path), path.resolve()
        return
    folder = checked_folder(path)
    for found in source_files(folder, told):
        if language_of(found.path) == language or (language == "cpp" and found.path.endswith(".h")):
            yield found.path, folder / found.path
