"""Which findings can be mended by a machine, and how: decided on the syntax tree, where what is known of values is at hand.

Each mend must leave what the code does as it is: the same values, in the same order, the same exceptions. A finding for which
that is not sure stays a finding.
"""

import ast
import re
import warnings
from collections.abc import Iterator
from typing import NamedTuple

from dspy_programs.lint_loops.code.changes import is_kept_private
from dspy_programs.lint_loops.code.kind import Kind
from dspy_programs.lint_loops.code.kinds import Place, kind_of
from dspy_programs.lint_loops.code.paths import is_same
from dspy_programs.lint_loops.code.tree import Function, Loop, Tree
from dspy_programs.lint_loops.code.walk import tree_of
from dspy_programs.lint_loops.detectors import appends, compiling, concatenation, counting
from dspy_programs.lint_loops.detectors.all import hits_in
from dspy_programs.lint_loops.detectors.detector import Hit, imported
from dspy_programs.lint_loops.patterns import APPEND, LENGTH, LIST_CONCAT, RANGE_LEN, REGEX

At = tuple[int, int]
"""A line from 1 and a column in characters from 0, where a statement or an expression starts."""


class Mend(NamedTuple):
    """One change. code: the pattern; at: its loop or expression; other: the statement it starts from; name: a new variable.

    keeps_index: whether a loop over items still needs the index.
    """

    code: str
    at: At
    other: At | None = None
    name: str = ""
    keeps_index: bool = False


def mends_of(module: ast.Module, text: str) -> list[Mend]:
    """Return the changes for a file."""
    tree = tree_of(module)
    lines = text.split("\n")
    found: list[Mend] = []
    for hit in hits_in(module):
        loop = _loop_of(hit.node, tree)
        if loop is not None and isinstance(loop.scope.node, Function) and not _is_reflective(loop):
            found += [_in_characters(mend, lines) for mend in _mend_of(hit, loop) if _stands_alone(mend, lines)]
    return found


def _mend_of(hit: Hit, loop: Loop) -> Iterator[Mend]:
    if hit.pattern is APPEND:
        yield from _of_append(loop)
    elif hit.pattern is LIST_CONCAT and isinstance(hit.node, ast.Assign):
        yield from _of_concat(hit.node, loop)
    elif hit.pattern is RANGE_LEN:
        yield from _of_range(loop)
    elif hit.pattern is LENGTH:
        yield from _of_length(loop)
    elif hit.pattern is REGEX and isinstance(hit.node, ast.Call):
        yield from _of_regex(hit.node, loop)


def _of_append(loop: Loop) -> Iterator[Mend]:
    """`found = []` and the loop become one statement, if nothing stands between that could tell the difference."""
    filled = appends.filled_by(loop)
    if filled is None or filled.start is None or not isinstance(loop.node, ast.For) or loop.node.type_comment:
        return
    if loop.tree.before(loop.node)[0] is filled.start and not _is_seen_elsewhere(loop):
        yield Mend(APPEND.code, _at(loop.node), _at(filled.start))


def _is_seen_elsewhere(loop: Loop) -> bool:
    """Return whether a value that the loop leaves in its variables may be read: a comprehension leaves none.

    Reads that come later, or on the next pass of a loop around, must stand in a loop that binds the name itself.
    """
    targets = [each for part in ast.walk(loop.node) if isinstance(part, ast.For) for each in ast.walk(part.target)]
    for name in {each.id for each in targets if isinstance(each, ast.Name)}:
        for use in loop.scope.uses[name]:
            is_inside = loop.has(use) or use in targets
            is_before = loop.tree.order[use] < loop.tree.order[loop.node] and loop.outer is None
            if not isinstance(use.ctx, ast.Store) and not is_inside and not is_before and not _is_bound_around(use, loop):
                return True
    return False


