"""LOOP006: a copy made on each pass, or around what is looped over, that is only read."""

import ast
from collections.abc import Iterator

from dspy_programs.lint_loops.code.changes import is_kept_private, path_stays, stays
from dspy_programs.lint_loops.code.paths import path_of, written
from dspy_programs.lint_loops.code.tree import Loop
from dspy_programs.lint_loops.detectors.detector import FEW, Hit, is_short, kind_in, shape_of
from dspy_programs.lint_loops.patterns import COPY

_CONTAINERS = ("list", "tuple", "set", "frozenset", "dict", "view")
_READERS = ("len", "sorted", "sum", "min", "max", "any", "all", "set", "frozenset")


def find(loop: Loop) -> Iterator[Hit]:
    yield from _around_iterable(loop)
    if is_short(loop):
        return
    for node in loop.nodes:
        if (copied := copied_by(node, loop)) is not None and (why := _only_read(node, copied, loop)) is not None:
            kind = kind_in(copied, loop)
            yield Hit(COPY, node, why, shape_of(kind.element if kind else None))


def copied_by(node: ast.AST, loop: Loop) -> ast.expr | None:
    """Return what an expression copies: `list(x)`, `x[:]`, `x.copy()`, `list(d.keys())`; None if it is no plain copy."""
    match node:
        case ast.Call(func=ast.Name(id="list" | "tuple" as name), args=[inner], keywords=[]) if (
            loop.scope.home_of(name) is None
        ):
            return _holder(inner)
        case ast.Call(func=ast.Attribute(value=inner, attr="copy"), args=[], keywords=[]):
            return _holder(inner)
        case ast.Subscript(value=inner, slice=ast.Slice(lower=None, upper=None, step=None)):
            return _holder(inner)
    return None


def _holder(node: ast.expr) -> ast.expr | None:
    match node:
        case ast.Call(func=ast.Attribute(value=inner, attr="keys" | "values"), args=[], keywords=[]):
            node = inner
    return node if path_of(node) is not None else None


def _only_read(node: ast.AST, copied: ast.expr, loop: Loop) -> str | None:
    """Return what to do about a copy on each pass that is read and dropped at once; None where it may be needed."""
    kind = kind_in(copied, loop)
    if kind is None or kind.name not in _CONTAINERS or (kind.size is not None and kind.size < FEW):
        return None
    parent = loop.tree.parents.get(node)
    name = written(copied)
    original = written(_source(node))
    match parent:
        case ast.Compare(ops=[ast.In() | ast.NotIn()], comparators=[right]) if right is node:
            return f"Test membership in {original} itself, without a copy"
        case ast.Call(func=ast.Name(id=function), args=[first, *_]) if first is node and function in _READERS:
            return f"Give {original} itself to {function}(), without a copy"
        case ast.Subscript(value=value, ctx=ast.Load(), slice=ast.Constant() | ast.UnaryOp()) if value is node:
            path = path_of(copied)
            if kind.name in ("list", "tuple"):
                return f"Take the item from {name} itself, without a copy"
            if path is not None and path_stays(path, copied, loop) and stays(copied, loop):
                return f"Copy {name} once before the loop: items = list({original})"
    return None


def _source(node: ast.AST) -> ast.AST:
    match node:
        case ast.Call(func=ast.Name(), args=[inner]):
            return inner
        case ast.Call(func=ast.Attribute(value=inner)) | ast.Subscript(value=inner):
            return inner
    return node


def _around_iterable(loop: Loop) -> Iterator[Hit]:
    """Look for `for x in list(items)` where nothing can change items meanwhile."""
    iterable = loop.iterable
    if (
        isinstance(iterable, ast.Call)
        and isinstance(iterable.func, ast.Name)
        and iterable.func.id == "enumerate"
        and iterable.args
    ):
        iterable = iterable.args[0]
    if iterable is None or isinstance(loop.node, ast.GeneratorExp):  # who consumes a generator may change what it is over
        return
    if (copied := copied_by(iterable, loop)) is None or not isinstance(copied, ast.Name):
        return
    kind = kind_in(copied, loop)
    if kind is None or kind.name not in _CONTAINERS or (kind.size is not None and kind.size < FEW):
        return
    if _waits(loop) or not is_kept_private(copied, loop):
        return
    mend = f"Loop over {written(_source(iterable))} itself, without a copy"
    yield Hit(COPY, iterable, mend, shape_of(kind.element))


def _waits(loop: Loop) -> bool:
    """Return whether other code may run in the middle of a pass."""
    return any(
        isinstance(each, ast.Await | ast.Yield | ast.YieldFrom | ast.AsyncFor | ast.AsyncWith) for each in ast.walk(loop.node)
    )
