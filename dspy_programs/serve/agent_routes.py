"""The agent over HTTP: run, watch, answer, cancel, and its sessions; and a page that does these in a browser.

    GET  /agent                           the page: it holds nothing, and asks for the key
    POST /agent/run                       {"goal": ...}: the result as JSON; with Accept: text/event-stream the events, then the
                                          result; with "detached": true only the session, and the run goes on by itself
    GET  /agent/sessions                  the sessions, the one that was used last first
    GET  /agent/sessions/{id}             all that is on file about one
    GET  /agent/sessions/{id}/events      its events, also while it runs, from number `after` on
    POST /agent/sessions/{id}/answer      {"question": 1, "answer": "yes"}: to the open question
    POST /agent/sessions/{id}/cancel      end its run
    GET  /api/state                       the session that was used last, or `session`, as dashboards of GEPA-AIME show it

Guarantees a client that closes the connection of a run that is not detached ends the run; whoever may call these may do what
           the policy allows, and answer yes to what it asks about.
"""

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator
from functools import lru_cache
from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from dspy_programs.agent import AgentResult, Event
from dspy_programs.agent.sessions import Summary
from dspy_programs.serve.agent_dashboard import Dashboard, dashboard_of
from dspy_programs.serve.agent_runs import AgentRun, AgentRuns, told
from dspy_programs.serve.problems import Fault, SlowClient, Unavailable
from dspy_programs.serve.requests import Whole

