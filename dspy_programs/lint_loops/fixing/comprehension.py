"""A loop that fills a list as a comprehension, with its expressions as they were written."""

from collections.abc import Iterator

import libcst as cst

_WIDTH = 88  # columns: what black and ruff break lines at
_OPPOSITE: dict[type[cst.BaseCompOp], str] = {
    cst.In: "not in",
    cst.NotIn: "in",
    cst.Is: "is not",
    cst.IsNot: "is",
    cst.Equal: "!=",
    cst.NotEqual: "==",
}


def comprehension(loop: cst.For, module: cst.Module, column: int, before: int) -> cst.BaseExpression:
    """Return `[item for x in items if condition]`; broken into lines if it does not fit. before: the width in front of it."""
    item, clauses = parts_of(loop, module)
    text = f"[{item} {' '.join(clauses)}]"
    if "\n" in text or column + before + len(text) > _WIDTH:
        lines = "".join(f"    {each}\n" for each in (item, *clauses))  # libcst adds the indentation of the statement
        text = f"[\n{lines}]".replace("\n", module.default_newline)
    return cst.parse_expression(text, module.config_for_parsing)


def parts_of(loop: cst.For, module: cst.Module) -> tuple[str, list[str]]:
    """Return what is appended, and the clauses of the loop, as text."""
    clauses: list[str] = []
    at: cst.CSTNode = loop
    while True:
        match at:
            case cst.For(target=target, iter=iterable, body=body):
                clauses.append(f"for {module.code_for_node(target)} in {_inside(iterable, module)}")
            case cst.If(test=test, body=body):
                clauses.append(f"if {_inside(test, module)}")
            case cst.SimpleStatementLine(body=[cst.Expr(value=cst.Call(args=[cst.Arg(value=item)]))]):
                return _inside(item, module, is_item=True), clauses
            case _:
                raise AssertionError(f"{type(at).__name__} in a loop that was to be a comprehension")
        first, *others = body.body
        if others:  # if condition: continue
            assert isinstance(first, cst.If)
            clauses.append(f"if {_negated(first.test, module)}")
        at = others[0] if others else first
        if isinstance(at, cst.BaseSmallStatement):  # `for x in y: z.append(x)` on one line
            at = cst.SimpleStatementLine([at])


def _inside(node: cst.BaseExpression, module: cst.Module, is_item: bool = False) -> str:
    """Return an expression as text, in parentheses where a clause would end in it."""
    loose = cst.GeneratorExp if is_item else cst.IfExp | cst.Lambda | cst.Tuple | cst.NamedExpr | cst.GeneratorExp
    text = module.code_for_node(node)
    return f"({text})" if isinstance(node, loose) and not node.lpar else text


def _negated(test: cst.BaseExpression, module: cst.Module) -> str:
    match test:
        case cst.UnaryOperation(operator=cst.Not(), expression=inner):
            return _inside(inner, module)
        case cst.Comparison(left=left, comparisons=[cst.ComparisonTarget(operator=operator, comparator=right)]):
            if type(operator) in _OPPOSITE and not test.lpar:
                return f"{module.code_for_node(left)} {_OPPOSITE[type(operator)]} {module.code_for_node(right)}"
    text = module.code_for_node(test)
    return f"not {text}" if test.lpar or isinstance(test, cst.Name | cst.Attribute | cst.Call) else f"not ({text})"


def comments_of(loop: cst.For) -> Iterator[cst.Comment]:
    """Yield the comments of a loop in order, but those inside of the expressions that the comprehension takes over."""
    waiting: list[cst.CSTNode] = [loop]
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, cst.Comment):
            yield node
        elif isinstance(node, cst.Call):  # of append: what is around its argument
            waiting = [*(each for each in node.children if not isinstance(each, cst.Arg)), *waiting]
            waiting = [*(part for arg in node.args for part in arg.children if part is not arg.value), *waiting]
        elif not isinstance(node, cst.BaseExpression):
            waiting = [*node.children, *waiting]
