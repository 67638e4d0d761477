"""LOOP004: `x in items` on each pass, where items is a list that stays the same."""

import ast
from collections.abc import Iterator

from dspy_programs.lint_loops.code.changes import path_stays, stays
from dspy_programs.lint_loops.code.kind import Kind
from dspy_programs.lint_loops.code.paths import path_of, written
from dspy_programs.lint_loops.code.tree import Loop
from dspy_programs.lint_loops.detectors.detector import Hit, is_short, kind_in, runs_once, shape_of
from dspy_programs.lint_loops.patterns import MEMBERSHIP

_FEW = 20
"""Items written in the code: fewer are found as fast in a tuple, nearly."""


def find(loop: Loop) -> Iterator[Hit]:
    if is_short(loop) or isinstance(loop.node, ast.While):  # which often looks for a free name, and ends at the first pass
        return
    for node in loop.nodes:
        match node:
            case ast.Compare(left=left, ops=[ast.In() | ast.NotIn()], comparators=[ast.Name() | ast.Attribute() as holder]):
                yield from _hits(node, left, holder, loop)


def _hits(node: ast.Compare, item: ast.expr, holder: ast.Name | ast.Attribute, loop: Loop) -> Iterator[Hit]:
    kind = kind_in(holder, loop)
    if kind is None or kind.name not in ("list", "tuple") or (kind.size is not None and kind.size < _FEW):
        return
    if not is_hashable(kind, item, loop) or runs_once(node, loop):
        return
    path = path_of(holder) or ""
    if not all(path_stays(path, holder, each) for each in loop.around()):  # else the set would be made again and again
        return
    if stays(item, loop):
        yield Hit(MEMBERSHIP, node, f"Test once before the loop: is_in = {written(node)}", shape_of(kind.element))
        return
    items = f"{written(holder)} or ()" if _may_be_none(path, loop) else written(holder)
    yield Hit(MEMBERSHIP, node, f"Build a set once before the loop: known = set({items})", shape_of(kind.element))


def _may_be_none(path: str, loop: Loop) -> bool:
    """Return whether the loop itself tests the list for None, or for being there at all: before the loop it may be None too."""
    for use in loop.scope.uses[path.partition(".")[0]]:
        held: ast.AST = use
        while isinstance(parent := loop.tree.parents.get(held), ast.Attribute) and path_of(held) != path:
            held = parent
        is_test = isinstance(parent, ast.BoolOp | ast.If | ast.IfExp) or (
            isinstance(parent, ast.Compare) and parent.left is held and isinstance(parent.ops[0], ast.Is | ast.IsNot)
        )
        if is_test and path_of(held) == path and loop.has(use):
            return True
    return False


def is_hashable(kind: Kind, item: ast.expr, loop: Loop) -> bool:
    """Return whether a set can hold the items: their kind is known, or that of what is looked for."""
    wanted = kind_in(item, loop)
    if wanted is not None and not wanted.is_hashable:
        return False
    return (kind.element is not None and kind.element.is_hashable) or (kind.element is None and wanted is not None)
