"""What a model thinks before it answers is taken out, and an answer is read in any shape that leaves no doubt."""

import json
import time

import dspy
import pytest
from dspy.utils.exceptions import AdapterParseError
from pydantic import BaseModel, ConfigDict, Field

from dspy_programs.lm import connect
from dspy_programs.lm.replies import CompleteJSONAdapter, has_thoughts, without_thoughts
from dspy_programs.lm.replies.thoughts import Unfinished
from tests.dspy_programs.lm.dialects import Loopback, chat
from tests.fakes import scripted_lm


class Plan(BaseModel):
    model_config = ConfigDict(extra="forbid")

    title: str
    steps: list[int] = Field(default=[], max_length=3)


class MakePlan(dspy.Signature):
    goal: str = dspy.InputField()
    plan: Plan = dspy.OutputField()


GOOD, DRAFT = ({"plan": {"title": title, "steps": [1]}} for title in ("good", "draft"))
ANSWER, THOUGHT = json.dumps(GOOD), f'Perhaps {json.dumps(DRAFT)}? It\'s "odd" {{and so'


def read(reply: str) -> dspy.Prediction:
    with dspy.context(lm=scripted_lm(lambda prompt: reply), adapter=CompleteJSONAdapter()):
        return dspy.Predict(MakePlan)(goal="g")


DIALECTS = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<THINKING>", "</THINKING>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("<seed:think>", "</seed:think>"),
    ("[THINK]", "[/THINK]"),
    ("\u25c1think\u25b7", "\u25c1/think\u25b7"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|inner_prefix|>", "<|inner_suffix|>"),
    ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
    ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final <|constrain|>json<|message|>"),
    ("analysis", "assistantfinal"),
]


@pytest.mark.parametrize("around", ["{}", "\n {}", "Sure. {}"])
@pytest.mark.parametrize(("opening", "closing"), DIALECTS)
def test_draft_in_thoughts_is_never_the_answer(opening, closing, around):
    if opening == "analysis" and around.startswith("Sure"):
        return  # without its tokens, harmony is known by the word that the reply begins with
    assert read(around.format("") + f"{opening}{THOUGHT}{closing}\n\n{ANSWER}").plan.title == "good"
    assert read(around.format("") + f"{opening}{closing}{ANSWER}").plan.title == "good"
    with pytest.raises(AdapterParseError, match="before its reasoning does") as caught:
        read(around.format("") + f"{opening}{THOUGHT} {ANSWER}")
    assert THOUGHT in caught.value.lm_response


@pytest.mark.parametrize("closing", [closing for _, closing in DIALECTS[:-1]])
def test_thoughts_that_were_opened_in_the_prompt_end_where_they_are_closed(closing):
    assert read(f"{THOUGHT}{closing}{ANSWER}").plan.title == "good"


@pytest.mark.parametrize("tail", ["<|return|>", "<|end|>", "<|im_end|>", "</s>", "\n```"])
def test_end_of_turn_behind_the_answer_is_not_read(tail):
    assert read(f"<|channel|>final<|message|>{ANSWER}{tail}").plan.title == "good"
    assert read(ANSWER + tail).plan.title == "good"


@pytest.mark.parametrize(
    "title", ["what <think> means", "</think>", "<think>a</think>", "[/THINK] and [THINK]", "<|channel|>final<|message|>"]
)
def test_mark_inside_the_answer_is_the_answers_own(title):
    reply = json.dumps({"plan": {"title": title}})
    assert without_thoughts(reply) == reply
    assert read(reply).plan.title == read(f"<think>hm</think>{reply}").plan.title == title


def test_several_thoughts_are_all_taken_out():
    assert without_thoughts("<think>a</think> b <thinking>c</thinking> d") == " b  d"
    assert read(f"<think>{THOUGHT}</think><think>{THOUGHT}</think>{ANSWER}").plan.title == "good"
    with pytest.raises(Unfinished):
        without_thoughts(f"{ANSWER}<think>or rather")


@pytest.mark.parametrize("unit", ["{", '{"', "<think>", "</think>", '{"a": ', "<|channel|>", "\\"])
def test_taking_thoughts_out_is_quick_for_long_text(unit):
    start = time.process_time()
    try:
        without_thoughts(unit * 1000 + "</think>{}")
    except Unfinished:
        pass
    assert time.process_time() - start < 5


def test_text_without_marks_is_itself():
    assert without_thoughts("analysis of {a}") == "analysis of {a}" and not has_thoughts("analysis of <b>")
    assert has_thoughts("never write <think>")


@pytest.mark.parametrize(
    "reply",
    [
        {"json": GOOD},
        {"response": ANSWER},
        {"name": "plan_tasks", "arguments": GOOD},
        [GOOD],
        GOOD["plan"],
        [GOOD["plan"]],
        GOOD | {"more": 1},
    ],
)
@pytest.mark.parametrize("form", ["{}", "```json\n{}\n```", "Here it is: {}\nDone."])
def test_answer_in_another_shape_is_read(reply, form):
    assert read(form.replace("{}", json.dumps(reply))).plan == Plan(title="good", steps=[1])


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (f"Draft: {json.dumps(DRAFT)}\nFinal: {ANSWER}", "2 answers that differ"),
        (json.dumps([DRAFT, GOOD]), "list of 2"),
        ("{}", "no field 'plan'"),
        ('{"error": "I cannot"}', "no field 'plan'"),
        ('{"title": "good", "odd": 1}', "no field 'plan'"),
        ('{"json": {"title": "good"}, "text": {"title": "draft"}}', "no field 'plan'"),
        ('"good"', "no field 'plan'"),
        ("null", "no field 'plan'"),
        ("[]", "JSON object|no field"),
        ("I cannot do that.", "JSON object"),
    ],
)
def test_reply_in_doubt_is_refused_with_the_reason(reply, why):
    with pytest.raises(AdapterParseError, match=why):
        read(reply)


def test_the_same_answer_twice_is_one():
    assert read(f"{ANSWER}\n{ANSWER}").plan.title == "good"


@pytest.mark.parametrize(
    ("message", "title"),
    [
        ({"content": None, "reasoning_content": ANSWER}, "good"),
        ({"content": "", "reasoning": ANSWER}, "good"),
        ({"content": ANSWER, "reasoning_content": json.dumps(DRAFT)}, "good"),
        ({"content": None, "reasoning_content": THOUGHT}, None),
        ({"content": None, "reasoning_content": f"so: {ANSWER}"}, None),
    ],
)
def test_field_of_reasoning_is_read_only_where_it_is_the_whole_answer(message, title):
    with Loopback(lambda path, body: chat(**message)) as server:
        with dspy.context(lm=connect("openai/m", api_base=server.url), adapter=CompleteJSONAdapter()):
            if title:
                assert dspy.Predict(MakePlan)(goal="g").plan.title == title
                return
            with pytest.raises(AdapterParseError, match="reasoning and no answer"):
                dspy.Predict(MakePlan)(goal="g")
