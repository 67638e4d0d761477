"""JSON schemas of arguments as users write them: every spelling and draft is read as one.

Some publishers write "dict", "float", "tuple" or "STRING" for the types of JSON; here every spelling is read, and every
draft from 4 to 2020-12. Nothing fails on a schema that is malformed, refers to itself or is very large: an unreadable part
allows any value.

An object has the names that its schema gives, in one or several forms (`allOf`, `anyOf`, `oneOf`), and others only if the
schema says so: by `additionalProperties`, `unevaluatedProperties` or `patternProperties`.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

JSON_TYPES = {
    **dict.fromkeys(("object", "dict", "hashmap", "map"), "object"),
    **dict.fromkeys(("array", "list", "tuple", "arraylist", "set"), "array"),
    **dict.fromkeys(("string", "str", "char", "text"), "string"),
    **dict.fromkeys(("integer", "int", "long", "short", "byte", "bigint"), "integer"),
    **dict.fromkeys(("number", "float", "double", "decimal"), "number"),
    **dict.fromkeys(("boolean", "bool"), "boolean"),
    **dict.fromkeys(("null", "none"), "null"),
}
DEEPEST = 8  # levels of a schema shown, or enforced by a grammar
LARGEST = 2000  # schemas inside one grammar; a schema that refers to itself several times grows without end
_SAYS_NOTHING = {"title", "description", "default", "examples", "example", "deprecated", "$comment", "$schema", "$id", "$defs"}
Schema = dict[str, Any]


def types_of(schema: Mapping[str, Any]) -> list[str]:
    """Return the JSON types that a schema names, [] if it allows any."""
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
    """Follow `$ref` inside `root`; {} for a non-schema, or a reference to nothing or only to itself."""
    for _ in range(DEEPEST):
        if not isinstance(schema, dict):
            return {}
        if not isinstance(schema.get("$ref"), str):
            return schema
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        target = pointed_at(schema["$ref"], root)
        if not isinstance(target, dict):
            return {}
        differ = any(target[key] != beside[key] for key in target.keys() & beside.keys() - _SAYS_NOTHING)
        schema = {**beside, "allOf": [*list_of(beside, "allOf"), target]} if differ else {**target, **beside}
    return {}


def pointed_at(reference: str, root: Mapping[str, Any]) -> Any:
    place: Any = root
    for part in reference.removeprefix("#").strip("/").split("/"):
        key = unquote(part).replace("~1", "/").replace("~0", "~")
        if key and isinstance(place, list):
            place = dict(enumerate(place)).get(int(key)) if key.isdecimal() else None
        elif key:
            place = place.get(key) if isinstance(place, dict) else None
    return place


def properties_of(schema: Mapping[str, Any]) -> dict[str, Any]:
    properties = schema.get("properties")
    return properties if isinstance(properties, dict) else {}


def named_in(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties, including required ones without a description."""
    return properties_of(schema) | {name: {} for name in required_of(schema) if name not in properties_of(schema)}


def others_in(schema: Mapping[str, Any]) -> Any:
    """Return the schema of unnamed properties; False if none are allowed, or nothing is said about them."""
    if isinstance(patterns := schema.get("patternProperties"), dict) and patterns:
        rest = schema.get("additionalProperties", {})
        return {"anyOf": [*patterns.values(), *([] if rest is False else [rest])]}
    others = schema.get("additionalProperties", schema.get("unevaluatedProperties", False))
    return {} if others is True else others if isinstance(others, dict) else False


def required_of(schema: Mapping[str, Any]) -> list[str]:
    required = schema.get("required")
    return [name for name in required if isinstance(name, str)] if isinstance(required, list) else []


def list_of(schema: Mapping[str, Any], key: str) -> list[Any]:
    return value if isinstance(value := schema.get(key), list) else []


def items_of(schema: Mapping[str, Any]) -> tuple[list[Any], Any]:
    """Return the schemas of the first items, one each, and that of all others; False if none are allowed."""
    first = list_of(schema, "prefixItems")
    rest = schema.get("items", {})
    if isinstance(rest, list):  # before the draft of 2020
        first, rest = rest, schema.get("additionalItems", {})
    return first, rest if isinstance(rest, dict) or (rest is False and first) else {}


def listed_in(schema: Any) -> list[Any] | None:
    """Return the values that a schema lists, None if it lists none."""
    if not isinstance(schema, Mapping):
        return None
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    return values if isinstance(values, list) else None


def dependent_schemas(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return, for each property, the schema that applies if it is present; draft 7 calls this `dependencies`."""
    given = [found for key in ("dependencies", "dependentSchemas") if isinstance(found := schema.get(key), dict)]
    return {name: inner for found in given for name, inner in found.items() if isinstance(inner, dict)}


def any_item(schema: Mapping[str, Any]) -> Any:
    """Return one schema for all items of a list."""
    first, rest = items_of(schema)
    return {"anyOf": [*first, *([] if rest is False else [rest])]} if first else rest


def is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < 1e15  # false for NaN
