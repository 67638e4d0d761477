"""The operations that every surface offers, in one table: request, response, and the tool that does the work.

This is the only file in the servers that calls the tools. Each call runs in a worker thread with the server's language model,
if it has one; otherwise the rules answer, and every answer says which of the two it was.
"""

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from pydantic import BaseModel, JsonValue, ValidationError

from dspy_programs.budget import (
    DEFAULT_RUBRIC,
    Analysis,
    Example,
    NegotiationResult,
    Negotiator,
    OutputsScorer,
    Scorer,
    SectionsScorer,
    analyze,
)
from dspy_programs.errors import UsageError
from dspy_programs.failures import Batch, FailureClassifier, FailureReport, Outcome, Tally
from dspy_programs.failures.formats import Parser
from dspy_programs.lm import running_on
from dspy_programs.memory import CompressionReport, ContextBuilder, ContextConfig, MemoryCompressor, messages_of, store_of
from dspy_programs.model_in_use import model_in_use
from dspy_programs.serve import requests as asked
from dspy_programs.serve.limits import MAX_TURNS
from dspy_programs.serve.problems import Invalid, TooLarge
from dspy_programs.serve.worker_pool import OnProgress, Progress, WorkerPool
from dspy_programs.tokens import TokenCounter, counter_for, counter_named
from dspy_programs.types import Section, Trace

_FAULTS_SHOWN = 3


class Classified(BaseModel):
    """The outcome of one trace: its report, or why it cannot be read. index: its position in the request."""

    index: int
    report: FailureReport | None
    problem: str | None


class Replaced(BaseModel):
    """Messages of the request that follow each other and are not in the answer as they were: places from 0, both included."""

    first: int
    last: int


class CompressedMemory(BaseModel):
    """The resulting messages, which are never larger than the given ones.

    The originals do not come back: whoever sent them has them, at the places in `replaced`.
    """

    messages: list[dict[str, JsonValue]]
    replaced: list[Replaced]
    bytes_given: int
    bytes_now: int
    """Of all messages, as JSON in UTF-8."""
    report: CompressionReport


class ContextStats(BaseModel):
    """How much of the session is in the context, in entries and tokens."""

    total_tokens: int
    max_tokens: int
    entries_included: int
    protected_entries: int
    older_entries_included: int
    entries_excluded: int
    token_counter: str
    exact: bool


class BuiltContext(BaseModel):
    """The context as one text and as chat messages, each within the token limit."""

    context: str
    messages: list[dict[str, JsonValue]]
    stats: ContextStats


class ClassifiedTraces(BaseModel):
    """Every trace of the request with its outcome, in order, and the totals."""

    results: list[Classified]
    batch: Batch


def classify_failure(request: asked.ClassifyFailure, progress: Progress) -> FailureReport:
    progress(0, 1)
    found = list(Parser(request.format).each(request.trace))
    if len(found) != 1:
        raise UsageError(f"trace: contains {len(found)} traces; send them to classify_failures")
    return _classifier_of(request).classify(_short_enough(found[0]))


def _classifier_of(request: asked.Classify) -> FailureClassifier:
    limit = {} if request.min_probability is None else {"min_probability": request.min_probability}
    return FailureClassifier(request.use_llm, request.open_question, **limit)


def classify_failures(request: asked.ClassifyFailures, progress: Progress) -> ClassifiedTraces:
    """Classify each trace; an unreadable one has a problem, and the others still get their reports."""
    parser, classifier = Parser(request.format), _classifier_of(request)
    model = model_in_use() if request.use_llm else None
    tally, results = Tally(model and model.model), list[Classified]()
    for index, raw in enumerate(request.traces):
        for read in parser.each(raw):
            progress(index, len(request.traces))
            outcome = _outcome_of(classifier, f"traces.{index}", read)
            tally.add(outcome)
            results.append(Classified(index=index, report=outcome.report, problem=outcome.problem))
    return ClassifiedTraces(results=results, batch=tally.batch())


def _outcome_of(classifier: FailureClassifier, source: str, read: Trace | UsageError) -> Outcome:
    try:
        trace = _short_enough(read)
    except (UsageError, TooLarge) as error:
        return Outcome(source, None, None, str(error))
    return Outcome(source, trace, classifier.classify(trace), None)


def _short_enough(read: Trace | UsageError) -> Trace:
    """Return a trace that was read. Raises the error in its place, or TooLarge."""
    if isinstance(read, UsageError):
        raise read
    if len(read.turns) > MAX_TURNS:
        raise TooLarge(f"trace: {len(read.turns)} turns; send at most {MAX_TURNS}")
    return read


def compress_memory(request: asked.CompressMemory, progress: Progress) -> CompressedMemory:
    progress(0, 1)
    given = _said_in(request.messages)
    with running_on(model_in_use() if request.use_llm else None):
        known = store_of(given, _watched(_counter_of(None), progress))
        compressor = MemoryCompressor(
            request.token_budget,
            request.protected_recent,
            strategies=request.strategies,
            fallback=request.fallback,
        )
        report = compressor.compress(known.store, progress)
    messages = messages_of(known)
    here = {id(message) for message in messages}
    gone = [place for place, message in enumerate(given) if id(message) not in here]
    own = {id(message) for message in given}
    messages = [message if id(message) in own else _without_originals(message) for message in messages]
    return CompressedMemory(
        messages=messages, replaced=_runs(gone), bytes_given=_bytes_of(given), bytes_now=_bytes_of(messages), report=report
    )


