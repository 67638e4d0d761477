"""Short runs for tests of the failure rules: turns from pairs, calls, and what the rules say of them."""

from typing import Any

from dspy_programs.programs.failure_judge import Finding, Ruling, View, findings_of, ruling
from dspy_programs.types import Trace


def call(name: str, given: Any = None, output: Any = None, **fields: Any) -> dict[str, Any]:
    return {"role": "tool", "tool_name": name, "tool_input": given, "tool_output": output, **fields}


def trace(goal: str, *turns: tuple[str, str] | dict[str, Any], **fields: Any) -> Trace:
    shaped = [turn if isinstance(turn, dict) else {"role": turn[0], "content": turn[1]} for turn in turns]
    numbered = [{"turn_number": i, **turn} for i, turn in enumerate(shaped)]
    return Trace.model_validate({"original_goal": goal, "turns": numbered, **fields})


def ruled(goal: str, *turns: tuple[str, str] | dict[str, Any], successful: bool | None = None, **fields: Any) -> Ruling:
    return ruling(findings_of(View(trace(goal, *turns, **fields))), successful)


def seen(goal: str, *turns: tuple[str, str] | dict[str, Any], **fields: Any) -> dict[str, Finding]:
    return {f.mode: f for f in findings_of(View(trace(goal, *turns, **fields)))}
