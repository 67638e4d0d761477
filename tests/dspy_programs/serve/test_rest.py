"""REST: every operation answers, whatever is wrong with a request is said in one line, and nothing makes the server fall."""

import json
import os

import dspy
import pytest
from hypothesis import given, settings, strategies as st

from dspy_programs.serve.limits import MAX_SECTIONS, MAX_TRACES, MAX_TURNS
from dspy_programs.serve.operations import OPERATIONS
from tests.fakes import ScriptedEngine
from tests.servers import FAILING, HEALTHY, HTTP, running

SECTIONS = [
    {"name": "role", "type": "system", "content": "You are accurate and relevant.", "priority": 30},
    {"name": "style", "type": "system", "content": "Write with warmth and a light touch, as friends do.", "priority": 10},
    {"name": "task", "type": "instruction", "content": "Answer the question with accurate, relevant facts.", "priority": 99},
]
RUBRIC = {"name": "mine", "criteria": [{"name": "accuracy", "description": "accurate facts"}]}
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def server():
    with running() as server:
        yield server


def post(server, name, body, **options):
    return HTTP.post(server.url + OPERATIONS[name].path, json=body, timeout=30, **options)


def answer(server, name, body):
    response = post(server, name, body)
    assert response.status_code == 200, response.text
    return response.json()


def test_schema_names_every_operation_and_its_faults(server):
    schema = HTTP.get(f"{server.url}/openapi.json").json()
    for operation in OPERATIONS.values():
        described = schema["paths"][operation.path]["post"]
        faults = {"400", "401", "403", "408", "409", "413", "422", "429", "500", "503", "504"}
        assert described["responses"].keys() == {"200", *faults}
        assert {described["responses"][code]["content"]["application/json"]["schema"]["$ref"] for code in faults} == {
            "#/components/schemas/Fault"
        }
        assert (described["operationId"], described["summary"]) == (operation.name, operation.title)
    assert "securitySchemes" not in schema["components"]
    assert not [name for name in schema["components"]["schemas"] if "__" in name or not name[0].isupper()]


def test_a_path_that_is_not_there_is_told_where_the_paths_are(server):
    told = HTTP.get(f"{server.url}/v1/nothing")
    said = "there is no such path here; /openapi.json lists those of REST"
    assert (told.status_code, told.json()) == (404, {"error": said, "code": "not_found"})


def test_schema_says_which_keys_are_needed_where():
    with running(key="a-key-for-tests-0123456789") as server:
        schema = HTTP.get(f"{server.url}/openapi.json", headers={"X-API-Key": "a-key-for-tests-0123456789"}).json()
    assert schema["components"]["securitySchemes"].keys() == {"apiKey", "bearer"}
    either = [{"apiKey": []}, {"bearer": []}]
    assert all(schema["paths"][operation.path]["post"]["security"] == either for operation in OPERATIONS.values())
    assert "security" not in schema["paths"]["/healthz"]["get"] and "security" not in schema


@pytest.mark.parametrize("path", ["oauth-protected-resource", "oauth-protected-resource/mcp", "oauth-authorization-server"])
def test_metadata_of_a_login_that_is_not_offered_is_not_found(path):
    with running(key="a-key-for-tests-0123456789") as server:
        for method in ("GET", "HEAD", "POST"):
            assert HTTP.request(method, f"{server.url}/.well-known/{path}").status_code == 404
        assert HTTP.get(f"{server.url}/.well-known/agent-card.json").status_code == 200


def test_requests_take_what_the_commands_and_the_library_take(server):
    sure = answer(server, "classify_failure", {"trace": FAILING, "min_probability": 0.0, "use_llm": False})
    assert not sure["possible"] and answer(server, "classify_failure", {"trace": FAILING, "min_probability": 1})["possible"]
    batch = {"traces": [FAILING], "min_probability": 1, "open_question": True}
    assert answer(server, "classify_failures", batch)["results"][0]["report"]["possible"]
    talk = [{"role": "user", "content": f"Remark {n}: it rained, and we talked about the weather. " * 4} for n in range(8)]
    small = {"messages": talk, "token_budget": 120, "protected_recent": 1, "use_llm": False, "fallback": "extract"}
    archived = answer(server, "compress_memory", small | {"strategies": ["archive"]})
    assert archived["bytes_now"] < archived["bytes_given"] and archived["report"]["answered_by"] == "rules"
    context = answer(server, "build_context", {"messages": talk, "max_tokens": 400, "system_message": "Be brief."})
    assert context["messages"][0] == {"role": "system", "content": "Be brief."} and context["context"].startswith(
        "system: Be brief."
    )
    shrunk = answer(server, "negotiate_prompt", {"sections": SECTIONS, "strategies": ["reorder"], "model": "openai/gpt-4o"})
    assert {section["name"] for section in shrunk["optimized_sections"]} == {"role", "style", "task"}
    for wrong in ({"strategies": []}, {"strategies": ["burn"]}):
        assert post(server, "compress_memory", small | wrong).status_code == 422


