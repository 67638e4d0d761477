"""Plant one small defect in a function, of the kinds that reviews find: a wrong comparison, a case left out, arguments swapped.

Input      Python code, as `ast.unparse` writes it.
Output     (kind, code) for every place where a kind fits. Whether a test notices is for the caller to see.
"""

import ast
import copy
from collections.abc import Callable, Iterator

_COMPARED: dict[type[ast.cmpop], ast.cmpop] = {
    ast.Lt: ast.LtE(),
    ast.LtE: ast.Lt(),
    ast.Gt: ast.GtE(),
    ast.GtE: ast.Gt(),
    ast.Eq: ast.NotEq(),
    ast.NotEq: ast.Eq(),
    ast.In: ast.NotIn(),
}
_COMPUTED: dict[type[ast.operator], ast.operator] = {
    ast.Add: ast.Sub(),
    ast.Sub: ast.Add(),
    ast.Mult: ast.Add(),
    ast.FloorDiv: ast.Div(),
    ast.Mod: ast.FloorDiv(),
}
_OTHER = {
    "min": "max",
    "max": "min",
    "any": "all",
    "all": "any",
    "append": "extend",
    "startswith": "endswith",
    "lower": "upper",
}
_OMITTED = {"strip", "lower", "upper", "sorted", "abs", "reversed", "set"}


def mutants(code: str) -> Iterator[tuple[str, str]]:
    """Yield every defect, in the order of the code."""
    tree = ast.parse(code)
    for at, node in enumerate(ast.walk(tree)):
        for kind, change in _CHANGES:
            if change(copy.deepcopy(node)):
                other = copy.deepcopy(tree)
                place = next(each for i, each in enumerate(ast.walk(other)) if i == at)
                change(place)
                text = ast.unparse(other) + "\n"
                if text != code:
                    yield kind, text


def _comparison(node: ast.AST) -> bool:
    if not isinstance(node, ast.Compare) or type(node.ops[0]) not in _COMPARED:
        return False
    node.ops[0] = _COMPARED[type(node.ops[0])]
    return True


def _condition(node: ast.AST) -> bool:
    if isinstance(node, ast.BoolOp):
        node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        return True
    if isinstance(node, (ast.If, ast.IfExp)) and isinstance(node.test, ast.UnaryOp) and isinstance(node.test.op, ast.Not):
        node.test = node.test.operand
        return True
    return False


def _arithmetic(node: ast.AST) -> bool:
    if not isinstance(node, ast.BinOp) or type(node.op) not in _COMPUTED or isinstance(node.right, ast.Constant):
        return False
    node.op = _COMPUTED[type(node.op)]
    return True


def _off_by_one(node: ast.AST) -> bool:
    """Change a bound of a range, or the 1 that is added to or taken from something."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range" and node.args:
        last = min(len(node.args) - 1, 1)
        bound = node.args[last]
        if isinstance(bound, ast.BinOp) and isinstance(bound.right, ast.Constant) and bound.right.value == 1:
            node.args[last] = bound.left
        else:
            node.args[last] = ast.BinOp(bound, ast.Sub(), ast.Constant(1))
        return True
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)) and isinstance(node.right, ast.Constant):
        if node.right.value == 1:
            node.right = ast.Constant(2)
            return True
    return False


def _index(node: ast.AST) -> bool:
    if not isinstance(node, ast.Subscript) or not isinstance(node.slice, ast.Constant) or node.slice.value not in (0, 1):
        return False
    node.slice = ast.Constant(1 - node.slice.value)
    return True


def _wrong_function(node: ast.AST) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _OTHER:
        node.func.id = _OTHER[node.func.id]
        return True
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _OTHER:
        node.func.attr = _OTHER[node.func.attr]
        return True
    return False


def _arguments(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or len(node.args) != 2 or any(isinstance(each, ast.Starred) for each in node.args):
        return False
    node.args.reverse()
    return True


def _missing_call(node: ast.AST) -> bool:
    """Leave out a call that only prepares a value."""
    for field, value in ast.iter_fields(node):
        inner = _without_call(value)
        if inner is not None and not isinstance(node, ast.Expr):
            setattr(node, field, inner)
            return True
    return False


def _without_call(value: object) -> ast.expr | None:
    if not isinstance(value, ast.Call):
        return None
    if isinstance(value.func, ast.Attribute) and value.func.attr in _OMITTED and not value.args:
        return value.func.value
    is_named = isinstance(value.func, ast.Name) and value.func.id in _OMITTED
    return value.args[0] if is_named and len(value.args) == 1 and not value.keywords else None


def _forgotten_case(node: ast.AST) -> bool:
    """Leave out a condition that only returns, skips or raises; or the `else` of one."""
    body = getattr(node, "body", None)
    if not isinstance(body, list):
        return False
    for at, line in enumerate(body):
        ends = (
            isinstance(line, ast.If) and len(line.body) == 1 and isinstance(line.body[0], (ast.Return, ast.Continue, ast.Raise))
        )
        if ends and not line.orelse and len(body) > 1:
            del body[at]
            return True
    return False


def _state(node: ast.AST) -> bool:
    """Overwrite what should grow: `total += x` becomes `total = x`."""
    body = getattr(node, "body", None)
    if not isinstance(body, list) or not isinstance(node, (ast.For, ast.If)):
        return False
    for at, line in enumerate(body):
        if isinstance(line, ast.AugAssign) and isinstance(line.op, ast.Add):
            body[at] = ast.copy_location(ast.Assign([line.target], line.value), line)
            return True
    return False


_CHANGES: tuple[tuple[str, Callable[[ast.AST], bool]], ...] = (
    ("comparison", _comparison),
    ("condition", _condition),
    ("arithmetic", _arithmetic),
    ("off_by_one", _off_by_one),
    ("index", _index),
    ("wrong_function", _wrong_function),
    ("arguments", _arguments),
    ("missing_call", _missing_call),
    ("forgotten_case", _forgotten_case),
    ("state", _state),
)
