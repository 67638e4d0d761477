"""Small repairs of Python code that are worth a try, the most likely first, for who can run the failing test after each.

Input      files as texts by path; what the failing test printed; the task.
Output     one repair after the other, with what it changes. Each leaves Python; whether it is right, the test has to say.
Source     mutation as repair: Debroy and Wong 2010, "Using Mutation to Automatically Suggest Fixes for Faulty Programs".
"""

import ast
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import NamedTuple

from dspy_programs.edits import Edit, edits_between, lines_of, syntax_fault

_LONGEST = 300  # lines of a file that is tried
_COMPARED = {"<": ("<=", ">"), "<=": ("<",), ">": (">=", "<"), ">=": (">",), "==": ("!=",), "!=": ("==",)}
_COMPARED |= {"in": ("not in",), "not in": ("in",), "is": ("is not",), "is not": ("is",)}
_COMPUTED = {"+": ("-", "*"), "-": ("+",), "*": ("/", "+"), "/": ("//", "*"), "//": ("/", "%"), "%": ("//",)}
_OTHER = {"min": "max", "any": "all", "append": "extend", "split": "rsplit", "find": "rfind", "partition": "rpartition"}
_OTHER |= {"startswith": "endswith", "floor": "ceil", "pop": "popleft", "lower": "upper", "lstrip": "rstrip"}
_OTHER |= {new: old for old, new in _OTHER.items()}
_WRAPPED = ("{}.lower()", "{}.strip()", "sorted({})", "abs({})", "list({})", "int({})", "str({})")
_FRAME = re.compile(r"File \"[^\"\n]*?([^/\"\n]+)\", line (\d+)")


class _Change(NamedTuple):
    """What stands between two offsets becomes `new`. rank: less is tried first."""

    rank: int
    start: int
    end: int
    new: str


def repairs_to_try(code: Mapping[str, str], feedback: str, task: str = "") -> Iterator[tuple[list[Edit], str]]:
    """Yield repairs of one place each: first those on lines that the traceback names, then those in functions that it or the
    task names, then by how common such a slip is. In a long file only functions that are named are tried."""
    found = []
    said = {*re.findall(r"\w+", feedback), *re.findall(r"\w+", task)}
    for path, text in code.items():
        if not path.endswith(".py") or syntax_fault(text):
            continue
        named = {int(line) for file, line in _FRAME.findall(feedback) if file == path.rpartition("/")[2]}
        for function, change in _Source(text).changes():
            if function in said or text.count("\n") <= _LONGEST:
                line = text.count("\n", 0, change.start) + 1
                found.append((line not in named, function not in said, change.rank, path, change))
    seen = set()
    for *_, path, change in sorted(found, key=lambda each: each[:3]):
        text = code[path]
        new = text[: change.start] + change.new + text[change.end :]
        if new != text and (path, new) not in seen and not syntax_fault(new):
            seen.add((path, new))
            was = text[change.start : change.end].strip()
            yield (
                edits_between(path, text, new),
                f"`{was}` becomes `{change.new.strip()}`" if was else f"`{change.new.strip()}` is new",
            )


