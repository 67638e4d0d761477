"""TraceRecorder: writes an agent's run to disk while it runs.

    with TraceRecorder(goal="Find Italian restaurants", output_dir="./traces") as recorder:
        recorder.add_turn(role="user", content="Find Italian restaurants near me")
        recorder.set_final_result("Found Luigi Bistro", is_successful=True)

Each turn is in trace_<id>_<time>.jsonl when add_turn returns, so nothing is lost if the program dies; reader.py reads such
an unfinished file too. On exit trace_<id>_<time>.json replaces it, a trace in the native format.

Input      values of any kind: anything that is not JSON is kept as text (jsonable.py). latency_ms: milliseconds.
Guarantees threads may add turns concurrently; no two recordings share a file, whatever the directory or process; nothing is
           omitted or redacted unless `redact` does it; an exception in the block is recorded (`error`) and re-raised.
Raises     UsageError if a file cannot be written, or if nothing is being recorded.
"""

import contextlib
import json
import math
import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from dspy_programs.atomic_file import write_atomically
from dspy_programs.errors import UsageError
from dspy_programs.failures.formats.native import with_known_role
from dspy_programs.failures.reader import read_traces
from dspy_programs.jsonable import text_of_object, to_jsonable
from dspy_programs.schemas import tool_descriptions, tool_names, tool_schemas
from dspy_programs.types import ToolDefinitions

_NOT_REDACTED = ("role", "trace_id")


