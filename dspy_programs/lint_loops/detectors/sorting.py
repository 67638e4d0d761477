"""LOOP007: the same collection sorted on each pass, sorted for its first or last item only, or sorted anew as it grows."""

import ast
from collections.abc import Iterator

from dspy_programs.lint_loops.code.changes import only_grows, stays
from dspy_programs.lint_loops.code.kind import Kind
from dspy_programs.lint_loops.code.paths import path_of, written
from dspy_programs.lint_loops.code.tree import Loop
from dspy_programs.lint_loops.detectors.copies import copied_by
from dspy_programs.lint_loops.detectors.detector import FEW, Hit, is_short, kind_in, runs_once, shape_of
from dspy_programs.lint_loops.patterns import SORT


def find(loop: Loop) -> Iterator[Hit]:
    if is_short(loop):
        return
    for node in loop.nodes:
        match node:
            case ast.Call(func=ast.Name(id="sorted"), args=[items]) if loop.scope.home_of("sorted") is None:
                if (mend := _mend(node, items, loop)) is not None and not runs_once(node, loop):
                    kind = kind_in(items, loop)
                    yield Hit(SORT, node, mend, shape_of(kind.element if kind else None))
            case ast.Call(func=ast.Attribute(value=ast.Name() as items, attr="sort"), args=[]):
                if _is_sorted_too_early(node, items, loop) and not runs_once(node, loop):
                    kind = kind_in(items, loop)
                    yield Hit(
                        SORT, node, f"Sort once after the loop: {written(node)}", shape_of(kind.element if kind else None)
                    )


def _mend(node: ast.Call, items: ast.expr, loop: Loop) -> str | None:
    """Say how to do without sorting on each pass; None if the order may be another one each time."""
    key = next((each.value for each in node.keywords if each.arg == "key"), None)
    parent = loop.tree.parents.get(node)
    if isinstance(parent, ast.Subscript) and parent.value is node and (extreme := _extreme(parent.slice, node)):
        return f"Use {extreme}({written(items)}{'' if key is None else f', key={written(key)}'}): it need not be sorted"
    if not _is_same_each_time(items, loop) or not all(_is_fixed(each.value, loop) for each in node.keywords):
        return None
    return f"Sort once before the loop: ordered = {written(node)}" if _is_only_read(node, loop) else None


def _is_sorted_too_early(node: ast.Call, items: ast.Name, loop: Loop) -> bool:
    """Return whether nothing looks at a list that is sorted on each pass before the loop has ended."""
    kind = kind_in(items, loop)
    is_list = kind is not None and kind.name == "list"
    return is_list and only_grows(items, loop) and all(_is_fixed(each.value, loop) for each in node.keywords)


def _extreme(index: ast.expr, node: ast.Call) -> str | None:
    """Return min or max for [0] and [-1]; None in reverse, where equal items change places."""
    if any(each.arg == "reverse" for each in node.keywords):
        return None
    match index:
        case ast.Constant(value=0):
            return "min"
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=1)):
            return "max" if not node.keywords else None  # of equal keys, max gives the first and sorted the last
    return None


def _is_same_each_time(items: ast.expr, loop: Loop) -> bool:
    """Return whether what is sorted stays: a name or attribute whose kind is known, or a copy or view of it."""
    match items:
        case ast.Call(func=ast.Attribute(value=inner, attr="keys" | "values" | "items"), args=[]):
            items = inner
    if (copied := copied_by(items, loop)) is not None:
        items = copied
    if path_of(items) is None:
        return False
    kind: Kind | None = kind_in(items, loop)
    if kind is None or kind.name in ("iterator", "file") or (kind.size is not None and kind.size < FEW):
        return False
    return stays(items, loop)


def _is_fixed(node: ast.expr, loop: Loop) -> bool:
    """Return whether a key or a flag is the same on each pass: a constant, a name, a lambda of its own arguments."""
    if isinstance(node, ast.Lambda):
        own = {each.arg for each in node.args.args}
        names = {each for each in ast.walk(node.body) if isinstance(each, ast.Name)}
        return all(each.id in own or not _is_bound(each.id, loop) for each in names)
    if isinstance(node, ast.Call):
        return all(isinstance(each, ast.Constant) for each in node.args) and not node.keywords
    return stays(node, loop)


def _is_bound(name: str, loop: Loop) -> bool:
    return any(loop.has(each) for each in loop.scope.bindings.get(name, ()))


def _is_only_read(node: ast.Call, loop: Loop) -> bool:
    """Return whether the sorted list is looped over, joined, compared or measured, so that one list can serve all passes."""
    match loop.tree.parents.get(node):
        case ast.For() | ast.comprehension() | ast.Compare() | ast.Subscript():
            return True
        case ast.Call(func=ast.Name(id=name)):
            return name in ("enumerate", "len", "tuple", "list", "str", "zip", "map", "reversed", "sum", "min", "max")
        case ast.Call(func=ast.Attribute(attr="join" | "extend" | "update")):
            return True
    return False