class _Source:
    """A file's text with the offsets of its tree's nodes."""

    def __init__(self, text: str) -> None:
        self.text, self.tree = text, ast.parse(text)
        self.starts, at = [0], 0
        self.lines = lines_of(text)
        for line in self.lines:
            at += len(line)
            self.starts.append(at)

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        return self._offset(node.lineno, node.col_offset), self._offset(node.end_lineno or 0, node.end_col_offset or 0)

    def _offset(self, line: int, column: int) -> int:
        return self.starts[line - 1] + len(self.lines[line - 1].encode()[:column].decode())

    def changes(self) -> Iterator[tuple[str, _Change]]:
        """Yield the name of a function and a change in it."""
        for function in (node for node in ast.walk(self.tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))):
            known = {node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
            known |= {arg.arg for arg in ast.walk(function.args) if isinstance(arg, ast.arg)}
            for body in function.body:
                for node in ast.walk(body):
                    yield from ((function.name, change) for change in self._of_node(node, sorted(known)))
            yield from ((function.name, change) for change in self._orders(function))

    def _of_node(self, node: ast.AST, known: list[str]) -> Iterator[_Change]:
        match node:
            case ast.Compare(left=left, ops=[_, *_], comparators=comparators):
                for one, other in zip([left, *comparators], comparators, strict=False):
                    yield from self._between(0, one, other, _COMPARED)
                    yield from self._by_one(2, other)
                yield from self._wrapped(3, left)
            case ast.BoolOp(values=values):
                for one, other in pairwise(values):
                    yield from self._between(1, one, other, {"and": ("or",), "or": ("and",)})
            case ast.BinOp(left=left, right=right):
                yield from self._between(2, left, right, _COMPUTED)
                if isinstance(right, ast.Constant) and right.value in (1, 2):
                    yield _Change(1, self.span(left)[1], self.span(node)[1], "")
            case ast.Call(func=func, args=args):
                yield from self._of_call(node, func, args, known)
            case ast.Subscript(slice=ast.Slice(lower=lower, upper=upper)):
                for bound in filter(None, (lower, upper)):
                    yield from self._by_one(2, bound)
            case ast.Subscript(slice=ast.Constant() | ast.Name() as index):
                yield from self._by_one(2, index)
            case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
                start, end = self.span(test)
                is_denied = isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
                bare = self.text[slice(*self.span(test.operand))] if is_denied and isinstance(test, ast.UnaryOp) else ""
                yield _Change(3, start, end, bare or f"not ({self.text[start:end]})")
            case ast.Assign(targets=[ast.Name() | ast.Subscript() as target], value=value):
                yield from self._by_one(4, value)
                yield from self._wrapped(4, value)
                yield _Change(2, self.span(target)[1], self.span(value)[0], " += ")
            case ast.Return(value=ast.expr() as value):
                yield from self._by_one(4, value)
                if isinstance(value, ast.Name):
                    yield from (_Change(2, *self.span(value), name) for name in known if name != value.id)
            case ast.For(iter=iterated):
                yield from self._wrapped(4, iterated)
                yield _Change(4, *self.span(iterated), f"reversed({ast.unparse(iterated)})")
            case ast.Constant(value=bool() as value):
                yield _Change(3, *self.span(node), str(not value))
            case ast.Constant(value=int() as value) if 0 <= value < 100:
                yield _Change(3, *self.span(node), str(value + 1))
                yield _Change(3, *self.span(node), str(value - 1))
            case ast.Break() | ast.Continue():
                yield _Change(2, *self.span(node), "continue" if isinstance(node, ast.Break) else "break")
            case ast.Name(ctx=ast.Load(), id=name) if name in known:
                yield from (_Change(6, *self.span(node), other) for other in known if other != name)

    def _of_call(self, node: ast.Call, func: ast.expr, args: list[ast.expr], known: list[str]) -> Iterator[_Change]:
        name = func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""
        if name in _OTHER:
            end = self.span(func)[1]
            yield _Change(1, end - len(name), end, _OTHER[name])
        if len(args) == 2 and not any(isinstance(each, ast.Starred) for each in args):
            (a, b), (c, d) = map(self.span, args)
            yield _Change(2, a, d, f"{self.text[c:d]}{self.text[b:c]}{self.text[a:b]}")
        for each in args if name == "range" else args[:1] if name in ("append", "add") else ():
            yield from self._by_one(1, each)
            yield from self._wrapped(4, each)

    def _between(self, rank: int, left: ast.expr, right: ast.expr, swaps: Mapping[str, tuple[str, ...]]) -> Iterator[_Change]:
        start, end = self.span(left)[1], self.span(right)[0]
        for operator in sorted(swaps, key=len, reverse=True):
            if found := re.search(rf"(?<![\w<>=!*/]){re.escape(operator)}(?![\w<>=*/])", self.text[start:end]):
                yield from (
                    _Change(rank + n, start + found.start(), start + found.end(), new) for n, new in enumerate(swaps[operator])
                )
                return

    def _by_one(self, rank: int, node: ast.expr) -> Iterator[_Change]:
        if isinstance(node, (ast.Name, ast.Call, ast.Subscript, ast.BinOp, ast.Attribute)):
            end = self.span(node)[1]
            yield from (_Change(rank, end, end, f" {sign} 1") for sign in "+-")

    def _wrapped(self, rank: int, node: ast.expr) -> Iterator[_Change]:
        if isinstance(node, (ast.Name, ast.Call, ast.Subscript, ast.Attribute, ast.BinOp)):
            start, end = self.span(node)
            yield from (_Change(rank, start, end, form.format(self.text[start:end])) for form in _WRAPPED)

    def _orders(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[_Change]:
        """Exchange neighbouring statements."""
        for node in ast.walk(function):
            body = getattr(node, "body", None)
            for one, other in pairwise(body) if isinstance(body, list) else ():
                (a, b), (c, d) = self.span(one), self.span(other)
                yield _Change(5, a, d, f"{self.text[c:d]}{self.text[b:c]}{self.text[a:b]}")
