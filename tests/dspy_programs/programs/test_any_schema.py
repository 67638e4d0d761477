"""Random JSON schemas with a value that each allows: the check finds nothing wrong, and the grammar's schema allows it too.

The oracle is the library jsonschema; the language of the grammar itself is asked of llguidance, which is what llama.cpp uses.
"""

import json

import llguidance
from hypothesis import assume, given, settings, strategies as st
from jsonschema import Draft202012Validator

from dspy_programs.programs.actor import check
from dspy_programs.schemas import calls_schema
from dspy_programs.types import Function

NAMES = st.sampled_from(["a", "b", "type", "$ref", "ø.1/x", "properties"])
Case = tuple[dict, object]  # a schema, and a value that it allows


def is_valid(schema: dict, value: object) -> bool:
    return Draft202012Validator(schema).is_valid(value)


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=6)
scalars = st.none() | st.booleans() | st.integers(-9, 9) | texts
strings = st.builds(lambda text, low: ({"type": "string", "minLength": min(low, len(text))}, text), texts, st.integers(0, 4))
whole = st.builds(
    lambda value, below, above: ({"type": "integer", "minimum": value - below, "exclusiveMaximum": value + above}, value),
    st.integers(-99, 99),
    st.integers(0, 3),
    st.integers(1, 3),
)
real = st.builds(
    lambda value: ({"type": "number", "maximum": value}, value), st.integers(-9, 9) | st.sampled_from([0.5, -2.25])
)
listed = st.builds(lambda value, more: ({"enum": [value, *more]}, value), scalars, st.lists(scalars, max_size=2))
constant = st.builds(lambda value: ({"const": value}, value), scalars)
nullable = st.builds(lambda case: ({**case[0], "type": [case[0]["type"], "null"]}, case[1]), strings | whole)
absent = st.builds(lambda case: ({**case[0], "type": [case[0]["type"], "null"]}, None), strings | whole)
anything = st.builds(lambda value: ({}, value), scalars | st.lists(scalars, max_size=2))
leaves = strings | whole | real | listed | constant | nullable | absent | anything


@st.composite
def lists(draw, inner: st.SearchStrategy[Case]) -> Case:
    schema, value = draw(inner)
    times = draw(st.integers(0, 3))
    return {"type": "array", "items": schema, "minItems": draw(st.integers(0, times))}, [value] * times


@st.composite
def tuples(draw, inner: st.SearchStrategy[Case]) -> Case:
    cases = draw(st.lists(inner, min_size=1, max_size=3))
    return {"type": "array", "prefixItems": [s for s, _ in cases], "items": False}, [v for _, v in cases]


@st.composite
def objects(draw, inner: st.SearchStrategy[Case]) -> Case:
    cases = draw(st.dictionaries(NAMES, inner, max_size=3))
    there = draw(st.sets(st.sampled_from(sorted(cases)))) if cases else set()
    must = [name for name in sorted(there) if draw(st.booleans())]
    schema = {"type": "object", "properties": {name: case[0] for name, case in cases.items()}, "required": must}
    value = {name: cases[name][1] for name in cases if name in there}
    more, extra = draw(inner)
    kind = draw(st.sampled_from(["closed", "unsaid", "typed", "any", "pattern"]))
    schema |= {
        "closed": {"additionalProperties": False},
        "unsaid": {},
        "typed": {"additionalProperties": more},
        "any": {"additionalProperties": True},
        "pattern": {"patternProperties": {"^x-": more}, "additionalProperties": False},
    }[kind]
    return schema, value | ({"x-more": extra} if kind in ("typed", "any", "pattern") else {})


@st.composite
def combined(draw, inner: st.SearchStrategy[Case]) -> Case:
    """Put a schema among others, in one of the ways that keep its value right."""
    schema, value = draw(inner)
    other, _ = draw(inner)
    key = draw(st.sampled_from(["anyOf", "oneOf", "allOf", "not", "if", "$ref"]))
    made = {
        "anyOf": {"anyOf": draw(st.permutations([schema, other]))},
        "oneOf": {"oneOf": draw(st.permutations([schema, other]))},
        "allOf": {"allOf": [schema, *([other] if is_valid(other, value) else [])]},
        "not": {**schema, "not": other},
        "if": {**schema, "if": other, "then": other},
        "$ref": {"$ref": "#/$defs/it"} if "$ref" not in json.dumps(schema) else schema,
    }[key]
    if key == "$ref" and made is not schema:
        made = {"allOf": [schema], "description": "as referred to"}
    assume(is_valid(made, value))
    return made, value


