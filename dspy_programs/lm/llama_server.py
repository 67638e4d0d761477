"""A llama.cpp server in another process, which gets the same requests as an embedded one.

Found at a URL (your own build) or at a socket in a private directory (another process of this user). No proxy is used. A
reply may take minutes, so it has no time limit; a server that has stopped is recognized by its silence on another connection.

From another process of this user the reply is streamed: llama.cpp finishes an unstreamed reply even for a client that was
killed, and the process that has loaded the model would wait for nothing.
"""

import http.client
import json
import select
import socket
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dspy_programs.errors import LanguageModelError

PATIENCE_SECONDS = 10.0
ASKED_TWICE = 2
SILENT_SECONDS = 120.0  # between two pieces; llama.cpp sends a keep-alive every 30
IN_PIECES = {"stream": True, "stream_options": {"include_usage": True}}


def whole(response: http.client.HTTPResponse) -> dict[str, Any]:
    """Return an unstreamed reply; anything but a JSON object becomes an error."""
    try:
        reply = json.loads(response.read())
    except ValueError:
        reply = None
    if isinstance(reply, dict):
        return reply
    return {"error": {"code": response.status, "message": f"HTTP {response.status} and no JSON: is this a llama.cpp server?"}}


def joined(response: http.client.HTTPResponse) -> dict[str, Any]:
    """Return a streamed reply as if it were unstreamed. Raises HTTPException if the end is missing."""
    if not (response.getheader("Content-Type") or "").startswith("text/event-stream"):
        return whole(response)
    text, reason, last = "", None, {}
    for line in response:
        name, _, content = line.partition(b": ")
        if not content.startswith(b"{"):
            continue  # a keep-alive, or "[DONE]"
        last = json.loads(content)
        if "error" in last or name == b"error":
            return last if "error" in last else {"error": last}
        for choice in last["choices"]:
            text += choice["delta"].get("content") or ""
            reason = choice["finish_reason"] or reason
    if reason is None or "usage" not in last:
        raise http.client.IncompleteRead(text.encode())
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": reason}
    return {**last, "choices": [choice]}


class ServerGone(ConnectionError):
    """Nothing answers there any more."""


class SocketConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


class LlamaServer:
    """A replacement for the embedded server, with the same method names."""

    def __init__(self, url: str, key: str = "", path: Path | None = None, *, patience: float = PATIENCE_SECONDS) -> None:
        """url: of the server, with or without `/v1`; path: its Unix socket, if it is reached that way.

        patience: seconds without a byte of a reply before a health check, and the time the check may take; a busy machine
        needs some.

        Raises     LanguageModelError if the URL is invalid.
        """
        try:
            parts = urlsplit(url)
            self.host, self.port = parts.hostname or "", parts.port
        except ValueError as error:  # a port that is not a number
            raise LanguageModelError(f"{url!r} is not a server URL: {error}; write http://HOST:PORT") from None
        if parts.scheme not in ("http", "https") or not self.host or parts.username:
            raise LanguageModelError(f"{url.rpartition('@')[2]!r} is not a server URL; write http://HOST:PORT")
        self.secure, self.prefix = parts.scheme == "https", parts.path.rstrip("/").removesuffix("/v1")
        self.key, self.path, self.patience = key, path, patience
        self.listening_address = f"{parts.scheme}://{parts.netloc}{self.prefix}"

    def handle_chat_completions(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return llama.cpp's reply, even if it is an error. Raises ServerGone."""
        if self.path is None or body.get("logprobs"):  # streaming loses those of a token that is half a character
            return self.post("/v1/chat/completions", body)
        return self.ask("POST", "/v1/chat/completions", json.dumps({**body, **IN_PIECES}).encode(), joined)

    def count_tokens(self, text: str) -> int:
        reply = self.post("/tokenize", {"content": text, "add_special": False})
        if "tokens" not in reply:
            raise LanguageModelError(f"{self.listening_address} cannot count tokens: {reply.get('error', reply)}")
        return len(reply["tokens"])

    def model_names(self) -> list[str]:
        """Return the names of the server's models. Raises ServerGone, or LanguageModelError if it does not say."""
        reply = self.ask("GET", "/v1/models", None)
        if "data" not in reply:
            error = reply.get("error")
            reason = error.get("message", error) if isinstance(error, dict) else error
            raise LanguageModelError(f"{self.listening_address} does not report which model it runs: {reason}")
        return [str(name) for entry in reply["data"] for name in (entry.get("id"), *entry.get("aliases", ())) if name]

    def is_well(self) -> bool:
        """Return whether the server answers in time, even while busy with a request."""
        try:
            with closing(self.connection()) as connection:
                connection.request("GET", f"{self.prefix}/health")
                connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            return False
        return True

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self.ask("POST", path, json.dumps(body).encode())

    def ask(
        self, method: str, path: str, content: bytes | None, read: Callable[[http.client.HTTPResponse], dict[str, Any]] = whole
    ) -> dict[str, Any]:
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {self.key}"} if self.key else {})
        try:
            with closing(self.connection()) as connection:
                connection.request(method, f"{self.prefix}{path}", content, headers)
                self.wait_for_reply(connection)
                connection.sock.settimeout(max(self.patience, SILENT_SECONDS))
                return read(connection.getresponse())
        except (OSError, http.client.HTTPException) as error:
            reason = str(error) or type(error).__name__
            raise ServerGone(f"{self.listening_address}: no llama.cpp server answers there ({reason})") from error

    def wait_for_reply(self, connection: http.client.HTTPConnection) -> None:
        silent = 0
        while not select.select([connection.sock], [], [], self.patience)[0]:
            silent = 0 if self.is_well() else silent + 1
            if silent == ASKED_TWICE:
                raise TimeoutError("it has stopped")

    def connection(self) -> http.client.HTTPConnection:
        if self.path:
            return SocketConnection(self.path, self.patience)
        kind = http.client.HTTPSConnection if self.secure else http.client.HTTPConnection
        return kind(self.host, self.port, timeout=self.patience)
