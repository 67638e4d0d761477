"""The router behind the door: G5, G6, G9 to G11, OpenAI's protocol, keys and secrets."""

import asyncio
import json
import re
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import yaml

from dspy_programs import use
from dspy_programs.serve.keys import Keys
from dspy_programs.serve.large_requests import LargeRequests
from dspy_programs.serve.light_calls import MOST_ROUTED
from dspy_programs.serve.limits import Limits
from dspy_programs.serve.problems import TooLarge
from dspy_programs.serve.rule_process import answer_to
from tests.openai_server import CUT, OpenAIServer, chunk, completion, openai_servers
from tests.router_support import asks, entry, router
from tests.servers import HTTP, environment, running

KEY = "a-key-of-ann-0123456789"
CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}


@pytest.fixture(scope="module")
def two():
    """Serve a router over two scripted models."""
    with openai_servers("one", "two") as servers, running(router=router(*servers, cache={"backend": "none"})) as server:
        yield server.url, servers


def post(url, body, **headers):
    return HTTP.post(url, json=body, headers=headers)


def test_g5_route_answers_in_the_published_shape(two):
    url, _ = two
    told = post(f"{url}/route", asks(max_tokens=50, temperature=0, priority="quality")).json()
    assert told.keys() == {"id", "model", "choices", "usage", "routing_decision", "latency_ms", "cached", "timestamp"}
    assert told["model"] == "m/1" and told["choices"][0]["message"]["content"] == "two"
    decision = told["routing_decision"]
    assert decision["selected_model"] == "m/1" and decision["weights_used"] == {"latency": 0.1, "cost": 0.2, "quality": 0.7}
    assert decision["reason"] == "best quality of 2 models under priority quality" and decision["candidates"] == ["m/1", "m/0"]


def test_g13_route_sends_what_was_sent_and_nothing_else(two):
    url, servers = two
    post(f"{url}/route", asks(temperature=0, preferred_models=["m/0"], max_latency_ms=900))
    assert servers[0].bodies[-1] == {**asks(), "temperature": 0, "model": "up-0"}


@pytest.mark.parametrize(
    ("more", "status", "says"),
    [
        ({"max_latency_ms": 10}, 422, "max_latency_ms 10: no model can; the fastest, m/0, takes "),
        ({"max_cost_per_1k": 1e-9}, 422, "max_cost_per_1k 1e-09: no model can"),
        ({"preferred_models": ["m/7"]}, 422, "'m/7' is not in the catalogue"),
        ({"priority": "best"}, 422, "priority: "),
        ({"no_such_field": 1}, 422, "no_such_field"),
        ({"temperature": "0"}, 422, "temperature"),
        ({"messages": []}, 422, "messages"),
    ],
)
def test_g3_route_refuses_in_one_line(two, more, status, says):
    url, servers = two
    before = [len(server.bodies) for server in servers]
    answer = post(f"{url}/route", asks(**more) if "messages" not in more else more)
    assert answer.status_code == status and says in answer.json()["error"]
    assert [len(server.bodies) for server in servers] == before


def test_route_dry_run_sends_nothing(two):
    url, servers = two
    before = len(servers[0].bodies)
    told = post(f"{url}/route", asks(dry_run=True, priority="speed")).json()
    assert told["model"] == "m/0" and told["choices"] == [] and len(servers[0].bodies) == before


def test_g6_models_metrics_health_and_cache_in_their_shapes():
    with openai_servers("one") as servers, running(router=router(*servers)) as server:
        url = server.url
        post(f"{url}/route", asks()), post(f"{url}/route", asks())
        [model] = HTTP.get(f"{url}/models").json()["models"]
        assert model["id"] == "m/0" and model["learned"]["answers"] == 1 and "api_base" not in model
        health = HTTP.get(f"{url}/health").json()
        assert health.keys() == {"status", "redis_connected", "openrouter_accessible", "timestamp", "version"}
        assert (health["status"], health["redis_connected"]) == ("ok", None), "the cache is in memory"
        stats = HTTP.get(f"{url}/cache/stats").json()
        assert (stats["connected"], stats["cached_entries"], stats["hit_rate"]) == (True, 1, 0.5) and stats["used_memory"] > 0
        assert HTTP.delete(f"{url}/cache").json() == {"message": "1 answer forgotten"}
        assert HTTP.get(f"{url}/cache/stats").json()["cached_entries"] == 0


