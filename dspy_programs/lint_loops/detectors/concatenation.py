"""LOOP002 and LOOP008: a string, a list or a tuple that is built anew on each pass by adding to it."""

import ast
from collections.abc import Iterator

from dspy_programs.lint_loops.code.bindings import last_binding
from dspy_programs.lint_loops.code.paths import is_same, path_of, root_of, written
from dspy_programs.lint_loops.code.tree import Loop
from dspy_programs.lint_loops.detectors.detector import Hit, is_short, kind_in, runs_once, shape_of
from dspy_programs.lint_loops.patterns import LIST_CONCAT, STRING, Pattern

_TEXTS = ("str", "bytes")


def find(loop: Loop) -> Iterator[Hit]:
    for node in loop.nodes:
        if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add):
            yield from _hits(node, node.target, node.value, False, loop)
        elif isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.value, ast.BinOp):
            target, parts = node.targets[0], operands(node.value)
            if len(parts) > 1 and is_same(target, parts[0]):
                yield from _hits(node, target, parts[1], False, loop)
            elif len(parts) > 1 and is_same(target, parts[-1]):
                yield from _hits(node, target, parts[0], True, loop)


def operands(node: ast.expr) -> list[ast.expr]:
    """Return what a chain of + adds, in order."""
    parts: list[ast.expr] = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        parts.append(node.right)
        node = node.left
    return [node, *reversed(parts)]


def _hits(node: ast.AugAssign | ast.Assign, target: ast.expr, added: ast.expr, in_front: bool, loop: Loop) -> Iterator[Hit]:
    path = path_of(target)
    kind = kind_in(target, loop)
    if path is None or kind is None or not isinstance(target, ast.Name | ast.Attribute):
        return
    pattern = _pattern(kind.name, node)
    growing = growing_in(node, target, loop) if pattern else None
    if (
        pattern is None
        or growing is None
        or not _is_first(node, target, growing)
        or (pattern is LIST_CONCAT and _is_alias(node, path, growing))
    ):
        return
    if pattern is STRING:
        mend = _joined(path, kind.name, in_front, _begins_empty(path, growing))
    else:
        mend = _of_items(path, kind.name, added, in_front)
    yield Hit(pattern, node, mend, shape_of(kind.element))


def _pattern(kind: str, node: ast.AugAssign | ast.Assign) -> Pattern | None:
    if kind in _TEXTS:
        return STRING
    if kind == "tuple" or (kind == "list" and isinstance(node, ast.Assign)):  # `items += more` changes the list in place
        return LIST_CONCAT
    return None


def _joined(path: str, kind: str, in_front: bool, is_empty: bool) -> str:
    """Return the mend of a string; what it had before the loop, it keeps."""
    empty = 'b""' if kind == "bytes" else '""'
    if in_front:
        text = f"{path} = {empty}.join(reversed(parts))" + ("" if is_empty else f" + {path}")
    else:
        text = f"{path} {'' if is_empty else '+'}= {empty}.join(parts)"
    return f"Collect the parts in a list, and join them after the loop: {text}"


def _begins_empty(path: str, growing: Loop) -> bool:
    """Return whether the last statement that gave a name its value, before the loop, made it an empty string."""
    binding = last_binding(path, growing.scope, growing.tree, growing.node) if path in growing.scope.bindings else None
    statement = growing.tree.statement_of(binding) if binding is not None else None
    value = statement.value if isinstance(statement, ast.Assign | ast.AnnAssign) else None
    return isinstance(value, ast.Constant) and value.value in ("", b"")


def _of_items(path: str, kind: str, added: ast.expr, in_front: bool) -> str:
    if kind == "tuple":
        return f"Collect the items of {path} in a list, and make the tuple after the loop"
    if in_front:
        return f"Use a collections.deque for {path} and its appendleft or extendleft, or append and reverse once"
    if isinstance(added, ast.List) and len(added.elts) == 1 and not isinstance(added.elts[0], ast.Starred):
        return f"Use {path}.append({written(added.elts[0])})"
    return f"Use {path}.extend({written(added)})"


