"""What kind of value an expression has, as far as the file itself says: literals, constructors, annotations, local flow.

Nothing is imported or run. Where the file leaves a doubt, the kind is None, and a detector that needs it stays silent.
"""

import ast
from collections.abc import Iterator
from typing import NamedTuple

from dspy_programs.lint_loops.code.annotations import kind_of_annotation
from dspy_programs.lint_loops.code.bindings import is_from_itself, is_growth, is_nothing, last_binding, may_grow
from dspy_programs.lint_loops.code.calls import kind_of_builtin, kind_of_method
from dspy_programs.lint_loops.code.kind import Kind, same
from dspy_programs.lint_loops.code.paths import path_of
from dspy_programs.lint_loops.code.tree import Function, Scope, Tree

_DEEPEST = 12  # expressions and names followed; a longer way is hardly ever sure
_LITERALS: dict[type[object], str] = {str: "str", bytes: "bytes", bool: "int", int: "int", float: "float", complex: "float"}
_NUMBERS = ("int", "float")


class Place(NamedTuple):
    """Where an expression stands: its scope, and the node whose position decides what was assigned before."""

    tree: Tree
    scope: Scope


def kind_of(node: ast.expr | None, place: Place, depth: int = 0) -> Kind | None:
    """Return the kind of an expression, None if it is not sure."""
    if node is None or depth > _DEEPEST:
        return None
    match node:
        case ast.Constant(value=value):
            return Kind(_LITERALS[type(value)], size=1) if type(value) in _LITERALS else None
        case ast.JoinedStr():
            return Kind("str")
        case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
            return Kind(type(node).__name__.lower(), _kind_of_all(items, place, depth), _size(items))
        case ast.Dict(keys=keys, values=values):
            held = _kind_of_all(values, place, depth)
            return Kind("dict", _kind_of_all([key for key in keys if key], place, depth), _size([*keys]), held)
        case ast.ListComp() | ast.SetComp():
            return Kind("list" if isinstance(node, ast.ListComp) else "set", kind_of(node.elt, place, depth + 1))
        case ast.DictComp():
            return Kind("dict", kind_of(node.key, place, depth + 1), value=kind_of(node.value, place, depth + 1))
        case ast.GeneratorExp():
            return Kind("iterator", kind_of(node.elt, place, depth + 1))
        case ast.Name() | ast.Attribute():
            return _kind_of_path(node, place, depth)
        case ast.Call():
            return _kind_of_call(node, place, depth)
        case ast.BinOp():
            return _kind_of_operation(node, place, depth)
        case ast.IfExp(body=one, orelse=other):
            return same([kind_of(one, place, depth + 1), kind_of(other, place, depth + 1)])
        case ast.BoolOp(values=values):
            return same([kind_of(each, place, depth + 1) for each in values])
        case ast.Compare() | ast.UnaryOp(op=ast.Not()):
            return Kind("int")
        case ast.UnaryOp(operand=operand):
            return kind_of(operand, place, depth + 1)
        case ast.NamedExpr(value=value):
            return kind_of(value, place, depth + 1)
        case ast.Subscript():
            return _kind_of_item(node, place, depth)
    return None


def _size(items: list[ast.expr] | list[ast.expr | None]) -> int | None:
    """Return how many items a display has, None if it depends on others."""
    return None if any(item is None or isinstance(item, ast.Starred) for item in items) else len(items)


def _kind_of_all(items: list[ast.expr], place: Place, depth: int) -> Kind | None:
    return same([kind_of(each, place, depth + 1) for each in items[:20]])


def _kind_of_operation(node: ast.BinOp, place: Place, depth: int) -> Kind | None:
    left = kind_of(node.left, place, depth + 1)
    if isinstance(node.op, ast.Mod) and left and left.name in ("str", "bytes"):
        return left
    right = kind_of(node.right, place, depth + 1)
    if left is None or right is None:
        return None
    if left.name in _NUMBERS and right.name in _NUMBERS:
        return left if left.name == "float" else right
    if isinstance(node.op, ast.Mult) and "int" in (left.name, right.name):
        return _repeated(right, node.left) if left.name == "int" else _repeated(left, node.right)
    if isinstance(node.op, ast.Add | ast.Sub | ast.BitOr | ast.BitAnd) and left.name == right.name:
        return Kind(left.name, same([left.element, right.element]))
    return None


def _repeated(kind: Kind, times: ast.expr) -> Kind:
    """Return the kind of `[0] * 4`, whose size is known, or `[0] * n`."""
    if isinstance(times, ast.Constant) and isinstance(times.value, int) and kind.size is not None:
        return kind._replace(size=kind.size * times.value)
    return kind._replace(size=None)


def _kind_of_item(node: ast.Subscript, place: Place, depth: int) -> Kind | None:
    holder = kind_of(node.value, place, depth + 1)
    if holder is None:
        return None
    if isinstance(node.slice, ast.Slice):
        return holder._replace(size=None) if holder.name in ("str", "bytes", "list", "tuple") else None
    if holder.name == "str":
        return holder
    if holder.name == "dict":
        return holder.value
    return holder.element if holder.name in ("list", "tuple", "deque") else None