def test_g9_metrics_have_quantiles_usage_and_hit_rate():
    with openai_servers("one") as servers, running(router=router(*servers)) as server:
        for text in ("a", "b", "a", "a"):
            post(f"{server.url}/route", asks(text))
        told = HTTP.get(f"{server.url}/metrics").json()
        assert (told["total_requests"], told["cached_requests"], told["hit_rate"], told["errors_count"]) == (4, 2, 0.5, 0)
        assert told["model_usage"] == {"m/0": 4}
        assert 0 < told["avg_latency_ms"] <= told["p95_latency_ms"] <= told["p99_latency_ms"]
        assert told["cached_avg_latency_ms"] < told["avg_latency_ms"], "a hit has its own latency"
        assert told["model_latencies"]["m/0"]["p95_latency_ms"] > 0
        text = HTTP.get(f"{server.url}/metrics", headers={"Accept": "text/plain;version=0.0.4"})
        assert text.headers["content-type"].startswith("text/plain; version=0.0.4")
        assert {"router_total_requests 4", "router_cached_requests_total 2", 'router_model_usage_total{model="m/0"} 4'} <= set(
            text.text.splitlines()
        )
        assert all(re.fullmatch(r"# (HELP|TYPE) .+|[a-z0-9_]+(\{[^}]*\})? [0-9.e+-]+", line) for line in text.text.splitlines())


def test_g8_all_models_failing_is_502():
    with openai_servers(500, 500) as servers, running(router=router(*servers)) as server:
        answer = post(f"{server.url}/route", asks())
        assert answer.status_code == 502 and answer.json()["error"].startswith("no model answered (m/0, m/1: HTTP 500")
        answer = post(f"{server.url}/v1/chat/completions", asks(model="router/speed"))
        assert answer.status_code in (502, 503) and answer.json()["error"].keys() == {"message", "type", "code", "param"}


def test_g8_decision_says_who_was_tried():
    with openai_servers(500, "two") as servers, running(router=router(*servers)) as server:
        decision = post(f"{server.url}/route", asks()).json()["routing_decision"]
    assert (
        decision["tried"] == ["m/0"] and decision["reason"] == "m/0 was best and did not answer; this is the next best that did"
    )


def chat(url, **more):
    return post(f"{url}/v1/chat/completions", asks(**more))


def test_completions_answer_as_openai_does(two):
    url, servers = two
    answer = chat(url, model="router/quality", temperature=0, metadata={"a": "b"}, router={"max_latency_ms": 5000})
    assert answer.json() == completion("two", model="m/1") and answer.headers["x-router-model"] == "m/1"
    assert servers[1].bodies[-1] == {**asks(), "model": "up-1", "temperature": 0, "metadata": {"a": "b"}}
    assert chat(url, model="m/1").json()["model"] == "m/1"
    assert chat(url, model="router").status_code == 200


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({**asks(), "model": "gpt-5"}, 404, "model: 'gpt-5' is not here; GET /v1/models lists what is"),
        ({**asks(), "model": "router/best"}, 404, "'router/best' is not here"),
        ({"messages": "hi"}, 400, "messages: send a list"),
        ([], 400, "messages: send a list"),
        ({**asks(), "router": {"max_latency": 5}}, 422, "router.max_latency"),
        ({**asks(), "router": {"max_latency_ms": 1}}, 422, "max_latency_ms 1: no model can"),
    ],
)
def test_completions_refuse_in_openais_form(two, body, status, says):
    url, _ = two
    answer = post(f"{url}/v1/chat/completions", body)
    assert answer.status_code == status and says in answer.json()["error"]["message"]


def test_completions_of_no_json_are_refused(two):
    answer = HTTP.post(f"{two[0]}/v1/chat/completions", content=b"{", headers={"Content-Type": "application/json"})
    assert answer.status_code == 400


def events(answer):
    lines = [line.removeprefix("data: ") for line in answer.text.splitlines() if line]
    return [json.loads(line) if line != "[DONE]" else line for line in lines]


def test_g14_completions_stream():
    with openai_servers(["Good ", "day", chunk({}, "stop")]) as servers, running(router=router(*servers)) as server:
        answer = chat(server.url, stream=True)
        again = chat(server.url, stream=True)
    assert answer.headers["content-type"].startswith("text/event-stream") and answer.headers["x-router-cached"] == "false"
    told = events(answer)
    assert [one["choices"][0]["delta"].get("content") for one in told[:-1]] == ["Good ", "day", None] and told[-1] == "[DONE]"
    assert {one["model"] for one in told[:-1]} == {"m/0"}
    assert again.headers["x-router-cached"] == "true" and events(again)[0]["choices"][0]["delta"]["content"] == "Good day"


def test_g14_stream_that_breaks_off_ends_with_an_error():
    with openai_servers(["Good ", CUT]) as servers, running(router=router(*servers)) as server:
        told = events(chat(server.url, stream=True))
    assert told[-1]["error"]["message"].startswith("the model broke off: ") and told[-1] != "[DONE]"


