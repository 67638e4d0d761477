"""Spans of a run: what is in them and what is not, read back by the failure tool, and sent where the environment says."""

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from dspy import lm15

from dspy_programs.__main__ import main
from dspy_programs.agent import Agent, Limits
from dspy_programs.agent.telling.spans import traced_by
from dspy_programs.agent.telling.telemetry import _provider, exporters_named
from dspy_programs.errors import ModelFailing
from dspy_programs.failures import AutoParser
from tests.dspy_programs.agent.scripted import is_planner, plan, scripted, step
from tests.fakes import scripted_lm

pytest.importorskip("opentelemetry.sdk.trace", reason="needs the extra telemetry")
GOAL = "Read a.txt and write its total to b.txt"


class Recorded:
    """A tracer that keeps its spans."""

    def __init__(self):
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

        self.kept, provider = InMemorySpanExporter(), TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self.kept))
        self.tracer = provider.get_tracer("test")

    @property
    def spans(self):
        return self.kept.get_finished_spans()

    def by_name(self, name):
        return [span for span in self.spans if span.name == name]

    def lines(self):
        return "".join(span.to_json(indent=None) + "\n" for span in self.spans)


def two_steps():
    plans = [plan(("read_file", "Read a.txt"), ("write_file", "Write the total to b.txt"))]
    return scripted(plans, [step("read_file", path="a.txt"), step("write_file", path="b.txt", content="42\n")])


def run(folder, lm=None, contents=False, goal=GOAL, **settings):
    recorded = Recorded()
    with traced_by(recorded.tracer, contents):
        result = Agent(lm=lm or two_steps(), workspace=folder, compiled=False, **settings).run(goal)
    return recorded, result


def test_run_is_a_span_with_those_of_models_and_tools_inside(shop):
    recorded, result = run(shop)
    [agent] = recorded.by_name("invoke_agent dspy-programs")
    inside = [span for span in recorded.spans if span is not agent]
    assert result.outcome == "unverified" and agent.parent is None
    assert {span.parent.span_id for span in inside} == {agent.context.span_id}
    names = [span.name for span in inside]
    assert names == ["chat planner", "chat planner", "execute_tool read_file", "chat planner", "execute_tool write_file"]
    assert inside[0].attributes["gen_ai.provider.name"] == "scripted"
    tokens = sum(span.attributes["gen_ai.usage.input_tokens"] for span in recorded.by_name("chat planner"))
    assert tokens == result.cost.input_tokens > 0


def test_span_holds_nothing_that_was_said_or_done(shop):
    recorded, _ = run(shop)
    told = json.dumps([dict(span.attributes) for span in recorded.spans])
    assert not [words for words in ("a.txt", "b.txt", "42", "total", "Total", "as scripted") if words in told]


def test_spans_are_read_back_as_the_run_that_its_own_trace_tells(shop, tmp_path):
    recorded, result = run(shop, contents=True, traces=tmp_path / "traces")
    (tmp_path / "spans.jsonl").write_text(recorded.lines())
    spans, own = (AutoParser().parse_file(path) for path in (tmp_path / "spans.jsonl", result.trace))
    assert (spans.original_goal, spans.final_result, spans.is_successful) == (own.original_goal, own.final_result, None)
    assert calls_in(spans) == calls_in(own) and len(calls_in(own)) == 2


def calls_in(trace):
    return [(turn.tool_name, turn.tool_input, turn.tool_output) for turn in trace.turns if turn.tool_name]


def test_run_that_fails_is_read_back_as_failed(shop, tmp_path):
    lm = scripted([plan(("read_file", "Read c.txt"))], [step("read_file", path="c.txt")])
    recorded, result = run(shop, lm, contents=True)
    (tmp_path / "spans.jsonl").write_text(recorded.lines())
    trace = AutoParser().parse_file(tmp_path / "spans.jsonl")
    assert not result.completed and trace.is_successful is False
    failed = recorded.by_name("execute_tool read_file")[0]
    assert failed.attributes["error.type"] == "tool_error" and not failed.status.is_ok
    assert "c.txt" in str(calls_in(trace)[0][2])


def test_keys_are_removed_even_where_contents_are_wanted(shop, monkeypatch):
    monkeypatch.setenv("SHOP_API_KEY", "mellon-mellon")
    (shop / "a.txt").write_text("Total: 42\nkey: mellon-mellon\nother: sk-abcdefgh12345678\n")
    recorded, _ = run(shop, contents=True)
    assert "Total: 42" in recorded.lines()
    assert "mellon" not in recorded.lines() and "abcdefgh" not in recorded.lines()


