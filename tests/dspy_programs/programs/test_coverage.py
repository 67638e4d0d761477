"""Coverage by rules: words in common count, other numbers and quotations do not, and no text is too odd or too long."""

import time

import pytest
from hypothesis import given, settings, strategies as st

from dspy_programs.programs.section_scorer import shares_by_rules
from dspy_programs.programs.section_scorer.coverage import stem
from dspy_programs.types import Criterion, Rubric, Section


def covered(description: str, *texts: str) -> tuple[float, str]:
    """Return the best share, and the first section that has it."""
    rubric = Rubric(name="r", criteria=[Criterion(name="c", description=description)])
    sections = [Section(name=f"s{i}", content=text) for i, text in enumerate(texts)]
    shares = shares_by_rules(sections, rubric)
    name = max(shares, key=lambda name: shares[name]["c"], default="")
    return (shares[name]["c"], name) if name and shares[name]["c"] > 0 else (0.0, "")


def score(description: str, *texts: str) -> float:
    return covered(description, *texts)[0]


@pytest.mark.parametrize(
    ("description", "right", "wrong"),
    [
        ("three paragraphs", "Write exactly 3 paragraphs.", "Write exactly 5 paragraphs."),
        ("three paragraphs", "Write exactly 3 paragraphs.", "Keep paragraphs short."),
        ("at least 31 sentences", "Use more than 30 sentences.", "Use at least 30 sentences."),
        ("fewer than 6 sentences", "At most five sentences.", "At most 8 sentences."),
        ("closes with 'The end.'", 'Close with "the end".', "Close with 'Goodbye'."),
        ("no commas", "Do not use commas.", "Use commas."),
        ("no commas", "Avoid any comma.", "Separate the items by commas."),
        ("mentions the harbour", "Mention a harbour.", "Never mention the harbour."),
        ("sounds like Shakespeare", "Write as Shakespeare would.", "Write as Hemingway would."),
    ],
)
def test_shares_by_rules_tells_right_from_nearly_right(description, right, wrong):
    assert score(description, right) > score(description, wrong)
    assert covered(description, wrong, right)[1] == "s1"


def test_shares_by_rules_counts_a_criterion_once_however_often_it_is_covered():
    assert score("no commas", "Do not use commas.") == score("no commas", *["Do not use commas."] * 5)


def test_shares_by_rules_of_two_gives_the_other_when_one_is_dropped():
    two = ("Do not use commas.", "Describe the sea.", "Never write a comma.")
    assert covered("no commas", *two)[1] == "s0"
    assert score("no commas", *two[1:]) > 0.5


@pytest.mark.parametrize("texts", [(), ("",), (" \n",), ("\x00",), ("!!! ...",), ("Describe the sea.",)])
def test_shares_by_rules_is_zero_where_nothing_is_said_of_it(texts):
    assert covered("no commas", *texts) == (0.0, "")


def test_shares_by_rules_keeps_order_and_reads_other_scripts():
    rubric = Rubric(name="r", criteria=[Criterion(name="b", description="提到 大海"), Criterion(name="a")])
    found = shares_by_rules([Section(name="s", content="请 提到 大海")], rubric)["s"]
    assert list(found) == ["b", "a"] and found["b"] > 0.5


@pytest.mark.parametrize(
    "text", ["word " * 200_000, "x" * 10**6, "'" * 10**6, '"a' * 500_000, "9" * 10**6, "١" * 10**6, "\ud800" * 10**6]
)
def test_shares_by_rules_is_quick_and_calm_about_a_megabyte(text):
    start = time.process_time()
    assert 0 <= score("no more than 9 words 'a'", text) <= 1
    assert time.process_time() - start < 2


@given(st.text(max_size=80), st.lists(st.text(max_size=80), max_size=4))
@settings(max_examples=100, deadline=None)
def test_shares_by_rules_stays_in_bounds_and_names_a_section_there_is(description, texts):
    value, name = covered(description, *texts)
    assert 0 <= value <= 1
    assert (name == "") == (value == 0) and name in {"", *(f"s{i}" for i in range(len(texts)))}


WORDS = st.lists(st.sampled_from("comma three 3 never use 'end' paragraph sea".split()), max_size=5).map(" ".join)


@given(WORDS, st.lists(WORDS, min_size=1, max_size=5), st.data())
@settings(max_examples=100, deadline=None)
def test_shares_by_rules_never_rises_when_a_section_is_dropped(description, texts, data):
    left = list(texts)
    left.pop(data.draw(st.integers(0, len(texts) - 1)))
    assert score(description, *left) <= score(description, *texts)


@pytest.mark.parametrize(
    ("one", "other"), [("commas", "comma"), ("paragraphs", "paragraph"), ("writing", "writes"), ("story", "stories")]
)
def test_stem_joins_forms_of_a_word(one, other):
    assert stem(one) == stem(other)
