"""The code of a loop with the lines before that it starts from, cut out of its file; and what is known of its names.

Input      a file's text and its findings.
Output     an Excerpt for each finding that is still there.
Guarantees an excerpt is whole lines; `code` is these lines without their common margin.
"""

import ast
from collections.abc import Iterable
from typing import NamedTuple

from dspy_programs.lint_loops.code.tree import Loop, Scope, Tree
from dspy_programs.lint_loops.code.walk import tree_of
from dspy_programs.lint_loops.detectors.all import located_in
from dspy_programs.lint_loops.detectors.concatenation import growing_in
from dspy_programs.lint_loops.detectors.detector import Hit
from dspy_programs.lint_loops.explaining.context import parsed
from dspy_programs.lint_loops.explaining.in_place import why_not_in_place
from dspy_programs.lint_loops.explaining.known_types import types_of
from dspy_programs.lint_loops.explaining.reasons import reason_of
from dspy_programs.lint_loops.finding import Finding
from dspy_programs.lint_loops.patterns import IO, MEMBERSHIP, NESTED, REGEX, SORT

_MOVED_OUT = (MEMBERSHIP, REGEX, IO, SORT)
_LONGEST = 60  # lines: of a longer loop only the inner one is cut out
_BEFORE = 4  # statements before a loop that may belong to it: `found = []`


class Excerpt(NamedTuple):
    """A loop's code.

    first, last: its lines in the file, from 1. types: name -> annotation, of what it takes from outside. keeps: names it gives
    a value that is read afterwards. taken: all other names of the function, which a rewrite must not give a value. reason: why
    it is slow, by the whole file. against: why no rewrite is sure in its place (in_place.py), "" if one may be.
    """

    code: str
    first: int
    last: int
    types: dict[str, str]
    keeps: list[str]
    taken: frozenset[str]
    reason: str
    against: str


def excerpts_of(text: str, findings: Iterable[Finding]) -> dict[Finding, Excerpt]:
    """Cut out the loop of each finding of one file; those of a file that has changed since may be missing."""
    module = parsed(text)
    if module is None:
        return {}
    wanted = {(each.line, each.pattern.code, each.suggestion): each for each in findings}
    found: dict[Finding, Excerpt] = {}
    lines = text.split("\n")
    for hit, loop in located_in(tree_of(module)):
        finding = wanted.get((hit.node.lineno, hit.pattern.code, hit.mend))
        if finding is not None and finding not in found:
            found[finding] = excerpt_of(hit, loop, lines)
    return found


def excerpt_of(hit: Hit, loop: Loop, lines: list[str]) -> Excerpt:
    """Cut out the loops that a mend of a finding would touch, as far as they are not too long, with what they start from."""
    tree, scope = loop.tree, loop.scope
    around = [_whole(each.node, tree, lines) for each in _concerned(hit, loop)]
    statement = next((each for each in reversed(around) if _length(each) <= _LONGEST), around[0])
    start = _start(statement, tree, lines)
    last = statement.end_lineno or statement.lineno
    margin = lines[start.lineno - 1][: len(lines[start.lineno - 1]) - len(lines[start.lineno - 1].lstrip())]
    code = "\n".join(line.removeprefix(margin) for line in lines[start.lineno - 1 : last])
    nodes = (each for each in ast.walk(statement) if isinstance(each, ast.expr | ast.stmt))  # operators are shared by all
    inside = _Span(tree.order[start], max(tree.order[each] for each in nodes))
    bound = {name for name, bindings in scope.bindings.items() if any(inside.has(each, tree) for each in bindings)}
    keeps = sorted(name for name in bound if name in scope.elsewhere or _is_kept(name, scope, tree, inside, statement))
    outer = [loop.scope, *loop.scope.below()]
    names = {name for each in outer for name in (*each.uses, *each.bindings, *each.elsewhere)}
    own = {each.id for each in ast.walk(parsed(code) or ast.Module([], [])) if isinstance(each, ast.Name)}
    types, reason = types_of(code, scope, tree, statement), reason_of(hit, loop).text
    against = why_not_in_place(hit, loop, start, statement, keeps)
    return Excerpt(code, start.lineno, last, types, keeps, frozenset(names - own), reason, against)


