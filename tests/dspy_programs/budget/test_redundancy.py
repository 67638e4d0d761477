"""Only what says nothing goes: duplicates in one scope, filler, examples beyond the third alike, spaces."""

import pytest
from hypothesis import given, settings, strategies as st

from dspy_programs.budget.prompts.lost import lost
from dspy_programs.budget.prompts.plain_text import from_text
from dspy_programs.budget.prompts.prompt import joined
from dspy_programs.budget.redundancy import no_longer_said, without_redundancy
from dspy_programs.types import Section


def shorter(text):
    return joined(without_redundancy(from_text(text)).sections)


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("# Rules\n- Never promise a date.\n- Smile.\n- Never promise the date.", "# Rules\n- Never promise a date.\n- Smile."),
        ("Never promise a date.\n\nSmile.\n\nNever promise a date!", "Never promise a date.\n\nSmile."),
        ("Please note that prices are in euros.", "Prices are in euros."),
        ("It is important to remember that users may be children.", "Users may be children."),
        ("- Please answer in order to help.", "- Answer to help."),
        ("Veuillez noter que les prix sont en euros.", "Les prix sont en euros."),
        ("A.  B. \n\n\n\nC.", "A. B.\n\nC."),
    ],
)
def test_what_says_nothing_goes(text, rest):
    assert shorter(text) == rest


@pytest.mark.parametrize(
    "text",
    [
        "Always mention the price of it.\n\nNever mention the price of it.",
        "Check names before prices now.\n\nCheck prices before names now.",
        "Use metric units for length.\n\nUse metric units for weight.",
        "# Steps\n- Run all the tests.\n- Fix what fails.\n- Run all the tests.",
        "1. Run all the tests.\n2. Fix what fails.\n3. Run all the tests.",
        "# For refunds\n- Ask for the order number.\n# For exchanges\n- Ask for the order number.",
        "If late:\n- Ask for the order number.\n\nIf broken:\n- Ask for the order number.",
        "- In a section called A:\n- Write each in 15 words.\n- In a section called B:\n- Write each in 15 words.",
        "```\nplease note that x\n\n\n\ny  z\n```",
        'Say "please note that we close at six" at the end.',
        "Always say please to the customer.",
        "Remember to greet the customer.",
        "Please note that we close at six and that nobody answers then.",
        "Please accept our thanks for all your help.",
        "# Examples\nPlease note that we close.\n# Task\nGo.",
        "Text:\n    indented  code",
        "Known         [-2---]     Novel\nWeak          [--5--]     Strong",
        "One line.  \nNext line.",
        "Returns take five days.\n\nSmile.\n\nReturns take five days.\n\nUnless the seal is broken.",
        "# Rules\n- Answer all mails in French.\n# Output\n- Answer all mails in French.",
    ],
)
def test_what_may_mean_something_stays(text):
    assert shorter(text) == joined(from_text(text))


def few_shot(*answers):
    shots = [f"Review: {word} film number {i}\nLabel: {answer}" for i, (word, answer) in enumerate(answers)]
    return [Section(name="shots", type="few_shot", content="\n\n".join(shots)), Section(name="task", content="Label {x}")]


def test_examples_beyond_the_third_alike_go():
    found = without_redundancy(few_shot(*[("good", "positive")] * 5, ("bad", "negative"), ("dull", "negative")))
    content = found.sections[0].content
    assert content.count("positive") == 3 and content.count("negative") == 2
    assert [change.kind for change in found.changes] == ["example"] * 2


def test_examples_that_differ_stay():
    sections = few_shot(*[(word, answer) for word, answer in zip("abcdef", "uvwxyz", strict=True)])
    sections[0] = sections[0].model_copy(
        update={"content": "\n\n".join(f"Q: {w} {w}x {w}y\nA: {w}z" for w in ("ax", "by", "cz", "du", "ev"))}
    )
    assert without_redundancy(sections).sections == sections


lines = st.lists(
    st.sampled_from(
        [
            "# Rules",
            "# Steps",
            "",
            "",
            "Never promise a date.",
            "Please note that you must not lie.",
            "- Never promise a date.",
            "Answer  in French.",
            "```",
            "Use {x}, please.",
        ]
    ),
    max_size=12,
)


@given(lines)
@settings(deadline=None, max_examples=60)
def test_nothing_that_binds_is_lost_and_a_second_time_changes_nothing(found):
    sections = from_text("\n".join(found))
    once = without_redundancy(sections).sections
    assert not no_longer_said(sections, once)
    assert without_redundancy(once).sections == once
    assert len(joined(once)) <= len(joined(sections))
    assert not lost(sections, sections)
