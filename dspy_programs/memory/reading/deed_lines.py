"""A call in one line, and many of them in fewer: equal ones once, runs that differ in one argument together.

Input      a call (told), or a note's line (deed_of); what was done, in time order (together).
Output     Deed: a call with its outcome, `book_flight(user_id="x", seats=2) -> reservation: 4WQ150`. together: the texts that
           stand for many deeds; the closer the level, the shorter.
Guarantees a name and the first argument always stay; no line ends inside a word or a value; what is left out is said.
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from dspy_programs.conversation import Call
from dspy_programs.memory.reading.fields import compact, plain
from dspy_programs.memory.reading.sentence_breaks import in_parts
from dspy_programs.text import quantity, shortened

_LONGEST_ARGUMENT = 160  # characters
_LONGEST_CALL = 500
_WORTH_NAMING = 60  # characters that "as below" must save
_BRIEF_ARGUMENT = 50
_BRIEF_ARGUMENTS = 120  # characters of all
_BRIEF_REASON = 120
EQUAL, RUNS, BRIEF = range(3)  # levels of together

_LINE = re.compile(r"(?P<name>[\w.:/-]{1,120}|\(unnamed\))\((?P<given>.*?)\)(?P<outcome>(?: -> |: ).*)?", re.DOTALL)
_NEXT_ARGUMENT = re.compile(r", (?=[\w.-]{1,60}=)")


class Deed(NamedTuple):
    """A call and what came of it."""

    name: str
    arguments: tuple[str, ...]
    outcome: str = ""
    """With the sign before it: " -> status: paid", ": not found"."""
    brief: str = ""
    """The outcome in few words, or as it is."""

    @property
    def text(self) -> str:
        return f"{self.name}({', '.join(self.arguments)}){self.outcome}"


def told(call: Call) -> Deed:
    """Return a call as a deed without an outcome, long arguments shortened between words."""
    if not isinstance(call.given, dict):
        text = plain(call.given) if isinstance(call.given, str) else (compact(call.given) or "...")
        return Deed(name_of(call), (cut(text, _LONGEST_ARGUMENT),))
    arguments: list[str] = []
    room = _LONGEST_CALL
    for place, (key, value) in enumerate(call.given.items()):
        text = f"{plain(str(key))[:60]}={_argument(value)}"
        if len(text) > room:
            arguments.append(f"({quantity(len(call.given) - place, 'more argument')})")
            break
        arguments.append(text)
        room -= len(text) + 2
    return Deed(name_of(call), tuple(arguments))


def deed_of(line: str) -> Deed | None:
    """Read a note's line back; its text is the line again."""
    match = _LINE.fullmatch(line)
    if match is None:
        return None
    outcome = match["outcome"] or ""
    return Deed(match["name"], tuple(_NEXT_ARGUMENT.split(match["given"])), outcome, cut(outcome, _BRIEF_REASON))


def name_of(call: Call) -> str:
    """Return a tool's name as one word."""
    return re.sub(r"[^\w.:/-]+", "_", call.name[:120]) or "(unnamed)"


