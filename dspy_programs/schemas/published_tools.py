"""Tool definitions in every published form, converted to one: name, description, parameters.

Input      a definition, a list of them, or a container of some: a mapping, an object or a function.
Output     mappings with `name`, `description` and `parameters`, the JSON schema of the arguments ({} for none).
Read       the schema under parameters, inputSchema (MCP), input_schema (Anthropic), parametersJsonSchema (Gemini),
           toolSpec.inputSchema.json (Bedrock), args_schema (LangChain), parameter_definitions (Cohere), inputs (smolagents);
           OpenAI's {"type": "function", "function": {...}} and the flat form of its Responses; functionDeclarations; the
           answer of tools/list; a mapping from name to definition; operations of OpenAPI 3 and Swagger 2, one or a whole
           description; objects with such attributes, dspy.Tool among them; pydantic models; Python functions.
           A schema may be null, JSON in a string, a pydantic model, or names and types without the object around them.
Guarantees a definition's other fields (title, annotations, outputSchema, strict, ...) are dropped; a lone surrogate, which
           cannot be sent, becomes a question mark; nothing is called and nothing is fetched.
Raises     ValueError if there is no name, or the schema cannot be found or is nested more than DEEPEST levels.
"""

import functools
import inspect
import json
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel, TypeAdapter
from pydantic.errors import PydanticUserError

from dspy_programs.schemas.json_schema import pointed_at, resolved

DEEPEST = 240  # levels of brackets in a definition: a property inside a property is two
_MOST_LEVELS = 4  # of bundles inside each other
_WRAPPERS = ("function", "toolSpec", "custom", "tool_def", "metadata")
_BUNDLES = ("tools", "functionDeclarations", "function_declarations", "functions", "toolConfig")
_SCHEMAS = (
    *("parameters", "inputSchema", "input_schema", "parametersJsonSchema", "parameters_json_schema", "params_json_schema"),
    *("args_schema", "fn_schema"),
)
_NAMES_AND_TYPES = ("parameter_definitions", "inputs", "args")  # arguments without the object around them
_NO_INPUT = {"outputSchema", "output_schema", "annotations", "_meta", "responses", "returns", "response"}
_METHODS = ("get", "put", "post", "delete", "patch", "head", "options", "trace", "query")
_NO_ARGUMENT = {"accept", "content-type", "authorization"}  # headers that OpenAPI says are no parameters

_Plain = dict[str, Any]


def definitions_in(published: Any, level: int = 0) -> list[Any]:
    """Return the single definitions in a list, a container, or an API description; none for None."""
    if published is None or level > _MOST_LEVELS:
        return []
    if isinstance(published, Mapping):
        return _definitions_in_mapping(published, level)
    if not _is_single(published):
        return [found for item in published for found in definitions_in(item, level + 1)]
    held = getattr(published, "tools", None)
    return definitions_in(held, level + 1) if isinstance(held, list) and not tool_name_of(published) else [published]


def _definitions_in_mapping(published: Mapping[str, Any], level: int) -> list[Any]:
    if isinstance(published.get("paths"), Mapping):
        return list(_operations_in(published))
    if tool_name_of(published):
        return [published]
    for key in _BUNDLES:
        if isinstance(held := published.get(key), (list, tuple, Mapping)):
            return definitions_in(held, level + 1)
    values = list(published.values())
    if values and all(isinstance(value, Mapping) and any(key in value for key in _SCHEMAS) for value in values):
        return [{"name": name, **value} for name, value in published.items()]
    return [published]


def _is_single(published: Any) -> bool:
    return callable(published) or isinstance(published, (str, bytes, BaseModel)) or not isinstance(published, Iterable)


def tool_names(published: Any) -> list[str]:
    """Return the names of tools given as definitions or as names; nameless ones are skipped. Never raises."""
    found: list[Any] = []
    for item in [] if isinstance(published, str) else definitions_in(published):
        held, _ = _unwrapped(item)
        told = tool_name_of(held) or getattr(held, "__name__", None) or read(held, "type")
        found.append(item if isinstance(item, str) else told)
    return [name for name in found if isinstance(name, str) and name]


