"""Why no rewrite of a loop is sure in its place, by the rest of the file: what a cut-out of the loop cannot show.

Input      a finding, the lines that are cut out, and the names that are read after them.
Output     a few words, "" where nothing speaks against a rewrite.
"""

import ast
from collections.abc import Collection, Iterator

from dspy_programs.lint_loops.code.tree import Function, Loop, Scope
from dspy_programs.lint_loops.detectors.appends import filled_by
from dspy_programs.lint_loops.detectors.detector import Hit
from dspy_programs.lint_loops.explaining.rewrite_checks import BUILDING
from dspy_programs.lint_loops.patterns import APPEND, COPY, LENGTH, LIST_CONCAT, LOOKUP, MEMBERSHIP, SORT, STRING

_GROWING = (APPEND, LIST_CONCAT, STRING)
_AT_ONE_TIME = (COPY, LENGTH, LOOKUP, MEMBERSHIP, SORT)
"""Their mends take a value at one time instead of at many."""
_SEE_ALL = frozenset("dir eval exec globals locals vars".split())


def why_not_in_place(hit: Hit, loop: Loop, start: ast.stmt, statement: ast.stmt, keeps: Collection[str]) -> str:
    """Say why. start, statement: the first and the last statement of the cut-out; keeps: names that are read afterwards."""
    scope = loop.scope
    inside = [each for part in {start, statement} for each in ast.walk(part)]
    if isinstance(scope.node, ast.ClassDef):
        return "it would give the class more names"
    if shadowed := sorted(name for name in _named_around(scope) if name in BUILDING and scope.home_of(name)):
        return f"{shadowed[0]} is not Python's own here"
    if seeing := sorted(_SEE_ALL & scope.uses.keys()):
        return f"{seeing[0]}() sees every name"
    if missing := sorted({each.id for each in inside if isinstance(each, ast.Name)} & _none_by_default(scope)):
        return f"{missing[0]} may be None"
    if start.col_offset and any(_is_text_of_many_lines(each) for each in inside):
        return "a text of several lines would move with its margin"
    waits = any(isinstance(each, ast.Yield | ast.YieldFrom | ast.Await | ast.AsyncFor | ast.AsyncWith) for each in inside)
    if waits and hit.pattern in _AT_ONE_TIME:
        return "other code runs between the passes, and may change what is looked at"
    if hit.pattern in _GROWING:
        filled = filled_by(loop) if hit.pattern is APPEND else None
        grown = {*keeps, *([filled.name] if filled else [])}
        if shared := sorted(name for name in grown if _is_shared(name, scope)):
            return f"another function sees {shared[0]} while the loop runs"
        if half := sorted(name for name in grown if _is_seen_half_done(name, statement, loop)):
            return f"an exception would leave {half[0]} otherwise than before"
    return ""


def _named_around(scope: Scope) -> Iterator[str]:
    around: Scope | None = scope
    while around is not None:
        yield from around.bindings
        around = around.outer


def _none_by_default(scope: Scope) -> set[str]:
    """Return the parameters whose default is None, whatever their annotations say, unless they get another value."""
    if not isinstance(scope.node, Function):
        return set()
    given = scope.node.args
    places = [*given.posonlyargs, *given.args]
    defaults = [*zip(places[len(places) - len(given.defaults) :], given.defaults, strict=True)]
    defaults += [(each, value) for each, value in zip(given.kwonlyargs, given.kw_defaults, strict=True) if value]
    return {
        each.arg
        for each, value in defaults
        if isinstance(value, ast.Constant) and value.value is None and len(scope.bindings[each.arg]) == 1
    }


def _is_text_of_many_lines(node: ast.AST) -> bool:
    is_text = isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str | bytes))
    return is_text and getattr(node, "end_lineno", 0) != getattr(node, "lineno", 0)


def _is_shared(name: str, scope: Scope) -> bool:
    """Return whether a function may read or change a name while a loop of another scope runs."""
    return name in scope.elsewhere or any(
        name in inner.elsewhere or (name in inner.uses and name not in inner.bindings) for inner in scope.below()
    )


def _is_seen_half_done(name: str, statement: ast.stmt, loop: Loop) -> bool:
    """Return whether a name is used outside of a block around the loop that catches exceptions."""
    for around in loop.tree.around(statement):
        if around is loop.scope.node:
            return False
        if isinstance(around, ast.Try | ast.TryStar) or (isinstance(around, ast.With | ast.AsyncWith) and not _opens(around)):
            body = {id(each) for part in around.body for each in ast.walk(part)}
            if any(id(use) not in body for use in loop.scope.uses[name]):
                return True
    return False


def _opens(block: ast.With | ast.AsyncWith) -> bool:
    """Return whether a block only opens files, which lets every exception through."""
    calls = [item.context_expr for item in block.items]
    return all(isinstance(call, ast.Call) and ast.unparse(call.func).rpartition(".")[2] == "open" for call in calls)
