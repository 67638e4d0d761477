"""What a file or a definition in it does, by the program code_summarizer or by its rules.

Raises     UsageError for a file that cannot be read, or for a definition that is not there.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from dspy_programs.code.files.source_files import read_bytes, text_in
from dspy_programs.code.finding.extracting import extract_symbol
from dspy_programs.code.overview.outline import Outlined, outline_of_file
from dspy_programs.code.parsing.languages import language_of
from dspy_programs.errors import UsageError
from dspy_programs.secret_values import without_secrets

if TYPE_CHECKING:
    import dspy


class ExplainedCode(NamedTuple):
    """definitions: of a file; withdrawn: what a model said without the code saying so; note: of a failure."""

    path: str
    line: int
    symbol: str
    language: str
    summary: str
    definitions: list[Outlined]
    withdrawn: list[str]
    answered_by: Literal["model", "rules"]
    note: str = ""


def path_and_symbol(place: str) -> tuple[Path, str]:
    """Return a path and a definition in it, from PATH or PATH:SYMBOL. Raises UsageError if the path is not there."""
    path, _, symbol = ("", "", "") if os.path.exists(place) else place.rpartition(":")
    path = path or place
    if not os.path.exists(path):
        raise UsageError(f"{path}: not there; name a file or a folder, or a definition in a file as FILE:SYMBOL")
    return Path(path), symbol if path != place else ""


def explain_code(path: Path, symbol: str = "", ask: str = "", lm: "dspy.LM | None" = None) -> ExplainedCode:
    """Say what a file, or a definition in it, does. lm: whose compiled program is asked; it must be in use already."""
    if symbol:
        piece = extract_symbol(path, symbol)
        code, line, name, definitions = piece.text, piece.line, piece.symbol, list[Outlined]()
    else:
        definitions = outline_of_file(path).definitions
        code, line, name = text_in(read_bytes(path) or b"") or "", 1, ""
    language = language_of(path.name, code)
    if lm is None:
        from dspy_programs.programs.code_summarizer import summary_by_rules

        said = summary_by_rules(without_secrets(code), ask, language)
        return ExplainedCode(path.as_posix(), line, name, language, said, definitions, [], "rules")
    from dspy_programs.registry import load, without_warning

    with without_warning():
        result = load("code_summarizer", lm.model)(code, ask, language)
    note = f"the model's reply could not be used: {result.failure.reason}" if result.failure else ""
    return ExplainedCode(
        path.as_posix(), line, name, language, result.summary, definitions, result.withdrawn, result.answered_by, note
    )
