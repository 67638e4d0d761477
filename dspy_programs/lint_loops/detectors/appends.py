"""LOOP003: a list filled by a loop that a comprehension could hold."""

import ast
from collections.abc import Iterator
from typing import NamedTuple

from dspy_programs.lint_loops.code.paths import written
from dspy_programs.lint_loops.code.tree import ForLoop, Loop
from dspy_programs.lint_loops.detectors.detector import Hit, is_short, kind_in, shape_of
from dspy_programs.lint_loops.patterns import APPEND

_LONGEST = 5  # lines of what is appended, and of its conditions: beyond that a comprehension is hard to read
_MOST_CLAUSES = 3


class Filled(NamedTuple):
    """A loop that only fills a list. clauses: its `for`s and `if`s in order; start: the statement `name = []` before it."""

    name: str
    item: ast.expr
    clauses: list[ForLoop | ast.expr]
    start: ast.Assign | ast.AnnAssign | None


def find(loop: Loop) -> Iterator[Hit]:
    if not isinstance(loop.node, ast.For) or is_short(loop):
        return
    filled = filled_by(loop)
    if filled is None or _is_part(loop):
        return
    element = kind_in(filled.item, loop)
    match filled.clauses:
        case [ast.For(target=ast.Name(id=target), iter=iterable)] if (
            isinstance(filled.item, ast.Name) and filled.item.id == target
        ):
            text = written(iterable)
            mend = f"Take all at once: {filled.name} = list({text})" if filled.start else f"Use {filled.name}.extend({text})"
        case _:
            sign = "=" if filled.start else "+="
            mend = f"Replace with list comprehension: {filled.name} {sign} {comprehension_of(filled)}"
    yield Hit(APPEND, loop.node, mend, shape_of(element))


def _is_part(loop: Loop) -> bool:
    """Return whether a loop is a clause of the comprehension that the loop around it would become."""
    outer = loop.outer
    if outer is None or not isinstance(outer.node, ast.For):
        return False
    filled = filled_by(outer)
    return filled is not None and any(each is loop.node for each in filled.clauses)


def comprehension_of(filled: Filled, characters: int = 60) -> str:
    """Write what a loop would become; parts of more characters are cut."""

    def part(node: ast.AST) -> str:
        text = written(node, characters)
        return f"({text})" if isinstance(node, ast.IfExp | ast.GeneratorExp) else text

    clauses = [
        f"for {written(each.target, characters)} in {part(each.iter)}"
        if isinstance(each, ast.For | ast.AsyncFor)
        else f"if {part(each)}"
        for each in filled.clauses
    ]
    return f"[{written(filled.item, characters)} {' '.join(clauses)}]"


def filled_by(loop: Loop) -> Filled | None:
    """Return what a loop fills, if a comprehension means the same; None otherwise."""
    assert isinstance(loop.node, ast.For)
    found = _clauses(loop.node)
    if found is None or isinstance(loop.scope.node, ast.ClassDef):  # a comprehension does not see a class's names
        return None
    call, clauses = found
    holder = call.func.value if isinstance(call.func, ast.Attribute) else None
    if not isinstance(holder, ast.Name) or loop.scope.home_of(holder.id) is not loop.scope:
        return None
    parts = [call.args[0], *(each.iter if isinstance(each, ast.For | ast.AsyncFor) else each for each in clauses)]
    if not all(_can_move(part, holder.id) for part in parts) or _is_too_long(call, clauses):
        return None
    start = start_of(holder.id, loop)
    if start is None and not _is_local_list(holder, loop):
        return None
    if _leaks(clauses, loop) or _is_watched(holder.id, loop):
        return None
    return Filled(holder.id, call.args[0], clauses, start)


def _clauses(node: ast.For) -> tuple[ast.Call, list[ForLoop | ast.expr]] | None:
    """Follow a loop whose body is one statement down to the append: nested loops and conditions without else."""
    clauses: list[ForLoop | ast.expr] = []
    at: ast.stmt = node
    while True:
        match at:
            case ast.For(body=[inner], orelse=[]):
                clauses.append(at)
                at = inner
            case ast.If(body=[inner], orelse=[]):
                clauses.append(at.test)
                at = inner
            case ast.For(body=[ast.If(body=[ast.Continue()], orelse=[]) as skip, inner], orelse=[]):
                clauses += [at, negated(skip.test)]
                at = inner
            case ast.Expr(value=ast.Call(func=ast.Attribute(attr="append"), args=[item], keywords=[]) as call):
                return None if isinstance(item, ast.Starred) or len(clauses) > _MOST_CLAUSES else (call, clauses)
            case _:
                return None


def negated(test: ast.expr) -> ast.expr:
    """Return the opposite of a condition, without a double not."""
    opposite: dict[type[ast.cmpop], type[ast.cmpop]] = {
        ast.In: ast.NotIn,
        ast.NotIn: ast.In,
        ast.Is: ast.IsNot,
        ast.IsNot: ast.Is,
        ast.Eq: ast.NotEq,
        ast.NotEq: ast.Eq,
    }
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return operand
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in opposite:
            return ast.copy_location(ast.Compare(left, [opposite[type(op)]()], [right]), test)
    return ast.copy_location(ast.UnaryOp(ast.Not(), test), test)


