"""What a detector is: a function from a loop to findings; and what several of them ask."""

import ast
from collections.abc import Callable, Iterator
from typing import NamedTuple

from dspy_programs.lint_loops.code.kind import Kind
from dspy_programs.lint_loops.code.kinds import Place, kind_of
from dspy_programs.lint_loops.code.tree import Loop, Scope
from dspy_programs.lint_loops.patterns import Pattern

FEW = 10  # items: a loop over fewer that stand in the code is too short to matter


class Hit(NamedTuple):
    """A pattern at a node. mend: what to write instead."""

    pattern: Pattern
    node: ast.stmt | ast.expr
    mend: str
    shape: str = "int"


Detector = Callable[[Loop], Iterator[Hit]]


def kind_in(node: ast.expr | None, loop: Loop) -> Kind | None:
    """Return the kind of an expression in a loop."""
    return kind_of(node, Place(loop.tree, loop.scope))


def is_short(loop: Loop) -> bool:
    """Return whether a loop surely has few passes: over a display or a range of few items."""
    iterable = loop.iterable
    if iterable is None:
        return False
    match iterable:
        case ast.Call(func=ast.Name(id="range"), args=[*_, ast.Call(func=ast.Name(id="len"), args=[inner])]):
            iterable = inner
        case ast.Call(func=ast.Name(id="range"), args=arguments):
            return _is_short_range(arguments)
        case ast.Call(func=ast.Name(id="enumerate" | "reversed" | "sorted" | "zip"), args=[inner, *_]):
            iterable = inner
    kind = kind_in(iterable, loop)
    return kind is not None and kind.name != "str" and kind.size is not None and kind.size < FEW


def _is_short_range(arguments: list[ast.expr]) -> bool:
    """Return whether range(...) of constants has few numbers."""
    numbers = [each.value for each in arguments if isinstance(each, ast.Constant) and isinstance(each.value, int)]
    if len(numbers) != len(arguments) or not 1 <= len(numbers) <= 3 or numbers[2:] == [0]:
        return False
    return len(range(*numbers)) < FEW


def runs_once(node: ast.AST, loop: Loop) -> bool:
    """Return whether the loop surely ends right after a node: a return, raise or break follows in the same block."""
    if loop.is_comprehension:
        return _is_first_only(loop)
    statement = loop.tree.statement_of(node)
    while statement is not None and statement is not loop.node:
        block = loop.tree.block_of(statement)
        if block and isinstance(block[-1], ast.Return | ast.Raise | ast.Break):
            return True
        parent = loop.tree.parents.get(statement)
        statement = parent if isinstance(parent, ast.stmt) else None
    return False


def _is_first_only(loop: Loop) -> bool:
    """Return whether next() takes a generator's first item, and the rest is never made."""
    match loop.tree.parents.get(loop.node):
        case ast.Call(func=ast.Name(id="next")):
            return True
    return False


def imported(name: str, scope: Scope, module: str, original: str | None = None) -> bool:
    """Return whether a name is what `import module` or `from module import original` brings."""
    home = scope.home_of(name)
    bindings = home.bindings[name] if home else []
    if not bindings or not all(isinstance(each, ast.alias) for each in bindings):
        return False
    return all(isinstance(each, ast.alias) and each.name == (original or module) for each in bindings)


def shape_of(kind: Kind | None) -> str:
    """Name the kind of elements that --measure makes."""
    name = kind.name if kind else "int"
    return {"str": "str", "bytes": "str", "tuple": "row", "list": "row", "dict": "row"}.get(name, "int")
