"""Whether something stays the same from pass to pass of a loop.

The answer "it stays" must be sure, since a mend is built on it: whatever might change a value counts as a change. That is an
assignment, a method that is not known to only read, and a way for other code to get hold of it: an argument, an alias, a
container, a nested function.
"""

import ast

from dspy_programs.lint_loops.code.kind import UNCHANGING, Kind
from dspy_programs.lint_loops.code.kinds import Place, kind_of
from dspy_programs.lint_loops.code.paths import path_of
from dspy_programs.lint_loops.code.tree import Loop, Scope

READING_METHODS = frozenset(
    "index count get keys values items copy split rsplit splitlines strip lstrip rstrip startswith endswith join find rfind "
    "lower upper title replace format encode decode partition rpartition isdigit isalpha isspace isupper islower isalnum "
    "isidentifier union intersection difference symmetric_difference issubset issuperset isdisjoint removeprefix removesuffix "
    "zfill ljust rjust center casefold capitalize isnumeric isdecimal most_common elements".split()
)
READING_FUNCTIONS = frozenset(
    "len sorted min max sum any all enumerate zip range list tuple set frozenset dict str repr isinstance issubclass print "
    "reversed map filter bool int float abs hash id type callable hasattr format round ord chr divmod pow Counter islice chain "
    "combinations product permutations fsum prod deepcopy ascii bin hex".split()
)


def stays(node: ast.expr, loop: Loop) -> bool:
    """Return whether an expression has the same value on each pass; it consists of names, attributes and constants only."""
    match node:
        case ast.Constant():
            return True
        case ast.Name() | ast.Attribute():
            path = path_of(node)
            return path is not None and path_stays(path, node, loop)
        case ast.Subscript(value=value, slice=key):
            return stays(value, loop) and stays(key, loop)
        case ast.Tuple(elts=items):
            return all(stays(item, loop) for item in items)
        case ast.UnaryOp(operand=operand):
            return stays(operand, loop)
        case ast.BinOp(left=left, right=right):
            return stays(left, loop) and stays(right, loop)
        case ast.JoinedStr(values=parts):
            return all(stays(part, loop) for part in parts)
        case ast.FormattedValue(value=value):
            return stays(value, loop)
    return False


def path_stays(path: str, node: ast.expr, loop: Loop) -> bool:
    """Return whether a name, or an attribute of it, is neither given another value nor changed by what runs on a pass."""
    name = path.partition(".")[0]
    home = loop.scope.home_of(name)
    if home is None:
        return "." not in path
    if _is_bound(name, loop):
        return False
    kind = kind_of(node, Place(loop.tree, loop.scope))
    if "." in path:
        return _attribute_stays(path, kind, home, loop)
    if kind is not None and kind.name in UNCHANGING:
        return home is loop.scope or not _is_shared(name, home)
    if home is not loop.scope:
        return not _is_shared(name, home) and not _changes_anywhere(name, home, loop)
    if any(loop.has(use) and may_change(use, loop, kind) for use in loop.scope.uses[name]) or _is_captured(name, home, loop):
        return False
    return not (_may_be_held(name, loop) and any(_is_unknown_call(each) for inner in _loops_in(loop) for each in inner.nodes))


def _is_bound(name: str, loop: Loop) -> bool:
    return any(loop.has(binding) for binding in loop.scope.bindings.get(name, ()))


def _may_be_held(name: str, loop: Loop) -> bool:
    """Return whether an object may hold the value too, and change it in a method: `queue = self.queue; self.shrink()`."""
    for binding in loop.scope.bindings[name]:
        parent = loop.tree.parents.get(binding)
        value = parent.value if isinstance(parent, ast.Assign | ast.AnnAssign | ast.NamedExpr) else None
        if isinstance(value, ast.Attribute | ast.Subscript):
            return True
        if isinstance(value, ast.Call) and kind_of(value, Place(loop.tree, loop.scope)) is None:
            return True
    return False


def _is_shared(name: str, home: Scope) -> bool:
    """Return whether a name of an outer scope is assigned more than once, or by a function inside."""
    return len(home.bindings[name]) > 1 or any(name in scope.elsewhere for scope in home.below())


def _changes_anywhere(name: str, home: Scope, loop: Loop) -> bool:
    """Return whether any use in the file may change a value of an outer scope."""
    scopes = [home, *home.below()]
    return any(may_change(use, loop, None) for scope in scopes if name in scope.uses for use in scope.uses[name])


def _is_captured(name: str, home: Scope, loop: Loop) -> bool:
    """Return whether a nested function may change the value when it is called."""
    inner = [scope for scope in home.below() if name in scope.uses and name not in scope.bindings]
    return any(name in scope.elsewhere or any(may_change(use, loop, None) for use in scope.uses[name]) for scope in inner)


