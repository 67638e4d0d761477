"""Bind a server's socket before the server starts, so that a port in use is an error, not a log line.

Guarantees without a key a server listens only on loopback, whatever the host name resolves to.
"""

import socket

from dspy_programs.errors import UsageError
from dspy_programs.serve.keys import VARIABLE
from dspy_programs.serve.security import is_loopback

_BACKLOG = 128
_UNREAD = 128 * 1024  # bytes that the system keeps for a client that does not read; left to itself, megabytes


def listen(host: str, port: int, has_key: bool, option: str = "--") -> socket.socket:
    """Return a listening socket. Raises UsageError: no such host, a port in use, a host that requires a key.

    option: what the names of the options begin with.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host or "?", port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (OSError, UnicodeError) as error:
        raise UsageError(f"{option}host {host}: no such address ({error})") from None
    if not has_key and not is_loopback(str(address[0])):
        raise UsageError(f"{option}host {host}: others could reach this server; set {VARIABLE} or give --key-file first")
    try:
        listening = socket.create_server((str(address[0]), port), family=family, backlog=_BACKLOG)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else each answer waits 40 ms for an acknowledgement
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _UNREAD)  # each connection inherits both
        return listening
    except OSError as error:
        raise UsageError(f"{option}port {port}: {host}:{port} is not available ({error.strerror}); choose another") from None
