"""The operations as MCP tools, over stdio and HTTP, with the official SDK.

Input      a WorkerPool.
Output     an MCP server whose tools have the schemas of requests.py; each answers with structured content and the same as
           text; progress is reported to clients that request it; a cancelled call is stopped.
Guarantees a failing call is a one-line tool error that a model can read, never a broken connection.
"""

import contextlib
import functools
import json
from collections.abc import Mapping
from typing import Any

import anyio
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
    ToolAnnotations,
)

import dspy_programs
from dspy_programs.serve.operations import OPERATIONS, Operation, answer_as_json, request_from
from dspy_programs.serve.problems import Invalid, ServeError
from dspy_programs.serve.requests import Request
from dspy_programs.serve.stdio_drain import Conversation, Lines
from dspy_programs.serve.worker_pool import WorkerPool

NAME = "dspy-programs"


def mcp_server(worker_pool: WorkerPool) -> Server[Any]:
    """Return the server; it is stateless, so one serves any number of sessions."""

    async def list_tools(_: Any, __: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=[_tool_of(operation) for operation in OPERATIONS.values()])

    async def call_tool(context: Any, params: CallToolRequestParams) -> CallToolResult:
        operation = OPERATIONS.get(params.name)
        if operation is None:
            raise MCPError(code=INVALID_PARAMS, message=f"unknown tool; choose from {', '.join(OPERATIONS)}")

        async def on_progress(done: int, total: int) -> None:
            await context.session.report_progress(done, total or None)

        try:
            request = _request_from(operation, params.arguments or {})
            answer = await worker_pool.run(
                lambda progress: operation.call(request, progress), on_progress, operation.asks_model
            )
        except ServeError as error:
            return CallToolResult(content=[TextContent(type="text", text=str(error))], is_error=True)
        text = TextContent(type="text", text=answer.model_dump_json())
        return CallToolResult(content=[text], structured_content=answer_as_json(answer))

    return Server(
        NAME,
        version=dspy_programs.__version__,
        instructions="Find out why agents fail, compress their memory, shrink prompts.",
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def _request_from(operation: Operation, arguments: Mapping[str, Any]) -> Request:
    """Return the typed request; models often send JSON as text, so that is read where the text itself does not fit."""
    try:
        return request_from(operation, arguments)
    except Invalid:
        read = {name: _read(value) for name, value in arguments.items()}
        if read == arguments:
            raise
        return request_from(operation, read)


def _read(value: Any) -> Any:
    with contextlib.suppress(ValueError, RecursionError):
        return json.loads(value) if isinstance(value, str) and value.lstrip()[:1] in ("{", "[") else value
    return value


@functools.cache  # the SDK asks for it at each call, and making a schema takes longer than most calls
def _tool_of(operation: Operation) -> Tool:
    return Tool(
        name=operation.name,
        description=operation.says,
        input_schema=operation.request.model_json_schema(),
        output_schema=operation.answer.model_json_schema(mode="serialization"),
        annotations=ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False),
    )


async def serve_stdio(worker_pool: WorkerPool) -> None:
    """Serve one client until stdin ends and everything is answered, or a signal comes; other output goes to stderr."""
    server, lines = mcp_server(worker_pool), Lines()
    lines.ended_by_signals(worker_pool.limits.seconds_to_stop)
    async with stdio_server(stdout=anyio.wrap_file(lines)) as (read, write):
        talk = Conversation(read, write, worker_pool.limits.seconds)
        await server.run(talk.reading, talk.writing, server.create_initialization_options())
    await worker_pool.ended()
