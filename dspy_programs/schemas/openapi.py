"""Operations of an OpenAPI 3 or Swagger 2 description as tool definitions."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from dspy_programs.schemas.definition import SCHEMAS, Plain, tool_description_of, tool_name_of
from dspy_programs.schemas.json_schema import pointed_at, resolved

_METHODS = ("get", "put", "post", "delete", "patch", "head", "options", "trace", "query")
_NO_ARGUMENT = {"accept", "content-type", "authorization"}  # headers that OpenAPI says are no parameters


class Operation(NamedTuple):
    """An operation of an API, and what it takes to call it."""

    definition: dict[str, Any]
    method: str
    path: str
    """As in the description: `/pets/{id}`."""
    places: dict[str, str]
    """argument -> where it is sent: path, query, header or cookie; `body` is not among them."""


def operations_of(api: Mapping[str, Any]) -> Iterator[Operation]:
    """Read every operation of an OpenAPI or Swagger description."""
    for path, item in api["paths"].items():
        item = resolved(item, api)
        for method in _METHODS:
            if isinstance(found := item.get(method), Mapping):
                name = tool_name_of(found) or "_".join([method, *(part.strip("{}") for part in path.split("/") if part)])
                shared = item.get("parameters") or ()
                listed = [resolved(one, api) for one in (*shared, *(found.get("parameters") or ()))]
                places = {str(one.get("name")): str(one.get("in")) for one in listed}
                yield Operation(operation({**found, "operationId": name}, shared, api), method, path, places)


def operations_in(api: Mapping[str, Any]) -> Iterator[Plain]:
    return (each.definition for each in operations_of(api))


def is_operation(held: Any) -> bool:
    if not isinstance(held, Mapping):
        return False
    listed = held.get("parameters")
    has_places = isinstance(listed, list) and any(isinstance(one, Mapping) and ("in" in one or "$ref" in one) for one in listed)
    return has_places or "requestBody" in held or ("operationId" in held and not any(held.get(key) for key in SCHEMAS))


def operation(held: Mapping[str, Any], shared: Iterable[Any], api: Mapping[str, Any]) -> Plain:
    """Read one operation: an argument for each parameter, and `body` for what is sent."""
    properties, required = {}, []
    for one in [*shared, *(held.get("parameters") or ())]:
        one = resolved(one, api)
        name = one.get("name")
        if isinstance(name, str) and not (one.get("in") == "header" and name.lower() in _NO_ARGUMENT):
            properties[name] = _parameter_schema(one)
            required += [name] if one.get("required") is True else []
    body = resolved(held.get("requestBody"), api)
    if body:
        properties["body"] = _content_schema(body)
        required += ["body"] if body.get("required") is True else []
    schema = {"type": "object", "properties": properties, "required": list(dict.fromkeys(required))}
    return {
        "name": tool_name_of(held),
        "description": tool_description_of(held),
        "parameters": schema | referred(properties, api),
    }


def _parameter_schema(one: Mapping[str, Any]) -> Any:
    """Return the schema of one parameter; Swagger 2 writes it into the parameter itself."""
    if "schema" in one or "content" in one:
        schema = one["schema"] if "schema" in one else _content_schema(one)
    else:
        schema = {key: value for key, value in one.items() if key not in ("name", "in", "required")}
    described = isinstance(schema, Mapping) and "description" not in schema and isinstance(one.get("description"), str)
    return {**schema, "description": one["description"]} if described else schema


def _content_schema(body: Mapping[str, Any]) -> Any:
    content = body.get("content")
    media = content if isinstance(content, Mapping) else {}
    kind = next((kind for kind in media if "json" in kind), next(iter(media), None))
    return media[kind].get("schema", {}) if kind and isinstance(media[kind], Mapping) else {}


def referred(schema: Any, api: Mapping[str, Any]) -> Plain:
    """Return, at their places, those parts of the description that a schema refers to, directly or through others."""
    found: Plain = {}
    waiting, known = [schema], set()
    while waiting:
        place = waiting.pop()
        if isinstance(place, list):
            waiting += place
        elif isinstance(place, Mapping):
            waiting += place.values()
            reference = place.get("$ref")
            if isinstance(reference, str) and reference.startswith("#/") and reference not in known:
                known.add(reference)
                target = pointed_at(reference, api)
                put(found, reference.removeprefix("#/").split("/"), target)
                waiting.append(target)
    return found


def put(tree: Plain, parts: list[str], value: Any) -> None:
    for part in parts[:-1]:
        tree = tree.setdefault(part.replace("~1", "/").replace("~0", "~"), {})
        if not isinstance(tree, dict):
            return
    tree[parts[-1].replace("~1", "/").replace("~0", "~")] = value
