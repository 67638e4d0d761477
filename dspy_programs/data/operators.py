"""What the operators of a filter do: as Python's, but for numbers and texts of bounded size, and in words when they cannot.

Raises     TypeError, ValueError: one short sentence without the pair's text.
Source     simpleeval has the operators; `%` on a text and `*` of a text are its ways to make a huge one, and are not kept.
"""

import ast
from collections.abc import Callable
from typing import Any

from simpleeval import DEFAULT_OPERATORS

_LONGEST_TEXT = 1_000_000  # characters of two texts put together
_MOST_BITS = 1024  # of a whole number: as far as a float goes


def _number(value: Any) -> int | float:
    if not isinstance(value, (int, float)):
        raise TypeError(f"{_kind(value)} where a number is needed")
    return value


def _of_numbers(operator: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def apply(a: Any, b: Any) -> Any:
        return _bounded(operator(_number(a), _number(b)))

    return apply


def _bounded(value: Any) -> Any:
    if isinstance(value, complex):
        raise ValueError("the root of a negative number")
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        raise ValueError("a number that is too large")
    return value


def _power(a: Any, b: Any) -> Any:
    """Raise a to b, whole numbers only as far as the result is bounded."""
    _number(a), _number(b)
    if isinstance(a, int) and isinstance(b, int) and max(a.bit_length(), 1) * abs(b) > 2 * _MOST_BITS:
        raise ValueError("a number that is too large")
    return _bounded(a**b)


def _plus(a: Any, b: Any) -> Any:
    if isinstance(a, str) and isinstance(b, str):
        if len(a) + len(b) > _LONGEST_TEXT:
            raise ValueError("a text that is too long")
        return a + b
    return _bounded(_number(a) + _number(b))


def _kind(value: Any) -> str:
    kinds = {str: "a text", bool: "True or False", int: "a number", float: "a number", dict: "an object", list: "a list"}
    return "None" if value is None else next((kind for type_, kind in kinds.items() if isinstance(value, type_)), "a value")


def _ordered(operator: Callable[[Any, Any], Any], sign: str) -> Callable[[Any, Any], Any]:
    def apply(a: Any, b: Any) -> Any:
        try:
            return operator(a, b)
        except TypeError:
            raise TypeError(f"{_kind(a)} {sign} {_kind(b)}: only numbers, or only texts, can be compared so") from None

    return apply


def _in(a: Any, b: Any) -> bool:
    if b is None:  # what a pair lacks has nothing in it
        return False
    if isinstance(b, str) and not isinstance(a, str):
        raise TypeError(f"{_kind(a)} in a text: only a text can be")
    if not isinstance(b, (str, list, tuple, dict)):
        raise TypeError(f"in needs a text, a list or an object, not {_kind(b)}")
    return a in b


_KEPT: dict[type[ast.AST], Callable[..., Any]] = {
    kind: DEFAULT_OPERATORS[kind] for kind in (ast.Eq, ast.NotEq, ast.Is, ast.IsNot, ast.Not)
}
OPERATORS: dict[type[ast.AST], Callable[..., Any]] = {
    **_KEPT,
    **{kind: _of_numbers(DEFAULT_OPERATORS[kind]) for kind in (ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod)},
    **{
        kind: _ordered(DEFAULT_OPERATORS[kind], sign)
        for kind, sign in {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}.items()
    },
    ast.Add: _plus,
    ast.Pow: _power,
    ast.In: _in,
    ast.NotIn: lambda a, b: not _in(a, b),
    ast.USub: lambda a: -_number(a),
    ast.UAdd: _number,
}