def growing_in(node: ast.AugAssign | ast.Assign, target: ast.Name | ast.Attribute, loop: Loop) -> Loop | None:
    """Return the outermost loop in which a value only grows; None if it starts anew on each pass, is read, or grows once."""
    if runs_once(node, loop):
        return None
    found = None
    for each in loop.around():
        if not _only_grows(target, each):
            break
        if not is_short(each):
            found = each
    return found


def _is_first(node: ast.AugAssign | ast.Assign, target: ast.Name | ast.Attribute, growing: Loop) -> bool:
    """Return whether no statement before adds to the same value in the same loop: one finding is enough for both.

    Nor may one add in front and one behind, since a list of parts would have to grow at both ends.
    """
    path, tree = path_of(target), growing.tree
    name = root_of(target)
    for use in growing.scope.uses[name.id] if name is not None else ():
        statement = tree.statement_of(use)
        if growing.has(use) and isinstance(statement, ast.AugAssign | ast.Assign) and statement is not node:
            other = statement.target if isinstance(statement, ast.AugAssign) else statement.targets[0]
            if path_of(other) == path and (tree.order[statement] < tree.order[node] or _in_front(statement) != _in_front(node)):
                return False
    return True


def _in_front(statement: ast.AugAssign | ast.Assign) -> bool:
    return isinstance(statement, ast.Assign) and not is_same(statement.targets[0], operands(statement.value)[0])


def _only_grows(target: ast.Name | ast.Attribute, loop: Loop) -> bool:
    """Return whether all that a loop does with a value is to add to it."""
    root = target
    while isinstance(root, ast.Attribute):
        root = root.value  # type: ignore[assignment]
    path = path_of(target)
    for use in loop.scope.uses[root.id] if isinstance(root, ast.Name) else ():
        if not loop.has(use):
            continue
        holder: ast.AST = use
        while isinstance(parent := loop.tree.parents.get(holder), ast.Attribute) and path_of(holder) != path:
            holder = parent
        if path_of(holder) != path:
            if loop.tree.parents.get(use) is not None and not isinstance(parent, ast.Attribute) and use.id != path:
                if not isinstance(use.ctx, ast.Load):
                    return False  # the owner of the attribute is another one on each pass
            continue
        if not _is_growth(holder, loop):
            return False
    return not _is_seen_inside(target, loop)


def _is_seen_inside(target: ast.Name | ast.Attribute, loop: Loop) -> bool:
    """Return whether a nested function reads the value."""
    name = (path_of(target) or "").partition(".")[0]
    return isinstance(target, ast.Name) and any(
        name in scope.uses and name not in scope.bindings for scope in loop.scope.below() if loop.has(scope.node)
    )


def _is_growth(use: ast.AST, loop: Loop) -> bool:
    """Return whether a use is the target of a sum with itself, or its first or last part."""
    statement = loop.tree.statement_of(use)
    if isinstance(statement, ast.AugAssign):
        return isinstance(statement.op, ast.Add) and statement.target is use
    if not (isinstance(statement, ast.Assign) and len(statement.targets) == 1):
        return False
    target = statement.targets[0]
    if use is target:
        parts = operands(statement.value)
        return len(parts) > 1 and (is_same(target, parts[0]) or is_same(target, parts[-1]))
    parts = operands(statement.value)
    return is_same(target, use) and (use is parts[0] or use is parts[-1])


def _is_alias(node: ast.AugAssign | ast.Assign, path: str, loop: Loop) -> bool:
    """Return whether a list might be another's before the loop, so that changing it in place would show there."""
    scope = loop.scope
    if isinstance(node, ast.AugAssign):
        return False
    for binding in scope.bindings.get(path, ()):
        parent = loop.tree.parents.get(binding)
        fresh = isinstance(parent, ast.Assign | ast.AnnAssign) and isinstance(
            parent.value, ast.List | ast.ListComp | ast.Call | ast.BinOp
        )
        if not fresh and not loop.has(binding):
            return True
    return "." in path
