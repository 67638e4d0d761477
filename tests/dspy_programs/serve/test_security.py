"""Who is let in, how much may be sent, and that no key and no request is ever repeated."""

import contextlib
import http.client
import json
import socket
import time
from urllib.parse import urlsplit

import pytest

from dspy_programs.errors import UsageError
from dspy_programs.serve.limits import Limits
from dspy_programs.serve.listening import listen
from dspy_programs.serve.security import is_loopback
from tests.servers import HEALTHY, HTTP, Slow, on_its_way, running

KEY = "a-key-for-tests-0123456789"
PATH = "/v1/failures/classify"
BODY = {"trace": HEALTHY}
NEGOTIATE = {"sections": [{"name": "a"}]}


@pytest.fixture(scope="module")
def server():
    with running(Limits(body_bytes=20_000, seconds_to_read=0.5)) as server:
        yield server


@pytest.fixture(scope="module")
def locked():
    with running(Limits(seconds_for_wrong_key=0), key=KEY) as server:
        yield server


def problem_in(response, status, code):
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert body["code"] == code and body["error"] and "\n" not in body["error"] and len(body["error"]) <= 500
    return body["error"]


@pytest.mark.parametrize(
    "headers", [{"X-API-Key": KEY}, {"Authorization": f"Bearer {KEY}"}, {"authorization": f"bearer {KEY}"}]
)
def test_key_opens(headers, locked):
    assert HTTP.post(locked.url + PATH, json=BODY, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-API-Key": ""},
        {"X-API-Key": KEY[:-1]},
        {"X-API-Key": KEY + "x"},
        {"X-API-Key": KEY.upper()},
        {"Authorization": KEY},
        {"Authorization": f"Basic {KEY}"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer ÿ".encode("latin-1")},
    ],
)
@pytest.mark.parametrize("path", [PATH, "/mcp", "/a2a", "/openapi.json", "/no/such/path"])
def test_no_key_no_answer(headers, path, locked):
    response = HTTP.post(locked.url + path, json=BODY, headers=headers)
    assert KEY not in problem_in(response, 401, "no_key")
    assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("path", ["/healthz", "/.well-known/agent-card.json"])
