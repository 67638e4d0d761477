"""Types shared by several programs: tools and plans, the trace of a run, rubrics, pairs of training data."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationInfo, field_validator, model_validator

from dspy_programs.jsonable import sound
from dspy_programs.no_answer import is_placeholder, is_refusal
from dspy_programs.schemas import (
    LONGEST_DESCRIPTION,
    as_line,
    definitions_in,
    normalize_tool,
    shortened,
    tool_descriptions,
    tool_names,
    tool_schemas,
)

LONGEST_NAME = 500  # characters of a tool's name: servers put their own in front of it
# The schema of a signature's types, docstrings included, is a part of its prompt and of the shape that a compiled file must
# have. So it keeps these numbers, though longer names and descriptions are taken; of a description a model is shown
# LONGEST_DESCRIPTION characters.
SAYS_100: dict[str, JsonValue] = {"maxLength": 100}
_SAYS_2000: dict[str, JsonValue] = {"maxLength": 2000}


class Tool(BaseModel):
    """Something an agent can call."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=LONGEST_NAME, json_schema_extra=SAYS_100)
    description: str = Field(default="", json_schema_extra=_SAYS_2000)

    def __str__(self) -> str:
        return f"{self.name}: {shortened(self.description, LONGEST_DESCRIPTION)}" if self.description else self.name


class Function(Tool):
    """A tool with the JSON schema of its arguments: an object schema, {} when it takes none."""

    parameters: dict[str, JsonValue] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def read(cls, definition: Any) -> object:
        """Take a definition in any form of published_tools.py."""
        return definition if isinstance(definition, Tool) else normalize_tool(definition)

    def __str__(self) -> str:
        return as_line(self.name, self.description, self.parameters)


ToolDefinitions: TypeAlias = Sequence[object] | Mapping[str, object] | Callable[..., object]
"""Tools in any form of published_tools.py: definitions, objects or Python functions, in a list or alone; or a whole API."""


def read_tools(published: ToolDefinitions) -> list[Tool]:
    """Read tools in any form of published_tools.py, one or a list or a whole API; what is a Tool already stays as it is."""
    found = definitions_in(published)
    return [tool if isinstance(tool, Tool) else Function.model_validate(tool) for tool in found]


def read_functions(published: ToolDefinitions) -> list[Function]:
    """Read tools as `read_tools` does; one without a schema takes no arguments."""
    found = read_tools(published)
    return [tool if isinstance(tool, Function) else Function(**tool.model_dump()) for tool in found]


class Call(BaseModel):
    """One call of a tool. The arguments are as the tool's own schema says, by name."""

    model_config = ConfigDict(extra="forbid")

    tool: str = Field(min_length=1, max_length=LONGEST_NAME, json_schema_extra=SAYS_100)
    arguments: dict[str, JsonValue] = Field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.tool}({json.dumps(self.arguments, ensure_ascii=False)})"


class Task(BaseModel):
    """One step of a plan. `depends_on` names the ids of tasks that must end first; `tool` is "" where none is needed."""

    model_config = ConfigDict(extra="forbid")

    id: int = Field(ge=1, le=20)
    tool: str = Field(max_length=LONGEST_NAME, json_schema_extra={**SAYS_100, "one_of": "tools"})  # see lm/replies/adapter.py
    title: str = Field(min_length=1, max_length=300)
    depends_on: list[int] = Field(default_factory=list, max_length=20)
    success_criterion: str = Field(default="", max_length=300)


def plan_problems(tasks: Sequence[Task], names: Iterable[str]) -> list[str]:
    """Say what is wrong with a plan, one sentence each; an empty list means that it can be run.

    Guarantees ids are unique; every dependency exists; nothing waits for itself, not even through others;
               every tool is in `names` (with no tools at all, every `tool` is "").
    """
    ids = [task.id for task in tasks]
    known, allowed = set(ids), set(names) or {""}
    problems = [f"the id {id_} is used {ids.count(id_)} times" for id_ in sorted(known) if ids.count(id_) > 1]
    for task in tasks:
        problems += [f"task {task.id} depends on {d}, which does not exist" for d in task.depends_on if d not in known]
        if task.tool not in allowed:
            problems.append(f"task {task.id} uses {task.tool!r}, which is not one of the tools")
    if waiting := tasks_in_a_cycle(tasks):
        problems.append(f"tasks {', '.join(map(str, waiting))} wait for each other")
    return problems


