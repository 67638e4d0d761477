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
_USUAL = (
    "delete remove update change move send create add set mark cancel new last next first latest today tomorrow name status"
)
_NOTHING = re.compile(r"\W*|no\b[^.]{0,40}\b(?:found|results?|match\w*)\W*|(?:none|null|not found)\W*", re.IGNORECASE)
_DAY = re.compile(r"\d{4}-(?P<month>\d\d)-(?P<day>\d\d)")
_RELATIVE = re.compile(r"\b(?:today|tomorrow|yesterday|tonight|(?:mon|tues|wednes|thurs|fri|satur|sun)day)\b", re.IGNORECASE)
_MONTH = r"(?:jan|feb|m[aä]r|apr|may|mai|jun|jul|aug|sep|o[ck]t|nov|de[cz])[a-zä]*"
_WHEN = re.compile(
    rf"""\b(?:today|tomorrow|yesterday|tonight|(?:mon|tues|wednes|thurs|fri|satur|sun)days?|weeks?|months?|years?|days?|ago|since
    |until|till|between|heute|morgen|gestern|\w+tags?|wochen?|monate?n?|jahre?n?|seit|bis|{_MONTH}\W+\d|\d+\.?\s+{_MONTH}
    |\d{{4}}-\d\d|\d{{1,2}}[/.]\d{{1,2}}[/.]\d{{2}})""",
    re.IGNORECASE | re.VERBOSE,
)
_TODAY = re.compile(r"\b(?:today'?s?|the)\b[^.!?]{0,20}\b(?:date|day|time)?\s*is\b[^.!?]*", re.IGNORECASE)
_SHORT = 4  # words of a condition; a longer one is a sentence
_MOST = 2  # tools


def is_id(argument: str) -> bool:
    """Return whether an argument is an id by its name."""
    return _ID.search(argument) is not None


def is_search(tool: AgentTool) -> bool:
    """Return whether a tool only reads, and finds things by what is said of them, not by their id."""
    by_id = any(map(is_id, required_of(tool.parameters)))
    return tool.effect == "reads" and not by_id and _SEARCHES.search(tool.name) is not None


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


def without_made_up_days(call: Call, tool: AgentTool, text: str, said: Sequence[str]) -> Call:
    """Return a search without the days that nobody gave: a small model fills every condition that it may with today's date."""
    told = [_TODAY.sub("", each) for each in (text, *said)]
    if any(map(_WHEN.search, told)):
        return call
    needed = required_of(tool.parameters)
    kept = {key: value for key, value in call.arguments.items() if key in needed or not _is_day(value)}
    return call.model_copy(update={"arguments": kept})


def broader(
    turns: Sequence[Turn], tools: Sequence[AgentTool], menu: Sequence[AgentTool], text: str, said: Sequence[str] = ()
) -> Call | None:
    """Return the last search, if it found nothing, under the conditions alone that were given; None if there is no other.

    What today's date is does not say when something was, and what something is to become is not what it is.
    turns: of the task; tools: that search; menu: what else it may use; text, said: where conditions are given.
    """
    last = next((turn for turn in reversed(turns) if turn.tool_name), None)
    tool = next((each for each in tools if last is not None and each.name == last.tool_name), None)
    if last is None or tool is None or not isinstance(last.tool_input, dict) or not _is_nothing(last.tool_output):
        return None
    told = [_TODAY.sub("", each) for each in (text, *said)]
    days = {key: value for key, value in last.tool_input.items() if _is_day(value)}
    if days and not any(_is_given_date(value, told) for value in days.values()):
        if any(map(_WHEN.search, told)):
            return None  # it looked at the wrong time, and there may be more of the kind at others
        days = {}
    others = {key: value for key, value in last.tool_input.items() if not _is_day(value)}
    names = [match.strip('"') for match in _NAME.findall(text)] or words_beside([*tools, *menu], text)
    given = _given_of(others, told)
    given |= _named_in(others, given, [name for name in names if _is_given(name, told) and not _WHEN.match(f"{name} 1")])
    left_out = [value for key, value in others.items() if key not in given]
    if not given and not any(_is_to_be(value, told) or _is_request(value, told) for value in left_out):
        return None  # all else that happened on a day is not what was looked for
    given |= days
    tried = [turn.tool_input for turn in turns if turn.tool_name == tool.name]
    complete = set(required_of(tool.parameters)) <= given.keys() <= named_in(tool.parameters).keys()
    return Call(tool=tool.name, arguments=given) if given and complete and given not in tried else None


