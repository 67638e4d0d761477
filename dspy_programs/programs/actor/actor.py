"""Choose the next step of a task: typed calls of the offered tools, or finish, or "cannot" with the reason.

One call, several in parallel, or one step of a loop: after each step put the calls and their results into `trajectory`.

Calls      one; without a language model none, and the rules of call_reader.py answer: they make only calls that the task
           spells out.
Source     the task as in BFCL (Patil et al. 2025), the loop as in ReAct (Yao et al. 2023).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

import dspy
from pydantic import BaseModel, ConfigDict, Field, JsonValue, RootModel, WithJsonSchema, model_validator

from dspy_programs.model_in_use import model_in_use
from dspy_programs.predict import Failure, FewShot, Program, Result, ask
from dspy_programs.programs.actor.arguments import check, fold, unambiguous
from dspy_programs.programs.actor.call_reader import read_calls
from dspy_programs.schemas import LONGEST_TEXT
from dspy_programs.types import LONGEST_NAME, SAYS_100, Call, Function, ToolDefinitions, Turn, read_functions

TRAJECTORY_CHARACTERS = 4000  # of the trajectory that a model reads, about 1,000 tokens
NO_TOOL = "no tool on offer does what is asked"
_RESULT_CHARACTERS = 1000  # of one result, and
_OLD_RESULT_CHARACTERS = 80  # of an old one, where the trajectory is too long

# What a model writes, without docstrings: they would be a part of the prompt. First the calls, and a reason only behind an
# empty list: asked to choose between calling and giving up, a small model gives up too readily. The arguments have no schema
# here: adapter.py puts in those of the tools on offer.


class DraftCall(BaseModel):
    model_config = ConfigDict(extra="forbid")

    tool: str = Field(min_length=1, max_length=LONGEST_NAME, json_schema_extra=SAYS_100)
    arguments: Annotated[dict[str, JsonValue], WithJsonSchema({"description": "an object: argument name to value"})]


class DraftCalls(BaseModel):
    model_config = ConfigDict(extra="forbid")

    calls: list[DraftCall] = Field(max_length=8, json_schema_extra={"calls_of": "tools"})
    cannot: str = Field(max_length=100)

    @model_validator(mode="before")
    @classmethod
    def one_is_enough(cls, value: Any) -> Any:  # for models that no grammar holds
        return {"calls": [], "cannot": ""} | value if isinstance(value, dict) and value.keys() & {"calls", "cannot"} else value


class DraftFinish(BaseModel):
    model_config = ConfigDict(extra="forbid")

    finish: str = Field(min_length=1, max_length=300)


# No answer before any call: a small model would give one out of its head.
_AfterCalls = Annotated[DraftFinish, Field(json_schema_extra={"only_with": "done"})]


class Action(RootModel[DraftCalls | _AfterCalls]):
    pass


class Line(RootModel[str]):
    def __str__(self) -> str:  # so the adapter shows "(none)" for no lines: an empty field looks like a missing one
        return self.root


class Act(dspy.Signature):
    """Choose the next step of the task. `calls`: the tool calls that the task needs and that are not in `done` yet, one for each thing asked, with values from `task` and `said`. `finish`: the answer, when the results in `done` give it. `cannot`: why `calls` is empty, when no tool does what the task asks; else "". Leave out optional arguments that nobody asked for."""  # noqa: E501

    tools: list[Function] = dspy.InputField(desc="the tools on offer; `?` marks an optional argument")
    said: list[Line] = dspy.InputField(desc="what was said before")
    done: list[Line] = dspy.InputField(desc="the calls made so far and their results")
    task: str = dspy.InputField(desc="what to do")
    action: Action = dspy.OutputField(desc="calls, or finish")


class ActorResult(Result):
    """One step: calls to make side by side, or an answer, or why there is neither. Never two of `calls`, `finish`, `cannot`."""

    calls: list[Call]
    """The calls to make, 0 to 8 of them; valid if `problems` is empty."""
    finish: str | None
    """The answer, once the results in the trajectory contain it."""
    cannot: str | None
    """Why no call is made."""
    repairs: list[str]
    """What was changed in the model's calls so that they match their schemas."""
    problems: list[str]
    """What is still wrong with the calls; empty for valid calls."""


class Actor(Program):
    """Choose one step, in one call."""

    def __init__(self) -> None:
        super().__init__()
        self.act = FewShot(Act, by=["task"])

    def forward(
        self,
        task: str,
        tools: ToolDefinitions = (),
        context: str = "",
        trajectory: Sequence[Turn | Mapping[str, object]] = (),
    ) -> ActorResult:
        """Choose the next step of a task.

        Args:
            task: What to do.
            tools: The offered tools, up to 50, in any form that OpenAI, Anthropic, MCP, LangChain or OpenAPI use.
            context: The conversation so far, "" for none.
            trajectory: The calls made so far and their results, in time order, as `Turn`s or mappings of their fields.

        Returns:
            Calls that match the tools' schemas, or the answer in `finish`, or the reason in `cannot`.

        Raises:
            ValueError: A tool has no name or no readable schema, or a turn is invalid.
            ModelLost: This thread cannot see the model that another thread chose with `use`.
        """
        offered = read_functions(tools)
        turns = [turn if isinstance(turn, Turn) else Turn.model_validate(turn) for turn in trajectory]
        if model_in_use(self.act.lm) is None:
            return by_rules(task, offered, turns)
        said, done = as_lines(context), as_lines(as_text(turns))
        reply = ask(self.act, tools=offered, said=said, done=done, task=_sendable(task))
        if isinstance(reply, Failure):
            return by_rules(task, offered, turns, failure=reply)
        action = reply.action.root
        if isinstance(action, DraftFinish):
            return decision(finish=action.finish)
        if not action.calls:
            return decision(cannot=action.cannot.strip() or NO_TOOL)
        return _checked_calls([Call(tool=call.tool, arguments=call.arguments) for call in action.calls], offered)

    if TYPE_CHECKING:
        __call__ = forward