def tasks_in_a_cycle(tasks: Sequence[Task]) -> list[int]:
    """Return the ids, in order, of the tasks that can never start because they wait for each other (Kahn 1962)."""
    waits_for: dict[int, set[int]] = {}
    for task in tasks:
        waits_for.setdefault(task.id, set()).update(task.depends_on)
    waits_for = {id_: deps & waits_for.keys() for id_, deps in waits_for.items()}
    while ready := {id_ for id_, deps in waits_for.items() if not deps}:
        waits_for = {id_: deps - ready for id_, deps in waits_for.items() if id_ not in ready}
    return sorted(waits_for)


FailureMode = Literal[
    "HALLUCINATION",
    "TOOL_MISUSE",
    "CONTEXT_LOSS",
    "CIRCULAR_REASONING",
    "GOAL_DRIFT",
    "OVER_REFUSAL",
    "SCHEMA_ERROR",
    "TIMEOUT_CASCADE",
    "NO_ANSWER",
    "CRASH",
    "UNKNOWN",
    "none",
]
"""What went wrong in a run, "none" where nothing did. failure_judge/modes.py has what each means and how to fix it.

The first eight are those of Agent Failure Classifier (2026). Ours: NO_ANSWER, the run ended, perhaps at a limit, before it
answered; CRASH, an exception ended it; UNKNOWN, it is known to have failed and nothing in it says how.
"""


_COMMON_ROLES = {"assistant": "agent", "ai": "agent", "human": "user"}


class Turn(BaseModel):
    """One turn of a run. `tool_input` and `tool_output` are JSON values, or text where that is all there is."""

    model_config = ConfigDict(extra="ignore")

    turn_number: int = Field(ge=0)
    role: Literal["system", "user", "agent", "tool"]
    content: str = ""
    tool_name: str | None = None
    tool_input: JsonValue = None
    tool_output: JsonValue = None
    latency_ms: float | None = Field(default=None, ge=0, allow_inf_nan=False)

    @field_validator("role", mode="before")
    @classmethod
    def common_role(cls, role: Any) -> object:
        return _COMMON_ROLES.get(role, role) if isinstance(role, str) else role

    @field_validator("content", mode="before")
    @classmethod
    def null_content(cls, content: Any) -> object:
        return "" if content is None else content  # a message that only calls tools


class Trace(BaseModel):
    """One run of an agent, turns in time order. `tools` are the names of those it was given, None where not recorded.

    The JSON is that of recorded traces in general: trace_id, original_goal, final_result, is_successful, turns. Ours are
    `error`, what ended the run before its answer (an exception, a limit), None where nothing did or nobody recorded it, and
    `tool_schemas` and `tool_descriptions`, the JSON schema of a tool's arguments and what it does, by the tool's name, where
    `tools` were given as definitions.
    """

    model_config = ConfigDict(extra="ignore")

    trace_id: str = ""
    original_goal: str
    final_result: str | None = None
    is_successful: bool | None = None
    error: str | None = None
    tool_schemas: dict[str, dict[str, JsonValue]] = Field(default_factory=dict)
    tool_descriptions: dict[str, str] = Field(default_factory=dict)
    tools: list[str] | None = None
    turns: list[Turn]

    @field_validator("tools", mode="before")
    @classmethod
    def read_definitions(cls, tools: Any, info: ValidationInfo) -> object:
        """Split definitions. Not for the whole model: its JSON would all become Python objects first."""
        if tools is None or (isinstance(tools, list) and all(isinstance(name, str) for name in tools)):
            return tools
        if info.data.get("tool_schemas") == {}:
            schemas = {name: schema for name, schema in tool_schemas(tools).items() if isinstance(schema, dict)}
            info.data["tool_schemas"].update(schemas)
        if info.data.get("tool_descriptions") == {}:
            info.data["tool_descriptions"].update(tool_descriptions(tools))
        return tool_names(tools) or tools


