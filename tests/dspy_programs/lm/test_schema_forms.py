"""The forms of a schema: what strict mode takes, that it allows the right reply, and that its nulls are read back."""

import json

import pytest
from hypothesis import given, settings, strategies as st
from pydantic import BaseModel, Field

from dspy_programs.lm.server.schema_forms import BOUNDS, NotStrict, forms_to_try, read_back, strict_form
from tests.dspy_programs.lm.dialects import strict_fault

LENGTHS = ("minLength", "maxLength", "pattern", "format", "title")


class Leaf(BaseModel):
    name: str = Field("", max_length=9)
    number: int | None = Field(None, ge=1)


class Tree(BaseModel):
    leaf: Leaf
    more: list["Tree"] = Field(default=[], max_length=3)
    either: Leaf | str = ""


class Wood(BaseModel):
    trees: list[Tree]


def obj(required=(), **properties) -> dict:
    return {"type": "object", "properties": properties, "required": [*required], "additionalProperties": False}


@pytest.mark.parametrize("schema", [Leaf.model_json_schema(), Wood.model_json_schema()])
def test_strict_form_of_a_model_is_one_that_strict_servers_take(schema):
    assert strict_fault(strict_form(schema, BOUNDS), LENGTHS) is None
    assert strict_fault(strict_form(schema), (*LENGTHS, *BOUNDS)) is None


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        ({"type": "string", "maxLength": 3, "title": "T", "description": "d"}, {"type": "string", "description": "d"}),
        ({"const": "a"}, {"enum": ["a"], "type": "string"}),
        ({"enum": [1, None, "x"]}, {"enum": [1, None, "x"], "type": ["integer", "null", "string"]}),
        ({"oneOf": [{"type": "string"}, {"type": "null"}]}, {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        (obj(a={"type": "string"}), obj(["a"], a={"anyOf": [{"type": "string"}, {"type": "null"}]})),
        (obj(a={"type": ["string", "null"]}), obj(["a"], a={"type": ["string", "null"]})),
        (obj(["a"], a={"type": "integer", "minimum": 1}), obj(["a"], a={"type": "integer"})),
        (obj(), obj()),
    ],
)
def test_strict_form(schema, strict):
    assert strict_form(schema) == strict


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object"},
        {"type": "object", "additionalProperties": {"type": "string"}},
        {"type": "array"},
        {"type": "array", "items": {}},
        {"allOf": [{"type": "string"}]},
        {"enum": [[1]]},
        {"$ref": "#/$defs/Nobody"},
        obj(a={"type": "object", "properties": {}, "additionalProperties": True}),
    ],
)
def test_schema_that_strict_mode_cannot_say_has_no_strict_form(schema):
    with pytest.raises(NotStrict):
        strict_form(schema)
    kinds = [form.kind for form in forms_to_try({"type": "json_schema", "name": "r", "schema": schema}, own=False)]
    assert kinds == ["loose", "object", "none"]


def test_forms_come_from_the_closest_to_none_and_the_own_server_is_asked_as_ever():
    asked = {"type": "json_schema", "name": "r", "schema": Tree.model_json_schema(), "strict": True}
    own, hosted = forms_to_try(asked, own=True), forms_to_try(asked, own=False)
    assert own[0].response_format == asked and own[1:] == hosted
    assert [form.kind for form in hosted] == ["strict", "bare", "loose", "object", "none"]
    assert [form.kind for form in forms_to_try({"type": "json_object"}, own=True)] == ["object", "none"]


@pytest.mark.parametrize(
    ("schema", "reply", "read"),
    [
        (obj(["a"], a={"type": "string"}, b={"type": "integer"}), {"a": "x", "b": None}, {"a": "x"}),
        (obj(a={"type": ["string", "null"]}), {"a": None}, {"a": None}),
        (obj(["a"], a={"type": "string"}), {"a": None}, {"a": None}),
        (obj(["a"], a=obj(b={"type": "string"})), {"a": {"b": None}}, {"a": {}}),
        (obj(["a"], a={"type": "array", "items": obj(b={"enum": [1]})}), {"a": [{"b": None}, {"b": 1}]}, {"a": [{}, {"b": 1}]}),
        (
            {"anyOf": [obj(["t"], t={"enum": ["x"]}, b={"type": "null"}), obj(["t"], t={"enum": ["y"]}, b={"type": "string"})]},
            {"t": "y", "b": None},
            {"t": "y"},
        ),
        (obj(a={"type": "string"}), {"b": None}, {"b": None}),
    ],
)
def test_null_that_strict_mode_forced_is_read_back_as_left_out(schema, reply, read):
    assert json.loads(read_back(json.dumps(reply), schema)) == read


@pytest.mark.parametrize("reply", ["no JSON", '{"a": 1.50}', "[" * 5000, '{"a": "\\u00e9"}'])
def test_reply_with_nothing_to_leave_out_is_itself(reply):
    assert read_back(reply, obj(a={"type": "number"})) == reply


leaves = st.sampled_from(
    [{"type": "string"}, {"type": "integer", "maximum": 3}, {"enum": ["a", None]}, {"type": ["null", "string"]}]
)
schemas = st.recursive(
    leaves,
    lambda inner: (
        st.builds(lambda items: {"type": "array", "items": items, "maxItems": 2}, inner)
        | st.builds(
            lambda properties, required: obj([name for name in properties if name in required], **properties),
            st.dictionaries(st.sampled_from("abc"), inner),
            st.sets(st.sampled_from("abc")),
        )
    ),
    max_leaves=6,
)


@settings(deadline=None)
@given(schemas)
def test_every_schema_has_a_form_that_strict_servers_take(schema):
    assert strict_fault(strict_form(schema, BOUNDS), LENGTHS) is None
    assert strict_fault(strict_form(schema), (*LENGTHS, *BOUNDS)) is None
