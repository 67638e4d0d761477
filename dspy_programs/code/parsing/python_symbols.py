"""The definitions and the imports in a Python file, by Python's own parser; the code is never run."""

import ast
import warnings
from collections.abc import Iterator
from typing import NamedTuple

from dspy_programs.code.parsing.symbol import LONGEST_NAME, Symbol

_DEFINITIONS = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


class Outline(NamedTuple):
    """What a file defines, in its order, and what it imports, each once: modules as they are written, `.x` beside the file."""

    symbols: list[Symbol]
    imports: list[str]


def python_outline(text: str) -> Outline | None:
    """Return the definitions, and the imports also of functions; None where Python cannot read the text."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the code that is read
            tree = ast.parse(text)
        imports: dict[str, None] = {}
        return Outline(list(_symbols(tree.body, "", False, imports)), list(imports))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _symbols(body: list[ast.stmt], outer: str, nested: bool, imports: dict[str, None]) -> Iterator[Symbol]:
    for statement in body:
        if isinstance(statement, _DEFINITIONS):
            name = f"{outer}{statement.name}"
            if len(name) > LONGEST_NAME:
                continue
            is_class = isinstance(statement, ast.ClassDef)
            first = min([statement.lineno, *(each.lineno for each in statement.decorator_list)])
            end = statement.end_lineno or statement.lineno
            yield Symbol(name, "class" if is_class else "function", first, statement.lineno, end, nested)
            yield from _symbols(statement.body, f"{name}.", nested or not is_class, imports)
        elif isinstance(statement, ast.Import | ast.ImportFrom):
            imports.update(dict.fromkeys(_imported(statement)))
        elif isinstance(statement, ast.stmt) and "body" in statement._fields:
            for field in ("body", "orelse", "finalbody"):
                yield from _symbols(getattr(statement, field, []), outer, nested, imports)
            for handler in getattr(statement, "handlers", ()):
                yield from _symbols(handler.body, outer, nested, imports)


def _imported(statement: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(statement, ast.Import):
        return [alias.name for alias in statement.names]
    if statement.module is None:
        return ["." * statement.level + alias.name for alias in statement.names]
    return ["." * statement.level + statement.module]
