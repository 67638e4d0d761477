"""A llama.cpp server of one's own: it gets the embedded model's own request, and what is wrong with it is said."""

import contextlib
import http.client
import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import dspy
import pytest
from dspy import lm15
from dspy.utils.exceptions import LMServerError

from dspy_programs.errors import LanguageModelError
from dspy_programs.lm import connect, prepare
from dspy_programs.lm.cached import AnswerCache, cached
from dspy_programs.lm.embedded.chat_request import chat_request
from dspy_programs.lm.embedded.embedded import EmbeddedEngine, _reply
from dspy_programs.lm.embedded.llama_server import LlamaServer, ServerGone, joined
from dspy_programs.lm.weights.catalog import CATALOG
from optimizers.evaluate import main as evaluate
from tests.fakes import write_toy_data

FILE = CATALOG["smollm2-135m"].file
SCHEMA = {"type": "json_schema", "schema": {"type": "object", "properties": {"n": {"enum": ["a"]}}, "required": ["n"]}}
REPLY = {
    "id": "x",
    "choices": [{"message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 7}},
}
TOO_LONG = {"error": {"code": 400, "message": "request (9 tokens) exceeds the available context size", "type": "x"}}


class Llama:
    """Speaks as llama-server does: a script of replies, and what it was asked."""

    def __init__(
        self, name=f"/models/{FILE}", key="", replies=(), content=None, wait=0.0, listed=None, counts=True, written=b""
    ):
        self.requests, self.replies, self.key = [], list(replies), key
        llama = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                if self.path.endswith("/health"):
                    return self.answer(200, {"status": "ok"})
                self.answer(200, {"data": [{"id": name, "aliases": [name]}]} if listed is None else listed)

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                time.sleep(wait)
                if self.path.endswith("/tokenize") and not counts:
                    return self.answer(404, {"detail": "Not Found"})
                if self.path.endswith("/tokenize"):
                    return self.answer(200, {"tokens": json.loads(body)["content"].split()})
                llama.requests.append((self.path, body))
                self.answer(*(llama.replies.pop(0) if llama.replies else (200, REPLY)), written)

            def answer(self, status, reply, written=b""):
                if llama.key and self.command == "POST" and self.headers["Authorization"] != f"Bearer {llama.key}":
                    status, reply = 401, {"error": {"message": "Invalid API Key", "code": 401}}
                data = written or content or json.dumps(reply).encode()
                self.send_response(status)
                self.send_header("Content-Type", "text/event-stream" if written else "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *error):
        self.http.shutdown()
        self.http.server_close()


def at(llama_or_url, model="smollm2-135m"):
    return EmbeddedEngine(CATALOG[model], url=getattr(llama_or_url, "url", llama_or_url))


def request(**config):
    message = lm15.Message.user("Say hello.")
    return lm15.Request(model="local/smollm2-135m", messages=message, system="Be brief.", config=lm15.Config(**config))


@pytest.mark.parametrize("config", [{}, {"response_format": SCHEMA, "max_tokens": 7, "logprobs": 3, "stop": ("x",)}])
def test_server_gets_the_very_request_of_the_embedded_model(config):
    pytest.importorskip("xllamacpp")
    with Llama() as llama:
        response = at(llama).complete(request(**config))
    [(path, body)] = llama.requests
    assert path == "/v1/chat/completions"
    assert json.loads(body) == chat_request(request(**config))
    assert (response.message.text, response.usage.input_tokens, response.usage.cache_read_tokens) == ("hello", 9, 7)


def test_variable_sends_every_local_model_there(monkeypatch):
    with Llama() as llama:
        monkeypatch.setenv("DSPY_PROGRAMS_LLAMA", f"{llama.url}/v1/")
        lm = connect("local/smollm2-135m")
        assert lm("hi") == ["hello"]
        assert lm.engine.count_tokens("three small words") == 3
    assert lm.model == "local/smollm2-135m"


def test_key_is_llama_servers_own(monkeypatch):
    with Llama(key="sesame") as llama:
        with pytest.raises(LanguageModelError, match=r"cannot count tokens: Invalid API Key; .*set LLAMA_API_KEY"):
            at(llama).server()
        monkeypatch.setenv("LLAMA_API_KEY", "sesame")
        engine = at(llama)
        assert engine.complete(request()).message.text == "hello"
        assert engine.count_tokens("a b") == 2 and engine.api_key == "sesame"


@pytest.mark.parametrize(
    "name", [FILE, f"/m/{FILE}", f"C:\\m\\{FILE.upper()}", "smollm2-135m", FILE[:-5], "my-model", "gpt-oss"]
)
def test_server_is_taken_that_runs_the_model_or_does_not_say(name):
    with Llama(name=name) as llama:
        assert at(llama).server().listening_address == llama.url


def test_server_of_another_model_is_refused_with_what_to_do():
    with Llama(name="/models/Qwen3-8B.gguf") as llama, pytest.raises(LanguageModelError) as caught:
        at(llama).server()
    for part in (llama.url, "runs qwen3-8b.gguf, not", FILE, "--alias smollm2-135m", "unset DSPY_PROGRAMS_LLAMA"):
        assert part in str(caught.value)


def test_server_that_is_not_there_is_said_at_first_use():
    lm = dspy.LM("local/smollm2-135m", engine=at("http://127.0.0.1:9"), cache=False)
    with pytest.raises(LanguageModelError, match=r"127\.0\.0\.1:9: no llama\.cpp server answers there .*DSPY_PROGRAMS_LLAMA"):
        prepare(lm)


@pytest.mark.parametrize(
    "url",
    [
        "localhost:8080",
        "ftp://x",
        "http://",
        "http://x:y",
        "",
        "http://me:secret@x",
        "http://me:secret@x:y",
        "http://[::1",
        "http://x:0",
    ],
)
def test_url_that_is_none_is_refused_without_what_may_be_a_password(url):
    with pytest.raises(LanguageModelError, match="is not a server URL") as caught:
        LlamaServer(url)
    assert "secret" not in str(caught.value)


def test_something_that_is_no_llama_server_is_said():
    with Llama(content=b"<html>") as llama, pytest.raises(LanguageModelError, match="no JSON: is this a llama"):
        at(llama).server()


def test_key_that_cannot_be_sent_is_said_without_it(monkeypatch):
    monkeypatch.setenv("LLAMA_API_KEY", "sesame\nopen\u20ac")
    with pytest.raises(LanguageModelError, match=r"holds a character that cannot be sent; .*set LLAMA_API_KEY") as caught:
        at("http://127.0.0.1:9").server()
    assert "sesame" not in str(caught.value)


def test_key_that_a_server_says_again_is_in_no_error(monkeypatch):
    monkeypatch.setenv("LLAMA_API_KEY", "open-sesame")
    said = {"error": {"code": 400, "message": "bad key:\nopen-sesame"}}
    with Llama(listed=said) as llama, pytest.raises(LanguageModelError, match=r"it runs: bad key: \[key\]; fix"):
        at(llama).server()
    with Llama(key="open-sesame", replies=[(400, said)]) as llama, pytest.raises(lm15.InvalidRequestError, match=r"\[key\]"):
        at(llama).complete(request())


@pytest.mark.parametrize(
    "listed", [{}, {"data": "x"}, {"data": [1]}, {"data": [{"id": None}]}, {"data": [{"id": "x", "aliases": 1}]}]
)
def test_server_that_lists_its_models_in_another_way_is_said(listed):
    with (
        Llama(listed=listed) as llama,
        pytest.raises(LanguageModelError, match=r"it runs: is this a llama\.cpp server\?; fix"),
    ):
        at(llama).server()


@pytest.mark.parametrize("url", ["http://.x", f"http://{'x' * 70}.y", "http://127.0.0.1:9/caf\u00e9"])
def test_address_that_nothing_can_have_is_one_line(url):
    with pytest.raises(LanguageModelError, match=r"no llama\.cpp server answers there .*DSPY_PROGRAMS_LLAMA"):
        at(url).server()


@contextlib.contextmanager
def listening(answer=b""):
    """Something that speaks no HTTP: it says one thing to each that connects, or takes everybody in and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = []

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    taken.append(server.accept()[0])
                    if answer:
                        taken[-1].sendall(answer)
                        taken[-1].close()

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@contextlib.contextmanager
def served(**settings):
    with Llama(**settings) as server:
        yield server.url


@contextlib.contextmanager
def nobody(url):
    yield url


FAULTS = {
    "no URL": (nobody("nonsense"), "'nonsense' is not a server URL; write http://HOST:PORT"),
    "scheme": (nobody("ftp://127.0.0.1"), "'ftp://127.0.0.1' is not a server URL"),
    "nobody listens": (nobody("http://127.0.0.1:9"), "127.0.0.1:9: no llama.cpp server answers there ([Errno 111] Conn"),
    "no such host": (nobody("http://nowhere.invalid"), "nowhere.invalid"),
    "TLS of a server without": (served(), "no llama.cpp server answers there ([SSL"),
    "no HTTP": (listening(b"SSH-2.0-OpenSSH_9.6\r\n"), "no llama.cpp server answers there (SSH-2.0-OpenSSH_9.6)"),
    "hangs": (listening(), "no answer within 5 seconds"),
    "another kind": (served(counts=False), "cannot count tokens: is this a llama.cpp server?"),
    "HTML": (served(content=b"<html>"), "HTTP 200 and no JSON: is this a llama.cpp server?"),
    "too deep": (served(content=b"[" * 100_000), "HTTP 200 and no JSON"),
    "another model": (served(name="/m/Qwen3-8B.gguf"), f"runs qwen3-8b.gguf, not {FILE}; start llama-server with that file"),
    "key": (served(key="sesame"), "cannot count tokens: Invalid API Key"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_command_says_in_one_line_what_is_wrong_with_the_server(fault, monkeypatch, tmp_path, capsys):
    server, reason = FAULTS[fault]
    data = write_toy_data(tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    with server as url:
        monkeypatch.setenv("DSPY_PROGRAMS_LLAMA", url.replace("http:", "https:") if fault.startswith("TLS") else url)
        begun = time.monotonic()
        assert evaluate(["--module", "planner", "--lm", "local/smollm2-135m", "--data", str(data)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and reason in error and "DSPY_PROGRAMS_LLAMA" in error and error.count("\n") == 1
    assert time.monotonic() - begun < 30, "most of which are imports"


@pytest.mark.parametrize(
    ("status", "reply", "error"),
    [
        (400, TOO_LONG, lm15.ContextLengthError),
        (400, {"error": {"code": 400, "message": "failed to parse grammar"}}, lm15.InvalidRequestError),
        (500, {"error": {"code": 500, "message": "compute error"}}, lm15.ServerError),
        (503, {"error": {"code": 503, "message": "Loading model"}}, lm15.ServerError),
    ],
)
def test_errors_of_the_server_are_those_of_the_embedded_engine(status, reply, error):
    with Llama(replies=[(status, reply)]) as llama, pytest.raises(error):
        at(llama).complete(request())


def test_server_that_went_away_is_an_error_of_the_request_and_not_of_the_setup():
    with Llama() as llama:
        engine = at(llama)
        engine.server()
    with pytest.raises(LMServerError, match=r"no llama\.cpp server answers there"):
        dspy.LM("local/smollm2-135m", engine=engine, cache=False, num_retries=0)("hi")


def test_no_proxy_is_asked_on_the_way(monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with Llama() as llama:
        assert at(llama).count_tokens("one") == 1


def test_slow_reply_is_waited_for_as_long_as_the_server_is_well():
    with Llama(wait=1.0) as llama:
        assert LlamaServer(llama.url, patience=0.3).handle_chat_completions({})["id"] == "x"


@pytest.mark.skipif(os.name != "posix", reason="needs a process that can be stopped")
def test_server_that_was_stopped_is_given_up():
    server = "import http.server as h; s = h.HTTPServer(('127.0.0.1', 0), h.BaseHTTPRequestHandler)"
    command = [sys.executable, "-c", f"{server}; print(s.server_port, flush=True); s.serve_forever()"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        port = int(process.stdout.readline())
        process.send_signal(signal.SIGSTOP)
        with pytest.raises(ServerGone, match="it has stopped"):
            LlamaServer(f"http://127.0.0.1:{port}", patience=0.2).handle_chat_completions({})
    finally:
        process.kill()
        process.communicate()


@pytest.mark.skipif(os.name != "posix", reason="needs a process that can be stopped")
def test_server_that_is_stopped_in_the_middle_of_a_reply_is_given_up():
    server = """
import http.server
class Half(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"{")
        print("half", flush=True)
        while True: pass
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Half)
print(s.server_port, flush=True)
s.serve_forever()
"""
    process = subprocess.Popen([sys.executable, "-c", server], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        port = int(process.stdout.readline())

        def stop():
            process.stdout.readline()
            time.sleep(1.5)  # of a reply that is silent, while the server is well
            process.send_signal(signal.SIGSTOP)

        threading.Thread(target=stop, daemon=True).start()
        begun = time.monotonic()
        with pytest.raises(ServerGone, match="it has stopped"):
            LlamaServer(f"http://127.0.0.1:{port}", patience=0.5).handle_chat_completions({})
        assert 1.5 < time.monotonic() - begun < 15
    finally:
        process.kill()
        process.communicate()


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="needs Unix sockets")
def test_place_in_a_full_queue_of_a_socket_is_waited_for(tmp_path_factory):
    path = tmp_path_factory.mktemp("s") / "s"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen(0)
        first = socket.socket(socket.AF_UNIX)
        first.connect(str(path))

        def serve():
            time.sleep(0.5)
            server.accept()[0].close()  # the first
            with server.accept()[0] as connection:
                connection.recv(65536)  # or closing it would reset it
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

        threading.Thread(target=serve, daemon=True).start()
        assert LlamaServer("http://x", path=path, patience=5).trouble() == ""
        first.close()


def test_kept_answers_of_one_server_are_not_those_of_another(tmp_path):
    cache = AnswerCache(tmp_path / "answers.sqlite")
    other = REPLY | {"choices": [{"message": {"content": "other"}, "finish_reason": "stop"}]}
    with Llama() as one, Llama(replies=[(200, other)]) as two:
        lms = [dspy.LM("local/smollm2-135m", engine=at(llama), cache=False, num_retries=0) for llama in (one, two)]
        kept = [cached(lm, cache) for lm in lms]
        assert [lm("hi") for lm in (*kept, *kept)] == [["hello"], ["other"]] * 2
    assert len(one.requests) == len(two.requests) == 1


class Pieces(io.BytesIO):
    def getheader(self, name: str) -> str:
        return "text/event-stream"


def pieces(*events: object) -> Pieces:
    """A reply in pieces, as http.client gives it."""
    lines = b"".join(b"data: %s\n\n" % (json.dumps(event).encode() if event != "[DONE]" else b"[DONE]") for event in events)
    return Pieces(b": ping\n\n" + lines)


def piece(text=None, reason=None) -> dict:
    return {"id": "x", "choices": [{"index": 0, "delta": {"content": text} if text else {}, "finish_reason": reason}]}


END = {"id": "x", "choices": [], "usage": REPLY["usage"]}


def test_reply_in_pieces_is_read_as_one():
    reply = joined(pieces(piece(), piece("hel"), piece("lo"), piece(reason="stop"), END, "[DONE]"))
    assert reply["choices"] == [{"index": 0, **REPLY["choices"][0]}]
    assert (reply["id"], reply["usage"]) == ("x", REPLY["usage"])


@pytest.mark.parametrize("events", [[], [piece("hel")], [piece("hel"), piece(reason="stop")]])
def test_reply_whose_end_is_missing_is_none(events):
    with pytest.raises(http.client.IncompleteRead):
        joined(pieces(*events))


def test_error_in_the_middle_of_a_reply_is_the_reply():
    assert joined(pieces(piece("hel"), TOO_LONG)) == TOO_LONG


def test_samples_are_drawn_by_seeds_of_their_own_and_the_same_every_time(monkeypatch):
    with Llama() as llama:
        monkeypatch.setenv("DSPY_PROGRAMS_LLAMA", llama.url)
        lm = connect("local/smollm2-135m")
        for _ in range(2):
            lm("hi")
            for rollout in (0, 1):
                lm("hi", rollout_id=rollout, temperature=1.0)
            lm("hi", n=2, temperature=1.0)
        lm("hi", rollout_id=1, temperature=1.0, seed=7)
    seeds = [json.loads(body)["seed"] for _, body in llama.requests]
    assert seeds[:5] == seeds[5:10] and seeds[0] == seeds[3] == 0 and len(set(seeds[:5])) == 4 and seeds[10] == 7


def streaming(*events: object) -> Llama:
    """A llama-server that writes its one reply in pieces, as asked to by a client that listens."""
    return Llama(written=pieces(*events).getvalue())


def told(llama: Llama) -> tuple[list[str], object]:
    events = list(at(llama).stream(request()))
    return [event.delta.text for event in events if event.type == "delta"], events[-1]


def test_reply_is_told_piece_by_piece_with_its_usage_at_the_end():
    with streaming(piece("hel"), piece("lo"), piece(reason="length"), END, "[DONE]") as llama:
        texts, end = told(llama)
    assert texts == ["hel", "lo"] and json.loads(llama.requests[0][1])["stream"] is True
    assert (end.finish_reason, end.usage.output_tokens, end.usage.cache_read_tokens) == ("length", 2, 7)


def test_stream_that_breaks_off_is_an_error_and_not_begun_again():
    with streaming(piece("hel")) as llama, pytest.raises(lm15.ServerError, match="no llama"):
        told(llama)
    assert len(llama.requests) == 1


def test_refusal_is_told_in_a_stream_too():
    with Llama(replies=[(400, TOO_LONG)]) as llama, pytest.raises(lm15.ContextLengthError):
        told(llama)


class InProcess:
    """Speaks as xllamacpp's server does: a callback gets one piece after the other, until it returns True."""

    def __init__(self, *told: object) -> None:
        self.told, self.taken = told, 0

    def handle_chat_completions(self, body, callback):
        for one in self.told:
            self.taken += 1
            if callback(one):
                return


def test_embedded_reply_is_told_piece_by_piece():
    server = InProcess(piece(), piece("a"), piece("b"), piece("c"), piece(reason="stop"), END)
    heard = []
    reply = _reply(server, {}, heard.append)
    assert heard == ["a", "b", "c"] and reply["choices"][0]["message"]["content"] == "abc"


def test_whoever_stops_listening_ends_the_reply():
    server = InProcess(piece("a"), piece("b"), piece("c"))
    _reply(server, {}, lambda text: text == "b")
    assert server.taken == 2


@pytest.mark.parametrize("unit", ["0", "ab", "no. ", "\\n"])
def test_a_reply_that_only_repeats_itself_is_cut_off(unit):
    timings = {"prompt_n": 3, "cache_n": 7, "predicted_n": 5}
    server = InProcess(piece('{"id": "'), *({**piece(unit), "timings": timings} for _ in range(1_000)))
    reply = _reply(server, {}, None)
    assert server.taken < 250 and reply["choices"][0]["finish_reason"] == "length"
    assert (reply["usage"]["prompt_tokens"], reply["usage"]["completion_tokens"]) == (10, 5)


def test_a_line_under_a_title_is_no_runaway_reply():
    server = InProcess(piece("=" * 120), piece("\n" + "-" * 120), piece(reason="stop"), END)
    assert _reply(server, {}, None)["choices"][0]["finish_reason"] == "stop"


def test_answer_of_a_server_of_ones_own_does_not_tell_its_key(monkeypatch):
    key = "zq9-private-key-77aa"
    monkeypatch.setenv("LLAMA_API_KEY", key)
    message = {"message": {"role": "assistant", "content": f"it is {key}"}, "finish_reason": "stop"}
    with Llama(key=key, replies=[(200, {**REPLY, "id": key, "choices": [message]})]) as llama:
        response = at(llama).complete(request())
    assert (response.message.text, response.id) == ("it is [key]", "[key]")