def test_what_is_open_says_little(path, locked):
    response = HTTP.get(locked.url + path)
    assert response.status_code == 200 and KEY not in response.text


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost.evil", "", "["])
@pytest.mark.parametrize("path", [PATH, "/mcp", "/a2a", "/healthz"])
def test_rebound_host_is_refused(host, path, server):
    assert problem_in(HTTP.post(server.url + path, json=BODY, headers={"Host": host}), 403, "forbidden")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1", "127.8.9.1:80", "[::1]:8000"])
def test_loopback_host_is_accepted(host, server):
    assert HTTP.post(server.url + PATH, json=BODY, headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost.evil.example", "file://", "http://["])
@pytest.mark.parametrize("path", [PATH, "/mcp", "/a2a"])
def test_foreign_origin_is_refused(origin, path, server):
    assert problem_in(HTTP.post(server.url + path, json=BODY, headers={"Origin": origin}), 403, "forbidden")


def test_own_origin_is_accepted_and_no_cors_is_offered(server):
    response = HTTP.post(server.url + PATH, json=BODY, headers={"Origin": server.url})
    assert response.status_code == 200
    asked = {"Origin": server.url, "Access-Control-Request-Method": "POST"}
    for answer in (response, HTTP.options(server.url + PATH, headers=asked)):
        assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("path", [PATH, "/mcp", "/a2a"])
def test_too_large_by_its_length_is_refused_before_it_is_sent(path, server):
    """Only the head is sent: the answer comes without the body."""
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=5)
    connection.putrequest("POST", path)
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", str(10**15))
    connection.endheaders()
    response = connection.getresponse()
    assert response.status == 413 and json.loads(response.read())["code"] == "too_large"


@pytest.mark.parametrize("path", [PATH, "/mcp", "/a2a"])
def test_too_large_in_chunks_is_refused_before_all_is_read(path, server):
    """The body never ends: the answer comes all the same, once there is too much of it."""
    with socket.create_connection(urlsplit(server.url).netloc.split(":"), timeout=5) as connection:
        connection.sendall(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        for _ in range(3):
            connection.sendall(b"2710\r\n" + b"x" * 10_000 + b"\r\n")
        assert b" 413 " in connection.recv(100)


@pytest.mark.parametrize("path", ["/healthz", "/.well-known/agent-card.json"])
def test_open_path_does_not_wait_for_a_body(path, locked):
    with socket.create_connection(urlsplit(locked.url).netloc.split(":"), timeout=5) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8000000\r\n\r\nx".encode())
        assert b" 200 " in connection.recv(100)


@pytest.mark.parametrize("path", [PATH, "/mcp", "/a2a", "/no/such/path"])
@pytest.mark.parametrize("sent", ["Content-Length: 8000000", "Transfer-Encoding: chunked"])
def test_without_a_key_a_request_is_refused_before_its_body_is_sent(path, sent, locked):
    """Only the head is sent, and none of the body is ever held."""
    with socket.create_connection(urlsplit(locked.url).netloc.split(":"), timeout=5) as connection:
        connection.sendall(f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{sent}\r\n\r\n".encode())
        assert b" 401 " in connection.recv(100)


def test_largest_body_is_read(server):
    padding = 20_000 - len(json.dumps(BODY))
    body = json.dumps(BODY) + " " * padding
    assert HTTP.post(server.url + PATH, content=body, headers={"Content-Type": "application/json"}).status_code == 200
    larger = HTTP.post(server.url + PATH, content=body + " ", headers={"Content-Type": "application/json"})
    problem_in(larger, 413, "too_large")


def test_slow_body_is_given_up(server):
    with socket.create_connection(urlsplit(server.url).netloc.split(":"), timeout=5) as connection:
        connection.sendall(b"POST /v1/failures/classify HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
        began = time.monotonic()
        assert b"408" in connection.recv(100)
        assert time.monotonic() - began < 3


def test_client_that_goes_away_stops_its_work():
    with Slow().instead_of("negotiate_prompt") as slow, running() as server:
        with on_its_way(server, "/v1/budget/negotiate", NEGOTIATE):
            while not slow.calls:
                time.sleep(0.01)
        assert slow.stays_still()
        assert server.worker_pool.running == 0


def test_too_slow_is_504_and_stops():
    with Slow().instead_of("negotiate_prompt") as slow, running(Limits(seconds=0.3)) as server:
        response = HTTP.post(f"{server.url}/v1/budget/negotiate", json=NEGOTIATE)
        assert "0.3 s" in problem_in(response, 504, "too_slow")
        assert slow.stays_still()


def test_too_many_are_told_when_to_come_back():
    limits = Limits(at_once=1, waiting=0)
    with Slow().instead_of("negotiate_prompt") as slow, running(limits) as server:
        with on_its_way(server, "/v1/budget/negotiate", NEGOTIATE):
            while not slow.started:
                time.sleep(0.01)
            response = HTTP.post(server.url + PATH, json=BODY)
            problem_in(response, 429, "busy")
            assert int(response.headers["retry-after"]) >= 1
            assert HTTP.get(f"{server.url}/healthz").json()["running"] == 1
        assert slow.stays_still()


def test_200_at_once_are_all_answered():
    with running() as server, contextlib.ExitStack() as stack:
        requests = [stack.enter_context(on_its_way(server, PATH, BODY)) for _ in range(200)]
        assert {request.recv(12) for request in requests} == {b"HTTP/1.1 200"}


def test_bodies_of_all_requests_have_a_limit():
    with Slow().instead_of("negotiate_prompt") as slow, running(Limits(bytes_at_once=1000)) as server:
        with on_its_way(server, "/v1/budget/negotiate", {"sections": [{"name": "a", "content": "x" * 800}]}):
            while not slow.started:
                time.sleep(0.01)
            problem_in(HTTP.post(server.url + PATH, json=BODY), 429, "busy")
        assert slow.stays_still()
        assert HTTP.post(server.url + PATH, json=BODY).status_code == 200, "room is given back"


def test_dead_model_does_not_delay_what_needs_none():
    slow = Slow()
    with slow.instead_of("negotiate_prompt"), running() as server, contextlib.ExitStack() as stack:
        HTTP.post(f"{server.url}/v1/budget/analyze", json=NEGOTIATE)  # reads the vocabulary, once
        for _ in range(32):
            stack.enter_context(on_its_way(server, "/v1/budget/negotiate", NEGOTIATE))
        while slow.started < 4:
            time.sleep(0.01)
        began = time.monotonic()
        assert HTTP.post(f"{server.url}/v1/budget/analyze", json=NEGOTIATE).status_code == 200
        assert time.monotonic() - began < 1


def test_internal_error_has_an_id_and_no_traceback(caplog):
    def broken(request, progress):
        raise ZeroDivisionError(f"canary-4711 {request}")

    slow = Slow()
    slow.__class__ = type("Broken", (Slow,), {"__call__": lambda self, request, progress: broken(request, progress)})
    with slow.instead_of("negotiate_prompt"), running() as server:
        response = HTTP.post(f"{server.url}/v1/budget/negotiate", json=NEGOTIATE)
    problem_in(response, 500, "internal")
    assert response.json()["id"] in caplog.text
    assert "canary-4711" not in response.text + caplog.text
    assert "ZeroDivisionError" not in response.text and "Traceback" not in response.text


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_other_hosts_need_a_key(host):
    with pytest.raises(UsageError, match=r"DSPY_PROGRAMS_SERVER_KEY|--key-file"):
        listen(host, 0, has_key=False)
    listen(host, 0, has_key=True).close()


@pytest.mark.parametrize("host", ["", "no-such-host", "a" * 300])
def test_no_such_host(host, monkeypatch):
    look_up = socket.getaddrinfo

    def without_network(name, *rest, **options):
        if name == "no-such-host":
            raise socket.gaierror(-2, "Name or service not known")
        return look_up(name, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", without_network)
    with pytest.raises(UsageError, match="no such address"):
        listen(host, 0, has_key=False)


def test_what_loopback_is():
    assert all(map(is_loopback, ["127.0.0.1", "127.1.2.3", "::1", "localhost", "LocalHost"]))
    assert not any(map(is_loopback, ["", "0.0.0.0", "::", "10.0.0.1", "localhost.evil.example", "127.0.0.1.nip.example"]))


@pytest.mark.parametrize("model", ["local/../../etc/passwd", "local//etc/passwd", "local/weights.gguf"])
def test_a_request_opens_no_file_of_the_server(model, server):
    body = {"sections": [{"name": "a", "type": "instruction", "content": "Be kind.", "priority": 1}], "model": model}
    said = problem_in(HTTP.post(f"{server.url}/v1/budget/analyze", json=body, timeout=60), 409, "unusable")
    assert "requests open no files" in said


def test_pages_at_the_public_address_may_call_whatever_host_the_proxy_passes_on():
    with running(public_url="https://tools.example.com") as server:
        for origin, status in {"https://tools.example.com": 200, "https://tools.example.com.evil": 403, "null": 403}.items():
            assert HTTP.post(server.url + PATH, json=BODY, headers={"Origin": origin}).status_code == status
