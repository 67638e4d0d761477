"""Rows for the actor: the state before a call, and the call that worked.

Labelled   each call of a run that went well that worked, was one of the tools, fits its schema, and whose arguments were
           known before it: what the actor itself would not be allowed to call is no example for it.
Corrected  a failed call's state with the call that mended it, if nothing in that call was learnt only from the failure.
Failed     a call that failed, with what the tool said and what mended it.
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from dspy_programs.programs.actor import checked_step
from dspy_programs.types import Call, Function, Turn
from optimizers.harvesting.row import Failed, Found, Label, LeftOut, Row, Run
from optimizers.harvesting.steps import EMPTY, Before, Step, before, cut, steps_of

_MOST_TOGETHER = 6  # calls of one tool in one row
_MOST_FREE = 8  # words of an argument that nobody gave
_WORD = re.compile(r"\w+")
_MARKED = re.compile(r"\[[A-Z_]+_\d+\]|\w*_\w+|\b(?=\w*[a-zA-Z])(?=\w*\d)\w{4,}\b")  # tags, identifiers, ids
_FILE = re.compile(r"([\w-]*[A-Za-z][\w-]*)\.[A-Za-z]\w{0,7}\b")  # the stem of its name
_SHORTEST_STEM = 3  # characters: "one" and "a" are words of any request
_LONGEST = 8000  # characters of a row's inputs and labels: more is no example that a model can be shown


def actor_rows(run: Run) -> Found:
    """Return what a run gives to the actor."""
    found = Found()
    steps = steps_of(run.view)
    if not steps:
        found.left_out.append(LeftOut(0, "the run calls no tool"))
    tools = [Function.model_validate(tool) for tool in run.menu]
    number = 0
    while number < len(steps):
        width = 1
        if run.outcome.succeeded:
            width = _together(steps, number)
            _from_success(run, steps, number, width, tools, found)
        for step in range(number, number + width):
            if steps[step].fault:
                found.failed.append(_failed(run, steps, step))
        number += width
    if steps and not run.outcome.succeeded:
        found.left_out.append(LeftOut(run.outcome.turn or 0, f"the run failed ({run.outcome}): no call of it is an example"))
    return found


def _together(steps: Sequence[Step], number: int) -> int:
    """Return how many working calls of one tool, with the same arguments but for their values, come in a row from here."""
    first = steps[number]
    width = 1
    while (
        not first.fault
        and number + width < len(steps)
        and (other := steps[number + width]).tool == first.tool
        and not other.fault
        and (other.arguments or {}).keys() == (first.arguments or {}).keys()
        and all(other.arguments != earlier.arguments for earlier in steps[number : number + width])
        and other.turn - first.turn <= 2 * _MOST_TOGETHER
        and width < _MOST_TOGETHER
    ):
        width += 1
    return width


def _from_success(run: Run, steps: Sequence[Step], number: int, width: int, tools: Sequence[Function], found: Found) -> None:
    """Make a row of calls that could be made at once; where a later one needs an earlier's result, a row of each."""
    step = steps[number]
    label: Label = "corrected" if step.fault else "observed"
    if step.fault and step.mended_by is None:
        found.left_out.append(LeftOut(step.turn, f"{step.tool} failed and was not mended: {_said(step)}"))
        return
    targets = [steps[step.mended_by]] if step.mended_by is not None else list(steps[number : number + width])
    state = before(run.trace.original_goal, run.view.turns, steps, number)
    reason = _unfit(targets, state, tools)
    if not reason:
        found.rows.append(_row(run, state, targets, step.turn, label))
    elif width > 1:
        for each in range(number, number + width):
            _from_success(run, steps, each, 1, tools, found)
    else:
        found.left_out.append(LeftOut(step.turn, reason))


def _unfit(targets: Sequence[Step], state: Before, tools: Sequence[Function]) -> str:
    """Say why calls are no label for a state; "" if they are."""
    if not state.task:
        return "the run does not say what was asked"
    done = [(turn["tool_name"], turn["tool_input"]) for turn in state.trajectory]
    known = text_known(state)
    for target in targets:
        if target.arguments is None:
            return f"the arguments of {target.tool} are not an object"
        if target.result is None:
            return f"no result of {target.tool} is recorded, so nobody knows whether it worked"
        if (target.tool, target.arguments) in done:
            return f"{target.tool} was called before with the same arguments: the call adds nothing"
        if fault := untold(target.arguments, known):
            return f"{target.tool}: {fault}"
    calls = [Call(tool=target.tool, arguments=target.arguments or {}) for target in targets]
    turns = [Turn.model_validate(turn) for turn in state.trajectory]
    checked = checked_step(calls, tools, state.task, state.context, turns)
    if checked.problems:
        return checked.problems[0]
    if checked.missing:
        return f"{checked.missing[0].tool}: nothing before the call says {checked.missing[0].argument}"
    if checked.calls != calls:
        return f"the actor would not make this call as it is: {'; '.join(checked.repairs)}"
    return ""