def by_rules(task: str, tools: Sequence[Function], turns: Sequence[Turn], failure: Failure | None = None) -> ActorResult:
    """Make the calls that the task spells out, each once; finish when all are made; else say that it cannot."""
    decided = partial(decision, answered_by="rules", failure=failure)
    why = "the model's reply could not be read" if failure else "there is no language model"
    written = read_calls(task, tools)
    if not written:
        return decided(cannot=f"{why}, and the rules only make calls that the task writes out")
    answer = _checked_calls(written, tools)
    if answer.problems:
        return decided(cannot=f"{why}, and the calls in the task are not valid: {'; '.join(answer.problems)}")
    made = [(turn.tool_name, turn.tool_input) for turn in turns if turn.tool_name and turn.tool_input is not None]
    left = [call for call in answer.calls if (call.tool, call.arguments) not in made]
    if not left:
        return decided(finish="every call that the task writes out was made; the results are in the trajectory")
    return decided(calls=left, repairs=answer.repairs)


def decision(
    calls: Sequence[Call] = (),
    finish: str | None = None,
    cannot: str | None = None,
    repairs: Sequence[str] = (),
    problems: Sequence[str] = (),
    failure: Failure | None = None,
    answered_by: Literal["model", "rules"] = "model",
) -> ActorResult:
    """Return a result with every field set; unset ones are empty."""
    return ActorResult(
        calls=list(calls),
        finish=finish,
        cannot=cannot,
        repairs=list(repairs),
        problems=list(problems),
        failure=failure,
        answered_by=answered_by,
    )


def _checked_calls(calls: Sequence[Call], tools: Sequence[Function]) -> ActorResult:
    """Check the calls against their functions' schemas."""
    by_name = {tool.name: tool for tool in reversed(tools)}
    spelled = unambiguous(by_name)
    mended: list[Call] = []
    repairs: list[str] = []
    problems: list[str] = []
    for call in calls:
        name = call.tool if call.tool in by_name else spelled.get(fold(call.tool), call.tool)
        if name not in by_name:
            problems.append(f"{name}: not one of the tools")
            mended.append(call)
            continue
        found = check(by_name[name], call.arguments)
        repairs += [f"{call.tool}: made {name}"] if name != call.tool else []
        repairs += [f"{name}: {repair}" for repair in found.repairs]
        problems += [f"{name}: {problem}" for problem in found.problems]
        if any(len(text) == LONGEST_TEXT for text in _texts_in(found.arguments)):
            problems.append(f"{name}: a text ends at {LONGEST_TEXT} characters, the most a model may write: perhaps cut off")
        mended.append(Call(tool=name, arguments=found.arguments))
    return decision(calls=mended, repairs=repairs, problems=problems)


def _texts_in(value: JsonValue) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts_in(inner)


def as_text(turns: Sequence[Turn], longest: int = TRAJECTORY_CHARACTERS) -> str:
    """Show a trajectory, one turn per line. If it is too long, shorten the oldest results, then drop the oldest turns."""
    lines = [_turn_text(turn, _RESULT_CHARACTERS) for turn in turns]
    left = sum(len(line) + 1 for line in lines)
    for number, turn in enumerate(turns[:-1]):
        if left > longest:
            short = _turn_text(turn, _OLD_RESULT_CHARACTERS)
            left, lines[number] = left - len(lines[number]) + len(short), short
    first = 0
    while left > longest and first < len(lines) - 1:
        left -= len(lines[first]) + 1
        first += 1
    return "\n".join([f"({first} earlier turns are left out)"] * bool(first) + lines[first:])


def _turn_text(turn: Turn, longest: int) -> str:
    """Write a turn on one line; line breaks in a result are escaped, so that it cannot look like another turn."""
    call = turn.tool_name or ""
    if turn.tool_input is not None:
        call += f"({_one_line(turn.tool_input, _RESULT_CHARACTERS)})"
    parts = [call] if call else []
    parts += [f"-> {_one_line(turn.tool_output, longest)}"] if turn.tool_output is not None else []
    parts += [f"{turn.role}: {_one_line(turn.content, longest)}"] if turn.content else []
    return f"{turn.turn_number}. {' '.join(parts)}"


def _one_line(value: JsonValue, longest: int) -> str:
    text = json.dumps(value[: longest + 1] if isinstance(value, str) else value, ensure_ascii=False)
    return text if len(text) <= longest else f"{text[:longest]}..."


def as_lines(text: str) -> list[Line]:
    return [Line(line) for line in _sendable(text).split("\n") if line.strip()]


def _sendable(text: str) -> str:
    """Replace lone surrogates, which cannot be sent."""
    return text.encode("utf-8", "replace").decode("utf-8")
