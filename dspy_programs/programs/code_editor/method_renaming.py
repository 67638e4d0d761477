"""Rename a method of one class in Python, where it is sure which uses are of that class.

Guarantees a use is renamed if its object is known to be of the class: self, the class itself, what was made of it or is
           annotated so; any other object only if nothing else defines the name and no built-in type has it. In any other case
           nothing is renamed, and Unclear says why. Every other byte stays; in other texts `Class.method` is renamed, too.
"""

import ast
import builtins
import io
import keyword
import pathlib
import re
from collections.abc import Iterator, Mapping, Sequence

from dspy_programs.edits import PYTHON, lines_of, syntax_fault
from dspy_programs.programs.code_editor.receivers import PARENT, uses_in

_BUILT_IN = (str, bytes, list, dict, set, tuple, int, float, io.TextIOWrapper, pathlib.Path, BaseException)
_BASES = {"ABC": object, "Generic": object, "Protocol": object, "NamedTuple": tuple}
_BY_NAME = frozenset("getattr setattr hasattr delattr attrgetter methodcaller patch object multiple".split())
"""Functions that are told an attribute by a text."""
_Function = ast.FunctionDef | ast.AsyncFunctionDef


class Unclear(Exception):
    """Which uses are meant cannot be told; says why."""


def method_renamed(code: Mapping[str, str], dotted: str, new: str) -> dict[str, str]:
    """Return the files that change, text by path. dotted: Class.method, with or without its module. Raises Unclear."""
    *module, owner, name = dotted.split(".")
    if not new.isidentifier() or keyword.iskeyword(new) or name.startswith("__"):
        raise Unclear(f"{new} is no name that {dotted} can have")
    texts = {path: text for path, text in code.items() if path.endswith(PYTHON)}
    if faulty := next((path for path, text in texts.items() if syntax_fault(text)), ""):
        raise Unclear(f"{faulty} is not Python that can be read")
    trees = {path: ast.parse(text) for path, text in texts.items()}
    classes = [(path, node) for path, tree in trees.items() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    path, own = _own(classes, module, owner, name)
    family = _family([node for _, node in classes], owner, name, new)
    for at, tree in trees.items():
        if number := _named_in_text(tree, owner, name):
            raise Unclear(f"{at}:{number} has the name in a text")
    lines = {at: lines_of(text) for at, text in texts.items()}
    others = [f"{at}:{line}" for at, tree in trees.items() for line in _defined(tree, name) if (at, line) != (path, own.lineno)]
    meant = {(path, own.lineno, _after_def(lines[path][own.lineno - 1], own, name))}
    for at, tree in trees.items():
        for use in uses_in(tree, name, {node.name for _, node in classes}):
            line = lines[at][use.line - 1]
            end = len(line.encode()[: use.end].decode(errors="replace"))
            is_parent = use.of.startswith(PARENT) and use.of.removeprefix(PARENT) in family - {owner}
            if use.of and use.of not in family and not is_parent:
                continue
            if not use.of and (others or any(hasattr(each, name) for each in _BUILT_IN)):
                too = f"{others[0]} defines one" if others else "built-in types have one"
                raise Unclear(f"whether {at}:{use.line} means {owner}.{name} cannot be told: {too}, too")
            if line[end - len(name) : end] != name:
                raise Unclear(f"{at}:{use.line} has it in a text")
            meant.add((at, use.line, end))
    for at, number, end in sorted(meant, reverse=True):
        line = lines[at][number - 1]
        lines[at][number - 1] = line[: end - len(name)] + new + line[end:]
    whole = re.compile(rf"(?<!\w){re.escape(owner)}\.{re.escape(name)}(?!\w)")
    done = {at: "".join(lines[at]) if at in lines else whole.sub(f"{owner}.{new}", text) for at, text in code.items()}
    return {at: text for at, text in done.items() if text != code[at]}


def has_class(code: Mapping[str, str], name: str) -> bool:
    return any(re.search(rf"^\s*class {re.escape(name)}\b", text, re.M) for text in code.values())


def _own(classes: Sequence[tuple[str, ast.ClassDef]], module: Sequence[str], owner: str, name: str) -> tuple[str, _Function]:
    """Return where the method is defined. Raises Unclear."""
    way = "/".join(module)
    fits = [(path, node) for path, node in classes if node.name == owner and f"/{path.rpartition('.')[0]}".endswith(f"/{way}")]
    fits = fits if module else [(path, node) for path, node in classes if node.name == owner]
    if len(fits) != 1:
        places = ", ".join(f"{path}:{node.lineno}" for path, node in fits[:3])
        raise Unclear(f"there are several classes {owner}: {places}" if fits else f"no class {owner} has a {name}")
    if sum(node.name == owner for _, node in classes) > 1:
        raise Unclear(f"there are several classes {owner}")
    ((path, node),) = fits
    found = [each for each in node.body if isinstance(each, _Function) and each.name == name]
    if len(found) != 1:
        raise Unclear(f"{owner} defines {name} {'more than once' if found else 'nowhere'}")
    return path, found[0]


def _family(classes: Sequence[ast.ClassDef], owner: str, name: str, new: str) -> set[str]:
    """Return a class and those that inherit from it. Raises Unclear if one that it inherits from may have the name, too."""
    bases = {node.name: [*_bases(node)] for node in classes}
    family, above = {owner}, [owner]
    while more := {each for each, of in bases.items() if each not in family and family & {*of}}:
        family |= more
    for each in above:
        for base in bases.get(each, []):
            built_in = _BASES.get(base, getattr(builtins, base, None))
            if base in bases and base not in above:
                above.append(base)
            elif base not in bases and (built_in is None or hasattr(built_in, name)):
                raise Unclear(f"{each} inherits from {base}, which may have a {name}, too")
    for node in classes:
        if node.name in {*family, *above}:
            held = {line for line in _defined(node, new)}
            if held:
                raise Unclear(f"{node.name} has {new} already")
            if node.name != owner and any(isinstance(each, _Function) and each.name == name for each in node.body):
                raise Unclear(f"{node.name} defines {name}, too, and one inherits from the other")
    return family


def _bases(node: ast.ClassDef) -> Iterator[str]:
    for base in node.bases:
        base = base.value if isinstance(base, ast.Subscript) else base
        yield base.id if isinstance(base, ast.Name) else getattr(base, "attr", "")


def _defined(tree: ast.AST, name: str) -> Iterator[int]:
    """Yield the lines that define something of a name that an object may have."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=found) | ast.AsyncFunctionDef(name=found) | ast.ClassDef(name=found) if found == name:
                yield node.lineno
            case ast.Attribute(attr=found, ctx=ast.Store(), lineno=line) if found == name:
                yield line
            case ast.ClassDef(body=body):
                targets = [t for each in body for t in getattr(each, "targets", [getattr(each, "target", None)])]
                yield from (target.lineno for target in targets if isinstance(target, ast.Name) and target.id == name)


def _named_in_text(tree: ast.AST, owner: str, name: str) -> int:
    """Return the line of a text that names the method, as in getattr(x, "name"); 0 without one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in _BY_NAME:
            for each in node.args:
                if isinstance(each, ast.Constant) and str(each.value).rpartition(".")[2] == name:
                    return each.lineno
        elif isinstance(node, ast.Constant) and str(node.value).endswith(f"{owner}.{name}"):
            return node.lineno
    return 0


def _after_def(line: str, own: _Function, name: str) -> int:
    """Return where the name ends in the line that defines it."""
    found = re.compile(rf"def\s+{re.escape(name)}\b").search(line)
    if found is None:
        raise Unclear(f"line {own.lineno} is written in an unusual way")
    return found.end()
