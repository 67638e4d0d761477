"""The argument check: what is right stays as it is, what is safely mended is mended and told, the rest is a problem."""

import time

import pytest
from hypothesis import given, settings, strategies as st

from dspy_programs.programs.actor import check
from dspy_programs.programs.actor.arguments import DEEPEST, MOST_TOLD
from dspy_programs.types import Function


def function(properties: dict, required=(), **more) -> Function:
    return Function(name="f", parameters={"type": "object", "properties": properties, "required": list(required), **more})


def one(schema: dict, value, **more):
    return check(function({"a": schema}, **more), {"a": value})


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string"}, "5"),
        ({"type": "integer"}, 5),
        ({"type": "number"}, 5),
        ({"type": "float"}, 2.5),
        ({"type": "boolean"}, False),
        ({"type": "array", "items": {"type": "integer"}}, []),
        ({"type": "tuple", "items": {"type": "float"}}, [1, 2.5]),
        ({"type": "dict", "properties": {"b": {"type": "string"}}, "required": ["b"]}, {"b": "x", "more": 1}),
        ({"type": "any"}, {"x": [None]}),
        ({}, "x"),
        ({"type": ["string", "null"]}, None),
        ({"type": "string", "nullable": True}, None),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, None),
        ({"type": ["string", "integer"]}, 5),
        ({"enum": ["C", "F"]}, "C"),
        ({"enum": [1, "1"]}, 1),
        ({"type": "array", "enum": ["x", "y"]}, ["y"]),
        ({"const": 3}, 3),
        ({"type": "integer", "minimum": 1, "maximum": 5}, 5),
        ({"type": "string", "pattern": "(a+)+$"}, "a" * 60 + "!"),
    ],
)
def test_check_leaves_right_value_alone(schema, value):
    assert one(schema, value) == ({"a": value}, [], [])


@pytest.mark.parametrize(
    ("schema", "value", "mended", "told"),
    [
        ({"type": "integer"}, "5", 5, 'a: "5" made 5'),
        ({"type": "integer"}, " -12 ", -12, 'a: " -12 " made -12'),
        ({"type": "integer"}, 5.0, 5, "a: 5.0 made 5"),
        ({"type": "integer"}, "5.0", 5, 'a: "5.0" made 5'),
        ({"type": "number"}, "2.5", 2.5, 'a: "2.5" made 2.5'),
        ({"type": "number"}, "1e3", 1000.0, 'a: "1e3" made 1000.0'),
        ({"type": "boolean"}, "True", True, 'a: "True" made true'),
        ({"type": "string"}, 5, "5", 'a: 5 made "5"'),
        ({"enum": ["celsius", "kelvin"]}, "Celsius", "celsius", 'a: "Celsius" made "celsius"'),
        ({"enum": ["North America"]}, "north_america", "North America", 'a: "north_america" made "North America"'),
        ({"type": "integer", "enum": [1, 2]}, "2", 2, 'a: "2" made 2'),
        ({"type": "array", "items": {"type": "integer"}}, 3, [3], "a: 3 made [3]"),
        ({"type": "array", "items": {"type": "integer"}}, "[1, 2]", [1, 2], 'a: "[1, 2]" made [1, 2]'),
        ({"type": "array", "items": {"type": "integer"}}, ["1", 2], [1, 2], 'a[0]: "1" made 1'),
        ({"type": "object", "properties": {"b": {"type": "integer"}}}, {"b": "1"}, {"b": 1}, 'a.b: "1" made 1'),
        ({"type": "object"}, '{"b": 1}', {"b": 1}, 'a: "{\\"b\\": 1}" made {"b": 1}'),
    ],
)
def test_check_repairs_what_is_only_written_wrong_and_tells(schema, value, mended, told):
    found = one(schema, value)
    assert found == ({"a": mended}, [told], [])
    assert type(found.arguments["a"]) is type(mended)


