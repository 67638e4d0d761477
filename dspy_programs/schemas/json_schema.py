"""JSON schemas of arguments as users write them: normalised, printed on one line, made safe for a grammar.

Some publishers write "dict", "float", "tuple" or "STRING" for the types of JSON; here every spelling is read, and every
draft from 4 to 2020-12. Nothing fails on a schema that is malformed, refers to itself or is very large: an unreadable part
allows any value.

An object has the names that its schema gives, in one or several forms (`allOf`, `anyOf`, `oneOf`), and others only if the
schema says so: by `additionalProperties`, `unevaluatedProperties` or `patternProperties`.

A grammar never forbids what the schema allows, except for lengths: LONGEST_TEXT, LONGEST_LIST. What it cannot express (`not`,
`if`, `pattern`, `exclusiveMinimum`, ...) it leaves open: the actor checks the call against the schema itself.
"""

import json
import math
from collections.abc import Iterable, Mapping
from itertools import count
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
_LONGEST_ENUM = 200
LONGEST_DESCRIPTION = 2000  # characters of what is shown of a description,
LONGEST_FIELDS = 4000  # of the arguments with their types on one line; beyond, the names alone,
LONGEST_MEANINGS = 8000  # and of what the arguments of one tool mean
_MOST_MIXED = 20  # forms that may be taken together
_MOST_PROPERTIES = 400  # of one object in a grammar: llguidance stops in the middle of an object that has 500 optional ones,
LARGEST_GRAMMAR = 300_000  # characters of all the tools' schemas: it takes about 700,000
LONGEST_LIST = 50  # items of a list without a bound, and
LONGEST_TEXT = 1000  # characters of any string, that a model may write: it may never end one by itself

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


# Forms: what `$ref`, `allOf`, `anyOf` and `oneOf` come to.

_COMBINED = ("allOf", "anyOf", "oneOf")


def alternatives_of(schema: Any, root: Mapping[str, Any], made: "count[int] | None" = None, depth: int = 0) -> list[Schema]:
    """Return the forms that a value may take, each a schema without `$ref`, `allOf`, `anyOf` and `oneOf` at its top.

    If parts contradict each other, a form allows what both allow, or more. `made` counts the schemas; raises
    OverflowError for too many.
    """
    schema = _with_conditional(resolved(schema, root))
    if not any(list_of(schema, key) for key in _COMBINED):
        return [schema]
    made = made or count(1)
    forms = [{key: value for key, value in schema.items() if key not in _COMBINED}]
    parts = [(alternatives_of, [part]) for part in list_of(schema, "allOf")]
    parts += [(alternatives_of, list_of(schema, "anyOf")), (_mixed, list_of(schema, "oneOf"))]
    for forms_of, options in parts:
        if not options:
            continue
        others: list[Schema] = []
        for option in options:
            if next(made) > LARGEST or depth > 2 * DEEPEST:
                raise OverflowError
            others += forms_of(option, root, made, depth + 1)
        if len(forms) * len(others) > LARGEST:
            raise OverflowError
        forms = [_merged(form, other) for form in forms for other in others]
    return forms


def _with_conditional(schema: Schema) -> Schema:
    """Add the properties that are only named under a condition: they may be there, as anything."""
    branches = [*dependent_schemas(schema).values(), schema.get("then"), schema.get("else")]
    names: Schema = {name: {} for branch in branches if isinstance(branch, dict) for name in named_in(branch)}
    return {**schema, "properties": names | properties_of(schema)} if names else schema


