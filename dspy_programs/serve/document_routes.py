"""Documents over HTTP, in the shapes of a server for cache-augmented generation.

    POST   /ingest            {"documents": [...], "corpus_id": ...}: a job, which goes on by itself
    GET    /status/{job_id}   pending, processing, completed or failed, and why
    POST   /query             {"corpus_id": ..., "question": ...}: the answer as JSON, or with "stream": true as events
    GET    /corpora           what is on file
    DELETE /corpora/{id}      remove one, and all that was kept of it
    GET    /health            whether the server answers; no key is needed

Guarantees whoever may call these may read and remove every corpus of the file that the server was given.
"""

import asyncio
import contextlib
import json
import re
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Path, Request
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from dspy_programs.documents import Answer, Corpus, IngestionJobs, Job, NotOnFile, Spoken
from dspy_programs.errors import ProgramsError
from dspy_programs.model_in_use import model_in_use
from dspy_programs.serve.large_requests import json_response, unless_gone
from dspy_programs.serve.limits import MAX_TEXT
from dspy_programs.serve.operations import Operation, perform
from dspy_programs.serve.problems import Fault, NotFound, ServeError, to_serve_error
from dspy_programs.serve.requests import Request as Body, Whole
from dspy_programs.serve.worker_pool import Progress, WorkerPool

_ID = r"^[a-z0-9][a-z0-9_-]{0,63}$"
_JOB = r"^[0-9a-f]{16}$"
_FOLDERS = re.compile(r"(?<!\S)/(?:[^/\n:]+/)+")
_STREAM = "text/event-stream"
_GONE: dict[int | str, dict[str, Any]] = {404: {"model": Fault, "description": "it is not on file"}}


class Ingest(Body):
    """Texts that become one corpus; one of the same id is replaced."""

    documents: list[Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]] = Field(
        min_length=1, max_length=1_000, examples=[["The observatory was opened in 1931."]]
    )
    corpus_id: str | None = Field(default=None, pattern=_ID, description="default: a new one")
    description: str = Field(default="", max_length=500)
    chunk: bool = Field(default=False, description="cut what is longer than the model reads at once into parts")


class Query(Body):
    """A question to a corpus."""

    corpus_id: str = Field(pattern=_ID, examples=["falk"])
    question: str = Field(min_length=1, max_length=4_000, examples=["When was the observatory opened?"])
    max_tokens: Whole = Field(default=512, ge=16, le=4_096)
    temperature: float = Field(default=0.0, ge=0, le=2, allow_inf_nan=False)
    stream: bool = False


class JobStatus(Body):
    """A job: pending, processing, completed or failed, and why."""

    job_id: str
    status: str
    corpus_id: str
    message: str

    @classmethod
    def of(cls, job: Job, message: str = "") -> "JobStatus":
        return cls(job_id=job.id, status=job.state, corpus_id=job.corpus, message=message or _without_places(job.message))


