"""Choose the next step of a task: typed calls of the offered tools, or finish, or "cannot" with the reason.

One call, several in parallel, or one step of a loop: after each step put the calls and their results into `trajectory`.

Calls      one; up to three more while the task seems to ask for more (rest.py). Without a language model none, and the rules of
           call_reader.py answer: they make only calls that the task spells out.
Guarantees no call is made on an argument without a source (before_call.py).
Source     the task as in BFCL (Patil et al. 2025), the loop as in ReAct (Yao et al. 2023).
"""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

import dspy
from pydantic import BaseModel, ConfigDict, Field, JsonValue, RootModel, WithJsonSchema, model_validator

from dspy_programs.model_in_use import model_in_use
from dspy_programs.predict import Failure, FewShot, Program, Result, ask
from dspy_programs.programs.actor.before_call import Asked, Checked, asked, before_call, without_repeated
from dspy_programs.programs.actor.call_reader import read_calls
from dspy_programs.programs.actor.grounding import MissingArgument
from dspy_programs.programs.actor.rest import rest_of, uses_any
from dspy_programs.types import LONGEST_NAME, SAYS_100, Call, Function, ToolDefinitions, Turn, read_functions

TRAJECTORY_CHARACTERS = 4000  # of the trajectory that a model reads, about 1,000 tokens
MOST_CALLS = 8  # of one step
_MOST_AGAIN = 3  # times that a model is asked for the rest of a task
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

    calls: list[DraftCall] = Field(max_length=MOST_CALLS, json_schema_extra={"calls_of": "tools"})
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
    """What was changed in the model's calls so that they match their schemas, and what was left out of them."""
    problems: list[str]
    """What is still wrong with the calls; empty for valid calls."""
    missing: list[MissingArgument]
    """What other calls need that nobody said and no result gave: ask for it. Those calls are not in `calls`."""


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
        known = asked(task, context, turns)
        found = before_call(_as_calls(action.calls), offered, known)
        found = self._with_rest(found, task, known, tools=offered, said=said)
        return decision(**found._asdict(), cannot=None if found.calls else _reason(found.missing))

    def _with_rest(self, found: Checked, task: str, known: Asked, **inputs: Any) -> Checked:
        """Add the calls for what the task asks for beyond them.

        A small model is asked for the rest alone: shown what is done, it does that again.
        """
        for _ in range(_MOST_AGAIN):
            made = [*known.made, *found.calls]
            is_whole = not found.calls or found.missing or found.problems or len(found.calls) >= MOST_CALLS
            if is_whole or not (rest := rest_of(task, made)):
                break
            reply = ask(self.act, done=[], task=_sendable(rest), **inputs)
            if isinstance(reply, Failure) or isinstance(reply.action.root, DraftFinish):
                break
            drafts = [call for call in _as_calls(reply.action.root.calls) if uses_any(call, rest, made)]
            more = before_call(drafts[: MOST_CALLS - len(found.calls)], inputs["tools"], known)
            if more.problems or not (more.calls or more.missing):
                break
            repairs = list(dict.fromkeys([*found.repairs, *more.repairs]))
            found = without_repeated(Checked([*found.calls, *more.calls], repairs, [], more.missing), known.made)
        return found

    if TYPE_CHECKING:
        __call__ = forward


def _as_calls(drafts: Sequence[DraftCall]) -> list[Call]:
    return [Call(tool=draft.tool, arguments=draft.arguments) for draft in drafts]


def checked_step(
    calls: Sequence[Call], tools: Sequence[Function], task: str, context: str, turns: Sequence[Turn]
) -> ActorResult:
    """Return calls, wherever a model wrote them, as a step: those that may be made, or why none may."""
    found = before_call(calls, tools, asked(task, context, turns))
    return decision(**found._asdict(), cannot=None if found.calls else _reason(found.missing))


def _reason(missing: Sequence[MissingArgument]) -> str:
    needs: dict[str, list[str]] = {}
    for gap in missing:
        needs.setdefault(gap.tool, []).append(gap.argument)
    return (
        "; ".join(f"{tool} needs {', '.join(dict.fromkeys(names))}, which nobody gave" for tool, names in needs.items())
        or NO_TOOL
    )


def by_rules(task: str, tools: Sequence[Function], turns: Sequence[Turn], failure: Failure | None = None) -> ActorResult:
    """Make the calls that the task spells out, each once; finish when all are made; else say that it cannot."""
    decided = partial(decision, answered_by="rules", failure=failure)
    why = "the model's reply could not be read" if failure else "there is no language model"
    written = read_calls(task, tools)
    if not written:
        return decided(cannot=f"{why}, and the rules only make calls that the task writes out")
    answer = before_call(written, tools, None)
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
    missing: Sequence[MissingArgument] = (),
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
        missing=list(missing),
        failure=failure,
        answered_by=answered_by,
    )


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