def _concerned(hit: Hit, loop: Loop) -> list[Loop]:
    """Return the loops that matter, the innermost first: to move something out of all of them, all; else the loop itself."""
    around = [*loop.around()]
    if hit.pattern in _MOVED_OUT:
        return around
    if isinstance(hit.node, ast.Assign | ast.AugAssign):
        target = hit.node.target if isinstance(hit.node, ast.AugAssign) else hit.node.targets[0]
        growing = growing_in(hit.node, target, loop) if isinstance(target, ast.Name | ast.Attribute) else None
        return around[: around.index(growing) + 1] if growing in around else around
    return around[: 2 if hit.pattern is NESTED else 1]


class _Span(NamedTuple):
    """The order of the first and the last node of an excerpt."""

    first: int
    last: int

    def has(self, node: ast.AST, tree: Tree) -> bool:
        return self.first <= tree.order.get(node, -1) <= self.last


def _length(statement: ast.stmt) -> int:
    return (statement.end_lineno or statement.lineno) - statement.lineno + 1


def _whole(node: ast.AST, tree: Tree, lines: list[str]) -> ast.stmt:
    """Return the statement of a loop; of an `elif` the whole `if`."""
    statement = tree.statement_of(node)
    assert statement is not None
    while lines[statement.lineno - 1].lstrip().startswith("elif"):
        parent = tree.parents.get(statement)
        if not isinstance(parent, ast.stmt):
            break
        statement = parent
    return statement


def _start(statement: ast.stmt, tree: Tree, lines: list[str]) -> ast.stmt:
    """Return the first of the statements before that give a value to a name of the loop."""
    used = {each.id for each in ast.walk(statement) if isinstance(each, ast.Name)}
    start = statement
    for each in tree.before(statement)[:_BEFORE]:
        if not isinstance(each, ast.Assign | ast.AnnAssign) or _length(each) > 2 or _is_after_other(each, lines):
            break
        targets = each.targets if isinstance(each, ast.Assign) else [each.target]
        if any(isinstance(target, ast.Name) and target.id in used for target in targets):
            start = each
    return start


def _is_after_other(statement: ast.stmt, lines: list[str]) -> bool:
    return bool(lines[statement.lineno - 1].encode()[: statement.col_offset].strip())


def _is_kept(name: str, scope: Scope, tree: Tree, inside: _Span, statement: ast.stmt) -> bool:
    """Return whether a value that an excerpt gives a name may be read behind it, or on the next pass of a loop around."""
    if any(name in inner.uses and name not in inner.bindings for inner in scope.below()):
        return True
    if not scope.is_function and not _is_loop_variable(name, scope, tree, inside):
        return True  # of a module or a class: whoever imports it
    later = [use for use in scope.uses[name] if tree.order[use] > inside.last]
    if _is_read_first(later, statement, tree):
        return True
    outer = [each for each in tree.around(statement) if isinstance(each, ast.For | ast.AsyncFor | ast.While)]
    if not outer:
        return False
    begins = tree.order[outer[-1]]
    earlier = [use for use in scope.uses[name] if begins < tree.order[use] < inside.first]
    return bool(earlier) and _reads(earlier[0], tree)


def _is_read_first(later: list[ast.Name], statement: ast.stmt, tree: Tree) -> bool:
    """Return whether one of the later uses of a name may read the value it had after a statement."""
    around = {statement, *tree.around(statement)}
    given: set[ast.AST] = set()  # statements in blocks where the name got another value
    for use in later:
        if _reads(use, tree):
            if given.isdisjoint([*tree.around(use)]):
                return True
            continue
        given_by = tree.statement_of(use)
        if any(tree.statement_of(other) is given_by and _reads(other, tree) for other in later):
            return True  # x = x + 1
        block = tree.block_of(given_by or use)
        if not around.isdisjoint(block):
            return False
        given.update(block)
    return False


def _is_loop_variable(name: str, scope: Scope, tree: Tree, inside: _Span) -> bool:
    for binding in scope.bindings[name]:
        parent = tree.parents.get(binding)
        while isinstance(parent, ast.Tuple | ast.List | ast.Starred):
            parent = tree.parents.get(parent)
        if inside.has(binding, tree) and not isinstance(parent, ast.For | ast.comprehension):
            return False
    return True


def _reads(use: ast.Name, tree: Tree) -> bool:
    """Return whether a use reads what was there before it: not one of a comprehension's own variable."""
    if isinstance(use.ctx, ast.Store):
        return isinstance(tree.parents.get(use), ast.AugAssign)
    return not any(
        isinstance(each, ast.Name) and each.id == use.id
        for around in tree.around(use)
        for part in getattr(around, "generators", ())
        for each in ast.walk(part.target)
    )
