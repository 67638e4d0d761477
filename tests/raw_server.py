"""A server on loopback that answers each request with bytes, however wrong: for what no HTTP library would send."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Reply = bytes | Callable[[socket.socket], None]


def http(body: object, status: str = "200 OK", kind: str = "application/json", *headers: str) -> bytes:
    """Return an answer with a body: bytes as they are, all else as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(data)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + data


def events(*chunks: object) -> bytes:
    told = [chunk if isinstance(chunk, bytes) else json.dumps(chunk).encode() for chunk in (*chunks, b"[DONE]")]
    return http(b"".join(b"data: %s\n\n" % each for each in told), "200 OK", "text/event-stream")


@contextmanager
def raw_server(reply: Reply) -> Iterator[str]:
    """Run the server; yield its base address. A reply that is a function ends with the connection's end."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        with connection, suppress(OSError), connection.makefile("rb") as received:
            while received.readline():
                size = 0
                while (line := received.readline()).strip():
                    name, _, value = line.partition(b":")
                    size = int(value) if name.lower() == b"content-length" else size
                received.read(size)
                if callable(reply):
                    return reply(connection)
                connection.sendall(reply)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listening.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
    finally:
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()
