"""The tools that runs were offered: as recorded, else as the calls of all runs together show them.

Many traces name no tools, or give them without schemas. Then the schema is what all working calls of a tool have in common,
and the menu is what the runs together call: one run alone would give its own answer away. Rows say so (`menu`).

Memory     grows with the number of different tools, up to MOST, and not with the number of runs.
"""

from collections.abc import Sequence
from typing import Any, Literal

from dspy_programs.programs.failure_judge import View
from dspy_programs.types import Trace

MOST = 2000  # tools
OFFERED = 12  # of a menu that is gathered from many runs
_NAMES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}

Menu = Literal["recorded", "gathered"]
Definition = dict[str, Any]


class Tools:
    """Every tool that the runs know."""

    def __init__(self) -> None:
        self._given: dict[str, dict[str, Any]] = {}
        self._described: dict[str, str] = {}
        self._seen: dict[str, _Seen] = {}

    def learn(self, trace: Trace, view: View) -> None:
        """Take what a run shows of its tools."""
        for name, schema in trace.tool_schemas.items():
            if len(self._given) < MOST:
                self._given.setdefault(name, schema)
        for name, text in trace.tool_descriptions.items():
            if len(self._described) < MOST:
                self._described.setdefault(name, text)
        for call in view.calls:
            if not call.fault and isinstance(call.given, dict) and (call.name in self._seen or len(self._seen) < MOST):
                self._seen.setdefault(call.name, _Seen()).add(call.given)

    def knows(self, name: str) -> bool:
        return name in self._given or name in self._seen

    def menu(self, trace: Trace, called: Sequence[str]) -> tuple[list[Definition], Menu]:
        """Return the definitions of the tools that a run could choose from, in the order of their names."""
        if trace.tools is not None and set(called) <= set(trace.tools):
            return [self._definition(name, trace) for name in sorted(set(trace.tools))], "recorded"
        own = dict.fromkeys([*called, *(trace.tools or ())])
        others = sorted(name for name in {*self._given, *self._seen} if name not in own)
        step = max(1, len(others) // max(1, OFFERED - len(own)))
        names = [*own, *others[::step]][: max(OFFERED, len(own))]  # evenly over the alphabet: the same for every run
        return [self._definition(name, trace) for name in sorted(names)], "gathered"

    def _definition(self, name: str, trace: Trace) -> Definition:
        schema = trace.tool_schemas.get(name) or self._given.get(name)
        if schema is None:
            schema = self._seen[name].schema() if name in self._seen else {}
        described = trace.tool_descriptions.get(name) or self._described.get(name) or str(schema.get("description") or "")
        return {"name": name, "description": described, "parameters": schema}


class _Seen:
    """The arguments of a tool's calls."""

    def __init__(self) -> None:
        self.calls = 0
        self.arguments: dict[str, tuple[int, set[str]]] = {}

    def add(self, given: dict[str, Any]) -> None:
        self.calls += 1
        for name, value in given.items():
            if value is not None and (name in self.arguments or len(self.arguments) < 100):
                count, types = self.arguments.get(name, (0, set()))
                self.arguments[name] = (count + 1, types | {_NAMES.get(type(value), "string")})

    def schema(self) -> dict[str, Any]:
        """Return a schema that all calls fit; an argument is required if every one of several calls has it."""
        properties = {
            name: {"type": types.pop() if len(types := set(found)) == 1 else sorted(found)}
            for name, (_, found) in self.arguments.items()
        }
        required = [name for name, (count, _) in self.arguments.items() if count == self.calls > 1]
        return {"type": "object", "properties": properties, "required": required}
