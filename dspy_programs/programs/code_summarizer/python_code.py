"""What stands in one function's own code: its results, raises, calls and effects.

Guarantees the code is never run. What a function inside of another does is not counted as the outer one's.
"""

import ast
import builtins
from collections.abc import Iterator

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_LONGEST = 60  # characters of an expression that is shown
_SAYS_LITTLE = frozenset(
    "append extend add insert get items keys values join format strip lstrip rstrip split rsplit splitlines lower upper "
    "startswith endswith replace encode decode copy update pop setdefault sort index count partition rpartition removeprefix "
    "removesuffix debug info warning error exception log warn group match search sub findall cast cls super".split()
)
_MUTATES = frozenset("append extend add insert update pop popitem setdefault sort remove discard clear reverse write".split())
_EFFECTS = {
    "writes or deletes files": (
        "write_text write_bytes unlink mkdir makedirs rmdir rename touch symlink_to os.remove os.unlink os.replace os.makedirs "
        "os.mkdir shutil.rmtree shutil.copy shutil.move shutil.copyfile shutil.copytree"
    ),
    "runs other programs": (
        "subprocess.run subprocess.Popen subprocess.call subprocess.check_output subprocess.check_call os.system"
    ),
    "asks over the network": (
        "urlopen requests.get requests.post requests.request httpx.get httpx.post socket.create_connection"
    ),
    "prints": "print click.echo typer.echo sys.stdout.write sys.stderr.write",
    "sleeps": "time.sleep asyncio.sleep",
    "ends the process": "sys.exit exit os._exit",
}
_PAIRS = ((ast.Eq, ast.NotEq), (ast.Is, ast.IsNot), (ast.In, ast.NotIn), (ast.Lt, ast.GtE), (ast.LtE, ast.Gt))
_OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {**dict(_PAIRS), **{other: one for one, other in _PAIRS}}
_BY_CALL = {name: effect for effect, names in _EFFECTS.items() for name in names.split()}


class Found:
    """What stands in a function's own code, or in a module's: results, raises, calls, effects."""

    def __init__(self, scope: ast.AST, takes: list[str]) -> None:
        self.results: list[str] = []
        self.yields: list[str] = []
        self.raises: list[tuple[str, str]] = []
        self.calls: list[str] = []
        self.effects: list[str] = []
        self.is_generator = False
        self._takes = frozenset(takes)
        for node, condition in _own_nodes(scope, ""):
            self._add(node, condition)
        for name in ("results", "yields", "raises", "calls", "effects"):
            setattr(self, name, list(dict.fromkeys(getattr(self, name))))

    def _add(self, node: ast.AST, condition: str) -> None:
        if isinstance(node, ast.Return) and node.value is not None:
            self.results.append(code_of(node.value))
        elif isinstance(node, (ast.Yield, ast.YieldFrom)):
            self.is_generator = True
            self.yields += [code_of(node.value)] if node.value is not None else []
        elif isinstance(node, ast.Raise):
            raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            if condition.startswith("except") and isinstance(node.exc, ast.Name) and node.exc.id.islower():
                raised = None  # what it caught, by its name
            self.raises.append((code_of(raised) if raised is not None else "", condition))
        elif isinstance(node, ast.Call):
            self._add_call(node)
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            self.effects.append(f"sets {' and '.join(f'`{name}`' for name in node.names[:3])} outside of it")
        elif isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Delete)):
            targets = node.targets if isinstance(node, (ast.Assign, ast.Delete)) else [node.target]
            self._add_targets([each for target in targets for each in flat(target)])

    def _add_targets(self, targets: list[ast.expr]) -> None:
        for target in targets:
            root = _root(target)
            if isinstance(target, ast.Attribute) and root == "self" and isinstance(target.value, ast.Name):
                self.effects.append(f"sets `self.{target.attr}`")
            elif root == "self" and isinstance(target, (ast.Attribute, ast.Subscript)):
                self.effects.append(f"changes `{_held_by_self(target)}`")
            elif isinstance(target, (ast.Attribute, ast.Subscript)) and code_of(target).startswith("os.environ"):
                self.effects.append("changes the environment")
            elif isinstance(target, (ast.Attribute, ast.Subscript)) and root in self._takes:
                self.effects.append(f"changes `{root}`")

    def _add_call(self, node: ast.Call) -> None:
        name = code_of(node.func)
        last = name.rpartition(".")[2]
        if effect := _BY_CALL.get(name) or (_BY_CALL.get(last) if isinstance(node.func, ast.Attribute) else None):
            self.effects.append(effect)
        elif name.endswith("open") and any(_is_mode_that_writes(each) for each in (*node.args[1:2], *_keyword(node, "mode"))):
            self.effects.append("writes or deletes files")
        elif isinstance(node.func, ast.Attribute) and last in _MUTATES and _root(node.func) in (*self._takes, "self"):
            if isinstance(node.func.value, ast.Name) and _root(node.func) != "self":
                self.effects.append(f"changes `{_root(node.func)}`")
            elif isinstance(node.func.value, (ast.Attribute, ast.Subscript)) and _root(node.func) == "self":
                self.effects.append(f"changes `{_held_by_self(node.func.value)}`")
        elif last not in _SAYS_LITTLE and not hasattr(builtins, name) and len(name) <= 40 and "(" not in name:
            self.calls.append(name)


def _own_nodes(scope: ast.AST, condition: str) -> Iterator[tuple[ast.AST, str]]:
    """Yield the nodes below a scope with the nearest condition, without those of functions and classes inside."""
    for name, value in ast.iter_fields(scope):
        if name in ("decorator_list", "args", "returns"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or isinstance(child, _SCOPES):
                continue
            inner = condition
            if isinstance(scope, ast.If) and name in ("body", "orelse"):
                inner = code_of(scope.test) if name == "body" else _denied(scope.test)
            elif isinstance(scope, ast.ExceptHandler) and name == "body":
                inner = f"except {code_of(scope.type)}" if scope.type is not None else "except"
            yield child, inner
            yield from _own_nodes(child, inner)


def _denied(test: ast.expr) -> str:
    """Return a condition's opposite."""
    if isinstance(test, ast.Compare) and len(test.ops) == 1 and type(test.ops[0]) in _OPPOSITE:
        return code_of(ast.Compare(test.left, [_OPPOSITE[type(test.ops[0])]()], test.comparators))
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return code_of(test.operand)
    return f"not {code_of(test)}" if isinstance(test, (ast.Name, ast.Call, ast.Attribute)) else f"not ({code_of(test)})"


def flat(target: ast.expr) -> list[ast.expr]:
    return [each for one in target.elts for each in flat(one)] if isinstance(target, (ast.Tuple, ast.List)) else [target]


def _root(node: ast.expr) -> str:
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _held_by_self(node: ast.expr) -> str:
    """Return the attribute that something is inside of: self.items of self.items[name].price."""
    while isinstance(node, (ast.Attribute, ast.Subscript)) and not isinstance(node.value, ast.Name):
        node = node.value
    return code_of(node) if isinstance(node, ast.Attribute) else "self"


def _is_mode_that_writes(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and bool(set(node.value) & set("wax+"))


def _keyword(node: ast.Call, name: str) -> list[ast.expr]:
    return [each.value for each in node.keywords if each.arg == name]


def code_of(node: ast.AST | None) -> str:
    """Return an expression as one line of code, shortened if it is long."""
    if node is None:
        return ""
    text = " ".join(ast.unparse(node).split()).replace("`", "'")
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "..."
