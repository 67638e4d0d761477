"""From a host and a port to a server that runs: the socket first, so that a port in use is an error and no log.

Holds      without a key only loopback is listened on, whatever the name of the host resolves to; SIGTERM and Ctrl-C end
           what runs within a few seconds.
"""

import socket
from types import FrameType

import uvicorn

from dspy_programs.errors import UsageError
from dspy_programs.serve.app import create_app
from dspy_programs.serve.problems import LOG
from dspy_programs.serve.security import KEY_VARIABLE, is_loopback
from dspy_programs.serve.workshop import Workshop

CONNECTIONS = 512  # at once; more get a 503
BACKLOG = 128


def listen(host: str, port: int, has_key: bool) -> socket.socket:
    """Return a listening socket. Raises UsageError: no such host, a port in use, a host that needs a key."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host or "?", port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (OSError, UnicodeError) as error:
        raise UsageError(f"--host {host}: no such address ({error})") from None
    if not has_key and not is_loopback(str(address[0])):
        raise UsageError(f"--host {host}: others could reach this server; set {KEY_VARIABLE} or give --key-file first")
    try:
        listening = socket.create_server((str(address[0]), port), family=family, backlog=BACKLOG)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else each answer waits 40 ms for an acknowledgement
        return listening
    except OSError as error:
        raise UsageError(f"--port {port}: {host}:{port} cannot be had ({error.strerror}); choose another") from None


class Server(uvicorn.Server):
    """Stops the work as soon as a signal comes, so that its clients are told and not cut off."""

    def __init__(self, config: uvicorn.Config, workshop: Workshop) -> None:
        super().__init__(config)
        self.workshop = workshop

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.workshop.close()
        super().handle_exit(sig, frame)


def run(listening: socket.socket, workshop: Workshop, key: str | None) -> None:
    """Serve until a signal comes, which is then raised again, so that the exit code is the usual one."""
    limits = workshop.limits
    config = uvicorn.Config(
        create_app(workshop, key),
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        limit_concurrency=CONNECTIONS,
        timeout_graceful_shutdown=max(1, round(limits.seconds_to_stop)),
    )
    host, port = listening.getsockname()[:2]
    LOG.info("listening on http://%s:%d (%s)", f"[{host}]" if ":" in host else host, port, workshop.lm or "no model")
    if not is_loopback(str(host)):
        LOG.info("others can reach this server: the key travels in clear, put a proxy with TLS in front")
    Server(config, workshop).run(sockets=[listening])
