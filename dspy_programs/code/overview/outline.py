"""The outline of a file or a folder: what each file is for, in its author's words, and what it defines."""

import ast
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from dspy_programs.code.files.source_files import LeftOut, checked_folder, is_generated, read_bytes, source_files, text_in
from dspy_programs.code.index.reading import signature_of
from dspy_programs.code.parsing.chunks import symbols_in
from dspy_programs.code.parsing.languages import language_of
from dspy_programs.code.parsing.symbol import Symbol
from dspy_programs.errors import UsageError
from dspy_programs.programs.code_summarizer import comment_of, first_sentence


class Outlined(NamedTuple):
    """A definition: its line, its signature, and the first sentence of its docstring or comment, "" without one."""

    line: int
    name: str
    signature: str
    says: str


class FileOutline(NamedTuple):
    """path: as given, or relative to the folder; says: what the file is for."""

    path: str
    language: str
    lines: int
    says: str
    definitions: list[Outlined]


def outline_of_file(path: Path) -> FileOutline:
    """Return the outline of a file. Raises UsageError if it cannot be read, or is no text."""
    data = read_bytes(path)
    text = text_in(data) if data is not None else None
    if text is None:
        raise UsageError(f"{path}: {'cannot be read, or too large' if data is None else 'a binary file'}; name a text file")
    return _outline(path.as_posix(), text)


def outlines_in(folder: Path, left_out: LeftOut) -> Iterator[FileOutline]:
    """Yield the outlines of the files of a folder that are code in a known language. Raises UsageError."""
    root = checked_folder(folder)
    for found in source_files(root, left_out):
        if not language_of(found.path):
            continue
        data = read_bytes(root / found.path)
        text = text_in(data) if data is not None else None
        if text is not None and not is_generated(text):
            yield _outline(found.path, text)


def _outline(path: str, text: str) -> FileOutline:
    language, lines = language_of(path, text), text.split("\n")
    symbols = [each for each in (symbols_in(text, language) if language else None) or [] if not each.nested]
    says = _docstrings(text) if language == "python" else {}
    of_file = says.get(0, "") if language == "python" else comment_of(lines)
    made = [
        Outlined(one.head, one.name, signature_of(lines, one), first_sentence(says.get(one.head, "") or _above(lines, one)))
        for one in symbols
    ]
    return FileOutline(path, language, text.rstrip("\n").count("\n") + 1 if text.strip() else 0, first_sentence(of_file), made)


def _above(lines: Sequence[str], symbol: Symbol) -> str:
    """Return the comment right above a definition."""
    return comment_of([line.strip() for line in lines[symbol.line - 1 : symbol.head - 1]])


def _docstrings(text: str) -> dict[int, str]:
    """Return the docstrings of a Python file by the line of their definition; the file's own is 0."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the code that is read
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = {node.lineno: ast.get_docstring(node) or "" for node in ast.walk(tree) if isinstance(node, kinds)}
    return {0: ast.get_docstring(tree) or "", **found}
