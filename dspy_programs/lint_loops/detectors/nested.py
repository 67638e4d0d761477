"""LOOP001: a loop over a collection inside a loop over the same collection."""

import ast
from collections.abc import Iterator, Sequence

from dspy_programs.lint_loops.code.changes import stays
from dspy_programs.lint_loops.code.paths import is_same, path_of, written
from dspy_programs.lint_loops.code.tree import Comprehension, Loop
from dspy_programs.lint_loops.detectors.detector import FEW, Hit, is_short, kind_in, shape_of
from dspy_programs.lint_loops.patterns import NESTED


def find(loop: Loop) -> Iterator[Hit]:
    """Look for the outer loop of an inner one, and for two `for`s of one comprehension."""
    if isinstance(loop.node, ast.For) and loop.outer is not None:
        for outer in loop.outer.around():
            if isinstance(outer.node, ast.For) and _is_pair(outer.node.iter, loop.node.iter, outer):
                if (mend := _mend(loop.node.body, outer.node.target, loop.node.target, loop.node.iter)) is not None:
                    yield _hit(loop.node, loop.node.iter, mend, loop)
                return
    elif isinstance(loop.node, Comprehension):
        first, *others = loop.node.generators
        for each in others:
            if _is_pair(first.iter, each.iter, loop):
                if (mend := _mend([*first.ifs, *each.ifs], first.target, each.target, each.iter)) is not None:
                    yield _hit(loop.node, each.iter, mend, loop)
                return


def _is_pair(one: ast.expr, other: ast.expr, outer: Loop) -> bool:
    """Return whether two loops are over one collection that stays: a name, an attribute, or the items of a dict."""
    one, other = core_of(one), core_of(other)
    if path_of(one) is None or not is_same(one, other):
        return False
    kind = kind_in(one, outer)
    if kind is not None and (kind.name in ("iterator", "file", "str") or (kind.size is not None and kind.size < FEW)):
        return False
    return not is_short(outer) and stays(other, outer)


def core_of(node: ast.expr) -> ast.expr:
    """Return the collection behind enumerate(), list() or .items()."""
    match node:
        case ast.Call(func=ast.Name(id="enumerate" | "list" | "sorted" | "reversed"), args=[inner, *_]):
            return core_of(inner)
        case ast.Call(func=ast.Attribute(value=inner, attr="items" | "keys" | "values"), args=[]):
            return inner
    return node


def _hit(node: ast.stmt | ast.expr, iterable: ast.expr, mend: str, loop: Loop) -> Hit:
    kind = kind_in(core_of(iterable), loop)
    return Hit(NESTED, node, mend, shape_of(kind.element if kind else None))


def _mend(body: Sequence[ast.AST], outer: ast.expr, inner: ast.expr, iterable: ast.expr) -> str | None:
    """Say what to write instead; None if each pair seems to be needed for itself: the passes do more than one thing."""
    name = written(core_of(iterable))
    if any(_is_join(each, outer, inner) for each in body):
        return f"Build a dict from key to item of {name} before the loops, and look the match up"
    if len(body) > 1 or (body and not isinstance(body[0], ast.Expr | ast.If | ast.Assign | ast.AugAssign | ast.Compare)):
        return None
    return f"Each of {name} meets each, and itself: use itertools.combinations({name}, 2) if a pair counts once"


def _is_join(statement: ast.AST, outer: ast.expr, inner: ast.expr) -> bool:
    """Return whether the passes only serve to find items with something equal: `if a.key == b.key` without else."""
    match statement:
        case ast.If(test=test, orelse=[], body=body):
            skips = isinstance(body[0], ast.Continue)
        case ast.expr() as test:
            skips = False
        case _:
            return False
    parts = test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) else [test]
    ours, theirs = _names(outer), _names(inner)
    for each in parts:
        if isinstance(each, ast.Compare) and len(each.ops) == 1 and isinstance(each.ops[0], ast.NotEq if skips else ast.Eq):
            left, right = _names(each.left), _names(each.comparators[0])
            if (left & ours and right & theirs) or (left & theirs and right & ours):
                return True
    return False


def _names(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
