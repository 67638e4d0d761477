"""The words that all explanations share: quoted code, loops and their passes, the names of variables."""

import ast
import re

from dspy_programs.lint_loops.code.kind import Kind
from dspy_programs.lint_loops.code.paths import path_of, written
from dspy_programs.lint_loops.code.tree import Loop
from dspy_programs.lint_loops.detectors.detector import kind_in
from dspy_programs.lint_loops.detectors.nested import core_of

_HALF_A_WORD = re.compile(r"\w+$")
_WIDTH = 44  # characters of an expression that is quoted


def quoted(node: ast.AST) -> str:
    """Quote an expression; one that is too long ends behind a whole word."""
    text = written(node, 10_000)
    if len(text) > _WIDTH and isinstance(node, ast.AugAssign):
        text = f"{written(node.target)} += ..."
    elif len(text) > _WIDTH:
        text = _HALF_A_WORD.sub("", text[: _WIDTH - 3]) + "..."
    return f"`{text}`"


def iterables(loop: Loop) -> list[ast.expr]:
    """Return what a loop runs over: of a comprehension each of its `for`s, of a while loop nothing."""
    if isinstance(loop.node, ast.While):
        return []
    if isinstance(loop.node, ast.For | ast.AsyncFor):
        return [loop.node.iter]
    return [each.iter for each in loop.node.generators]


def passes(loop: Loop, until: Loop | None = None) -> str:
    """Name a loop and those around it, and say that they make n passes."""
    around = list(loop.around())
    chain = [*reversed(around[: around.index(until) + 1] if until in around else around)]
    over = [quoted(uncounted(each)) for one in chain for each in iterables(one)]
    word = "comprehension" if len(chain) == 1 and loop.is_comprehension else "loop"
    if not over:
        return "the while loop (n passes)"
    named = f"the {word} over {over[0]}" if len(over) == 1 else f"the loops over {', '.join(over[:-1])} and {over[-1]}"
    if any(isinstance(one.node, ast.While) for one in chain):
        named += " inside the while loop"
    return f"{named} (n passes{' in all' if len(over) > 1 else ''})"


def uncounted(node: ast.expr) -> ast.expr:
    """Return what enumerate() counts."""
    match node:
        case ast.Call(func=ast.Name(id="enumerate"), args=[inner, *_]):
            return inner
    return node


def names_of(*nodes: ast.AST | None) -> tuple[str, ...]:
    """Return the variables and attributes among expressions, none twice; of `items[1:]` it is items."""
    found: dict[str, None] = {}
    for node in nodes:
        core = core_of(uncounted(node)) if isinstance(node, ast.expr) else None
        while isinstance(core, ast.Subscript):
            core = core.value
        if core is not None and (path := path_of(core)):
            found[path] = None
    return tuple(found)


def kind_name(node: ast.expr, loop: Loop, otherwise: str = "collection") -> str:
    kind: Kind | None = kind_in(node, loop)
    return kind.name if kind and kind.name in ("list", "tuple", "set", "frozenset", "dict", "deque", "bytes") else otherwise