def may_change(use: ast.expr, loop: Loop, kind: Kind | None) -> bool:
    """Return whether one use of a name, or of an attribute, may change its value or let others change it."""
    parents = loop.tree.parents
    if not isinstance(getattr(use, "ctx", None), ast.Load):
        binding = parents.get(use)
        return loop.has(use) or isinstance(binding, ast.AugAssign)
    if kind is not None and kind.name in UNCHANGING:
        return False
    parent = parents.get(use)
    match parent:
        case ast.Attribute(attr=method):
            call = parents.get(parent)
            is_called = isinstance(call, ast.Call) and call.func is parent
            return not isinstance(parent.ctx, ast.Load) or not (is_called and method in READING_METHODS)
        case ast.Subscript(value=value) if value is use:
            return (
                not isinstance(parent.ctx, ast.Load)
                or isinstance(parents.get(parent), ast.AugAssign)
                or _item_may_change(parent, loop)
            )
        case ast.Call(func=ast.Name(id=function)):
            return function not in READING_FUNCTIONS
        case ast.Call(
            func=ast.Attribute(attr="join" | "extend" | "update" | "union" | "intersection" | "difference" | "isdisjoint")
        ):
            return False
        case (
            ast.For()
            | ast.AsyncFor()
            | ast.comprehension()
            | ast.Compare()
            | ast.While()
            | ast.If()
            | ast.Subscript()
            | ast.UnaryOp()
        ):
            return False
        case ast.BinOp() | ast.FormattedValue() | ast.Starred() | ast.Delete() | ast.Slice() | ast.Expr() | ast.Assert():
            return isinstance(parent, ast.Delete)
        case ast.AugAssign(value=value) if value is use:
            return False
        case ast.BoolOp() | ast.IfExp():
            around = parents.get(parent)
            return not isinstance(around, ast.If | ast.While | ast.IfExp | ast.BoolOp | ast.UnaryOp | ast.comprehension)
    return True


def _item_may_change(item: ast.Subscript, loop: Loop) -> bool:
    """Return whether an item of an item is stored: `xs[0].append(1)` leaves xs as it is, `xs[0][1] = 2` counts as a change."""
    parent = loop.tree.parents.get(item)
    return isinstance(parent, ast.Subscript) and parent.value is item and not isinstance(parent.ctx, ast.Load)


def _attribute_stays(path: str, kind: Kind | None, home: Scope, loop: Loop) -> bool:
    """Return whether an attribute stays: nothing in the loop assigns it, changes it, or could do so out of sight."""
    name = path.partition(".")[0]
    if home is not loop.scope or _is_captured(name, home, loop):
        return False
    for use in loop.scope.uses[name]:
        if not loop.has(use):
            continue
        whole = _whole_path(use, path, loop)
        if whole is None or (whole == path and _longest(use, path, loop, kind)):
            return False
    return not any(_is_unknown_call(node) for each in _loops_in(loop) for node in each.nodes)


def _whole_path(use: ast.Name, path: str, loop: Loop) -> str | None:
    """Return the part of a path that a use names: all of it, or another one; None where the owner itself is given away."""
    node: ast.expr = use
    at = use.id
    while True:
        parent = loop.tree.parents.get(node)
        if not isinstance(parent, ast.Attribute):
            return None if path.startswith(f"{at}.") else at
        node, at = parent, f"{at}.{parent.attr}"
        if at == path:
            return at
        if not path.startswith(f"{at}."):
            call = loop.tree.parents.get(node)
            is_method = isinstance(call, ast.Call) and call.func is node
            return None if is_method and node.attr not in READING_METHODS else at


def _longest(use: ast.Name, path: str, loop: Loop, kind: Kind | None) -> bool:
    node: ast.expr = use
    for _ in range(path.count(".")):
        parent = loop.tree.parents.get(node)
        if isinstance(parent, ast.Attribute):
            node = parent
    return may_change(node, loop, kind)


def _loops_in(loop: Loop) -> list[Loop]:
    return [each for each in loop.tree.loops if loop.start <= each.start and each.end <= loop.end]


def _is_unknown_call(node: ast.AST) -> bool:
    """Return whether a call may run code that is not in sight."""
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, ast.Name):
        return node.func.id not in READING_FUNCTIONS
    return not (
        isinstance(node.func, ast.Attribute) and node.func.attr in (*READING_METHODS, "append", "add", "extend", "write")
    )


def is_kept_private(name: ast.Name, loop: Loop) -> bool:
    """Return whether a local value is only read in a loop and nobody else can hold it: made here, and not given away."""
    home = loop.scope.home_of(name.id)
    if home is not loop.scope or not loop.scope.is_function:
        return False
    if any(isinstance(binding, ast.arg) for binding in home.bindings[name.id]):
        return False
    return path_stays(name.id, name, loop) and not _is_aliased(name.id, loop)


def only_grows(name: ast.Name, loop: Loop) -> bool:
    """Return whether a loop only adds to a local list and sorts it, and nothing else can look at it meanwhile."""
    home = loop.scope.home_of(name.id)
    if home is not loop.scope or not loop.scope.is_function:
        return False
    if any(isinstance(binding, ast.arg) for binding in home.bindings[name.id]) or _is_bound(name.id, loop):
        return False
    if _is_aliased(name.id, loop) or _may_be_held(name.id, loop) or any(name.id in scope.uses for scope in home.below()):
        return False
    return all(_is_added_to(use, loop) for use in home.uses[name.id] if loop.has(use))


def _is_added_to(use: ast.Name, loop: Loop) -> bool:
    """Return whether a use of a list is a statement such as `found.append(x)`."""
    method = loop.tree.parents.get(use)
    call = loop.tree.parents.get(method) if isinstance(method, ast.Attribute) else None
    if not isinstance(method, ast.Attribute) or not isinstance(call, ast.Call) or call.func is not method:
        return False
    return method.attr in ("append", "extend", "sort") and isinstance(loop.tree.parents.get(call), ast.Expr)


def _is_aliased(name: str, loop: Loop) -> bool:
    """Return whether another name or an attribute holds the value before or in the loop."""
    for use in loop.scope.uses[name]:
        parent = loop.tree.parents.get(use)
        if (
            loop.tree.order[use] < loop.end
            and isinstance(parent, ast.Assign | ast.AnnAssign | ast.NamedExpr)
            and parent.value is use
        ):
            return True
    return False
