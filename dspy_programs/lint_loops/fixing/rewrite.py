"""Carries out mends on the concrete syntax tree, so that comments and layout stay as they are."""

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider

from dspy_programs.lint_loops.fixing.comprehension import comments_of, comprehension
from dspy_programs.lint_loops.fixing.plan import At, Mend
from dspy_programs.lint_loops.patterns import APPEND, LENGTH, LIST_CONCAT, RANGE_LEN, REGEX

_WITH_NEW_LINE = (LENGTH.code, REGEX.code)


def rewritten(data: bytes, mends: list[Mend]) -> bytes:
    """Return a file with its mends. Raises ParserSyntaxError if libcst cannot read it, ValueError if a mend has no place."""
    wrapper = MetadataWrapper(cst.parse_module(data))
    rewriter = _Rewriter(mends, wrapper.module)
    new = wrapper.visit(rewriter)
    if rewriter.values:
        raise ValueError("a variable has no line to stand in")
    return new.bytes


class _Rewriter(cst.CSTTransformer):
    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self, mends: list[Mend], module: cst.Module) -> None:
        super().__init__()
        self.module = module
        self.mends = {(mend.code, mend.at): mend for mend in mends}
        self.new = {mend.other if mend.code == REGEX.code else mend.at: mend for mend in mends if mend.code in _WITH_NEW_LINE}
        self.values: dict[str, cst.BaseExpression] = {}
        """New variable -> what it is given in a line before the loop."""

    def at(self, node: cst.CSTNode) -> At:
        start = self.get_metadata(PositionProvider, node).start
        return start.line, start.column

    def mend(self, code: str, node: cst.CSTNode) -> Mend | None:
        return self.mends.get((code, self.at(node)))

    def leave_IndentedBlock(self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock) -> cst.IndentedBlock:
        body: list[cst.BaseStatement] = []
        for original, updated in zip(original_node.body, updated_node.body, strict=True):
            body += self._statement(original, updated, body)
        return updated_node.with_changes(body=body)

    def _statement(
        self, original: cst.BaseStatement, updated: cst.BaseStatement, body: list[cst.BaseStatement]
    ) -> list[cst.BaseStatement]:
        """Return what takes a statement's place; may change the one before, the last in `body`."""
        if isinstance(original, cst.For) and isinstance(updated, cst.For) and self.mend(APPEND.code, original):
            before = body[-1]
            assert isinstance(before, cst.SimpleStatementLine)
            body[-1] = self._filled(before, updated, self.at(original)[1])
            return []
        if isinstance(updated, cst.For | cst.While | cst.SimpleStatementLine) and (mend := self.new.get(self.at(original))):
            assign = cst.Assign([cst.AssignTarget(cst.Name(mend.name))], self.values.pop(mend.name))
            line = cst.SimpleStatementLine([assign], leading_lines=updated.leading_lines)
            return [line, updated.with_changes(leading_lines=[])]
        return [updated]

    def _filled(self, before: cst.SimpleStatementLine, loop: cst.For, column: int) -> cst.SimpleStatementLine:
        """Put the comprehension in the place of the empty list, and the loop's comments above it."""
        (assign,) = before.body
        assert isinstance(assign, cst.Assign | cst.AnnAssign)
        head = self.module.code_for_node(assign.with_changes(value=cst.Name("_")))
        value = comprehension(loop, self.module, column, len(head) - 1)
        comments = [cst.EmptyLine(comment=comment) for comment in comments_of(loop)]
        lines = [*before.leading_lines, *comments]
        return before.with_changes(body=[assign.with_changes(value=value)], leading_lines=lines)

    def leave_While(self, original_node: cst.While, updated_node: cst.While) -> cst.While:
        mend = self.mend(LENGTH.code, original_node)
        if mend is None:
            return updated_node
        call = next(each for each in _below(original_node.test) if isinstance(each, cst.Call) and self.at(each) == mend.other)
        self.values[mend.name] = call
        return updated_node.with_changes(test=original_node.test.deep_replace(call, cst.Name(mend.name)))

    def leave_For(self, original_node: cst.For, updated_node: cst.For) -> cst.For:
        mend = self.mend(RANGE_LEN.code, original_node)
        if mend is None:
            return updated_node
        index = original_node.target
        assert isinstance(index, cst.Name) and isinstance(original_node.iter, cst.Call)
        holder = _counted(original_node.iter)
        body = updated_node.body.visit(_Items(holder.value, index.value, mend.name))
        item = cst.Name(mend.name)
        if not mend.keeps_index:
            return updated_node.with_changes(target=item, iter=holder, body=body)
        pair = cst.parse_expression(f"{index.value}, {mend.name}")
        return updated_node.with_changes(target=pair, iter=cst.parse_expression(f"enumerate({holder.value})"), body=body)

    def leave_Assign(self, original_node: cst.Assign, updated_node: cst.Assign) -> cst.BaseSmallStatement:
        if self.mend(LIST_CONCAT.code, original_node) is None:
            return updated_node
        target, value = updated_node.targets[0].target, updated_node.value
        assert isinstance(target, cst.Name) and isinstance(value, cst.BinaryOperation) and isinstance(value.right, cst.List)
        item = value.right.elements[0].value
        return cst.Expr(cst.Call(cst.Attribute(target, cst.Name("append")), [cst.Arg(item)]))

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        mend = self.mend(REGEX.code, original_node)
        if mend is None or not isinstance(updated_node.func, cst.Attribute):
            return updated_node
        if not isinstance(updated_node.func.value, cst.Name):  # `re.sub(...).split()` starts at the same place
            return updated_node
        pattern = updated_node.args[0].with_changes(
            comma=cst.MaybeSentinel.DEFAULT, whitespace_after_arg=cst.SimpleWhitespace("")
        )
        module = updated_node.func.value
        self.values[mend.name] = cst.Call(cst.Attribute(module, cst.Name("compile")), [pattern])
        return updated_node.with_changes(
            func=updated_node.func.with_changes(value=cst.Name(mend.name)), args=updated_node.args[1:]
        )


def _below(node: cst.CSTNode) -> list[cst.CSTNode]:
    found, waiting = [], [node]
    while waiting:
        each = waiting.pop()
        found.append(each)
        waiting += each.children
    return found


class _Items(cst.CSTTransformer):
    """Replaces `items[i]` by a name."""

    def __init__(self, holder: str, index: str, name: str) -> None:
        super().__init__()
        self.holder, self.index, self.name = holder, index, name

    def leave_Subscript(self, original_node: cst.Subscript, updated_node: cst.Subscript) -> cst.BaseExpression:
        match original_node:
            case cst.Subscript(
                value=cst.Name(value=self.holder),
                slice=[cst.SubscriptElement(slice=cst.Index(value=cst.Name(value=self.index)))],
            ):
                return cst.Name(self.name, lpar=updated_node.lpar, rpar=updated_node.rpar)
        return updated_node


def _counted(call: cst.Call) -> cst.Name:
    """Return the name in range(len(name))."""
    length = call.args[-1].value
    assert isinstance(length, cst.Call) and isinstance(length.args[0].value, cst.Name)
    return length.args[0].value
