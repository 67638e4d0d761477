"""Ids that nobody gave: which tools find them, and how a search that found nothing is tried again.

A request names a customer, and the tool wants the customer's id. A small model makes one up, or searches for the request's
every word.
"""

import calendar
import re
from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from dspy_programs.agent.tools.tool import AgentTool
from dspy_programs.schemas import named_in, required_of
from dspy_programs.text import content_stems
from dspy_programs.types import Call, Turn

_ID = re.compile(r"(?:(?<=[a-z])I|(?:^|_)i)ds?$")
_SEARCHES = re.compile(r"search|find|list|lookup|look_up|query", re.IGNORECASE)
_NAME = re.compile(r"(?<!^)(?<![.!?] )\b[A-Z][\w'-]*(?: [A-Z][\w'-]*)*|\"[^\"]+\"|\b[\w.+-]+@[\w.-]+\b")
_FULL_NAME = re.compile(r"[A-Z][\w'-]*(?: [A-Z][\w'-]*)+")
_USUAL = (
    "delete remove update change move send create add set mark cancel new last next first latest today tomorrow name status"
)
_NOTHING = re.compile(r"\W*|no\b[^.]{0,40}\b(?:found|results?|match\w*)\W*|(?:none|null|not found)\W*", re.IGNORECASE)
_DAY = re.compile(r"\d{4}-(?P<month>\d\d)-(?P<day>\d\d)")
_RELATIVE = re.compile(r"\b(?:today|tomorrow|yesterday|tonight|(?:mon|tues|wednes|thurs|fri|satur|sun)day)\b", re.IGNORECASE)
_TODAY = re.compile(r"\b(?:today'?s?|the)\b[^.!?]{0,20}\b(?:date|day|time)?\s*is\b[^.!?]*", re.IGNORECASE)
_NEW = "\\bto "
_MOST = 2  # tools


def is_id(argument: str) -> bool:
    """Return whether an argument is an id by its name."""
    return _ID.search(argument) is not None


def look_ups(name: str, tools: Mapping[str, AgentTool]) -> list[AgentTool]:
    """Return the tools that may find the ids that a tool needs: they only read, and are about the same thing."""
    needed = [key for key in required_of(tools[name].parameters) if is_id(key)] if name in tools else []
    nouns = {noun for key in needed if (noun := _ID.sub("", key).strip("_").casefold())}
    domain = name.rpartition(".")[0]
    about = [
        tool
        for tool in tools.values()
        if tool.effect == "reads"
        and not any(map(is_id, required_of(tool.parameters)))
        and ((domain and tool.name.startswith(f"{domain}.")) or any(noun in tool.name.casefold() for noun in nouns))
    ]
    return sorted(about, key=lambda tool: not _SEARCHES.search(tool.name))[:_MOST] if needed else []


def broader(
    turns: Sequence[Turn], tools: Sequence[AgentTool], menu: Sequence[AgentTool], text: str, said: Sequence[str] = ()
) -> Call | None:
    """Return the last look-up, if it found nothing, with no more than the dates and names that were given; None for none.

    What today's date is does not say when something was, and a name that something is to get is not what it has.
    turns: of the task; tools: its look-ups; menu: what else it may use; text, said: where names and dates are given.
    """
    last = next((turn for turn in reversed(turns) if turn.tool_name), None)
    tool = next((each for each in tools if last is not None and each.name == last.tool_name), None)
    if last is None or tool is None or not isinstance(last.tool_input, dict) or not _is_nothing(last.tool_output):
        return None
    names = [match.strip('"') for match in _NAME.findall(text)] or _words_beside([*tools, *menu], text)
    names = [name for name in names if not re.search(rf"{_NEW}['\"]?{re.escape(name)}", text)]
    dates = {key: value for key, value in last.tool_input.items() if _is_given_date(value, text, said)}
    found: dict[str, JsonValue] = {}
    for key, value in last.tool_input.items():
        is_whole = isinstance(value, str) and _FULL_NAME.fullmatch(value) and re.search(rf"(?<!{_NEW}){re.escape(value)}", text)
        named = (
            [value] if is_whole else [name for name in names if isinstance(value, str) and name.casefold() in value.casefold()]
        )
        if named and key not in dates and (not found or key in required_of(tool.parameters)):
            found[key] = named[0]
    tried = [turn.tool_input for turn in turns if turn.tool_name == tool.name]
    arguments = dates | found
    complete = set(required_of(tool.parameters)) <= arguments.keys() <= named_in(tool.parameters).keys()
    return Call(tool=tool.name, arguments=arguments) if arguments and complete and arguments not in tried else None


def _is_given_date(value: JsonValue, text: str, said: Sequence[str]) -> bool:
    """Return whether an argument is a day that is named, in figures or as "December 12", or the text has a word for one."""
    day = _DAY.match(value) if isinstance(value, str) else None
    if day is None:
        return False
    month = calendar.month_abbr[int(day["month"])] if 1 <= int(day["month"]) <= 12 else ""
    named = rf"{day[0]}|\b{month}\w*\W+{int(day['day'])}\b|\b{int(day['day'])}\W+{month}"
    told = [_TODAY.sub("", each) for each in (text, *said)]
    return _RELATIVE.search(told[0]) is not None or any(re.search(named, each, re.IGNORECASE) for each in told)


def _words_beside(tools: Sequence[AgentTool], text: str) -> list[str]:
    """Return the words of a text that are not about what the tools do: in "delete the last email from nadia", nadia."""
    told = " ".join(f"{tool.name} {tool.description}" for tool in tools).replace(".", " ").replace("_", " ")
    usual = {*content_stems(told), *content_stems(_USUAL)}
    return [word for word in re.findall(r"[\w'-]{3,}", text) if {*content_stems(word)} - usual]


def _is_nothing(result: JsonValue) -> bool:
    return not result or (isinstance(result, str) and _NOTHING.fullmatch(result.strip()) is not None)
