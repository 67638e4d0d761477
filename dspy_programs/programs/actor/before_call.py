"""Everything between the calls that a model writes and those that may be made.

They match their schemas (arguments), their tools have to do with what is asked (wording.py), and their arguments have a
source (grounding.py). What is changed, left out or missing is said.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import NamedTuple

from pydantic import JsonValue

from dspy_programs.programs.actor.arguments import check, fold, unambiguous
from dspy_programs.programs.actor.grounding import MissingArgument, grounded
from dspy_programs.programs.actor.wording import Wording
from dspy_programs.provenance import Sources
from dspy_programs.schemas import LONGEST_TEXT
from dspy_programs.types import Call, Function, Turn


class Checked(NamedTuple):
    """The calls to make, what was changed in them or left out, what is wrong with them, and what the others need."""

    calls: list[Call]
    repairs: list[str]
    problems: list[str]
    missing: list[MissingArgument]


class Asked(NamedTuple):
    """What the arguments of a call may come from, in which words it was asked, and the calls that have succeeded."""

    sources: Sources
    wording: Wording
    made: list[Call]


def asked(task: str, context: str, turns: Sequence[Turn]) -> Asked:
    """Index a request. Dates told relative to today ("tomorrow") count from the day that a text names, else from today."""
    sources = Sources(today=date.today())
    sources.add(context, 0, "user")
    for number, turn in enumerate(turns, 1):
        sources.add([turn.content, turn.tool_output], number, turn.role)
    sources.add(task, len(turns) + 1, "user")
    said = [turn.content for turn in turns if turn.role == "user"]
    return Asked(sources, Wording("\n".join([context, *said, task])), calls_made(turns))


def calls_made(turns: Iterable[Turn]) -> list[Call]:
    """Return the calls of a trajectory that gave a result other than an error."""
    return [
        Call(tool=turn.tool_name, arguments=turn.tool_input)
        for turn in turns
        if turn.tool_name and isinstance(turn.tool_input, dict) and not _is_error(turn.tool_output)
    ]


def _is_error(output: JsonValue) -> bool:
    if isinstance(output, dict):
        return bool(output.get("error"))
    return output is None or (isinstance(output, str) and output.lstrip()[:5].lower() == "error")


def before_call(calls: Iterable[Call], tools: Sequence[Function], known: Asked | None) -> Checked:
    """Return the calls that may be made, and those with problems as they are. known: None if they are the user's own words."""
    by_name = {tool.name: tool for tool in reversed(tools)}
    spelled = unambiguous(by_name)
    found = Checked([], [], [], [])
    for call in calls:
        name = call.tool if call.tool in by_name else spelled.get(fold(call.tool), call.tool)
        found.repairs.extend([f"{call.tool}: made {name}"] if name != call.tool else [])
        if name not in by_name:
            found.problems.append(f"{name}: not one of the tools")
            found.calls.append(call)
            continue
        fitting, repairs, problems = _against_schema(by_name[name], call.arguments)
        found.repairs.extend(repairs)
        found.problems.extend(problems)
        if problems or known is None:
            found.calls.append(fitting)
        elif known.wording.is_foreign_to(by_name[name]) and not known.wording.names_all(fitting.arguments.values()):
            found.repairs.append(f"{name}: the call left out, for the tool shares no word with the request")
        else:
            _keep_grounded(fitting, by_name[name], known, found)
    return found if known is None else without_repeated(found, known.made)


def without_repeated(found: Checked, made: Sequence[Call]) -> Checked:
    """Leave out what is done, beside new calls. Nothing but the same again is meant: somebody waits for another result."""
    done = [_plain(call.model_dump()) for call in made]
    new = [call for call in found.calls if _plain(call.model_dump()) not in done]
    if not new or len(new) == len(found.calls):
        return found
    told = dict.fromkeys(f"{call.tool}: the same call left out, for it is done" for call in found.calls if call not in new)
    return found._replace(calls=new, repairs=[*found.repairs, *told])


def _plain(value: JsonValue) -> JsonValue:
    """Return a value with texts in small letters and without signs and spaces."""
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return "".join(filter(str.isalnum, value)).casefold() if isinstance(value, str) else value


def _against_schema(function: Function, arguments: JsonValue) -> tuple[Call, list[str], list[str]]:
    checked = check(function, arguments)
    problems = [f"{function.name}: {problem}" for problem in checked.problems]
    if any(len(text) == LONGEST_TEXT for text in _texts_in(checked.arguments)):
        cut_off = f"a text ends at {LONGEST_TEXT} characters, the most a model may write: perhaps cut off"
        problems.append(f"{function.name}: {cut_off}")
    call = Call(tool=function.name, arguments=checked.arguments)
    return call, [f"{function.name}: {repair}" for repair in checked.repairs], problems


def _keep_grounded(call: Call, function: Function, known: Asked, found: Checked) -> None:
    """Add a call with the arguments that have a source, or what it is missing."""
    arguments, repairs, missing = grounded(call, function, known.sources, known.wording)
    if missing:
        found.missing.extend(gap for gap in missing if gap not in found.missing)
    elif repairs and check(function, arguments).problems:  # what was left out was needed beside another argument
        found.calls.append(call)
    else:
        found.repairs.extend(repairs)
        found.calls.append(Call(tool=call.tool, arguments=arguments))


def _texts_in(value: JsonValue) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts_in(inner)
