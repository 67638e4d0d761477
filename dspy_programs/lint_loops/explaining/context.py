"""A cut-out of code as the detectors can read it: inside a function that gets what the cut-out takes from outside.

Input      code: whole statements, the first at the left margin; types: name, or self.name -> an annotation, or "module".
Output     Placed: the finding of a pattern in the cut-out with its tree; lines and columns are those of `text`.
Guarantees never raises for code that does not parse: there is no finding in it.
"""

import ast
import builtins
import warnings
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from dspy_programs.lint_loops.code.annotations import kind_of_annotation
from dspy_programs.lint_loops.code.tree import Loop, Scope, Tree
from dspy_programs.lint_loops.code.walk import tree_of
from dspy_programs.lint_loops.detectors.all import located_in
from dspy_programs.lint_loops.detectors.detector import Hit
from dspy_programs.lint_loops.patterns import Pattern

MODULE = "module"
_BUILT_IN = frozenset(dir(builtins))


class Context(NamedTuple):
    """A module with the cut-out in it. above, below: its own lines around; indent: the spaces before each other line."""

    text: str
    above: int
    below: int
    indent: str

    def cut(self, text: str) -> str:
        """Take the cut-out from a changed text again."""
        lines = text.rstrip("\n").split("\n")
        return "\n".join(line.removeprefix(self.indent) for line in lines[self.above : len(lines) - self.below])


class Placed(NamedTuple):
    """A finding in a cut-out. loop: the one it was found in."""

    hit: Hit
    loop: Loop
    context: Context

    @property
    def tree(self) -> Tree:
        return self.loop.tree


def parsed(code: str) -> ast.Module | None:
    """Return the tree of some code, None if it is not Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def in_context(code: str, types: Mapping[str, str], keeps: Sequence[str] = ()) -> Context | None:
    """Put a cut-out where its names have their kinds. keeps: names that are read afterwards. None if it is not Python."""
    module = parsed(code)
    if module is None:
        return None
    known = {name: text for name, text in types.items() if text == MODULE or _is_annotation(text)}
    taken = [name for name in outside_names(module) if known.get(name) != MODULE and name != "self"]
    owned = {name: text for name, text in known.items() if name.startswith("self.") and name.count(".") == 1}
    is_method = bool(owned) or "self" in outside_names(module)
    filled = [name for name in taken if name in known and f"{name}.append(" in code]  # a list that is handed in is no one's own
    given = ["self"] * is_method + [f"{name}: {known[name]}" if name in known else name for name in taken if name not in filled]
    lines = [f"import {name}" for name, text in known.items() if text == MODULE and name.isidentifier()]
    margin = ""
    if is_method:
        lines += ["class Here:", "    def __init__(self):", "        pass"]
        lines += [f"        {name}: {text} = ..." for name, text in owned.items()]
        margin = "    "
    lines.append(f"{margin}def here({', '.join(given)}):")
    indent = f"{margin}    "
    lines += [f"{indent}{name}: {known[name]} = made()" for name in filled]
    body = [f"{indent}{line}" if line.strip() else line for line in code.rstrip("\n").split("\n")]
    after = [f"{indent}return {', '.join(keeps)}"] if keeps and all(name.isidentifier() for name in keeps) else []
    context = Context("\n".join([*lines, *body, *after]) + "\n", len(lines), len(after), indent)
    return context if parsed(context.text) else None


def placed(code: str, pattern: Pattern, suggestion: str, types: Mapping[str, str], keeps: Sequence[str] = ()) -> Placed | None:
    """Find a pattern in a cut-out; None if it is not there."""
    found = all_placed(code, pattern, types, keeps)
    return chosen(found, suggestion) if found else None


def chosen(found: Sequence[Placed], suggestion: str) -> Placed:
    """Return the finding with this suggestion, else the first."""
    return next((each for each in found if each.hit.mend == suggestion), found[0])


def all_placed(code: str, pattern: Pattern, types: Mapping[str, str], keeps: Sequence[str] = ()) -> list[Placed]:
    """Return every finding of a pattern in a cut-out."""
    context = in_context(code, types, keeps)
    module = parsed(context.text) if context else None
    if context is None or module is None:
        return []
    try:
        return [Placed(hit, loop, context) for hit, loop in located_in(tree_of(module)) if hit.pattern is pattern]
    except RecursionError:
        return []


def outside_names(module: ast.Module) -> list[str]:
    """Return the names that code takes from outside: those it reads or adds to before it gives them a value, in order."""
    tree = tree_of(module)
    scope = tree.module
    found = {name: uses[0] for name, uses in scope.uses.items() if uses and _is_from_outside(name, uses[0], tree)}
    for inner in scope.below():
        for name, uses in inner.uses.items():
            if uses and name not in scope.bindings and inner.home_of(name) is None:
                found.setdefault(name, uses[0])
    return sorted((name for name in found if name not in _BUILT_IN), key=lambda name: tree.order[found[name]])


def bound_names(module: ast.Module) -> set[str]:
    """Return the names that code gives a value, but those of its functions and comprehensions, which nobody outside sees."""
    tree = tree_of(module)
    return {name for name, bindings in tree.module.bindings.items() if any(not _is_own(each, tree) for each in bindings)}


def _is_own(binding: ast.AST, tree: Tree) -> bool:
    """Return whether a binding is a comprehension's, which nobody outside of it sees."""
    parent = tree.parents.get(binding)
    while isinstance(parent, ast.Tuple | ast.List | ast.Starred):
        parent = tree.parents.get(parent)
    return isinstance(parent, ast.comprehension)


def _is_from_outside(name: str, first: ast.Name, tree: Tree) -> bool:
    if isinstance(first.ctx, ast.Store):
        return isinstance(tree.parents.get(first), ast.AugAssign)
    return _bound_before(name, first, tree.module, tree)


def _bound_before(name: str, use: ast.Name, scope: Scope, tree: Tree) -> bool:
    """Return whether nothing but a read or a comprehension's own variable can have given a first use its value."""
    here = tree.order[use]
    if any(tree.order.get(each, here) < here for each in scope.bindings.get(name, ())):
        return False
    for around in tree.around(use):  # the result of a comprehension may come before its variables
        for part in getattr(around, "generators", ()):
            if any(isinstance(each, ast.Name) and each.id == name for each in ast.walk(part.target)):
                return False
    return True


def _is_annotation(text: str) -> bool:
    module = parsed(text)
    match module:
        case ast.Module(body=[ast.Expr(value=annotation)]):
            return kind_of_annotation(annotation) is not None
    return False
