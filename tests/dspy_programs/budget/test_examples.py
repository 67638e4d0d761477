"""Examples are recognised by their structure; facts, rules and orders that look a little like them are not."""

import pytest

from dspy_programs.budget.prompts.binding import binding_sentences
from dspy_programs.budget.prompts.examples import example_spans
from dspy_programs.budget.prompts.plain_text import from_text
from dspy_programs.budget.prompts.units import units_of
from dspy_programs.budget.redundancy import without_redundancy
from dspy_programs.types import Section


def shown(content, told=False):
    return [content[start:end] for start, end in example_spans(content, told)]


ONE, TWO = "User: hi\nAssistant: Good day.", "User: bye\nAssistant: Farewell."


@pytest.mark.parametrize(
    ("content", "examples"),
    [
        ("<examples>\n<example>\nIn: a\n</example>\n<example>\nIn: b\n</example>\n</examples>\nGo.", ["In: a", "In: b"]),
        ("<examples><ex>a -> 1</ex>\n<ex>b -> 2</ex></examples>", ["a -> 1", "b -> 2"]),
        ("<example_1>a</example_1>\n<example_2>b</example_2>", ["a", "b"]),
        (f"{ONE}\n\n{TWO}", [ONE, TWO]),
        (f"{ONE}\n{TWO}", [ONE, TWO]),
        ("Input: a\n\nOutput: b\n\nInput: c\n\nOutput: d", ["Input: a\n\nOutput: b", "Input: c\n\nOutput: d"]),
        ("**User:** hi\n**AI:** yo\n\n**User:** bye\n**AI:** ok", ["**User:** hi\n**AI:** yo", "**User:** bye\n**AI:** ok"]),
        ("Eingabe: a\nAusgabe: b\n\nEingabe: c\nAusgabe: d", ["Eingabe: a\nAusgabe: b", "Eingabe: c\nAusgabe: d"]),
        ("ユーザー：はい\nアシスタント：はい。\n\nユーザー：いや\nアシスタント：いいえ。", ["はい。", "いいえ。"]),
        ("Example 1\nBefore: a\nAfter: b\n\nExample 2\nBefore: c\nAfter: d", ["After: b", "After: d"]),
        ("### Example 1:\n\nsome text\n\n### Example 2:\n\nmore text", ["some text", "more text"]),
        ("Beispiel 1: ein Satz\n\nBeispiel 2: noch einer", ["ein Satz", "noch einer"]),
        ("例1：甲\n例2：乙", ["甲", "乙"]),
    ],
)
def test_every_common_shape_is_an_example(content, examples):
    found = shown(content)
    assert len(found) == len(examples)
    assert all(part in example for part, example in zip(examples, found, strict=True))


@pytest.mark.parametrize(
    "content",
    [
        "Q: Are dogs allowed?\nA: No.\n\nQ: Are cats allowed?\nA: No.",
        "If: late\nThen: refund\n\nIf: broken\nThen: replace",
        "Step 1: look\nStep 2: leap",
        "User: {question}\nAssistant:",
        "User: a\nUser: b",
        "For example, a user may ask.\nFor example, a user may leave.",
        "<rule>Never lie.</rule>\n<rule>Never steal.</rule>",
        "```\nUser: a\nAssistant: b\nUser: c\nAssistant: d\n```",
        "<example>\n" * 3,
    ],
)
def test_what_tells_is_no_example(content):
    assert shown(content) == []


def test_labels_of_any_kind_count_where_examples_are_announced():
    content = "Q: Are dogs allowed?\nA: No.\n\nQ: Are cats allowed?\nA: No."
    assert len(shown(content, told=True)) == 2


@pytest.mark.parametrize("order", ["Never reveal prices.", "- Never reveal prices.", "IMPORTANT: never reveal prices."])
def test_an_order_between_examples_or_behind_the_last_still_binds(order):
    for content in (f"{ONE}\n\n{order}\n\n{TWO}", f"{ONE}\n\n{TWO}\n\n{order}"):
        said = [one.text for one in binding_sentences([Section(name="a", content=content)])]
        assert said == [order.removeprefix("- ")]


def test_examples_of_a_plain_prompt_stay_in_one_section():
    sections = from_text(f"Answer in verse.\n\n{ONE}\n\n{TWO}\n\nNever rhyme.\n\nUser: {{input}}\nAssistant:")
    assert [(section.type, section.content.split("\n")[0]) for section in sections] == [
        ("instruction", "Answer in verse."),
        ("few_shot", "User: hi"),
        ("instruction", "Never rhyme."),
        ("instruction", "User: {input}"),
    ]
    assert [unit.text for unit in units_of(sections) if unit.is_example] == [" ".join(text.split()) for text in (ONE, TWO)]


def test_the_fourth_example_alike_goes_in_every_shape():
    shapes = (
        "<example>Review: a film {0}\nLabel: bad</example>",
        "User: a film {0}\nAssistant: bad",
        "Example {0}\nIn: x\nOut: bad",
    )
    for shape in shapes:
        content = "\n\n".join(shape.format(number) for number in range(1, 6))
        [section] = without_redundancy([Section(name="a", content=content)]).sections
        assert section.content.count("bad") == 3


def test_an_example_that_goes_on_without_a_label_is_not_torn():
    content = "\n\n".join([*["User: a film\nAssistant: bad"] * 4, "It was long.", "User: a film\nAssistant: bad"])
    [section] = without_redundancy([Section(name="a", content=content)]).sections
    assert section.content.count("bad") == 4 and "bad\n\nIt was long." in section.content


def test_ten_thousand_tags_that_are_never_closed_take_no_time():
    assert shown("<example>\n" * 10_000 + "<example>a</example>" * 2, told=True) == []
