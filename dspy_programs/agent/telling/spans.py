"""Spans of OpenTelemetry with the GenAI conventions: invoke_agent, chat, execute_tool. Nothing where none are wanted.

Guarantees no goal, prompt, reply, argument, result or error message in a span unless `contents` is set, and then no key.
Source     github.com/open-telemetry/semantic-conventions-genai (docs/gen-ai: spans, agent spans).
"""

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any, NamedTuple

from dspy import lm15
from pydantic import JsonValue

from dspy_programs.lm import without_keys

NAME = "dspy-programs"
_PROVIDERS = {
    "azure": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "gemini": "gcp.gemini",
    "vertex_ai": "gcp.vertex_ai",
    "local": "llama.cpp",
    "mistral": "mistral_ai",
    "xai": "x_ai",
}  # as the conventions name them, where DSPy has another word


class _Tracing(NamedTuple):
    tracer: Any
    contents: bool


_HERE: ContextVar[_Tracing | None] = ContextVar("tracing", default=None)


@contextlib.contextmanager
def traced_by(tracer: Any, contents: bool = False) -> Iterator[None]:
    """Make a block write its spans with a tracer, None for no spans. contents: with what was said and done."""
    token = _HERE.set(_Tracing(tracer, contents) if tracer is not None else None)
    try:
        yield
    finally:
        _HERE.reset(token)


def is_traced() -> bool:
    return _HERE.get() is not None


@contextlib.contextmanager
def agent_span(goal: str, model: str | None, conversation: str | None) -> Iterator[Callable[[str, str], None]]:
    """Open a run's span. Yields what is to be called at its end: the outcome, and what is answered."""
    with _span("invoke_agent", NAME) as span:

        def ended(outcome: str, answer: str) -> None:
            label = {"completed": "pass", "failed": "fail"}.get(outcome, outcome)
            span.set({"gen_ai.evaluation.name": "completed", "gen_ai.evaluation.score.label": label})
            span.tell("gen_ai.output.messages", lambda: [_message("assistant", answer)])

        span.set({**_of_model(model or NAME), "gen_ai.agent.name": NAME, "gen_ai.conversation.id": conversation})
        span.tell("gen_ai.input.messages", lambda: [_message("user", goal)])
        yield ended


@contextlib.contextmanager
def chat_span(model: str, request: lm15.Request) -> Iterator[Callable[[lm15.Response], None]]:
    """Open the span of a model's call. Yields what is to be called with the answer. Calls inside it are the same one.

    A helper's model is counted by the helper and by the run that it helps.
    """
    is_client = not model.startswith("local/")
    with _span("chat", model.partition("/")[2], is_client) as span, traced_by(None):

        def ended(response: lm15.Response) -> None:
            usage = response.usage or lm15.Usage()
            span.set(
                {
                    "gen_ai.response.id": response.id,
                    "gen_ai.response.finish_reasons": [response.finish_reason],
                    "gen_ai.usage.input_tokens": usage.input_tokens,
                    "gen_ai.usage.output_tokens": usage.output_tokens,
                    "gen_ai.usage.cache_read.input_tokens": usage.cache_read_tokens,
                }
            )
            span.tell("gen_ai.output.messages", lambda: [{**_said(response), "finish_reason": response.finish_reason}])

        config = request.config
        span.set({**_of_model(model), "gen_ai.request.max_tokens": config.max_tokens})
        span.set({"gen_ai.request.temperature": config.temperature})
        span.tell("gen_ai.system_instructions", lambda: [{"type": "text", "content": str(request.system or "")}])
        span.tell("gen_ai.input.messages", lambda: [_message(one.role, one.text) for one in request.messages])
        yield ended


@contextlib.contextmanager
def tool_span(name: str, arguments: Mapping[str, JsonValue]) -> Iterator[Callable[[JsonValue], None]]:
    """Open the span of a tool's call. Yields what is to be called with the result."""
    with _span("execute_tool", name) as span:

        def ended(result: JsonValue) -> None:
            if isinstance(result, dict) and result.get("error"):
                span.failed("tool_error", str(result["error"]))
            span.tell("gen_ai.tool.call.result", lambda: result)

        span.set({"gen_ai.tool.name": name, "gen_ai.tool.type": "function"})
        span.tell("gen_ai.tool.call.arguments", lambda: arguments)
        yield ended


class _Span:
    """A span, or nothing where none is wanted."""

    def __init__(self, span: Any, contents: bool) -> None:
        self.span, self.contents = span, contents

    def set(self, attributes: Mapping[str, Any]) -> None:
        if self.span is not None:
            self.span.set_attributes({name: value for name, value in attributes.items() if value is not None})

    def tell(self, name: str, value: Callable[[], Any]) -> None:
        """Add what was said or done, as JSON, if that is wanted."""
        if self.contents:
            self.span.set_attribute(name, without_keys(json.dumps(value(), ensure_ascii=False)))

    def failed(self, kind: str, why: str) -> None:
        if self.span is None:
            return
        from opentelemetry.trace import Status, StatusCode

        self.span.set_attribute("error.type", kind)
        self.span.set_status(Status(StatusCode.ERROR, without_keys(why) if self.contents else None))


@contextlib.contextmanager
def _span(operation: str, what: str, is_client: bool = False) -> Iterator[_Span]:
    here = _HERE.get()
    if here is None:
        yield _Span(None, False)
        return
    from opentelemetry.trace import SpanKind

    kind = SpanKind.CLIENT if is_client else SpanKind.INTERNAL
    named = {"gen_ai.operation.name": operation}
    quiet = {"record_exception": False, "set_status_on_exception": False}  # an error's message may hold anything
    with here.tracer.start_as_current_span(f"{operation} {what}", kind=kind, attributes=named, **quiet) as opened:
        span = _Span(opened, here.contents)
        try:
            yield span
        except BaseException as error:
            span.failed(type(error).__name__, str(error))
            raise


def _of_model(model: str) -> dict[str, str | None]:
    provider, _, name = model.partition("/")
    return {"gen_ai.provider.name": _PROVIDERS.get(provider, provider), "gen_ai.request.model": name or None}


def _said(response: lm15.Response) -> dict[str, Any]:
    calls = [{"type": "tool_call", "id": one.id, "name": one.name, "arguments": one.input} for one in response.tool_calls]
    message = _message("assistant", response.message.text)
    return {**message, "parts": [*(part for part in message["parts"] if part["content"] or not calls), *calls]}


def _message(role: str, text: str | None) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": text or ""}]}
