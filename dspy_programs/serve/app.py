"""REST, MCP and A2A in one ASGI app.

Input      a language model or None; keys or None; Limits.
Output     an ASGI app: POST /v1/..., GET /healthz, GET /openapi.json, MCP at /mcp, A2A at /a2a with its card at
           /.well-known/agent-card.json; where they are given, the agent at /agent, documents at /ingest, /query, /corpora,
           and a router's routes (router_routes.py).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, Literal

from fastapi import APIRouter, FastAPI, Request, Security
from fastapi.exceptions import RequestValidationError
from fastapi.security import APIKeyHeader, HTTPBearer
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

import dspy_programs
from dspy_programs.serve.a2a_agent import agent_routes
from dspy_programs.serve.keys import Keys
from dspy_programs.serve.large_requests import LargeRequests, json_response, unless_gone
from dspy_programs.serve.mcp_sessions import Sessions
from dspy_programs.serve.mcp_tools import mcp_server
from dspy_programs.serve.operations import OPERATIONS, Operation, perform
from dspy_programs.serve.problems import (
    Fault,
    Invalid,
    Malformed,
    NotFound,
    ServeError,
    TooLarge,
    WrongMethod,
)
from dspy_programs.serve.security import AccessMiddleware, response_to
from dspy_programs.serve.typed_requests import error_line
from dspy_programs.serve.worker_pool import WorkerPool

if TYPE_CHECKING:
    from dspy_programs.documents import IngestionJobs
    from dspy_programs.router import Router
    from dspy_programs.serve.agent_runs import AgentRuns
    from dspy_programs.serve.router_calls import RouterCalls

FAULTS = {
    400: "not JSON",
    401: "missing or wrong key",
    403: "a Host or Origin that this server does not accept",
    408: "the body did not arrive in time",
    409: "valid but cannot be done: a trace of unknown format, a budget below the protected part",
    413: "too large, or more calls to the model than one request may make",
    422: "does not match the schema",
    429: "too many requests are waiting, or the key has used up its day",
    500: "a server error, with an id",
    503: "shutting down, no free worker, or the language model does not answer",
    504: "not finished in time, and stopped",
}
_KEYS = [  # for the schema: AccessMiddleware has checked them before a body is read
    Security(APIKeyHeader(name="X-API-Key", scheme_name="apiKey", auto_error=False)),
    Security(HTTPBearer(scheme_name="bearer", auto_error=False)),
]
_RETRY = {"Retry-After": {"description": "seconds", "schema": {"type": "integer"}}}


class Health(BaseModel):
    """Whether the server takes requests, and how busy it is."""

    status: Literal["ok", "shutting down"]
    version: str
    model: str | None
    running: int
    waiting: int


def create_app(
    worker_pool: WorkerPool,
    keys: Keys | None = None,
    runs: "AgentRuns | None" = None,
    public_url: str | None = None,
    jobs: "IngestionJobs | None" = None,
    router: "Router | None" = None,
) -> AccessMiddleware:
    """Make the ASGI app over a worker_pool. Its lifespan opens and closes the worker_pool.

    Args:
        worker_pool: Where the operations run.
        keys: One of which clients must send; None lets everybody on this machine in.
        runs: The agent, closed with the app; None for none.
        public_url: Where clients reach this server, behind a proxy; None for where they ask.
        jobs: Of the documents, closed with the app; None for none.
        router: Answers chat completions, and is closed with the app; None for none.

    Returns:
        The app, for any ASGI server.
    """
    limits = worker_pool.limits

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        """Both SDKs keep state that lives only while the server runs, so their routes are created here."""
        _open(worker_pool, runs, jobs)
        agent, tasks = agent_routes(worker_pool, limits, needs_key=keys is not None, public_url=public_url)
        sessions = Sessions(mcp_server(worker_pool), limits)
        app.router.routes[:] = [*own, *agent, Route("/mcp", endpoint=sessions)]
        async with sessions.run():
            yield
            await _close(worker_pool, runs, jobs, calls)
            await tasks.aclose()

    app = FastAPI(
        title="dspy-programs",
        version=dspy_programs.__version__,
        description="Tools for people who build LM agents.",
        docs_url=None,  # its page loads external scripts
        redoc_url=None,
        lifespan=lifespan,
        exception_handlers={ServeError: _on_fault, RequestValidationError: _on_invalid, HTTPException: _on_http},
        servers=[{"url": public_url}] if public_url else None,
    )
    api = _api_of(worker_pool, needs_key=keys is not None)
    if runs is not None:
        from dspy_programs.serve.agent_routes import add_agent_routes

        add_agent_routes(api, runs)
    calls, first = None, list[BaseRoute]()
    if router is not None:
        from dspy_programs.serve.router_calls import RouterCalls
        from dspy_programs.serve.router_routes import add_router_routes

        calls = RouterCalls(router, worker_pool.spending)
        first = add_router_routes(api, calls)
    health = _health_of(worker_pool)
    if jobs is not None:
        from dspy_programs.serve.document_routes import add_document_routes

        add_document_routes(app, api, jobs, worker_pool, health)
    app.include_router(api)
    app.add_api_route("/healthz", health, methods=["GET"], operation_id="health", responses={403: fault_of(403)})
    own = [*first, *app.router.routes]
    return AccessMiddleware(LargeRequests(app, worker_pool), keys, limits, public_url)


def _open(worker_pool: WorkerPool, runs: "AgentRuns | None", jobs: "IngestionJobs | None") -> None:
    worker_pool.open()
    if runs is not None:
        runs.spending = worker_pool.spending
        runs.open()
    if jobs is not None:
        jobs.open()


async def _close(
    worker_pool: WorkerPool, runs: "AgentRuns | None", jobs: "IngestionJobs | None", calls: "RouterCalls | None"
) -> None:
    if runs is not None:
        await asyncio.to_thread(runs.close)
    if jobs is not None:
        jobs.close()
    if calls is not None:
        calls.close()
    await worker_pool.ended()


def _api_of(worker_pool: WorkerPool, needs_key: bool) -> APIRouter:
    """Return the routes of the operations."""
    api = APIRouter(responses={code: fault_of(code) for code in FAULTS}, dependencies=_KEYS if needs_key else None)
    for operation in OPERATIONS.values():
        api.add_api_route(
            operation.path,
            _endpoint_for(operation, worker_pool),
            methods=["POST"],
            response_model=operation.answer,
            operation_id=operation.name,
            summary=operation.title,
            description=operation.says,
        )
    return api


def fault_of(code: int) -> dict[str, Any]:
    headers = {"headers": _RETRY} if code in (429, 503) else {}
    return {"model": Fault, "description": FAULTS[code], **headers}


def _endpoint_for(operation: Operation, worker_pool: WorkerPool) -> Callable[..., Coroutine[Any, Any, Response]]:
    async def endpoint(body: Any, request: Request) -> Response:
        return json_response(await unless_gone(request.receive, perform(operation, body, worker_pool)))

    endpoint.__annotations__ = {"body": operation.request, "request": Request, "return": Response}
    return endpoint


def _health_of(worker_pool: WorkerPool) -> Callable[[], Awaitable[Health]]:
    async def health() -> Health:
        return Health(
            status="shutting down" if worker_pool.closed else "ok",
            version=dspy_programs.__version__,
            model=worker_pool.lm.model if worker_pool.lm else None,
            running=worker_pool.running,
            waiting=worker_pool.waiting,
        )

    return health


async def _on_fault(_: Request, error: Exception) -> Response:
    assert isinstance(error, ServeError)
    return response_to(error)


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    if "json" not in request.headers.get("content-type", "").lower():  # curl -d labels everything a form
        return response_to(Invalid("the body is not declared as JSON; send the header Content-Type: application/json"))
    faults = [{**fault, "loc": fault["loc"][1:]} for fault in error.errors()]
    if any(fault["type"] == "json_invalid" for fault in faults):
        return response_to(Malformed("the body is not JSON"))
    return response_to(Invalid(error_line(faults)))


async def _on_http(_: Request, error: Exception) -> Response:
    """Report in our own form what the framework rejects: paths, methods, unparsable bodies."""
    assert isinstance(error, HTTPException)
    kind = {404: NotFound, 405: WrongMethod, 413: TooLarge}.get(error.status_code, Malformed)
    said = "there is no such path here; /openapi.json lists those of REST" if error.detail == "Not Found" else str(error.detail)
    response = response_to(kind(said))
    response.headers.update(error.headers or {})
    return response
