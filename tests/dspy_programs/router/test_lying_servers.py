"""Servers that lie: each is a model that failed, in one line, in time, and never a wrong answer or a bug."""

import gzip
import json
import time

import pytest

from dspy_programs.router import NoneAnswered, UpstreamError
from tests.openai_server import completion
from tests.raw_server import events, http, raw_server
from tests.router_support import asks, entry, router, said

CHUNK = {"choices": [{"index": 0, "delta": {"content": "hi"}, "finish_reason": "stop"}]}


def routes_to(base, seconds=5.0, **settings):
    fallback = {"retries": 0, "timeout_seconds": seconds, "backoff_seconds": 0}
    return router(entries=[entry(0, api_base=base)], fallback=fallback, **settings)


def drips(start):
    """Send a byte now and then, for longer than any test has time."""

    def reply(connection):
        connection.sendall(start)
        while True:
            connection.sendall(b"0")
            time.sleep(0.02)

    return reply


HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("start", "problem"),
    [
        (HEAD + b"X-Slow: ", "no answer in time"),
        (HEAD + b"Content-Length: 9999\r\n\r\n", "its answer was not complete in time"),
        (CHUNKED, "its answer was not complete in time"),
        (CHUNKED + b"ffff\r\n", "its answer was not complete in time"),
    ],
    ids=["head", "body", "size of a chunk", "chunk"],
)
@pytest.mark.parametrize("stream", [False, True])
def test_server_that_drips_is_given_up_in_time(start, problem, stream):
    with raw_server(drips(start)) as base:
        routes, begun = routes_to(base, 0.15), time.monotonic()
        with pytest.raises(NoneAnswered, match=problem):
            (routes.stream if stream else routes.chat)(asks())
    assert time.monotonic() - begun < 1.5


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b'{"choices": [{"mess',
        b"",
        b"null",
        b"[" * 100_000,
        b'{"choices": "abc"}',
        b'{"choices": [null]}',
        b'{"choices": [{"message": null}]}',
        b'{"choices": [{"message": {"content": "x"}, "logprobs": NaN}]}',
        b'{"choices": [{"message": {"content": "x"}, "logprobs": 1e999}]}',
        b'{"choices": [{"message": {"content": "\xff"}}]}',
        b'{"choices": [{"message": {"tool_calls": ["x"]}}]}',
    ],
)
def test_answer_that_is_no_completion_is_a_failure(body):
    with raw_server(http(body)) as base:
        routes = routes_to(base)
        with pytest.raises(NoneAnswered, match=r"its answer (is not JSON|has no choices)"):
            routes.chat(asks())
    assert routes.observed.shown(0)["success_share"] < 1 and routes.answers.stats()["cached_entries"] == 0


@pytest.mark.parametrize(
    "chunk",
    [
        {"choices": "abc"},
        {"choices": [None]},
        {"choices": [{"index": [1], "delta": {}}]},
        {"choices": [{"index": 0, "delta": "x"}]},
        {"choices": [{"index": 0, "delta": {"tool_calls": ["x"]}}]},
        {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "function": {"arguments": 5}}]}}]},
        b"[1]",
        b"{half",
        b'{"choices": [{"index": 0, "delta": {}, "logprobs": NaN}]}',
    ],
)
def test_chunk_that_is_none_ends_the_stream_as_a_failure(chunk):
    with raw_server(events({"choices": [{"index": 0, "delta": {"content": "hi"}}]}, chunk)) as base:
        routes = routes_to(base)
        with pytest.raises(UpstreamError):
            list(routes.stream(asks()).chunks)
    assert routes.observed.shown(0)["success_share"] < 1 and routes.answers.stats()["cached_entries"] == 0


@pytest.mark.parametrize("head", [HEAD + b"Content-Length: 1000\r\n\r\n{", CHUNKED + b"5\r\ndata"])
def test_answer_that_breaks_off_is_a_failure(head):
    with raw_server(lambda connection: connection.sendall(head)) as base, pytest.raises(NoneAnswered, match="broke off"):
        routes_to(base).chat(asks())


def test_one_huge_chunk_is_not_collected():
    def reply(connection):
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\nffffffff\r\n")
        while True:
            connection.sendall(b"x" * 1_000_000)

    with raw_server(reply) as base, pytest.raises(NoneAnswered, match="longer than 50,000,000 bytes"):
        routes_to(base).chat(asks())


def test_packed_answer_is_not_unpacked():
    bomb = gzip.compress(b"\0" * 20_000_000)
    with raw_server(http(bomb, "200 OK", "application/json", "Content-Encoding: gzip")) as base:
        with pytest.raises(NoneAnswered, match="its answer is not JSON"):
            routes_to(base).chat(asks())


@pytest.mark.parametrize(
    "count", ["-5", "1e300", "1" + "0" * 400, '"7"', "null", "true"], ids=["negative", "float", "huge", "text", "null", "bool"]
)
def test_usage_that_nobody_can_believe_leaves_what_was_booked(count):
    body = json.dumps(completion("hi", usage="USAGE")).replace(
        '"USAGE"', f'{{"prompt_tokens": {count}, "completion_tokens": 5}}'
    )
    with raw_server(http(body.encode())) as base:
        routes = routes_to(base)
        assert said(routes.chat(asks())) == "hi"
    assert routes.money.spent == pytest.approx((1 * 0.001 + 1024 * 0.002) / 1000)


@pytest.mark.parametrize(
    ("asked", "circuit"),
    [
        ("Tue, 01 Dec 2199 00:00:00 GMT", "open"),
        ("1e400", "open"),
        ("Tue, 01 Dec 1999 00:00:00 GMT", "closed"),
        ("-99", "closed"),
        ("nan", "closed"),
        ("Tue, 99 Dec 99999", "closed"),
        ("soon", "closed"),
    ],
)
def test_retry_after_is_kept_as_seconds_and_as_a_date(asked, circuit):
    with raw_server(http({}, "429 Slow", "application/json", f"Retry-After: {asked}")) as base:
        routes = routes_to(base)
        with pytest.raises(NoneAnswered, match="HTTP 429"):
            routes.chat(asks())
        assert routes.observed.shown(0)["circuit"] == circuit


def test_connection_is_kept_and_one_that_was_closed_is_not_used_again():
    reply, connections = http(completion("hi")), []

    def serve_two(connection):
        connections.append(connection)
        connection.sendall(reply)
        connection.recv(10_000)  # a request is one write
        connection.sendall(reply)

    with raw_server(serve_two) as base:
        routes = routes_to(base, cache={"backend": "none"})
        assert [said(routes.chat(asks(str(number)))) for number in range(2)] == ["hi", "hi"] and len(connections) == 1
        while connections[0].fileno() >= 0:
            time.sleep(0.01)  # the server closes it
        assert said(routes.chat(asks("3"))) == "hi"


def test_number_that_json_cannot_have_is_refused_before_it_is_sent():
    with (
        raw_server(http(completion("hi"))) as base,
        pytest.raises(NoneAnswered, match="a number that JSON cannot have") as raised,
    ):
        routes_to(base).chat(asks(temperature=float("nan")))
    assert raised.value.status == 400


def test_long_stream_is_put_together_in_linear_time():
    parts = [json.dumps({"choices": [{"index": 0, "delta": {"content": "word "}}]}).encode()] * 30_000
    with raw_server(events(*parts, CHUNK)) as base:
        routes, begun = routes_to(base), time.process_time()
        assert sum(1 for _ in routes.stream(asks()).chunks) == 30_001
        assert said(routes.chat(asks())) == "word " * 30_000 + "hi"
    assert time.process_time() - begun < 5
