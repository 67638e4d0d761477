"""Whether a change is made to the record that the goal means, of several that a search found.

"Reply to Yuki's last email": the search found ten, and a small model takes the first, of somebody else.

Input      a call that changes something; the turns before it; the goal.
Output     why it is the wrong one, "" if nothing says so: it is not the latest or the first where the goal wants that, it is of
           another day than the one that the goal names ("on December 7"), or it has nothing of whom the goal names ("from
           yuki", "yuki's", "with Yuki"); what another argument has is accounted for.
Guarantees no model; a call with an id that no search found is not judged.
"""

import re
from collections.abc import Sequence

from pydantic import JsonValue

from dspy_programs.agent.acting.each_target import found_with
from dspy_programs.agent.acting.look_up import is_id
from dspy_programs.text import MONTH
from dspy_programs.types import Call, Turn

_PERIOD = r"(?!\s+(?:\d+\s+)?(?:weeks?|months?|years?|days?|nights?|quarters?|names?|lines?|hours?)\b)"
_LATEST = re.compile(rf"\b(?:last|latest|newest|most\s+recent)\b{_PERIOD}|\b(?:letzten?|neuesten?)\b", re.IGNORECASE)
_FIRST = re.compile(rf"\b(?:first|oldest|earliest)\b{_PERIOD}|\b(?:ersten?|ältesten?)\b", re.IGNORECASE)
_PERSON = re.compile(
    r"\b(?:from|von)\s+(?P<sender>[^\W\d_][\w-]{2,})\b(?!['’]s)|\b(?:with|by|mit)\s+(?P<other>(?-i:[A-Z])[\w-]{2,})\b(?!['’]s)"
    r"|\b(?P<owner>[^\W\d_][\w-]{2,})['’]s\b",
    re.IGNORECASE,
)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?)?")
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_ON_DAY = re.compile(
    rf"\bon\s+(?:the\s+)?(?:\d{{4}}-(?P<iso>\d\d-\d\d)|(?P<month>{MONTH})\.?\s+(?P<day>\d{{1,2}}))\b", re.IGNORECASE
)
_NOBODY = frozenset(
    "the this that these those it its his her their our my your me you him them a an all any each every what who there here "
    "let today tomorrow yesterday now last next monday tuesday wednesday thursday friday saturday sunday january february "
    "march april may june july august september october november december der die das dem den".split()
)


def wrong_one(call: Call, turns: Sequence[Turn], goal: str) -> str:
    """Return why a call is to another record than the goal means, "" if nothing says so."""
    keys = [key for key in call.arguments if is_id(key)]
    if len(keys) != 1:
        return ""
    key, id_ = keys[0], str(call.arguments[keys[0]])
    records = found_with(turns, key, id_)
    if not records:
        return ""
    own = next(record for record in records if str(record[key]) == id_)
    others = {name: value for name, value in call.arguments.items() if name != key}
    if absent := [name for name in _people(goal) if not _has(own, name) and not _has(others, name)]:
        having = [str(record[key]) for record in records if _has(record, absent[0])]
        told = f"nothing that was found has; search for {absent[0]}"
        where = f"of what was found, {', '.join(having[:3])} has" if having else told
        return f"{key} {id_} has nothing of {absent[0]!r}, whom the goal names: {where}"
    moments = [name for name in own if all(_MOMENT.fullmatch(str(record.get(name))) for record in records)]
    if len(moments) != 1:
        return ""
    day = _day_named(goal)
    if day and day not in str(own[moments[0]]) and not _has(others, day):
        return f"{key} {id_} is of {own[moments[0]]}, and the goal names another day; choose one of {day[1:]}"
    return _out_of_order(own, key, moments[0], [record for record in records if day in str(record[moments[0]])], goal)


def _people(goal: str) -> list[str]:
    named = [match[match.lastgroup or 0] for match in _PERSON.finditer(goal)]
    return [name for name in dict.fromkeys(named) if name.lower() not in _NOBODY]


def _has(value: JsonValue | dict[str, JsonValue], name: str) -> bool:
    return name.casefold() in str(value).casefold()


def _day_named(goal: str) -> str:
    """Return the one day on which the goal says that it is, as "-12-07"; "" for none or several."""
    days = {
        f"-{match['iso']}" if match["iso"] else f"-{_MONTHS.index(match['month'][:3].lower()) + 1:02}-{int(match['day']):02}"
        for match in _ON_DAY.finditer(goal)
    }
    return days.pop() if len(days) == 1 else ""


def _out_of_order(own: dict[str, JsonValue], key: str, moment: str, records: Sequence[dict[str, JsonValue]], goal: str) -> str:
    """Return why a record is not the latest or the first that the goal wants."""
    latest, first = _LATEST.search(goal), _FIRST.search(goal)
    if bool(latest) == bool(first) or not records:
        return ""
    best = (max if latest else min)(records, key=lambda record: str(record[moment]))
    if str(own[moment]) == str(best[moment]):
        return ""
    wanted = "latest" if latest else "first"
    return f"{key} {own[key]} is not the {wanted} that was found: {best[key]} is, of {best[moment]}"
