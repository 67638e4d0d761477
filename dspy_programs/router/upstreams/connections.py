"""Kept connections to one server, each for one request at a time.

An HTTP library's time-out begins anew with each read, so a server that sends a byte now and then holds a thread for as long
as it likes. Here a request has one time, from its connection to the last byte of its answer. Without a library's layers a
request also costs the processor a third (`python -m tests.router_speed`).

Guarantees no redirect is followed, so a key goes nowhere else; no answer is unpacked, so none is larger than what was sent;
           threads may share the connections; one that its server has closed is not used again.
Raises     OSError (TimeoutError when the time is over) and http.client.HTTPException.
"""

import functools
import io
import socket
import ssl
import time
from collections import deque
from collections.abc import Iterator
from http.client import HTTPResponse, IncompleteRead
from typing import Any
from urllib.parse import urlsplit

_KEPT = 64  # idle connections
_PIECE = 65_536  # bytes


class Connections:
    """url: http or https, without a user and a query."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._is_tls = parts.scheme == "https"
        self._host, self._port = parts.hostname or "", parts.port or (443 if self._is_tls else 80)
        self._start = f"POST {parts.path or '/'} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
        self._idle: deque[socket.socket] = deque(maxlen=_KEPT)

    def post(self, data: bytes, key: str | None, ends: float) -> "Reply":
        """Send a body, and return the answer when its head is there.

        key: of visible ASCII characters, None for none; ends: seconds of time.monotonic.
        """
        connection = self._connected(ends)
        try:
            authorization = f"Authorization: Bearer {key}\r\n" if key else ""
            head = f"{self._start}{authorization}Content-Length: {len(data)}\r\n\r\n"
            connection.settimeout(_left(ends))
            connection.sendall(head.encode("ascii") + data)
            return Reply(self, connection, ends)
        except BaseException:
            connection.close()
            raise

    def give_back(self, connection: socket.socket) -> None:
        if len(self._idle) < _KEPT:
            self._idle.append(connection)
        else:
            connection.close()

    def _connected(self, ends: float) -> socket.socket:
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:  # another thread was faster
                break
            if _is_open(connection):
                return connection
            connection.close()
        connection = socket.create_connection((self._host, self._port), _left(ends))
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return _tls().wrap_socket(connection, server_hostname=self._host) if self._is_tls else connection
        except BaseException:
            connection.close()
            raise


class Reply:
    """An answer whose head is there. Close it at the end."""

    def __init__(self, connections: Connections, connection: socket.socket, ends: float) -> None:
        self._connections, self._connection = connections, connection
        source: Any = _Timed(connection, ends)
        self._response = HTTPResponse(source, method="POST")
        self._response.begin()
        self.status = self._response.status

    def header(self, name: str) -> str | None:
        return self._response.headers.get(name)

    def pieces(self) -> Iterator[bytes]:
        """Yield the body as it comes. Raises IncompleteRead where it breaks off."""
        while piece := self._response.read1(_PIECE):
            yield piece
        if self._response.length:
            raise IncompleteRead(b"", self._response.length)

    def close(self) -> None:
        """Keep the connection if the whole body was read, else end it."""
        response = self._response
        if not response.will_close and (response.isclosed() or response.length == 0):
            self._connections.give_back(self._connection)
        else:
            self._connection.close()
        response.close()


class _Timed(io.RawIOBase):
    """What comes from a connection until its time is over."""

    def __init__(self, connection: socket.socket, ends: float) -> None:
        self._connection, self._ends = connection, ends

    def makefile(self, _: str) -> io.BufferedReader:
        return io.BufferedReader(self, _PIECE)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connection.settimeout(_left(self._ends))
        return self._connection.recv_into(buffer)


def _left(ends: float) -> float:
    if (left := ends - time.monotonic()) <= 0:
        raise TimeoutError
    return left


def _is_open(connection: socket.socket) -> bool:
    """Whether an idle connection can be used: one from which something came was closed, or has what nobody asked for."""
    try:
        connection.settimeout(0)
        socket.socket.recv(connection, 1, socket.MSG_PEEK)  # of the socket below, where there is TLS
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False


@functools.cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
