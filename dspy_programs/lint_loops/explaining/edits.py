"""Mends that --fix does not make in place, as changes of the text: a value is made once before the loop and named.

Guarantees the same values in the same order as before. A value that may be None is left alone, since making something of it
           before the loop could raise where the loop did not; so is one that the loop only asks for on a condition.
"""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence

from dspy_programs.lint_loops.code.kinds import Place, kind_of
from dspy_programs.lint_loops.code.tree import Loop
from dspy_programs.lint_loops.detectors.appends import comprehension_of, filled_by
from dspy_programs.lint_loops.detectors.compiling import function_of
from dspy_programs.lint_loops.detectors.copies import copied_by
from dspy_programs.lint_loops.detectors.detector import Hit
from dspy_programs.lint_loops.explaining.context import Placed
from dspy_programs.lint_loops.explaining.edit import Edit, applied, fresh_name, inserted, is_alone, is_sure, replaced
from dspy_programs.lint_loops.explaining.joining import joined
from dspy_programs.lint_loops.patterns import APPEND, COPY, LENGTH, LIST_CONCAT, LOOKUP, MEMBERSHIP, REGEX, SORT, STRING

_ANY = 10_000  # characters: nothing is cut


def edited(found: Placed, alike: Sequence[Hit], types: Mapping[str, str]) -> str:
    """Return the changed text of a context, "" where no change is sure. alike: all findings that one change mends."""
    changes = list(_changes(found, alike, types))
    return applied(found.context.text, changes) if changes else ""


def _changes(found: Placed, alike: Sequence[Hit], types: Mapping[str, str]) -> Iterator[Edit]:
    hit, loop = found.hit, found.loop
    node, pattern = hit.node, hit.pattern
    if pattern is MEMBERSHIP and isinstance(node, ast.Compare):
        yield from _membership(node, loop, hit.mend, alike, types)
    elif pattern is SORT and isinstance(node, ast.Call) and hit.mend.startswith("Sort once before"):
        if is_sure(node.args[0], types):
            yield from _hoisted(loop, "ordered", ast.unparse(node), [node])
    elif pattern is COPY and isinstance(node, ast.Call | ast.Subscript) and not hit.mend.startswith("Copy"):
        yield from _uncopied(node, loop)
    elif pattern is LENGTH and isinstance(loop.node, ast.While):
        yield from _length(loop.node, loop, types)
    elif pattern is REGEX and isinstance(node, ast.Call):
        yield from _compiled(node, loop)
    elif pattern is APPEND and isinstance(node, ast.For):
        yield from _extended(node, loop, found.context.text)
    elif pattern is LOOKUP and isinstance(node, ast.Subscript):
        yield from _looked_up(node, loop)
    elif pattern in (STRING, LIST_CONCAT) and isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
        yield from joined(node, node.target, loop, types)


def _membership(node: ast.Compare, loop: Loop, mend: str, alike: Sequence[Hit], types: Mapping[str, str]) -> Iterator[Edit]:
    holder = node.comparators[0]
    kind = kind_of(holder, Place(loop.tree, loop.scope))
    if not is_sure(holder, types) or kind is None:
        return
    if mend.startswith("Test once"):
        yield from _hoisted(loop, "is_in", ast.unparse(node), [node])
    elif kind.element is not None and kind.element.is_hashable:
        outer = [*loop.around()][-1]
        tests = [each.node.comparators[0] for each in alike if isinstance(each.node, ast.Compare) and outer.has(each.node)]
        yield from _hoisted(outer, "known", f"set({ast.unparse(holder)})", tests)


def _uncopied(node: ast.Call | ast.Subscript, loop: Loop) -> Iterator[Edit]:
    if copied_by(node, loop) is None:
        return
    inner: ast.expr = node.value if isinstance(node, ast.Subscript) else node.args[0] if node.args else node.func
    if isinstance(inner, ast.Attribute) and inner is getattr(node, "func", None):
        inner = inner.value  # items.copy()
    yield replaced(node, ast.unparse(inner))


