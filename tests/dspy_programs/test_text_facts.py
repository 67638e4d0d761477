"""Sentences, exact facts and estimates of tokens: what programs and metrics agree on."""

import time

import pytest
from hypothesis import given, settings, strategies as st

from dspy_programs.text import (
    approximate_tokens,
    content_stems,
    evidence_of,
    facts_in,
    sentences,
    stem,
    unsupported,
)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Yes! No? Fine.", ["Yes!", "No?", "Fine."]),
        ("Dr. Smith uses v2.0.1, e.g. at home. J. Smith too.", ["Dr. Smith uses v2.0.1, e.g. at home.", "J. Smith too."]),
        ("It costs 3.50. Really", ["It costs 3.50.", "Really"]),
        ("1. First. 2. Second", ["1. First.", "2. Second"]),
        ("\u4f60\u597d\u3002\u518d\u89c1\uff01", ["\u4f60\u597d\u3002", "\u518d\u89c1\uff01"]),
        ('He said "no." Then left', ['He said "no."', "Then left"]),
        ("one\n\ntwo", ["one", "two"]),
        ("", []),
        (" \n ", []),
        ("...", ["..."]),
    ],
)
def test_sentences_are_cut_where_they_end(text, parts):
    assert sentences(text) == parts


@pytest.mark.parametrize(
    ("text", "kind", "values"),
    [
        ("it cost $1,200.00 or 01200", "numbers", {"1200"}),
        ("3rd of 10-minute talks, 2.50", "numbers", {"3", "10", "2.5"}),
        ("at 4:00 PM, that is 16:00:00", "numbers", {"4:00"}),
        ("on May 27, 27th of May, 2024-05-27", "dates", {"05-27"}),
        ("Sept. 3 and 3 September", "dates", {"09-03"}),
        ("flight HAT017 by sofia_kim_7287 to LAX on v1.2.3", "ids", {"hat017", "sofia_kim_7287", "lax", "v1.2.3"}),
        ("OK I SO", "ids", set()),
        ("Then Ann Lee's friend met Bob. Carl left.", "names", {"ann lee", "bob"}),
        ("\u9884\u8ba2HAT017\u822a\u73ed", "ids", {"hat017"}),
        ("x" * 1000 + "1", "ids", set()),
        ("", "ids", set()),
    ],
)
def test_facts_are_found_in_their_normal_form(text, kind, values):
    assert getattr(facts_in(text), kind) == values


@pytest.mark.parametrize(
    ("said", "source"),
    [
        ("pay 1200", "pay $1,200.00"),
        ("on May 26, 2024", "date: 2024-05-26"),
        ("2 bags", "two bags"),
        ("the user Ann Lee", "user: ann_lee ann lee"),
        ("at 4:00", "departs 16:00:00"),
        ("The plan holds.", ""),
    ],
)
def test_the_same_fact_in_another_form_is_supported(said, source):
    assert unsupported(said, evidence_of(source)) == []


@pytest.mark.parametrize(
    ("said", "invented"),
    [("pay 1300", "1300"), ("by HAT018", "hat018"), ("on May 26", "05-26"), ("with Bob", "bob"), ("at 5:00", "5:00")],
)
def test_what_the_source_lacks_is_unsupported(said, invented):
    assert unsupported(said, evidence_of("Pay 1,200 for HAT017 on May 27 at 4:00.")) == [invented]


@pytest.mark.parametrize(
    "words",
    [
        ("cancel", "cancelled", "cancels"),
        ("book", "booked", "booking"),
        ("update", "updated"),
        ("agree", "agreed"),
        ("cat", "cat's"),
    ],
)
def test_forms_of_a_word_have_one_stem(words):
    assert len({stem(word) for word in words}) == 1


def test_content_stems_leave_out_what_carries_no_meaning():
    assert content_stems("They have the update_flight") == ["updat", "flight"]
    assert content_stems("\u822a\u73ed\u53f7") == ["\u822a\u73ed", "\u73ed\u53f7"]


@pytest.mark.parametrize(
    "text",
    ["word " * 200, "HAT017, 2024-05-27; " * 50, "\u4f1a\u8bae\u51b3\u5b9a" * 60, "\u0440\u0435\u0448\u0438\u043b\u0438 " * 60],
)
def test_estimate_of_tokens_never_counts_much_too_few(text):
    tiktoken_counts = {"w": 200, "H": 650, "\u4f1a": 240, "\u0440": 180}  # o200k_base and cl100k_base, the larger
    assert tiktoken_counts[text[0]] * 0.9 <= approximate_tokens(text) <= tiktoken_counts[text[0]] * 3


@pytest.mark.parametrize(
    "unit", ["a", "1", "A ", "1,", "\u4f1a", "\n", ".", "May ", "12:", "a-", '{"a": ', "1.1", "A.", "J. ", "2024-", "Ann's "]
)
def test_a_long_run_of_anything_takes_time_in_proportion(unit):
    text = unit * (300_000 // len(unit))
    start = time.process_time()
    evidence_of(text), sentences(text), approximate_tokens(text), content_stems(text)
    assert time.process_time() - start < 3  # quadratic time would be minutes


@given(st.text(max_size=200))
@settings(max_examples=100, deadline=None)
def test_any_text_supports_itself_and_loses_no_sentence(text):
    assert unsupported(text, evidence_of(text)) == []
    assert "".join("".join(sentences(text)).split()) == "".join(text.split())
    assert approximate_tokens(text) >= 0
