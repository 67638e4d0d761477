"""The forms that a schema combines by `allOf`, `anyOf`, `oneOf`, each as one plain schema."""

from collections.abc import Iterable, Mapping
from itertools import count
from typing import Any

from dspy_programs.schemas.json_schema import (
    DEEPEST,
    LARGEST,
    Schema,
    dependent_schemas,
    is_number,
    list_of,
    listed_in,
    named_in,
    properties_of,
    required_of,
    resolved,
    types_of,
)

_MOST_MIXED = 20  # forms that may be taken together
COMBINED = ("allOf", "anyOf", "oneOf")


def alternatives_of(schema: Any, root: Mapping[str, Any], made: "count[int] | None" = None, depth: int = 0) -> list[Schema]:
    """Return the forms that a value may take, each a schema without `$ref`, `allOf`, `anyOf` and `oneOf` at its top.

    If parts contradict each other, a form allows what both allow, or more. `made` counts the schemas; raises
    OverflowError for too many.
    """
    schema = _with_conditional(resolved(schema, root))
    if not any(list_of(schema, key) for key in COMBINED):
        return [schema]
    made = made or count(1)
    forms = [{key: value for key, value in schema.items() if key not in COMBINED}]
    parts = [(alternatives_of, [part]) for part in list_of(schema, "allOf")]
    parts += [(alternatives_of, list_of(schema, "anyOf")), (mixed, list_of(schema, "oneOf"))]
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
            key: tighter(first[key], second[key]) for key in keys if is_number(first.get(key)) and is_number(second.get(key))
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


def gathered(forms: Iterable[Schema]) -> dict[str, Any]:
    """Return the properties of all the forms; one that they describe differently may be as any of them says."""
    found: dict[str, list[Any]] = {}
    for form in forms:
        for name, schema in named_in(form).items():
            found.setdefault(name, []).extend([schema] if schema not in found.get(name, []) else [])
    return {name: schemas[0] if len(schemas) == 1 else {"anyOf": schemas} for name, schemas in found.items()}


def mixed(schema: Any, root: Mapping[str, Any], made: "count[int] | None" = None, depth: int = 0) -> list[Schema]:
    """Return the forms of a schema; with `anyOf`, one value may have the names of several of them."""
    forms = alternatives_of(schema, root, made, depth)
    if not 1 < len(forms) <= _MOST_MIXED or list_of(resolved(schema, root), "oneOf"):
        return forms
    return [_with_names(form, [other for other in forms if _may_be_both(form, other)]) for form in forms]


def _with_names(form: Schema, others: Iterable[Schema]) -> Schema:
    named = named_in(form)
    extra = {name: schema for name, schema in gathered(others).items() if name not in named}
    return {**form, "properties": properties_of(form) | extra} if extra else form


def _may_be_both(form: Schema, other: Schema) -> bool:
    """Return whether an object can match both forms: neither is closed, and no property needs different values."""
    if any(one.get("additionalProperties") is False or "object" not in types_of(one) for one in (form, other)):
        return False
    pairs = [(listed_in(schema), listed_in(named_in(other).get(name))) for name, schema in named_in(form).items()]
    return not any(these and those and not any(value in those for value in these) for these, those in pairs)
