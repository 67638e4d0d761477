"""Tools of MCP servers, by the official SDK: of a program that is started, or of a server at an address.

Input      McpServer: a name, and a command with its arguments, or an address.
Output     tools named NAME__TOOL, with the server's descriptions and schemas. Results are text.
Guarantees the SDK's loop runs in one thread of its own; a server that dies, hangs or answers nonsense makes a ToolError,
           within the call's seconds; a started program gets a bare environment (no keys) plus what is given, and ends with
           `close()`. What a server says about its tools (read-only, harmless) is not believed: the policy asks.
Raises     MissingExtra without the SDK, UsageError if the server cannot be reached at the start, ToolError from a call.
"""

import asyncio
import concurrent.futures
import contextlib
import os
import re
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue

from dspy_programs.agent.tools.tool import AgentTool, Scope, ToolError
from dspy_programs.errors import MissingExtra, UsageError
from dspy_programs.lm import without_keys

if TYPE_CHECKING:
    from mcp import Client

_LONGEST = 12_000  # characters of a result
_LONGEST_DESCRIPTION = 1_000
_MOST_PAGES = 20  # of a list of tools


class McpServer:
    """A connection to one server. Close it, or use it in a `with`."""

    def __init__(
        self, name: str, target: str | Sequence[str], *, env: Mapping[str, str] | None = None, seconds: float = 30
    ) -> None:
        self.name = re.sub(r"\W+", "_", name)
        self._target, self._env, self._seconds = target, env, seconds
        self._loop = asyncio.new_event_loop()
        self._client: Client | None = None
        self._listed: list[Any] = []
        self._serving = self._loop.create_task(self._serve())
        self._ready: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._thread = threading.Thread(target=self._run, name=f"mcp {self.name}", daemon=True)
        self._thread.start()
        try:
            self._ready.result(seconds)
        except BaseException as error:
            self.close()
            raise _start_error(name, error) from None

    def __enter__(self) -> "McpServer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def tools(self) -> list[AgentTool]:
        """Return the server's tools as they were when it was reached."""
        return [self._tool(each) for each in self._listed]

    def close(self) -> None:
        """End the connection, and the program if one was started."""
        with contextlib.suppress(RuntimeError):  # it has ended already
            self._loop.call_soon_threadsafe(self._serving.cancel)
        self._thread.join(5)

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serving)
        except BaseException as error:  # the SDK raises groups of anything
            if not self._ready.done():
                self._ready.set_exception(error)
        finally:
            self._client = None
            self._loop.close()

    async def _serve(self) -> None:
        with open(os.devnull, "w") as silent:
            async with _client(self._target, self._env, silent) as self._client:
                cursor = None
                for _ in range(_MOST_PAGES):
                    page = await self._client.list_tools(cursor=cursor)
                    self._listed += page.tools
                    cursor = page.next_cursor
                    if not cursor:
                        break
                self._ready.set_result(None)
                await asyncio.Event().wait()  # until it is cancelled

    def _tool(self, listed: Any) -> AgentTool:
        def call(scope: Scope, arguments: dict[str, JsonValue]) -> JsonValue:
            return self._call(listed.name, arguments, scope.seconds)

        return AgentTool(
            name=f"{self.name}__{re.sub(r'[^A-Za-z0-9_-]', '_', listed.name)}",
            description=(listed.description or listed.title or listed.name)[:_LONGEST_DESCRIPTION],
            parameters=dict(listed.input_schema),
            call=call,
        )

    def _call(self, name: str, arguments: dict[str, JsonValue], seconds: float) -> str:
        client = self._client
        if client is None or not self._thread.is_alive():
            raise ToolError(f"{self.name}: the server has ended")
        asked = asyncio.run_coroutine_threadsafe(client.call_tool(name, arguments), self._loop)
        try:
            result = asked.result(min(seconds, self._seconds))
        except concurrent.futures.TimeoutError:
            asked.cancel()
            raise ToolError(f"{self.name}: no answer in time") from None
        except (Exception, concurrent.futures.CancelledError) as error:  # whatever the SDK raises about a server
            raise ToolError(without_keys(f"{self.name}: {type(error).__name__}: {error}")) from None
        text = _text(result)
        if result.is_error:
            raise ToolError(f"{self.name}: {text}")
        return text


def _client(target: str | Sequence[str], env: Mapping[str, str] | None, silent: Any) -> "Client":
    try:
        from mcp import Client, StdioServerParameters
        from mcp.client.stdio import stdio_client
    except ImportError:
        raise MissingExtra('tools of MCP servers need an extra: pip install "dspy-programs[agent]"') from None
    if isinstance(target, str):
        return Client(target)
    command, *rest = target
    return Client(stdio_client(StdioServerParameters(command=command, args=rest, env=dict(env or {}) or None), errlog=silent))


def _start_error(name: str, error: BaseException) -> Exception:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, MissingExtra):
        return error
    said = "no answer in time" if isinstance(error, TimeoutError) else without_keys(str(error)) or type(error).__name__
    return UsageError(f"MCP server {name}: cannot be reached: {said}; check the command or the address")


def _text(result: Any) -> str:
    """Return a result's texts; of other content what it is; the structured content where there is no text."""
    parts = [getattr(part, "text", None) or f"[{part.type}]" for part in result.content]
    if not parts and result.structured_content is not None:
        parts = [str(result.structured_content)]
    text = "\n".join(parts) or "[no answer]"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}\n[cut here: {len(text):,} characters]"
