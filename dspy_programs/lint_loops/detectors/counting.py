"""LOOP005 and LOOP009: loops that count where they could take the items: `while i < len(items)`, `range(len(items))`."""

import ast
from collections.abc import Iterator
from typing import NamedTuple

from dspy_programs.lint_loops.code.changes import path_stays
from dspy_programs.lint_loops.code.kind import UNCHANGING
from dspy_programs.lint_loops.code.paths import is_same, path_of, written
from dspy_programs.lint_loops.code.tree import Loop
from dspy_programs.lint_loops.detectors.detector import FEW, Hit, is_short, kind_in, shape_of
from dspy_programs.lint_loops.patterns import LENGTH, RANGE_LEN


class Counted(NamedTuple):
    """A loop over the positions of a collection. items: `items[i]`, each of them only read; others: other uses of i."""

    variable: ast.Name
    holder: ast.expr
    items: list[ast.Subscript]
    others: list[ast.Name]


def find(loop: Loop) -> Iterator[Hit]:
    if isinstance(loop.node, ast.While):
        yield from _in_guard(loop.node, loop)
    elif isinstance(loop.node, ast.For) and (counted := counted_by(loop)) is not None and not is_short(loop):
        yield _hit(loop.node, counted, loop)


def _in_guard(node: ast.While, loop: Loop) -> Iterator[Hit]:
    for each in ast.walk(node.test):
        match each:
            case ast.Call(func=ast.Name(id="len"), args=[ast.Name() | ast.Attribute() as holder], keywords=[]):
                kind = kind_in(holder, loop)
                is_small = kind is not None and kind.size is not None and kind.size < FEW
                if not is_small and path_stays(path_of(holder) or "", holder, loop) and loop.scope.home_of("len") is None:
                    mend = f"Compute the length once before the loop: size = len({written(holder)})"
                    yield Hit(LENGTH, node, mend, shape_of(kind.element if kind else None))
                    return


def counted_by(loop: Loop) -> Counted | None:
    """Return what a loop over range(len(items)) does with its index, if items[i] is read and items stays as it is."""
    match loop.node:
        case ast.For(target=ast.Name() as index, iter=ast.Call(func=ast.Name(id="range"), args=arguments, keywords=[])):
            holder = _counted(arguments)
        case _:
            return None
    if (
        holder is None
        or path_of(holder) == "self"
        or any(  # how an __iter__ is written
            loop.scope.home_of(name) is not None for name in ("range", "len")
        )
    ):
        return None
    kind = kind_in(holder, loop)
    if kind is not None and kind.name in ("dict", "set", "view", "iterator", "file"):
        return None
    uses = [use for use in loop.scope.uses[index.id] if loop.has(use) and use is not index]
    if any(not isinstance(use.ctx, ast.Load) for use in uses) or not _stays(holder, loop):
        return None
    items = [item for use in uses if (item := _item_of(use, holder, loop)) is not None]
    others = [use for use in uses if _item_of(use, holder, loop) is None]
    return Counted(index, holder, items, others) if items and not _looks_around(others, holder, loop) else None


def _counted(arguments: list[ast.expr]) -> ast.expr | None:
    match arguments:
        case [ast.Call(func=ast.Name(id="len"), args=[ast.Name() | ast.Attribute() as holder], keywords=[])]:
            return holder
        case [
            ast.Constant(value=0),
            ast.Call(func=ast.Name(id="len"), args=[ast.Name() | ast.Attribute() as holder], keywords=[]),
        ]:
            return holder
    return None


def _item_of(use: ast.Name, holder: ast.expr, loop: Loop) -> ast.Subscript | None:
    """Return the expression `items[i]` that a use of i belongs to, if it is read."""
    parent = loop.tree.parents.get(use)
    if isinstance(parent, ast.Subscript) and parent.slice is use and is_same(parent.value, holder):
        return parent if isinstance(parent.ctx, ast.Load) else None
    return None


def _looks_around(others: list[ast.Name], holder: ast.expr, loop: Loop) -> bool:
    """Return whether the collection is also asked for neighbours or slices, which need the index anyway."""
    for use in others:
        for around in loop.tree.around(use):
            if isinstance(around, ast.Subscript) and is_same(around.value, holder):
                return True
            if isinstance(around, ast.stmt):
                break
    return False


def _stays(holder: ast.expr, loop: Loop) -> bool:
    """Return whether a collection keeps its items and length: nothing assigns to it or calls a method that is not a reader."""
    path = path_of(holder)
    if path is None:
        return False
    kind = kind_in(holder, loop)
    if kind is not None and kind.name in UNCHANGING and "." not in path:
        return not any(loop.has(each) for each in loop.scope.bindings.get(path, ()))
    return path_stays(path, holder, loop)


def _hit(node: ast.For, counted: Counted, loop: Loop) -> Hit:
    name, index = written(counted.holder), counted.variable.id
    kind = kind_in(counted.holder, loop)
    if counted.others:
        mend = f"Loop over the items too: for {index}, item in enumerate({name})"
    else:
        mend = f"Loop over the items: for item in {name}"
    return Hit(RANGE_LEN, node, mend, shape_of(kind.element if kind else None))
