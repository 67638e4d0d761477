"""What is known of the names that an excerpt takes from outside, written as annotations."""

import ast
from collections.abc import Iterable, Iterator

from dspy_programs.lint_loops.code.annotations import kind_of_annotation
from dspy_programs.lint_loops.code.kind import Kind
from dspy_programs.lint_loops.code.kinds import Place, kind_of
from dspy_programs.lint_loops.code.paths import path_of
from dspy_programs.lint_loops.code.tree import Scope, Tree
from dspy_programs.lint_loops.explaining.context import MODULE, outside_names, parsed

_LONGEST_TYPE = 80  # characters
_WRITTEN = {
    **{name: name for name in ("str", "bytes", "int", "float", "list", "tuple", "set", "frozenset", "dict", "range", "deque")},
    "path": "Path",
    "iterator": "Iterator",
    "bytearray": "bytearray",
}


def types_of(code: str, scope: Scope, tree: Tree, statement: ast.stmt) -> dict[str, str]:
    """Say what is known of the names that an excerpt takes from outside, and of the attributes of self."""
    module = parsed(code)
    if module is None:
        return {}
    found = dict(_of_names(outside_names(module), scope, tree, statement))
    for node in ast.walk(statement):
        if isinstance(node, ast.Attribute) and (path := path_of(node)) and path.startswith("self.") and path.count(".") == 1:
            if path not in found and (text := _text(kind_of(node, Place(tree, scope)))):
                found[path] = text
    return found


def _of_names(names: Iterable[str], scope: Scope, tree: Tree, statement: ast.stmt) -> Iterator[tuple[str, str]]:
    for name in names:
        home = scope.home_of(name)
        bindings = home.bindings[name] if home else []
        if bindings and all(isinstance(each, ast.alias) for each in bindings):
            if all(isinstance(tree.parents.get(each), ast.Import) and getattr(each, "name", "") == name for each in bindings):
                yield name, MODULE
            continue
        use = next((each for each in ast.walk(statement) if isinstance(each, ast.Name) and each.id == name), None)
        if text := _annotated(bindings, tree) or _text(kind_of(use, Place(tree, scope)) if use else None):
            yield name, text


def _annotated(bindings: list[ast.AST], tree: Tree) -> str:
    """Return the annotation of a name with one, if it says a kind; the code's own words also say what may be None."""
    if len(bindings) != 1:
        return ""
    binding = bindings[0]
    parent = tree.parents.get(binding)
    annotation = binding.annotation if isinstance(binding, ast.arg) else getattr(parent, "annotation", None)
    if not isinstance(annotation, ast.expr) or kind_of_annotation(annotation) is None:
        return ""
    if isinstance(parent, ast.arguments) and binding in (parent.vararg, parent.kwarg):
        return ""
    text = ast.unparse(annotation)
    return text if len(text) <= _LONGEST_TYPE else ""


def _text(kind: Kind | None) -> str:
    """Write a kind as an annotation; "" for one that none says."""
    if kind is None or kind.name not in _WRITTEN:
        return ""
    name, element = _WRITTEN[kind.name], _text(kind.element)
    if kind.name == "dict" and element:
        return f"dict[{element}, {_text(kind.value) or 'object'}]"
    if kind.name == "tuple" and element:
        return f"tuple[{element}, ...]"
    return f"{name}[{element}]" if element and kind.name in ("list", "set", "frozenset", "deque", "iterator") else name