def tool_schemas(published: Any) -> dict[str, Any]:
    """Return the JSON schema of each tool's arguments by the tool's name; names alone have none. Never raises."""
    found: dict[str, Any] = {}
    for item in [] if isinstance(published, str) else definitions_in(published):
        try:
            tool = {} if isinstance(item, str) else normalize_tool(item)
        except (ValueError, TypeError, RecursionError):
            continue  # a definition that cannot be read still has a name
        if tool.get("parameters"):
            found[tool["name"]] = tool["parameters"]
    return found


def tool_descriptions(published: Any) -> dict[str, str]:
    """Return the description of each tool by its name; tools without one are skipped. Never raises."""
    found: dict[str, str] = {}
    for item in [] if isinstance(published, str) else definitions_in(published):
        try:
            tool = {} if isinstance(item, str) else normalize_tool(item)
        except (ValueError, TypeError, RecursionError):
            continue
        if tool.get("description"):
            found[tool["name"]] = tool["description"]
    return found


def normalize_tool(definition: Any) -> _Plain:
    """Read one definition."""
    held, outside = _unwrapped(definition)
    if isinstance(held, type) or (callable(held) and not tool_name_of(held)):
        found = _model_or_function(held)
    elif _is_operation(held):
        found = operation(held, (), held)
    else:
        found = {
            "name": tool_name_of(held),
            "description": tool_description_of(held) or tool_description_of(outside),
            "parameters": _parameters_of(held),
        }
    if found["name"] is None:
        raise ValueError("a tool has no name: give its name, description and parameters, the JSON schema of its arguments")
    return sendable(found)


def _unwrapped(definition: Any) -> tuple[Any, Any]:
    """Return what is inside `{"function": {...}}` and the like, and what was around it."""
    for key in _WRAPPERS:
        inner = read(definition, key)
        if (
            inner is not None
            and not isinstance(inner, str)
            and tool_name_of(inner)
            and (key == "function" or not tool_name_of(definition))
        ):
            return inner, definition
    return definition, definition


def read(holder: Any, key: str) -> Any:
    return holder.get(key) if isinstance(holder, Mapping) else getattr(holder, key, None)


def tool_name_of(holder: Any) -> str | None:
    name = read(holder, "name")
    if name is None and isinstance(holder, Mapping):
        name = holder.get("operationId") or (holder.get("title") if "properties" in holder else holder.get("function"))
    return name if isinstance(name, str) else None


def tool_description_of(holder: Any) -> str:
    texts = (read(holder, key) for key in ("description", "desc", "summary"))
    return next((text for text in texts if isinstance(text, str)), "")


def _parameters_of(holder: Any) -> Any:
    """Return the JSON schema of the arguments, wherever the definition has it."""
    for key in _SCHEMAS:
        if (schema := read(holder, key)) is not None:
            return _schema_in(schema)
    for key in _NAMES_AND_TYPES:
        if isinstance(properties := read(holder, key), Mapping):
            return _of_dspy(holder, properties) if key == "args" and hasattr(holder, "arg_desc") else around(properties)
    if isinstance(holder, Mapping):
        if "properties" in holder:  # the definition is the schema itself
            return {key: value for key, value in holder.items() if key not in ("name", "description")}
        unknown = holder.keys() - {*_SCHEMAS, *_NO_INPUT}
        if misnamed := [key for key in unknown if isinstance(holder[key], Mapping) and "properties" in holder[key]]:
            raise ValueError(f"{tool_name_of(holder)}: is {misnamed[0]!r} the schema of its arguments? Name it 'parameters'")
    return {}


def _schema_in(value: Any) -> Any:
    if isinstance(value, str):
        value = json.loads(value) if value.strip() else {}
    if isinstance(value, type):
        return _class_schema(value)
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json", by_alias=True, exclude_none=True)
    if not isinstance(value, Mapping):
        return value
    if value.keys() == {"json"}:
        return _schema_in(value["json"])
    return around(value) if _are_names_and_types(value) else dict(value)


def _class_schema(kind: type) -> _Plain:
    try:
        return TypeAdapter(kind).json_schema()
    except PydanticUserError as error:
        raise ValueError(f"{kind!r} has no JSON schema: give a pydantic model, or a function with type hints") from error


def _are_names_and_types(value: Mapping[str, Any]) -> bool:
    """Return whether a mapping is `{"city": {"type": "string"}}` and not a schema."""
    keywords = {"properties", "definitions", "additionalProperties", "patternProperties", "not", "if", "items"}
    if not value or keywords & value.keys() or any(str(key).startswith("$") for key in value):
        return False
    return all(isinstance(inner, Mapping) for inner in value.values())