def dependent_schemas(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return, for each property, the schema that applies if it is present; draft 7 calls this `dependencies`."""
    given = [found for key in ("dependencies", "dependentSchemas") if isinstance(found := schema.get(key), dict)]
    return {name: inner for found in given for name, inner in found.items() if isinstance(inner, dict)}


def _merged(first: Schema, second: Schema) -> Schema:
    """Return a schema of what both allow, or more: if they differ in a way not handled here, the first one applies."""
    both = {**second, **first}
    if properties_of(first) and properties_of(second):
        pairs = properties_of(second).items()
        both["properties"] = properties_of(first) | {name: together(properties_of(first).get(name), s) for name, s in pairs}
    if required := list(dict.fromkeys([*required_of(first), *required_of(second)])):
        both["required"] = required
    if (types := types_of(first)) and (others := types_of(second)):
        both["type"] = _shared_types(types, others) or types
    if (values := listed_in(first)) is not None and (allowed := listed_in(second)) is not None:
        both["enum"] = [value for value in values if value in allowed] or values
        both.pop("const", None)
    if isinstance(first.get("items"), dict) and isinstance(second.get("items"), dict):
        both["items"] = together(first["items"], second["items"])
    for tighter, keys in ((max, ("minimum", "minLength", "minItems")), (min, ("maximum", "maxLength", "maxItems"))):
        both |= {
            key: tighter(first[key], second[key]) for key in keys if _is_number(first.get(key)) and _is_number(second.get(key))
        }
    return both


def together(first: Any, second: Any) -> Any:
    if first == second or not isinstance(second, dict) or not second:
        return second if first is None else first
    return {"allOf": [first, second]} if isinstance(first, dict) and first else second


def _shared_types(types: list[str], others: list[str]) -> list[str]:
    """Return the types in both; an integer is a number."""
    wider = {"integer": "number"}
    found = [type_ for type_ in types if type_ in others or wider.get(type_) in others]
    return found + [type_ for type_ in others if type_ not in types and wider.get(type_) in types]


def _gathered(forms: Iterable[Schema]) -> dict[str, Any]:
    """Return the properties of all the forms; one that they describe differently may be as any of them says."""
    found: dict[str, list[Any]] = {}
    for form in forms:
        for name, schema in named_in(form).items():
            found.setdefault(name, []).extend([schema] if schema not in found.get(name, []) else [])
    return {name: schemas[0] if len(schemas) == 1 else {"anyOf": schemas} for name, schemas in found.items()}


# One line for a model to read.


def as_line(name: str, description: str, parameters: Mapping[str, Any]) -> str:
    """Show a function as `name(city: string, days?: integer) - what it does; city: what that means`."""
    whole = united(parameters)
    meanings = []
    for argument, schema in named_in(whole).items():
        text = _meaning_of(schema, parameters)
        if isinstance(text, str) and text.strip():
            meanings.append(f"{argument}: {text.strip().rstrip('.')}")
    told = shortened("; ".join(meanings), LONGEST_MEANINGS)
    said = "; ".join(filter(None, [shortened(description.strip().rstrip("."), LONGEST_DESCRIPTION), told]))
    line = f"{name}({_arguments_text(whole, parameters)})"
    return f"{line} - {said}" if said else line


def _arguments_text(whole: Schema, root: Mapping[str, Any]) -> str:
    try:
        text = fields(whole, root, 0, count(1))
    except OverflowError:
        text = ""
    names = ", ".join(named_in(whole))
    return text if text and len(text) <= LONGEST_FIELDS else shortened(names, LONGEST_FIELDS)


def united(parameters: Mapping[str, Any]) -> Schema:
    """Return one object with all arguments of the forms; one is required if it is in every form."""
    try:
        forms = alternatives_of(parameters, parameters)
    except OverflowError:
        return {}
    if len(forms) == 1:
        return forms[0]
    properties = _gathered(forms)
    required = set.intersection(*(set(required_of(form)) for form in forms))
    return {"type": "object", "properties": properties, "required": [name for name in properties if name in required]}


def _meaning_of(schema: Any, root: Mapping[str, Any]) -> Any:
    """Return the description of an argument, or of the first of its parts that has one."""
    schema = resolved(schema, root)
    parts = (resolved(part, root) for key in ("allOf", "anyOf") for part in list_of(schema, key))
    return schema.get("description") or next((part["description"] for part in parts if part.get("description")), None)


def shortened(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest]}..."


def fields(schema: Mapping[str, Any], root: Mapping[str, Any], depth: int, made: "count[int]") -> str:
    required = set(required_of(schema))
    return ", ".join(
        f"{name}{'' if name in required else '?'}: {_type_text(inner, root, depth + 1, made)}"
        for name, inner in named_in(schema).items()
    )


def _type_text(schema: Any, root: Mapping[str, Any], depth: int, made: "count[int]") -> str:
    if next(made) > LARGEST:
        raise OverflowError
    if depth > DEEPEST // 2:
        return "..."
    schema = resolved(schema, root)
    if allowed := _enum_of(schema):
        return "|".join(json.dumps(value, ensure_ascii=False) for value in allowed)
    if any(list_of(schema, key) for key in _COMBINED):
        forms = alternatives_of(schema, root, made)[:_LONGEST_ENUM]
        return "|".join(dict.fromkeys(_type_text(form, root, depth + (len(forms) > 1), made) for form in forms))
    texts = []
    for type_ in types_of(schema):
        if type_ == "array":
            inner = _type_text(_any_item(schema), root, depth + 1, made)
            texts.append(f"({inner})[]" if "|" in inner else f"{inner}[]")
        elif type_ == "object" and properties_of(schema):
            texts.append(f"{{{fields(schema, root, depth, made)}}}")
        else:
            texts.append(type_)
    return "|".join(texts) or "any"


def _any_item(schema: Mapping[str, Any]) -> Any:
    """Return one schema for all items of a list."""
    first, rest = items_of(schema)
    return {"anyOf": [*first, *([] if rest is False else [rest])]} if first else rest


def _enum_of(schema: Mapping[str, Any]) -> list[Any]:
    """Return the scalars that a schema allows, [] if it has no such list or one too long to enforce or show."""
    values = listed_in(schema) or []
    if len(values) > _LONGEST_ENUM or sum(len(value) for value in values if isinstance(value, str)) > 10 * LONGEST_FIELDS:
        return []
    return [value for value in values if value is None or isinstance(value, (str, int, float, bool))]


# A schema that any grammar engine takes: known keywords alone, no references, everything bounded.


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
            forms = [form for form in _mixed(parameters, parameters, made) if "object" in (types_of(form) or ["object"])]
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
    for form in _mixed(schema, root, made):
        schemas += _plain_forms(form, root, depth, made)
    return {} if {} in schemas else _one_of_them(schemas)


def _plain_forms(form: Schema, root: Mapping[str, Any], depth: int, made: "count[int]") -> list[Schema]:
    """Return a schema for each type that the form has: {} for any."""
    types = types_of(form)
    forms = [_form_of(form, type_, root, depth, made) for type_ in types]
    values = listed_in(form)
    if values and len(allowed := _enum_of(form)) == len(values) and "array" not in types:
        return [{"enum": allowed + [None] * (form.get("nullable") is True and None not in allowed)}]
    return forms or [{}]


def _mixed(schema: Any, root: Mapping[str, Any], made: "count[int] | None" = None, depth: int = 0) -> list[Schema]:
    """Return the forms of a schema; with `anyOf`, one value may have the names of several of them."""
    forms = alternatives_of(schema, root, made, depth)
    if not 1 < len(forms) <= _MOST_MIXED or list_of(resolved(schema, root), "oneOf"):
        return forms
    return [_with_names(form, [other for other in forms if _may_be_both(form, other)]) for form in forms]


def _with_names(form: Schema, others: Iterable[Schema]) -> Schema:
    named = named_in(form)
    extra = {name: schema for name, schema in _gathered(others).items() if name not in named}
    return {**form, "properties": properties_of(form) | extra} if extra else form


def _may_be_both(form: Schema, other: Schema) -> bool:
    """Return whether an object can match both forms: neither is closed, and no property needs different values."""
    if any(one.get("additionalProperties") is False or "object" not in types_of(one) for one in (form, other)):
        return False
    pairs = [(listed_in(schema), listed_in(named_in(other).get(name))) for name, schema in named_in(form).items()]
    return not any(these and those and not any(value in those for value in these) for these, those in pairs)


def _form_of(schema: Schema, type_: str, root: Mapping[str, Any], depth: int, made: "count[int]") -> Schema:
    if type_ == "object" and properties_of(schema):
        return _object_schema(schema, root, depth, made)
    if type_ == "array":
        items = _bounded_schema(_any_item(schema), root, depth + 1, made)
        first, rest = items_of(schema)
        schema = schema | ({"maxItems": len(first)} if rest is False and "maxItems" not in schema else {})
        return {"type": "array", "items": items, **limits(schema, "minItems", "maxItems", LONGEST_LIST)}
    if type_ == "string":
        return {"type": "string", **limits(schema, "minLength", "maxLength", LONGEST_TEXT)}
    if type_ in ("integer", "number"):
        whole = {"minimum": math.ceil, "maximum": math.floor} if type_ == "integer" else {}
        schema = schema | {key: fit(schema[key]) for key, fit in whole.items() if _is_number(schema.get(key))}
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
    low, high = (value if _is_number(value := schema.get(name)) else None for name in (least, most))
    if largest is not None:
        low = low if isinstance(low, int) and 0 <= low <= 10 * largest else None
        largest = max(largest, low or 0)
        high = min(high, largest) if isinstance(high, int) and high >= 0 else largest
    if low is not None and high is not None and low > high:
        low = None
    return {name: value for name, value in ((least, low), (most, high)) if value is not None}


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < 1e15  # false for NaN
