"""Rows for code_summarizer: a definition without what its author says of it, and the words of that which the code bears out."""

import ast
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from dspy_programs.code.files.source_files import read_bytes, text_in
from dspy_programs.code.history.changes import is_test
from dspy_programs.code.history.row import KnownRepository, Row
from dspy_programs.code.index.words import humps
from dspy_programs.code.parsing.chunks import symbols_in
from dspy_programs.code.parsing.languages import language_of
from dspy_programs.code.parsing.symbol import Symbol
from dspy_programs.text import content_stems, sentences, words

PROGRAM = "code_summarizer"
_FEWEST_LINES, _MOST_LINES = 5, 80  # of a definition
_FEWEST_WORDS = 4  # of what its author says
_FEWEST, _MOST = 2, 5  # keywords
_OF_A_FILE = 8  # rows
_CAMEL = re.compile(r"\b\w*[a-z0-9][A-Z]\w*")
_COMMENT = re.compile(r"^\s*(?://+!?|/\*+|\*+/?|#+|--+)\s?|\s*\*/\s*$")
_NO_COMMENT = re.compile(r"copyright|licen[cs]e|noqa|eslint|pylint|todo|fixme|nolint|@\w+|-{5,}|={5,}|\*{5,}", re.IGNORECASE)
_TELLS_NOTHING = frozenset("returns return returned yields yield given true false none null function method soon".split())


class Said(NamedTuple):
    """A function without what its author says of it, that sentence, and those of its words that the code bears out."""

    path: str
    name: str
    language: str
    code: str
    said: str
    keywords: list[str]


def summary_rows(repository: KnownRepository) -> Iterator[Row]:
    for one in said_of(repository):
        fields = {"code": one.code, "ask": "", "keywords": one.keywords, "language": one.language}
        yield Row(f"{one.path}:{one.name}", repository.changed.get(one.path, 0), one.code, fields)


def said_of(repository: KnownRepository) -> list[Said]:
    """Return the functions of a repository of which something is said that an answer can be held to."""
    if PROGRAM not in repository.kept:
        repository.kept[PROGRAM] = list(_functions(repository))
    return repository.kept[PROGRAM]


def _functions(repository: KnownRepository) -> Iterator[Said]:
    for path in sorted(repository.known):
        language = language_of(path)
        text = text_in(read_bytes(repository.folder / path) or b"") if not is_test(path) else None
        made = 0
        for symbol in (symbols_in(text, language) or []) if text else ():
            if symbol.kind != "function" or symbol.nested or made >= _OF_A_FILE:
                continue
            code, said = _python(text or "", symbol) if language == "python" else _other((text or "").split("\n"), symbol)
            keywords = _borne_out(said, code, symbol.name)
            if why := _why_not(code, said, keywords):
                repository.leave_out(PROGRAM, why)
                continue
            made += 1
            yield Said(path, symbol.name, language, code, said, keywords)


def _why_not(code: str, said: str, keywords: Sequence[str]) -> str:
    if len(words(said)) < _FEWEST_WORDS:
        return "nobody says what it does"
    if not _FEWEST_LINES <= code.count("\n") + 1 <= _MOST_LINES:
        return f"not of {_FEWEST_LINES} to {_MOST_LINES} lines"
    return "" if len(keywords) >= _FEWEST else "what is said of it does not stand in the code"


def _python(text: str, symbol: Symbol) -> tuple[str, str]:
    """Return a Python definition without its docstring, and the docstring's first sentence."""
    lines = text.split("\n")[symbol.head - 1 : symbol.end_line]
    if not any(quote in line for line in lines for quote in ('"""', "'''")):
        return "", ""
    try:
        node = ast.parse(_dedented(lines)).body[0]
    except (SyntaxError, ValueError, IndexError, RecursionError):
        return "", ""
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) or not (said := ast.get_docstring(node)):
        return "", ""
    first = node.body[0]
    del lines[first.lineno - 1 : first.end_lineno]
    return _dedented(lines), _first_sentence(said)


def _other(lines: Sequence[str], symbol: Symbol) -> tuple[str, str]:
    """Return a definition, and the first sentence of the comment above it."""
    comment = [_COMMENT.sub("", line).strip() for line in lines[symbol.line - 1 : symbol.head - 1]]
    said = "\n".join(comment).strip()
    return _dedented(lines[symbol.head - 1 : symbol.end_line]), "" if _NO_COMMENT.search(said) else _first_sentence(said)


def _first_sentence(said: str) -> str:
    return next(iter(sentences(" ".join(said.split("\n\n")[0].split()))), "")


def _dedented(lines: Sequence[str]) -> str:
    import textwrap

    return textwrap.dedent("\n".join(lines)).strip("\n")


def _borne_out(said: str, code: str, name: str) -> list[str]:
    """Return the words of a sentence that are also words of the code, in their order; none if none is one of its name."""
    known = set(content_stems(f"{code} {humps(code)}"))
    untold = _TELLS_NOTHING | {name.lower() for name in _CAMEL.findall(said)}
    found = dict[str, str]()
    for word in words(said):
        stems = content_stems(word)
        if len(stems) == 1 and len(word) > 2 and not word.isdigit() and stems[0] in known and word not in untold:
            found.setdefault(stems[0], word)
    of_name = set(content_stems(f"{name} {humps(name)}"))
    return list(found.values())[:_MOST] if of_name & found.keys() else []