PAGE_PATH = "/agent"
_GLANCE = 0.1  # seconds between looks for events
_BEAT = 150  # looks without an event, after which a line says that the stream lives
_STREAM = "text/event-stream"
_GONE: dict[int | str, dict[str, Any]] = {404: {"model": Fault, "description": "no such session, or it does not run"}}
_EVENTS: dict[str, Any] = {"description": "server-sent events", "content": {_STREAM: {"schema": {"type": "string"}}}}
_ID = r"^[0-9A-Za-z-]{1,64}$"
_Id = Annotated[str, Path(pattern=_ID, description="a session's id")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class RunRequest(_Strict):
    """What the agent is to do. session: one to go on with; the goal may then be empty."""

    goal: str = Field(default="", max_length=20_000, examples=["List the files in src"])
    session: str | None = Field(default=None, pattern=_ID)
    memory: bool = Field(default=False, description="recall what other sessions of this folder remember")
    detached: bool = Field(default=False, description="answer at once with the session; the run goes on")


class Started(BaseModel):
    """A detached run."""

    session: str


class Answered(_Strict):
    """The answer to a question: yes, no, always or never where a call is asked about."""

    question: Whole = Field(ge=1, le=1_000_000, description="its number")
    answer: str = Field(min_length=1, max_length=20_000)


class State(BaseModel):
    """Whether a session runs, and what it asks."""

    session: str
    running: bool
    question: str | None = None
    number: int | None = None


def add_agent_routes(app: APIRouter, runs: AgentRuns) -> None:
    """Add the routes above to an app's router."""

    async def run(body: RunRequest, request: Request) -> Any:
        begun = await run_in_threadpool(runs.start, body.goal, body.session or "", body.memory)
        if body.detached:
            return Response(Started(session=begun.id).model_dump_json(), 202, media_type="application/json")
        if _STREAM in request.headers.get("accept", ""):
            return _Attached(begun)
        return await _result(begun, request)

    def sessions() -> list[Summary]:
        with told():
            return runs.list()

    def session(session_id: _Id) -> dict[str, Any]:
        with told():
            runs.needed_on_file(session_id)
            return runs.sessions.export(session_id) | state(session_id).model_dump(exclude={"session"})

    def state(session_id: _Id) -> State:
        going = runs.running(session_id)
        number, question = (going.question if going else None) or (None, None)
        return State(session=session_id, running=going is not None, question=question, number=number)

    def events(session_id: _Id, after: Annotated[int, Query(ge=0, le=10_000_000)] = 0) -> Response:
        going = runs.running(session_id)
        stream = _followed(going, after) if going else _replayed(session(session_id)["events"], after)
        return StreamingResponse(stream, media_type=_STREAM)

    def answer(session_id: _Id, body: Answered) -> State:
        runs.needed(session_id).answer(body.question, body.answer)
        return state(session_id)

    def cancel(session_id: _Id) -> State:
        runs.needed(session_id).cancel()
        return state(session_id)

    def dashboard(session: Annotated[str, Query(pattern=_ID, description="a session's id, or last")] = "last") -> Dashboard:
        known = runs.list()
        if session == "last" and not known:
            return dashboard_of(None)
        session_id = known[0].id if session == "last" else session
        with told():
            runs.needed_on_file(session_id)
            return dashboard_of(runs.sessions.export(session_id))

    one = "/agent/sessions/{session_id}"
    streams: dict[int | str, dict[str, Any]] = {
        200: {"content": {_STREAM: {"schema": {"type": "string"}}}},
        202: {"model": Started, "description": "detached"},
    }
    followed: dict[int | str, dict[str, Any]] = {200: _EVENTS, **_GONE}
    add = app.add_api_route
    add(PAGE_PATH, _page, methods=["GET"], include_in_schema=False)
    add("/agent/run", run, methods=["POST"], operation_id="run_agent", response_model=AgentResult, responses=streams | _GONE)
    add("/agent/sessions", sessions, methods=["GET"], operation_id="agent_sessions")
    add(one, session, methods=["GET"], operation_id="agent_session", responses=_GONE)
    add(f"{one}/events", events, methods=["GET"], operation_id="agent_events", response_class=Response, responses=followed)
    add(f"{one}/answer", answer, methods=["POST"], operation_id="answer_agent", responses=_GONE)
    add(f"{one}/cancel", cancel, methods=["POST"], operation_id="cancel_agent", responses=_GONE)
    add("/api/state", dashboard, methods=["GET"], operation_id="agent_dashboard", responses=_GONE)


async def _result(run: AgentRun, request: Request) -> AgentResult:
    """Wait for the end of a run; end it if the client goes away."""
    try:
        while not run.ended.is_set():
            if await request.is_disconnected():
                raise SlowClient("the client has closed the connection")
            await asyncio.sleep(_GLANCE)
    finally:
        run.cancel()  # a run that has ended is past it
    if run.result is None:
        raise run.error or Unavailable("the run has ended without a result")
    return run.result


class _Attached(StreamingResponse):
    """The events of a run and its result; the run ends if nobody reads them any more, even before the first one."""

    def __init__(self, run: AgentRun) -> None:
        super().__init__(_whole(run), media_type=_STREAM)
        self.run = run

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.run.cancel()


async def _whole(run: AgentRun) -> AsyncIterator[str]:
    async for line in _followed(run, 0):
        yield line
    if run.result is not None:
        yield _line("result", run.result.model_dump())


async def _followed(run: AgentRun, after: int) -> AsyncIterator[str]:
    """Yield the events of a run that goes on, as they come. Before the first one its session is named."""
    yield _line("session", {"session": run.id})
    at, still, asked = after, 0, 0
    while True:
        is_over = run.ended.is_set()
        events = run.events[at:]
        for at, event in enumerate(events, at + 1):  # noqa: B020  the place goes on from where it was
            yield _line(event["kind"], event, at)
        if (question := run.question) and question[0] != asked:
            asked = question[0]
            yield _line("question", {"number": asked, "question": question[1]})
        if is_over and run.error is not None:
            yield _line("error", run.error.problem().model_dump(exclude_none=True))
        if is_over:
            return
        still = 0 if events else still + 1
        if still and still % _BEAT == 0:
            yield ": still running\n\n"
        await asyncio.sleep(_GLANCE)


async def _replayed(events: list[Event], after: int) -> AsyncIterator[str]:
    for number, event in enumerate(events[after:], after + 1):
        yield _line(event["kind"], event, number)


def _line(kind: str, data: dict[str, Any], number: int | None = None) -> str:
    numbered = "" if number is None else f"id: {number}\n"
    return f"{numbered}event: {kind}\ndata: {json.dumps(data, ensure_ascii=True)}\n\n"


def _page() -> Response:
    text, policy = _page_and_policy()
    return HTMLResponse(text, headers={"Content-Security-Policy": policy, "Referrer-Policy": "no-referrer"})


@lru_cache
def _page_and_policy() -> tuple[str, str]:
    """Return the page, and the policy that lets its own script run and speak to this server, and nothing else."""
    text = FilePath(__file__).with_name("agent_page.html").read_text(encoding="utf-8")
    script = text.partition("<script>")[2].partition("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    allowed = f"script-src 'sha256-{digest}'; style-src 'unsafe-inline'; connect-src 'self'"
    return text, f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
