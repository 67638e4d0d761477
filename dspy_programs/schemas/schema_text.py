"""A JSON schema of arguments, printed on one line for a model to read."""

import json
from collections.abc import Mapping
from itertools import count
from typing import Any

from dspy_programs.schemas.json_schema import (
    DEEPEST,
    LARGEST,
    Schema,
    any_item,
    list_of,
    listed_in,
    named_in,
    properties_of,
    required_of,
    resolved,
    types_of,
)
from dspy_programs.schemas.schema_forms import COMBINED, alternatives_of, gathered

_LONGEST_ENUM = 200  # values
LONGEST_DESCRIPTION = 2000  # characters of a description,
LONGEST_FIELDS = 4000  # of the arguments with their types; beyond, the names alone,
LONGEST_MEANINGS = 8000  # and of what the arguments of one tool mean


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
    properties = gathered(forms)
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
    if allowed := enum_of(schema):
        return "|".join(json.dumps(value, ensure_ascii=False) for value in allowed)
    if any(list_of(schema, key) for key in COMBINED):
        forms = alternatives_of(schema, root, made)[:_LONGEST_ENUM]
        return "|".join(dict.fromkeys(_type_text(form, root, depth + (len(forms) > 1), made) for form in forms))
    texts = []
    for type_ in types_of(schema):
        if type_ == "array":
            inner = _type_text(any_item(schema), root, depth + 1, made)
            texts.append(f"({inner})[]" if "|" in inner else f"{inner}[]")
        elif type_ == "object" and properties_of(schema):
            texts.append(f"{{{fields(schema, root, depth, made)}}}")
        else:
            texts.append(type_)
    return "|".join(texts) or "any"


def enum_of(schema: Mapping[str, Any]) -> list[Any]:
    """Return the scalars that a schema allows, [] if it has no such list or one too long to enforce or show."""
    values = listed_in(schema) or []
    if len(values) > _LONGEST_ENUM or sum(len(value) for value in values if isinstance(value, str)) > 10 * LONGEST_FIELDS:
        return []
    return [value for value in values if value is None or isinstance(value, (str, int, float, bool))]