def test_a_model_that_may_not_be_asked_is_not():
    engine = ScriptedEngine(lambda prompt: '{"answer": "yes"}')
    with running(lm=dspy.LM("scripted/any", engine=engine, cache=False)) as server:
        for name, body in {
            "classify_failure": {"trace": FAILING},
            "classify_failures": {"traces": [FAILING]},
            "compress_memory": {"messages": [{"role": "user", "content": "It rained. " * 40}] * 9, "token_budget": 600},
        }.items():
            answer(server, name, body | {"use_llm": False})
    assert not engine.requests


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_the_example_of_each_request_is_answered(name, server):
    [example] = OPERATIONS[name].request.model_json_schema()["examples"]
    assert answer(server, name, example)


def test_no_page_that_loads_scripts_from_elsewhere(server):
    assert HTTP.get(f"{server.url}/docs").status_code == HTTP.get(f"{server.url}/redoc").status_code == 404


def test_health(server):
    health = HTTP.get(f"{server.url}/healthz").json()
    assert health["status"] == "ok" and health["model"] is None


def test_classify(server):
    report = answer(server, "classify_failure", {"trace": FAILING})
    assert report["trace_id"] == "t-2" and report["classified_failure_mode"] == "OVER_REFUSAL"
    assert report["first_failure_turn"] == 1 and report["fixes"] and report["answered_by"] == "rules"


def test_classify_a_bare_list_of_messages(server):
    messages = [{"role": t["role"].replace("agent", "assistant"), "content": t["content"]} for t in FAILING["turns"]]
    assert answer(server, "classify_failure", {"trace": messages})["classified_failure_mode"] == "OVER_REFUSAL"


def test_batch_keeps_order_and_loses_nothing(server):
    found = answer(server, "classify_failures", {"traces": [HEALTHY, {"what": "ever"}, FAILING, HEALTHY]})
    assert [result["index"] for result in found["results"]] == [0, 1, 2, 3]
    modes = [result["report"] and result["report"]["classified_failure_mode"] for result in found["results"]]
    assert modes == ["none", None, "OVER_REFUSAL", "none"]
    assert found["results"][1]["problem"] and found["batch"]["unreadable"] == 1 and found["batch"]["traces"] == 3


def test_too_many_turns_in_one_of_many_is_its_own_problem(server):
    turns = [{"turn_number": n, "role": "agent", "content": f"step {n}"} for n in range(MAX_TURNS + 1)]
    long = {"original_goal": "a long run", "turns": turns}
    found = answer(server, "classify_failures", {"traces": [HEALTHY, long]})
    assert found["results"][0]["report"] and f"at most {MAX_TURNS}" in found["results"][1]["problem"]
    alone = post(server, "classify_failure", {"trace": long})
    assert alone.status_code == 413 and f"at most {MAX_TURNS}" in alone.json()["error"]


def test_compress_meets_the_budget_and_keeps_what_is_protected(server):
    roles = ("assistant", "user")
    chatter = [{"role": roles[n % 2], "content": f"Step {n}: nothing new to report, we go on as before."} for n in range(60)]
    fact = {"role": "user", "content": "The invoice 7-4411 of Ms Okafor is due on 12 May.", "id": "m-7"}
    system = {"role": "system", "content": "You keep the books."}
    last = {"role": "assistant", "content": None, "tool_calls": [{"id": "c1", "type": "function"}]}
    session = [system, fact, *chatter, last]
    found = answer(server, "compress_memory", {"messages": session, "token_budget": 200, "protected_recent": 1})
    report = found["report"]
    assert report["final_tokens"] <= 200 < report["initial_tokens"] and report["answered_by"] == "rules"
    assert found["messages"][0] == system and found["messages"][-1] == last
    assert "7-4411" in json.dumps(found["messages"])
    replaced = [n for run in found["replaced"] for n in range(run["first"], run["last"] + 1)]
    kept = [message for place, message in enumerate(session) if place not in replaced]
    assert [message for message in found["messages"] if message in session] == kept and len(kept) + len(replaced) == len(
        session
    )
    notes = [message for message in found["messages"] if message not in session]
    assert notes and all(message.keys() == {"role", "content"} for message in notes)


