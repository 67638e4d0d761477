"""What a span says in each convention, as tables: OpenTelemetry's GenAI, OpenInference, OpenLLMetry, Vercel's AI SDK.

A row names the attributes that carry one thing; the first that a span has counts. Pydantic AI's and Langfuse's own names are
rows too.

Source     opentelemetry.io/docs/specs/semconv/gen-ai; github.com/Arize-ai/openinference (spec); github.com/traceloop/
           openllmetry (semantic conventions); ai-sdk.dev/docs/ai-sdk-core/telemetry; langfuse.com/docs/opentelemetry.
"""

from collections.abc import Mapping
from typing import Any, Literal

from dspy_programs.conversation import (
    Message,
    Result,
    as_dict,
    as_list,
    decoded,
    first_text,
    is_messages,
    json_of,
    latency_between,
    messages_of,
    parts_of,
)
from dspy_programs.failures.formats.langsmith import tool_result
from dspy_programs.failures.formats.offer import Offer
from dspy_programs.failures.formats.span_messages import indexed, indexed_messages, listed
from dspy_programs.failures.formats.span_values import NO_WORDS, Span

Kind = Literal["model", "tool", "agent", "plumbing"]
KINDS: dict[str, dict[str, Kind]] = {
    "gen_ai.operation.name": {"chat": "model", "text_completion": "model", "generate_content": "model", "completion": "model",
                              "execute_tool": "tool", "embeddings": "plumbing"},
    "openinference.span.kind": {"LLM": "model", "TOOL": "tool", "RETRIEVER": "tool", "AGENT": "agent", "CHAIN": "agent",
                                "EMBEDDING": "plumbing", "RERANKER": "plumbing", "EVALUATOR": "plumbing",
                                "GUARDRAIL": "plumbing", "PROMPT": "plumbing"},
    "traceloop.span.kind": {"tool": "tool", "workflow": "agent", "task": "agent", "agent": "agent"},
    "llm.request.type": {"chat": "model", "completion": "model", "embedding": "plumbing", "rerank": "plumbing"},
    "langfuse.observation.type": {"generation": "model", "tool": "tool", "retriever": "tool", "embedding": "plumbing"},
}  # fmt: skip
_NAMES = ("gen_ai.tool.name", "ai.toolCall.name", "tool.name", "traceloop.entity.name")
_IDS = ("gen_ai.tool.call.id", "ai.toolCall.id", "tool_call.id", "tool.id")
_ENTITY_INPUT, _ENTITY_OUTPUT = "traceloop.entity.input", "traceloop.entity.output"
_INPUTS = ("input.value", _ENTITY_INPUT, "langfuse.observation.input")
_OUTPUTS = ("output.value", _ENTITY_OUTPUT, "langfuse.observation.output")
_GIVEN = ("gen_ai.tool.call.arguments", "ai.toolCall.args", "ai.toolCall.input", "tool_arguments", *_INPUTS, "tool.parameters")
_GAVE = ("gen_ai.tool.call.result", "ai.toolCall.result", "ai.toolCall.output", "tool_response", *_OUTPUTS)
_TOLD = (
    "gen_ai.input.messages",
    "gen_ai.prompt",
    "ai.prompt.messages",
    "llm.input_messages",
    "pydantic_ai.all_messages",
    "events",
    "all_messages_events",
)
_SAID = ("gen_ai.output.messages", "gen_ai.completion", "llm.output_messages")
_TOLD_INDEXED, _SAID_INDEXED = ("gen_ai.prompt.", "llm.input_messages."), ("gen_ai.completion.", "llm.output_messages.")
_VERCEL_TEXT = ("ai.response.text", "ai.result.text", "ai.response.object", "ai.result.object")
_VERCEL_CALLS = ("ai.response.toolCalls", "ai.result.toolCalls")
_DEFINITIONS = ("gen_ai.tool.definitions", "ai.prompt.tools")
_PARAMETERS = ("llm.invocation_parameters", "model_request_parameters")
_AROUND_INPUT, _AROUND_OUTPUT = ("inputs", "kwargs", "args", "input_str"), ("output", "outputs")
_BESIDE = {"tags", "metadata"}
_QUESTIONS = ("input", "question", "query", "goal", "task", "prompt", "text", "user_message", "message")
_ANSWERS = ("output", "answer", "result", "final_output", "text", "content", "response", "message")
_PREFIXES = (
    "gen_ai.",
    "llm.",
    "ai.",
    "traceloop.",
    "openinference.",
    "langfuse.",
    "pydantic_ai.",
    "input.value",
    "output.value",
)
_DEEPEST = 4


def kind_of_span(attributes: Mapping[str, Any]) -> Kind:
    if isinstance(operation := attributes.get("ai.operationId"), str):
        return (
            "tool" if operation == "ai.toolCall" else "model" if operation.endswith((".doGenerate", ".doStream")) else "agent"
        )
    for name, kinds in KINDS.items():
        if found := kinds.get(str(attributes.get(name))):
            return found
    if any(key.startswith((*_TOLD_INDEXED, *_SAID_INDEXED)) for key in attributes):
        return "model"
    has_operation = "gen_ai.operation.name" in attributes
    return "tool" if not has_operation and ("gen_ai.tool.name" in attributes or "ai.toolCall.name" in attributes) else "agent"


def tells_of_a_model(span: Span) -> bool:
    """Return whether a span has an attribute of any of the conventions: others are of a service's other work."""
    names = [*span.attributes, *(name for event, values, _ in span.events for name in (event, *values))]
    return any(name.startswith(_PREFIXES) for name in names)