def call_fault(
    task: str, context: str, trajectory: Sequence[dict[str, Any]], calls: Sequence[dict[str, Any]], tools: Sequence[Function]
) -> str:
    """Say why labelled calls are not right after what is known; "" if they are. calls: as in a row of the actor."""
    targets = [
        Step(0, 0, call["tool"], {name: _first(values) for name, values in call["accepted"].items()}, "made up", "", None)
        for call in calls
    ]
    return _unfit(targets, Before(task, context, list(trajectory)), tools)


def _first(accepted: Any) -> Any:
    """Return the value of which `exactly` made a label."""
    value = accepted[0]
    if isinstance(value, dict):
        return {name: _first(inner) for name, inner in value.items()}
    return [_first([item]) for item in value] if isinstance(value, list) else value


def text_known(state: Before) -> str:
    """Return all that was said and found before a call, as `untold` compares it."""
    return _plain(f"{state.task}\n{state.context}\n{json.dumps(state.trajectory, ensure_ascii=False)}")


def untold(arguments: Any, known: str) -> str:
    """Say which text in the arguments has no single right value, or is known only later; "" if there is none.

    A long text that nobody gave could be worded otherwise; a name, a number or a tag in a short one has to come from somewhere.
    """
    for text in texts_in(arguments):
        plain = _plain(text)
        if not plain or plain in known:
            continue
        if len(plain.split()) > _MOST_FREE:
            return f"a text of its own words has no single right value: {text[:60]!r}"
        if lost := [word for word in _MARKED.findall(text) if _plain(word) not in known]:
            return f"nothing before the call says {lost[0]!r}"
        if lost := [file[0] for file in _FILE.finditer(text) if not _is_named(file[1], file[0], known)]:
            return f"nothing before the call names the file {lost[0]!r}"
    return ""


def _is_named(stem: str, file: str, known: str) -> bool:
    """Return whether a file's name was told, or its stem, which another ending may get."""
    return f" {_plain(file)} " in f" {known} " or (len(stem) > _SHORTEST_STEM and f" {_plain(stem)} " in f" {known} ")


def texts_in(value: Any) -> Iterator[str]:
    """Yield the texts in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from texts_in(inner)


def exactly(value: Any) -> Any:
    """Return a value as one that alone is accepted: in an object, a label lists what each key may be."""
    if isinstance(value, dict):
        return {name: [exactly(inner)] for name, inner in value.items()}
    return [exactly(item) for item in value] if isinstance(value, list) else value


def _plain(text: str) -> str:
    return " ".join(_WORD.findall(text.replace("\\n", " ").lower()))


def _row(run: Run, state: Before, targets: Sequence[Step], turn: int, label: Label) -> Row:
    inputs = {"task": state.task, "tools": run.menu, "context": state.context, "trajectory": state.trajectory}
    calls = [
        {"tool": target.tool, "accepted": {name: [exactly(value)] for name, value in (target.arguments or {}).items()}}
        for target in targets
    ]
    labels = {"calls": calls, "kind": "step" if state.trajectory else "first"}
    given = json.dumps(state.trajectory, ensure_ascii=False)
    answered = "\n".join(f"{each.tool} {json.dumps(each.arguments, ensure_ascii=False)}" for each in targets)
    return Row(inputs, labels, turn, label, run.outcome.weight, f"{state.context}\n{state.task}", answered, given)


def _failed(run: Run, steps: Sequence[Step], number: int) -> Failed:
    step = steps[number]
    state = before(run.trace.original_goal, run.view.turns, steps, number)
    inputs = {"task": state.task, "tools": run.menu, "context": state.context, "trajectory": state.trajectory}
    feedback = f"{step.tool} found nothing" if step.fault == EMPTY else f"{step.tool} failed: {_said(step)}"
    if step.mended_by is not None:
        mend = steps[step.mended_by]
        feedback += f" What worked later: {mend.tool}({json.dumps(mend.arguments, ensure_ascii=False)})."
    elif run.outcome.turn == step.turn and run.outcome.why:
        feedback += f" The judge: {run.outcome.why}"
    return Failed(inputs, {"calls": [{"tool": step.tool, "arguments": step.arguments}]}, feedback, step.turn)


def _said(step: Step) -> str:
    text = cut(step.result)
    return (text if isinstance(text, str) else json.dumps(text, ensure_ascii=False))[:300]


def is_too_long(row: Row) -> bool:
    """Return whether a row is longer than what a model can usefully be shown, its tools aside."""
    inputs: dict[str, Any] = {name: value for name, value in row.inputs.items() if name != "tools"}
    return len(json.dumps([inputs, row.labels], ensure_ascii=False)) > _LONGEST
