"""The kind that an annotation promises: `list[str]`, `Optional[List[int]]`, `"set[str] | None"`."""

import ast

from dspy_programs.lint_loops.code.kind import Kind

_NAMES = {
    **{name: name for name in ("str", "bytes", "int", "float", "list", "tuple", "set", "frozenset", "dict", "range")},
    **{name: name.lower() for name in ("List", "Tuple", "Set", "FrozenSet", "Dict", "Deque")},
    "bool": "int",
    "deque": "deque",
    "Mapping": "dict",
    "MutableMapping": "dict",
    "defaultdict": "dict",
    "DefaultDict": "dict",
    "OrderedDict": "dict",
    "Counter": "dict",
    "AbstractSet": "set",
    "MutableSet": "set",
    "bytearray": "bytearray",
    "Iterator": "iterator",
    "Generator": "iterator",
    "Path": "path",
    "AnyStr": "str",
    "LiteralString": "str",
}
_WRAPPERS = ("Optional", "Final", "Annotated", "ClassVar", "Required", "NotRequired")
_DEEPEST = 6


def kind_of_annotation(node: ast.expr | None, depth: int = 0) -> Kind | None:
    """Return the kind, None for an annotation that does not say. `X | None` is X: a loop over None fails anyway."""
    if node is None or depth > _DEEPEST:
        return None
    match node:
        case ast.Constant(value=str(text)):
            return kind_of_annotation(_parsed(text), depth + 1)
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return Kind(_NAMES[name]) if name in _NAMES else None
        case ast.BinOp(left=left, op=ast.BitOr(), right=ast.Constant(value=None)):
            return kind_of_annotation(left, depth + 1)
        case ast.BinOp(left=ast.Constant(value=None), op=ast.BitOr(), right=right):
            return kind_of_annotation(right, depth + 1)
        case ast.Subscript(value=ast.Name(id=name) | ast.Attribute(attr=name), slice=inner):
            items = list(inner.elts) if isinstance(inner, ast.Tuple) else [inner]
            return _kind_of_generic(name, items, depth)
    return None


def _kind_of_generic(name: str, items: list[ast.expr], depth: int) -> Kind | None:
    first = kind_of_annotation(items[0], depth + 1) if items else None
    if name in _WRAPPERS:
        return first
    if name not in _NAMES:
        return None
    kind = _NAMES[name]
    if kind == "tuple" and not (len(items) == 2 and isinstance(items[1], ast.Constant) and items[1].value is Ellipsis):
        return Kind("tuple", first if len(items) == 1 else None, len(items))
    return Kind(kind, first, value=kind_of_annotation(items[1], depth + 1) if kind == "dict" and len(items) == 2 else None)


def _parsed(text: str) -> ast.expr | None:
    try:
        return ast.parse(text, mode="eval").body if len(text) < 200 else None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
