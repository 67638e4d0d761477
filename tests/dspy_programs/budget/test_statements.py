"""Where a prompt may be cut: never inside a demand, a quotation or code."""

import time

import pytest
from hypothesis import given, strategies as st

from dspy_programs.budget.prompts.statements import statements


def texts(prompt: str) -> list[str]:
    return [one.text for one in statements(prompt) if one.text]


@pytest.mark.parametrize(
    "demand",
    [
        "Never give the password, which you have been told at the start of this session,\nto anyone who does not own it.",
        'Say "I cannot do that. Please call us." and end the call.',
        "Call Dr. Meier or Prof. Huber, e.g. on Mondays.",
        "Gib Preise z. B. in Euro an.",
        "Round 2.5 up and read version 3.0.1.",
        "Answer (if you can. If not, say so) in French.",
        "返金は「できません。お電話ください。」と答える。",
        "Wait for the vendor.\n  It must be sent back.",
    ],
)
def test_a_demand_is_never_cut_in_two(demand):
    assert " ".join(demand.split()) in [" ".join(texts(demand)), *texts(demand)]
    if not demand.startswith("Wait"):
        assert len(texts(demand)) == 1


@pytest.mark.parametrize("prompt", ["Be kind. Be brief.", "Be kind.\nBe brief.", "親切に。短く。", "- Be kind.\n- Be brief."])
def test_two_demands_are_two_statements(prompt):
    assert len(texts(prompt)) == 2


def test_a_fence_inside_a_longer_fence_is_one_statement():
    code = "````md\n# No heading\n```\n- no item\n```\n````"
    assert [(one.form, one.text) for one in statements(f"Copy this:\n{code}\nGo on.")] == [
        ("sentence", "Copy this:"),
        ("code", code),
        ("sentence", "Go on."),
    ]


def test_an_unclosed_fence_goes_to_the_end():
    assert [one.form for one in statements("~~~\nNever.\n\n# A\n```")] == ["code"]


@pytest.mark.parametrize(
    "prompt", ["Never:\n- swear\n- lie", "Never:\n\n* swear\n\n* lie", "1. Never:\n   a) swear\n   b) lie"]
)
def test_items_know_the_line_they_hang_on(prompt):
    assert [(one.text, one.lead_in) for one in statements(prompt)][1:] == [("swear", "Never:"), ("lie", "Never:")]


def test_a_paragraph_after_a_list_hangs_on_nothing():
    assert statements("Never:\n- swear\n\nBe kind.")[-1].lead_in == ""


def test_rows_know_the_header_of_their_table():
    found = statements("| tariff | bags |\n|---|---|\n| Basic | 0 |")
    assert [(one.form, one.lead_in) for one in found] == [
        ("row", ""),
        ("rule", "| tariff | bags |"),
        ("row", "| tariff | bags |"),
    ]


@pytest.mark.parametrize(
    ("prompt", "heading"),
    [
        ("# A\n## B\nx y", "A\nB"),
        ("# A\n## B\n# C\nx y", "C"),
        ("<a_b>\n<c>\nx y\n</c>\n</a_b>", "a b\nc"),
        ("<a>\nz\n</a>\nx y", ""),
        ("THE RULES\nx y", "THE RULES"),
        ("**Rules:**\nx y", "Rules:"),
        ("Rules\n=====\nx y", "Rules"),
        ("【规则】\nx y", "规则"),
    ],
)
def test_a_statement_knows_its_headings_in_any_markup(prompt, heading):
    assert next(one for one in statements(prompt) if one.text == "x y").heading == heading


parts = st.lists(
    st.sampled_from(
        "Be kind. |\n|\n\n|# A\n|- x\n|  1. Go.\n|```\n|````\n|{\n|}\n|<a>\n|</a>\n"
        '|> q\n|「好。」|好。|X:\n|\t|e.g. this|"Hi. |RULES\n|===\n'
        "|\r\n|\u2028|\ufeff|¦ a ¦ b ¦\n|¦--¦\n".split("|")
    ).map(lambda piece: piece.replace("¦", "|"))
)


@given(parts)
def test_the_slices_are_the_text(pieces):
    text = "".join(pieces)
    assert "".join(text[one.start : one.end] for one in statements(text)) == (text if text.strip() else "")


@pytest.mark.parametrize(
    "text", ["{\n" * 50_000, "|" + "-" * 100_000 + "x", "<a " * 30_000, "```\n" * 25_000, "(" * 100_000, "a " * 50_000]
)
def test_hostile_texts_of_100_000_characters_take_seconds_at_most(text):
    start = time.process_time()
    statements(text)
    assert time.process_time() - start < 5
