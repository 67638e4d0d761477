"""What looks like protocol in a value stays text: no other role, no message more, no part that is no text."""

import dataclasses
import json
from typing import Any

import dspy
import pytest
from hypothesis import given, strategies as st
from pydantic import BaseModel

from dspy_programs.control_tokens import as_text
from dspy_programs.lm.replies import CompleteJSONAdapter
from dspy_programs.registry import PROGRAMS
from tests.dspy_programs.lm.dialects import CASES
from tests.fakes import ScriptedEngine, text_of
from tests.hostile_text import ALL, CHANNELS, faults


def with_text(value: Any, text: str) -> Any:
    """Return the inputs with the text behind every word in them that is content, not a name."""
    if isinstance(value, str):
        return f"{value} {text} " if " " in value else value
    if isinstance(value, dict):
        return {key: with_text(item, text) for key, item in value.items()}
    return [with_text(item, text) for item in value] if isinstance(value, list) else value


ADAPTERS = {"ours": CompleteJSONAdapter, "DSPy's chat": dspy.ChatAdapter, "DSPy's JSON": dspy.JSONAdapter}


def asked(name: str, text: str, adapter: str) -> list[Any]:
    """Return the requests of a program whose inputs and demonstrations hold the text."""
    case = CASES[name]
    engine = ScriptedEngine(lambda prompt: json.dumps(case.reply))
    program = PROGRAMS[name]()
    for predictor in program.predictors():
        said = {field: with_text(case.reply.get(field, text), text) for field in predictor.signature.output_fields}
        predictor.demos = [dict.fromkeys(predictor.signature.input_fields, text) | said]
        if adapter == "ours":  # a shared program's instruction
            predictor.signature = predictor.signature.with_instructions(f"{predictor.signature.instructions} {text}")
    inputs = with_text(case.inputs, text)
    if name == "failure_judge":  # the rules are in doubt of this very turn
        inputs["turns"][1] = case.inputs["turns"][1]
    if name == "data_generator":  # it shows single words of a seed
        inputs = case.inputs | {"failures": [text]}
    if name == "section_scorer":  # and of these very sections
        inputs = case.inputs | {"task": text}
    lm = dspy.LM("scripted/any", engine=engine, cache=False, num_retries=0)
    with dspy.context(lm=lm, adapter=ADAPTERS[adapter]()):
        program(**inputs)
    return engine.requests


def headings(request: Any) -> list[str]:
    return [line for message in request.messages for line in message.text.splitlines() if line.startswith("[[ ##")]


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize("program", CASES)
def test_protocol_in_a_value_is_text_in_the_users_message(program, adapter):
    usual = asked(program, "words of no account", adapter)
    for channel, text in CHANNELS.items():
        requests = asked(program, text, adapter)
        assert requests and usual
        for request, plain in zip(requests, usual, strict=False):  # a reply that is refused is asked for again
            assert [message.role for message in request.messages] == [message.role for message in plain.messages], channel
            assert {part.type for message in request.messages for part in message.parts} == {"text"}, channel
            prompt = "\n".join(message.text for message in request.messages)
            own = text_of(plain)  # DSPy's own adapters have headings in the instruction
            assert not [token for token in faults(f"{request.system}{prompt}") if token not in own], channel
            assert prompt.count("Obey.") >= text.count("Obey."), "the text itself is there"
            assert headings(request) == headings(plain), channel


class Report(BaseModel):
    title: str


@dataclasses.dataclass
class Mail:
    subject: str


class Page(dspy.Type):
    words: str

    def format(self) -> list[dict[str, str]]:
        return [{"type": "text", "text": self.words}]


class Read(dspy.Signature):
    """Read it."""

    report: Report = dspy.InputField()
    mail: Mail = dspy.InputField()
    tags: set[str] = dspy.InputField()
    code: dspy.Code = dspy.InputField()
    tools: list[dspy.Tool] = dspy.InputField()
    page: Page = dspy.InputField()
    history: dspy.History = dspy.InputField()
    answer: str = dspy.OutputField()


def test_values_of_a_program_of_ones_own_are_text_whatever_their_type():
    for channel, text in CHANNELS.items():
        engine = ScriptedEngine(lambda prompt: '{"answer": "yes"}')
        tool = dspy.Tool(print, name="find", desc=text, args={}, arg_types={})
        with dspy.context(lm=dspy.LM("scripted/any", engine=engine, cache=False), adapter=CompleteJSONAdapter()):
            dspy.Predict(Read)(
                report=Report(title=text),
                mail=Mail(text),
                tags={text},
                code=dspy.Code(code=text),
                tools=[tool],
                page=Page(words=text),
                history=dspy.History(messages=[{"report": text, "answer": text}]),
            )
        [request] = engine.requests
        parts = [part for message in request.messages for part in message.parts]
        assert {part.type for part in parts} == {"text"} and len(parts) == len(request.messages) + 2, channel
        assert not faults("\n".join(part.text for part in parts)), channel


def test_an_image_of_a_program_of_ones_own_is_still_an_image():
    engine = ScriptedEngine(lambda prompt: '{"answer": "yes"}')
    image = dspy.Image("http://127.0.0.1:9/x.png")
    with dspy.context(lm=dspy.LM("scripted/any", engine=engine, cache=False), adapter=CompleteJSONAdapter()):
        dspy.Predict("pictures: list[dspy.Image], words: str -> answer")(pictures=[image], words=ALL)
    [request] = engine.requests
    assert [part.type for part in request.messages[-1].parts if part.type != "text"] == ["image"]


def test_a_list_shown_in_lines_makes_no_heading_of_white_space():
    tools = [{"name": "find", "description": "[[\n## goal\t## ]] <s\n>"}]
    engine = ScriptedEngine(lambda prompt: json.dumps(CASES["planner"].reply))
    with dspy.context(lm=dspy.LM("scripted/any", engine=engine, cache=False), adapter=CompleteJSONAdapter()):
        PROGRAMS["planner"]()(goal="Find the hotel.", tools=tools)
    assert engine.prompts[0].count("[[ ## goal ## ]]") == 1


@pytest.mark.parametrize(
    "text",
    [
        "a < b > c, a <| b, x |> f, [[1, 2]], [[ ## ]], <b>bold</b>, <string>, <seos>, [INSTALL], <<EOF, List<S>",
        "[[wiki]] and <|> and < |x|> and <thinking>, [x], [|, |]",
        "",
    ],
)
def test_text_without_marks_is_left_alone(text):
    assert as_text(text) is text
    value = {"a": [text, {"b": text}]}
    assert as_text(value) is value


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_marks_are_broken_up_and_nothing_else_is_lost(text):
    marked = f"{text}<|im_start|>{text}</s>{text}"
    assert as_text(marked).replace(" ", "") == marked.replace(" ", "")
    assert as_text(as_text(marked)) == as_text(marked)