def _argument(value: Any) -> str:
    if isinstance(value, str):
        return f'"{cut(plain(value), _LONGEST_ARGUMENT)}"'
    text = compact(value, 2 * _LONGEST_ARGUMENT)
    if text is not None:
        return text if not isinstance(value, dict) or text.startswith("{") else f"{{{text}}}"
    if isinstance(value, list):
        shown = [text for item in value[:5] if (text := compact(item, _LONGEST_ARGUMENT // 2)) is not None]
        more = len(value) - len(shown)
        return (
            f"[{', '.join(shown)}{', ' if shown else ''}({quantity(more, 'more item')})]" if more else f"[{', '.join(shown)}]"
        )
    return f"({quantity(len(value), 'field')})"


def cut(text: str, room: int) -> str:
    """Cut a text between words, and count what is left out."""
    if len(text) <= room:
        return text
    first = shortened(text, room) if len(text.split(None, 1)[0]) <= room else in_parts(text)[0]
    words = len(text.split()) - len(first.split())
    return f"{first} (... {quantity(words, 'more word')})" if words else first


def together(deeds: Sequence[tuple[str, Deed]], level: int) -> dict[int, str]:
    """Return the texts that stand for all of the deeds, each at the place of the last that it stands for.

    Args:
        deeds: How each ended ("done: ") and what it was, in time order.
        level: EQUAL tells equal ones once; RUNS also those that differ in one argument, and names what is as in a later call;
            BRIEF also leaves out long arguments and most of the outcomes.
    """
    times: dict[tuple[str, Deed], int] = {}
    last: dict[tuple[str, Deed], int] = {}
    for number, one in enumerate(deeds):
        times[one] = times.get(one, 0) + 1
        last[one] = number
    places = sorted(last.values())
    if level == EQUAL:
        return {number: deeds[number][1].text + _counted(times[deeds[number]]) for number in places}
    found: dict[int, str] = {}
    below: dict[str, Deed] = {}
    for run, at in reversed(_runs(places, deeds)):
        deed = deeds[run[-1]][1]
        if len(run) > 1:
            listed = _listed([deeds[number][1].arguments[at] for number in run])
            others = [argument for place, argument in enumerate(deeds[run[-1]][1].arguments) if place != at]
            found[run[-1]] = deed._replace(arguments=(*others, listed) if at else (listed, *others)).text
            continue
        later = below.get(deed.name)
        own = _own(deed, later) if later is not None else None
        if own is None:
            below[deed.name] = deed
            told_ = _brief(deed, deed.arguments[1:]) if level == BRIEF else deed
        else:
            told_ = _brief(deed, own) if level == BRIEF else deed._replace(arguments=(*deed.arguments[:1], *own))
            told_ = told_._replace(arguments=(*told_.arguments, "the rest as below"))
        found[run[-1]] = told_.text + _counted(times[deeds[run[-1]]])
    return found


def _counted(times: int) -> str:
    return f" ({times:,} times)" if times > 1 else ""


def _listed(arguments: Sequence[str]) -> str:
    """Return values of one argument together: `id="7" | "8"`."""
    key, sign, _ = arguments[0].partition("=")
    return f"{key}{sign}" + " | ".join(argument.removeprefix(f"{key}{sign}") if sign else argument for argument in arguments)


def _runs(places: Sequence[int], deeds: Sequence[tuple[str, Deed]]) -> list[tuple[list[int], int]]:
    """Group neighbours that differ in one argument, always the same; with the place of that argument."""
    runs: list[tuple[list[int], int]] = []
    for number in places:
        if runs:
            run, at = runs[-1]
            other = _differs_in(deeds[run[-1]], deeds[number])
            if other is not None and (len(run) == 1 or other == at):
                runs[-1] = [*run, number], other
                continue
        runs.append(([number], 0))
    return runs


def _differs_in(one: tuple[str, Deed], other: tuple[str, Deed]) -> int | None:
    """Return the place of the one argument in which two calls differ."""
    (head, a), (head_b, b) = one, other
    if head != head_b or a.name != b.name or a.outcome != b.outcome or len(a.arguments) != len(b.arguments):
        return None
    found = [at for at, pair in enumerate(zip(a.arguments, b.arguments, strict=True)) if pair[0] != pair[1]]
    if len(found) != 1 or a.arguments[found[0]].partition("=")[0] != b.arguments[found[0]].partition("=")[0]:
        return None
    return found[0]


def _own(deed: Deed, later: Deed) -> list[str] | None:
    """Return the arguments after the first that a later call has not; None if it has few of them."""
    same = [argument for argument in deed.arguments[1:] if argument in later.arguments]
    if sum(map(len, same)) < _WORTH_NAMING:
        return None
    return [argument for argument in deed.arguments[1:] if argument not in later.arguments]


def _brief(deed: Deed, others: Sequence[str]) -> Deed:
    """Return a deed with its first argument and those of the others that are short and have room."""
    first = deed.arguments[:1]
    kept: list[str] = []
    room = _BRIEF_ARGUMENTS - sum(map(len, first))
    for argument in others:
        if len(argument) <= min(room, _BRIEF_ARGUMENT):
            kept.append(argument)
            room -= len(argument)
    more = len(others) - len(kept)
    return Deed(deed.name, (*first, *kept, *([f"({more} more)"] if more else [])), deed.brief, deed.brief)
