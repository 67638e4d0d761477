"""A llama.cpp server in another process, which receives the same requests as an embedded one.

Found at a URL (your own build) or at a socket in a private directory (another process of this user). No proxy is used. A
reply may take minutes, so it has no time limit: meanwhile health checks go to the server on another connection, and one that
was stopped, as by Ctrl-Z, is abandoned within seconds.

From another process of this user the reply is streamed: llama.cpp finishes an unstreamed reply even for a client that was
killed, and the process that has loaded the model would wait for nothing.
"""

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from pydantic import BaseModel, ValidationError

from dspy_programs.errors import LanguageModelError
from dspy_programs.lm.embedded.streaming import Joined
from dspy_programs.lm.server.redaction import without_keys

PATIENCE_SECONDS = 10.0
_ASKED_TWICE = 2  # a client that was itself stopped for a while finds its own time limit passed
_FULL_SECONDS = 0.02  # between two tries of a socket whose queue is full
LONGEST = 300  # characters of a server's text quoted in our messages
IN_PIECES = {"stream": True, "stream_options": {"include_usage": True}, "timings_per_token": True}
_FAILURES = (OSError, http.client.HTTPException, UnicodeError)  # the last: of a name that no host can have
STOPPED = "it has stopped"
_TELLING = ("model_path", "build_info")  # of /props


class Listed(BaseModel):
    """A model as llama.cpp lists it."""

    id: str
    aliases: list[str] = []


class Models(BaseModel):
    data: list[Listed]


def whole(response: http.client.HTTPResponse) -> dict[str, Any]:
    """Return an unstreamed reply; anything but a JSON object becomes an error."""
    try:
        reply = json.loads(response.read())
    except (ValueError, RecursionError):
        reply = None
    if isinstance(reply, dict):
        return reply
    return {"error": {"code": response.status, "message": f"HTTP {response.status} and no JSON: is this a llama.cpp server?"}}


def joined(response: http.client.HTTPResponse, pieces: Joined | None = None) -> dict[str, Any]:
    """Return a streamed reply as if it were unstreamed. Raises HTTPException if the end is missing."""
    if not (response.getheader("Content-Type") or "").startswith("text/event-stream"):
        return whole(response)
    pieces = pieces or Joined()
    for line in response:
        content = line.partition(b": ")[2]
        if content.startswith(b"{") and pieces.add(json.loads(content)):  # else a keep-alive, or "[DONE]"
            break
    if (reply := pieces.reply()) is None:
        raise http.client.IncompleteRead(pieces.text.encode())
    return reply


class ServerGone(ConnectionError):
    """Nothing answers there any more."""


class ServerStopped(ServerGone):
    """It answers no question whether it is well, though somebody holds the connection."""


class SocketConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self) -> None:
        """Wait for a place in the queue too: with a time limit, the system itself refuses at once when it is full."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        ends = time.monotonic() + (self.timeout or 0)
        while True:
            try:
                return self.sock.connect(str(self.path))
            except BlockingIOError:
                if time.monotonic() > ends:
                    raise TimeoutError("its queue is full") from None
                time.sleep(_FULL_SECONDS)


class LlamaServer:
    """A replacement for the embedded server, with the same method names."""

    def __init__(self, url: str, key: str = "", path: Path | None = None, *, patience: float = PATIENCE_SECONDS) -> None:
        """url: of the server, with or without `/v1`; path: its Unix socket, if it is reached that way.

        patience: seconds between two health checks while the server writes a reply, and the time in which it has to answer
        one of two; a busy machine needs some.

        Raises     LanguageModelError if the URL is invalid, or the key cannot be sent.
        """
        parts = address_of(url)
        self.host, self.port = parts.hostname or "", parts.port
        self.secure, self.prefix = parts.scheme == "https", parts.path.rstrip("/").removesuffix("/v1")
        self.key, self.path, self.patience = key, path, patience
        self.listening_address = f"{parts.scheme}://{parts.netloc}{self.prefix}"
        if not (key.isascii() and key.isprintable()):
            raise LanguageModelError(f"the key for {self.listening_address} holds a character that cannot be sent")

    def handle_chat_completions(self, body: Mapping[str, Any], pieces: Joined | None = None) -> dict[str, Any]:
        """Return llama.cpp's reply, even if it is an error. pieces: hears it as it is written. Raises ServerGone."""
        if pieces is None and (self.path is None or body.get("logprobs")):  # pieces lose those of half a character
            return self.post("/v1/chat/completions", body)
        read = partial(joined, pieces=pieces)
        return self.ask("POST", "/v1/chat/completions", json.dumps({**body, **IN_PIECES}).encode(), read)

    def count_tokens(self, text: str) -> int:
        """Raises ServerGone, or LanguageModelError if it does not count, as with a wrong key."""
        reply = self.post("/tokenize", {"content": text, "add_special": False})
        if not isinstance(tokens := reply.get("tokens"), list):
            raise LanguageModelError(f"{self.listening_address} cannot count tokens: {self.complaint(reply)}")
        return len(tokens)

    def model_names(self) -> list[str]:
        """Return the names of the server's models. Raises ServerGone, or LanguageModelError if it does not say."""
        reply = self.ask("GET", "/v1/models", None)
        try:
            models = Models.model_validate(reply).data
        except ValidationError:
            complaint = self.complaint(reply)
            raise LanguageModelError(f"{self.listening_address} does not report which model it runs: {complaint}") from None
        return [name for model in models for name in (model.id, *model.aliases) if name]

    def traits(self) -> dict[str, Any]:
        """Return what tells the server's model from others, also another file under the same name: what it says of itself.

        Raises     ServerGone, or LanguageModelError if it does not say which model it runs.
        """
        names = self.model_names()
        listed, props = self.ask("GET", "/v1/models", None), self.ask("GET", "/props", None)
        metas = [each.get("meta") for each in listed.get("data", ())]
        generation = props.get("default_generation_settings")
        context = generation.get("n_ctx") if isinstance(generation, dict) else None
        return {"names": names, "metas": metas, "context": context, **{name: props.get(name) for name in _TELLING}}

    def complaint(self, reply: Mapping[str, Any]) -> str:
        """Return a reply's error as part of one line, without our key, which some servers repeat."""
        error = reply.get("error") or "is this a llama.cpp server?"
        return self.as_line(error.get("message", error) if isinstance(error, dict) else error)

    def as_line(self, said: object) -> str:
        return without_keys(" ".join(str(said).split()) or type(said).__name__, [self.key])[:LONGEST]

    def trouble(self) -> str:
        """Say why nothing answers in time; "" if something does, even while busy with a request."""
        reason = ""
        for _ in range(_ASKED_TWICE):
            try:
                with closing(self.connection()) as connection:
                    connection.request("GET", f"{self.prefix}/health")
                    connection.getresponse().read()
                    return ""
            except _FAILURES as error:
                reason = STOPPED if isinstance(error, TimeoutError) else self.as_line(error)
        return reason

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self.ask("POST", path, json.dumps(body).encode())

    def ask(
        self, method: str, path: str, content: bytes | None, read: Callable[[http.client.HTTPResponse], dict[str, Any]] = whole
    ) -> dict[str, Any]:
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {self.key}"} if self.key else {})
        try:
            with closing(self.connection()) as connection:
                connection.request(method, f"{self.prefix}{path}", content, headers)
                connection.sock.settimeout(None)
                with self.watched(connection.sock):
                    return read(connection.getresponse())
        except ServerStopped:
            raise
        except _FAILURES as error:
            raise ServerGone(self.silence(error)) from error

    @contextmanager
    def watched(self, connection: socket.socket) -> Iterator[None]:
        """Hang up if the server is in trouble, and raise ServerStopped: this connection would just stay silent."""
        over, troubles = threading.Event(), list[str]()

        def watch() -> None:
            while not over.wait(self.patience):
                if trouble := self.trouble():
                    troubles.append(trouble)
                    with suppress(OSError):
                        socket.socket.shutdown(connection, socket.SHUT_RDWR)  # under TLS too
                    return

        threading.Thread(target=watch, daemon=True).start()
        try:
            yield
        except _FAILURES:
            if troubles:
                raise ServerStopped(self.silence(troubles[0])) from None
            raise
        finally:
            over.set()

    def silence(self, reason: object) -> str:
        return f"{self.listening_address}: no llama.cpp server answers there ({self.as_line(reason)})"

    def connection(self) -> http.client.HTTPConnection:
        if self.path:
            return SocketConnection(self.path, self.patience)
        kind = http.client.HTTPSConnection if self.secure else http.client.HTTPConnection
        return kind(self.host, self.port, timeout=self.patience)


def address_of(url: str) -> SplitResult:
    """Return the parts of a server's URL. Raises LanguageModelError, without a possible password."""
    with suppress(ValueError):  # a port that is not a number, half an IPv6 address
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and parts.username is None:
            return parts
    raise LanguageModelError(f"{url.rpartition('@')[2]!r} is not a server URL; write http://HOST:PORT")