def test_g14_tool_calls_and_pictures_pass():
    called = completion({"role": "assistant", "content": None, "tool_calls": [CALL]})
    picture = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}]
    with openai_servers(called) as servers, running(router=router(*servers)) as server:
        tools = [{"type": "function", "function": {"name": "weather"}}]
        answer = post(f"{server.url}/v1/chat/completions", {"messages": [{"role": "user", "content": picture}], "tools": tools})
    assert answer.json()["choices"][0]["message"]["tool_calls"] == [CALL]
    assert servers[0].bodies[0]["messages"][0]["content"] == picture and servers[0].bodies[0]["tools"] == tools


def test_fresh_answer_with_no_store():
    with openai_servers("one") as servers, running(router=router(*servers)) as server:
        for headers in ({}, {}, {"Cache-Control": "no-store"}):
            post(f"{server.url}/v1/chat/completions", asks(), **headers)
    assert len(servers[0].bodies) == 2


def test_openai_models_are_listed(two):
    told = HTTP.get(f"{two[0]}/v1/models").json()
    assert [one["id"] for one in told["data"]][:2] == ["router/speed", "router/cost"] and told["data"][-1]["id"] == "m/1"


def test_dspy_is_a_client(two):
    import dspy

    url, servers = two
    servers[0].reply = '{"answer": "42"}'
    with use("openai/router/speed", api_base=f"{url}/v1"):
        assert dspy.Predict("question -> answer")(question="?").answer == "42"
    servers[0].reply = "one"


def test_keys_are_needed_but_for_health():
    with openai_servers("one") as servers, running(key=KEY, router=router(*servers)) as server:
        for method, path in (
            ("POST", "/route"),
            ("GET", "/models"),
            ("GET", "/metrics"),
            ("GET", "/cache/stats"),
            ("DELETE", "/cache"),
        ):
            assert HTTP.request(method, server.url + path, json=asks() if method == "POST" else None).status_code == 401, path
        assert chat(server.url).status_code == 401
        assert HTTP.get(f"{server.url}/health").status_code == 200
        assert post(f"{server.url}/route", asks(), Authorization=f"Bearer {KEY}").status_code == 200


def test_keys_of_clients_do_not_reach_the_models():
    with openai_servers("one") as servers, running(key=KEY, router=router(*servers)) as server:
        post(f"{server.url}/v1/chat/completions", asks(), Authorization=f"Bearer {KEY}")
    assert servers[0].keys == [None]


