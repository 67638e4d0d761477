"""Requests as types, from which the JSON schemas for REST, MCP and A2A are generated.

Guarantees strict: a number in quotes is not a number; unknown fields are refused; every length is bounded; values that JSON
           cannot represent (NaN, endless nesting) are refused, a lone surrogate becomes a question mark.
"""

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, JsonValue, Tag

from dspy_programs.failures.formats import FORMATS
from dspy_programs.serve import limits

NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"


def whole(value: Any) -> Any:
    """Turn 4000.0 into the integer 4000, as JSON Schema allows: protobuf has only doubles."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def readable(value: Any) -> Any:
    """Return a JSON value that can be serialized again."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except (ValueError, TypeError):
        raise ValueError("not JSON: NaN and Infinity are not allowed") from None
    sound = text.encode("utf-8", "replace").decode()
    return value if sound == text else json.loads(sound)


def _known_format(name: str) -> str:
    if name not in FORMATS:
        raise ValueError(f"choose from {', '.join(FORMATS)}")
    return name


Whole = Annotated[int, BeforeValidator(whole)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
JsonObject = Annotated[dict[str, JsonValue], BeforeValidator(readable)]
_JsonArray = Annotated[list[JsonValue], BeforeValidator(readable), Field(min_length=1, max_length=limits.MAX_MESSAGES)]
Parts = Annotated[list[JsonValue], BeforeValidator(readable), Field(min_length=1, max_length=limits.MAX_PARTS)]
_Raw = Annotated[
    Annotated[JsonObject, Tag("object")] | Annotated[_JsonArray, Tag("list")],
    Discriminator(
        lambda value: {dict: "object", list: "list"}.get(type(value)),
        custom_error_type="json_container",
        custom_error_message="send an object or a list",
    ),
]
Text = Annotated[str, Field(max_length=limits.MAX_TEXT)]
_Format = Annotated[str, AfterValidator(_known_format), Field(json_schema_extra={"enum": list(FORMATS)})]


class Request(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


def with_example(example: dict[str, Any]) -> ConfigDict:
    """Put an example into the schema: clients learn from it, and the schema tests start from it."""
    return ConfigDict(json_schema_extra={"examples": [example]})


TRACE = [
    {"role": "user", "content": "How many inhabitants has Lyon?"},
    {"role": "assistant", "content": "I'm sorry, but I can't help with that."},
]
_SESSION = [
    {"role": "system", "content": "You plan trips."},
    {"role": "user", "content": "Hello there! What a day it has been. I leave on 12 May and have 900 euros."},
    {"role": "assistant", "content": "That is a fine time for a trip, and many people like it a lot."},
    {"role": "user", "content": "It rained again today, as it has all week."},
    {"role": "assistant", "content": "Noted. Where to?"},
]
PROMPT = [
    {"name": "role", "type": "system", "content": "You are an analyst who states accurate facts.", "priority": 30},
    {"name": "style", "type": "system", "content": "Be friendly and light, as among old friends.", "priority": 10},
    {"name": "task", "type": "instruction", "content": "Answer the question with accurate facts.", "priority": 100},
]
_FACTS = {"name": "facts", "criteria": [{"name": "accuracy", "description": "accurate facts"}]}


UseLlm = Annotated[bool, Field(description="whether the server's model may be asked; false: the rules answer alone")]


class Classify(Request):
    """How to classify."""

    format: _Format | None = Field(default=None, description="the format of the traces; default: detected for each")
    use_llm: UseLlm = True
    open_question: bool = Field(
        default=False, description="also ask the model how a run failed in which nothing was found; only a large one can tell"
    )
    min_probability: Share | None = Field(
        default=None, description="a failure less likely than this is reported as only possible; default: 0.5"
    )


class ClassifyFailure(Classify):
    """One agent run, as its framework recorded it."""

    model_config = with_example({"trace": TRACE})

    trace: _Raw = Field(
        description="a trace in any known format: native, LangSmith, Langfuse, LangGraph, chat messages (OpenAI, Anthropic, "
        "Gemini, AutoGen), OpenTelemetry spans and logs, Inspect, tau-bench, SWE-agent, Claude Code"
    )


class ClassifyFailures(Classify):
    """Many runs at once."""

    model_config = with_example({"traces": [TRACE, {"no": "trace"}]})

    traces: list[_Raw] = Field(min_length=1, max_length=limits.MAX_TRACES, description="traces, each in any known format")


class Message(BaseModel):
    """A chat message, or an entry of a stored memory. Other fields (ids, tool calls, metadata) are kept."""

    model_config = ConfigDict(strict=True, extra="allow")

    role: Literal["system", "developer", "user", "assistant", "tool", "compressed"]
    content: Text | Parts | None = None


_Messages = Annotated[
    list[Message], BeforeValidator(readable), Field(max_length=limits.MAX_MESSAGES, description="oldest first")
]


_Recent = Annotated[int, Field(ge=0, le=limits.MAX_MESSAGES), BeforeValidator(whole)]


class CompressMemory(Request):
    """A session to compress."""

    model_config = with_example({"messages": _SESSION, "token_budget": 70, "protected_recent": 1})

    messages: _Messages
    token_budget: Whole = Field(ge=1, le=limits.MAX_TOKENS, description="token limit for the result")
    protected_recent: _Recent | None = Field(
        default=None, description="how many of the latest messages stay verbatim; default: 3, fewer where requests need room"
    )
    strategies: list[Literal["summarize", "extract_facts", "archive"]] = Field(
        default=["summarize", "extract_facts", "archive"],
        min_length=1,
        max_length=3,
        description="summarize, extract_facts: what a model writes; archive: messages may leave the note; default: all",
    )
    fallback: Literal["extract"] | None = Field(
        default=None, description="extract: where the model fails the rules answer; default: an error"
    )
    use_llm: UseLlm = True


class BuildContext(Request):
    """A session whose most important part goes into a prompt."""

    model_config = with_example({"messages": _SESSION, "max_tokens": 60, "protected_recent": 1})

    messages: _Messages
    max_tokens: Whole = Field(ge=1, le=limits.MAX_TOKENS, description="token limit for the context")
    protected_recent: _Recent = Field(default=3, description="how many of the latest messages are always included")
    system_message: Text | None = Field(default=None, description="a system message to put first, within the limit")


class AskDocument(Request):
    """A document, and a question to it."""

    model_config = with_example({"document": "The observatory was opened in 1931.", "question": "When was it opened?"})

    document: Text = Field(min_length=1, description="the whole text")
    question: str = Field(min_length=1, max_length=4_000)
    use_llm: UseLlm = True


class PromptSection(Request):
    """One named part of a prompt. When a prompt must shrink, the section with the lowest priority goes first."""

    name: str = Field(min_length=1, max_length=60)
    type: Literal["system", "few_shot", "context", "instruction"] = "instruction"
    content: Text = ""
    priority: Whole = Field(default=0, ge=-1_000_000, le=1_000_000)


Sections = Annotated[
    list[PromptSection], Field(min_length=1, max_length=limits.MAX_SECTIONS, description="in the order of the prompt")
]


Tokenizer = Annotated[
    str | None, Field(max_length=100, description="model whose tokenizer to use: provider/name; default: the server's")
]


class AnalyzePrompt(Request):
    """A prompt whose tokens to count, section by section."""

    model_config = with_example({"sections": PROMPT})

    sections: Sections
    model: Tokenizer = None


class RubricCriterion(Request):
    """One quality that a good prompt must achieve."""

    name: str = Field(min_length=1, max_length=60, pattern=NAME)
    description: str = Field(default="", max_length=500)
    weight: float = Field(default=1.0, ge=0.001, le=1000, allow_inf_nan=False)


_Expected = Text | Annotated[list[Text], Field(max_length=limits.MAX_PARTS)] | None


class PromptRubric(Request):
    """What quality means here."""

    name: str = Field(default="rubric", min_length=1, max_length=60)
    description: str = Field(default="", max_length=1000)
    criteria: list[RubricCriterion] = Field(min_length=1, max_length=limits.MAX_CRITERIA)


class PromptExample(Request):
    """One input of the prompt, and what its answer must equal or contain; without it, the full prompt's own answer counts."""

    input: str = Field(min_length=1, max_length=limits.MAX_TEXT)
    output: _Expected = None
    expected: _Expected = Field(default=None, description="the same as output")
    match: Literal["contains", "exact"] = "contains"


class NegotiatePrompt(Request):
    """A prompt that should lose tokens but no quality."""

    model_config = with_example({"sections": PROMPT, "rubric": _FACTS, "min_token_savings": 0.2, "max_token_savings": 0.6})

    sections: Sections
    examples: list[PromptExample] = Field(
        default=[],
        max_length=limits.MAX_EXAMPLES,
        description="measure the model's answers to these; without any, a model scores the sections by the rubric",
    )
    rubric: PromptRubric | None = Field(default=None, description="default: accuracy and relevance")
    target_task: Text = Field(default="", description="what the prompt is for, in a sentence")
    quality_threshold: Share = Field(default=0.95, description="share of the full prompt's quality that must be kept")
    min_token_savings: Share = Field(default=0.40, description="stop when this share of the tokens is saved")
    max_token_savings: Share = Field(default=0.60, description="never save more than this share")
    strategies: list[Literal["remove", "compress", "reorder"]] | None = Field(
        default=None,
        min_length=1,
        max_length=3,
        description="remove whole sections, compress them, reorder them; default: compress with examples, else remove",
    )
    model: Tokenizer = None
    allow: list[Text] = Field(
        default=["none"],
        max_length=100,
        description="binding sentences that may go: all, none, numbers as in the answer's `lost`, or a part of their text",
    )
