"""A change of a text: a piece replaced, a line put before a statement; and what makes one possible."""

import ast
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from dspy_programs.lint_loops.code.paths import path_of
from dspy_programs.lint_loops.code.tree import Loop


class Edit(NamedTuple):
    """A piece of the text to replace: lines from 1, columns in bytes from 0, as the parser counts."""

    line: int
    column: int
    end_line: int
    end_column: int
    text: str


def replaced(node: ast.expr | ast.stmt, text: str) -> Edit:
    return Edit(node.lineno, node.col_offset, node.end_lineno or node.lineno, node.end_col_offset or 0, text)


def inserted(statement: ast.stmt, line: str, loop: Loop) -> Edit | None:
    """Put a line before a statement that begins its own; None for an `elif` or what follows on a line."""
    if not is_alone(statement, loop):
        return None
    return Edit(statement.lineno, 0, statement.lineno, 0, f"{' ' * statement.col_offset}{line}\n")


def is_alone(statement: ast.stmt, loop: Loop) -> bool:
    """Return whether a statement is the first of its line in a block: not an `elif`, not behind a semicolon or a colon."""
    block = loop.tree.block_of(statement)
    parent = loop.tree.parents.get(statement)
    is_elif = isinstance(parent, ast.If) and isinstance(statement, ast.If) and statement.col_offset == parent.col_offset
    same_line = [each for each in block if each is not statement and each.lineno <= statement.lineno <= (each.end_lineno or 0)]
    return not is_elif and not same_line and (parent is None or getattr(parent, "lineno", 0) != statement.lineno)


def is_sure(node: ast.expr, types: Mapping[str, str]) -> bool:
    """Return whether a value surely is what its type says, and not None."""
    said = types.get(path_of(node) or "", "")
    return "None" not in said and "Optional" not in said


def fresh_name(wish: str, loop: Loop) -> str:
    """Return a name that nothing in the context has."""
    scopes = [loop.tree.module, *loop.tree.module.below()]
    taken = {name for scope in scopes for name in (*scope.uses, *scope.bindings)}
    return next(name for name in (wish, *(f"{wish}_{at}" for at in range(2, len(taken) + 3))) if name not in taken)


def applied(text: str, edits: Sequence[Edit]) -> str:
    """Carry out changes, the last first, so that the places of the others stay."""
    lines = [line.encode() for line in text.split("\n")]
    for line, column, end_line, end_column, new in sorted(edits, reverse=True):
        if line > len(lines):
            lines.append(b"")
        before, after = lines[line - 1][:column], lines[end_line - 1][end_column:] if end_line <= len(lines) else b""
        lines[line - 1 : end_line] = (before + new.encode() + after).split(b"\n")
    return b"\n".join(lines).decode()
