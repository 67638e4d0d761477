"""Read calls spelled out in a text: the actor's rules, used when no model answers.

Input      text: str; functions: those that may be called.
Output     list[Call] in the text's order, arguments as written; [] unless the text consists only of calls.
Guarantees never raises; nothing is run or guessed: "do not call f(x=1)" and "is f(x=1) safe?" are not calls.
Forms      f(city="Oslo", days=3), f("Oslo", 3), f {"city": "Oslo"}, f city=Oslo days=3; joined by commas, semicolons,
           new lines, "and", "then"; with "call", "run", "use" or "please" in front.
"""

import ast
import json
import re
from collections.abc import Sequence
from typing import Any

from dspy_programs.schemas import named_in, united
from dspy_programs.types import Call, Function

LONGEST = 20_000  # characters of a text
_MOST = 8  # calls, as many as a model may make at once

_BETWEEN = re.compile(r"(?:[\s,;.`]|\b(?:call|run|use|please|and|then|first|next|finally)\b)*", re.IGNORECASE)
_PAIR = re.compile(r"""[ \t]+(?P<name>[A-Za-z_]\w*)=(?P<value>"[^"\n]*"|'[^'\n]*'|[^\s,;"']+)""")
_TOKEN = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[()\[\]{}]""")
_WORDS_OF_JSON = {"true": True, "false": False, "null": None}


def read_calls(text: str, functions: Sequence[Function]) -> list[Call]:
    """Return the calls of a text that consists only of calls, [] for any other."""
    names = sorted((function.name for function in functions), key=len, reverse=True)
    if len(text) > LONGEST or not names:
        return []
    by_name = {function.name: function for function in reversed(functions)}
    name_here = re.compile("|".join(re.escape(name) for name in names))
    calls: list[Call] = []
    place = _end_of_match(_BETWEEN.match(text), 0)
    while place < len(text):
        found = name_here.match(text, place)
        read = _arguments_at(text, found.end(), by_name[found.group()]) if found else None
        if not found or read is None or len(calls) == _MOST:
            return []
        arguments, place = read
        try:
            calls.append(Call(tool=found.group(), arguments=arguments))
        except ValueError:  # a value that is not JSON, such as a set
            return []
        place = _end_of_match(_BETWEEN.match(text, place), place)
    return calls


def _arguments_at(text: str, place: int, function: Function) -> tuple[dict[str, Any], int] | None:
    """Return the arguments that begin here and where they end; None if there are none."""
    if text.startswith("(", place):
        end = closing(text, place)
        arguments = _in_parentheses(text[place:end], function) if end else None
        return None if arguments is None else (arguments, end)
    brace = place + len(text[place:]) - len(text[place:].lstrip(" \t:"))
    if text.startswith("{", brace):
        return _json_at(text, brace)
    pairs, end = {}, place
    while pair := _PAIR.match(text, end):
        pairs[pair["name"]] = pair["value"].strip("\"'")
        end = pair.end()
    return (pairs, end) if pairs else None


def _json_at(text: str, place: int) -> tuple[dict[str, Any], int] | None:
    try:
        value, end = json.JSONDecoder().raw_decode(text, place)
    except (ValueError, RecursionError):
        return None
    return value, end


def _in_parentheses(text: str, function: Function) -> dict[str, Any] | None:
    """Read `(...)` as Python arguments, constants only; positional values follow the schema's order."""
    try:
        call = ast.parse(f"f{text}", mode="eval").body
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            return None
        if len(call.args) == 1 and not call.keywords and isinstance(call.args[0], ast.Dict):
            return dict(constant(call.args[0]))
        order = [*named_in(united(function.parameters))]
        named = dict(zip(order, map(constant, call.args), strict=False))
        if len(call.args) > len(order) or any(keyword.arg in named for keyword in call.keywords):
            return None
        return named | {str(keyword.arg): constant(keyword.value) for keyword in call.keywords if keyword.arg}
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return None


def constant(node: ast.expr) -> Any:
    """Evaluate a literal, including JSON's true, false and null. A tuple becomes a list."""
    if isinstance(node, ast.Name) and node.id in _WORDS_OF_JSON:
        return _WORDS_OF_JSON[node.id]
    if isinstance(node, (ast.List, ast.Tuple)):
        return [constant(item) for item in node.elts]
    if isinstance(node, ast.Dict):
        return {constant(key): constant(value) for key, value in zip(node.keys, node.values, strict=True) if key}
    return ast.literal_eval(node)


def closing(text: str, place: int) -> int:
    """Return the position after the matching closing bracket, 0 if there is none."""
    depth = 0
    for token in _TOKEN.finditer(text, place):
        depth += 1 if token.group() in "([{" else -1 if token.group() in ")]}" else 0
        if depth == 0:
            return token.end()
    return 0


def _end_of_match(match: re.Match[str] | None, otherwise: int) -> int:
    return match.end() if match else otherwise
