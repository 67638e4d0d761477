"""Text, bytes or a tuple that a loop adds to becomes a list that is joined after the loop."""

import ast
from collections.abc import Iterator, Mapping

from dspy_programs.lint_loops.code.kinds import Place, kind_of
from dspy_programs.lint_loops.code.tree import Loop
from dspy_programs.lint_loops.detectors.concatenation import growing_in
from dspy_programs.lint_loops.explaining.edit import Edit, fresh_name, inserted, is_alone, is_sure, replaced


def joined(node: ast.AugAssign, target: ast.Name, loop: Loop, types: Mapping[str, str]) -> Iterator[Edit]:
    """`text += part` in all of a loop becomes `parts.append(part)`, and text is joined after it; so with a tuple."""
    growing = growing_in(node, target, loop)
    kind = kind_of(target, Place(loop.tree, loop.scope))
    if growing is None or kind is None or not is_sure(target, types) or target.id in loop.scope.elsewhere:
        return
    outer = growing.node
    if not isinstance(outer, ast.For | ast.AsyncFor | ast.While) or outer.orelse:
        return
    if any(isinstance(each, ast.Try | ast.Return) for each in ast.walk(outer)):
        return  # who catches an exception could see the text half full
    grown = [loop.tree.statement_of(use) for use in loop.scope.uses[target.id] if growing.has(use)]
    fresh = fresh_name("items" if kind.name == "tuple" else "parts", loop)
    empty, begun, ended = _ways(kind.name, target.id, fresh)
    changes = [replaced(each, new) for each in grown if each is not None and (new := _added(each, kind.name, fresh, loop))]
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
                return replaced(start, f"{fresh} = []")
    return inserted(outer, f"{fresh} = {begun}", loop)


def _added(statement: ast.stmt, kind: str, fresh: str, loop: Loop) -> str:
    """Write what a growth becomes; "" for one that is not sure: a tuple takes tuples only."""
    if not isinstance(statement, ast.AugAssign) or not is_alone(statement, loop):
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