@pytest.mark.parametrize(
    ("schema", "value", "fault"),
    [
        ({"type": "integer"}, "five", 'a: "five" is not an integer'),
        ({"type": "integer"}, "2.5", 'a: "2.5" is not an integer'),
        ({"type": "integer"}, 2.5, "a: 2.5 is not an integer"),
        ({"type": "integer"}, True, "a: true is not an integer"),
        ({"type": "integer"}, "٣", 'a: "٣" is not an integer'),
        ({"type": "integer"}, "9" * 5000, "is not an integer"),
        ({"type": "number"}, "1,000", 'a: "1,000" is not a number'),
        ({"type": "number"}, "nan", "is not a number"),
        ({"type": "number"}, float("inf"), "is not a number"),
        ({"type": "number"}, False, "a: false is not a number"),
        ({"type": "boolean"}, 1, "a: 1 is not true or false"),
        ({"type": "boolean"}, "yes", "is not true or false"),
        ({"type": "string"}, True, "a: true is not a string"),
        ({"type": "string"}, ["x"], "is not a string"),
        ({"enum": ["C", "F"]}, "K", 'a: "K" is not one of ["C", "F"]'),
        ({"enum": ["a b", "a_b"]}, "A B", 'is not one of ["a b", "a_b"]'),
        ({"enum": [1]}, True, "is not one of [1]"),
        ({"type": "array", "items": {"type": "integer"}}, "x", 'a: "x" is not a list'),
        ({"type": "array", "items": {"type": "integer"}}, [1, "x"], 'a[1]: "x" is not an integer'),
        ({"type": "array"}, None, "a: null is not a list"),
        ({"type": "object"}, "x", 'a: "x" is not an object'),
        ({"type": "object", "properties": {"b": {}}, "required": ["b"]}, {}, "a.b: missing"),
        ({"type": "object", "properties": {}, "additionalProperties": False}, {"b": 1}, "a.b: 1 is not an argument of it"),
        ({"anyOf": [{"type": "integer"}, {"type": "boolean"}]}, "x", 'a: "x" fits none of the 2 forms it may have'),
        ({"type": "integer", "minimum": 1}, 0, "a: 0 is below 1"),
        ({"type": "number", "exclusiveMaximum": 1}, 1, "a: 1 is not below 1"),
        ({"type": "string", "maxLength": 2}, "abc", "has 3 characters, more than 2"),
        ({"type": "array", "minItems": 2}, [1], "has 1 items, fewer than 2"),
        ({"type": "array", "prefixItems": [{}], "items": False}, [1, 2], "a[1]: 2 may not be there"),
        ({"type": "array", "items": [{}, {"type": "integer"}]}, [1, "x"], 'a[1]: "x" is not an integer'),
        ({"type": "array", "uniqueItems": True}, [[1], [2], [1]], "a: [[1], [2], [1]] has the same item twice"),
        ({"type": "integer", "multipleOf": 5}, 7, "a: 7 is no multiple of 5"),
        ({"type": "number", "minimum": 0, "exclusiveMinimum": True}, 0, "a: 0 is not above 0"),
        ({"type": "string", "not": {"enum": ["x"]}}, "x", 'a: "x" is what it may not be'),
        (False, 1, "a: 1 may not be there"),
        ({"minLength": 2}, "x", "has 1 characters, fewer than 2"),
        ({"$ref": "#/properties/b", "maximum": 3}, 5, "a: 5 is above 3"),
        ({"oneOf": [{"required": ["b"]}, {"required": ["c"]}]}, {"b": 1, "c": 2}, "fits 2 forms, and may fit only one"),
        ({"if": {"required": ["b"]}, "then": {"required": ["c"]}}, {"b": 1}, "a.c: missing"),
        ({"type": "object", "dependentRequired": {"b": ["c"]}}, {"b": 1}, "a.c: missing"),
        ({"type": "object", "dependencies": {"b": {"required": ["c"]}}}, {"b": 1}, "a.c: missing"),
        ({"type": "object", "minProperties": 2}, {"b": 1}, "has 1 properties, fewer than 2"),
        ({"patternProperties": {"^x": {"type": "integer"}}, "additionalProperties": False}, {"x": "y"}, "is not an integer"),
    ],
)
def test_check_tells_what_is_wrong_and_changes_nothing(schema, value, fault):
    found = one(schema, value, required=["a"])
    assert found.problems[0].endswith(fault) and len(found.problems) == 1
    assert found.repairs == []


def test_check_tells_what_keeps_an_object_from_the_nearest_form():
    forms = [{"properties": {"b": {}, "c": {}}, "required": ["b", "c"]}, {"properties": {"d": {}}, "required": ["d"]}]
    found = check(Function(name="f", parameters={"type": "object", "oneOf": forms}), {"b": 1})
    assert found.problems == ['arguments: {"b": 1} fits none of the 2 forms it may have', "c: missing"]
    assert check(Function(name="f", parameters={"type": "object", "oneOf": forms}), {"d": 1, "e": 2}).problems == [
        "e: 2 is not an argument of it"
    ]


