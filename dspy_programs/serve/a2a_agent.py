"""The operations as an A2A agent, with the official SDK: card, send, stream, get, cancel.

Input      a message with one part: a data part (or text that is JSON) {"skill": NAME, "input": {...}}, where NAME is an
           operation; anything else is treated as a trace to classify.
Output     a task with one artifact, the answer as data; the stream reports progress; an error is the status message.
Guarantees cancelling a task stops its work; tasks that have not ended hold a bounded number of bytes; requests are not stored;
           a task belongs to the key that made it (a2a_tasks.py).
"""

import asyncio
import json
from typing import Any

from a2a.helpers import get_data_parts, get_text_parts, new_data_part, new_task, new_text_part
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.events import EventQueue
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_jsonrpc_routes
from a2a.server.tasks import TaskUpdater
from a2a.types import Message, Part, TaskState
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dspy_programs.serve.a2a_calls import Refused, answered, light
from dspy_programs.serve.a2a_card import JSON, PATH, agent_card, card_response
from dspy_programs.serve.a2a_tasks import Tasks
from dspy_programs.serve.light_calls import has_many
from dspy_programs.serve.limits import Limits
from dspy_programs.serve.operations import Operation, perform
from dspy_programs.serve.problems import Busy, Invalid, Malformed, ServeError, TooLarge
from dspy_programs.serve.requests import whole
from dspy_programs.serve.rule_processes import SMALL
from dspy_programs.serve.security import replayed
from dspy_programs.serve.typed_requests import asked_in
from dspy_programs.serve.worker_pool import OnProgress, WorkerPool

_CARD_PATH = "/.well-known/agent-card.json"


class Agent(AgentExecutor):
    """Runs one operation for a task. The SDK cancels `execute` when the task is cancelled, which stops the work."""

    def __init__(self, worker_pool: WorkerPool) -> None:
        self.worker_pool = worker_pool
        self._bytes = 0  # of the messages of tasks that have not ended: their requests may have, which counted them so far

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        task_id, context_id = context.task_id or "", context.context_id or ""
        await event_queue.enqueue_event(new_task(task_id, context_id, TaskState.TASK_STATE_SUBMITTED))
        updates = TaskUpdater(event_queue, task_id, context_id)

        async def on_progress(done: int, total: int) -> None:
            await updates.start_work(said(updates, f"{done} of {total}" if total else f"{done}"))

        size = context.message.ByteSize() if context.message is not None else 0
        self._bytes += size
        try:
            if self._bytes > self.worker_pool.limits.task_bytes:
                raise Busy("other tasks fill the memory; try again in a second")
            name, answer = await self._answer(_part_in(context.message), updates, on_progress)
        except (Malformed, Invalid, TooLarge) as error:
            await updates.reject(said(updates, str(error)))
        except ServeError as error:
            await updates.failed(said(updates, str(error)))
        else:
            await updates.add_artifact([answer], name=name)
            await updates.complete()
        finally:
            self._bytes -= size

    async def _answer(self, part: Part, updates: TaskUpdater, on_progress: OnProgress) -> tuple[str, Part]:
        """Return the name of the operation that a part asks for, and its answer. Raises ServeError."""
        body = await asyncio.to_thread(_as_json, part) if self.worker_pool.by_rules() else b""
        if len(body) > SMALL:
            await updates.start_work()
            found = await self.worker_pool.run_in_process("asked", body, on_progress)
            return await asyncio.to_thread(_named_part_of, found)
        operation, request = await asyncio.to_thread(_asked_in, part)
        await updates.start_work()
        answer = await perform(operation, request, self.worker_pool, on_progress)
        return operation.name, await asyncio.to_thread(_part_of, answer)

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        await TaskUpdater(event_queue, context.task_id or "", context.context_id or "").cancel()


def said(updates: TaskUpdater, line: str) -> Message:
    return updates.new_agent_message([new_text_part(line)])


def _part_of(answer: str) -> Part:
    """Return an answer as data, or as JSON text if it has many values: protobuf takes a tenth of a millisecond for each."""
    read = json.loads(answer)
    return new_text_part(answer, JSON) if has_many(read) else new_data_part(read, media_type=JSON)


def _named_part_of(found: bytes) -> tuple[str, Part]:
    """Read what a process says to the job "asked"."""
    read = json.loads(found)
    return read["skill"], _part_of(json.dumps(read["answer"]))


def _part_in(message: Message | None) -> Part:
    """Return the part that says what is asked. Raises Invalid."""
    parts = list(message.parts) if message is not None else []
    if len(parts) != 1 or not (get_data_parts(parts) or get_text_parts(parts)):
        raise Invalid("send exactly one part: data, or text that is JSON")
    return parts[0]


def _asked_in(part: Part) -> tuple[Operation, Any]:
    """Return the operation that a part asks for, and its request. Raises Invalid."""
    [found] = get_data_parts([part]) or [_parsed(part.text)]
    try:
        return asked_in(integers(found))
    except RecursionError:
        raise Invalid("nested too deeply") from None


def _as_json(part: Part) -> bytes:
    data = get_data_parts([part])
    return (json.dumps(integers(data[0])) if data else part.text).encode("utf-8", "replace")


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Invalid("the text is not JSON; send a trace as JSON, or a data part") from None


def integers(value: Any) -> Any:
    """A protobuf value has only doubles: turn whole ones back into integers."""
    if isinstance(value, dict):
        return {key: integers(item) for key, item in value.items()}
    return [integers(item) for item in value] if isinstance(value, list) else whole(value)


def agent_routes(
    worker_pool: WorkerPool, limits: Limits, needs_key: bool, public_url: str | None = None
) -> tuple[list[Route], DefaultRequestHandler]:
    """Return the agent's routes and their handler, which must be closed at the end.

    public_url: where clients reach this server, for the card; None for where they asked for it.
    """
    handler = DefaultRequestHandler(Agent(worker_pool), Tasks(limits), agent_card(public_url or "http://localhost", needs_key))

    async def card(request: Request) -> Response:
        return card_response(public_url or str(request.base_url), needs_key, request.headers.get("if-none-match"))

    [rpc] = create_jsonrpc_routes(handler, rpc_url=PATH, enable_v0_3_compat=True)

    async def call(request: Request) -> Response:
        try:
            body, asked = await asyncio.to_thread(light, await request.body())
        except Refused as refused:
            return refused.response
        response: Response = await rpc.endpoint(Request(request.scope, replayed(body, request.receive)))
        return answered(asked, response)

    return [Route(_CARD_PATH, card, methods=["GET"]), Route(PATH, call, methods=["POST"])], handler