def around(properties: Mapping[str, Any]) -> _Plain:
    """Turn names and types into an object: an argument is required unless it says no, is nullable or has a default."""
    required = [
        name
        for name, inner in properties.items()
        if not isinstance(inner, Mapping)
        or (inner.get("required", True) is not False and "default" not in inner and inner.get("nullable") is not True)
    ]
    return {"type": "object", "properties": dict(properties), "required": required}


def _of_dspy(tool: Any, args: Mapping[str, Any]) -> _Plain:
    """Read a dspy.Tool. Of one that was made from MCP's only the descriptions say what must be there."""
    function = getattr(tool, "func", None)
    variadic = {name for name, parameter in parameters_in(function) if parameter.kind in _VARIADIC} if function else set()
    schema = around({name: inner for name, inner in args.items() if name not in variadic})
    if tool.has_kwargs and tool.arg_desc is not None:
        schema["required"] = [name for name in args if str(tool.arg_desc.get(name)).endswith("(Required)")]
    return schema


# Python's own.

_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def _model_or_function(held: Any) -> _Plain:
    if isinstance(held, type):
        return {"name": held.__name__, "description": inspect.cleandoc(held.__doc__ or ""), "parameters": _schema_in(held)}
    inner = held.func if isinstance(held, functools.partial) else held
    name = getattr(inner, "__name__", type(inner).__name__)
    text = inspect.getdoc(inner if hasattr(inner, "__name__") else type(inner).__call__) or ""
    return {"name": name, "description": text, "parameters": _function_schema(held)}


def _function_schema(function: Callable[..., Any]) -> _Plain:
    hints = _hints_of(function)
    schema: _Plain = {"type": "object", "properties": {}, "required": []}
    shared: _Plain = {}
    for name, parameter in parameters_in(function):
        if parameter.kind in _VARIADIC:
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


def _type_schema(hint: Any) -> _Plain:
    try:
        return TypeAdapter(hint).json_schema()
    except PydanticUserError:  # a class that has no JSON
        return {}


# OpenAPI.


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


def _operations_in(api: Mapping[str, Any]) -> Iterator[_Plain]:
    return (each.definition for each in operations_of(api))


def _is_operation(held: Any) -> bool:
    if not isinstance(held, Mapping):
        return False
    listed = held.get("parameters")
    has_places = isinstance(listed, list) and any(isinstance(one, Mapping) and ("in" in one or "$ref" in one) for one in listed)
    return has_places or "requestBody" in held or ("operationId" in held and not any(held.get(key) for key in _SCHEMAS))


def operation(held: Mapping[str, Any], shared: Iterable[Any], api: Mapping[str, Any]) -> _Plain:
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


def referred(schema: Any, api: Mapping[str, Any]) -> _Plain:
    """Return, at their places, those parts of the description that a schema refers to, directly or through others."""
    found: _Plain = {}
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


def put(tree: _Plain, parts: list[str], value: Any) -> None:
    for part in parts[:-1]:
        tree = tree.setdefault(part.replace("~1", "/").replace("~0", "~"), {})
        if not isinstance(tree, dict):
            return
    tree[parts[-1].replace("~1", "/").replace("~0", "~")] = value


def sendable(found: _Plain) -> _Plain:
    """Replace lone surrogates. Raises ValueError for a definition that is nested too deeply."""
    levels, inside = 0, [found]
    while inside := [inner for holder in inside for inner in _inner_of(holder)]:
        levels += 1
        if levels > DEEPEST:
            raise ValueError(
                f"{found['name']}: the schema of its arguments is nested more than {DEEPEST} levels deep: flatten it"
            )
    try:
        text = json.dumps(found, ensure_ascii=False)
        text.encode("utf-8")
    except UnicodeEncodeError:
        return dict(json.loads(text.encode("utf-8", "replace")))
    except TypeError:  # no JSON: the types of the fields say so
        pass
    return found


def _inner_of(holder: Any) -> list[Any]:
    values = holder.values() if isinstance(holder, Mapping) else holder if isinstance(holder, list) else ()
    return [value for value in values if isinstance(value, (Mapping, list))]
