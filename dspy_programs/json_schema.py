"""JSON schemas of arguments as users write them: made regular, shown on one line, made safe for a grammar.

Some publishers write "dict", "float" or "tuple" for the types of JSON; here every spelling is read. Nothing fails on a
schema that is malformed, refers to itself or is very large: what cannot be read allows any value.
"""

import json
import math
from collections.abc import Iterable, Mapping
from itertools import count
from typing import Any

JSON_TYPES = {
    **dict.fromkeys(("object", "dict", "hashmap", "map"), "object"),
    **dict.fromkeys(("array", "list", "tuple", "arraylist", "set"), "array"),
    **dict.fromkeys(("string", "str", "char", "text"), "string"),
    **dict.fromkeys(("integer", "int", "long", "short", "byte", "bigint"), "integer"),
    **dict.fromkeys(("number", "float", "double", "decimal"), "number"),
    **dict.fromkeys(("boolean", "bool"), "boolean"),
    **dict.fromkeys(("null", "none"), "null"),
}
DEEPEST = 8  # levels of a schema that are shown or held by a grammar
LARGEST = 2000  # schemas inside one grammar; a schema that refers to itself several times grows without end
LONGEST_ENUM = 200
LONGEST_FIELDS = 4000  # characters of the arguments with their types on one line; beyond, the names alone
LONGEST_LIST = 50  # items of a list without a bound, and
LONGEST_TEXT = 1000  # characters of any string, that a model may write: it may never end one by itself

Schema = dict[str, Any]


def types_of(schema: Mapping[str, Any]) -> list[str]:
    """Return the JSON types that a schema names, [] where it allows any."""
    named = schema.get("type")
    names = named if isinstance(named, list) else [named]
    known = [JSON_TYPES.get(name.lower()) for name in names if isinstance(name, str)]
    if None in known:
        return []  # "any", or a type that nobody knows
    types = [type_ for type_ in known if type_]
    if not types:
        types = ["object"] if isinstance(schema.get("properties"), dict) else ["array"] if "items" in schema else []
    return list(dict.fromkeys([*types, "null"] if types and schema.get("nullable") is True else types))


def resolved(schema: Any, root: Mapping[str, Any]) -> Schema:
    """Follow `$ref` inside `root`; {} for what is no schema or refers to nothing or only to itself."""
    for _ in range(DEEPEST):
        if not isinstance(schema, dict):
            return {}
        if not isinstance(schema.get("$ref"), str):
            return schema
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        target = pointed_at(schema["$ref"], root)
        schema = {**target, **beside} if isinstance(target, dict) else {}
    return {}


def pointed_at(reference: str, root: Mapping[str, Any]) -> Any:
    place: Any = root
    for part in reference.removeprefix("#").strip("/").split("/"):
        key = part.replace("~1", "/").replace("~0", "~")
        if key:
            place = place.get(key) if isinstance(place, dict) else None
    return place


def properties_of(schema: Mapping[str, Any]) -> dict[str, Any]:
    properties = schema.get("properties")
    return properties if isinstance(properties, dict) else {}


def required_of(schema: Mapping[str, Any]) -> list[str]:
    required = schema.get("required")
    return [name for name in required if isinstance(name, str)] if isinstance(required, list) else []


def options_of(schema: Mapping[str, Any]) -> list[Any]:
    options = schema.get("anyOf") or schema.get("oneOf")
    return options if isinstance(options, list) else []


def items_of(schema: Mapping[str, Any]) -> Any:
    return schema.get("items") if isinstance(schema.get("items"), dict) else {}


# One line for a model to read.


def as_line(name: str, description: str, parameters: Mapping[str, Any]) -> str:
    """Show a function as `name(city: string, days?: integer) - what it does; city: what that means`."""
    parameters = {**parameters, **resolved(parameters, parameters)}
    meanings = []
    for argument, schema in properties_of(parameters).items():
        text = resolved(schema, parameters).get("description")
        if isinstance(text, str) and text.strip():
            meanings.append(f"{argument}: {text.strip().rstrip('.')}")
    said = "; ".join([description.strip().rstrip("."), *meanings] if description.strip() else meanings)
    arguments = fields(parameters, parameters, 0)
    line = f"{name}({arguments if len(arguments) <= LONGEST_FIELDS else ', '.join(properties_of(parameters))})"
    return f"{line} - {said}" if said else line


