"""The ways to ask a server to constrain its reply to a JSON schema, closest to the schema first.

own      the schema unchanged, strict: servers with their own grammars (vLLM, Ollama, LM Studio, llama.cpp) accept all of it
strict   as OpenAI's strict mode requires: every property required, optional ones nullable instead, no additional properties,
         no bounds on strings
bare     the same without bounds on numbers and lists, which Azure and others also reject
loose    the schema unchanged, as a hint to the model
object   any JSON object; none: no response format at all; the prompt describes it anyway

Source   "Supported schemas" in OpenAI's and Azure's pages on structured outputs.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

Kind = Literal["own", "strict", "bare", "loose", "object", "none"]
_KEPT = ("description", "enum", "type")
BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minItems", "maxItems")
NULL = {"type": "null"}
_REFERENCE = re.compile(r'"#/\$defs/([^"]+)"')
_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null"}

Schema = dict[str, Any]


class Form(NamedTuple):
    """nulls: the schema whose optional values the model must write as null, for `read_back`; None if there are none."""

    kind: Kind
    response_format: dict[str, Any] | None
    nulls: Schema | None = None

    @property
    def type(self) -> str | None:
        return self.response_format["type"] if self.response_format else None


class NotStrict(ValueError):
    """The schema allows something that strict mode cannot express, such as an object with arbitrary keys."""


def forms_to_try(response_format: Mapping[str, Any], own: bool) -> list[Form]:
    """Return the forms to try in turn. own: the server is the user's own, so it is first asked for the unchanged schema."""
    asked = dict(response_format)
    last = [Form("object", {"type": "json_object"}), Form("none", None)]
    if not isinstance(schema := asked.get("schema"), dict):
        return [Form("object", asked), last[1]]
    forms = [Form("own", asked)] if own else []
    try:
        strict, bare = strict_form(schema, BOUNDS), strict_form(schema)
        nulls = schema if _has_optional(schema) else None
        forms.append(Form("strict", asked | {"schema": strict, "strict": True}, nulls))
        forms += [Form("bare", asked | {"schema": bare, "strict": True}, nulls)] if bare != strict else []
    except (NotStrict, RecursionError):
        pass
    return [*forms, Form("loose", asked | {"strict": False}), *last]


def strict_form(schema: Schema, bounds: Sequence[str] = ()) -> Schema:
    """Return the schema in strict mode, with these bounds and the definitions it refers to. Raises NotStrict."""
    strict = _strict_part(schema, bounds)
    made: Schema = {}
    while new := set(_REFERENCE.findall(json.dumps([strict, made]))) - made.keys():
        made |= {name: _strict_part(schema.get("$defs", {}).get(name), bounds) for name in sorted(new)}
    return strict | ({"$defs": made} if made else {})


def _strict_part(schema: Any, bounds: Sequence[str]) -> Schema:
    if not isinstance(schema, dict) or "allOf" in schema or "prefixItems" in schema:
        raise NotStrict
    if "$ref" in schema:
        return {"$ref": schema["$ref"]}  # with nothing beside it
    strict: Schema = {key: schema[key] for key in (*_KEPT, *bounds) if key in schema}
    if "const" in schema:
        strict["enum"] = [schema["const"]]
    if "enum" in strict:
        strict.setdefault("type", _types_of(strict["enum"]))
    if forms := schema.get("anyOf") or schema.get("oneOf"):
        strict["anyOf"] = [_strict_part(form, bounds) for form in forms]
    elif "type" not in strict:
        raise NotStrict
    if "object" in _named_types(strict):
        strict |= _strict_object(schema, bounds)
    if "array" in _named_types(strict):
        strict["items"] = _strict_part(schema.get("items"), bounds)
    return strict


def _strict_object(schema: Schema, bounds: Sequence[str]) -> Schema:
    beside = schema.get("additionalProperties")
    properties = schema.get("properties")
    if beside is True or isinstance(beside, dict) or (beside is None and not isinstance(properties, dict)):
        raise NotStrict
    required = schema.get("required", [])
    strict = {name: _strict_part(each, bounds) for name, each in (properties or {}).items()}
    closed = {name: each if name in required else _nullable(each) for name, each in strict.items()}
    return {"properties": closed, "required": [*closed], "additionalProperties": False}


def _has_optional(schema: Any) -> bool:
    if isinstance(schema, list):
        return any(map(_has_optional, schema))
    if not isinstance(schema, dict):
        return False
    properties = schema.get("properties")
    optional = isinstance(properties, dict) and not set(properties) <= set(schema.get("required", []))
    return optional or any(map(_has_optional, schema.values()))


def _nullable(schema: Schema) -> Schema:
    if _allows_null(schema):
        return schema
    return {"anyOf": [*schema["anyOf"], NULL]} if set(schema) == {"anyOf"} else {"anyOf": [schema, NULL]}


def _allows_null(schema: Any) -> bool:
    if not isinstance(schema, dict):
        return True
    if forms := schema.get("anyOf") or schema.get("oneOf"):
        return any(map(_allows_null, forms))
    if "enum" in schema:
        return None in schema["enum"]
    return "null" in _named_types(schema) or not {"type", "$ref", "const", "properties"} & set(schema)


def _named_types(schema: Schema) -> list[Any]:
    named = schema.get("type")
    return named if isinstance(named, list) else [named]


def _types_of(values: Sequence[Any]) -> str | list[str]:
    """Return the types of an enum's values. Raises NotStrict for one that is not a scalar."""
    try:
        types = list(dict.fromkeys(_TYPES[type(value)] for value in values))
    except KeyError:
        raise NotStrict from None
    return types[0] if len(types) == 1 else types


def read_back(reply: str, schema: Any) -> str:
    """Remove the nulls that strict mode forced for optional values; otherwise return the reply unchanged."""
    try:
        value = json.loads(reply)
    except (ValueError, RecursionError):
        return reply
    kept = without_nulls(value, schema, schema)
    return reply if kept == value else json.dumps(kept, ensure_ascii=False)


def without_nulls(value: Any, schema: Any, root: Any) -> Any:
    schema = _resolved(schema, root)
    if isinstance(value, list):
        return [without_nulls(item, schema.get("items"), root) for item in value]
    if not isinstance(value, dict):
        return value
    form = _form_for(value, schema, root)
    properties, required = form.get("properties", {}), form.get("required", [])
    return {
        name: without_nulls(item, properties.get(name), root)
        for name, item in value.items()
        if item is not None or name in required or name not in properties or _allows_null(_resolved(properties[name], root))
    }


def _form_for(value: dict[str, Any], schema: Schema, root: Any) -> Schema:
    """Return the union member that this object matches: the one with all its names and constants."""
    forms = [_resolved(form, root) for form in schema.get("anyOf") or schema.get("oneOf") or []]
    for form in (nested for each in forms for nested in [_form_for(value, each, root)]):
        properties = form.get("properties", {})
        if set(value) <= set(properties) and all(fits(value[name], properties[name]) for name in value):
            return form
    return schema


def fits(value: Any, schema: Any) -> bool:
    allowed = [schema["const"]] if "const" in schema else schema.get("enum") if isinstance(schema, dict) else None
    return value is None or allowed is None or value in allowed


def _resolved(schema: Any, root: Any) -> Schema:
    """Follow a reference into `$defs`, the only place that pydantic refers to."""
    if isinstance(schema, dict) and isinstance(reference := schema.get("$ref"), str):
        schema = root.get("$defs", {}).get(reference.rsplit("/", 1)[-1], {})
    return schema if isinstance(schema, dict) else {}
