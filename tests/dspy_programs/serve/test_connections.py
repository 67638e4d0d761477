"""Clients that connect and are silent, slow, or do not read: what they hold is given back, and others are served meanwhile."""

import contextlib
import json
import socket
import time
from urllib.parse import urlsplit

import h11
import pytest
from pydantic import BaseModel

from dspy_programs.serve import operations
from dspy_programs.serve.connections import _Chunks
from dspy_programs.serve.limits import Limits
from dspy_programs.serve.listening import listen
from tests.servers import HEALTHY, HTTP, Slow, running

CLASSIFY = "/v1/failures/classify"
KEY = "a-key-for-tests-0123456789"
HEAD = b"POST /v1/failures/classify HTTP/1.1\r\nHost: localhost\r\n"


def connect(server, receive_bytes=None):
    """Return a connection, with as small a buffer for what comes as the system allows, if asked."""
    connection = socket.socket()
    if receive_bytes:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    connection.settimeout(5)
    host, port = urlsplit(server.url).netloc.split(":")
    connection.connect((host, int(port)))
    return connection


def ended(connection):
    """Return whether the server has closed the connection, within its time-out."""
    with contextlib.suppress(ConnectionError):
        while connection.recv(1 << 20):
            pass
    return True


@pytest.mark.parametrize(
    ("limits", "opened"), [(Limits(), 520), (Limits(connections=4), 12), (Limits(connections_of_one=4), 12)]
)
def test_idle_connections_turn_nobody_away(limits, opened):
    with running(limits) as server, contextlib.ExitStack() as stack:
        idle = [stack.enter_context(connect(server)) for _ in range(opened)]
        assert HTTP.post(server.url + CLASSIFY, json={"trace": HEALTHY}).status_code == 200
        assert ended(idle[0]), "the oldest makes room"


def test_connections_that_are_all_busy_are_not_cut():
    """The newcomer is told to come back."""
    body = b'{"sections": [{"name": "a"}]}'
    head = HEAD.replace(CLASSIFY.encode(), b"/v1/budget/negotiate") + b"Content-Type: application/json\r\n"
    with Slow(steps=50).instead_of("negotiate_prompt") as slow, running(Limits(connections=2)) as server:
        with contextlib.ExitStack() as stack:
            busy = [stack.enter_context(connect(server)) for _ in range(2)]
            for connection in busy:
                connection.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            while slow.started < 2:
                time.sleep(0.01)
            with connect(server) as late:
                assert b" 503 " in late.recv(1000)
            for connection in busy:
                assert b" 200 " in connection.recv(1000)


def test_bodies_that_do_not_come_turn_nobody_away():
    """The oldest makes room, and is told; a later one may still send its own."""
    body = json.dumps({"trace": HEALTHY}).encode()
    head = HEAD + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    with running(Limits(connections_of_one=4)) as server, contextlib.ExitStack() as stack:
        waiting = [stack.enter_context(connect(server)) for _ in range(4)]
        for connection in waiting:
            connection.sendall(head + body[:1])
            time.sleep(0.05)
        assert HTTP.post(server.url + CLASSIFY, json={"trace": HEALTHY}).status_code == 200
        assert b" 503 " in waiting[0].recv(1000) and ended(waiting[0])
        waiting[3].sendall(body[1:])
        assert b" 200 " in waiting[3].recv(1000)


def test_clients_that_do_not_read_turn_nobody_away():
    """They ask for much and read none of it: their connections are not idle, and hold no place either."""
    with running(Limits(connections_of_one=4)) as server, contextlib.ExitStack() as stack:
        long = HTTP.get(server.url + "/openapi.json", timeout=60)
        assert len(long.content) > 50_000
        for _ in range(4):
            stranger = stack.enter_context(connect(server, 4096))
            stranger.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 100)
        time.sleep(2)
        for _ in range(4):
            stack.enter_context(connect(server))
        assert HTTP.get(server.url + "/healthz", timeout=30).status_code == 200


def test_little_is_kept_for_who_does_not_read():
    """By the system too: each of many strangers could have it keep megabytes, and have the server work for them."""
    with socket.create_server(("127.0.0.1", 0)) as usual, listen("127.0.0.1", 0, has_key=False) as ours:
        kept = [each.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) for each in (usual, ours)]
        with socket.create_connection(ours.getsockname()), ours.accept()[0] as accepted:
            assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) == kept[1] <= 512 * 1024
            accepted.setblocking(False)
            sent = 0
            with contextlib.suppress(BlockingIOError):
                while sent < 10_000_000:
                    sent += accepted.send(b"x" * 65536)
    assert sent < 10_000_000


def said_to(server, *pieces):
    """Return all that the server says to these, and whether it has closed the connection."""
    said = b""
    with connect(server) as connection, contextlib.suppress(ConnectionError):
        connection.sendall(pieces[0])
        for piece in pieces[1:]:
            time.sleep(0.2)  # or it would come in one read with what is before it
            connection.sendall(piece)
        while part := connection.recv(1 << 20):
            said += part
    return said


