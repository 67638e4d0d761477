"""The definitions in a Python file, by Python's own parser; the code is never run."""

import ast
import warnings
from collections.abc import Iterator

from dspy_programs.code.parsing.symbol import Symbol

_DEFINITIONS = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def python_symbols(text: str) -> list[Symbol] | None:
    """Return the definitions in their order; None where Python cannot read the text."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the code that is read
            tree = ast.parse(text)
        return list(_symbols(tree.body, "", False))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _symbols(body: list[ast.stmt], outer: str, nested: bool) -> Iterator[Symbol]:
    for statement in body:
        if isinstance(statement, _DEFINITIONS):
            name = f"{outer}{statement.name}"
            is_class = isinstance(statement, ast.ClassDef)
            first = min([statement.lineno, *(each.lineno for each in statement.decorator_list)])
            end = statement.end_lineno or statement.lineno
            yield Symbol(name, "class" if is_class else "function", first, statement.lineno, end, nested)
            yield from _symbols(statement.body, f"{name}.", nested or not is_class)
        elif isinstance(statement, ast.stmt) and "body" in statement._fields:
            for field in ("body", "orelse", "finalbody"):
                yield from _symbols(getattr(statement, field, []), outer, nested)
            for handler in getattr(statement, "handlers", ()):
                yield from _symbols(handler.body, outer, nested)