def test_check_mends_the_name_and_drops_the_null_of_an_argument_of_a_form():
    forms = {"allOf": [{"properties": {"startDate": {}}}, {"properties": {"b": {"type": "integer"}}}]}
    found = check(Function(name="f", parameters=forms), {"start_date": "x", "b": None})
    assert (found.arguments, found.problems) == ({"startDate": "x"}, [])


def test_check_tells_missing_and_unknown_arguments():
    found = check(function({"a": {"type": "integer"}}, required=["a"]), {"b": 1})
    assert found.problems == ["b: 1 is not an argument of it", "a: missing"]
    assert found.arguments == {"b": 1}


def test_check_drops_null_for_what_may_be_left_out_but_not_for_what_must_be_there():
    schema = {"a": {"type": "integer"}, "b": {"type": "integer"}}
    found = check(function(schema, required=["a"]), {"a": None, "b": None})
    assert found.arguments == {"a": None}
    assert (found.repairs, found.problems) == (["b: null left out"], ["a: null is not an integer"])


def test_check_mends_name_in_another_spelling_unless_the_right_one_is_there():
    spelled = function({"startDate": {"type": "string"}})
    assert check(spelled, {"start_date": "x"}) == (
        {"startDate": "x"},
        ['start_date (the name): "start_date" made "startDate"'],
        [],
    )
    assert check(spelled, {"startDate": "x", "start_date": "y"}).problems


def test_check_allows_unknown_arguments_where_the_schema_does():
    assert check(function({}, additionalProperties={"type": "integer"}), {"x": "1"}).arguments == {"x": 1}


def test_check_prefers_form_that_fits_as_it_is():
    assert one({"anyOf": [{"type": "string"}, {"type": "integer"}]}, 5) == ({"a": 5}, [], [])


def test_check_applies_every_part_of_all_of():
    found = one({"allOf": [{"type": "integer"}, {"type": "integer", "maximum": 3}]}, "9")
    assert found.problems == ["a: 9 is above 3"]


def test_check_follows_references_even_to_themselves():
    node = {"type": "object", "properties": {"value": {"type": "integer"}, "next": {"$ref": "#/$defs/Node"}}}
    found = one(
        {"$ref": "#/$defs/Node"}, {"value": 1, "next": {"value": "2", "next": {"value": "x"}}}, **{"$defs": {"Node": node}}
    )
    assert found.repairs == ['a.next.value: "2" made 2']
    assert found.problems == ['a.next.next.value: "x" is not an integer']


def test_check_follows_reference_at_the_root():
    whole = Function(
        name="f", parameters={"$ref": "#/$defs/A", "$defs": {"A": {"type": "object", "properties": {"a": {"type": "integer"}}}}}
    )
    assert check(whole, {"a": "1"}).arguments == {"a": 1}


def test_check_does_not_change_its_argument():
    given_ = {"a": {"b": ["1"]}}
    check(function({"a": {"type": "object", "properties": {"b": {"type": "array", "items": {"type": "integer"}}}}}), given_)
    assert given_ == {"a": {"b": ["1"]}}


def test_check_sees_a_schema_that_was_changed_after_a_check():
    tool = function({"a": {"type": "integer"}})
    check(tool, {"a": 1})
    tool.parameters["properties"]["a"] = {"type": "boolean"}
    assert check(tool, {"a": 1}).problems


def test_check_tells_only_the_first_of_very_many_problems():
    found = one({"type": "array", "items": {"type": "integer"}}, ["x"] * 1000)
    assert len(found.problems) == MOST_TOLD + 1 and found.problems[-1] == f"and {1000 - MOST_TOLD} more"


@pytest.mark.parametrize("arguments", [None, 5, [], "x", "{", "[1]", True])
def test_check_refuses_arguments_that_are_no_object(arguments):
    found = check(function({}), arguments)
    assert found.arguments == {} and "is not an object" in found.problems[0]


def test_check_reads_arguments_written_as_json_text():
    assert check(function({"a": {"type": "integer"}}), '{"a": 1}').arguments == {"a": 1}


def nested(levels: int) -> list:
    value: list = []
    for _ in range(levels):
        value = [value]
    return value