@pytest.mark.parametrize("contents", [False, True])
def test_model_that_does_not_answer_is_the_kind_of_error_and_no_more(shop, contents):
    def broken(prompt):
        raise lm15.AuthError("who is Anna?")

    recorded = Recorded()
    with traced_by(recorded.tracer, contents), pytest.raises(ModelFailing):
        Agent(lm=scripted_lm(broken), workspace=shop, compiled=False).run(GOAL)
    [chat], [agent] = recorded.by_name("chat planner"), recorded.by_name("invoke_agent dspy-programs")
    assert agent.attributes["error.type"] == "ModelFailing" and "Error" in chat.attributes["error.type"]
    assert ("Anna" in recorded.lines()) is contents


def test_spans_of_actors_at_once_and_of_helpers_are_of_the_same_run(shop):
    both = plan(("read_file", "Read a.txt", []), ("delegate", "Delegate the question about a.txt", []))

    def answer(prompt):
        if is_planner(prompt):
            return plan(("read_file", "Read a.txt")) if "What is in it" in prompt else both
        return (
            step("delegate", goal="What is in it?", tools=["read_file"])
            if "(delegate)" in prompt
            else step("read_file", path="a.txt")
        )

    recorded, _ = run(shop, scripted_lm(answer), actors=2, goal="Read a.txt, delegate a question", limits=Limits(iterations=1))
    assert len({span.context.trace_id for span in recorded.spans}) == 1
    helper, whole = recorded.by_name("invoke_agent dspy-programs")
    [delegated] = recorded.by_name("execute_tool delegate")
    chats = {span.context.span_id for span in recorded.by_name("chat planner")}
    assert chats and not [span for span in recorded.spans if span.parent is not None and span.parent.span_id in chats]
    assert whole.parent is None and helper.parent.span_id == delegated.context.span_id


COLLECTOR = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"}


@pytest.mark.parametrize(
    ("environment", "names"),
    [
        ({}, ()),
        ({"OTEL_TRACES_EXPORTER": "none", **COLLECTOR}, ()),
        ({"OTEL_SDK_DISABLED": "true", **COLLECTOR}, ()),
        (COLLECTOR, ("otlp_proto_http",)),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", **COLLECTOR}, ("otlp_proto_grpc",)),
        ({"OTEL_TRACES_EXPORTER": "console, otlp"}, ("console", "otlp_proto_http")),
    ],
)
def test_exporters_are_those_of_the_standard_variables(environment, names):
    assert exporters_named(environment) == names


class Collector(BaseHTTPRequestHandler):
    bodies: list[bytes]

    def do_POST(self):
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


def test_command_sends_its_spans_to_the_collector_that_the_environment_names(shop, tmp_path, monkeypatch, capsys):
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    Collector.bodies = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_address[1]}")
    goal = "Rename a.txt to c.txt"
    assert main(["run", goal, "--no-llm", "-w", str(shop), "--sessions", str(tmp_path / "s.sqlite")]) == 0
    assert _provider(("otlp_proto_http",)).force_flush()
    server.shutdown()
    [request] = map(ExportTraceServiceRequest.FromString, Collector.bodies)
    [of_resource] = request.resource_spans
    [scope] = of_resource.scope_spans
    assert [span.name for span in scope.spans] == ["execute_tool move_file", "invoke_agent dspy-programs"]
    assert "dspy-programs" in str(of_resource.resource) and "c.txt" not in str(request)


OF_A_SERVICE = """
import sys
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
from dspy_programs.agent import Agent

provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(formatter=lambda span: span.name + " ")))
trace.set_tracer_provider(provider)
with provider.get_tracer("service").start_as_current_span("request"):
    Agent(workspace=sys.argv[1]).run("Rename a.txt to c.txt")
"""


def test_spans_go_to_the_provider_that_the_program_around_has_set(shop):
    done = subprocess.run([sys.executable, "-c", OF_A_SERVICE, str(shop)], capture_output=True, text=True, check=True)
    assert done.stdout == "execute_tool move_file invoke_agent dspy-programs request "


def test_run_goes_on_where_spans_cannot_be_written_and_says_why(shop, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "pigeon")
    command = ["run", "-w", str(shop), "--no-llm", "--sessions", str(tmp_path / "s.sqlite")]
    assert main([*command, "Rename a.txt to c.txt"]) == 0
    assert "no installed package has the exporter 'pigeon'" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.resources", None)
    assert main([*command, "Rename c.txt to d.txt"]) == 0
    assert 'pip install "dspy-programs[telemetry]"' in capsys.readouterr().err