def fields(schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> str:
    required = set(required_of(schema))
    return ", ".join(
        f"{name}{'' if name in required else '?'}: {type_text(inner, root, depth + 1)}"
        for name, inner in properties_of(schema).items()
    )


def type_text(schema: Any, root: Mapping[str, Any], depth: int = 0) -> str:
    if depth > DEEPEST // 2:
        return "..."
    schema = resolved(schema, root)
    if allowed := enum_of(schema):
        return "|".join(json.dumps(value, ensure_ascii=False) for value in allowed)
    if options := options_of(schema):
        return "|".join(dict.fromkeys(type_text(option, root, depth + 1) for option in options[:LONGEST_ENUM]))
    texts = []
    for type_ in types_of(schema):
        if type_ == "array":
            inner = type_text(items_of(schema), root, depth + 1)
            texts.append(f"({inner})[]" if "|" in inner else f"{inner}[]")
        elif type_ == "object" and properties_of(schema):
            texts.append(f"{{{fields(schema, root, depth)}}}")
        else:
            texts.append(type_)
    return "|".join(texts) or "any"


def enum_of(schema: Mapping[str, Any]) -> list[Any]:
    """Return the scalars that a schema allows, [] where it has no such list or one too long to hold or show."""
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    if not isinstance(values, list) or len(values) > LONGEST_ENUM:
        return []
    return [value for value in values if value is None or isinstance(value, (str, int, float, bool))]


# A schema that any grammar engine takes: known keywords alone, no references, everything bounded.


def calls_schema(tools: Iterable[tuple[str, Mapping[str, Any]]]) -> Schema:
    """Return the schema of a list of calls, each of one of the tools (name, parameters) with its own arguments."""
    forms = [call_schema(name, parameters) for name, parameters in tools]
    if not forms:
        return {"type": "array", "items": {}, "maxItems": 0}
    return {"type": "array", "items": {"anyOf": forms} if len(forms) > 1 else forms[0]}


def call_schema(name: str, parameters: Mapping[str, Any]) -> Schema:
    properties = {"tool": {"type": "string", "enum": [name]}, "arguments": arguments_schema(parameters)}
    return {"type": "object", "properties": properties, "required": [*properties], "additionalProperties": False}


def arguments_schema(parameters: Mapping[str, Any]) -> Schema:
    try:
        return object_schema(resolved(parameters, parameters), parameters, 0, count(1))
    except OverflowError:
        return {"type": "object"}


def bounded_schema(schema: Any, root: Mapping[str, Any], depth: int, made: "count[int]") -> Schema:
    if next(made) > LARGEST:
        raise OverflowError
    if depth > DEEPEST:
        return {}
    schema = resolved(schema, root)
    if options := options_of(schema):
        return {"anyOf": [bounded_schema(option, root, depth + 1, made) for option in options]}
    forms = [form_of(schema, type_, root, depth, made) for type_ in types_of(schema)]
    if (allowed := enum_of(schema)) and "array" not in types_of(schema):
        return {"enum": allowed}
    return {"anyOf": forms} if len(forms) > 1 else forms[0] if forms else {}


def form_of(schema: Schema, type_: str, root: Mapping[str, Any], depth: int, made: "count[int]") -> Schema:
    if type_ == "object" and properties_of(schema):
        return object_schema(schema, root, depth, made)
    if type_ == "array":
        items = bounded_schema(items_of(schema), root, depth + 1, made)
        return {"type": "array", "items": items, **limits(schema, "minItems", "maxItems", LONGEST_LIST)}
    if type_ == "string":
        return {"type": "string", **limits(schema, "minLength", "maxLength", LONGEST_TEXT)}
    if type_ in ("integer", "number"):
        whole = {"minimum": math.ceil, "maximum": math.floor} if type_ == "integer" else {}
        schema = schema | {key: fit(schema[key]) for key, fit in whole.items() if is_number(schema.get(key))}
        return {"type": type_, **limits(schema, "minimum", "maximum", None)}
    return {"type": type_}


def object_schema(schema: Mapping[str, Any], root: Mapping[str, Any], depth: int, made: "count[int]") -> Schema:
    properties = {name: bounded_schema(inner, root, depth + 1, made) for name, inner in properties_of(schema).items()}
    required = [name for name in dict.fromkeys(required_of(schema)) if name in properties]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def limits(schema: Mapping[str, Any], least: str, most: str, largest: int | None) -> dict[str, int | float]:
    """Return the limits of a schema that make sense together; `largest` holds where it sets none or a larger one."""
    low, high = (value if is_number(value := schema.get(name)) else None for name in (least, most))
    if largest is not None:
        low, high = (low if isinstance(low, int) and low >= 0 else None), (high if isinstance(high, int) else largest)
        high = min(high, largest) if high >= 0 else largest
    if low is not None and high is not None and low > high:
        low = None
    return {name: value for name, value in ((least, low), (most, high)) if value is not None}


def is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < 1e15  # false for NaN
