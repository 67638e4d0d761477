"""The operations that every surface offers, in one table: request, response, and the tool that does the work.

This is the only file in the servers that calls the tools. Each call runs in a worker thread with the server's language model,
if it has one; otherwise the rules answer, and every answer says which of the two it was.
"""

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
from dspy_programs.memory import CompressionReport, ContextBuilder, ContextConfig, compress_session, store_of
from dspy_programs.model_in_use import model_in_use
from dspy_programs.serve import requests as asked
from dspy_programs.serve.limits import MAX_TURNS
from dspy_programs.serve.problems import Invalid, TooLarge
from dspy_programs.serve.worker_pool import Progress
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
    return FailureClassifier().classify(_short_enough(found[0]))


def classify_failures(request: asked.ClassifyFailures, progress: Progress) -> ClassifiedTraces:
    """Classify each trace; an unreadable one has a problem, and the others still get their reports."""
    parser, classifier = Parser(request.format), FailureClassifier()
    model = model_in_use()
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
    messages, report = compress_session(
        given, request.token_budget, request.protected_recent, counter=_watched(_counter_of(None), progress), progress=progress
    )
    here = {id(message) for message in messages}
    gone = [place for place, message in enumerate(given) if id(message) not in here]
    known = {id(message) for message in given}
    messages = [message if id(message) in known else _without_originals(message) for message in messages]
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
    stats = builder.get_context_stats(store) | {"token_counter": store.counter.name, "exact": store.counter.exact}
    return BuiltContext(
        context=builder.build_context(store),
        messages=builder.build_messages(store),
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
    negotiator = Negotiator(scorer, *limits, allow=request.allow, counter=_counter_of(None))
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

    asks_model: whether it may; others are answered while a dead model holds the first kind up.
    """

    name: str
    path: str
    says: str
    request: type[asked.Request]
    answer: type[BaseModel]
    call: Callable[[Any, Progress], BaseModel]
    asks_model: bool = True


OPERATIONS = {
    operation.name: operation
    for operation in (
        Operation(
            "classify_failure",
            "/v1/failures/classify",
            "Say why an agent run failed: mode, first failing turn, evidence, fixes; none for a healthy run.",
            asked.ClassifyFailure,
            FailureReport,
            classify_failure,
        ),
        Operation(
            "classify_failures",
            "/v1/failures/batch",
            "Say why each of many runs failed, and how often each mode occurs.",
            asked.ClassifyFailures,
            ClassifiedTraces,
            classify_failures,
        ),
        Operation(
            "compress_memory",
            "/v1/memory/compress",
            "Compress a session's messages to a token budget; facts, system prompts and the latest messages stay.",
            asked.CompressMemory,
            CompressedMemory,
            compress_memory,
        ),
        Operation(
            "build_context",
            "/v1/memory/context",
            "Choose the part of a session to put into a prompt, within a token limit.",
            asked.BuildContext,
            BuiltContext,
            build_context,
            asks_model=False,
        ),
        Operation(
            "analyze_prompt",
            "/v1/budget/analyze",
            "Count the tokens of each section of a prompt.",
            asked.AnalyzePrompt,
            Analysis,
            analyze_prompt,
            asks_model=False,
        ),
        Operation(
            "negotiate_prompt",
            "/v1/budget/negotiate",
            "Drop what a prompt does not need, measured on `examples` if given; what binds stays unless `allow` names it.",
            asked.NegotiatePrompt,
            NegotiationResult,
            negotiate_prompt,
        ),
    )
}


def answer_as_json(answer: BaseModel) -> dict[str, Any]:
    return answer.model_dump(mode="json")


def request_from(operation: Operation, arguments: Mapping[str, Any]) -> asked.Request:
    """Return the typed request. Raises Invalid with one line that names the fields but never their values."""
    try:
        return operation.request.model_validate(arguments)
    except ValidationError as error:
        raise Invalid(faults(error)) from None


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
