"""Filters: expressions over a pair, its judgment and its label, in Python's syntax, never executed as Python.

filter = Expression("scores['overall'] >= 7 and label['status'] != 'rejected'", scores={"overall"})
kept = [row for row in rows if filter(row)]

Input      names (see NAMES), literals, + - * / // % **, comparisons, in, and, or, not, [key], [1:2], x if y else z. There are
           no calls and no attributes: `length['output']` is how long a text is, in characters.
Guarantees what is misspelled is an error that names what was meant, before a pair is read: a name, a criterion, a part of a
           label, a status. An answer comes within a second, whatever the expression: numbers, texts, depth are bounded.
Raises     UsageError: for the expression, or for a pair that it cannot be applied to, by its id.
Source     simpleeval evaluates; what it may see is decided here.
"""

import ast
import difflib
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from simpleeval import EvalWithCompoundTypes, InvalidExpression

from dspy_programs.data.labels.label import STATUSES
from dspy_programs.data.operators import OPERATORS
from dspy_programs.errors import UsageError

NAMES = (
    *("id", "instruction", "input", "output", "context", "category", "difficulty", "metadata", "cycle_id", "length"),
    *("scores", "passed", "judge_model", "label"),
)
LENGTHS = ("instruction", "input", "output", "context")
_LABEL = ("status", "tag", "note")
_JUDGED = ("scores", "passed", "judge_model")
_LONGEST = 20_000  # characters: some hundred ids in a list
_MOST_NODES = 2_000
_DEEPEST = 40  # levels
_MOST_KEYS = 200  # of metadata that are remembered, for a message
_NODES = (
    *(ast.Constant, ast.Name, ast.Load, ast.List, ast.Tuple, ast.Subscript, ast.Slice, ast.IfExp, ast.Compare, ast.BoolOp),
    *(ast.BinOp, ast.UnaryOp, ast.And, ast.Or, ast.Not, ast.USub, ast.UAdd),
)
_COMPARISONS = (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn, ast.Is, ast.IsNot)
_OTHER_WORDS = {"true": "True", "false": "False", "null": "None", "none": "None", "score": "scores", "labels": "label"}


class Expression:
    """A filter. Called with what is known of a pair, by NAMES, it says whether the pair is meant."""

    def __init__(self, text: str, scores: Collection[str] | None = None) -> None:
        """scores: the criteria that pairs were judged by; None if they were not."""
        self.text = text
        self._shown = f"filter {text if len(text) <= 80 else text[:77] + '...'!r}"
        self._tree = _parsed(text, self._shown)
        self._metadata_asked: set[str] = set()
        self._metadata_seen: set[str] = set()
        try:
            self._check(scores)
        except ValueError as error:
            raise UsageError(f"{self._shown}: {error}") from None
        self._evaluator = _Evaluator(operators=OPERATORS, functions={}, names={})

    def __call__(self, row: Mapping[str, Any]) -> bool:
        """Raises UsageError if the expression does not fit the pair: a text compared with a number."""
        metadata = row.get("metadata")
        if self._metadata_asked and isinstance(metadata, Mapping) and len(self._metadata_seen) < _MOST_KEYS:
            self._metadata_seen.update(metadata)
        self._evaluator.names = {**row, "metadata": _Lenient(metadata or {}), "scores": _Lenient(row.get("scores") or {}, 0.0)}
        try:
            return bool(self._evaluator.eval(self.text, self._tree))
        except (TypeError, ValueError, ArithmeticError, LookupError, InvalidExpression, RecursionError) as error:
            told = "a number that is too large" if isinstance(error, OverflowError) else " ".join(str(error).split())[:200]
            lacks = "; metadata that a pair lacks is None" if self._metadata_asked and "None" in told else ""
            raise UsageError(f"{self._shown}: pair {row.get('id')!r}: {told}{lacks}") from None

    def reads(self, *names: str) -> bool:
        """Return whether it uses one of these names."""
        return any(isinstance(node, ast.Name) and node.id in names for node in ast.walk(self._tree))

    def require_metadata(self) -> None:
        """Raise UsageError if the filter asks for metadata that no pair so far had: a misspelled key is else no match."""
        for key in sorted(self._metadata_asked - self._metadata_seen):
            there = f"; there is {', '.join(sorted(self._metadata_seen)[:12])}" if self._metadata_seen else ""
            raise UsageError(f"{self._shown}: no pair has metadata[{key!r}]{_meant(key, self._metadata_seen) or there}")

    def _check(self, scores: Collection[str] | None) -> None:
        if isinstance(self._tree, ast.Constant) and isinstance(self._tree.value, str):
            raise ValueError("is a text, which is always true; remove the outer quotes")
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Name):
                _require(node.id, NAMES, "name")
                if node.id in _JUDGED and scores is None:
                    raise ValueError(f"{node.id} needs judgments; give them with --judgments")
        for node in ast.walk(self._tree):
            match node:
                case ast.BoolOp(values=values):
                    _require_no_text(values)
                case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=str(key))):
                    keys = {"label": _LABEL, "length": LENGTHS, "scores": sorted(scores or ())}
                    if name == "metadata":
                        self._metadata_asked.add(key)
                    elif name in keys:
                        _require(key, keys[name], f"key of {name}")
                case ast.Subscript(value=ast.Name(id="scores" | "label" | "length" as name)):
                    raise ValueError(f"{ast.unparse(node)!r}: give the key of {name} as text: {name}['...']")
                case ast.Compare(left=left, comparators=others):
                    _require_statuses([left, *others])


