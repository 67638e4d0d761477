"""The actor's rules: calls that a text writes out are read, and nothing else is."""

import time

import pytest
from hypothesis import given, strategies as st

from dspy_programs.programs.actor.call_reader import LONGEST, read_calls
from dspy_programs.types import Function

WEATHER = {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}, "required": ["city"]}
FUNCTIONS = [Function(name="get_weather", parameters=WEATHER), Function(name="math.power"), Function(name="get")]


def read(text: str) -> list:
    return [(call.tool, call.arguments) for call in read_calls(text, FUNCTIONS)]


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("get_weather(city='Oslo', days=3)", {"city": "Oslo", "days": 3}),
        ('get_weather("Oslo", 3)', {"city": "Oslo", "days": 3}),
        ('Please call get_weather({"city": "Oslo"}).', {"city": "Oslo"}),
        ('get_weather {"city": "Oslo", "days": null}', {"city": "Oslo", "days": None}),
        ('get_weather: {"city": "}"}', {"city": "}"}),
        ("get_weather city=Oslo days=3", {"city": "Oslo", "days": "3"}),
        ('run get_weather city="New York"', {"city": "New York"}),
        ("`get_weather()`", {}),
        ("get_weather(city='a) b(', days=-2)", {"city": "a) b(", "days": -2}),
        ("get_weather(city=[1, (2,)], days={'a': true})", {"city": [1, [2]], "days": {"a": True}}),
        ("get_weather(city='Zürich 東京')", {"city": "Zürich 東京"}),
    ],
)
def test_read_calls_reads_every_form(text, arguments):
    assert read(text) == [("get_weather", arguments)]


@pytest.mark.parametrize("between", [" and ", ", then ", "; ", "\n", "\nThen please call "])
def test_read_calls_reads_several(between):
    assert read(f"math.power(){between}get_weather city=x") == [("math.power", {}), ("get_weather", {"city": "x"})]


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n",
        "What is the weather in Oslo?",
        "get_weather",
        "do not call get_weather(city='Oslo')",
        "is get_weather(city='Oslo') safe?",
        "get_weather(city='Oslo') if it rains",
        "forget(x=1)",
        "get_weather(city=open('x'))",
        "get_weather(city=__import__('os').system('x'))",
        "get_weather(city=f'{x}')",
        "get_weather(city=name)",
        "get_weather(*['Oslo'])",
        "get_weather('Oslo', city='Oslo')",
        "get_weather('a', 1, 2)",
        "get_weather(city='Oslo'",
        "get_weather(city={1, 2})",
        "get_weather(city=b'x')",
        "get_weather(city=1j)",
        'get_weather {"city": ',
        "get_weather(city='x')(1)(",
        "get_weather(" + "[" * 5000 + "]" * 5000 + ")",
        "get_weather(city=" + "-" * 9000 + "1)",
        "get_weather(city='\x00')",
        "; ".join(["get()"] * 9),
        "get_weather(city='x') " + "y" * LONGEST,
    ],
)
def test_read_calls_makes_no_call_of_anything_else(text):
    assert read(text) == []


def test_read_calls_makes_no_call_without_functions():
    assert read_calls("get()", []) == []


@pytest.mark.parametrize("unit", ["get(", "get()", "and ", "get {", "get a=", '"', "get('"])
def test_read_calls_is_quick(unit):
    start = time.process_time()
    read(unit * (LONGEST // len(unit)))
    assert time.process_time() - start < 1


@given(st.text(max_size=40) | st.builds("get_weather{}".format, st.text("()[]{}'\"=, \\ax1:", max_size=20)))
def test_read_calls_never_raises(text):
    assert all(call.tool in text for call in read_calls(text, FUNCTIONS))
