"""Every usual shape of a row becomes the pair that it is, and what no field takes is not lost."""

import json

import pytest
from hypothesis import example, given, settings, strategies as st

from dspy_programs.data.pair import DataPair, id_of
from dspy_programs.data.pairs_file import as_line
from dspy_programs.data.reading.columns import mapping_of
from dspy_programs.data.reading.not_taken import NotTaken
from dspy_programs.data.reading.shapes import Shaper
from dspy_programs.data.reading.taking import Pair, taken
from dspy_programs.errors import UsageError
from dspy_programs.tables import Cell, Row


def talk(*said):
    roles = {"s": "system", "u": "user", "a": "assistant"}
    return [{"role": roles[each[0]], "content": each} for each in said]


PLAIN = {"instruction": "u", "output": "a"}
SHARED = talk("s", "u", "a", "u2", "a2")
SHAPES = [
    ("alpaca", {"instruction": "u", "input": "in", "output": "a"}, PLAIN | {"input": "in"}),
    ("prompt-completion", {"prompt": "u", "completion": "a"}, PLAIN),
    ("prompt-completion", {"prompt": talk("s", "u"), "completion": talk("a")}, PLAIN | {"messages": talk("s", "u", "a")}),
    ("generic", {"Question": "u", "Answer": "a"}, PLAIN),
    ("generic", {"query": "u", "passage": "in", "response": "a"}, PLAIN | {"input": "in"}),
    ("generic", {"input": "u", "output": "a"}, PLAIN),
    ("prompt-only", {"prompt": "u"}, {"instruction": "u"}),
    ("chatml", {"messages": talk("u", "a")}, PLAIN),
    ("chatml", {"messages": SHARED}, {"instruction": "u", "output": "a2", "messages": SHARED}),
    ("chatml", {"messages": Cell(json.dumps(talk("u", "a")))}, PLAIN),
    ("sharegpt", {"conversations": [{"from": "human", "value": "u"}, {"from": "gpt", "value": "a"}]}, PLAIN),
    (
        "sharegpt",
        {"system": "s", "conversations": [{"from": "human", "value": "u"}, {"from": "gpt", "value": "a"}]},
        PLAIN | {"messages": talk("s", "u", "a")},
    ),
    (
        "openai",
        {"messages": talk("u", "a"), "tools": [{"type": "function"}]},
        PLAIN | {"tools": [{"type": "function"}]},
    ),
    ("generic", {"system_prompt": "s", "question": "u", "response": "a"}, PLAIN | {"messages": talk("s", "u", "a")}),
    (
        "alpaca",
        {"instruction": "u2", "input": "", "output": "a2", "history": [["u", "a"]]},
        {"instruction": "u", "output": "a2", "messages": talk("u", "a", "u2", "a2")},
    ),
    ("dpo", {"prompt": "u", "chosen": "a", "rejected": "b"}, PLAIN | {"rejected": "b"}),
    ("dpo", {"prompt": "u", "chosen": talk("u", "a"), "rejected": talk("u", "a3")}, PLAIN | {"rejected": "a3"}),
    ("dpo", {"prompt": talk("u"), "chosen": talk("a"), "rejected": talk("a3")}, PLAIN | {"rejected": "a3"}),
    ("dpo", {"chosen": "\n\nHuman: u\n\nAssistant: a", "rejected": "\n\nHuman: u\n\nAssistant: b"}, PLAIN | {"rejected": "b"}),
    (
        "dpo",
        {"input": {"messages": talk("u")}, "preferred_output": talk("a"), "non_preferred_output": talk("a3")},
        PLAIN | {"rejected": "a3"},
    ),
    ("dpo", {"prompt": "u", "chosen": "a", "rejected": ""}, PLAIN | {"rejected": ""}),
    ("alpaca", {"instruction": "u", "output": "a", "rejected": Cell("")}, PLAIN),
    ("alpaca", {"instruction": "u", "output": "a", "rejected": False}, PLAIN | {"metadata": {"rejected": False}}),
    ("alpaca", {"instruction": 5, "output": True}, {"instruction": "5", "output": "true"}),
    (
        "generic",
        {"question": "u", "answer": "a", "label": True, "level": 3, "topic": "x"},
        PLAIN | {"difficulty": "3", "metadata": {"label": True, "topic": "x"}},
    ),
]


@pytest.mark.parametrize(("shape", "row", "expected"), SHAPES)
def test_row_is_read_in_its_shape(shape, row, expected):
    found, fields = Shaper({}).shaped(row)
    metadata = expected.get("metadata", {}) | {"source": "user"}
    assert (found, fields) == (shape, expected | {"id": "", "metadata": metadata})


