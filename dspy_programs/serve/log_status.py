"""The status page of the logs that `code up` follows: JSON, and Prometheus's text format.

Routes     GET /health, /deploy, /containers, /code, /metrics (?format=prometheus, or Accept: text/plain), /auto; / lists them.
Guarantees without keys it answers only on loopback; with them only /health is open, and says no more than that it runs.
"""

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

import dspy_programs
from dspy_programs.code.log_bus import Bus, code_summary, log_containers, log_figures, log_prometheus
from dspy_programs.errors import UsageError
from dspy_programs.serve.connections import Config
from dspy_programs.serve.keys import Keys
from dspy_programs.serve.limits import Limits
from dspy_programs.serve.problems import NotFound, WrongMethod
from dspy_programs.serve.security import AccessMiddleware, response_to

IMAGE, COMPOSE = "DSPY_PROGRAMS_IMAGE", "DSPY_PROGRAMS_COMPOSE"
"""Variables that the files of `code stack` set: the image's name, and a digest of the compose file."""


def status_app(bus: Bus, workspace: Path, keys: Keys | None = None, since: str = "") -> AccessMiddleware:
    """Return the ASGI app over a bus. since: when it was started."""

    def health(_: Request) -> Response:
        try:
            bus.storage.get("up")
        except UsageError:
            return JSONResponse({"status": "the storage does not answer", "version": dspy_programs.__version__}, 503)
        return JSONResponse({"status": "ok", "version": dspy_programs.__version__})

    def deploy(_: Request) -> Response:
        image, digest = (os.environ.get(name) for name in (IMAGE, COMPOSE))
        return JSONResponse({"status": "up", "ts": since, "compose_hash": digest, "image": image, "pid": os.getpid()})

    def metrics(request: Request) -> Response:
        accepted, asked = request.headers.get("accept", ""), request.query_params.get("format")
        is_text = asked == "prometheus" or (asked is None and ("text/plain" in accepted or "openmetrics" in accepted))
        told = log_figures(bus)
        if is_text:
            return PlainTextResponse(log_prometheus(told), media_type="text/plain; version=0.0.4")
        return JSONResponse(told)

    def auto(_: Request) -> Response:
        return JSONResponse({"enabled": False, "why": "following logs trains nothing; python -m optimizers.loop does"})

    routes: dict[str, Callable[[Request], Response]] = {
        "/health": health,
        "/deploy": deploy,
        "/containers": lambda _: JSONResponse(log_containers(bus)),
        "/code": lambda _: JSONResponse(code_summary(workspace)),
        "/metrics": metrics,
        "/auto": auto,
    }
    routes["/"] = lambda _: JSONResponse({"routes": [path for path in routes if path != "/"]})
    app = Starlette(
        routes=[Route(path, endpoint, methods=["GET"]) for path, endpoint in routes.items()],
        exception_handlers={404: _refuse(NotFound), 405: _refuse(WrongMethod)},
    )
    return AccessMiddleware(app, keys, Limits())


def _refuse(kind: type[NotFound] | type[WrongMethod]) -> Callable[[Request, Exception], Response]:
    return lambda request, error: response_to(kind("GET / lists what there is here"))


@contextlib.contextmanager
def serving(listening: socket.socket, app: AccessMiddleware) -> Iterator[None]:
    """Serve in a thread while the block runs."""
    server = uvicorn.Server(Config(app, Limits(seconds_to_stop=1.0)))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(5)


def url_of(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