class TraceRecorder:
    """Records one run, in a `with` block."""

    def __init__(
        self,
        goal: str,
        output_dir: str | Path = "traces",
        *,
        tools: ToolDefinitions | None = None,
        redact: Callable[[str], str] | None = None,
    ) -> None:
        """Name the run and its folder. Nothing is written before the `with` block.

        Args:
            goal: What the agent was asked to do.
            output_dir: The folder for the trace; created if it is missing.
            tools: The offered tools, as names or as definitions in any form that OpenAI, Anthropic, MCP, LangChain or
                OpenAPI use; their schemas are kept, for calls are checked against them, unless texts are redacted. None if
                they are unknown.
            redact: Receives every text (not field names) and returns what may be written.
        """
        self.goal = goal
        self.output_dir = Path(output_dir)
        self.tools = tools
        self.redact = redact
        self.trace_id = uuid4().hex
        self.path: Path | None = None  # of the finished trace
        self._file: int | None = None
        self._turns = 0
        self._has_result = False
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        if self.path is not None:
            raise UsageError(f"{self.path}: this recorder has already been used; create a new one for each run")
        time = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
        path = self.output_dir / f"trace_{self.trace_id}_{time}.json"
        try:
            self.output_dir.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path.with_suffix(".jsonl"), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
            _sync_folder(self.output_dir)
        except OSError as error:
            raise UsageError(f"{path}: cannot be written: {error.strerror or error}") from error
        self.path = path
        tools = None if self.tools is None else [as_text(name) for name in tool_names(self.tools)]
        offered = {"tools": tools, "tool_schemas": self._schemas(), "tool_descriptions": self._descriptions()}
        self._write("recording", {"trace_id": self.trace_id, "original_goal": as_text(self.goal), **offered})
        return self

    def add_turn(
        self,
        role: str,
        content: object = "",
        tool_name: str | None = None,
        tool_input: object = None,
        tool_output: object = None,
        latency_ms: float | None = None,
    ) -> None:
        """Record a turn; it is on disk when this returns.

        Args:
            role: "system", "user", "agent" or "tool", or another framework's word for them. An unknown role counts as the
                agent's, with its name in front of the content.
            content: What was said. Here and below, anything that is not JSON is kept as text.
            tool_name: The tool that was called.
            tool_input: Its arguments.
            tool_output: Its result.
            latency_ms: How long the turn took, in milliseconds.

        Raises:
            UsageError: Nothing is being recorded, or the file cannot be written.
        """
        name = None if tool_name is None else as_text(tool_name)
        turn = {"role": as_text(role), "content": "" if content is None else as_text(content), "tool_name": name}
        turn = _timed(turn | {"tool_input": tool_input, "tool_output": tool_output}, latency_ms)
        self._write("turn", {key: value for key, value in turn.items() if value is not None})

    def set_final_result(self, text: str | None, is_successful: bool | None = None) -> None:
        """Record how the run ended; the last call counts.

        Args:
            text: The agent's final result.
            is_successful: Whether the goal was met; None if unknown.

        Raises:
            UsageError: Nothing is being recorded, or the file cannot be written.
        """
        final = None if text is None else as_text(text)
        self._write("result", {"final_result": final, "is_successful": None if is_successful is None else bool(is_successful)})

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None:
            self._finish()
            return
        with contextlib.suppress(UsageError):  # the error of the run comes first; what was recorded is on disk
            told = f"{type(error).__name__}: {text_of_object(error)}".removesuffix(": ")
            if self._has_result:
                self.add_turn("system", f"(error) {told}")
            else:
                self.set_final_result(f"(error) {told}", is_successful=False)
            self._finish(told)

    def _schemas(self) -> dict[str, Any]:
        """Return the schemas of the tools: none beside redacted calls, which no longer match them."""
        found = {} if self.tools is None or self.redact is not None else tool_schemas(self.tools)
        return {name: schema for name, schema in found.items() if isinstance(schema, dict)}

    def _descriptions(self) -> dict[str, str]:
        """Return what the tools do, told by their maker; `redact` sees it like every text."""
        return {} if self.tools is None else tool_descriptions(self.tools)

    def _write(self, kind: str, fields: dict[str, Any]) -> None:
        """Put a line on disk, or leave the file as it was."""
        fields = {key: v if key in _NOT_REDACTED else self._clean(v) for key, v in to_jsonable(fields).items()}
        with self._lock:
            if self._file is None:
                raise UsageError("nothing is being recorded: use the recorder in a with block")
            if kind == "turn":
                fields = with_known_role({"turn_number": self._turns, **fields})
            append(self._file, (json.dumps({kind: fields}, ensure_ascii=False) + "\n").encode(), self.path)
            self._turns += kind == "turn"
            self._has_result |= kind == "result"

    def _clean(self, value: Any) -> Any:
        if self.redact is None:
            return value
        if isinstance(value, str):
            return to_jsonable(self.redact(value))
        if isinstance(value, list):
            return [self._clean(item) for item in value]
        return {key: self._clean(item) for key, item in value.items()} if isinstance(value, dict) else value

    def _finish(self, error: str | None = None) -> None:
        """Write the finished trace, with what ended the run if it was an exception, in place of the lines."""
        with self._lock:
            if self._file is None or self.path is None:
                return
            os.close(self._file)
            self._file = None
            recorded = self.path.with_suffix(".jsonl")
            (item,) = read_traces([recorded])
            if item.trace is None:
                raise UsageError(f"{recorded}: {item.problem}")
            trace = item.trace.model_dump(mode="json", exclude={"turns"}) | {"error": self._clean(error)}
            trace["turns"] = [turn.model_dump(mode="json", exclude_none=True) for turn in item.trace.turns]
            write_atomically(self.path, json.dumps(trace, ensure_ascii=False, indent=1) + "\n")
            recorded.unlink(missing_ok=True)


def as_text(value: object) -> str:
    """Return a text as it is, and any other value as JSON."""
    return value if isinstance(value, str) else json.dumps(to_jsonable(value), ensure_ascii=False)


def _timed(turn: dict[str, Any], latency_ms: Any) -> dict[str, Any]:
    """Add the time to a turn; what is no time is added to the content instead."""
    if latency_ms is None:
        return turn
    if isinstance(latency_ms, (int, float)) and math.isfinite(latency_ms) and latency_ms >= 0:
        return turn | {"latency_ms": float(latency_ms)}
    return turn | {"content": f"{turn['content']} (latency_ms: {text_of_object(latency_ms)})".lstrip()}


def append(file: int, line: bytes, path: Path | None) -> None:
    """Write a whole line and wait until it is on the disk; a part of one is taken back. Raises UsageError."""
    size = os.fstat(file).st_size
    try:
        written = 0
        while written < len(line):
            written += os.write(file, line[written:])
        os.fsync(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.ftruncate(file, size)
        raise UsageError(f"{path}: cannot be written: {error.strerror or error}") from error


def _sync_folder(folder: Path) -> None:
    """Flush a new file's name to disk too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