def _without_originals(message: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in message.items() if key not in ("compressed", "compression_history")}


def _runs(places: Sequence[int]) -> list[Replaced]:
    """Join places that follow each other."""
    found: list[Replaced] = []
    for place in places:
        if found and found[-1].last == place - 1:
            found[-1].last = place
        else:
            found.append(Replaced(first=place, last=place))
    return found


def _bytes_of(messages: Sequence[Mapping[str, Any]]) -> int:
    return len(json.dumps(messages, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace"))


def build_context(request: asked.BuildContext, progress: Progress) -> BuiltContext:
    progress(0, 1)
    store = store_of(_said_in(request.messages), _watched(_counter_of(None), progress)).store
    builder = ContextBuilder(ContextConfig(request.max_tokens, request.protected_recent))
    counted = {"token_counter": store.counter.name, "exact": store.counter.exact}
    stats = builder.get_context_stats(store, request.system_message) | counted
    return BuiltContext(
        context=builder.build_context(store, request.system_message),
        messages=builder.build_messages(store, request.system_message),
        stats=ContextStats.model_validate(stats),
    )


def _said_in(messages: Sequence[asked.Message]) -> list[dict[str, Any]]:
    return [message.model_dump(exclude_unset=True) for message in messages]


def analyze_prompt(request: asked.AnalyzePrompt, progress: Progress) -> Analysis:
    progress(0, 1)
    return analyze(_sections_of(request.sections), _counter_of(request.model))


def negotiate_prompt(request: asked.NegotiatePrompt, progress: Progress) -> NegotiationResult:
    progress(0, 0)
    lm = model_in_use()
    if request.examples:
        examples = [Example.model_validate(example.model_dump()) for example in request.examples]
        scorer: Scorer | None = OutputsScorer.on(lm, examples, judged=request.rubric is not None)
    else:
        scorer = None if lm is None else SectionsScorer(lm)
    limits = (request.quality_threshold, request.min_token_savings, request.max_token_savings)
    counter = _counter_of(request.model)
    negotiator = Negotiator(scorer, *limits, strategies=request.strategies, allow=request.allow, counter=counter)
    rubric = request.rubric.model_dump() if request.rubric else DEFAULT_RUBRIC
    return negotiator.negotiate(_sections_of(request.sections), rubric, request.target_task, progress)


def _sections_of(sections: Sequence[asked.PromptSection]) -> list[Section]:
    return [Section.model_validate(section.model_dump()) for section in sections]


def _counter_of(model: str | None) -> TokenCounter:
    """Count as the named model does, else as the server's own, else with a shipped vocabulary."""
    if model is not None and model.startswith("local/") and (model.count("/") > 1 or model.endswith(".gguf")):
        raise UsageError("model: a path; name a model, such as openai/gpt-4.1-mini: requests open no files of the server")
    return counter_for(model_in_use()) if model is None else counter_named(model)


def _watched(counter: TokenCounter, progress: Progress) -> TokenCounter:
    """Return a counter that ends a call that nobody waits for: a memory's texts are counted from beginning to end."""

    def count(text: str) -> int:
        progress(0, 0)
        return counter.count(text)

    return replace(counter, count=count)


class Operation(NamedTuple):
    """name: in MCP and A2A; path: in REST; call: (request, progress) -> answer, in a worker thread.

    says: when to use it, what to send and what comes back, for people and models; tags: in A2A. asks_model: whether it may;
    others are answered while a dead model holds the first kind up. model_calls: about how many a request leads to at most,
    where there is a model.
    """

    name: str
    title: str
    path: str
    says: str
    tags: tuple[str, ...]
    request: type[asked.Request]
    answer: type[BaseModel]
    call: Callable[[Any, Progress], BaseModel]
    asks_model: bool = True
    model_calls: Callable[[Any], int] = lambda request: 1


OPERATIONS = {
    operation.name: operation
    for operation in (
        Operation(
            "classify_failure",
            "Find out why a run failed",
            "/v1/failures/classify",
            "Say why one agent run failed. Send its trace as it was recorded, in any known format. Returns the failure mode "
            "('none' for a healthy run), the turn at which it first went wrong, the evidence, and fixes to try.",
            ("agents", "traces", "failures"),
            asked.ClassifyFailure,
            FailureReport,
            classify_failure,
            model_calls=lambda request: int(request.use_llm),
        ),
        Operation(
            "classify_failures",
            "Find out why many runs failed",
            "/v1/failures/batch",
            "Say why each of many agent runs failed, and how often each failure mode occurs. Send a list of traces. Returns "
            "one report a trace, in order, and the totals; a trace that cannot be read has a problem instead of a report.",
            ("agents", "traces", "failures", "evaluation"),
            asked.ClassifyFailures,
            ClassifiedTraces,
            classify_failures,
            model_calls=lambda request: len(request.traces) * request.use_llm,
        ),
        Operation(
            "compress_memory",
            "Compress a conversation",
            "/v1/memory/compress",
            "Compress a conversation that no longer fits: send its messages and a token budget, and get fewer messages back. "
            "System prompts, open requests, facts, decisions and the latest messages stay. Use it when the history must remain "
            "usable as a history; to choose a part of it for one prompt, use build_context.",
            ("agents", "memory", "tokens"),
            asked.CompressMemory,
            CompressedMemory,
            compress_memory,
            model_calls=lambda request: int(request.use_llm),
        ),
        Operation(
            "build_context",
            "Choose context from a conversation",
            "/v1/memory/context",
            "Choose the part of a conversation to put into one prompt, within a token limit. Returns it as one text and as "
            "chat messages, unchanged in wording. No model is asked.",
            ("agents", "memory", "context"),
            asked.BuildContext,
            BuiltContext,
            build_context,
            asks_model=False,
            model_calls=lambda request: 0,
        ),
        Operation(
            "analyze_prompt",
            "Count the tokens of a prompt",
            "/v1/budget/analyze",
            "Count the tokens of a prompt, section by section, as a model's tokenizer does. Use it before negotiate_prompt, to "
            "see what costs most. No model is asked.",
            ("prompts", "tokens"),
            asked.AnalyzePrompt,
            Analysis,
            analyze_prompt,
            asks_model=False,
            model_calls=lambda request: 0,
        ),
        Operation(
            "negotiate_prompt",
            "Shrink a prompt and keep its quality",
            "/v1/budget/negotiate",
            "Find a smaller prompt that works as well: drop what it does not need, measured on `examples` if they are sent. "
            "Returns the sections that stay, the tokens saved, and in `lost` the binding sentences that would go; they stay "
            "unless `allow` names them.",
            ("prompts", "tokens", "cost"),
            asked.NegotiatePrompt,
            NegotiationResult,
            negotiate_prompt,
            model_calls=lambda request: max(len(request.sections), len(request.examples or ())),
        ),
    )
}


async def perform(
    operation: Operation, request: Any, worker_pool: WorkerPool, on_progress: OnProgress | None = None
) -> BaseModel:
    """Return the answer to a request. Raises ServeError. Cancelling this stops the work."""

    def call(progress: Progress) -> BaseModel:
        return operation.call(request, progress)

    return await worker_pool.run(call, on_progress, operation.asks_model, operation.model_calls(request))


def answer_as_json(answer: BaseModel) -> dict[str, Any]:
    return answer.model_dump(mode="json")


def request_from(operation: Operation, arguments: Mapping[str, Any]) -> asked.Request:
    """Return the typed request. Raises Invalid with one line that names the fields but never their values."""
    try:
        return operation.request.model_validate(arguments)
    except ValidationError as error:
        raise Invalid(faults(error)) from None


def request_from_texts(operation: Operation, arguments: Mapping[str, Any]) -> asked.Request:
    """Return the typed request; models often send JSON as text, so that is read where the text itself does not fit."""
    try:
        return request_from(operation, arguments)
    except Invalid:
        read = {name: _read(value) for name, value in arguments.items()} if isinstance(arguments, Mapping) else arguments
        if read == arguments:
            raise
        return request_from(operation, read)


def _read(value: Any) -> Any:
    with contextlib.suppress(ValueError, RecursionError):
        return json.loads(value) if isinstance(value, str) and value.lstrip()[:1] in ("{", "[") else value
    return value


def asked_in(content: Any) -> tuple[Operation, asked.Request]:
    """Return the operation and the request in {"skill": NAME, "input": {...}}; all else is a trace. Raises Invalid."""
    if not isinstance(content, dict) or "skill" not in content:
        content = {"skill": "classify_failure", "input": {"trace": content}}
    skill, given = content["skill"], content.get("input")
    if not isinstance(skill, str) or skill not in OPERATIONS:
        raise Invalid(f"skill: choose from {', '.join(OPERATIONS)}")
    if not isinstance(given, Mapping):
        raise Invalid("input: send an object with the request's fields")
    return OPERATIONS[skill], request_from(OPERATIONS[skill], given)


def faults(error: ValidationError) -> str:
    return error_line(error.errors(include_url=False, include_context=False, include_input=False))


def error_line(errors: Any) -> str:
    """Say in one line what is wrong with a request: field and fault, without repeating what was sent."""
    lines = [f"{_field_path(fault['loc'])}: {fault['msg']}" for fault in errors]
    more = f"; and {len(lines) - _FAULTS_SHOWN} more" if len(lines) > _FAULTS_SHOWN else ""
    return "; ".join(lines[:_FAULTS_SHOWN]) + more


def _field_path(location: Sequence[int | str]) -> str:
    """Return the path to a field, without the validator names that pydantic adds, which mean nothing to a client."""
    parts = [str(part) for part in location if isinstance(part, int) or str(part).isidentifier()]
    return ".".join(parts) or "request"