def _can_move(node: ast.expr, name: str) -> bool:
    """Return whether an expression means the same in a comprehension: nothing waits, assigns, or looks at the list."""
    for each in ast.walk(node):
        if isinstance(each, ast.Await | ast.Yield | ast.YieldFrom | ast.NamedExpr | ast.Lambda):
            return False
        if isinstance(each, ast.Name) and each.id in (name, "locals", "super", "__class__"):
            return False
        if isinstance(each, ast.AsyncFor) or (isinstance(each, ast.comprehension) and each.is_async):
            return False
    return True


def _is_too_long(call: ast.Call, clauses: list[ForLoop | ast.expr]) -> bool:
    lines = (call.end_lineno or call.lineno) - call.lineno + 1
    for each in clauses:
        part = each.iter if isinstance(each, ast.For | ast.AsyncFor) else each
        lines += (part.end_lineno or part.lineno) - part.lineno
    return lines > _LONGEST


def start_of(name: str, loop: Loop) -> ast.Assign | ast.AnnAssign | None:
    """Return the statement `name = []` before a loop, if nothing between the two uses the name or is not simple."""
    assert isinstance(loop.node, ast.stmt)
    for statement in loop.tree.before(loop.node):
        match statement:
            case (
                ast.Assign(targets=[ast.Name(id=target)], value=ast.List(elts=[]) | ast.Call(func=ast.Name(id="list"), args=[]))
                | ast.AnnAssign(
                    target=ast.Name(id=target), value=ast.List(elts=[]) | ast.Call(func=ast.Name(id="list"), args=[])
                )
            ) if target == name:
                return statement
        if any(isinstance(each, ast.Name) and each.id == name for each in ast.walk(statement)):
            return None
    return None


def _is_local_list(holder: ast.Name, loop: Loop) -> bool:
    """Return whether a list was surely made in this function, and is not handed in."""
    kind = kind_in(holder, loop)
    bindings = loop.scope.bindings[holder.id]
    return kind is not None and kind.name == "list" and not any(isinstance(each, ast.arg) for each in bindings)


def _leaks(clauses: list[ForLoop | ast.expr], loop: Loop) -> bool:
    """Return whether a variable of the loops is used outside of them: a comprehension keeps its own to itself."""
    targets = {
        each.id
        for clause in clauses
        if isinstance(clause, ast.For | ast.AsyncFor)
        for each in ast.walk(clause.target)
        if isinstance(each, ast.Name)
    }
    if any(
        not isinstance(each, ast.Name | ast.Tuple | ast.List | ast.Starred | ast.expr_context)
        for clause in clauses
        if isinstance(clause, ast.For | ast.AsyncFor)
        for each in ast.walk(clause.target)
    ):
        return True
    scope = loop.scope
    if any(
        name in scope.elsewhere or any(name in inner.uses and name not in inner.bindings for inner in scope.below())
        for name in targets
    ):
        return True
    return any(_is_read_later(name, loop) for name in targets)


def _is_read_later(name: str, loop: Loop) -> bool:
    """Return whether the value that a loop leaves in its variable is read: a read behind the loop before it is bound again."""
    for use in loop.scope.uses[name]:
        if loop.tree.order[use] >= loop.end:
            return not isinstance(use.ctx, ast.Store) and not _has_own_binding(use, loop)
    return False


def _has_own_binding(use: ast.Name, loop: Loop) -> bool:
    """Return whether a use belongs to a comprehension or a loop that binds the name itself; its target may come later."""
    for around in loop.tree.around(use):
        if isinstance(around, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            targets = [each for part in around.generators for each in ast.walk(part.target)]
            if any(isinstance(each, ast.Name) and each.id == use.id for each in targets):
                return True
    return False


def _is_watched(name: str, loop: Loop) -> bool:
    """Return whether somebody could see the list half full: a handler that goes on, a nested function."""
    if any(name in inner.uses and name not in inner.bindings for inner in loop.scope.below()):
        return True
    return any(isinstance(each, ast.Try) and _is_used(name, [*each.handlers, *each.finalbody], loop) for each in _tries(loop))


def _tries(loop: Loop) -> Iterator[ast.AST]:
    for around in loop.tree.around(loop.node):
        if around is loop.scope.node:
            return
        yield around


def _is_used(name: str, nodes: list[ast.AST], loop: Loop) -> bool:
    """Return whether a list is still of interest after an exception: a handler uses it, or does not leave the function."""
    leaves = all(
        isinstance(node, ast.ExceptHandler) and node.body and isinstance(node.body[-1], ast.Raise | ast.Return | ast.Continue)
        for node in nodes
    )
    return not leaves or any(isinstance(each, ast.Name) and each.id == name for node in nodes for each in ast.walk(node))
