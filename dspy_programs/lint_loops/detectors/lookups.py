"""LOOP010: the same item of a dict looked up several times on each pass."""

import ast
from collections import defaultdict
from collections.abc import Iterator

from dspy_programs.lint_loops.code.changes import may_change
from dspy_programs.lint_loops.code.paths import written
from dspy_programs.lint_loops.code.tree import Loop
from dspy_programs.lint_loops.detectors.detector import Hit, is_short, kind_in
from dspy_programs.lint_loops.patterns import LOOKUP

_OFTEN = 3
"""Look-ups of one item on one pass: two are a matter of taste, and a name for them costs a line."""


def find(loop: Loop) -> Iterator[Hit]:
    if not isinstance(loop.node, ast.For) or is_short(loop):
        return
    found: dict[str, list[ast.Subscript]] = defaultdict(list)
    for node in loop.nodes:
        if (
            isinstance(node, ast.Subscript)
            and isinstance(node.ctx, ast.Load)
            and _is_plain(node.slice)
            and isinstance(node.value, ast.Name)
        ):
            found[ast.dump(node)].append(node)
    for items in found.values():
        if len(items) >= _OFTEN and _is_steady(items, loop):
            text = written(items[0])
            mend = f"{text} is looked up {len(items)} times on each pass: look it up once, value = {text}"
            yield Hit(LOOKUP, items[0], mend, "str")


def _is_plain(key: ast.expr) -> bool:
    return isinstance(key, ast.Name) or (isinstance(key, ast.Constant) and isinstance(key.value, str | int))


def _is_steady(items: list[ast.Subscript], loop: Loop) -> bool:
    """Return whether all the look-ups of a pass surely find the same: one block evaluates them, and nothing changes between."""
    holder, key = items[0].value, items[0].slice
    assert isinstance(holder, ast.Name)
    kind = kind_in(holder, loop)
    if kind is None or kind.name != "dict":  # an item of a list is found at once
        return False
    first, last = loop.tree.order[items[0]], loop.tree.order[items[-1]]
    for name in filter(None, (holder, key if isinstance(key, ast.Name) else None)):
        for use in loop.scope.uses[name.id]:
            at = loop.tree.order[use]
            if name is holder and loop.has(use) and may_change(use, loop, None):
                return False
            if first <= at <= last and not isinstance(use.ctx, ast.Load):
                return False
    return _always_run(items, loop)


def _always_run(items: list[ast.Subscript], loop: Loop) -> bool:
    """Return whether the look-ups stand in the same block, or in blocks inside that of the first."""
    first = loop.tree.statement_of(items[0])
    if first is None or any(
        isinstance(each, ast.IfExp) and first in loop.tree.around(each) for each in loop.tree.around(items[0])
    ):
        return False
    block = loop.tree.block_of(first)
    for item in items[1:]:
        statement: ast.AST | None = item
        while statement is not None and not any(statement is each for each in block):
            statement = loop.tree.parents.get(statement)
        if statement is None:
            return False
    return True
