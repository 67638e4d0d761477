"""What code does, as text, wherever its file lies: by this a run knows whether a program, a metric or a search has changed.

Of our files imports, docstrings and comments are left out. So a file that is moved or explained better is the same code,
and what was paid for with it still counts; a docstring that is a part of a prompt is told apart by the program's shape and
instructions.
"""

import ast
import inspect
import sys
from functools import cache
from types import ModuleType
from typing import Any

OURS = ("dspy_programs.", "metrics.", "optimizers.")
FORM = "code:"  # such a digest begins so; earlier versions took whole files, and their digests are 16 digits alone


def is_comparable(before: Any, now: Any) -> bool:
    """Tell whether two digests are of one form: an earlier version's says nothing of today's code."""
    is_earlier = isinstance(before, str) and len(before) == 16 and before.isalnum()
    return not (is_earlier and str(now).startswith(FORM))


def code_of(thing: Any) -> list[str]:
    """Return the text that decides what a program or a metric does.

    Of ours the file that holds it, and our files that it imports from: its twin, its measures. Of the user's own the class or
    the function alone: what else is in a notebook or a script may change between two runs.
    """
    kind = thing if inspect.isclass(thing) or inspect.isfunction(thing) else type(thing)
    if not kind.__module__.startswith(OURS):
        theirs = [each for each in inspect.getmro(kind)] if inspect.isclass(kind) else [kind]
        return [text_of(each) for each in theirs if each.__module__.partition(".")[0] not in ("builtins", "dspy")]
    own = kind.__module__
    used = {getattr(value, "__module__", None) or "" for value in vars(sys.modules[own]).values()}
    ours = {own} | {name for name in used if name.startswith(OURS)}
    return sorted(code_in(sys.modules[name]) for name in ours)


@cache
def code_in(module: ModuleType) -> str:
    """Return what a file of ours does: its statements, without what says where others are and what it is for."""
    return ast.unparse(WithoutPlaces().visit(ast.parse(inspect.getsource(module))))


class WithoutPlaces(ast.NodeTransformer):
    """Takes imports and docstrings out of a tree."""

    def visit_Import(self, node: ast.Import) -> None:
        return None

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        return None

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        is_text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if is_text else node


def text_of(thing: Any) -> str:
    """Return the source of a class or a function; of one that was typed in, what the compiler made of it."""
    try:
        return inspect.getsource(thing)
    except (OSError, TypeError):
        code = getattr(thing, "__code__", None)
        return f"{code.co_code.hex()} {code.co_consts!r} {code.co_names!r}" if code else str(thing)
