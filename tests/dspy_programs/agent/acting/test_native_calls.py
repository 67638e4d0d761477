"""A hosted model's own tool calls in place of calls as text."""

import json

import pytest

from dspy_programs.__main__ import main
from dspy_programs.agent import Agent
from dspy_programs.agent.acting.native_calls import NativeActor
from dspy_programs.agent.limits import Limits, Meter, metered
from dspy_programs.errors import UsageError
from dspy_programs.lm import connect, running_on
from dspy_programs.programs.actor import Actor
from tests.dspy_programs.agent.scripted import is_planner, plan, step
from tests.fakes import ChatServer, scripted_lm

GOAL = "Write a greeting to hello.txt"
WRITES = {"write_file": {"path": "hello.txt", "content": "hello\n"}}
ADD = {"name": "add", "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}}
SEND = {
    "name": "send",
    "description": "Send the report to an address.",
    "parameters": {"type": "object", "properties": {"to": {"type": "string"}}, "required": ["to"]},
}


def server(*replies):
    """A server that plans to write the file, then gives these replies; the last one again and again."""
    left = list(replies)
    plans = plan(("write_file", GOAL))
    return ChatServer(lambda prompt: plans if is_planner(prompt) else left.pop(0) if len(left) > 1 else left[0])


def run(at, folder, **settings):
    lm = connect("openai/any", api_base=at.url)
    result = Agent(lm=lm, workspace=folder, compiled=False, tool_calls="native", **settings).run(GOAL)
    sent = [json.loads(body) for body in at.requests]
    return result, [body for body in sent if "tools" in body]


def test_request_has_the_tools_and_the_call_of_the_reply_is_made(tmp_path):
    with server(WRITES) as at:
        result, [body] = run(at, tmp_path)
    assert result.outcome == "unverified" and (tmp_path / "hello.txt").read_text() == "hello\n"
    names = [each["function"]["name"] for each in body["tools"]]
    assert "write_file" in names and body["tool_choice"] == "auto" and "response_format" not in body
    schema = body["tools"][names.index("write_file")]["function"]["parameters"]
    assert schema["required"] == ["path", "content"] and "description" in schema["properties"]["path"]


@pytest.mark.parametrize("choice", ["required", "none"])
def test_tool_choice_is_sent(tmp_path, choice):
    with server(WRITES) as at:
        _, [body] = run(at, tmp_path, tool_choice=choice)
    assert body["tool_choice"] == choice


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"write_it": {"path": "hello.txt"}}, "write_it"),
        ({"write_file": {"path": "hello.txt"}}, "content"),
        ({"write_file": "{path: "}, "path"),
        ("", "could not be read"),
    ],
)
def test_malformed_call_gets_one_round_of_repair(tmp_path, wrong, why):
    (tmp_path / "other").mkdir()
    with server(wrong, WRITES) as at:
        result, bodies = run(at, tmp_path)
    assert result.outcome == "unverified" and len(bodies) == 2
    told = bodies[1]["messages"][-1]["content"]
    assert "Your last step could not be used" in told and why in told
    with server(wrong) as at:
        result, _ = run(at, tmp_path / "other")
    assert not result.completed and "also after one repair" in result.why


def test_reply_without_a_call_is_the_answer():
    with ChatServer(lambda prompt: "It is 3.") as at:
        lm = metered(connect("openai/any", api_base=at.url), Meter(Limits()), calls_tools=True)
        with running_on(lm):
            assert NativeActor(Actor())("What is 1 + 2?", [ADD]).finish == "It is 3."


def test_value_that_nobody_said_is_missing_and_not_made_up():
    with ChatServer(lambda prompt: {"send": {"to": "anna@example.org"}}) as at:
        lm = metered(connect("openai/any", api_base=at.url), Meter(Limits()), calls_tools=True)
        with running_on(lm):
            chosen = NativeActor(Actor())("Send the report", [SEND])
    assert chosen.calls == [] and [gap.argument for gap in chosen.missing] == ["to"]
    assert chosen.cannot == "send needs to, which nobody gave"


def test_model_without_tool_calls_of_its_own_writes_text():
    with running_on(scripted_lm(lambda prompt: step("add", a=1))):
        [call] = NativeActor(Actor())("Add 1", [ADD]).calls
    assert call.arguments == {"a": 1}


def test_settings_that_would_have_no_effect_are_refused(tmp_path):
    with pytest.raises(UsageError, match="tool_choice needs native"):
        Agent(workspace=tmp_path, tool_choice="required")
    with pytest.raises(UsageError, match="has no tool calls of its own"):
        Agent(workspace=tmp_path, lm="local/smollm2-135m", tool_calls="native")


def test_command_takes_the_settings_and_refuses_others(capsys):
    assert main(["run", "--show-config", "--tool-calls", "native", "--tool-choice", "required"]) == 0
    shown = capsys.readouterr().out
    assert 'tool_calls = "native"' in shown and 'tool_choice = "required"' in shown
    assert main(["run", "--show-config", "--tool-calls", "maybe"]) == 2
    assert "tool_calls" in capsys.readouterr().err
