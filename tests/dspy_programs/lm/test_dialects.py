"""Every program on servers that speak differently: asked, held to a schema in a form that the server takes, and read."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import dspy
import pytest

from dspy_programs.lm import connect, use
from dspy_programs.lm.models import RETRIES
from dspy_programs.lm.server.server import ServerEngine
from dspy_programs.registry import PROGRAMS
from tests.dspy_programs.lm.dialects import CASES, Body, Loopback, Reply, chat, refusal, strict_fault

LENGTHS = ("minLength", "maxLength")
ALL_BOUNDS = (*LENGTHS, "minimum", "maximum", "minItems", "maxItems")
DRAFT = json.dumps({name: "a draft" for case in CASES.values() for name in case.reply})


class Dialect(NamedTuple):
    """form: in which a schema is sent in the end; refuses: why a request is not taken; says: how the reply is given."""

    form: str
    refuses: Callable[[dict[str, Any] | None], str | None] = lambda response_format: None
    says: Callable[[str], Reply] = chat
    hosted: bool = False
    answers: bool = True


def strict(*refused: str) -> Callable[[dict[str, Any] | None], str | None]:
    def fault(response_format: dict[str, Any] | None) -> str | None:
        schema = (response_format or {}).get("json_schema", {})
        found = strict_fault(schema["schema"], refused) if schema.get("strict") else None
        return found and f"Invalid schema for response_format '{schema['name']}': {found}"

    return fault


def only(*types: str) -> Callable[[dict[str, Any] | None], str | None]:
    def fault(response_format: dict[str, Any] | None) -> str | None:
        right = response_format is None or response_format["type"] in types
        return None if right else f"'response_format.type' must be one of {types}"

    return fault


def anthropic(reply: str) -> Reply:
    message = {"id": "x", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn"}
    content, usage = [{"type": "text", "text": reply}], {"input_tokens": 10, "output_tokens": 5}
    return Reply(body=message | {"content": content, "usage": usage})


DIALECTS = {
    "OpenAI, strict schemas": Dialect("strict", strict(*LENGTHS), hosted=True),
    "Azure, strict schemas": Dialect("bare", strict(*ALL_BOUNDS), hosted=True),
    "a gateway to OpenAI": Dialect("strict", strict(*LENGTHS)),
    "vLLM": Dialect("own"),
    "Ollama": Dialect("own", says=lambda reply: chat(reply, usage={"prompt_tokens": 10, "completion_tokens": 5})),
    "LM Studio": Dialect("own", only("json_schema", "text")),
    "llama.cpp": Dialect("own", says=lambda reply: chat(reply, timings={"prompt_n": 1})),
    "JSON mode alone": Dialect("object", only("json_object", "text")),
    "no response_format": Dialect("none", only()),
    "Anthropic-compatible": Dialect("own", says=anthropic),
    "Anthropic, strict schemas": Dialect("bare", strict(*ALL_BOUNDS), says=anthropic),
    "Anthropic without schemas": Dialect("none", only(), says=anthropic),
    "reasoning in its own field": Dialect("own", says=lambda reply: chat(reply, reasoning_content=f"Perhaps {DRAFT}?")),
    "all in the field of reasoning": Dialect("own", says=lambda reply: chat(None, reasoning_content=reply)),
    "reasoning in <think>": Dialect("own", says=lambda reply: chat(f"<think>\nPerhaps {DRAFT}?\n</think>\n\n{reply}")),
    "reasoning not opened": Dialect("own", says=lambda reply: chat(f"Perhaps {DRAFT}?\n</think>\n\n{reply}")),
    "harmony": Dialect("own", says=lambda reply: chat(harmony(f"Perhaps {DRAFT}?", reply))),
    "reasoning without an end": Dialect("own", says=lambda reply: chat(f"<think>\nPerhaps {reply}"), answers=False),
}


def harmony(thought: str, answer: str) -> str:
    return f"<|channel|>analysis<|message|>{thought}<|end|><|start|>assistant<|channel|>final<|message|>{answer}<|return|>"


class Asked:
    """A program that was asked on a server of a dialect."""

    def __init__(self, dialect: Dialect, name: str) -> None:
        case = CASES[name]

        def respond(path: str, body: Body) -> Reply:
            if fault := dialect.refuses(asked_of(body)):
                return refusal(fault)
            return dialect.says(json.dumps(with_nulls(case.reply, body)))

        with Loopback(respond) as self.server, use(connected(dialect, self.server)):
            self.prediction = PROGRAMS[name]()(**case.inputs)

    @property
    def form(self) -> str:
        """What the request that was answered said about the form of the reply."""
        asked = asked_of(self.server.bodies[-1]) or {}
        schema = json.dumps(asked)
        if asked.get("type") != "json_schema":
            return {"json_object": "object"}.get(asked.get("type", ""), "none")
        if asked["json_schema"]["strict"] is False:
            return "loose"
        if any(f'"{bound}"' in schema for bound in LENGTHS):
            return "own"
        return "strict" if any(f'"{bound}"' in schema for bound in ALL_BOUNDS) else "bare"


def asked_of(body: Body) -> dict[str, Any] | None:
    """Return what a request says about the form of the reply, in OpenAI's words."""
    if form := body.get("output_config", {}).get("format"):  # Anthropic's
        return {"type": form["type"], "json_schema": {"name": "output_config.format", "schema": form["schema"], "strict": True}}
    return body.get("response_format")


def connected(dialect: Dialect, server: Loopback) -> dspy.LM:
    if dialect.says is anthropic:
        return connect("anthropic/claude-any", api_base=server.root, max_tokens=1000)
    if not dialect.hosted:
        return connect("openai/any", api_base=server.url)
    inner = dspy.LM("openai/gpt-4.1-mini", api_base=server.url, api_key="any", cache=False, num_retries=0)
    return dspy.LM(inner.model, engine=ServerEngine(inner, own=False), cache=False, num_retries=RETRIES, temperature=0.0)


def with_nulls(reply: Any, body: Body) -> Any:
    """Return what a model in strict mode writes: null for what it would have left out."""
    if "action" not in reply or '"required": ["q", "limit"]' not in json.dumps(body):
        return reply
    [call] = reply["action"]["calls"]
    with_limit = call | {"arguments": call["arguments"] | {"limit": None}}
    return {"action": reply["action"] | {"calls": [with_limit]}}


@pytest.mark.parametrize("program", CASES)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_program_is_answered_by_the_model_in_every_dialect(dialect, program):
    asked = Asked(DIALECTS[dialect], program)
    if not DIALECTS[dialect].answers:
        assert asked.prediction.answered_by == "rules" and "before its reasoning does" in asked.prediction.failure.reason
        return
    assert (asked.prediction.answered_by, asked.prediction.failure) == ("model", None)
    assert "a draft" not in str(asked.prediction)


@pytest.mark.parametrize("dialect", [name for name, each in DIALECTS.items() if each.answers])
def test_schema_is_sent_in_the_closest_form_that_the_server_takes(dialect):
    assert Asked(DIALECTS[dialect], "planner").form == DIALECTS[dialect].form


@pytest.mark.parametrize("dialect", ["OpenAI, strict schemas", "Azure, strict schemas", "a gateway to OpenAI", "vLLM"])
def test_argument_that_strict_mode_made_null_is_left_out(dialect):
    [call] = Asked(DIALECTS[dialect], "actor").prediction.calls
    assert call.arguments == {"q": "Oslo"}
