"""What is dangerous in code that stands in an argument of an interpreter: `python -c "..."`, `perl -e '...'`.

Python is parsed, so that a text in it is not taken for a name; of other languages the names count that delete or run.
"""

import ast
import re
from collections.abc import Callable, Mapping

from dspy_programs.shell.losses import is_outside

_DEEDS = re.compile(
    r"\b(?:rmtree|system|p?open3?|subprocess|remove\w*|unlink\w*|rmdir\w*|eval|execute|exec\w*|spawn\w*|__import__"
    r"|__builtins__|builtins|__subclasses__|import_module|getattr|globals|rm|rmSync|rm_\w+|passthru|shell_exec|proc_open|qx|child_process|truncate\w*|delete_tree)\b"
)
_RUNS_IN_TEXT = re.compile(r"`|%x\W")
"""What runs a command in Perl, Ruby and PHP."""


def danger_of_code(code: str, name: str) -> str:
    """Return why code is dangerous; "" if nothing in it is known to be. name: the interpreter."""
    if _RUNS_IN_TEXT.search(code) and not name.startswith(("python", "node")):
        return "its code runs a command"
    names = set(_DEEDS.findall(code))
    if name.startswith("python") and names:
        try:
            tree = ast.parse(code)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return "its code cannot be read"
        said = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        said |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        said |= {each.name for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom)) for each in node.names}
        names &= said
        names -= _HARMLESS | {name for name, is_meant in _MEANT.items() if not is_meant(tree)}
    elif names:
        names -= {"open", *_HARMLESS}
    return f"its code uses {min(names)}" if names else ""


def _calls(tree: ast.AST, name: str) -> list[ast.Call]:
    """Return the calls of a function by its name, or of a method of this name."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [call for call in calls if name in (getattr(call.func, "id", ""), getattr(call.func, "attr", ""))]


def _writes_outside(tree: ast.AST) -> bool:
    """Return whether a file outside is opened to be written: open("/etc/x", "w")."""
    for call in _calls(tree, "open"):
        texts = [each.value for each in call.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
        if len(texts) > 1 and is_outside(texts[0]) and {*"wax+"} & {*texts[1]}:
            return True
    return False


def _hides_a_name(tree: ast.AST) -> bool:
    """Return whether getattr is used with anything but a plain name: getattr(os, "sys" + "tem")."""
    plain = [call for call in _calls(tree, "getattr") if len(call.args) > 1 and isinstance(call.args[1], ast.Constant)]
    return len(plain) < sum(isinstance(node, ast.Name) and node.id == "getattr" for node in ast.walk(tree))


def _imports_files(tree: ast.AST) -> bool:
    """Return whether a module is imported that removes files: os.remove, but not items.remove."""
    imported = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
    names = {each.name for node in imported for each in node.names} | {getattr(node, "module", "") for node in imported}
    return not {str(name).partition(".")[0] for name in names}.isdisjoint(
        {"os", "posix", "nt", "shutil", "pathlib", "importlib"}
    )


_REMOVES = frozenset("os posix nt shutil pathlib importlib".split())
_HARMLESS = frozenset(["removeprefix", "removesuffix"])
_MEANT: Mapping[str, Callable[[ast.AST], bool]] = {"open": _writes_outside, "getattr": _hides_a_name, "remove": _imports_files}
"""Names of Python that are dangerous only with what else stands in the code."""