class _Evaluator(EvalWithCompoundTypes):
    """Of what is not there, no part is there either: None."""

    def _eval_subscript(self, node: ast.Subscript) -> Any:
        container, key = self._eval(node.value), self._eval(node.slice)
        if container is None or (type(container) is dict and key not in container):
            return None
        return container[key]


class _Lenient(dict[str, Any]):
    """What a pair lacks is `missing`."""

    def __init__(self, items: Mapping[str, Any], missing: Any = None) -> None:
        super().__init__(items)
        self._value = missing

    def __missing__(self, key: str) -> Any:
        return self._value


def _parsed(text: str, shown: str) -> ast.expr:
    """Return the expression's tree, of what is allowed only. Raises UsageError."""
    if len(text) > _LONGEST:
        raise UsageError(f"{shown}: longer than {_LONGEST:,} characters")
    if not text.strip():
        raise UsageError("the filter is empty; write one, such as category == 'math'")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        why = getattr(error, "msg", None) or ("not text" if isinstance(error, ValueError) else "nested too deeply")
        equals = "; is equal to is written ==" if re.search(r"(?<![=!<>])=(?!=)", text) else ""
        raise UsageError(f"{shown}: not an expression: {why}{equals}") from None
    try:
        for number, (node, depth) in enumerate(_nodes(tree)):
            if depth > _DEEPEST:
                raise ValueError(f"nested deeper than {_DEEPEST} levels")
            if number >= _MOST_NODES:
                raise ValueError(f"more than {_MOST_NODES:,} names, values and operators")
            _require_allowed(node)
    except ValueError as error:
        raise UsageError(f"{shown}: {error}") from None
    return tree


def _nodes(tree: ast.AST) -> Iterator[tuple[ast.AST, int]]:
    """Yield every node with its depth, without recursion."""
    waiting = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        yield node, depth
        waiting += [(child, depth + 1) for child in ast.iter_child_nodes(node)]


def _require_allowed(node: ast.AST) -> None:
    match node:
        case ast.Call(func=ast.Name(id="len"), args=[ast.Name(id=name)]) if name in LENGTHS:
            raise ValueError(f"calls are not allowed; how long it is, in characters, is length[{name!r}]")
        case ast.Call(func=function):
            raise ValueError(f"calls are not allowed: {ast.unparse(function)[:40]}(...)")
        case ast.Attribute(value=ast.Name(id=name), attr=key) if name in NAMES:
            raise ValueError(f"attributes are not allowed; write {name}[{key!r}]")
        case ast.Attribute(attr=key):
            raise ValueError(f"attributes are not allowed: .{key[:40]}")
        case ast.Constant(value=value) if value is not None and not isinstance(value, (str, int, float)):
            raise ValueError(f"{ast.unparse(node)[:40]} is not a text, number, True, False or None")
        case ast.Is() | ast.IsNot() | ast.operator() | ast.cmpop():
            if type(node) not in OPERATORS:
                raise ValueError("bit operators (& | ^ ~ << >>) and @ are not allowed; write and, or, not")
        case ast.Invert():
            raise ValueError("bit operators (& | ^ ~ << >>) and @ are not allowed; write and, or, not")
        case ast.expr() | ast.unaryop() | ast.boolop() if not isinstance(node, _NODES):
            raise ValueError(f"{ast.unparse(node)[:40]!r} is not allowed in a filter")


def _require(name: str, known: Collection[str], what: str) -> None:
    if name not in known:
        raise ValueError(f"unknown {what} {name[:60]!r}{_meant(name, known) or '; choose from ' + ', '.join(known)}")


def _meant(name: str, known: Collection[str]) -> str:
    if (word := _OTHER_WORDS.get(name)) and (word in known or word in ("True", "False", "None")):
        return f"; did you mean {word}?"
    found = difflib.get_close_matches(name[:60], known, 1, 0.6)
    return f"; did you mean {found[0]!r}?" if found else ""


def _require_no_text(values: list[ast.expr]) -> None:
    """`category == 'a' or 'b'` is always true, and never meant."""
    for value in values:
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            raise ValueError(f"{value.value[:40]!r} alone is always true; compare it too, or write: name in ['a', 'b']")


def _require_statuses(sides: list[ast.expr]) -> None:
    """A status that no label can have is never equal to one."""
    if not any(ast.unparse(side) == "label['status']" for side in sides):
        return
    for side in sides:
        for value in side.elts if isinstance(side, (ast.List, ast.Tuple)) else [side]:
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                _require(value.value, STATUSES, "status")
