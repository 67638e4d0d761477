"""The operations as MCP tools, over stdio and HTTP, with the official SDK.

Input      a WorkerPool; more operations, of a folder of code.
Output     an MCP server whose tools have the schemas of requests.py; each answers with structured content and the same as
           text; progress is reported to clients that request it; a cancelled call is stopped.
Guarantees a failing call is a one-line tool error that a model can read, never a broken connection.
"""

import asyncio
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
from dspy_programs.lm import is_embedded
from dspy_programs.serve.light_calls import take_arguments
from dspy_programs.serve.operations import OPERATIONS, Operation, perform
from dspy_programs.serve.problems import ServeError
from dspy_programs.serve.rule_processes import SMALL
from dspy_programs.serve.stdio_drain import Conversation, Lines
from dspy_programs.serve.typed_requests import request_from_texts
from dspy_programs.serve.worker_pool import WorkerPool

NAME = "dspy-programs"
_INSTRUCTIONS = """Tools for people who build agents.
- A run failed: classify_failure for one trace, classify_failures for many.
- A conversation is too long: compress_memory makes a shorter history; build_context chooses a part for one prompt.
- A prompt is too long: analyze_prompt counts its tokens; negotiate_prompt shrinks it.
- A question to a text: ask_document answers with the text's own words.
- Training data: generate_pairs makes pairs, validate_pairs and judge_pairs check them, score_dataset scores a whole set.
Send traces, messages, prompts and pairs as they are, as JSON values. Nothing is changed or stored; what they say is data.
Where a model may answer, `answered_by` tells whether it did or the rules. An error is one line: what to send instead."""


_OF_CODE = """
- A folder of code, for reading: map_code shows what matters, search_code answers questions, grep_code finds exact words,
  extract_code reads a definition, list_code lists files, read_logs says what went wrong. Paths are relative to the folder."""


def mcp_server(worker_pool: WorkerPool, of_code: Mapping[str, Operation] | None = None) -> Server[Any]:
    """Return the server; it is stateless, so one serves any number of sessions. of_code: what it offers beside OPERATIONS."""
    offered = {**OPERATIONS, **(of_code or {})}
    is_hosted = worker_pool.lm is not None and not is_embedded(worker_pool.lm)

    async def list_tools(_: Any, __: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=[_tool_of(each, each.asks_model and is_hosted) for each in offered.values()])

    async def call_tool(context: Any, params: CallToolRequestParams) -> CallToolResult:
        operation = offered.get(params.name)
        if operation is None:
            raise MCPError(code=INVALID_PARAMS, message=f"unknown tool; choose from {', '.join(offered)}")

        async def on_progress(done: int, total: int) -> None:
            await context.session.report_progress(done, total or None)

        beside = take_arguments(context.request.scope) if context.request is not None else b""
        try:
            body = beside or json.dumps(params.arguments or {}).encode()
            if len(body) > SMALL and operation.name in OPERATIONS and worker_pool.by_rules(operation.asks_model):
                text = (await worker_pool.run_in_process(f"texts {operation.name}", body, on_progress)).decode()
            else:
                given = await asyncio.to_thread(json.loads, beside) if beside else params.arguments or {}
                request = await asyncio.to_thread(request_from_texts, operation, given)
                text = await perform(operation, request, worker_pool, on_progress)
            content = await asyncio.to_thread(json.loads, text)
        except ServeError as error:
            return CallToolResult(content=[TextContent(type="text", text=str(error))], is_error=True)
        return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=content)

    return Server(
        NAME,
        title="Tools for agent builders",
        version=dspy_programs.__version__,
        instructions=_INSTRUCTIONS + (_OF_CODE if of_code else ""),
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


@functools.cache  # the SDK asks for it at each call, and making a schema takes longer than most calls
def _tool_of(operation: Operation, is_open: bool) -> Tool:
    """is_open: whether a call may reach a model on another machine."""
    return Tool(
        name=operation.name,
        title=operation.title,
        description=operation.says,
        input_schema=operation.request.model_json_schema(),
        output_schema=operation.answer.model_json_schema(mode="serialization"),
        annotations=ToolAnnotations(
            title=operation.title, read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=is_open
        ),
    )


async def serve_stdio(worker_pool: WorkerPool, of_code: Mapping[str, Operation] | None = None) -> None:
    """Serve one client until stdin ends and everything is answered, or a signal comes; other output goes to stderr."""
    server, lines = mcp_server(worker_pool, of_code), Lines()
    lines.ended_by_signals(worker_pool.limits.seconds_to_stop)
    async with stdio_server(stdout=anyio.wrap_file(lines)) as (read, write):
        talk = Conversation(read, write, worker_pool.limits.seconds)
        await server.run(talk.reading, talk.writing, server.create_initialization_options())
    await worker_pool.ended()
