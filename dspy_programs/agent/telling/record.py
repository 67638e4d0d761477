"""What a run leaves behind while it runs: events for whoever watches, the session on file, the trace.

Guarantees an event is on file before it is shown; events of parallel actors come one after the other; a watcher that raises
           ends the run, like any other error of the caller's.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from dspy_programs.agent.sessions import Session
from dspy_programs.agent.tools.tool import AgentTool
from dspy_programs.failures import TraceRecorder
from dspy_programs.types import Turn

Event = dict[str, Any]
"""JSON: `time`, seconds since 1970; `kind`: plan, task, thought, call, result, check, ask, answer, note or stop; its fields."""
OnEvent = Callable[[Event], object]


class Record:
    """The record of one run; a context manager, for the trace's file."""

    def __init__(
        self, goal: str, session: Session, tools: Sequence[AgentTool], on_event: OnEvent | None, traces: Path | None
    ) -> None:
        """traces: the folder of the trace; None for none."""
        self.session, self.on_event = session, on_event or (lambda event: None)
        definitions = [{"name": each.name, "description": each.description, "parameters": each.parameters} for each in tools]
        self.trace = TraceRecorder(goal, traces, tools=definitions) if traces is not None else None
        self._goal = goal
        self.lock = threading.RLock()
        """Taken before the session's; the ledger takes the same."""

    def __enter__(self) -> "Record":
        self._open = contextlib.ExitStack()
        if self.trace is not None:
            self._open.enter_context(self.trace)
            self.trace.add_turn("user", self._goal)
        return self

    def __exit__(self, *error: Any) -> None:
        self._open.__exit__(*error)

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Put what a block tells and says on file at once: all of it, or nothing."""
        with self.lock, self.session.together():
            yield

    def tell(self, kind: str, **fields: Any) -> None:
        event = {"time": round(time.time(), 3), "kind": kind, **fields}
        with self.lock:
            self.session.tell(event)
            self.on_event(event)

    def on_ledger(self, change: Event) -> None:
        """Keep a changed task, and tell of it."""
        with self.lock:
            self.session.keep_task(change["task"])
            self.tell("task", **change)

    def say(self, task_id: str, turn: Turn) -> None:
        """Add a turn to a task's history on file and to the trace."""
        with self.lock:
            self.session.say(task_id, turn)
            if self.trace is not None:
                self.trace.add_turn(turn.role, turn.content, turn.tool_name, turn.tool_input, turn.tool_output)

    def ended(self, answer: str, completed: bool | None) -> str | None:
        """Give the trace its outcome, None for one that nobody knows; return its path."""
        if self.trace is None:
            return None
        self.trace.set_final_result(answer, completed)
        return str(self.trace.path)

    def history(self) -> list[dict[str, JsonValue]]:
        """Return what happened to the tasks, also in earlier processes."""
        return [_entry(event) for event in self.session.events() if event["kind"] == "task" and event["change"] != "wrote"]


def _entry(event: Mapping[str, Any]) -> dict[str, JsonValue]:
    task = event["task"]
    return {
        "time": event["time"],
        "task_id": task["id"],
        "status": task["status"],
        "notes": task["notes"][-1] if task["notes"] else "",
    }
