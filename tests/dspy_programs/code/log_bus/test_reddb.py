"""RedDB over HTTP against a server that does what dspy-code's mock does."""

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from dspy_programs.code.log_bus import Batch, Bus, follow, opened_storage, sources_of
from dspy_programs.code.log_bus.reddb_storage import RedDBStorage
from dspy_programs.errors import UsageError

TOKEN = "the-token-of-the-server"


class Server(ThreadingHTTPServer):
    """Values and streams in memory. answers: what it says instead, if anything."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.values, self.stream_rows, self.answer = {}, {}, None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def reply(self, status, value=None, **headers):
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        for name, text in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(data)

    def handle_one(self):
        server = self.server
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if server.answer:
            return self.reply(*server.answer[:2], **(server.answer[2] if len(server.answer) > 2 else {}))
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            return self.reply(401, {"error": "unauthorized"})
        parts = urlsplit(self.path)
        kind, *rest = [unquote(part) for part in parts.path.removeprefix("/api/").split("/")]
        if kind == "kv":
            key = tuple(rest)
            if self.command == "PUT":
                server.values[key] = json.loads(data)
                return self.reply(200)
            return self.reply(200, server.values[key]) if key in server.values else self.reply(404)
        rows = server.stream_rows.setdefault(tuple(rest[:2]), [])
        if self.command == "POST":
            rows.append(json.loads(data))
            return self.reply(200, {"ok": True})
        asked = {name: int(values[0]) for name, values in parse_qs(parts.query).items()}
        start, count = asked["start"], asked["count"]
        return self.reply(200, [{"offset": at, "value": rows[at]} for at in range(start, min(len(rows), start + count))])

    do_GET = do_PUT = do_POST = handle_one


@pytest.fixture
def server():
    server = Server()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def storage(server):
    environment = {"REDDB_URL": server.url + "/", "REDDB_NAMESPACE": "shop", "REDDB_TOKEN": TOKEN}
    return opened_storage(environment=environment)


def test_it_answers_as_the_storage_in_a_file_does(storage, tmp_path):
    for one in (storage, opened_storage(tmp_path / "e.sqlite")):
        assert one.get("a/b c") is None and one.streams() == [] and one.counts() == {}
        assert one.write(Batch({"a/b c": None}, {"a/b c": [1]}, [("s", number) for number in range(5)], {"n": 2}))
        assert not one.write(Batch({"a/b c": None}, {"a/b c": [2]}))
        assert one.get("a/b c") == [1] and one.counts() == {"n": 2}
        first, *_ = one.read("s", most=2)
        assert [entry.value for entry in one.read("s", after=first.offset, most=2)] == [1, 2]
        assert [entry.value for entry in one.last("s", 2)] == [3, 4]
        assert [(stream.name, stream.appended) for stream in one.streams()] == [("s", 5)]
        one.write(Batch(appends=[("t", "No Room left"), ("t", "room")]))
        assert [entry.value for entry in one.search("room no")] == ["No Room left"] and one.search("") == []
        assert one.search("room", streams=["s"]) == [] and len(one.search("room", most=1, streams=["s", "t"])) == 1


def test_logs_are_kept_on_the_server_and_read_once(storage, server, tmp_path):
    log = tmp_path / "app.log"
    log.write_text("ERROR token=hunter2hunter2\n")
    bus = Bus(storage)
    for _ in range(2):
        list(follow(bus, sources_of([log], once=True), once=True, interval=0))
    assert [(kind.count, kind.lines) for kind in bus.kinds("app")] == [(1, ["ERROR token=[secret]"])]
    assert bus.containers()[0].counts == {"error": 1} and ("shop", "logs.ctx.app") in server.stream_rows


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((401, {}), "wrong REDDB_TOKEN"),
        ((500, {}), "refused (HTTP 500)"),
        ((200, b"<html>"), "answered no JSON"),
        ((302, {}, {"Location": "http://127.0.0.1:9/steal"}), "refused (HTTP 302)"),
    ],
)
def test_what_goes_wrong_is_one_line_without_the_token(storage, server, answer, said):
    server.answer = answer
    with pytest.raises(UsageError) as told:
        storage.get("a")
    assert said in str(told.value) and TOKEN not in str(told.value) and "\n" not in str(told.value)


def test_an_answer_of_another_shape_is_said(storage, server):
    server.answer = (200, [1, 2])
    with pytest.raises(UsageError, match="is not the expected stream"):
        storage.read("s")


def test_a_server_that_is_not_there_is_said():
    with pytest.raises(UsageError, match=r"does not answer: .*is REDDB_URL right"):
        RedDBStorage("http://127.0.0.1:9").get("a")


@pytest.mark.parametrize(
    "url", ["http://user:hunter2@host", "redis://user:hunter2@host", "http://hunter2:x", "http://[hunter2"]
)
def test_an_address_that_is_none_is_said_and_not_shown(url):
    with pytest.raises(UsageError, match="write http://HOST:PORT") as told:
        RedDBStorage(url)
    assert "hunter2" not in str(told.value)


def test_a_server_that_speaks_no_http_is_said():
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer():
            connection, _ = listening.accept()
            connection.recv(1000)
            connection.sendall(b"+PONG\r\n")
            connection.close()

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(UsageError, match="does not answer"):
            RedDBStorage(f"http://127.0.0.1:{listening.getsockname()[1]}").get("a")


@pytest.mark.parametrize("held", [[1], {"s": "many"}, "text"])
def test_counts_of_another_shape_are_said(storage, server, held):
    server.answer = (200, held)
    for ask in (storage.counts, storage.streams, lambda: storage.last("s")):
        with pytest.raises(UsageError, match="holds no counts"):
            ask()