class Criterion(BaseModel):
    """One thing that a rubric asks for. `weight` is its share, relative to the others'."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=60, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    description: str = Field(default="", max_length=500)
    weight: float = Field(default=1.0, gt=0, allow_inf_nan=False)

    def __str__(self) -> str:
        return f"{self.name}: {self.description}" if self.description else self.name


class Rubric(BaseModel):
    """What is asked of a text. `pass_condition` is an expression over the criteria's names and `overall`.

    `scoring_instructions` are shown to a judge of whole prompts; `output_format` is read and kept for files that have it.
    """

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=60)
    description: str = Field(default="", max_length=1000)
    version: str = "1"
    criteria: list[Criterion] = Field(min_length=1, max_length=20)
    pass_condition: str = Field(default="overall >= 0.6", max_length=300)
    scoring_instructions: str = Field(default="", max_length=2000)
    output_format: str = Field(default="json", max_length=40)

    @field_validator("criteria")
    @classmethod
    def names_differ(cls, criteria: list[Criterion]) -> list[Criterion]:
        names = [criterion.name for criterion in criteria]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two criteria are named {repeated[0]!r}")
        return criteria

    def overall(self, scores: Mapping[str, float]) -> float:
        """Return the weighted mean of the criteria's scores; one that is missing counts as 0."""
        total = sum(criterion.weight for criterion in self.criteria)
        return sum(scores.get(criterion.name, 0.0) * criterion.weight for criterion in self.criteria) / total


class Pair(BaseModel):
    """One example for training: what is asked, with what input, and what is answered."""

    model_config = ConfigDict(extra="forbid")

    instruction: str
    input: str = ""
    output: str


_LONGEST_IN_PAIR = {"instruction": 2000, "input": 4000, "output": 8000}  # characters


def pair_problems(pair: Pair) -> list[str]:
    """Say why a pair must not be trained on, whatever it was made from; an empty list means that nothing is known.

    Guarantees instruction and output say something, neither is a placeholder, the output is no refusal, no field is
               too long, and no code fence is left in it.
    """
    fields = {name: getattr(pair, name) for name in _LONGEST_IN_PAIR}
    if long := [name for name, text in fields.items() if len(text) > _LONGEST_IN_PAIR[name]]:
        return [f"the {name} is longer than {_LONGEST_IN_PAIR[name]} characters" for name in long]
    problems = [f"the {name} is empty" for name in ("instruction", "output") if not fields[name].strip()]
    problems += [f"the {name} is a placeholder" for name, text in fields.items() if text.strip() and is_placeholder(text)]
    problems += ["the output is a refusal"] if is_refusal(pair.output) else []
    return problems + [f"a code fence is left in the {name}" for name, text in fields.items() if "```" in text]


class Entry(BaseModel):
    """One thing that an agent remembers: a message, a tool's result, or an earlier summary.

    `tool_call_ids` are the calls that an assistant makes, or the call that a tool's result answers. As in chat messages,
    content may be null (there are only calls) and a developer speaks with the system's voice. Half a surrogate pair, which
    no model can be sent, becomes a question mark.
    """

    model_config = ConfigDict(extra="ignore")

    turn: int = Field(ge=0)
    role: Literal["system", "user", "assistant", "tool"]
    content: str = ""
    tool_call_ids: list[str] = Field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.turn} {self.role}: {self.content}"

    @field_validator("content", mode="before")
    @classmethod
    def can_be_sent(cls, content: Any) -> object:
        return content.encode("utf-8", "replace").decode() if isinstance(content, str) else content or ""

    @field_validator("role", mode="before")
    @classmethod
    def developer_is_system(cls, role: Any) -> object:
        return "system" if role == "developer" else role


class Section(BaseModel):
    """One named part of a prompt. Where a prompt must shrink, the section of the lowest priority goes first."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=60)
    type: Literal["system", "few_shot", "context", "instruction"] = "instruction"
    content: str = ""
    priority: int = 0

    @field_validator("name", "content")
    @classmethod
    def can_be_sent(cls, text: str) -> str:
        return sound(text)  # an escape in YAML can be half a character

    def __str__(self) -> str:
        return f"{self.name} ({self.type}): {self.content}"
