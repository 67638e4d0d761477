"""Mends that --fix does not make in place, as changes of the text: a value is made once before the loop and named.

Guarantees the same values in the same order as before. A value that may be None is left alone, since making something of it
           before the loop could raise where the loop did not; so is one that the loop only asks for on a condition.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from dspy_programs.lint_loops.code.kinds import Place, kind_of
from dspy_programs.lint_loops.code.paths import path_of
from dspy_programs.lint_loops.code.tree import Loop
from dspy_programs.lint_loops.detectors.appends import comprehension_of, filled_by
from dspy_programs.lint_loops.detectors.compiling import function_of
from dspy_programs.lint_loops.detectors.concatenation import growing_in
from dspy_programs.lint_loops.detectors.copies import copied_by
from dspy_programs.lint_loops.detectors.detector import Hit
from dspy_programs.lint_loops.explaining.context import Placed
from dspy_programs.lint_loops.patterns import APPEND, COPY, LENGTH, LIST_CONCAT, LOOKUP, MEMBERSHIP, REGEX, SORT, STRING

_ANY = 10_000  # characters: nothing is cut


class Edit(NamedTuple):
    """A piece of the text to replace: lines from 1, columns in bytes from 0, as the parser counts."""

    line: int
    column: int
    end_line: int
    end_column: int
    text: str


def edited(found: Placed, alike: Sequence[Hit], types: Mapping[str, str]) -> str:
    """Return the changed text of a context, "" where no change is sure. alike: all findings that one change mends."""
    changes = list(_changes(found, alike, types))
    return _applied(found.context.text, changes) if changes else ""


def _changes(found: Placed, alike: Sequence[Hit], types: Mapping[str, str]) -> Iterator[Edit]:
    hit, loop = found.hit, found.loop
    node, pattern = hit.node, hit.pattern
    if pattern is MEMBERSHIP and isinstance(node, ast.Compare):
        yield from _membership(node, loop, hit.mend, alike, types)
    elif pattern is SORT and isinstance(node, ast.Call) and hit.mend.startswith("Sort once"):
        if _is_sure(node.args[0], types):
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
        yield from _joined(node, node.target, loop, types)


def _membership(node: ast.Compare, loop: Loop, mend: str, alike: Sequence[Hit], types: Mapping[str, str]) -> Iterator[Edit]:
    holder = node.comparators[0]
    kind = kind_of(holder, Place(loop.tree, loop.scope))
    if not _is_sure(holder, types) or kind is None:
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
    yield _replaced(node, ast.unparse(inner))


def _length(node: ast.While, loop: Loop, types: Mapping[str, str]) -> Iterator[Edit]:
    for each in ast.walk(node.test):
        match each:
            case ast.Call(func=ast.Name(id="len"), args=[ast.Name() | ast.Attribute() as holder], keywords=[]):
                first = node.test.values[0] if isinstance(node.test, ast.BoolOp) else node.test
                known = kind_of(holder, Place(loop.tree, loop.scope)) is not None and _is_sure(holder, types)
                if known or any(part is each for part in ast.walk(first)):
                    yield from _hoisted(loop, "size", ast.unparse(each), [each])
                return


def _compiled(node: ast.Call, loop: Loop) -> Iterator[Edit]:
    name = function_of(node, loop)
    if name is None or node.keywords:
        return
    if name == "compile":
        yield from _hoisted(loop, "pattern", ast.unparse(node), [node])
        return
    most = {"sub": 3, "subn": 3, "split": 2}.get(name, 2)  # more would be flags or a count
    if 1 < len(node.args) <= most and isinstance(node.func, ast.Attribute):
        compiled = f"{ast.unparse(node.func.value)}.compile({ast.unparse(node.args[0])})"
        fresh, inserted = _line_before(loop, "pattern", compiled)
        if inserted:
            rest = ", ".join(ast.unparse(each) for each in node.args[1:])
            yield inserted
            yield _replaced(node, f"{fresh}.{name}({rest})")


def _looked_up(node: ast.Subscript, loop: Loop) -> Iterator[Edit]:
    text = ast.dump(node)
    places = [each for each in loop.nodes if isinstance(each, ast.Subscript) and ast.dump(each) == text]
    first = loop.tree.statement_of(node)
    if first is None or any(isinstance(each, ast.BoolOp | ast.IfExp | ast.Lambda) for each in _until(node, first, loop)):
        return  # asked for on a condition only
    fresh = _fresh("value", loop)
    if inserted := _inserted(first, f"{fresh} = {ast.unparse(node)}", loop):
        yield inserted
        for each in places:
            yield _replaced(each, fresh)


def _extended(node: ast.For, loop: Loop, text: str) -> Iterator[Edit]:
    """A loop that adds to a list becomes one addition to it, if no comment would be lost."""
    filled = filled_by(loop)
    lines = text.split("\n")
    if filled is None or not _is_alone(node, loop) or any("#" in line for line in lines[node.lineno - 1 : node.end_lineno]):
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
        yield _replaced(node, added)
    elif _is_alone(filled.start, loop) and filled.start.lineno == filled.start.end_lineno:
        head = lines[filled.start.lineno - 1].partition("=")[0].strip()
        yield Edit(filled.start.lineno, 0, filled.start.lineno + 1, 0, "")
        yield _replaced(node, f"{head} = {new}")


def _joined(node: ast.AugAssign, target: ast.Name, loop: Loop, types: Mapping[str, str]) -> Iterator[Edit]:
    """`text += part` in all of a loop becomes `parts.append(part)`, and text is joined after it; so with a tuple."""
    growing = growing_in(node, target, loop)
    kind = kind_of(target, Place(loop.tree, loop.scope))
    if growing is None or kind is None or not _is_sure(target, types) or target.id in loop.scope.elsewhere:
        return
    outer = growing.node
    if not isinstance(outer, ast.For | ast.AsyncFor | ast.While) or outer.orelse:
        return
    if any(isinstance(each, ast.Try | ast.Return) for each in ast.walk(outer)):
        return  # who catches an exception could see the text half full
    grown = [loop.tree.statement_of(use) for use in loop.scope.uses[target.id] if growing.has(use)]
    fresh = _fresh("items" if kind.name == "tuple" else "parts", loop)
    empty, begun, ended = _ways(kind.name, target.id, fresh)
    changes = [_replaced(each, new) for each in grown if each is not None and (new := _added(each, kind.name, fresh, loop))]
    first = _begun(outer, target.id, empty, fresh, begun, loop)
    if first is None or len(changes) < len(grown):
        return
    yield first
    yield from changes
    end, margin = outer.end_lineno or outer.lineno, " " * outer.col_offset
    yield Edit(end + 1, 0, end + 1, 0, f"{margin}{target.id} = {ended}\n")


def _ways(kind: str, name: str, fresh: str) -> tuple[object, str, str]:
    """Return the empty value of a kind, the list that a value begins, and how the list becomes a value."""
    if kind == "tuple":
        return (), f"list({name})", f"tuple({fresh})"
    return ("", f"[{name}]", f'"".join({fresh})') if kind == "str" else (b"", f"[{name}]", f'b"".join({fresh})')


def _begun(outer: ast.stmt, name: str, empty: object, fresh: str, begun: str, loop: Loop) -> Edit | None:
    """Begin the list: in the place of `name = ""` just before the loop, else with what is there."""
    match loop.tree.before(outer)[:1]:
        case [ast.Assign(targets=[ast.Name(id=found)], value=value) as start] if found == name:
            is_empty = isinstance(value, ast.Tuple) and not value.elts if empty == () else False
            if is_empty or (isinstance(value, ast.Constant) and value.value == empty):
                return _replaced(start, f"{fresh} = []")
    return _inserted(outer, f"{fresh} = {begun}", loop)


def _added(statement: ast.stmt, kind: str, fresh: str, loop: Loop) -> str:
    """Write what a growth becomes; "" for one that is not sure: a tuple takes tuples only."""
    if not isinstance(statement, ast.AugAssign) or not _is_alone(statement, loop):
        return ""
    match statement.value:
        case _ if kind != "tuple":
            return f"{fresh}.append({ast.unparse(statement.value)})"
        case ast.Tuple(elts=[item]) if not isinstance(item, ast.Starred):
            return f"{fresh}.append({ast.unparse(item)})"
        case ast.Tuple():
            return f"{fresh}.extend({ast.unparse(statement.value)})"
    added = kind_of(statement.value, Place(loop.tree, loop.scope))
    return f"{fresh}.extend({ast.unparse(statement.value)})" if added and added.name == "tuple" else ""


def _hoisted(loop: Loop, wish: str, value: str, places: Sequence[ast.expr]) -> Iterator[Edit]:
    """Name a value in a line before a loop, and put the name in its places."""
    fresh, inserted = _line_before(loop, wish, value)
    if inserted is not None:
        yield inserted
        for each in places:
            yield _replaced(each, fresh)


def _line_before(loop: Loop, wish: str, value: str) -> tuple[str, Edit | None]:
    fresh = _fresh(wish, loop)
    statement = loop.tree.statement_of(loop.node)
    return fresh, _inserted(statement, f"{fresh} = {value}", loop) if statement is not None else None


def _inserted(statement: ast.stmt, line: str, loop: Loop) -> Edit | None:
    """Put a line before a statement that begins its own; None for an `elif` or what follows on a line."""
    if not _is_alone(statement, loop):
        return None
    return Edit(statement.lineno, 0, statement.lineno, 0, f"{' ' * statement.col_offset}{line}\n")


def _is_alone(statement: ast.stmt, loop: Loop) -> bool:
    """Return whether a statement is the first of its line in a block: not an `elif`, not behind a semicolon or a colon."""
    block = loop.tree.block_of(statement)
    parent = loop.tree.parents.get(statement)
    is_elif = isinstance(parent, ast.If) and isinstance(statement, ast.If) and statement.col_offset == parent.col_offset
    same_line = [each for each in block if each is not statement and each.lineno <= statement.lineno <= (each.end_lineno or 0)]
    return not is_elif and not same_line and (parent is None or getattr(parent, "lineno", 0) != statement.lineno)


def _is_sure(node: ast.expr, types: Mapping[str, str]) -> bool:
    """Return whether a value surely is what its type says, and not None."""
    said = types.get(path_of(node) or "", "")
    return "None" not in said and "Optional" not in said


def _until(node: ast.AST, statement: ast.stmt, loop: Loop) -> Iterator[ast.AST]:
    for around in loop.tree.around(node):
        if around is statement:
            return
        yield around


def _fresh(wish: str, loop: Loop) -> str:
    """Return a name that nothing in the context has."""
    scopes = [loop.tree.module, *loop.tree.module.below()]
    taken = {name for scope in scopes for name in (*scope.uses, *scope.bindings)}
    return next(name for name in (wish, *(f"{wish}_{at}" for at in range(2, len(taken) + 3))) if name not in taken)


def _replaced(node: ast.expr | ast.stmt, text: str) -> Edit:
    return Edit(node.lineno, node.col_offset, node.end_lineno or node.lineno, node.end_col_offset or 0, text)


def _applied(text: str, edits: Sequence[Edit]) -> str:
    """Carry out changes, the last first, so that the places of the others stay."""
    lines = [line.encode() for line in text.split("\n")]
    for line, column, end_line, end_column, new in sorted(edits, reverse=True):
        if line > len(lines):
            lines.append(b"")
        before, after = lines[line - 1][:column], lines[end_line - 1][end_column:] if end_line <= len(lines) else b""
        lines[line - 1 : end_line] = (before + new.encode() + after).split(b"\n")
    return b"\n".join(lines).decode()
