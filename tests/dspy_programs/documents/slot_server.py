"""A server that speaks as llama-server with --slot-save-path does: one slot, saved and restored; it logs what it was asked.

A reply that is asked for in pieces comes in two: all but the last word of the answer, and when `goes_on` is set the rest.
"""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODEL = "smollm2-135m"


class SlotServer:
    """answer: prompt -> reply of the model; fails: the slot actions that end with an error."""

    def __init__(self, answer: Callable[[str], dict[str, str]], fails: tuple[str, ...] = ()) -> None:
        self.answer, self.fails = answer, fails
        self.log: list[tuple[str, Any]] = []
        self.files: dict[str, str] = {}
        self.slot = ""
        self.size = 1_000_000  # of the weights, in bytes
        self.goes_on = threading.Event()
        self.goes_on.set()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.reply(200, {"data": [{"id": MODEL, "aliases": [], "meta": {"size": server.size}}]})

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if self.path.endswith("/tokenize"):
                    return self.reply(200, {"tokens": body["content"].split()})
                status, answer = server.done(self.path, body)
                return self.in_pieces(answer) if body.get("stream") else self.reply(status, answer)

            def in_pieces(self, answer: dict[str, Any]) -> None:
                text = answer["choices"][0]["message"]["content"]
                middle = text.rindex(" ")
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.event({"content": text[:middle]}, None)
                    server.goes_on.wait(10)
                    self.event({"content": text[middle:]}, None)
                    self.event({}, "stop", usage=answer["usage"])

            def event(self, delta: dict[str, str], reason: str | None, **more: Any) -> None:
                event = {"choices": [{"index": 0, "delta": delta, "finish_reason": reason}], **more}
                self.wfile.write(b"data: " + json.dumps(event).encode() + b"\n\n")

            def reply(self, status: int, answer: dict[str, Any]) -> None:
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(data)

            def log_message(self, *args: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"

    def done(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if "/slots/" not in path:
            return 200, self.completion(body)
        action, file = path.rpartition("=")[2], body["filename"]
        self.log.append((action, file))
        if action in self.fails or (action == "restore" and file not in self.files):
            return 500, {"error": {"code": 500, "message": f"Unable to {action} slot", "type": "server_error"}}
        if action == "save":
            self.files[file] = self.slot
            return 200, {"id_slot": 0, "filename": file, "n_saved": 9, "n_written": 90, "timings": {"save_ms": 1.5}}
        self.slot = self.files[file]
        return 200, {"id_slot": 0, "filename": file, "n_restored": 9, "n_read": 90, "timings": {"restore_ms": 0.5}}

    def completion(self, body: dict[str, Any]) -> dict[str, Any]:
        prompt = "\n".join(message["content"] for message in body["messages"])
        self.log.append(("complete", {"prompt": prompt, "had": self.slot, "slot": body.get("id_slot")}))
        self.slot = prompt
        return {
            "id": "x",
            "choices": [{"message": {"content": json.dumps({"reply": self.answer(prompt)})}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 9, "completion_tokens": 2},
        }

    @property
    def actions(self) -> list[str]:
        return [name for name, _ in self.log]


@contextlib.contextmanager
def slot_server(answer: Callable[[str], dict[str, str]], fails: tuple[str, ...] = ()) -> Iterator[SlotServer]:
    server = SlotServer(answer, fails)
    thread = threading.Thread(target=server.http.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.http.shutdown()
        server.http.server_close()
