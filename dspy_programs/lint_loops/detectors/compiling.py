"""LOOP011: a regular expression that is compiled, or searched for in re's cache, on each pass."""

import ast
from collections.abc import Iterator

from dspy_programs.lint_loops.code.changes import stays
from dspy_programs.lint_loops.code.paths import written
from dspy_programs.lint_loops.code.tree import Loop
from dspy_programs.lint_loops.detectors.detector import Hit, imported, is_short, kind_in, runs_once
from dspy_programs.lint_loops.patterns import REGEX

_FUNCTIONS = ("compile", "match", "search", "fullmatch", "sub", "subn", "findall", "finditer", "split")


def find(loop: Loop) -> Iterator[Hit]:
    if is_short(loop):
        return
    for node in loop.nodes:
        if isinstance(node, ast.Call) and node.args and (name := function_of(node, loop)) and _is_fixed(node, loop):
            if not runs_once(node, loop):
                yield Hit(REGEX, node, _mend(node, name), "str")


def function_of(node: ast.Call, loop: Loop) -> str | None:
    """Return which function of the module re a call is of, None if it is of another."""
    match node.func:
        case ast.Attribute(value=ast.Name(id=module), attr=name) if name in _FUNCTIONS and imported(module, loop.scope, "re"):
            return name
    return None


def _is_fixed(node: ast.Call, loop: Loop) -> bool:
    """Return whether pattern and flags are the same on each pass, and the pattern is text, not compiled already."""
    pattern = node.args[0]
    kind = kind_in(pattern, loop)
    if kind is None or kind.name not in ("str", "bytes") or not stays(pattern, loop):
        return False
    flags = [*node.args[1:]] if isinstance(node.func, ast.Attribute) and node.func.attr == "compile" else []
    return all(stays(each, loop) for each in [*flags, *(each.value for each in node.keywords if each.arg == "flags")])


def _mend(node: ast.Call, name: str) -> str:
    pattern = written(node.args[0])
    if name == "compile":
        return f"Compile once before the loop: move re.compile({pattern}) there"
    return f"Compile once before the loop: pattern = re.compile({pattern}), and use pattern.{name}() in it"
