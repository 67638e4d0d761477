"""The window on a trace: bounded, with the turns that matter, everything a turn says inside its own line's quotes."""

import json

import pytest
from hypothesis import given, settings, strategies as st

from dspy_programs.programs.failure_judge.trace_window import around, cut, window
from dspy_programs.types import Turn


def talk(count: int, length: int = 20) -> list[Turn]:
    return [Turn(turn_number=i, role="agent", content=f"turn {i} " + "x" * length) for i in range(count)]


def test_window_shows_a_short_trace_whole():
    given_, result = {"q": 'say "hi"'}, [1, 2]
    turns = [
        Turn(turn_number=0, role="user", content="Hello\nthere"),
        Turn(turn_number=1, role="tool", tool_name="search", tool_input=given_, tool_output=result, latency_ms=1200.4),
        Turn(turn_number=2, role="tool", tool_name="ping"),
    ]
    lines, numbers = window(turns, [], 1200)
    assert lines == '0 user "Hello\\nthere"\n1 tool search({"q": "say \\"hi\\""}) -> [1, 2] 1200 ms\n2 tool ping()'
    assert numbers == [0, 1, 2]


@pytest.mark.parametrize(("count", "length"), [(200, 2000), (12, 2000), (1, 1_000_000), (10_000, 10)])
def test_window_is_bounded_and_keeps_first_last_and_witnesses(count, length):
    turns = talk(count, length)
    lines, numbers = window(turns, [count // 2], 1200)
    assert len(lines) <= 1200
    assert {0, count // 2, count - 1} <= set(numbers) and numbers == sorted(numbers)
    assert all(f"\n{number} agent" in f"\n{lines}" for number in numbers)


def test_window_says_how_many_turns_it_leaves_out():
    lines, numbers = window(talk(100), [50], 900)
    assert f"({numbers[-2] - numbers[-3] - 1} turns)" in lines or " turns)" in lines
    shown = [line for line in lines.splitlines() if not line.endswith(" turns)")]
    left_out = sum(int(line.strip("( turns)")) for line in lines.splitlines() if line.endswith(" turns)"))
    assert len(shown) + left_out == 100


def test_window_is_empty_for_no_turns():
    assert window([], [3], 1200) == ("", [])


def test_cut_keeps_beginning_and_end():
    short = json.loads(cut("begin " + "x" * 500 + " end", 60))
    assert short.startswith("begin") and short.endswith("end") and len(short) <= 66


@given(st.lists(st.text(max_size=200), max_size=30), st.integers(100, 2000))
@settings(max_examples=100, deadline=None)
def test_window_never_lets_a_turn_out_of_its_line(contents, characters):
    turns = [Turn(turn_number=i, role="user", content=text, tool_output=text) for i, text in enumerate(contents)]
    lines, numbers = window(turns, [], characters)
    assert len(lines) <= characters
    starts = [line.split(" ")[0] for line in lines.split("\n") if line and not line.startswith("(")]
    assert starts == [str(number) for number in numbers][: len(starts)]
    lines.encode("utf-8")


@pytest.mark.parametrize(
    ("matter", "shown"), [([50], "49 50 51 99"), ([0, 70, 90], "0 1 69 70 71 99"), ([99], "98 99"), ([], "98 99")]
)
def test_around_shows_what_matters_with_its_neighbours_and_the_end(matter, shown):
    lines = around(talk(100, 2000), matter, 900)
    assert len(lines) <= 900
    assert [line.split()[0] for line in lines.splitlines() if not line.startswith("(")] == shown.split()


def test_around_gives_what_matters_the_widest_line():
    lines = {line.split()[0]: len(line) for line in around(talk(100, 2000), [50], 900).splitlines()}
    assert lines["50"] > 1.5 * lines["49"] and lines["49"] == lines["51"]


def test_around_no_turns_and_turns_that_are_not_there():
    assert around([], [3], 900) == ""
    assert around(talk(2), [7], 900) == around(talk(2), [], 900)


@given(st.lists(st.text(max_size=200), max_size=30), st.lists(st.integers(-3, 40), max_size=4), st.integers(100, 2000))
@settings(max_examples=100, deadline=None)
def test_around_never_lets_a_turn_out_of_its_line(contents, matter, characters):
    turns = [Turn(turn_number=i, role="user", content=text, tool_output=text) for i, text in enumerate(contents)]
    lines = around(turns, matter, characters)
    assert len(lines) <= characters
    numbers = [int(line.split()[0]) for line in lines.split("\n") if line and not line.startswith("(")][:-1]
    assert numbers == sorted(numbers)