def _kind_of_call(node: ast.Call, place: Place, depth: int) -> Kind | None:
    inner = [kind_of(each, place, depth + 1) for each in node.args[:1] if not isinstance(each, ast.Starred)]
    first = inner[0] if inner else None
    if isinstance(node.func, ast.Name):
        name = node.func.id
        home = place.scope.home_of(name)
        imported = home is not None and all(isinstance(each, ast.alias) for each in home.bindings[name])
        return kind_of_builtin(name, first, node) if home is None or imported else None
    if isinstance(node.func, ast.Attribute):
        return kind_of_method(node, kind_of(node.func.value, place, depth + 1), first)
    return None


def _kind_of_path(node: ast.Name | ast.Attribute, place: Place, depth: int) -> Kind | None:
    if isinstance(node, ast.Name):
        home = place.scope.home_of(node.id)
        return None if home is None else _kind_of_name(node.id, Place(place.tree, home), node, depth)
    path = path_of(node)
    if path is None or path.count(".") != 1 or not path.startswith("self."):
        return None
    return _kind_of_attribute(node, place, depth)


def _kind_of_name(name: str, home: Place, at: ast.AST, depth: int) -> Kind | None:
    """Agree on what all that bind a name give it; where they do not agree, on what surely came last."""
    known, key = home.tree.kinds, (home.scope, name)
    if key not in known:
        known[key] = None  # while it is found out: a name that depends on itself is not sure
        known[key] = _agreed(name, home, depth)
    if known[key] is not None or home.scope.node is home.tree.module.node or len(home.scope.bindings[name]) < 2:
        return known[key]
    last = last_binding(name, home.scope, home.tree, at)
    return None if last is None else kind_of_binding(last, home, depth + 1)


def _agreed(name: str, home: Place, depth: int) -> Kind | None:
    bindings = [
        each for each in home.scope.bindings[name] if not is_nothing(each, home.tree) and not is_growth(each, home.tree)
    ]
    others = [each for each in bindings if not is_from_itself(each, name, home.tree)]
    agreed = same([kind_of_binding(each, home, depth + 1) for each in others])
    if agreed is None:
        return None
    if len(others) < len(bindings):  # does `x = x.strip()` keep the kind?
        home.tree.kinds[home.scope, name] = agreed
        agreed = same([agreed, *(kind_of_binding(each, home, depth + 1) for each in bindings if each not in others)])
    is_fixed = agreed is None or not may_grow(name, home.scope, home.tree, len(home.scope.bindings[name]))
    return agreed if agreed is None or is_fixed else agreed._replace(size=None)


def kind_of_binding(binding: ast.AST, home: Place, depth: int = 0) -> Kind | None:
    """Return the kind that an assignment, a parameter or a loop gives to a name."""
    if depth > _DEEPEST:
        return None
    if isinstance(binding, ast.arg):
        return _kind_of_parameter(binding, home)
    parent = home.tree.parents.get(binding)
    match parent:
        case ast.Assign(value=value) if binding in parent.targets:
            return kind_of(value, home, depth)
        case ast.AnnAssign(annotation=annotation, value=value):
            return _more_exact(kind_of_annotation(annotation), kind_of(value, home, depth))
        case ast.NamedExpr(value=value):
            return kind_of(value, home, depth)
        case ast.For(target=target, iter=iterable) | ast.comprehension(target=target, iter=iterable) if target is binding:
            return _kind_of_element(kind_of(iterable, home, depth))
        case ast.withitem(context_expr=opened):
            return kind_of(opened, home, depth)
    return None


def _more_exact(said: Kind | None, found: Kind | None) -> Kind | None:
    """Return what an annotation says, completed by what the value shows."""
    if said is None or found is None or said.name != found.name:
        return said or found
    return Kind(said.name, said.element or found.element, found.size, said.value or found.value)


def _kind_of_element(holder: Kind | None) -> Kind | None:
    if holder is None:
        return None
    return holder if holder.name == "str" else holder.element


def _kind_of_parameter(binding: ast.arg, home: Place) -> Kind | None:
    args = home.tree.parents.get(binding)
    if isinstance(args, ast.arguments) and binding in (args.vararg, args.kwarg):
        return Kind("tuple" if binding is args.vararg else "dict")
    if binding.annotation is not None:
        return kind_of_annotation(binding.annotation)
    return None


def _kind_of_attribute(node: ast.Attribute, place: Place, depth: int) -> Kind | None:
    """Agree on what all methods of a class assign to `self.name`."""
    owner = next((each for each in place.tree.around(node) if isinstance(each, ast.ClassDef)), None)
    if owner is None:
        return None
    known, key = place.tree.kinds, (owner, node.attr)
    if key not in known:
        known[key] = None
        agreed = same([kind for kind in _assigned(owner, node.attr, place, depth) if kind is not _NOTHING])
        known[key] = agreed._replace(size=None) if agreed else None
    return known[key]


_NOTHING = Kind("None")


def _assigned(owner: ast.ClassDef, name: str, place: Place, depth: int) -> Iterator[Kind | None]:
    for statement in owner.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.target.id == name:
            yield kind_of_annotation(statement.annotation)
        if isinstance(statement, Function) and (scope := place.tree.scopes.get(statement)):
            for use in scope.uses["self"] if "self" in scope.uses else []:
                attribute = place.tree.parents.get(use)
                if isinstance(attribute, ast.Attribute) and attribute.attr == name and not isinstance(attribute.ctx, ast.Load):
                    parent = place.tree.parents.get(attribute)
                    if isinstance(parent, ast.AugAssign) or is_nothing(attribute, place.tree):
                        yield _NOTHING
                    else:
                        yield kind_of_binding(attribute, Place(place.tree, scope), depth + 1)