def _is_bound_around(use: ast.Name, loop: Loop) -> bool:
    """Return whether a loop other than those around ours gives a name its value wherever it is used."""
    inner: ast.AST = use
    for around in loop.tree.around(use):
        parts = [around] if isinstance(around, ast.For) else getattr(around, "generators", [])
        names = {each.id for part in parts for each in ast.walk(part.target) if isinstance(each, ast.Name)}
        is_body = not isinstance(around, ast.For) or any(inner is each for each in around.body)
        if use.id in names and is_body and around not in loop.tree.around(loop.node):
            return True
        inner = around
    return False


def _of_concat(node: ast.Assign, loop: Loop) -> Iterator[Mend]:
    """`found = found + [x]` becomes `found.append(x)`, of a list made in this function that nothing else holds."""
    target = node.targets[0]
    match node.value:
        case ast.BinOp(left=ast.Name() as left, op=ast.Add(), right=ast.List(elts=[item])) if is_same(left, target):
            if not isinstance(item, ast.Starred) and _is_private_list(left, loop) and not _mentions(item, left.id):
                yield Mend(LIST_CONCAT.code, _at(node))


def _is_private_list(name: ast.Name, loop: Loop) -> bool:
    """Return whether every value of a name is a list made on the spot that nothing takes hold of before the loop ends."""
    for binding in loop.scope.bindings[name.id]:
        parent = loop.tree.parents.get(binding)
        if not isinstance(parent, ast.Assign) or not (isinstance(parent.value, ast.List) or _is_own_sum(parent, name.id)):
            return False
        if len(parent.targets) > 1:
            return False
    if any(name.id in inner.uses and name.id not in inner.bindings for inner in loop.scope.below()):
        return False
    outer = [*loop.around()][-1]
    return all(loop.tree.order[use] >= outer.end or _is_own(use, loop) for use in loop.scope.uses[name.id])


def _is_own_sum(statement: ast.Assign, name: str) -> bool:
    parts = concatenation.operands(statement.value)
    return len(parts) == 2 and isinstance(parts[0], ast.Name) and parts[0].id == name and isinstance(parts[1], ast.List)


def _is_own(use: ast.Name, loop: Loop) -> bool:
    """Return whether a use is part of an assignment to the name itself."""
    statement = loop.tree.statement_of(use)
    return (
        isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name) and statement.targets[0].id == use.id
    )


def _of_range(loop: Loop) -> Iterator[Mend]:
    """`for i in range(len(items))` becomes `for i, item in enumerate(items)`, of a sequence that is known to be one."""
    counted = counting.counted_by(loop)
    assert isinstance(loop.node, ast.For)
    if counted is None or not isinstance(counted.holder, ast.Name) or loop.node.type_comment:
        return
    kind = kind_of(counted.holder, Place(loop.tree, loop.scope))
    if not _is_certain(counted.holder, kind, loop) or any(
        inner for inner in loop.scope.below() if counted.variable.id in inner.uses
    ):
        return
    if name := _free_name("item", loop):
        yield Mend(RANGE_LEN.code, _at(loop.node), None, name, bool(counted.others) or _is_seen_elsewhere(loop))


def _is_certain(holder: ast.Name, kind: Kind | None, loop: Loop) -> bool:
    """Return whether a sequence surely stays: it cannot change, or it is a list made here that nobody else holds."""
    if kind is None or kind.name not in ("str", "bytes", "tuple", "list"):
        return False
    return kind.name != "list" or is_kept_private(holder, loop)


def _of_length(loop: Loop) -> Iterator[Mend]:
    """`len(items)` in a guard gets a name before the loop, if items is text or made here, so that nothing can change it."""
    assert isinstance(loop.node, ast.While)
    for each in ast.walk(loop.node.test):
        match each:
            case ast.Call(func=ast.Name(id="len"), args=[ast.Name() as holder], keywords=[]):
                kind = kind_of(holder, Place(loop.tree, loop.scope))
                first = next(iter(ast.walk(loop.node.test)))
                if _is_certain(holder, kind, loop) and _is_evaluated_first(each, first) and (name := _free_name("size", loop)):
                    yield Mend(LENGTH.code, _at(loop.node), _at(each), name)
                return