ITSELF = {"$ref": "#/$defs/A"}
LOOPS = {
    "A": {"anyOf": [ITSELF, ITSELF]},
    "L": {"type": "array", "items": {"$ref": "#/$defs/L"}},
    "O": {"type": "object", "properties": {name: {"$ref": "#/$defs/O"} for name in "abcdefgh"}},
}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (ITSELF, 1),
        ({"allOf": [ITSELF] * 9}, 1),
        ({"$ref": "#/$defs/L"}, nested(DEEPEST + 5)),
        ({"type": "array", "items": {"type": "array", "items": {"type": "array"}}}, [[["x"]] * 200_000]),
        ({"$ref": "#/$defs/L"}, [[]] * 200_000),
    ],
)
def test_check_ends_and_says_so_where_there_is_too_much_to_check(schema, value):
    start = time.process_time()
    found = one(schema, value, **{"$defs": LOOPS})
    assert time.process_time() - start < 3
    if schema.get("type") != "array":
        assert "nested too deep, or too large, to be checked" in found.problems[0]


@pytest.mark.parametrize(
    "parameters",
    [
        {"type": 7, "properties": [1], "required": {"a": 1}},
        {"properties": {"a": True}, "required": [1, None]},
        {"properties": {"a": {"enum": 5, "type": "zebra", "items": 3}}},
        {"properties": {"a": {"anyOf": "x", "allOf": [7], "$ref": 5}}},
        {"properties": {"a": {"$ref": "http://elsewhere/x"}}},
        {"properties": {"a": {"$ref": "#/$defs/none"}}},
        {"$ref": "#"},
        {},
        {"properties": {"a": {"minimum": "low", "maxLength": 2.5}}},
    ],
)
def test_check_survives_malformed_schemas(parameters):
    found = check(Function(name="f", parameters=parameters), {"a": "x"})
    assert found.arguments == {"a": "x"} or found.problems


def test_check_says_when_a_schema_cannot_be_read():
    deep: dict = {}
    for _ in range(300):
        deep = {"properties": {"a": deep}}
    found = check(Function.model_construct(name="f", description="", parameters=deep), {"a": 1})
    assert found.problems and "cannot be read" in found.problems[0]


@pytest.mark.parametrize(
    "value", ["x" * 1_000_000, "[" * 100_000, "\ud800", "1" * 1_000_000, {"k" * 100_000: 1}, {1, 2}, object()]
)
def test_check_keeps_messages_short_whatever_the_value(value):
    found = one({"type": "array", "items": {"type": "integer"}}, value)
    assert len(found.problems) == 1 and len(found.problems[0]) < 200


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["5", "2.5", "true", "[1]"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abA_"), inner, max_size=3),
    max_leaves=6,
)
schemas = st.recursive(
    st.sampled_from([{"type": name} for name in ("string", "integer", "number", "boolean", "null", "dict", "list", "any")])
    | st.sampled_from(
        [{"enum": ["a", "B c"]}, {"$ref": "#"}, {"type": "integer", "minimum": 1}, {"type": ["integer", "null"]}]
    ),
    lambda inner: (
        st.builds(lambda s: {"type": "array", "items": s}, inner)
        | st.builds(lambda s: {"anyOf": s}, st.lists(inner, min_size=1, max_size=3))
        | st.builds(
            lambda p, r: {"type": "object", "properties": p, "required": r},
            st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
            st.lists(st.sampled_from("ab"), max_size=2),
        )
    ),
    max_leaves=5,
)


def test_name_that_is_only_said_to_be_missing_leaves_its_place_to_another_spelling():
    tool = function({"a": {"$ref": "#"}})
    assert check(tool, {"a": {"a": None, "A": None}}).arguments == {"a": {}}
    assert check(function({"a": {"type": "integer"}}), {"a": None, "A": 1}).arguments == {"a": 1}


@given(st.dictionaries(st.sampled_from("ab"), schemas), json_values)
@settings(max_examples=100, deadline=None)
def test_check_never_raises_and_repairs_once(properties, value):
    tool = function(properties)
    first = check(tool, {"a": value})
    assert isinstance(first.arguments, dict)
    if not first.problems:
        assert check(tool, first.arguments) == (first.arguments, [], [])
    assert repr(check(tool, {"a": value})) == repr(first)


@given(st.integers(-(10**14), 10**14), st.floats(-1e6, 1e6), st.booleans())
def test_check_loses_nothing_when_it_reads_strings(whole, real, truth):
    tool = function({"i": {"type": "integer"}, "n": {"type": "number"}, "b": {"type": "boolean"}})
    found = check(tool, {"i": str(whole), "n": f"{real:.6f}", "b": str(truth)})
    assert found.arguments == {"i": whole, "n": float(f"{real:.6f}"), "b": truth}
