"""The schema of the arguments of a Python function, a class or a type."""

import functools
import inspect
import typing
from collections.abc import Callable
from typing import Any

from pydantic import TypeAdapter
from pydantic.errors import PydanticUserError

from dspy_programs.schemas.definition import Plain


def class_schema(kind: type) -> Plain:
    try:
        return TypeAdapter(kind).json_schema()
    except PydanticUserError as error:
        raise ValueError(f"{kind!r} has no JSON schema: give a pydantic model, or a function with type hints") from error


VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def function_schema(function: Callable[..., Any]) -> Plain:
    hints = _hints_of(function)
    schema: Plain = {"type": "object", "properties": {}, "required": []}
    shared: Plain = {}
    for name, parameter in parameters_in(function):
        if parameter.kind in VARIADIC:
            continue
        inner = _type_schema(hints.get(name, Any))
        shared |= inner.pop("$defs", {})
        schema["properties"][name] = inner
        schema["required"] += [name] if parameter.default is parameter.empty else []
    return schema | ({"$defs": shared} if shared else {})


def parameters_in(function: Any) -> list[tuple[str, inspect.Parameter]]:
    try:
        return list(inspect.signature(function).parameters.items())
    except (TypeError, ValueError) as error:
        raise ValueError(f"{function!r} does not declare its arguments: give a definition with their schema") from error


def _hints_of(function: Any) -> dict[str, Any]:
    inner = function.func if isinstance(function, functools.partial) else function
    try:
        return typing.get_type_hints(inner if hasattr(inner, "__name__") else type(inner).__call__, include_extras=True)
    except (NameError, TypeError):
        return {}


def _type_schema(hint: Any) -> Plain:
    try:
        return TypeAdapter(hint).json_schema()
    except PydanticUserError:  # a class that has no JSON
        return {}