def _given_of(arguments: Mapping[str, JsonValue], told: Sequence[str]) -> dict[str, JsonValue]:
    """Return the conditions that were given as they stand; a value is one condition, however often a model sends it."""
    given: dict[str, JsonValue] = {}
    for key, value in arguments.items():
        if value not in given.values() and _is_given(value, told):
            given[key] = value
    return given


def _named_in(arguments: Mapping[str, JsonValue], given: Mapping[str, JsonValue], names: Sequence[str]) -> dict[str, JsonValue]:
    """Return the first condition that has a name in it, as that name, if no condition that was given has one."""
    left = [name for name in names if not any(name.casefold() in str(value).casefold() for value in given.values())]
    for key, value in arguments.items():
        if key not in given and isinstance(value, str):
            for name in left:
                if name.casefold() in value.casefold():
                    return {key: name}
    return {}


def _is_given(value: JsonValue, told: Sequence[str]) -> bool:
    """Return whether a short value stands in a text, and not as what something is to become."""
    word = str(value)
    if not word.strip() or len(word.split()) > _SHORT or _RELATIVE.fullmatch(word):  # "today" may be when to do it
        return False
    stands = re.compile(rf"(?<!\bto ['\"])(?<!\bto )(?<!\w){re.escape(word)}(?!\w)", re.IGNORECASE)
    return any(stands.search(each) for each in told)


def _is_to_be(value: JsonValue, told: Sequence[str]) -> bool:
    """Return whether a text says that something is to become this value."""
    becomes = re.compile(rf"\bto ['\"]?{re.escape(str(value))}(?!\w)", re.IGNORECASE)
    return any(becomes.search(each) for each in told)


def _is_request(value: JsonValue, told: Sequence[str]) -> bool:
    """Return whether a value is the request itself, which is no condition."""
    text = str(value).casefold()
    return len(text.split()) > _SHORT and any(text in each.casefold() for each in told)


def _is_given_date(value: JsonValue, told: Sequence[str]) -> bool:
    """Return whether a value is a day that a text names, in figures or as "December 12", or the first has a word for one."""
    if not isinstance(value, str) or (day := _DAY.match(value)) is None:
        return False
    month = calendar.month_abbr[int(day["month"])] if 1 <= int(day["month"]) <= 12 else ""
    named = rf"{day[0]}|\b{month}\w*\W+{int(day['day'])}\b|\b{int(day['day'])}\W+{month}"
    return _RELATIVE.search(told[0]) is not None or any(re.search(named, each, re.IGNORECASE) for each in told)


def _is_day(value: JsonValue) -> bool:
    return isinstance(value, str) and _DAY.match(value) is not None


def words_beside(tools: Sequence[AgentTool], text: str) -> list[str]:
    """Return the words of a text that are not about what the tools do: in "delete the last email from nadia", nadia."""
    told = " ".join(f"{tool.name} {tool.description}" for tool in tools).replace(".", " ").replace("_", " ")
    usual = {*content_stems(told), *content_stems(_USUAL)}
    return [word for word in re.findall(r"[\w'-]{3,}", text) if {*content_stems(word)} - usual]


def _is_nothing(result: JsonValue) -> bool:
    return not result or (isinstance(result, str) and _NOTHING.fullmatch(result.strip()) is not None)
