"""The rules: every answer is right by construction, and what they cannot do they leave."""

import ast
import json

import dspy
import pytest
from hypothesis import given, settings, strategies as st

from dspy_programs.programs.data_generator import MEANING, DataGenerator
from dspy_programs.programs.data_generator.pair_templates import RULES, TOOLS, pairs_by_rules
from dspy_programs.types import Pair, pair_problems

SEED = Pair(
    instruction="Summarize the text.", input="Ann has 5 red apples. Bob eats 12 of them, and Ann eats none.", output="x"
)


def made(template, seed=SEED):
    return {pair.instruction: pair for pair in pairs_by_rules(seed, template)}


def outputs(template, seed=SEED):
    return [pair.output for pair in made(template, seed).values()]


def test_instruction_rules_are_right():
    found = outputs("INSTRUCTION")
    assert sorted(found) == sorted(
        [
            "14",
            "none. eats Ann and them, of 12 eats Bob apples. red 5 has Ann",
            "12, 5, and, ann, apples, bob, eats, has, none, of, red, them",
            "5, 12",
            "Ann has 5 red apples.",
            "ANN HAS 5 RED APPLES. BOB EATS 12 OF THEM, AND ANN EATS NONE.",
        ]
    )


def test_reasoning_rules_are_right():
    found = " ".join(outputs("REASONING"))
    assert "5 + 12 = 17" in found and "14 * 3 = 42" in found and "3 + 4 = 7" in found and 'the answer is "none"' in found


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("Born on October 28, 1955, she is now 66.", "28, 1955, 66"),
        ("Rooms: 3, 14, and 15.", "3, 14, 15"),
        ("It costs 1,200 for 5 people", None),
        ("Temp: 10 C, pm2.5: 27, in Beijing", None),
        ("From -4 to 92 degrees", None),
        ("Call 555-1234 at 9 sharp", None),
    ],
)
def test_every_number_counts_or_none_is_asked_for(text, numbers):
    seed = Pair(instruction="x", input=text, output="x")
    pair = made("INSTRUCTION", seed).get("Extract every whole number.")
    assert (pair and pair.output) == numbers
    asked = "Add up all the whole numbers in the text and show the calculation."
    assert (asked in made("REASONING", seed)) is (numbers is not None)


def test_question_rules_are_right():
    found = made("QA")
    assert found["What is the last word of the text?"].output == "none"
    assert found["How many words, set apart by spaces, are there?"].output == "14"
    assert found['Which word comes right after "has"?'].output == "5"
    gap = found["Which of the words in brackets fills the gap so that none is used twice?"]
    assert gap.output == "apples" and "red ___." in gap.input and "apples" in gap.input.split("(")[1]


def test_creative_rules_are_right():
    lines = [output.split("\n") for output in outputs("CREATIVE")]
    assert ["Ann has 5 red", "apples. Bob eats 12", "of them, and Ann", "eats none."] in lines
    assert ["Ann has 5 red apples. Bob eats 12", "12 eats Bob apples. red 5 has Ann"] in lines
    assert ["Ann", "Ann has", "Ann has 5", "Ann has 5 red", "Ann has 5 red apples.", "Ann has 5 red apples. Bob"] in lines


def test_tool_rules_call_a_tool_on_offer_with_the_text_given():
    pairs = list(pairs_by_rules(SEED, "TOOL_USE"))
    calls = [json.loads(pair.output) for pair in pairs]
    assert {call["tool"] for call in calls} == TOOLS.keys()
    assert all(
        f"{call['tool']}(text)" in pair.input and call["arguments"]["text"] in pair.input
        for call, pair in zip(calls, pairs, strict=True)
    )


def test_code_rules_give_code_that_runs(capsys):
    for output in outputs("CODE", SEED.model_copy(update={"input": "It's \"so\" \\n easy, isn't it?"})):
        ast.parse(output)
        exec(output, {})
    assert capsys.readouterr().out.split("\n")[:-1] in (
        ["6", "it? isn't easy, \\n \"so\" It's"],
        ["it? isn't easy, \\n \"so\" It's", "6"],
    )


@pytest.mark.parametrize(
    "text", ["Dr. No is a novel. It was written by Ian Fleming.", "J. R. Tolkien wrote this. Then he rested."]
)
def test_first_sentence_does_not_end_behind_a_title_or_initial(text):
    pairs = made("INSTRUCTION", Pair(instruction="Read.", input=text, output="x"))
    assert pairs["Copy only the first sentence."].output == text[: text.index(". ", 8) + 1]


@pytest.mark.parametrize("template", MEANING)
@pytest.mark.parametrize("text", ["", "one two", "???", "- - - -", "\u4e2d\u6587\u53e5\u5b50\u6ca1\u6709\u7a7a\u683c"])
def test_rules_make_nothing_of_too_little(template, text):
    assert list(pairs_by_rules(Pair(instruction="Do it", input=text, output=text), template)) == []


@pytest.mark.parametrize("template", MEANING)
def test_generator_answers_by_rules_without_model(template):
    with dspy.context(lm=None):
        answers = [DataGenerator()(seed=SEED, template=template, n=8) for _ in range(2)]
    assert answers[0].pairs == answers[1].pairs and 2 <= len(answers[0].pairs) <= len(RULES[template])
    assert {answer.answered_by for answer in answers} == {"rules"} and answers[0].failure is None
    with dspy.context(lm=None):
        assert DataGenerator()(seed=SEED, template=template).pairs == answers[0].pairs[:1]


def test_generator_without_model_says_nothing_where_it_can_say_nothing():
    with dspy.context(lm=None):
        answer = DataGenerator()(seed="Jump!", n=3)
    assert (answer.pairs, answer.rejected, answer.answered_by) == ([], [], "rules")


@given(st.text(max_size=300), st.sampled_from(sorted(MEANING)))
@settings(max_examples=100, deadline=None)
def test_rules_never_fail_and_make_only_pairs_that_say_something(text, template):
    for pair in pairs_by_rules(Pair(instruction="Read this text.", input=text, output=""), template):
        assert [problem for problem in pair_problems(pair) if "placeholder" not in problem] == []


@pytest.mark.parametrize(
    "text", ["word " * 200_000, "x" * 1_000_000, "1 " * 500_000, "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd " * 9000]
)
def test_rules_cut_a_text_of_a_megabyte(text):
    with dspy.context(lm=None):
        for template in MEANING:
            pairs = DataGenerator()(
                seed={"instruction": "Read it all.", "input": text, "output": "x"}, template=template, n=8
            ).pairs
            assert all(len(pair.input) < 400 and len(pair.output) < 1000 for pair in pairs)
