"""Labelling in a page, served to this machine only.

Guarantees only 127.0.0.1 is listened on; a request needs the token of the URL, a Host that is this machine, and, if it is a
           page's, this page's origin; what changes something is JSON with the token in a header, which no other page can
           send. The page loads nothing from elsewhere. An answer names its pair, so that two windows cannot answer for each
           other.
Raises     UsageError for a port that is taken.
"""

import json
import secrets
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel, ConfigDict, ValidationError

from dspy_programs.data.labels.label import EDITABLE, Field, Status
from dspy_programs.data.labels.queue import Queue
from dspy_programs.data.labels.shown import clipped, parts_of
from dspy_programs.errors import ProgramsError, UsageError, first_fault

_HOSTS = ("127.0.0.1", "localhost")
_LARGEST = 8_000_000  # bytes of an edit
_SECONDS = 30  # for a request to arrive


class Answer(BaseModel):
    """What the page sends."""

    model_config = ConfigDict(extra="forbid")

    pair_id: str
    status: Status
    edit: dict[Field, str] | None = None


class Server(ThreadingHTTPServer):
    """A queue behind a page."""

    daemon_threads = True

    def __init__(self, queue: Queue, dataset: str, port: int) -> None:
        try:
            super().__init__(("127.0.0.1", port), _Handler)
        except OSError as error:
            raise UsageError(f"--port {port}: cannot be listened on: {error.strerror or error}") from error
        self.queue, self.dataset = queue, dataset
        self.token = secrets.token_urlsafe(24)
        self.lock = threading.Lock()
        self.origins = [f"http://{host}:{self.server_port}" for host in _HOSTS]

    @property
    def url(self) -> str:
        return f"{self.origins[0]}/?token={self.token}"

    def state(self, note: str = "") -> dict[str, Any]:
        """Return what the page shows."""
        known = self.queue.current()
        state: dict[str, Any] = {
            "dataset": self.dataset,
            "progress": self.queue.progress(),
            "answered": self.queue.answered,
            "left": self.queue.left,
            "note": note,
        }
        if known is not None:
            state["pair_id"] = known.original.id
            state["parts"] = [[name, clipped(text)] for name, text in parts_of(known)]
            state["fields"] = {name: getattr(known.pair, name) for name in EDITABLE}
        return state


def serve(queue: Queue, dataset: str, port: int, tell: Callable[[str], None]) -> None:
    """Serve until the page, or Ctrl-C, ends it. tell: called with the URL."""
    with Server(queue, dataset, port) as server:
        tell(server.url)
        try:
            server.serve_forever(poll_interval=0.1)
        except KeyboardInterrupt:
            return


class _Refused(Exception):
    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    server: Server
    timeout = _SECONDS
    server_version, sys_version = "labels", ""

    def do_GET(self) -> None:
        path = urlsplit(self.path)
        with self._answering():
            self._require_local()
            if path.path == "/":
                self._require_token(parse_qs(path.query).get("token", [""])[0])
                self._send_page()
            elif path.path == "/api/pair":
                self._require_token(self.headers.get("X-Token", ""))
                with self.server.lock:
                    self._send(200, self.server.state())
            else:
                raise _Refused(404, "there is nothing here")

    def do_POST(self) -> None:
        with self._answering():
            self._require_local()
            self._require_token(self.headers.get("X-Token", ""))
            body = self._body()
            with self.server.lock:
                self._act(urlsplit(self.path).path, body)

    def _act(self, path: str, body: bytes) -> None:
        server = self.server
        if path == "/api/answer":
            try:
                answer = Answer.model_validate_json(body)
            except ValidationError as error:
                raise _Refused(400, first_fault(error, "the answer")) from None
            known = server.queue.current()
            if known is None or known.original.id != answer.pair_id:
                return self._send(409, server.state("that pair was answered elsewhere; this is the next"))
            server.queue.answer(answer.status, answer.edit)
            self._send(200, server.state())
        elif path == "/api/undo":
            self._send(200, server.state("" if server.queue.undo() else "nothing to undo"))
        elif path == "/api/quit":
            self._send(200, {})
            threading.Thread(target=server.shutdown, daemon=True).start()
        else:
            raise _Refused(404, "there is nothing here")

    def _require_local(self) -> None:
        """Refuse another machine's name (DNS rebinding) and another page's request."""
        if f"http://{self.headers.get('Host', '')}" not in self.server.origins:
            raise _Refused(403, "Host: only this machine is answered")
        if self.headers.get("Origin") not in (None, *self.server.origins):
            raise _Refused(403, "Origin: no other page is answered")
        if self.headers.get("Sec-Fetch-Site") not in (None, "none", "same-origin"):
            raise _Refused(403, "no other page is answered")

    def _require_token(self, given: str) -> None:
        if not secrets.compare_digest(given.encode("utf-8", "replace"), self.server.token.encode()):
            raise _Refused(403, "the token is missing or wrong; open the URL that the command printed")

    def _body(self) -> bytes:
        if self.headers.get_content_type() != "application/json":
            raise _Refused(415, "send JSON")
        size = self.headers.get("Content-Length", "")
        if not (size.isascii() and size.isdigit()) or len(size) > 9 or int(size) > _LARGEST:
            raise _Refused(413, f"send at most {_LARGEST:,} bytes, with a Content-Length")
        return self.rfile.read(int(size))

    def _answering(self) -> "_Answering":
        return _Answering(self)

    def _send_page(self) -> None:
        nonce = secrets.token_urlsafe(16)
        page = (files("dspy_programs.data.labels") / "page.html").read_text(encoding="utf-8").replace("NONCE", nonce)
        policy = (
            f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; img-src data:; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        self._write(200, "text/html; charset=utf-8", page.encode(), policy)

    def _send(self, status: int, value: dict[str, Any]) -> None:
        self._write(status, "application/json", json.dumps(value).encode())

    def _write(self, status: int, kind: str, content: bytes, policy: str = "default-src 'none'") -> None:
        self.send_response(status)
        headers = {
            "Content-Type": kind,
            "Content-Length": str(len(content)),
            "Content-Security-Policy": policy,
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
        }
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: a URL has the token."""


class _Answering:
    """Turns what is refused, and what could not be saved, into an answer."""

    def __init__(self, handler: _Handler) -> None:
        self._handler = handler

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if isinstance(error, _Refused):
            self._handler._send(error.status, {"error": str(error)})
        elif isinstance(error, ProgramsError):
            self._handler._send(500, {"error": f"not saved: {error}"})
        elif isinstance(error, OSError):  # the browser has gone
            self._handler.close_connection = True
        return isinstance(error, (_Refused, ProgramsError, OSError))
