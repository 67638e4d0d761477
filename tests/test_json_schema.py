"""Schemas as users write them: shown on one line, and made safe for a grammar."""

import json

import pytest

from dspy_programs.json_schema import DEEPEST, LARGEST, LONGEST_LIST, LONGEST_TEXT, arguments_schema, calls_schema, types_of
from dspy_programs.types import Function, Tool


def shown(properties: dict, required=(), description: str = "") -> str:
    parameters = {"type": "object", "properties": properties, "required": list(required)}
    return str(Function(name="f", description=description, parameters=parameters))


def form(schema: dict, **more) -> dict:
    return arguments_schema({"type": "object", "properties": {"a": schema}, **more})["properties"]["a"]


@pytest.mark.parametrize(
    ("schema", "types"),
    [
        ({"type": "dict"}, ["object"]),
        ({"type": "Float"}, ["number"]),
        ({"type": "tuple"}, ["array"]),
        ({"type": ["string", "null"]}, ["string", "null"]),
        ({"type": "string", "nullable": True}, ["string", "null"]),
        ({"properties": {}}, ["object"]),
        ({"items": {}}, ["array"]),
        ({"type": "any"}, []),
        ({"type": ["string", "zebra"]}, []),
        ({"type": 5}, []),
        ({}, []),
    ],
)
def test_types_of_reads_every_spelling(schema, types):
    assert types_of(schema) == types


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"type": "dict"}, "object"),
        ({"type": "float"}, "number"),
        ({}, "any"),
        ({"type": "array", "items": {"type": "integer"}}, "integer[]"),
        ({"type": "array", "items": {"enum": ["x", "y"]}}, '("x"|"y")[]'),
        ({"type": "array"}, "any[]"),
        ({"type": "string", "enum": ["C", "F"]}, '"C"|"F"'),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "integer|null"),
        ({"type": "object", "properties": {"b": {"type": "string"}}, "required": ["b"]}, "{b: string}"),
        ({"type": "object", "properties": {"b": {"type": "string"}}}, "{b?: string}"),
    ],
)
def test_function_shows_its_arguments_on_one_line(schema, text):
    assert shown({"a": schema}, required=["a"]) == f"f(a: {text})"


def test_function_shows_what_it_and_its_arguments_mean():
    line = shown({"a": {"type": "integer", "description": "how many."}, "b": {}}, description="Does it.")
    assert line == "f(a?: integer, b?: any) - Does it; a: how many"


def test_function_without_arguments_is_shown_as_a_call():
    assert str(Function(name="f")) == "f()"
    assert str(Tool(name="f", description="d")) == "f: d"


def test_function_that_refers_to_itself_is_shown_in_bounds():
    names = {name: {"$ref": "#"} for name in "abcdefgh"}
    assert len(shown(names)) < 200
    assert shown({"a": {"$ref": "#"}}).startswith("f(a?: {a?: {")


def test_arguments_schema_keeps_optional_arguments_optional_and_in_order():
    schema = {"type": "dict", "properties": {"b": {"type": "float"}, "a": {"type": "int"}}, "required": ["a", "a"]}
    made = arguments_schema(schema)
    assert made == {
        "type": "object",
        "properties": {"b": {"type": "number"}, "a": {"type": "integer"}},
        "required": ["a"],
        "additionalProperties": False,
    }
    assert list(made["properties"]) == ["b", "a"]


@pytest.mark.parametrize(
    ("schema", "made"),
    [
        ({"type": "string", "pattern": "(", "format": "x"}, {"type": "string", "maxLength": LONGEST_TEXT}),
        ({"type": "string", "maxLength": 5}, {"type": "string", "maxLength": 5}),
        ({"type": "string", "minLength": 9, "maxLength": 5}, {"type": "string", "maxLength": 5}),
        ({"type": "string", "maxLength": -1}, {"type": "string", "maxLength": LONGEST_TEXT}),
        ({"type": "array"}, {"type": "array", "items": {}, "maxItems": LONGEST_LIST}),
        ({"type": "integer", "minimum": 5, "maximum": 1}, {"type": "integer", "maximum": 1}),
        ({"type": "integer", "minimum": 0.5, "maximum": 0.7}, {"type": "integer", "maximum": 0}),
        ({"type": "integer", "minimum": 0.5}, {"type": "integer", "minimum": 1}),
        ({"type": "number", "minimum": float("nan")}, {"type": "number"}),
        ({"type": "string", "enum": ["x", "y"]}, {"enum": ["x", "y"]}),
        ({"const": 3}, {"enum": [3]}),
        ({"enum": [[1]] * 3}, {}),
        ({"type": "string", "enum": ["x"] * 500}, {"type": "string", "maxLength": LONGEST_TEXT}),
        ({"type": ["string", "null"]}, {"anyOf": [{"type": "string", "maxLength": LONGEST_TEXT}, {"type": "null"}]}),
        ({"oneOf": [{"type": "int"}, {"type": "bool"}]}, {"anyOf": [{"type": "integer"}, {"type": "boolean"}]}),
        ({"type": "object"}, {"type": "object"}),
        ({"type": "zebra"}, {}),
        (True, {}),
    ],
)
def test_arguments_schema_is_bounded_and_plain(schema, made):
    assert form(schema) == made


def test_arguments_schema_puts_references_in_their_place():
    assert form({"$ref": "#/$defs/A", "description": "x"}, **{"$defs": {"A": {"type": "bool"}}}) == {"type": "boolean"}
    assert form({"$ref": "#/$defs/none"}) == {}
    assert form({"$ref": "#/properties/a"}) == {}


def test_arguments_schema_that_refers_to_itself_ends():
    inner = form({"$ref": "#"})
    assert json.dumps(inner).count('"a"') < 3 * DEEPEST
    wide = {"properties": {name: {"$ref": "#"} for name in "abcdefgh"}}
    third = arguments_schema(wide)["properties"]["a"]["properties"]["b"]["properties"]
    assert third == {name: {} for name in "abcdefgh"} and 8 + 8**2 + 8**3 < LARGEST < 8**4


def test_calls_schema_has_a_form_for_each_tool():
    two = calls_schema([("f", {}), ("g", {"properties": {"a": {"type": "int"}}})])
    forms = two["items"]["anyOf"]
    assert [one["properties"]["tool"]["enum"] for one in forms] == [["f"], ["g"]]
    assert forms[0]["properties"]["arguments"]["properties"] == {}
    assert calls_schema([("f", {})])["items"] == forms[0]


def test_calls_schema_allows_no_call_and_without_tools_nothing_else():
    assert calls_schema([("f", {})]).keys() == {"type", "items"}
    assert calls_schema([]) == {"type": "array", "items": {}, "maxItems": 0}
