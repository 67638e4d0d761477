"""The text of code, wherever its file is: shows a run whether a program, a metric or a search has changed.

Imports, docstrings and comments of our files are left out. So moving a file or improving its docs keeps the code the same,
and what was paid for with it still counts; docstrings that are part of a prompt count in the program's shape and
instructions.
"""

import ast
import inspect
import sys
from functools import cache
from types import ModuleType
from typing import Any

OURS = ("dspy_programs.", "metrics.", "optimizers.")
FORM = "code:"  # prefix of these digests; earlier versions hashed whole files, into just 16 digits


def is_comparable(before: Any, now: Any) -> bool:
    """Return whether two digests have the same form: an earlier version's says nothing about the current code."""
    is_earlier = isinstance(before, str) and len(before) == 16 and before.isalnum()
    return not (is_earlier and str(now).startswith(FORM))


def code_of(thing: Any) -> list[str]:
    """Return the source text that decides what a program or a metric does.

    For ours, its file and our files that it imports from: its rules, its measures. For the user's own, only the class or the
    function: the rest of a notebook or a script may change between two runs.
    """
    kind = thing if inspect.isclass(thing) or inspect.isfunction(thing) else type(thing)
    if not kind.__module__.startswith(OURS):
        theirs = [each for each in inspect.getmro(kind)] if inspect.isclass(kind) else [kind]
        return [_text_of(each) for each in theirs if each.__module__.partition(".")[0] not in ("builtins", "dspy")]
    own = kind.__module__
    used = {getattr(value, "__module__", None) or "" for value in vars(sys.modules[own]).values()}
    ours = {own} | {name for name in used if name.startswith(OURS)}
    return sorted(code_in(sys.modules[name]) for name in ours)


@cache
def code_in(module: ModuleType) -> str:
    """Return what one of our files does: its statements, without imports and docstrings."""
    return ast.unparse(WithoutPlaces().visit(ast.parse(inspect.getsource(module))))


class WithoutPlaces(ast.NodeTransformer):
    """Removes imports and docstrings from a tree."""

    def visit_Import(self, node: ast.Import) -> None:
        return None

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        return None

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        is_text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if is_text else node


def _text_of(thing: Any) -> str:
    """Return the source of a class or a function; if there is none (typed at a prompt), its bytecode."""
    try:
        return inspect.getsource(thing)
    except (OSError, TypeError):
        code = getattr(thing, "__code__", None)
        return f"{code.co_code.hex()} {code.co_consts!r} {code.co_names!r}" if code else str(thing)