def _length(node: ast.While, loop: Loop, types: Mapping[str, str]) -> Iterator[Edit]:
    for each in ast.walk(node.test):
        match each:
            case ast.Call(func=ast.Name(id="len"), args=[ast.Name() | ast.Attribute() as holder], keywords=[]):
                first = node.test.values[0] if isinstance(node.test, ast.BoolOp) else node.test
                known = kind_of(holder, Place(loop.tree, loop.scope)) is not None and is_sure(holder, types)
                if known or any(part is each for part in ast.walk(first)):
                    yield from _hoisted(loop, "size", ast.unparse(each), [each])
                return


def _compiled(node: ast.Call, loop: Loop) -> Iterator[Edit]:
    name = function_of(node, loop)
    if name is None or node.keywords:
        return
    if name == "compile" and all(_is_expression(each) for each in node.args[:1]):
        yield from _hoisted(loop, "pattern", ast.unparse(node), [node])
        return
    most = {"sub": 3, "subn": 3, "split": 2}.get(name, 2)  # more would be flags or a count
    if 1 < len(node.args) <= most and isinstance(node.func, ast.Attribute) and _is_expression(node.args[0]):
        compiled = f"{ast.unparse(node.func.value)}.compile({ast.unparse(node.args[0])})"
        fresh, line = _line_before(loop, "pattern", compiled)
        if line:
            rest = ", ".join(ast.unparse(each) for each in node.args[1:])
            yield line
            yield replaced(node, f"{fresh}.{name}({rest})")


def _is_expression(node: ast.expr) -> bool:
    """Return whether a pattern surely can be compiled: another one could raise before the loop where the loop did not."""
    if not isinstance(node, ast.Constant) or not isinstance(node.value, str | bytes):
        return False
    try:
        re.compile(node.value)
    except (re.error, RecursionError, OverflowError):
        return False
    return True


def _looked_up(node: ast.Subscript, loop: Loop) -> Iterator[Edit]:
    text = ast.dump(node)
    places = [each for each in loop.nodes if isinstance(each, ast.Subscript) and ast.dump(each) == text]
    first = loop.tree.statement_of(node)
    if first is None or any(isinstance(each, ast.BoolOp | ast.IfExp | ast.Lambda) for each in _until(node, first, loop)):
        return  # asked for on a condition only
    fresh = fresh_name("value", loop)
    if line := inserted(first, f"{fresh} = {ast.unparse(node)}", loop):
        yield line
        for each in places:
            yield replaced(each, fresh)


def _extended(node: ast.For, loop: Loop, text: str) -> Iterator[Edit]:
    """A loop that adds to a list becomes one addition to it, if no comment would be lost."""
    filled = filled_by(loop)
    lines = text.split("\n")
    if filled is None or not is_alone(node, loop) or any("#" in line for line in lines[node.lineno - 1 : node.end_lineno]):
        return
    match filled.clauses:
        case [ast.For(target=ast.Name(id=target), iter=iterable)] if (
            isinstance(filled.item, ast.Name) and filled.item.id == target
        ):
            new, added = f"list({ast.unparse(iterable)})", f"{filled.name}.extend({ast.unparse(iterable)})"
        case _:
            new = comprehension_of(filled, characters=_ANY)
            added = f"{filled.name}.extend({new})"
    if filled.start is None:
        yield replaced(node, added)
    elif is_alone(filled.start, loop) and filled.start.lineno == filled.start.end_lineno:
        head = lines[filled.start.lineno - 1].partition("=")[0].strip()
        yield Edit(filled.start.lineno, 0, filled.start.lineno + 1, 0, "")
        yield replaced(node, f"{head} = {new}")


def _hoisted(loop: Loop, wish: str, value: str, places: Sequence[ast.expr]) -> Iterator[Edit]:
    """Name a value in a line before a loop, and put the name in its places."""
    fresh, line = _line_before(loop, wish, value)
    if line is not None:
        yield line
        for each in places:
            yield replaced(each, fresh)


def _line_before(loop: Loop, wish: str, value: str) -> tuple[str, Edit | None]:
    fresh = fresh_name(wish, loop)
    statement = loop.tree.statement_of(loop.node)
    return fresh, inserted(statement, f"{fresh} = {value}", loop) if statement is not None else None


def _until(node: ast.AST, statement: ast.stmt, loop: Loop) -> Iterator[ast.AST]:
    for around in loop.tree.around(node):
        if around is statement:
            return
        yield around
