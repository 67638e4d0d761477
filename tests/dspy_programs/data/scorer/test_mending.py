"""What `data fix` mends, what it leaves alone, and that nothing changes in silence."""

import json

import pytest
from hypothesis import given, settings, strategies as st

from dspy_programs.data.scorer.mending import Mender
from dspy_programs.errors import DatasetError
from dspy_programs.tables import Fault, Row

ANSWERED = {"instruction": "Name a colour.", "output": "Red"}


def mended(fields):
    return Mender().mend(Row("f:1", 1, fields))


@pytest.mark.parametrize(
    ("field", "before", "after", "reason"),
    [
        ("output", "\ufeffRed", "Red", "byte order mark removed"),
        ("note", "\ufeffRed", "Red", "byte order mark removed"),
        ("output", "Red\x00\x07", "Red", "control characters removed"),
        ("output", "Red\r\nBlue\rGreen", "Red\nBlue\nGreen", "line breaks written as LF"),
        ("output", "\n  Red \n\n", "Red", "blanks around it removed"),
        ("instruction", " Name a colour. ", "Name a colour.", "blanks around it removed"),
        ("output", '```json\n{"a": 1}\n```', '{"a": 1}', "the fence around it removed"),
        ("output", "```text\nRed\n```\n", "Red", "the fence around it removed"),
        ("input", None, "", "null written as empty text"),
        ("output", 42, "42", "written as text"),
    ],
)
def test_a_field_is_mended_and_the_change_told(field, before, after, reason):
    fields, changes = mended({**ANSWERED, field: before})
    assert fields[field] == after
    assert [(change.field, change.after) for change in changes][-1] == (field, after)
    assert reason in [change.reason for change in changes]
    assert changes[0].before == before


@pytest.mark.parametrize(
    "fields",
    [
        {"instruction": "Write Python.", "output": "    if x:\n        return 1"},
        {"instruction": "Write Python.", "output": "```python\nprint(1)\n```"},
        {"instruction": "Write code.", "output": "```\nprint(1)\n```"},
        {"instruction": "Answer in a code block.", "output": "```text\nRed\n```"},
        {"prompt": "A colour:\n\n###\n\n", "completion": " Red\n"},
        {"task_id": "1", "prompt": "def f():\n", "canonical_solution": "    return 1\n"},
        {"instruction": "A family?", "output": "👩\u200d👩\u200d👧", "input": ""},
        {"instruction": "Verse.", "output": "one  \ntwo"},
        {
            "messages": [
                {"role": "user", "content": "a"},
                {"role": "tool", "content": " raw \n"},
                {"role": "assistant", "content": "b"},
            ]
        },
        {"instruction": "Is it?", "output": "TODO"},
    ],
)
def test_what_may_mean_something_is_left_alone(fields):
    assert mended(fields) == (fields, [])


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"instruction": "Name a colour.", "output": " "}, "no answer"),
        ({"instruction": "", "input": " ", "output": "Red"}, "no request"),
        ({"instruction": "", "output": ""}, "says nothing"),
        ({"text": "", "n": None}, "says nothing"),
        ({"messages": [{"role": "user", "content": "a"}]}, "no answer"),
        ({"messages": []}, "says nothing"),
    ],
)
def test_a_row_that_teaches_nothing_is_dropped_with_the_reason(fields, reason):
    kept, changes = mended(fields)
    assert kept is None
    assert (changes[-1].reason, changes[-1].before) == (reason, fields)


def test_a_row_without_a_request_but_with_an_input_stays():
    assert mended({"instruction": "", "input": "cat", "output": "chat"}).fields


def test_turns_are_mended_one_by_one_and_the_given_row_is_not_changed():
    given = {"messages": [{"role": "user", "content": " a "}, {"role": "assistant", "content": "```markdown\nb\n```\r\n"}]}
    before = json.dumps(given)
    fields, changes = mended(given)
    assert [turn["content"] for turn in fields["messages"]] == ["a", "b"]
    assert json.dumps(given) == before
    assert len(changes) == 4


def test_only_rows_that_are_wholly_the_same_are_dropped_and_the_first_stays():
    mender = Mender()
    rows = [
        {"id": "1", **ANSWERED},
        {"id": "2", **ANSWERED, "output": "Red "},
        {"id": "3", **ANSWERED, "input": "light"},
        {"id": "4", **ANSWERED, "output": "red"},
        {"id": "5", **ANSWERED, "category": "art"},
    ]
    found = [mender.mend(Row(f"f:{n}", n, row)) for n, row in enumerate(rows, 1)]
    assert [each.fields and each.fields["id"] for each in found] == ["1", None, "3", "4", None]
    assert found[1].changes[-1].reason == "the same as f:1"


def test_an_unreadable_row_is_told_with_its_text():
    fields, changes = Mender().mend(Fault("f:2", 2, DatasetError("f:2: row: not JSON: here"), "{oops"))
    assert (fields, changes[0].reason, changes[0].before) == (None, "unreadable: not JSON: here", "{oops")


TEXTS = st.text(st.sampled_from("ab \n\r\t\ufeff\x00`{}é👩"), max_size=30)


@settings(max_examples=300, deadline=None)
@given(TEXTS, TEXTS)
def test_what_is_mended_needs_no_more_mending_and_no_letter_is_lost(asked, answered):
    fields, _ = mended({"instruction": asked, "output": answered})
    if fields is not None:
        assert mended(fields) == (fields, [])
        for name, text in (("instruction", asked), ("output", answered)):
            assert [c for c in fields[name] if c in "abé👩"] == [c for c in text if c in "abé👩"]
