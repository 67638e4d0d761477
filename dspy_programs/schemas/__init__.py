"""Tool definitions in every published form, and JSON schemas."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.schemas.grammar_schema import (
        LONGEST_TEXT as LONGEST_TEXT,
        calls_schema as calls_schema,
    )
    from dspy_programs.schemas.json_schema import (
        JSON_TYPES as JSON_TYPES,
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
        types_of as types_of,
    )
    from dspy_programs.schemas.openapi import (
        Operation as Operation,
        operations_of as operations_of,
    )
    from dspy_programs.schemas.published_tools import (
        definitions_in as definitions_in,
        normalize_tool as normalize_tool,
        tool_descriptions as tool_descriptions,
        tool_names as tool_names,
        tool_schemas as tool_schemas,
    )
    from dspy_programs.schemas.schema_forms import (
        alternatives_of as alternatives_of,
    )
    from dspy_programs.schemas.schema_text import (
        LONGEST_DESCRIPTION as LONGEST_DESCRIPTION,
        as_line as as_line,
        shortened as shortened,
        united as united,
    )

_HOMES = {
    "JSON_TYPES": "json_schema",
    "LONGEST_DESCRIPTION": "schema_text",
    "LONGEST_TEXT": "grammar_schema",
    "Operation": "openapi",
    "alternatives_of": "schema_forms",
    "as_line": "schema_text",
    "calls_schema": "grammar_schema",
    "definitions_in": "published_tools",
    "dependent_schemas": "json_schema",
    "items_of": "json_schema",
    "list_of": "json_schema",
    "listed_in": "json_schema",
    "named_in": "json_schema",
    "normalize_tool": "published_tools",
    "operations_of": "openapi",
    "others_in": "json_schema",
    "pointed_at": "json_schema",
    "properties_of": "json_schema",
    "required_of": "json_schema",
    "resolved": "json_schema",
    "shortened": "schema_text",
    "tool_descriptions": "published_tools",
    "tool_names": "published_tools",
    "tool_schemas": "published_tools",
    "types_of": "json_schema",
    "united": "schema_text",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)