@pytest.mark.parametrize(
    ("key", "pieces", "statuses"),
    [
        (None, [b"\x16\x03\x01 no HTTP\r\n\r\n"], [400]),
        (None, [b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nno HTTP\r\n\r\n"], [200, 400]),
        (None, [b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n", b"no chunk\r\n"], [400]),
        (None, [b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab", b"cdefg\r\n"], [400]),
        ("k", [b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n", b"no chunk\r\n"], [401]),
        ("k", [b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab", b"cdefg\r\n"], [401]),
        ("k", [b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nno chunk\r\n"], [400]),
    ],
)
def test_what_is_no_http_gets_one_answer_and_the_end(key, pieces, statuses, caplog):
    """Also in the body of a request that was refused before: there is no traceback."""
    with running(key=key and KEY) as server:
        said = said_to(server, *pieces)
        assert [int(each[:3]) for each in said.split(b"HTTP/1.1 ")[1:]] == statuses, said
        assert statuses[-1] != 400 or json.loads(said.rpartition(b"\r\n\r\n")[2])["code"] == "malformed"
        assert HTTP.get(server.url + "/healthz").status_code == 200
    assert not [record for record in caplog.records if record.exc_info], caplog.text


@pytest.mark.parametrize("sent", [b"", b"POST", HEAD, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET"])
def test_head_that_does_not_come_is_given_up(sent):
    """However slowly its bytes come: each would have renewed the time limit."""
    with running(Limits(seconds_for_head=0.3)) as server, connect(server) as connection:
        connection.sendall(sent)
        began = time.monotonic()
        with contextlib.suppress(ConnectionError):
            while time.monotonic() - began < 3:
                connection.sendall(b"X")
                time.sleep(0.05)
        assert time.monotonic() - began < 2
        assert ended(connection)


class Long(BaseModel):
    """What the operation with a long answer answers."""

    text: str = "x" * 8_000_000


@contextlib.contextmanager
def asked_for_much(seconds_to_write, receive_bytes):
    """Serve an operation with a long answer; yield a connection that has asked for it."""
    before = operations.OPERATIONS["negotiate_prompt"]
    operations.OPERATIONS["negotiate_prompt"] = before._replace(call=lambda request, progress: Long(), answer=Long)
    body = b'{"sections": [{"name": "a"}]}'
    head = HEAD.replace(CLASSIFY.encode(), b"/v1/budget/negotiate") + b"Connection: close\r\n"
    try:
        with running(Limits(seconds_to_write=seconds_to_write)) as server, connect(server, receive_bytes) as connection:
            connection.sendall(head + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            yield connection
    finally:
        operations.OPERATIONS["negotiate_prompt"] = before


def test_client_that_does_not_read_is_cut_off():
    with asked_for_much(seconds_to_write=0.2, receive_bytes=4096) as connection:
        assert connection.recv(12) == b"HTTP/1.1 200"
        time.sleep(0.8)
        assert read_slowly(connection, 0) < 8_000_000


def read_slowly(connection, pause):
    """Return how many bytes come until the server closes the connection."""
    got = 0
    with contextlib.suppress(ConnectionError):
        while part := connection.recv(200_000):
            got += len(part)
            time.sleep(pause)
    return got


def test_client_that_reads_slowly_gets_all():
    with asked_for_much(seconds_to_write=0.2, receive_bytes=None) as connection:
        assert read_slowly(connection, 0.015) > 8_000_000


CHUNKED = HEAD + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n"


@pytest.mark.parametrize("key", [None, KEY], ids=["wanted", "refused"])
@pytest.mark.parametrize("piece", [400_000, 900], ids=["at once", "a few a read"])
def test_body_in_crumbs_is_given_up(key, piece):
    """Also a body that is refused already: its chunks cost the event loop as much."""
    crumbs, sent = b"1\r\nx\r\n" * piece, 0
    with running(key=key) as server, connect(server) as connection:
        connection.sendall(CHUNKED + b"\r\n")
        began = time.monotonic()
        with contextlib.suppress(ConnectionError):
            while sent < 400_000:
                connection.sendall(crumbs)
                sent += piece
                time.sleep(0.01)
            assert ended(connection)
        assert time.monotonic() - began < 5
        assert sent < 400_000 or piece == 400_000, "its small chunks are counted over all reads"
        assert HTTP.get(server.url + "/healthz").status_code == 200


def test_one_read_of_chunks_is_short():
    """What an event loop is stopped for, in seconds of its own CPU time."""
    given_up = []
    reader = _Chunks(lambda: given_up.append(True))
    reader.receive_data(CHUNKED + b"\r\n" + b"1\r\nx\r\n" * 43_000)
    began = time.thread_time()
    while reader.next_event() is not h11.NEED_DATA:
        pass
    assert given_up and time.thread_time() - began < 0.05


@pytest.mark.parametrize("size", [8, 500, 100_000])
def test_usual_chunks_arrive(size):
    """Line ends in a body are no chunks, and a generator may hand out a few bytes each."""
    body = json.dumps({"trace": HEALTHY}, indent=1).encode() + b"\r\n" * (0 if size == 8 else 2_000)
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    with running() as server:
        answer = HTTP.post(server.url + CLASSIFY, content=iter(parts), headers={"Content-Type": "application/json"}, timeout=60)
        assert answer.status_code == 200