def add_document_routes(
    app: FastAPI, api: APIRouter, jobs: IngestionJobs, pool: WorkerPool, health: Callable[..., Any]
) -> None:
    """Add the routes above: those that need a key to `api`, the other to `app`."""
    documents = jobs.documents

    def ingest(body: Ingest) -> JobStatus:
        corpus = body.corpus_id or f"corpus-{secrets.token_hex(4)}"
        with _told():
            job = jobs.begin(corpus, body.documents, body.description, body.chunk)
        return JobStatus.of(job, "ask /status with the job_id")

    def status(job_id: Annotated[str, Path(pattern=_JOB)]) -> JobStatus:
        with _told():
            return JobStatus.of(documents.corpora.job(job_id))

    async def query(body: Query, request: Request) -> Response:
        if not body.stream:
            return json_response(await unless_gone(request.receive, perform(ask, body, pool)))
        telling = _Telling(asyncio.get_running_loop())
        work = asyncio.ensure_future(
            pool.run(lambda progress: answered(body, progress, telling.spoken), model_calls=ask.model_calls(body))
        )
        try:
            await unless_gone(request.receive, telling.begun(work))  # until then an error has a status of its own
            return _Attached(telling, work)
        except BaseException:
            work.cancel()
            raise

    def answered(body: Query, progress: Progress, spoken: Spoken | None = None) -> Answer:
        progress(0, 1)
        lm = model_in_use()  # the server's, with this call's limits
        decoding = {"max_tokens": body.max_tokens, "temperature": body.temperature} if lm is not None else {}
        with _told():
            return documents.ask(
                body.corpus_id, body.question, through=lm, spoken=spoken, waits=lambda: progress(0, 0), **decoding
            )

    ask = Operation("ask_corpus", "Ask a corpus", "/query", "", (), Query, Answer, answered)

    async def corpora() -> list[Corpus]:
        with _told():
            return await run_in_threadpool(documents.corpora.all)

    def remove(corpus_id: Annotated[str, Path(pattern=_ID)]) -> Response:
        with _told():
            documents.remove(corpus_id)
        return Response(status_code=204)

    streams: dict[int | str, dict[str, Any]] = {200: {"content": {_STREAM: {"schema": {"type": "string"}}}}}
    add = api.add_api_route
    add("/ingest", ingest, methods=["POST"], operation_id="ingest_documents", status_code=202)
    add("/status/{job_id}", status, methods=["GET"], operation_id="ingestion_status", responses=_GONE)
    add("/query", query, methods=["POST"], operation_id="ask_corpus", response_model=Answer, responses=streams | _GONE)
    add("/corpora", corpora, methods=["GET"], operation_id="list_corpora")
    add("/corpora/{corpus_id}", remove, methods=["DELETE"], operation_id="remove_corpus", status_code=204, responses=_GONE)
    app.add_api_route("/health", health, methods=["GET"], operation_id="documents_health")


def _without_places(text: str) -> str:
    """Leave of each path its last name: where a server keeps its files is nobody's business."""
    return _FOLDERS.sub("", text)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Turn what the documents raise into what a client is told."""
    try:
        yield
    except NotOnFile as error:
        raise NotFound(_without_places(str(error)).partition(": ")[2].partition(";")[0]) from None
    except ProgramsError as error:
        told = to_serve_error(error)
        raise type(told)(_without_places(str(told)), told.id) from error


class _Telling:
    """What a worker thread tells of an answer, for the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.pieces: asyncio.Queue[str | None] = asyncio.Queue()  # None: that was all
        self.first: str | None = None
        self.spoken = Spoken(lambda text: loop.call_soon_threadsafe(self.pieces.put_nowait, text))

    async def begun(self, work: "asyncio.Future[Answer]") -> None:
        """Wait for the first piece, or the end of the work. Raises what the work does before it tells anything."""
        work.add_done_callback(self._end)
        self.first = await self.pieces.get()
        if self.first is None:
            await work

    def _end(self, work: "asyncio.Future[Answer]") -> None:
        self.pieces.put_nowait(None)
        if not work.cancelled():
            work.exception()  # retrieve it, or asyncio logs an unretrieved exception


class _Attached(StreamingResponse):
    """The events of an answer; the work ends if nobody reads them any more."""

    def __init__(self, telling: _Telling, work: "asyncio.Future[Answer]") -> None:
        super().__init__(_events(telling, work), media_type=_STREAM)
        self.work = work

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.work.cancel()


async def _events(telling: _Telling, work: "asyncio.Future[Answer]") -> AsyncIterator[str]:
    """Yield an answer as it is written, then all that is known of it: its `answer` is the one that counts."""
    piece = telling.first
    while piece is not None:
        yield _line({"content": piece})
        piece = await telling.pieces.get()
    try:
        answer = await work
    except ServeError as error:  # the status is sent already
        yield _line(error.problem().model_dump(exclude_none=True))
        return
    text = answer.answer or f"The document does not say{'' if answer.read_whole else ', as far as it was read'}."
    if rest := telling.spoken.rest(text):
        yield _line({"content": rest})
    yield _line({"done": True, "restore_time_ms": answer.restore_ms, **answer.model_dump()})


def _line(event: dict[str, Any]) -> str:
    return f"data: {json.dumps(event, ensure_ascii=False)}\n\n"