def _is_evaluated_first(call: ast.Call, test: ast.AST) -> bool:
    """Return whether the guard calls len whatever else it says: in the first comparison of it."""
    first = test.values[0] if isinstance(test, ast.BoolOp) else test
    return isinstance(first, ast.Compare) and len(first.ops) == 1 and call in (first.left, first.comparators[0])


def _of_regex(node: ast.Call, loop: Loop) -> Iterator[Mend]:
    """`re.match(r"x", s)` in a loop: the pattern is compiled before the outermost loop; flags in the call are left alone."""
    name = compiling.function_of(node, loop)
    module = node.func.value if isinstance(node.func, ast.Attribute) else None
    if name is None or name == "compile" or node.keywords or not isinstance(node.args[0], ast.Constant) or len(node.args) > 3:
        return
    most = {"sub": 3, "subn": 3, "split": 2}.get(name, 2)
    if len(node.args) > most or not isinstance(module, ast.Name) or not imported(module.id, loop.scope, "re"):
        return
    outer = loop.tree.statement_of([*loop.around()][-1].node)
    if not isinstance(outer, ast.For | ast.AsyncFor | ast.While | ast.Assign | ast.Return | ast.Expr) or not _is_valid(
        node.args[0].value
    ):
        return
    home = loop.scope.home_of(module.id)
    if home is loop.tree.module and (free := _free_name("pattern", loop)):
        yield Mend(REGEX.code, _at(node), _at(outer), free)


def _is_valid(pattern: object) -> bool:
    """Return whether a pattern compiles: a wrong one would raise before the loop, and so also where the loop has no pass."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            re.compile(pattern)  # type: ignore[call-overload]
    except (re.error, Warning, RecursionError, OverflowError, TypeError):
        return False
    return True


def _stands_alone(mend: Mend, lines: list[str]) -> bool:
    """Return whether the statements that a line is put before or that are rewritten begin and end their lines."""
    first = {REGEX.code: [mend.other], APPEND.code: [mend.at, mend.other], LIST_CONCAT.code: []}.get(mend.code, [mend.at])
    if any(at is not None and lines[at[0] - 1].encode()[: at[1]].strip() for at in first):
        return False
    return mend.code != APPEND.code or mend.other is None or ";" not in lines[mend.other[0] - 1]


def _free_name(wish: str, loop: Loop) -> str:
    """Return a name that nothing in the function uses, nor a function inside it."""
    taken = {name for scope in [loop.scope, *loop.scope.below()] for name in (*scope.uses, *scope.bindings, *scope.elsewhere)}
    return next(name for name in (wish, *(f"{wish}_{at}" for at in range(2, len(taken) + 3))) if name not in taken)


def _mentions(node: ast.AST, name: str) -> bool:
    return any(isinstance(each, ast.Name) and each.id == name for each in ast.walk(node))


def _is_reflective(loop: Loop) -> bool:
    """Return whether the function looks at its own variables by name."""
    return any(name in loop.scope.uses for name in ("locals", "vars", "exec", "eval", "dir"))


def _loop_of(node: ast.AST, tree: Tree) -> Loop | None:
    return next((loop for loop in tree.loops if loop.node is node or any(each is node for each in loop.nodes)), None)


def _at(node: ast.stmt | ast.expr) -> At:
    return node.lineno, node.col_offset


def _in_characters(mend: Mend, lines: list[str]) -> Mend:
    """The parser counts bytes; the rewriter counts characters."""

    def turned(at: At) -> At:
        return at[0], len(lines[at[0] - 1].encode("utf-8")[: at[1]].decode("utf-8", "ignore"))

    return mend._replace(at=turned(mend.at), other=turned(mend.other) if mend.other else None)
