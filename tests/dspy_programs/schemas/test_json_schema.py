"""Schemas as users write them: shown on one line, and made safe for a grammar."""

import json

import pytest
from jsonschema import Draft202012Validator

from dspy_programs.schemas import LONGEST_TEXT, calls_schema, types_of
from dspy_programs.schemas.grammar_schema import LONGEST_LIST, arguments_schema
from dspy_programs.schemas.json_schema import DEEPEST, LARGEST
from dspy_programs.types import Function, Tool

ARRAY = {"type": "array", "items": {"type": "integer"}, "maxItems": 3}


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


A = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
B = {"type": "object", "properties": {"b": {"type": "boolean"}}, "required": ["b"]}


def named(schema: dict) -> list[tuple[list[str], list[str]]]:
    return [(list(form["properties"]), form["required"]) for form in arguments_schema(schema)["anyOf"]]


def test_object_may_have_the_names_of_several_forms_of_any_of_but_of_one_of_only_its_own():
    assert named({"anyOf": [A, B]}) == [(["a", "b"], ["a"]), (["b", "a"], ["b"])]
    assert named({"oneOf": [A, B]}) == [(["a"], ["a"]), (["b"], ["b"])]
    closed = {**B, "additionalProperties": False}
    assert named({"anyOf": [A, closed]}) == [(["a"], ["a"]), (["b"], ["b"])]


def test_object_of_one_kind_has_no_names_of_another_kind():
    cat, dog = ({"properties": {"kind": {"const": kind}, kind: {}}} for kind in ("cat", "dog"))
    assert named({"type": "object", "anyOf": [cat, dog]}) == [(["kind", "cat"], []), (["kind", "dog"], [])]


@pytest.mark.parametrize(
    ("parts", "made"),
    [
        ([{"type": "integer"}, {"type": "number", "minimum": 2}], {"type": "integer", "minimum": 2}),
        ([{"type": ["string", "integer"]}, {"type": ["integer", "null"]}], {"type": "integer"}),
        ([{"enum": [1, 2]}, {"enum": [2, 3]}], {"enum": [2]}),
        ([{"minimum": 1, "maximum": 9}, {"type": "integer", "minimum": 3}], {"type": "integer", "minimum": 3, "maximum": 9}),
        ([{"type": "string", "maxLength": 9}, {"maxLength": 5}, {"not": {}}], {"type": "string", "maxLength": 5}),
        ([{"type": "array", "items": {"type": "number"}}, {"items": {"type": "integer"}, "maxItems": 3}], ARRAY),
        ([{}, True], {}),
    ],
)
def test_parts_of_all_of_are_merged(parts, made):
    assert form({"allOf": parts}) == made


@pytest.mark.parametrize(
    ("more", "allowed"),
    [
        ({}, False),
        ({"additionalProperties": False}, False),
        ({"additionalProperties": True}, {}),
        ({"additionalProperties": {"type": "bool"}}, {"type": "boolean"}),
        ({"unevaluatedProperties": True}, {}),
        ({"patternProperties": {"^x": {"type": "bool"}}, "additionalProperties": False}, {"type": "boolean"}),
    ],
)
def test_other_names_are_allowed_where_the_schema_says_so(more, allowed):
    assert arguments_schema({**A, **more})["additionalProperties"] == allowed


def test_names_that_are_only_required_or_named_under_a_condition_may_be_there():
    conditional = {"if": A, "then": {"properties": {"c": {}}, "required": ["d"]}, "dependentSchemas": {"a": B}}
    made = arguments_schema({**A, "required": ["a", "e"], **conditional})
    assert (set(made["properties"]), made["required"]) == (set("abcde"), ["a", "e"])


def test_calls_schema_has_a_form_for_each_tool():
    two = calls_schema([("f", {}), ("g", {"properties": {"a": {"type": "int"}}})])
    forms = two["items"]["anyOf"]
    assert [one["properties"]["tool"]["enum"] for one in forms] == [["f"], ["g"]]
    assert forms[0]["properties"]["arguments"]["properties"] == {}
    assert calls_schema([("f", {})])["items"] == forms[0]


def test_calls_schema_allows_no_call_and_without_tools_nothing_else():
    assert calls_schema([("f", {})]).keys() == {"type", "items"}
    assert calls_schema([]) == {"type": "array", "items": {}, "maxItems": 0}


def test_anyof_inside_oneof_allows_the_names_of_several_of_its_forms():
    some = {"anyOf": [{"properties": {name: {"type": "string"}}, "required": [name]} for name in ("a", "b")]}
    made = arguments_schema({"oneOf": [{"type": "object", **some}, {"type": "object", "required": ["c"]}]})
    assert (
        Draft202012Validator(made).is_valid({"a": "", "b": ""})
        and Draft202012Validator(made).is_valid({"b": ""})
        and not Draft202012Validator(made).is_valid({})
    )
