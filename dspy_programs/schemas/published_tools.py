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
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel

from dspy_programs.schemas.definition import SCHEMAS, Plain, read, tool_description_of, tool_name_of
from dspy_programs.schemas.function_schema import VARIADIC, class_schema, function_schema, parameters_in
from dspy_programs.schemas.openapi import is_operation, operation, operations_in

DEEPEST = 240  # levels of brackets in a definition: a property inside a property is two
_MOST_LEVELS = 4  # of bundles inside each other
_WRAPPERS = ("function", "toolSpec", "custom", "tool_def", "metadata")
_BUNDLES = ("tools", "functionDeclarations", "function_declarations", "functions", "toolConfig")
_NAMES_AND_TYPES = ("parameter_definitions", "inputs", "args")  # arguments without the object around them
_NO_INPUT = {"outputSchema", "output_schema", "annotations", "_meta", "responses", "returns", "response"}


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
        return list(operations_in(published))
    if tool_name_of(published):
        return [published]
    for key in _BUNDLES:
        if isinstance(held := published.get(key), (list, tuple, Mapping)):
            return definitions_in(held, level + 1)
    values = list(published.values())
    if values and all(isinstance(value, Mapping) and any(key in value for key in SCHEMAS) for value in values):
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


def normalize_tool(definition: Any) -> Plain:
    """Read one definition."""
    held, outside = _unwrapped(definition)
    if isinstance(held, type) or (callable(held) and not tool_name_of(held)):
        found = _model_or_function(held)
    elif is_operation(held):
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


def _parameters_of(holder: Any) -> Any:
    """Return the JSON schema of the arguments, wherever the definition has it."""
    for key in SCHEMAS:
        if (schema := read(holder, key)) is not None:
            return _schema_in(schema)
    for key in _NAMES_AND_TYPES:
        if isinstance(properties := read(holder, key), Mapping):
            return _of_dspy(holder, properties) if key == "args" and hasattr(holder, "arg_desc") else around(properties)
    if isinstance(holder, Mapping):
        if "properties" in holder:  # the definition is the schema itself
            return {key: value for key, value in holder.items() if key not in ("name", "description")}
        unknown = holder.keys() - {*SCHEMAS, *_NO_INPUT}
        if misnamed := [key for key in unknown if isinstance(holder[key], Mapping) and "properties" in holder[key]]:
            raise ValueError(f"{tool_name_of(holder)}: is {misnamed[0]!r} the schema of its arguments? Name it 'parameters'")
    return {}


def _schema_in(value: Any) -> Any:
    if isinstance(value, str):
        value = json.loads(value) if value.strip() else {}
    if isinstance(value, type):
        return class_schema(value)
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json", by_alias=True, exclude_none=True)
    if not isinstance(value, Mapping):
        return value
    if value.keys() == {"json"}:
        return _schema_in(value["json"])
    return around(value) if _are_names_and_types(value) else dict(value)


def _are_names_and_types(value: Mapping[str, Any]) -> bool:
    """Return whether a mapping is `{"city": {"type": "string"}}` and not a schema."""
    keywords = {"properties", "definitions", "additionalProperties", "patternProperties", "not", "if", "items"}
    if not value or keywords & value.keys() or any(str(key).startswith("$") for key in value):
        return False
    return all(isinstance(inner, Mapping) for inner in value.values())


def around(properties: Mapping[str, Any]) -> Plain:
    """Turn names and types into an object: an argument is required unless it says no, is nullable or has a default."""
    required = [
        name
        for name, inner in properties.items()
        if not isinstance(inner, Mapping)
        or (inner.get("required", True) is not False and "default" not in inner and inner.get("nullable") is not True)
    ]
    return {"type": "object", "properties": dict(properties), "required": required}


def _of_dspy(tool: Any, args: Mapping[str, Any]) -> Plain:
    """Read a dspy.Tool. Of one that was made from MCP's only the descriptions say what must be there."""
    function = getattr(tool, "func", None)
    variadic = {name for name, parameter in parameters_in(function) if parameter.kind in VARIADIC} if function else set()
    schema = around({name: inner for name, inner in args.items() if name not in variadic})
    if tool.has_kwargs and tool.arg_desc is not None:
        schema["required"] = [name for name in args if str(tool.arg_desc.get(name)).endswith("(Required)")]
    return schema


def _model_or_function(held: Any) -> Plain:
    if isinstance(held, type):
        return {"name": held.__name__, "description": inspect.cleandoc(held.__doc__ or ""), "parameters": _schema_in(held)}
    inner = held.func if isinstance(held, functools.partial) else held
    name = getattr(inner, "__name__", type(inner).__name__)
    text = inspect.getdoc(inner if hasattr(inner, "__name__") else type(inner).__call__) or ""
    return {"name": name, "description": text, "parameters": function_schema(held)}


def sendable(found: Plain) -> Plain:
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
