"""LOOP012: the same file opened or read again on each pass of a for loop."""

import ast
from collections.abc import Iterator

from dspy_programs.lint_loops.code.changes import stays
from dspy_programs.lint_loops.code.paths import path_of, written
from dspy_programs.lint_loops.code.tree import Loop
from dspy_programs.lint_loops.detectors.detector import Hit, is_short, kind_in, runs_once
from dspy_programs.lint_loops.patterns import IO

_READERS = ("read_text", "read_bytes")
_PAUSES = ("sleep", "wait", "join", "acquire", "release", "poll", "retry")


def find(loop: Loop) -> Iterator[Hit]:
    """Look in for loops only: a while loop may well wait for the file to change."""
    if isinstance(loop.node, ast.While) or is_short(loop) or _may_wait(loop):
        return
    for node in loop.nodes:
        if not isinstance(node, ast.Call) or runs_once(node, loop):
            continue
        match node.func:
            case ast.Name(id="open") if loop.scope.home_of("open") is None and node.args:
                yield from _opened(node, loop)
            case ast.Attribute(value=path, attr=name) if name in _READERS and not node.args:
                if (_is_path(path, loop)) and _stays(path, loop) and not _is_written(path, loop):
                    yield Hit(IO, node, f"Read {written(path)} once before the loop")


def _opened(node: ast.Call, loop: Loop) -> Iterator[Hit]:
    path, mode = node.args[0], _mode(node)
    if mode is None or not _stays(path, loop) or _is_written(path, loop, but=node):
        return
    if mode[0] == "r" and "+" not in mode:
        yield Hit(IO, node, f"Open {written(path)} once before the loop, or read it once and keep what is in it")
    elif mode[0] == "a":
        yield Hit(IO, node, f"Open {written(path)} once around the loop instead of on each pass")


def _mode(node: ast.Call) -> str | None:
    """Return the mode a file is opened with, None if the code does not say."""
    given = node.args[1] if len(node.args) > 1 else next((each.value for each in node.keywords if each.arg == "mode"), None)
    if given is None:
        return "r"
    return given.value if isinstance(given, ast.Constant) and isinstance(given.value, str) and given.value else None


def _is_path(node: ast.expr, loop: Loop) -> bool:
    kind = kind_in(node, loop)
    return kind is not None and kind.name == "path"


def _stays(node: ast.expr, loop: Loop) -> bool:
    """Return whether a file's name is the same on each pass: Path("x") / "y" is made of what stays."""
    match node:
        case ast.Call(func=ast.Name(id="Path" | "str"), args=[inner], keywords=[]):
            return _stays(inner, loop)
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            return _stays(left, loop) and _stays(right, loop)
    return (isinstance(node, ast.Constant) or kind_in(node, loop) is not None or path_of(node) is not None) and stays(
        node, loop
    )


def _is_written(path: ast.expr, loop: Loop, but: ast.Call | None = None) -> bool:
    """Return whether the loop also mentions the file in another call, which may write to it or move it."""
    text = ast.dump(path)
    mine = set(ast.walk(but)) if but is not None else set(ast.walk(path))
    for each in ast.walk(loop.node):
        if isinstance(each, ast.expr) and each not in mine and type(each) is type(path) and ast.dump(each) == text:
            parent = loop.tree.parents.get(each)
            if isinstance(parent, ast.Call | ast.Attribute | ast.keyword):
                return True
    return False


def _may_wait(loop: Loop) -> bool:
    """Return whether a loop gives others time to change a file: it sleeps, waits or runs something."""
    for each in ast.walk(loop.node):
        if isinstance(each, ast.Await | ast.Yield):
            return True
        if isinstance(each, ast.Call):
            name = each.func.attr if isinstance(each.func, ast.Attribute) else getattr(each.func, "id", "")
            if name in _PAUSES or name in ("run", "system", "Popen", "check_output", "call", "check_call"):
                return True
    return False