def test_day_of_a_key_holds_here_too():
    keys = Keys.of(KEY)
    limits = Limits(calls_per_day=1)
    with (
        openai_servers("one") as servers,
        running(limits, key=keys, router=router(*servers, cache={"backend": "none"})) as server,
    ):
        answers = [post(f"{server.url}/route", asks(), **{"X-API-Key": KEY}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]


def test_tokens_of_a_stream_count_for_the_day():
    limits = Limits(tokens_per_day=1100)  # a first answer of at most 1,024 fits
    told = [chunk("a"), chunk({}, "stop") | {"usage": {"prompt_tokens": 90, "completion_tokens": 10, "total_tokens": 100}}]
    with (
        openai_servers(told) as servers,
        running(limits, key=KEY, router=router(*servers, cache={"backend": "none"})) as server,
    ):
        path, headers = f"{server.url}/v1/chat/completions", {"X-API-Key": KEY}
        answers = [post(path, asks(stream=True), **headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]


def test_routes_are_in_the_schema(two):
    told = HTTP.get(f"{two[0]}/openapi.json").json()
    paths = {"/route", "/models", "/metrics", "/health", "/cache/stats", "/cache", "/v1/chat/completions", "/v1/models"}
    assert paths <= told["paths"].keys()
    assert "priority" in told["components"]["schemas"]["Route"]["properties"]


def test_full_server_refuses_more():
    with OpenAIServer("one", seconds=1.0) as slow:
        settings = {"server": {"at_once": 1, "waiting": 0}, "cache": {"backend": "none"}}
        with running(router=router(slow, **settings)) as server:
            first = threading.Thread(target=post, args=(f"{server.url}/route", asks()))
            first.start()
            while not slow.bodies:
                time.sleep(0.01)
            answer = post(f"{server.url}/route", asks())
            first.join(10)
    assert answer.status_code == 429 and answer.json()["code"] == "busy"


def test_without_a_router_its_routes_are_not_there():
    with running() as server:
        assert HTTP.get(f"{server.url}/metrics").status_code == 404
        assert chat(server.url).status_code == 404


@pytest.mark.timeout(120)
def test_g10_g11_catalogue_and_dot_env_are_honoured_by_the_server(tmp_path):
    """The port, the weights and the cache are the catalogue's, the key is that of .env; no secret is in the log."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
    secret = "k3y-of-dot-env-0123456789"
    (tmp_path / ".env").write_text(f"OPENROUTER_API_KEY={secret}\n")
    with openai_servers("one", "two") as servers:
        models = [entry(number, api_base=server.base, key_env="OPENROUTER_API_KEY") for number, server in enumerate(servers)]
        weights = {"balanced": {"latency": 0, "cost": 0, "quality": 1}}
        catalogue = {"models": models, "weights": weights, "server": {"port": port}, "cache": {"backend": "none"}}
        (tmp_path / "router.yaml").write_text(yaml.safe_dump(catalogue))
        command = [sys.executable, "-m", "dspy_programs", "serve", "http", "--router", "router.yaml"]
        log = tmp_path / "log"
        without = {name: value for name, value in environment().items() if name != "OPENROUTER_API_KEY"}
        with log.open("wb") as file:
            process = subprocess.Popen(command, cwd=tmp_path, env=without, stderr=file)
        try:
            deadline = time.monotonic() + 100
            while "routes to" not in log.read_text():
                assert process.poll() is None and time.monotonic() < deadline, log.read_text()
                time.sleep(0.05)
            told = _answered(f"http://127.0.0.1:{port}/route")
        finally:
            process.kill()
            process.wait()
    assert told["model"] == "m/1" and servers[1].keys == [f"Bearer {secret}"]
    assert f"http://127.0.0.1:{port}" in log.read_text() and secret not in log.read_text()


def _answered(url):
    for _ in range(600):
        try:
            return HTTP.post(url, json=asks(), timeout=60).json()
        except httpx.ConnectError:
            time.sleep(0.05)
    raise AssertionError("it does not answer")


def test_calls_at_the_same_time_never_go_past_the_day_of_a_key():
    limits = Limits(calls_per_day=5)
    with (
        OpenAIServer("one", seconds=0.1) as slow,
        running(limits, key=KEY, router=router(slow, cache={"backend": "none"})) as server,
    ):
        with ThreadPoolExecutor(24) as pool:
            answers = list(pool.map(lambda at: post(f"{server.url}/route", asks(str(at)), **{"X-API-Key": KEY}), range(24)))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [429] * 19 and len(slow.bodies) == 5


def test_failed_and_cached_requests_take_nothing_from_the_day_of_a_key():
    limits = Limits(calls_per_day=2)
    with openai_servers(lambda body: replies.pop(0)) as [up], running(limits, key=KEY, router=router(up)) as server:
        replies = [404, "one", "two"]
        told = [post(f"{server.url}/route", asks(text), **{"X-API-Key": KEY}).status_code for text in ("a", "a", "a", "b", "c")]
    assert told == [502, 200, 200, 200, 429]


@pytest.mark.parametrize(("headers", "body", "status"), [({}, b"{}", 401), ({"X-API-Key": KEY}, b" " * 2000, 413)])
def test_errors_before_the_route_have_openais_form_too(headers, body, status):
    with openai_servers("one") as servers, running(Limits(body_bytes=1000), key=KEY, router=router(*servers)) as server:
        answer = HTTP.post(f"{server.url}/v1/chat/completions", content=body, headers=headers)
    assert answer.status_code == status and answer.json()["error"].keys() == {"message", "type", "code", "param"}


def test_number_that_is_not_json_is_refused(two):
    answer = HTTP.post(f"{two[0]}/v1/chat/completions", content=b'{"messages": [{}], "temperature": NaN}')
    assert answer.status_code == 400 and answer.json()["error"]["message"] == "the body is not JSON"


MANY = b'{"messages": [' + b"1," * MOST_ROUTED + b"1]}"


@pytest.mark.parametrize(
    ("body", "is_looked_at"), [(MANY, True), (b'{"messages": ["' + b"," * MOST_ROUTED + b'"]}', True), (b"{}", False)]
)
def test_many_values_are_not_read_in_the_event_loop(body, is_looked_at):
    """A process looks at what may have too many; a text with many commas passes."""
    jobs, passed = [], []

    class Pool:
        async def run_in_process(self, job, body):
            jobs.append(job)
            return answer_to(job, body, lambda done, total: None)

    async def receive():
        return {"type": "http.request", "body": body} if not passed and not jobs else await asyncio.Event().wait()

    async def app(scope, receive, send):
        passed.append((await receive())["body"])

    async def call():
        scope = {"type": "http", "method": "POST", "path": "/route", "headers": []}
        await LargeRequests(app, Pool())(scope, receive, None)

    if body is MANY:
        with pytest.raises(TooLarge, match="at most 100,000 values"):
            asyncio.run(call())
    else:
        asyncio.run(call())
    assert bool(jobs) is is_looked_at and passed == ([] if body is MANY else [body])
