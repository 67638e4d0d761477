"""A server that speaks OpenAI's chat protocol over HTTP/1.1 on loopback, and answers by a script."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

CUT = object()  # in a list of chunks: the connection ends here
Reply = str | int | dict[str, Any] | list[Any] | tuple[int, dict[str, str]]
"""A text; a status; a whole answer; chunks of a stream (a text each, or a dict); a status with headers."""


def completion(said: Any, **more: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": said} if isinstance(said, str) else said
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {"id": "x", "object": "chat.completion", "model": "scripted", "choices": [choice], "usage": usage} | more


def chunk(delta: Any, finish: str | None = None) -> dict[str, Any]:
    delta = {"content": delta} if isinstance(delta, str) else delta
    return {"id": "x", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


class OpenAIServer:
    """reply: from the body of a request to what is answered. `bodies` and `keys` are what it was sent."""

    def __init__(self, reply: Reply | Callable[[dict[str, Any]], Reply] = "ok", seconds: float = 0.0) -> None:
        self.reply: Any = reply
        self.seconds = seconds
        self.bodies: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # else each answer waits 40 ms

            def do_POST(self) -> None:
                with suppress(BrokenPipeError, ConnectionResetError):  # the client had no time left
                    server.serve(self)

            def log_message(self, *args: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.base = f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        body = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        self.bodies.append(body)
        self.keys.append(handler.headers.get("Authorization"))
        threading.Event().wait(self.seconds)
        reply = self.reply(body) if callable(self.reply) else self.reply
        if isinstance(reply, list):
            return self._stream(handler, reply)
        status, headers = reply if isinstance(reply, tuple) else (reply, {}) if isinstance(reply, int) else (200, {})
        told = f"scripted {status}, asked with {handler.headers.get('Authorization')}"  # some gateways tell it everybody
        answer = {"error": {"message": told}} if status != 200 else completion(reply) if isinstance(reply, str) else reply
        data = json.dumps(answer).encode()
        handler.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(data)), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(data)

    def _stream(self, handler: BaseHTTPRequestHandler, chunks: list[Any]) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for each in [*chunks, "[DONE]"]:
            if each is CUT:
                handler.close_connection = True
                return
            data = each if each == "[DONE]" else json.dumps(chunk(each) if isinstance(each, str) else each)
            line = f"data: {data}\n\n".encode()
            handler.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
            handler.wfile.flush()
        handler.wfile.write(b"0\r\n\r\n")

    def __enter__(self) -> "OpenAIServer":
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._http.shutdown()
        self._http.server_close()


@contextmanager
def openai_servers(*replies: Any) -> Iterator[list[OpenAIServer]]:
    """Run one server for each reply."""
    servers = [OpenAIServer(reply) for reply in replies]
    for server in servers:
        server.__enter__()
    try:
        yield servers
    finally:
        for server in servers:
            server.__exit__()
