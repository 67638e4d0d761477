"""Every call of a tool goes through here: permission, intent on file, the call itself, result on file.

Guarantees a call is made only after the guard has allowed it and its intent is on file; a result is a JSON value, and what
           went wrong is `{"error": "..."}`; a tool that does not end within its time is left behind, cancelled, and is an
           error. What a tool returns is data: nothing here reads it.
Raises     UsageError if the session cannot be written: then nothing is called.
"""

import contextvars
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from typing import Any, TypeVar

from pydantic import JsonValue

from dspy_programs.agent.permissions.hooks import Guard
from dspy_programs.agent.telling.record import Record
from dspy_programs.agent.telling.spans import tool_span
from dspy_programs.agent.tools.tool import AgentTool, Scope, ToolError
from dspy_programs.jsonable import to_jsonable
from dspy_programs.types import Call

Result = TypeVar("Result")
_GLANCE = 0.2  # seconds between looks at whether the run is cancelled
_GRACE = 2.0  # seconds that a tool has to end by itself after its time
_SHOWN = 2000  # characters of a result in an event


class Calls:
    """Makes the calls of a run, from any thread."""

    def __init__(
        self, tools: Mapping[str, AgentTool], guard: Guard, record: Record, seconds: float, cancelled: threading.Event
    ) -> None:
        """seconds: of one call; cancelled: set when the run is to stop, which ends the calls under way."""
        self.tools, self.guard, self.record = tools, guard, record
        self.seconds, self.cancelled = seconds, cancelled

    def make(self, call: Call, task_id: str, scope: Scope, keep: Callable[[JsonValue], object]) -> JsonValue:
        """Make a call and return its result, or {"error": why}. keep: puts the result into the history, on file with it."""
        tool = self.tools[call.tool]
        self.record.tell("call", task_id=task_id, tool=call.tool, arguments=call.arguments)
        with tool_span(tool.name, call.arguments) as ended:
            try:
                self.guard.before(tool, call.arguments, scope)
            except ToolError as error:
                result: JsonValue = {"error": "cancelled" if self.cancelled.is_set() else str(error)}
                number = self.record.session.intend(task_id, call)
            else:
                number = self.record.session.intend(task_id, call)
                result = self._called(tool, dict(call.arguments), scope)
            ended(result)
        with self.record.together():
            self.record.session.settle(number, result)
            keep(result)
        self.record.tell("result", task_id=task_id, tool=call.tool, ok=not failed(result), result=_shown(result))
        return result

    def _called(self, tool: AgentTool, arguments: dict[str, JsonValue], scope: Scope) -> JsonValue:
        """Call in a thread, so that no tool can hold up the run."""
        held: list[JsonValue] = []
        context = contextvars.copy_context()

        def work() -> None:
            try:
                result = self.guard.after(tool, arguments, to_jsonable(tool.call(scope, arguments)))
                held.append("done" if result is None else result)
            except Exception as error:  # whatever a user's own tool raises is its answer
                self.guard.failed(tool, error)
                name = "" if isinstance(error, ToolError) else f"{type(error).__name__}: "
                held.append({"error": f"{name}{error}".removesuffix(": ")})

        thread = threading.Thread(target=context.run, args=(work,), daemon=True, name=f"tool {tool.name}")
        thread.start()
        end = time.monotonic() + self.seconds
        while thread.is_alive() and time.monotonic() < end and not self.cancelled.is_set():
            thread.join(min(_GLANCE, max(0.0, end - time.monotonic())))
        if thread.is_alive():
            scope.cancelled.set()
            thread.join(_GRACE)
        why = "was cancelled" if self.cancelled.is_set() else f"did not end within {self.seconds:g} seconds"
        return held[0] if held else {"error": f"{tool.name} {why}"}


def unless_set(cancelled: threading.Event, ask: Callable[[], Result]) -> Result | None:
    """Return what a call returns that may wait for a person; None once the run is cancelled.

    In the main thread it is called as it is: there Ctrl-C ends it, and a question that was left behind would take the next
    line that is typed.
    """
    if threading.current_thread() is threading.main_thread():
        return ask()
    held: Future[Result] = Future()

    def work() -> None:
        try:
            held.set_result(ask())
        except BaseException as error:  # belongs to the caller
            held.set_exception(error)

    threading.Thread(target=contextvars.copy_context().run, args=(work,), daemon=True, name="question").start()
    while not (held.done() or cancelled.is_set()):
        wait([held], _GLANCE)
    return held.result() if held.done() else None


def failed(result: JsonValue) -> bool:
    """Return whether a result says that the call did not succeed."""
    return isinstance(result, dict) and bool(result.get("error"))


def _shown(result: JsonValue) -> Any:
    return f"{result[:_SHOWN]}..." if isinstance(result, str) and len(result) > _SHOWN else result