NONE = [
    ({"text": "x"}, "no pair", "no instruction in text; name its column: --map instruction="),
    ({}, "no pair", "no instruction in nothing"),
    ({"instruction": " ", "output": ""}, "empty", "are empty"),
    ({"messages": []}, "empty", "no messages"),
    ({"messages": "hello"}, "no pair", "messages: must be a list of messages, not str"),
    ({"messages": [{"content": "x"}]}, "no pair", "messages.0: no role"),
    ({"messages": [{"role": "user", "content": 3}]}, "no pair", "messages.0: the content must be text"),
    ({"prompt": "u", "chosen": "a", "rejected": None}, "no pair", "chosen without rejected"),
    ({"chosen": "a", "rejected": "b"}, "no pair", "no prompt for chosen and rejected"),
    ({"chosen": talk("u", "a", "u2", "a2"), "rejected": talk("u", "a3", "u2", "a4")}, "no pair", "differ in 3 messages"),
    ({"instruction": {"text": "u"}, "output": "a"}, "no pair", "--map instruction=instruction.text names a text in it"),
]


@pytest.mark.parametrize(("row", "kind", "reason"), NONE)
def test_row_that_is_no_pair_says_why(row, kind, reason):
    with pytest.raises(NotTaken, match=reason) as caught:
        Shaper({}).shaped(row)
    assert caught.value.kind == kind


def test_mapping_may_lead_into_a_row_and_take_any_json():
    row = {"q": "u", "instances": [{"output": {"b": [1]}}], "output": "not this"}
    shaper = Shaper(mapping_of(["instruction=q", "output=instances.0.output"]))
    assert shaper.shaped(row).fields["output"] == '{"b": [1]}'
    with pytest.raises(NotTaken, match=r"no instances\.0\.output, which --map says is the output"):
        shaper.shaped({"q": "u"})


@pytest.mark.parametrize("text", ["instruction", "a=b", "instruction=", "instruction=a,instruction=b"])
def test_mapping_of_nothing_that_there_is_is_refused(text):
    with pytest.raises(UsageError, match="--map"):
        mapping_of([text])


def test_column_that_is_mapped_and_not_used_is_kept():
    fields = Shaper({"rejected": "worse"}).shaped({"prompt": "u", "completion": "a", "worse": False}).fields
    assert fields["metadata"] == {"worse": False, "source": "user"}


def test_what_a_row_says_of_its_source_is_kept_beside_ours():
    metadata = Shaper({}, "t").shaped({"prompt": "u", "source": "wiki", "source_": 1, "tag": "t"}).fields["metadata"]
    assert metadata == {"source": "user", "source_": 1, "source__": "wiki", "tag": "t"}


def lines_of(rows, **more):
    found = [Row(f"r:{number}", number, row) for number, row in enumerate(rows, 1)]
    return list(taken(found, Shaper({}, **more)))


@pytest.mark.parametrize("row", [row for _, row, _ in SHAPES])
def test_line_is_that_of_the_pair_and_is_the_same_when_it_is_read_again(row):
    [pair] = lines_of([row])
    read = DataPair.model_validate_json(pair.line)
    assert as_line(read) == pair.line and id_of(read) == read.id
    [again] = lines_of([json.loads(pair.line)])
    assert again.line == pair.line


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.characters(categories=["Cs"])
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4))
MESSAGE = st.dictionaries(st.sampled_from(["role", "from", "content", "value", "tool_calls"]), VALUES | st.text(), max_size=3)
NAMES = st.sampled_from(
    "instruction prompt output completion input context category messages conversations chosen rejected system history tools "
    "metadata id cycle_id created_at label".split()
)


@settings(max_examples=300, deadline=None)
@example({"instruction": {"\n": None}})
@given(st.dictionaries(NAMES | st.text(max_size=4), VALUES | st.text() | st.lists(MESSAGE, max_size=3), max_size=6))
def test_any_row_is_a_pair_that_can_be_read_or_says_why_not(row):
    [found] = lines_of([row])
    if isinstance(found, Pair):
        pair = DataPair.model_validate_json(found.line)
        assert id_of(pair) == pair.id
    else:
        assert found.reason and "\n" not in found.reason
        json.loads(found.as_line())


def test_nesting_that_no_reader_takes_is_refused():
    deep = []
    for _ in range(500):
        deep = [deep]
    for row in ({"prompt": "u", "x": deep}, {"messages": [*talk("u"), {"role": "assistant", "content": deep}]}):
        assert "nested deeper than 100 levels" in lines_of([row])[0].reason