def first_of(attributes: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((attributes[name] for name in names if attributes.get(name) is not None), None)


def tool_name(span: Span) -> str:
    told = first_text(span.attributes, *_NAMES)
    return told or span.name.removeprefix("execute_tool ").removesuffix(".tool") or "(unnamed)"


def tool_of(span: Span) -> tuple[str, Any, Result]:
    """Return a tool's name, its arguments, and what it gave, with its time."""
    attributes = span.attributes
    given, output = first_of(attributes, _GIVEN), _output_of(attributes)
    arguments = _unwrapped(json_of(given), _AROUND_INPUT) if given is attributes.get(_ENTITY_INPUT) else decoded(given)
    failed, said = bool(span.error or attributes.get("error.type")), span.error if span.error != NO_WORDS else None
    error = failed and (output is not None or said or attributes.get("error.type") or True)
    result = tool_result({"outputs": {"output": output}, "error": error, "tool_call_id": first_of(attributes, _IDS)})
    return tool_name(span), arguments, result._replace(latency_ms=latency_between(span.start or None, span.end))


def _output_of(attributes: Mapping[str, Any]) -> Any:
    """Return what a tool gave: a value, LangChain's message of it, or the documents that were found."""
    output = first_of(attributes, _GAVE)
    if output is None:
        found = indexed(attributes, "retrieval.documents.") or as_list(attributes.get("retrieval.documents"))
        return [as_dict(one).get("document", one) for one in found] or None
    if _is_quoted(output):
        return decoded(output)
    if output is attributes.get(_ENTITY_OUTPUT):
        return _unwrapped(json_of(output), _AROUND_OUTPUT)
    held = json_of(output)
    return held if isinstance(held, dict) and "tool_call_id" in as_dict(held.get("kwargs", held)) else output


def _is_quoted(value: Any) -> bool:
    """Return whether a text is JSON of a text: some SDKs write every value so."""
    return isinstance(value, str) and len(value) > 1 and value[0] == value[-1] == '"'


def _read(value: Any) -> Any:
    return decoded(value) if _is_quoted(value) else json_of(value)


def _unwrapped(value: Any, around: tuple[str, ...]) -> Any:
    """Return the arguments in {"inputs": {...}, "tags": ...} or {"args": [], "kwargs": ...}, the result in {"output": ...}."""
    for _ in range(_DEEPEST):
        is_wrapper = isinstance(value, dict) and value.keys() <= {*_AROUND_INPUT, *_AROUND_OUTPUT, *_BESIDE}
        if not is_wrapper or not value.keys() & set(around):
            return value
        value = json_of(next((value[key] for key in around if value.get(key)), value.get(around[0])))
    return value


def talk_of(span: Span) -> tuple[list[Message], list[Message]]:
    """Return what a model or an agent was told and what it said, by its attributes."""
    attributes = span.attributes
    told: list[Message] = []
    if system := json_of(attributes.get("gen_ai.system_instructions")):
        text = "\n".join(parts_of([json_of(part) for part in system] if isinstance(system, list) else system).texts)
        told += [Message("system", text)] if text else []
    told += [message for key in _TOLD for message in listed(attributes.get(key), key, "user")]
    told += [message for key in _TOLD_INDEXED for message in indexed_messages(attributes, key, "user")]
    said = [message for key in _SAID for message in listed(attributes.get(key), key)]
    said += [message for key in _SAID_INDEXED for message in indexed_messages(attributes, key, "assistant")]
    text, calls = first_of(attributes, _VERCEL_TEXT), json_of(first_of(attributes, _VERCEL_CALLS))
    if (text or calls) and not said:
        said += messages_of([{"role": "assistant", "content": text, "tool_calls": calls}], "ai.response")
    return told, said


def whole_of(span: Span) -> tuple[list[Message], list[Message]]:
    """Return the question and the answer that a span as a whole has (input.value, traceloop.entity.output, ai.prompt)."""
    asked = _spoken(first_of(span.attributes, (*_INPUTS, "ai.prompt")), "user", _QUESTIONS)
    return asked, _spoken(first_of(span.attributes, _OUTPUTS), "assistant", _ANSWERS)


def _spoken(value: Any, role: str, keys: tuple[str, ...]) -> list[Message]:
    """Read what was said from a text, from messages, or from an object that has one of them; [] where none is told apart."""
    for _ in range(_DEEPEST):
        value = _read(value)
        if not isinstance(value, dict):
            break
        if is_messages(value.get("messages")):
            return messages_of(value["messages"])
        if isinstance(value.get("role"), str) or (isinstance(value.get("kwargs"), dict) and "lc" in value):
            return messages_of([value])
        value = next((value[key] for key in (*keys, *_AROUND_INPUT, *_AROUND_OUTPUT) if value.get(key)), None)
    if isinstance(value, list):
        return messages_of(value) if is_messages(value) else []
    return messages_of([{"role": role, "content": value}]) if isinstance(value, str) and value.strip() else []


def add_tools(offer: Offer, attributes: Mapping[str, Any]) -> None:
    """Add the definitions that a call of a model was given."""
    for name in _DEFINITIONS:
        offer.add(attributes.get(name))
    for name in _PARAMETERS:
        held = as_dict(json_of(attributes.get(name)))
        offer.add(held.get("tools") or held.get("function_tools"))
    offer.add(indexed(attributes, "llm.request.functions."))
    shown = [
        *indexed(attributes, "llm.tools."),
        *(attributes["llm.tools"] if isinstance(attributes.get("llm.tools"), list) else []),
    ]
    schemas = (as_dict(one).get("tool.json_schema", as_dict(as_dict(one).get("tool")).get("json_schema")) for one in shown)
    offer.add([schema for schema in schemas if schema])
