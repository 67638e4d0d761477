"""Cut a file into what is searched: a function, the head and the fields of a class, or some lines between them.

Input      the text of a file, and its name.
Output     Parsed: the language, the definitions and the chunks; every line that is not blank is in exactly one chunk. by says
           who read the file: "symbols", "lines" for a text without a grammar here, "too slow" if its grammar was given up.
"""

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from dspy_programs.code.parsing.grammar_process import GRAMMAR_PROCESS, TookTooLong
from dspy_programs.code.parsing.imports import imports_in
from dspy_programs.code.parsing.languages import GRAMMARS, language_of
from dspy_programs.code.parsing.python_symbols import Outline, python_outline
from dspy_programs.code.parsing.symbol import Symbol
from dspy_programs.errors import MissingExtra

_PIECE = 60  # lines of a text without definitions


class Chunk(NamedTuple):
    """What is found as one. symbol: dotted, "" between definitions; line, end_line: from 1, the last one included."""

    symbol: str
    line: int
    end_line: int
    text: str


class Parsed(NamedTuple):
    language: str
    by: Literal["symbols", "lines", "too slow"]
    symbols: list[Symbol]
    imports: list[str]
    chunks: list[Chunk]


def symbols_in(text: str, language: str) -> list[Symbol] | None:
    """Return the definitions in a text; None if nothing here can read it, or not in a reasonable time."""
    try:
        outline = _outline(text, language)
    except TookTooLong:
        return None
    return outline.symbols if outline else None


def _outline(text: str, language: str) -> Outline | None:
    found = python_outline(text) if language == "python" else None
    if found is None and language in GRAMMARS:
        try:
            found = Outline(GRAMMAR_PROCESS.definitions(text, language), imports_in(text, language))
        except MissingExtra:
            return None
    return found


def parse(text: str, path: str) -> Parsed:
    language = language_of(path, text)
    by: Literal["symbols", "lines", "too slow"] = "symbols"
    outline: Outline | None = None
    try:
        outline = _outline(text, language) if language else None
        by = "lines" if outline is None else "symbols"
    except TookTooLong:
        by = "too slow"
    symbols, imports = outline or Outline([], imports_in(text, language))
    return Parsed(language, by, symbols, imports, list(_chunks(text.split("\n"), symbols)))


def _chunks(lines: Sequence[str], symbols: Sequence[Symbol]) -> Iterator[Chunk]:
    """Give each line to the innermost class or outermost function around it."""
    owner = [-1] * (len(lines) + 1)
    held = [symbol for symbol in symbols if not symbol.nested]
    for number, symbol in enumerate(held):  # outer ones come first
        last = min(symbol.end_line, len(lines))
        owner[symbol.line : last + 1] = [number] * (last + 1 - symbol.line)
    own: list[list[str]] = [[] for _ in held]
    between: list[tuple[int, str]] = []
    for number, line in enumerate(lines, 1):
        if owner[number] >= 0:
            own[owner[number]].append(line)
        else:
            between.append((number, line))
    for symbol, text in zip(held, own, strict=True):
        yield Chunk(symbol.name, symbol.head, symbol.end_line, "\n".join(text))
    for start in range(0, len(between), _PIECE):
        piece = between[start : start + _PIECE]
        if any(line.strip() for _, line in piece):
            yield Chunk("", piece[0][0], piece[-1][0], "\n".join(line for _, line in piece))
