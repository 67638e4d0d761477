"""What may be asked, as types: the JSON schemas that REST, MCP and A2A show are made from these.

Holds      strict: a number in quotes is not a number; unknown fields are refused; every length has a bound; a value that
           no text can hold (NaN, nesting without end) is refused, half a surrogate pair becomes a question mark.
"""

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, JsonValue, Tag

from dspy_programs.failures.formats.auto import FORMATS
from dspy_programs.serve import limits

NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"


def whole(value: Any) -> Any:
    """4000.0 is the integer 4000: so JSON Schema says, and a protobuf knows no other numbers."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def readable(value: Any) -> Any:
    """Return a JSON value that can be written again."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except RecursionError:
        raise ValueError("nested too deep") from None
    except (ValueError, TypeError):
        raise ValueError("not JSON: NaN and Infinity are no numbers") from None
    sound = text.encode("utf-8", "replace").decode()
    return value if sound == text else json.loads(sound)


def known_format(name: str) -> str:
    if name not in FORMATS:
        raise ValueError(f"choose one of {', '.join(FORMATS)}")
    return name


Whole = Annotated[int, BeforeValidator(whole)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
JsonObject = Annotated[dict[str, JsonValue], BeforeValidator(readable)]
JsonArray = Annotated[list[JsonValue], BeforeValidator(readable), Field(min_length=1, max_length=limits.MAX_MESSAGES)]
Parts = Annotated[list[JsonValue], BeforeValidator(readable), Field(min_length=1, max_length=limits.MAX_PARTS)]
Raw = Annotated[
    Annotated[JsonObject, Tag("object")] | Annotated[JsonArray, Tag("list")],
    Discriminator(
        lambda value: {dict: "object", list: "list"}.get(type(value)),
        custom_error_type="json_container",
        custom_error_message="an object or a list is expected",
    ),
]
Text = Annotated[str, Field(max_length=limits.MAX_TEXT)]
Format = Annotated[str, AfterValidator(known_format), Field(json_schema_extra={"enum": list(FORMATS)})]


class Request(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


def shown(example: dict[str, Any]) -> ConfigDict:
    """Put an example into the schema: clients learn from it, and the tests of the schema begin with it."""
    return ConfigDict(json_schema_extra={"examples": [example]})


TRACE = [
    {"role": "user", "content": "How many inhabitants has Lyon?"},
    {"role": "assistant", "content": "I'm sorry, but I can't help with that."},
]
SESSION = [
    {"role": "system", "content": "You plan trips."},
    {"role": "user", "content": "Hello there! What a day it has been. I leave on 12 May and have 900 euros. It rained again."},
    {"role": "assistant", "content": "Noted. Where to?"},
]
PROMPT = [
    {"name": "role", "type": "system", "content": "You are an analyst who states accurate facts.", "priority": 30},
    {"name": "style", "type": "system", "content": "Be friendly and light, as among old friends.", "priority": 10},
    {"name": "task", "type": "instruction", "content": "Answer the question with accurate facts.", "priority": 100},
]
FACTS = {"name": "facts", "criteria": [{"name": "accuracy", "description": "accurate facts"}]}


class ClassifyFailure(Request):
    """One run of an agent, as its framework recorded it."""

    model_config = shown({"trace": TRACE})

    trace: Raw = Field(
        description="a trace in any known format: native, LangSmith, LangGraph, chat messages (OpenAI, Anthropic), "
        "OpenTelemetry GenAI spans, Inspect, tau-bench"
    )
    format: Format | None = Field(default=None, description="its name, where it is not to be guessed")


class ClassifyFailures(Request):
    """Many runs at once."""

    model_config = shown({"traces": [TRACE, {"no": "trace"}]})

    traces: list[Raw] = Field(min_length=1, max_length=limits.MAX_TRACES, description="traces, each in any known format")
    format: Format | None = Field(default=None, description="the format of all, where it is not to be guessed")


class Message(BaseModel):
    """A chat message, or an entry of a stored memory. What else it has (ids, tool calls, metadata) is kept."""

    model_config = ConfigDict(strict=True, extra="allow")

    role: Literal["system", "developer", "user", "assistant", "tool", "compressed"]
    content: Text | Parts | None = None


Messages = Annotated[
    list[Message], BeforeValidator(readable), Field(max_length=limits.MAX_MESSAGES, description="oldest first")
]


class CompressMemory(Request):
    """A session that must become smaller."""

    model_config = shown({"messages": SESSION, "token_budget": 30, "protected_recent": 1})

    messages: Messages
    token_budget: Whole = Field(ge=1, le=limits.MAX_TOKENS, description="tokens that the result may have")
    protected_recent: Whole = Field(default=3, ge=0, le=limits.MAX_MESSAGES, description="the last ones stay word for word")


class BuildContext(Request):
    """A session from which the most important part is to go into a prompt."""

    model_config = shown({"messages": SESSION, "max_tokens": 30, "protected_recent": 1})

    messages: Messages
    max_tokens: Whole = Field(ge=1, le=limits.MAX_TOKENS, description="tokens that the context may have")
    protected_recent: Whole = Field(default=3, ge=0, le=limits.MAX_MESSAGES, description="the last ones are always in it")


class PromptSection(Request):
    """One named part of a prompt. Where a prompt must shrink, the section of the lowest priority goes first."""

    name: str = Field(min_length=1, max_length=60)
    type: Literal["system", "few_shot", "context", "instruction"] = "instruction"
    content: Text = ""
    priority: Whole = Field(default=0, ge=-1_000_000, le=1_000_000)


Sections = Annotated[
    list[PromptSection], Field(min_length=1, max_length=limits.MAX_SECTIONS, description="in the order of the prompt")
]


class AnalyzePrompt(Request):
    """A prompt whose tokens are to be counted, section by section."""

    model_config = shown({"sections": PROMPT})

    sections: Sections
    model: str | None = Field(default=None, max_length=100, description="whose tokens: provider/name; default: the server's")


class RubricCriterion(Request):
    """One thing that a good prompt must bring about."""

    name: str = Field(min_length=1, max_length=60, pattern=NAME)
    description: str = Field(default="", max_length=500)
    weight: float = Field(default=1.0, ge=0.001, le=1000, allow_inf_nan=False)


class PromptRubric(Request):
    """What quality means here."""

    name: str = Field(default="rubric", min_length=1, max_length=60)
    description: str = Field(default="", max_length=1000)
    criteria: list[RubricCriterion] = Field(min_length=1, max_length=limits.MAX_CRITERIA)


class NegotiatePrompt(Request):
    """A prompt that should lose tokens and no quality."""

    model_config = shown({"sections": PROMPT, "rubric": FACTS, "min_token_savings": 0.2, "max_token_savings": 0.6})

    sections: Sections
    rubric: PromptRubric | None = Field(default=None, description="default: accuracy and relevance")
    target_task: Text = Field(default="", description="what the prompt is for, in a sentence")
    quality_threshold: Share = Field(default=0.95, description="share of the full prompt's quality that must be kept")
    min_token_savings: Share = Field(default=0.40, description="stop when this share of the tokens is saved")
    max_token_savings: Share = Field(default=0.60, description="never save more than this share")
