"""The kind of what a well-known function or method returns."""

import ast

from dspy_programs.lint_loops.code.kind import Kind

_STR, _INT, _BYTES = Kind("str"), Kind("int"), Kind("bytes")
_PLAIN = {
    **{name: _STR for name in ("str", "repr", "input", "chr", "hex", "oct", "bin", "format", "ascii")},
    **{name: _INT for name in ("int", "len", "ord", "hash", "id", "bool", "isinstance", "issubclass", "callable", "hasattr")},
    "float": Kind("float"),
    "bytes": _BYTES,
    "bytearray": Kind("bytearray"),
    "open": Kind("file", _STR),
    "range": Kind("range", _INT),
    **{name: Kind("iterator") for name in ("map", "zip", "enumerate", "iter", "filter", "reversed", "chain")},
    "Counter": Kind("dict"),
    "OrderedDict": Kind("dict"),
    "defaultdict": Kind("dict"),
    "Path": Kind("path"),
    "PurePath": Kind("path"),
}
_COLLECTIONS = ("list", "tuple", "set", "frozenset", "deque")
_OF_STR = {
    **{
        name: _STR
        for name in ("strip lstrip rstrip lower upper title replace join format capitalize casefold center ljust".split())
    },
    **{name: _STR for name in ("rjust zfill removeprefix removesuffix expandtabs swapcase translate format_map".split())},
    **{name: Kind("list", _STR) for name in ("split", "rsplit", "splitlines")},
    **{name: Kind("tuple", _STR, 3) for name in ("partition", "rpartition")},
    **{
        name: _INT
        for name in ("find", "rfind", "index", "rindex", "count", "startswith", "endswith", "isdigit", "isalpha", "isspace")
    },
    "encode": _BYTES,
}
_OF_MODULES = {
    **{name: Kind("list", _STR) for name in ("os.listdir", "glob.glob", "re.split")},
    **{
        name: _STR for name in ("os.getcwd", "os.path.join", "os.path.basename", "os.path.dirname", "os.path.abspath", "re.sub")
    },
    **{
        name: _STR
        for name in ("os.path.normpath", "os.path.realpath", "json.dumps", "re.escape", "textwrap.dedent", "textwrap.indent")
    },
    "pathlib.Path": Kind("path"),
    "collections.deque": Kind("deque"),
    "collections.Counter": Kind("dict"),
    "collections.defaultdict": Kind("dict"),
    "collections.OrderedDict": Kind("dict"),
    "io.StringIO": Kind("file", _STR),
    "itertools.chain": Kind("iterator"),
    "io.open": Kind("file"),
    "sys.argv": Kind("list", _STR),
}


def kind_of_builtin(name: str, first: Kind | None, node: ast.Call) -> Kind | None:
    """Return what a built-in function, or one imported under its usual name, gives for its first argument."""
    if name in _PLAIN:
        return _PLAIN[name]
    element = None if first is None else Kind("str") if first.name == "str" else first.element
    if name in _COLLECTIONS:
        return Kind(name, element, None if node.args else 0)
    if name == "sorted":
        return Kind("list", element)
    if name == "dict":
        return Kind(
            "dict", element if first and first.name == "dict" else None, 0 if not node.args and not node.keywords else None
        )
    if name in ("min", "max", "next") and len(node.args) == 1:
        return element
    if name == "sum" and len(node.args) == 1 and element and element.name in ("int", "float"):
        return element
    if name == "abs":
        return first
    return None


def kind_of_method(node: ast.Call, receiver: Kind | None, first: Kind | None) -> Kind | None:
    """Return what a method of a known kind gives, or a function of a well-known module."""
    function = node.func
    assert isinstance(function, ast.Attribute)
    name = function.attr
    if receiver is not None:
        return _of_kind(name, receiver)
    written = _module_path(function)
    if written in _OF_MODULES:
        return _OF_MODULES[written]
    if name in ("splitlines", "readlines"):
        return Kind("list")
    if name in ("split", "rsplit") and _is_of_text(node, function):
        return Kind("list", _STR)
    if name == "format" and isinstance(function.value, ast.Constant):
        return _STR
    return None


def _is_of_text(node: ast.Call, function: ast.Attribute) -> bool:
    """Return whether x.split() or x.split(",") is surely of a string; of a column of a table it gives a column."""
    separators = [arg for arg in node.args[:1] if not (isinstance(arg, ast.Constant) and isinstance(arg.value, str))]
    is_column = isinstance(function.value, ast.Attribute) and function.value.attr == "str"
    return not separators and not node.keywords and not is_column


def _of_kind(name: str, receiver: Kind) -> Kind | None:
    if receiver.name == "str":
        return _OF_STR.get(name)
    if receiver.name == "bytes":
        if name == "decode":
            return _STR
        found = _OF_STR.get(name)
        return Kind(found.name, _BYTES) if found and found.name in ("list", "tuple") else _BYTES if found == _STR else found
    if name == "copy":
        return receiver._replace(size=None)
    if receiver.name == "dict":
        views = {"keys": receiver.element, "values": receiver.value, "items": None}
        return Kind("view", views[name]) if name in views else receiver.value if name in ("get", "pop", "setdefault") else None
    if receiver.name in ("list", "deque") and name in ("pop", "popleft"):
        return receiver.element
    if receiver.name in ("list", "tuple") and name in ("index", "count"):
        return _INT
    if receiver.name == "file":
        return {"read": _STR, "readline": _STR, "readlines": Kind("list", _STR), "getvalue": _STR}.get(name)
    if receiver.name == "path":
        return {"read_text": _STR, "as_posix": _STR, "read_bytes": _BYTES, "with_suffix": receiver, "resolve": receiver}.get(
            name
        )
    return None


def _module_path(node: ast.Attribute) -> str:
    parts = [node.attr]
    value = node.value
    while isinstance(value, ast.Attribute):
        parts.append(value.attr)
        value = value.value
    return ".".join([value.id, *reversed(parts)]) if isinstance(value, ast.Name) else ""
