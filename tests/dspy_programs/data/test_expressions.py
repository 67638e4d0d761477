"""Filters: what they may say, that what is misspelled is said, and that none takes long."""

import time

import pytest

from dspy_programs.data.expressions import Expression
from dspy_programs.errors import UsageError

ROW = {
    "id": "p1",
    "instruction": "What is 2 + 2?",
    "input": "",
    "output": "4",
    "context": "",
    "category": "math",
    "difficulty": "easy",
    "metadata": {"source": "user", "n": [1, 2], "none": None},
    "cycle_id": None,
    "length": {"instruction": 14, "input": 0, "output": 1, "context": 0},
    "scores": {"overall": 7.5, "accuracy": 8.0},
    "passed": True,
    "judge_model": "m",
    "label": {"status": "approved", "tag": "t", "note": None},
}
CRITERIA = {"overall", "accuracy", "helpfulness"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("scores['overall'] >= 7 and passed", True),
        ("scores['helpfulness'] > 0", False),  # a criterion that this pair has no score for is 0
        ("label['status'] in ['approved', 'needs_edit']", True),
        ("label['status'] is None", False),
        ("'bad' in label['note']", False),  # nothing is in a note that there is not
        ("metadata['n'][0] == 1", True),
        ("metadata['source'][:2] == 'us'", True),
        ("metadata['none'] is None", True),
        ("not (category == 'math' or difficulty == 'hard')", False),
        ("length['output'] < 2 ** 3 - 1", True),
        ("(1 if passed else 2) == 1", True),
        ("1 < length['output'] + 1 <= 2", True),
        ("'2' in instruction and output != ''", True),
        ("instruction + output == 'What is 2 + 2?4'", True),
        ("metadata['nothing']['deeper'][:3] is None", True),
        ("label['note'][:3] == 'bad'", False),
        ("True", True),
    ],
)
def test_a_filter_says_what_python_would(text, expected):
    assert Expression(text, CRITERIA)(ROW) is expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("score['overall'] > 7", "did you mean scores?"),
        ("scores['overal'] > 7", "did you mean 'overall'?"),
        ("label['state'] == 'approved'", "did you mean 'status'?"),
        ("label['status'] == 'approve'", "did you mean 'approved'?"),
        ("label['status'] in ['rejected', 'bad']", "choose from approved, rejected, needs_edit, skipped"),
        ("length['answer'] > 3", "choose from instruction, input, output, context"),
        ("true", "did you mean True?"),
        ("instructio == ''", "did you mean 'instruction'?"),
        ("len(x) > 3", "calls are not allowed"),
        ("len(output) > 3", "length['output']"),
        ("output.lower() == 'a'", "calls are not allowed"),
        ("label.status == 'approved'", "label['status']"),
        ("id.__class__", "attributes are not allowed"),
        ("__import__('os').system('true')", "calls are not allowed"),
        ("[x for x in id]", "not allowed"),
        ("lambda: 1", "not allowed"),
        ("f'{id}'", "not allowed"),
        ("(a := 3)", "not allowed"),
        ("category = 'math'", "=="),
        ("category == 'a' or 'b'", "alone is always true"),
        ("\"label['status'] == 'approved'\"", "always true"),
        ("passed & True", "write and, or, not"),
        ("scores[category] > 1", "give the key of scores as text"),
        ("", "empty"),
        ("id; id", "not an expression"),
        ("\ud800", "not an expression"),
        ("a\0b", "not an expression"),
    ],
)
def test_what_is_wrong_is_said_before_a_pair_is_read(text, said):
    with pytest.raises(UsageError) as raised:
        Expression(text, CRITERIA)
    assert said in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("difficulty > 3", "'p1': a text > a number"),
        ("1 / (length['output'] - 1) > 1", "'p1': division by zero"),
        ("input[0] == 'a'", "'p1': string index out of range"),
        ("metadata['source'] * 3 == ''", "a text where a number is needed"),
        ("3 in instruction", "only a text can be"),
        ("metadata['nothing'] > 3", "metadata that a pair lacks is None"),
    ],
)
def test_a_pair_that_a_filter_does_not_fit_is_named(text, said):
    with pytest.raises(UsageError, match="filter") as raised:
        Expression(text, CRITERIA)(ROW)
    assert said in str(raised.value)


def test_a_misspelled_key_of_metadata_is_no_empty_result():
    asked = Expression("metadata['sorce'] == 'user'")
    assert not asked(ROW)
    with pytest.raises(UsageError, match=r"no pair has metadata.*did you mean 'source'"):
        asked.require_metadata()


def test_scores_without_judgments_are_an_error():
    with pytest.raises(UsageError, match="--judgments"):
        Expression("scores['overall'] > 7")


BIG = {**ROW, "output": "a" * 5_000_000, "input": "b" * 900_000}


@pytest.mark.parametrize(
    "text",
    [
        "9**9**9 > 1",
        "2**1023 * 2**1023 * 2**1023 > 1",
        "10.0 ** 400 > 1",
        "-9 ** -999999999 > 1",
        "'a' * 10**9 == ''",
        "'%999999999d' % 3 == ''",
        "output + output == ''",
        " + ".join(["input"] * 35) + " == ''",
        "(" * 5000 + "1" + ")" * 5000,
        "not " * 3000 + "passed",
        "-" * 900 + "1 > 0",
        "id in [" + ",".join(f"'{n}'" for n in range(5000)) + "]",
        "x" * 30_000,
        "1" + "0" * 10_000 + " > 1",
        "1 << 999999999 > 1",
    ],
)
def test_nothing_takes_long(text):
    started = time.monotonic()
    with pytest.raises(UsageError) as raised:
        Expression(text, CRITERIA)(BIG)
    assert time.monotonic() - started < 1
    assert len(str(raised.value)) < 400 and "\n" not in str(raised.value)


def test_a_text_of_some_megabytes_is_searched_at_once():
    started = time.monotonic()
    assert not Expression("input[:400000] + 'a' in output", CRITERIA)(BIG)
    assert time.monotonic() - started < 1
