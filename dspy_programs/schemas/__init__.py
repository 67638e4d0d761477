"""Tool definitions in every published form, and JSON schemas."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.schemas.json_schema import (
        JSON_TYPES as JSON_TYPES,
        LONGEST_DESCRIPTION as LONGEST_DESCRIPTION,
        LONGEST_TEXT as LONGEST_TEXT,
        alternatives_of as alternatives_of,
        as_line as as_line,
        calls_schema as calls_schema,
        dependent_schemas as dependent_schemas,
        items_of as items_of,
        list_of as list_of,
        listed_in as listed_in,
        named_in as named_in,
        others_in as others_in,
        pointed_at as pointed_at,
        properties_of as properties_of,
        required_of as required_of,
        resolved as resolved,
        shortened as shortened,
        types_of as types_of,
        united as united,
    )
    from dspy_programs.schemas.published_tools import (
        Operation as Operation,
        definitions_in as definitions_in,
        normalize_tool as normalize_tool,
        operations_of as operations_of,
        tool_descriptions as tool_descriptions,
        tool_names as tool_names,
        tool_schemas as tool_schemas,
    )

_HOMES = {
    "JSON_TYPES": "json_schema",
    "LONGEST_DESCRIPTION": "json_schema",
    "LONGEST_TEXT": "json_schema",
    "as_line": "json_schema",
    "calls_schema": "json_schema",
    "dependent_schemas": "json_schema",
    "alternatives_of": "json_schema",
    "items_of": "json_schema",
    "list_of": "json_schema",
    "listed_in": "json_schema",
    "named_in": "json_schema",
    "others_in": "json_schema",
    "pointed_at": "json_schema",
    "properties_of": "json_schema",
    "required_of": "json_schema",
    "resolved": "json_schema",
    "shortened": "json_schema",
    "types_of": "json_schema",
    "united": "json_schema",
    "Operation": "published_tools",
    "normalize_tool": "published_tools",
    "operations_of": "published_tools",
    "definitions_in": "published_tools",
    "tool_names": "published_tools",
    "tool_descriptions": "published_tools",
    "tool_schemas": "published_tools",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)
