"""What clients send to the router: POST /route in its own form, /v1/chat/completions in OpenAI's."""

from typing import Annotated, Any

from pydantic import Field, ValidationError

from dspy_programs.errors import first_fault
from dspy_programs.router import Catalogue, Needs, Priority, needs_of
from dspy_programs.serve import limits
from dspy_programs.serve.problems import Invalid, Malformed, NotFound
from dspy_programs.serve.requests import JsonObject, Request, Whole, with_example

_EXTENSION = "router"  # a field of OpenAI's body that only this server reads
_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_Messages = Annotated[list[JsonObject], Field(min_length=1, max_length=limits.MAX_MESSAGES)]


class Limited(Request):
    """Which models may answer, and what matters most."""

    priority: Priority | None = None
    preferred_models: list[str] = Field(default_factory=list, max_length=1000, description="only these; all if it is empty")
    max_latency_ms: _Positive | None = None
    max_cost_per_1k: _Positive | None = Field(default=None, description="USD, mean of prompt and completion")
    region: str | None = Field(default=None, max_length=100)
    program: str | None = Field(default=None, max_length=200, description="whose measured quality counts")


class Route(Limited):
    """A request, and the limits that a model must meet."""

    model_config = with_example({"messages": [{"role": "user", "content": "Hello"}], "priority": "speed", "temperature": 0})

    messages: _Messages
    max_tokens: Annotated[Whole, Field(ge=1, le=limits.MAX_TOKENS)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    stop: str | list[str] | None = None
    seed: Whole | None = None
    tools: list[JsonObject] | None = Field(default=None, max_length=1000)
    tool_choice: str | JsonObject | None = None
    response_format: JsonObject | None = None
    cache: bool = Field(default=True, description="false: ask anew, and keep nothing")
    dry_run: bool = Field(default=False, description="only decide; nothing is sent to a model")

    def body(self) -> dict[str, Any]:
        """Return what goes to the model: fields that were sent, and no others."""
        own = {*Limited.model_fields, "cache", "dry_run"}
        return self.model_dump(exclude=own, exclude_unset=True)


def needs(limited: Limited, body: dict[str, Any]) -> Needs:
    return needs_of(
        body,
        priority=limited.priority,
        preferred=tuple(limited.preferred_models),
        max_latency_ms=limited.max_latency_ms,
        max_cost_per_1k=limited.max_cost_per_1k,
        region=limited.region,
        program=limited.program,
    )


def read_openai(body: Any, catalogue: Catalogue) -> tuple[dict[str, Any], Needs]:
    """Return what goes to the model, and what it must meet. Raises Malformed, Invalid, NotFound."""
    if not isinstance(body, dict) or not isinstance(body.get("messages"), list) or not body["messages"]:
        raise Malformed("messages: send a list of at least one message")
    try:
        limited = Limited.model_validate(body.get(_EXTENSION) or {})
    except ValidationError as error:
        fault = first_fault(error, "")
        raise Invalid(f"{_EXTENSION}{fault if fault.startswith(':') else '.' + fault}") from None
    name = body.get("model") or "router"
    provider, _, priority = str(name).partition("/")
    if any(model.id == name for model in catalogue.models):
        limited = limited.model_copy(update={"preferred_models": [name]})
    elif provider == "router" and (not priority or priority in catalogue.weights):
        limited = limited.model_copy(update={"priority": priority or limited.priority})
    else:
        raise NotFound(f"model: {str(name)[:200]!r} is not here; GET /v1/models lists what is")
    sent = {field: value for field, value in body.items() if field != _EXTENSION}
    return sent, needs(limited, sent)