@st.composite
def split(draw, inner: st.SearchStrategy[Case]) -> Case:
    """Spread the properties of an object over parts, all of which hold or any, and say that one or another must be there."""
    schema, value = draw(objects(inner))
    for key in ("additionalProperties", "patternProperties"):
        schema.pop(key, None)
    value = {name: each for name, each in value.items() if name in schema["properties"]}
    parts = [{"type": "object", "properties": {name: each}} for name, each in schema["properties"].items()]
    options = [{"required": [name]} for name in schema["properties"]] if value else []
    if value and draw(st.booleans()):
        forms = [{**part, **option} for part, option in zip(parts, options, strict=True)]
        return {"type": "object", "anyOf": forms}, value
    made = {"type": "object", "allOf": parts, "required": schema["required"], "anyOf": options}
    return {key: each for key, each in made.items() if each}, value


@st.composite
def leaf(draw) -> Case:
    return draw(leaves)


def deeper(inner: st.SearchStrategy[Case]) -> st.SearchStrategy[Case]:
    return leaf() | lists(inner) | tuples(inner) | objects(inner) | combined(inner) | split(inner)


shallow = st.deferred(lambda: deeper(leaf()))
cases = st.deferred(lambda: deeper(shallow))
roots = objects(cases) | split(cases) | combined(objects(cases)) | combined(split(cases))


def in_defs(schema: dict) -> dict:
    """Put every property's schema of an object where it is referred to."""
    properties = schema.get("properties", {})
    named = {f"p{i}": each for i, each in enumerate(properties.values())}
    refs = {name: {"$ref": f"#/$defs/p{i}"} for i, name in enumerate(properties)}
    return {**schema, "properties": refs, "$defs": named} if properties else schema


def in_order(schema: dict, value: object) -> object:
    """Return a value with the names of its objects in the order in which the grammar writes them."""
    if "anyOf" in schema:
        return in_order(next(option for option in schema["anyOf"] if is_valid(option, value)), value)
    if isinstance(value, list):
        return [in_order(schema.get("items", {}), each) for each in value]
    if not isinstance(value, dict) or "properties" not in schema:
        return value
    named, more = schema["properties"], schema["additionalProperties"] or {}
    first = {name: in_order(named[name], value[name]) for name in named if name in value}
    return first | {name: in_order(more, each) for name, each in value.items() if name not in named}


def language_refuses(schema: dict, value: object) -> str:
    """Return where the grammar of a schema stops reading a value, "" where it reads it whole."""
    spacing = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
    tokenizer = llguidance.LLTokenizer("byte")
    matcher = llguidance.LLMatcher(tokenizer, f"%llguidance {{}}\nstart: %json {json.dumps({**schema, 'x-guidance': spacing})}")
    text = json.dumps(in_order(schema, value), ensure_ascii=False)
    tokens = tokenizer.tokenize_str(text)
    read = matcher.validate_tokens(tokens)
    whole = read == len(tokens) and matcher.consume_tokens(tokens) and matcher.is_accepting()
    return "" if whole else f"{matcher.get_error()} after {text.encode()[:read].decode(errors='replace')}"


@given(roots, st.booleans())
@settings(max_examples=100, deadline=None)
def test_value_that_a_schema_allows_is_a_right_call(case, refer):
    schema, value = case
    schema = in_defs(schema) if refer else schema
    assert is_valid(schema, value)
    found = check(Function(name="f", parameters=schema), value)
    assert (found.arguments, found.repairs, found.problems) == (value, [], [])


@given(roots, st.booleans())
@settings(max_examples=100, deadline=None)
def test_value_that_a_schema_allows_is_allowed_by_the_grammar(case, refer):
    schema, value = case
    schema = in_defs(schema) if refer else schema
    grammar = calls_schema([("f", schema), ("g", {})])
    Draft202012Validator.check_schema(grammar)
    assert is_valid(grammar, [{"tool": "f", "arguments": value}])


@given(roots)
@settings(max_examples=100, deadline=None)
def test_value_that_a_schema_allows_is_in_the_language(case):
    schema, value = case
    assert language_refuses(calls_schema([("f", schema)]), [{"tool": "f", "arguments": value}]) == ""


@given(roots, st.dictionaries(NAMES, st.recursive(scalars, lambda inner: st.lists(inner, max_size=2)), max_size=3))
@settings(max_examples=100, deadline=None)
def test_call_that_is_found_right_is_what_the_schema_allows(case, value):
    schema, _ = case
    assume("patternProperties" not in json.dumps(schema))  # the check does not match names against patterns
    found = check(Function(name="f", parameters=schema), value)
    assert found.problems or is_valid(schema, found.arguments)