@pytest.mark.parametrize("share", [0.95, 0.5, 0.1])
def test_compress_never_answers_with_more_than_it_was_given(server, share):
    session = [{"role": "user", "content": f"Note {n}: room {n} has the code {n * 37}, as said. " * 5} for n in range(80)]
    given = answer(server, "compress_memory", {"messages": session, "token_budget": 100_000})
    budget = int(share * given["report"]["initial_tokens"])
    found = answer(server, "compress_memory", {"messages": session, "token_budget": budget})
    size = len(json.dumps(found["messages"], ensure_ascii=False, separators=(",", ":")).encode())
    assert size == found["bytes_now"] < found["bytes_given"] and len(json.dumps(found)) < len(json.dumps(session))
    again = answer(server, "compress_memory", {"messages": found["messages"], "token_budget": budget // 2})
    assert again["bytes_now"] < again["bytes_given"] == found["bytes_now"]


def test_compress_leaves_alone_what_fits(server):
    session = [{"role": "user", "content": "Hi", "id": 7, "more": [1, {"a": None}]}]
    assert answer(server, "compress_memory", {"messages": session, "token_budget": 4000})["messages"] == session
    assert answer(server, "compress_memory", {"messages": session, "token_budget": 4000})["replaced"] == []


def test_compress_says_what_cannot_be(server):
    body = {"messages": [{"role": "system", "content": "word " * 50}], "token_budget": 10}
    response = post(server, "compress_memory", body)
    assert response.status_code == 409 and "protected part alone has 5" in response.json()["error"]


def test_context(server):
    session = [{"role": "user", "content": f"Message {n} of many in this session."} for n in range(100)]
    found = answer(server, "build_context", {"messages": session, "max_tokens": 120, "protected_recent": 2})
    assert found["stats"]["total_tokens"] <= 120 and found["stats"]["entries_included"] < 100
    assert "Message 99 of many" in found["context"] and found["messages"][-1]["content"].startswith("Message 99")


def test_analyze(server):
    found = answer(server, "analyze_prompt", {"sections": SECTIONS})
    assert [section["name"] for section in found["sections"]] == ["role", "style", "task"]
    assert found["total"] == sum(section["tokens"] for section in found["sections"]) > 0
    assert not found["exact"]
    named = answer(server, "analyze_prompt", {"sections": SECTIONS, "model": "openai/gpt-4o"})
    assert named["exact"]


def test_negotiate_without_a_model_drops_only_what_is_redundant(server):
    repeated = {"name": "note", "content": "Please note that prices are in euros.", "priority": 1}
    body = {"sections": [*SECTIONS, repeated], "min_token_savings": 0.01, "max_token_savings": 0.8}
    found = answer(server, "negotiate_prompt", body)
    assert not found["sections_removed"] and found["answered_by"] == "rules" and found["measured"] == "nothing"
    assert found["optimized_prompt"].endswith("Prices are in euros.") and found["lost"] == []
    assert found["optimized_token_count"] < found["original_token_count"]


@pytest.mark.parametrize(
    ("name", "body", "status", "said"),
    [
        ("classify_failure", {}, 422, "trace: Field required"),
        ("classify_failure", [], 422, "request: "),
        ("classify_failure", {"trace": "text"}, 422, "trace: send an object or a list"),
        ("classify_failure", {"trace": None}, 422, "trace: "),
        ("classify_failure", {"trace": []}, 422, "trace.list: "),
        ("classify_failure", {"trace": HEALTHY, "more": 1}, 422, "more: "),
        ("classify_failure", {"trace": HEALTHY, "format": "word"}, 422, "format: "),
        ("classify_failure", {"trace": {"what": "ever"}}, 409, "known formats"),
        ("classify_failure", {"trace": {}}, 409, "known formats"),
        ("classify_failure", {"trace": HEALTHY, "format": "otel"}, 409, "otel"),
        ("classify_failure", {"trace": [HEALTHY, FAILING]}, 409, "2 traces"),
        ("classify_failures", {"traces": []}, 422, "traces: "),
        ("classify_failures", {"traces": [HEALTHY] * (MAX_TRACES + 1)}, 422, f"at most {MAX_TRACES}"),
        ("compress_memory", {"messages": [{"role": "bard", "content": "x"}], "token_budget": 9}, 422, "messages.0.role: "),
        ("compress_memory", {"messages": [{"role": "user", "content": 3}], "token_budget": 9}, 422, "messages.0.content"),
        ("compress_memory", {"messages": [], "token_budget": 0}, 422, "token_budget: "),
        ("compress_memory", {"messages": [], "token_budget": 10, "protected_recent": -1}, 422, "protected_recent: "),
        ("analyze_prompt", {"sections": []}, 422, "sections: "),
        ("analyze_prompt", {"sections": SECTIONS * MAX_SECTIONS}, 422, f"at most {MAX_SECTIONS}"),
        ("negotiate_prompt", {"sections": [SECTIONS[0], SECTIONS[0]]}, 409, "role"),
        ("negotiate_prompt", {"sections": [{"name": "a", "priority": "5"}]}, 422, "sections.0.priority: "),
        ("negotiate_prompt", {"sections": SECTIONS, "quality_threshold": 2}, 422, "quality_threshold: "),
        ("negotiate_prompt", {"sections": SECTIONS, "min_token_savings": 0.9}, 409, "min savings"),
        ("negotiate_prompt", {"sections": SECTIONS, "rubric": {"criteria": []}}, 422, "rubric.criteria: "),
    ],
)
def test_what_is_wrong_is_said_in_a_line(name, body, status, said, server):
    response = post(server, name, body)
    assert response.status_code == status, response.text
    assert said in response.json()["error"], response.text


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"{", 400),
        (b'{"trace": NaN}', 422),
        (b'{"trace": {"a": NaN}}', 422),
        (b'{"trace": {"a": -Infinity}}', 422),
        (b'{"trace": {"a": 1e999}}', 422),
        (b'{"trace": {"a": ' + b"9" * 5000 + b"}}", 400),
        (b"[" * 100_000, 400),
        (b'{"trace": ' + b"[" * 5000 + b"]" * 5000 + b"}", 400),
        (b'{"trace": ' + b"[" * 600 + b"]" * 600 + b"}", 422),
        (b'{"trace": {"original_goal": "\xff\xfe", "turns": []}}', 400),
        (b'{"trace": {"original_goal": "\\ud800", "turns": []}}', 200),
        (b'{"trace": {"original_goal": "a\\u0000b", "turns": []}}', 200),
        ('{"trace": {"original_goal": "x", "turns": []}}'.encode("utf-16"), 200),
        (b'\xef\xbb\xbf{"trace": {"original_goal": "x", "turns": []}}', 200),
        (b'{"trace": {"original_goal": "x", "turns": []}, "trace": 5}', 422),
    ],
)
def test_bodies_that_are_hardly_json(body, status, server):
    response = HTTP.post(server.url + "/v1/failures/classify", content=body, headers=JSON)
    assert response.status_code == status, response.text
    assert response.json()


