"""Whether a run writes spans of OpenTelemetry (spans.py), and where they go.

Input      the standard variables: an exporter in OTEL_TRACES_EXPORTER, or a collector's address in
           OTEL_EXPORTER_OTLP_ENDPOINT; or a provider that the program around the run has set. Without any of these nothing is
           imported and nothing written. OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true: with what was said and done.
Guarantees a run never fails for its spans: where there can be none, the record says why.
"""

import contextlib
import functools
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import entry_points
from typing import Any

from dspy_programs.agent.result import AgentResult
from dspy_programs.agent.telling.record import Record
from dspy_programs.agent.telling.spans import NAME, agent_span, is_traced, traced_by
from dspy_programs.errors import MissingExtra, UsageError

_CONTENTS = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_OTLP = {"grpc": "otlp_proto_grpc", "http/protobuf": "otlp_proto_http"}  # protocol -> the exporter's name


@contextlib.contextmanager
def run_span(goal: str, model: str | None, record: Record) -> Iterator[Callable[[AgentResult], AgentResult]]:
    """Open the span of a run, if spans are wanted. Yields what is to be called with the result, which it returns."""
    session = record.session
    with _tracing(record), agent_span(goal, model, session.id if session.is_kept else None) as end:

        def ended(result: AgentResult) -> AgentResult:
            end(result.outcome, result.answer or result.why)
            return result

        yield ended


def _tracing(record: Record) -> contextlib.AbstractContextManager[None]:
    if is_traced():  # a helper's run is a part of the run that has delegated it
        return contextlib.nullcontext()
    tracer = None
    try:
        tracer = _tracer(os.environ)
    except (UsageError, MissingExtra) as error:
        record.tell("note", text=f"no spans are written: {error}")
    return traced_by(tracer, os.environ.get(_CONTENTS, "").strip().lower() == "true")


def _tracer(environment: Mapping[str, str]) -> Any:
    """Return a tracer of the provider that the program around has set, else of the exporters that are named; None for none."""
    if "opentelemetry.sdk.trace" in sys.modules:
        from opentelemetry import trace

        if not isinstance(provider := trace.get_tracer_provider(), trace.ProxyTracerProvider):
            return provider.get_tracer(NAME)
    names = exporters_named(environment)
    return _provider(names).get_tracer(NAME) if names else None


def exporters_named(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of the exporters that the standard variables ask for."""
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return ()
    default = "otlp" if any(environment.get(name) for name in _ENDPOINTS) else ""
    names = [name.strip() for name in (environment.get("OTEL_TRACES_EXPORTER") or default).split(",")]
    protocol = environment.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or environment.get("OTEL_EXPORTER_OTLP_PROTOCOL")
    otlp = _OTLP.get(protocol or "http/protobuf", f"otlp with the protocol {protocol}")
    return tuple(otlp if name == "otlp" else name for name in names if name not in ("", "none"))


@functools.cache
def _provider(names: tuple[str, ...]) -> Any:
    """Return this process's provider for the exporters. What still waits is sent when the process ends.

    Raises     MissingExtra; UsageError for an exporter that is not installed or cannot be made.
    """
    try:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise MissingExtra('OpenTelemetry needs an extra: pip install "dspy-programs[telemetry]"') from None
    exporters = [_exporter(name) for name in names]
    resource = Resource.create()
    if str(resource.attributes.get("service.name", "")).startswith("unknown_service"):
        resource = resource.merge(Resource({"service.name": NAME}))
    provider = TracerProvider(resource=resource)
    for exporter in exporters:
        provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


def _exporter(name: str) -> Any:
    if name == "console":  # on standard error: standard output is the report's
        from opentelemetry.sdk.trace.export import ConsoleSpanExporter

        return ConsoleSpanExporter(out=sys.stderr, formatter=lambda span: span.to_json(indent=None) + "\n")
    found = [*entry_points(group="opentelemetry_traces_exporter", name=name)]
    if not found:
        raise UsageError(f"no installed package has the exporter {name!r}; set OTEL_TRACES_EXPORTER to otlp, console or none")
    try:
        return found[0].load()()
    except Exception as error:  # whatever another package finds wrong with its own settings
        raise UsageError(f"the exporter {name!r} cannot be made: {error}") from error
