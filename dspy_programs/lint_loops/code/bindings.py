"""What kind of assignment gives a name its value: nothing yet, a growth of itself, the last one before a place."""

import ast

from dspy_programs.lint_loops.code.tree import Scope, Tree


def is_from_itself(binding: ast.AST, name: str, tree: Tree) -> bool:
    """Return whether an assignment uses the name that it binds."""
    parent = tree.parents.get(binding)
    if not isinstance(parent, ast.Assign | ast.AnnAssign | ast.NamedExpr) or parent.value is None:
        return False
    return any(isinstance(each, ast.Name) and each.id == name for each in ast.walk(parent.value))


def may_grow(name: str, home: Scope, tree: Tree, bindings: int) -> bool:
    """Return whether a collection does not stay as it was written: a method is called on it, or it is given away."""
    if bindings > 1:
        return True
    for use in home.uses[name]:
        parent = tree.parents.get(use)
        if isinstance(parent, ast.Attribute) or (isinstance(parent, ast.AugAssign) and parent.target is use):
            return True
    return False


def is_nothing(binding: ast.AST, tree: Tree) -> bool:
    """Return whether a binding only says `name = None` or `del name`, which leaves the kind to the others."""
    parent = tree.parents.get(binding)
    if isinstance(binding, ast.Name) and isinstance(binding.ctx, ast.Del):
        return True
    return isinstance(parent, ast.Assign) and isinstance(parent.value, ast.Constant) and parent.value.value is None


def last_binding(name: str, home: Scope, tree: Tree, at: ast.AST) -> ast.AST | None:
    """Return the assignment just before a node that surely ran, if no other can have come between."""
    here = tree.order[at]
    earlier = [each for each in home.bindings[name] if tree.order[each] < here]
    if not earlier:
        return None
    last = max(earlier, key=lambda each: tree.order[each])
    statement = tree.statement_of(last)
    if not isinstance(statement, ast.Assign | ast.AnnAssign):
        return None
    around = {*tree.around(at)}
    if tree.parents.get(statement) not in around or statement not in tree.block_of(statement):
        return None
    for outer in around:  # in a loop, what stands behind may have come before
        if isinstance(outer, ast.For | ast.AsyncFor | ast.While) and outer not in tree.around(statement):
            end = max((tree.order[each] for each in ast.walk(outer) if each in tree.order), default=0)
            if any(tree.order[outer] < tree.order[each] <= end and not is_growth(each, tree) for each in home.bindings[name]):
                return None
    return last


def is_growth(binding: ast.AST, tree: Tree) -> bool:
    """Return whether a binding is the target of `x += y` or `x = x + y`, which keep the kind of a string or a list."""
    parent = tree.parents.get(binding)
    if isinstance(parent, ast.AugAssign):
        return True
    if not (isinstance(parent, ast.Assign) and isinstance(parent.value, ast.BinOp) and isinstance(binding, ast.Name)):
        return False
    ends: list[ast.expr] = [parent.value.right, parent.value]
    while isinstance(left := ends[-1], ast.BinOp) and isinstance(left.op, ast.Add):
        ends.append(left.left)
    return any(isinstance(end, ast.Name) and end.id == binding.id for end in (ends[0], ends[-1]))