@pytest.mark.parametrize("type_", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_other_content_types_are_refused(type_, server):
    """A page of another origin can send these without asking first."""
    body = json.dumps({"trace": HEALTHY})
    response = HTTP.post(server.url + "/v1/failures/classify", content=body, headers={"Content-Type": type_} if type_ else {})
    assert response.status_code == 422 and "send the header Content-Type: application/json" in response.json()["error"]


EXAMPLES = int(os.environ.get("DSPY_PROGRAMS_TEST_EXAMPLES", "25"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
ROLES = st.sampled_from(["user", "agent", "tool", "assistant", "?"]) | VALUES
TURN = {"role": ROLES, "content": VALUES, "tool_input": VALUES, "turn_number": VALUES, "latency_ms": VALUES}
TURNS = st.lists(st.fixed_dictionaries({}, optional=TURN), max_size=5) | VALUES
TRACES = st.fixed_dictionaries({"original_goal": VALUES, "turns": TURNS}, optional={"tools": VALUES, "trace_id": VALUES})


@settings(max_examples=EXAMPLES, deadline=None)
@given(traces=st.lists(TRACES | st.lists(VALUES, min_size=1), min_size=1, max_size=5))
def test_hostile_traces(server, traces):
    found = answer(server, "classify_failures", {"traces": traces})
    assert {result["index"] for result in found["results"]} == set(range(len(traces)))
    for result in found["results"]:
        assert (result["report"] is None) != (result["problem"] is None)


CONTENTS = st.none() | st.text(max_size=40) | st.lists(VALUES, min_size=1, max_size=3)
MORE = {"tool_calls": VALUES, "tool_call_id": VALUES, "name": VALUES, "id": VALUES, "metadata": VALUES, "timestamp": VALUES}
SPEAKERS = st.sampled_from(["system", "developer", "user", "assistant", "tool", "compressed"])
MESSAGES = st.lists(st.fixed_dictionaries({"role": SPEAKERS, "content": CONTENTS}, optional=MORE), max_size=6)


@settings(max_examples=EXAMPLES, deadline=None)
@given(messages=MESSAGES, budget=st.integers(1, 60), recent=st.integers(0, 4))
def test_hostile_sessions(server, messages, budget, recent):
    for name, limit in (("compress_memory", "token_budget"), ("build_context", "max_tokens")):
        response = post(server, name, {"messages": messages, limit: budget, "protected_recent": recent})
        assert response.status_code in (200, 409), response.text
        if response.status_code == 200:
            found = response.json()
            assert found.get("report", {}).get("final_tokens", 0) <= budget
            assert found.get("stats", {}).get("total_tokens", 0) <= budget
