"""A schema that any grammar engine takes: known keywords alone, no references, everything bounded.

A grammar never forbids what the schema allows, except for lengths: LONGEST_TEXT, LONGEST_LIST. What it cannot express (`not`,
`if`, `pattern`, `exclusiveMinimum`, ...) it leaves open: the actor checks the call against the schema itself.
"""

import json
import math
from collections.abc import Iterable, Mapping
from itertools import count
from typing import Any

from dspy_programs.schemas.json_schema import (
    DEEPEST,
    LARGEST,
    Schema,
    any_item,
    is_number,
    items_of,
    listed_in,
    named_in,
    others_in,
    properties_of,
    required_of,
    types_of,
)
from dspy_programs.schemas.schema_forms import mixed
from dspy_programs.schemas.schema_text import enum_of

_MOST_PROPERTIES = 400  # of one object: llguidance stops in the middle of an object that has 500 optional ones,
LARGEST_GRAMMAR = 300_000  # characters of all the tools' schemas: it takes about 700,000
LONGEST_LIST = 50  # items of a list without a bound, and
LONGEST_TEXT = 1000  # characters of any string, that a model may write: it may never end one by itself


def calls_schema(tools: Iterable[tuple[str, Mapping[str, Any]]]) -> Schema:
    """Return the schema of a list of calls, each of one of the tools (name, parameters) with its own arguments.

    Of tools that share a name the first one counts.
    """
    first: dict[str, Mapping[str, Any]] = {}
    for name, parameters in tools:
        first.setdefault(name, parameters)
    arguments = _without_the_largest([arguments_schema(parameters) for parameters in first.values()])
    forms = [_call_schema(name, schema) for name, schema in zip(first, arguments, strict=True)]
    if not forms:
        return {"type": "array", "items": {}, "maxItems": 0}
    return {"type": "array", "items": {"anyOf": forms} if len(forms) > 1 else forms[0]}


def _call_schema(name: str, arguments: Schema) -> Schema:
    properties = {"tool": {"type": "string", "enum": [name]}, "arguments": arguments}
    return {"type": "object", "properties": properties, "required": [*properties], "additionalProperties": False}


def _without_the_largest(schemas: list[Schema]) -> list[Schema]:
    """Relax the largest schemas if all together exceed what a grammar can hold."""
    sizes = [len(json.dumps(schema)) for schema in schemas]
    for largest in sorted(range(len(schemas)), key=lambda i: -sizes[i]):
        if sum(sizes) <= LARGEST_GRAMMAR:
            break
        schemas[largest], sizes[largest] = {"type": "object"}, 0
    return schemas


def arguments_schema(parameters: Mapping[str, Any]) -> Schema:
    """Return the schema of one tool's arguments: all its levels, else as many as possible, else any object."""
    for levels in (DEEPEST, 4, 2, 1):
        made = count(1)
        try:
            forms = [form for form in mixed(parameters, parameters, made) if "object" in (types_of(form) or ["object"])]
            return _one_of_them([_object_schema(form, parameters, DEEPEST - levels, made) for form in forms or [{}]])
        except OverflowError:
            continue
    return {"type": "object"}


def _one_of_them(schemas: Iterable[Schema]) -> Schema:
    different = list({json.dumps(schema): schema for schema in schemas}.values())
    return {"anyOf": different} if len(different) > 1 else different[0]


def _bounded_schema(schema: Any, root: Mapping[str, Any], depth: int, made: "count[int]") -> Schema:
    if next(made) > LARGEST:
        raise OverflowError
    if depth > DEEPEST:
        return {}
    schemas: list[Schema] = []
    for form in mixed(schema, root, made):
        schemas += _plain_forms(form, root, depth, made)
    return {} if {} in schemas else _one_of_them(schemas)


def _plain_forms(form: Schema, root: Mapping[str, Any], depth: int, made: "count[int]") -> list[Schema]:
    """Return a schema for each type that the form has: {} for any."""
    types = types_of(form)
    forms = [_form_of(form, type_, root, depth, made) for type_ in types]
    values = listed_in(form)
    if values and len(allowed := enum_of(form)) == len(values) and "array" not in types:
        return [{"enum": allowed + [None] * (form.get("nullable") is True and None not in allowed)}]
    return forms or [{}]


def _form_of(schema: Schema, type_: str, root: Mapping[str, Any], depth: int, made: "count[int]") -> Schema:
    if type_ == "object" and properties_of(schema):
        return _object_schema(schema, root, depth, made)
    if type_ == "array":
        items = _bounded_schema(any_item(schema), root, depth + 1, made)
        first, rest = items_of(schema)
        schema = schema | ({"maxItems": len(first)} if rest is False and "maxItems" not in schema else {})
        return {"type": "array", "items": items, **limits(schema, "minItems", "maxItems", LONGEST_LIST)}
    if type_ == "string":
        return {"type": "string", **limits(schema, "minLength", "maxLength", LONGEST_TEXT)}
    if type_ in ("integer", "number"):
        whole = {"minimum": math.ceil, "maximum": math.floor} if type_ == "integer" else {}
        schema = schema | {key: fit(schema[key]) for key, fit in whole.items() if is_number(schema.get(key))}
        return {"type": type_, **limits(schema, "minimum", "maximum", None)}
    return {"type": type_}


def _object_schema(schema: Mapping[str, Any], root: Mapping[str, Any], depth: int, made: "count[int]") -> Schema:
    if len(named := named_in(schema)) > _MOST_PROPERTIES:
        return {"type": "object"}
    properties = {name: _bounded_schema(inner, root, depth + 1, made) for name, inner in named.items()}
    others = others_in(schema)
    more = False if others is False else _bounded_schema(others, root, depth + 1, made)
    required = list(dict.fromkeys(required_of(schema)))
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": more}


def limits(schema: Mapping[str, Any], least: str, most: str, largest: int | None) -> dict[str, int | float]:
    """Return a schema's consistent limits; `largest` applies if it sets none or a larger one."""
    low, high = (value if is_number(value := schema.get(name)) else None for name in (least, most))
    if largest is not None:
        low = low if isinstance(low, int) and 0 <= low <= 10 * largest else None
        largest = max(largest, low or 0)
        high = min(high, largest) if isinstance(high, int) and high >= 0 else largest
    if low is not None and high is not None and low > high:
        low = None
    return {name: value for name, value in ((least, low), (most, high)) if value is not None}
