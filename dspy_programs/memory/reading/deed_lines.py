"""A call in one line, and many of them in fewer: equal ones once, runs that differ in one argument together.

Input      a call (told), or a note's line (deed_of); what was done, in time order (together).
Output     Deed: a call with its outcome, `book_flight(user_id="x", seats=2) -> reservation: 4WQ150`. together: the texts that
           stand for many deeds; the closer the level, the shorter.
Guarantees a name and the first argument always stay; no line ends inside a word or a value; what is left out is said.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from dspy_programs.conversation import Call
from dspy_programs.memory.reading.compact import compact, plain
from dspy_programs.memory.reading.sentence_breaks import in_parts
from dspy_programs.text import quantity, shortened

_LONGEST_ARGUMENT = 160  # characters
_LONGEST_CALL = 500
_SMALL_RECORD = 4  # fields
_BRIEF_ARGUMENT = 50
_BRIEF_ARGUMENTS = 120  # characters of all
_BRIEF_REASON = 120
_MOST_IN_RUN = 20
_LONGEST_RUN = 160  # characters of the values of deeds that are told together
LEVELS = FULL, BRIEF, SHORTEST = range(3)
_WORD = re.compile(r"[^\W\d_]{4,}|(?=[\w-]{0,200}\d)[\w-]{3,}")  # a word that may tell a value from others

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
    is_call: bool = True
    """Else the name is all that is known, such as an error that was printed."""

    @property
    def text(self) -> str:
        return f"{self.name}({', '.join(self.arguments)}){self.outcome}" if self.is_call else self.name


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
    if text is not None and not isinstance(value, list):
        return text if not isinstance(value, dict) or text.startswith("{") else f"{{{text}}}"
    if isinstance(value, list):
        shown = [text for item in value[:5] if (text := _item(item)) is not None]
        more = len(value) - len(shown)
        return (
            f"[{', '.join(shown)}{', ' if shown else ''}({quantity(more, 'more item')})]" if more else f"[{', '.join(shown)}]"
        )
    return f"({quantity(len(value), 'field')})"


def _item(item: Any) -> str | None:
    """Return an item of a list; a small record by its values: a tool says what they are called."""
    text = compact(item, _LONGEST_ARGUMENT // 2)
    if text is None or not isinstance(item, dict) or len(item) > _SMALL_RECORD:
        return text
    return f"({', '.join(compact(inner) or '...' for inner in item.values())})"


def cut(text: str, room: int) -> str:
    """Cut a text between words, and count what is left out."""
    if len(text) <= room:
        return text
    first = shortened(text, room) if len(text.split(None, 1)[0]) <= room else in_parts(text)[0]
    words = len(text.split()) - len(first.split())
    return f"{first} (... {quantity(words, 'more word')})" if words else first


def together(deeds: Sequence[tuple[str, Deed]], share: float, room: float, size: Callable[[str], int]) -> dict[int, str]:
    """Return the texts that stand for all of the deeds, each at the place of the last that it stands for.

    Equal ones are told once. If that is more than `share`, neighbours that differ only in values are told together; then the
    oldest lose long arguments and most of their outcomes, and if all of them are more than `room`, also all arguments but the
    first and those that tell them from others.

    Args:
        deeds: How each ended ("done: ") and what it was, in time order.
        share: Tokens that they should have at most.
        room: Tokens that there are.
        size: Estimates a text's tokens.
    """
    times = Counter(deeds)
    places = sorted({one: number for number, one in enumerate(deeds)}.values())
    ways = {number: [_line(deeds[number], FULL, times, ())] for number in places}
    if sum(size(texts[0]) for texts in ways.values()) > share:
        ways = {}
        alike: dict[tuple[str, ...], list[Deed]] = {}
        for number in places:
            alike.setdefault(_kin(deeds[number][1]), []).append(deeds[number][1])
        for *others, number in _runs(places, deeds):
            if others:
                ways[number] = [_listed([deeds[place][1] for place in (*others, number)])]
            else:
                kin = alike[_kin(deeds[number][1])]
                ways[number] = [_line(deeds[number], level, times, kin) for level in LEVELS]
    found = {number: texts[0] for number, texts in sorted(ways.items())}
    tokens = sum(map(size, found.values()))
    for level, most in ((BRIEF, share), (SHORTEST, room)):
        for number in found:
            if tokens > most and level < len(ways[number]):
                tokens += size(ways[number][level]) - size(found[number])
                found[number] = ways[number][level]
    return found


def _kin(deed: Deed) -> tuple[str, ...]:
    return deed.name, *deed.arguments[:1]


def _line(one: tuple[str, Deed], level: int, times: Mapping[tuple[str, Deed], int], kin: Sequence[Deed]) -> str:
    """Return a deed's text at one of the LEVELS; times: how often it was done; kin: calls with the same first argument."""
    deed = one[1]
    if level > FULL:
        apart = [text for text in deed.arguments[1:] if any(text not in other.arguments for other in kin)]
        deed = _brief(deed, level, apart)
    return deed.text + (f" ({times[one]:,} times)" if times[one] > 1 else "")


def _runs(places: Sequence[int], deeds: Sequence[tuple[str, Deed]]) -> list[list[int]]:
    """Group calls of a tool with none of another between them that ended alike and differ in the same few arguments."""
    runs: list[list[int]] = []
    of_tool: dict[str, list[int]] = {}
    tool = ""
    for number in places:
        ended, deed = deeds[number]
        if deed.name != tool:
            tool, of_tool = deed.name, {}
        run = of_tool.get(ended)
        if run is not None and len(run) < _MOST_IN_RUN and _joins(deeds[number], [deeds[place] for place in run]):
            run.append(number)
        else:
            runs.append([number])
            of_tool[ended] = runs[-1]
    return sorted(runs, key=lambda run: run[-1])


def _joins(one: tuple[str, Deed], run: Sequence[tuple[str, Deed]]) -> bool:
    if _form(*one) != _form(*run[0]):
        return False
    told_ = [deed for _, deed in (*run, one)]
    apart = _apart(told_)
    if len(run) > 1 and apart != _apart(told_[:-1]):
        return False
    return len(apart) == 1 or sum(map(len, (deed.arguments[at] for deed in told_[1:] for at in apart))) <= _LONGEST_RUN


def _form(ended: str, deed: Deed) -> tuple[str, ...]:
    """Return what deeds share that are told together: all but the values of their arguments."""
    return ended, deed.name, deed.outcome, *(argument.partition("=")[0] for argument in deed.arguments)


def _apart(deeds: Sequence[Deed]) -> list[int]:
    """Return the places of the arguments in which deeds of one form differ."""
    return [at for at, values in enumerate(zip(*(deed.arguments for deed in deeds), strict=True)) if len(set(values)) > 1]


def _listed(deeds: Sequence[Deed]) -> str:
    """Return deeds of one form together: `update(id="7" | "8", status="Lost")`, `plot(day="3", kind="bar" | "4", "line")`."""
    apart = _apart(deeds)
    rows = [[deed.arguments[at] for at in apart] for deed in deeds]
    first, *others = rows
    listed = " | ".join([", ".join(first), *(", ".join(value.partition("=")[2] or value for value in row) for row in others)])
    same = [argument for at, argument in enumerate(deeds[0].arguments) if at not in apart]
    return deeds[0]._replace(arguments=(listed, *same) if apart[0] == 0 else (same[0], listed, *same[1:])).text


def _brief(deed: Deed, level: int, apart: Sequence[str]) -> Deed:
    """Return a deed with its first argument, those that tell it from others (apart; the long ones cut) or that its outcome
    names, and others that are short and have room."""
    named = set(_WORD.findall(deed.outcome))
    kept = [_cut(argument, _LONGEST_ARGUMENT) for argument in deed.arguments[:1]]
    room = _BRIEF_ARGUMENTS - sum(map(len, kept))
    for argument in deed.arguments[1:]:
        if argument in apart or not named.isdisjoint(_WORD.findall(argument.partition("=")[2][:_LONGEST_ARGUMENT])):
            kept.append(_cut(argument, _BRIEF_ARGUMENT))
        elif level < SHORTEST and len(argument) <= min(room, _BRIEF_ARGUMENT):
            kept.append(argument)
        else:
            continue
        room -= len(kept[-1])
    more = len(deed.arguments) - len(kept)
    return deed._replace(arguments=(*kept, *([f"({more} more)"] if more else [])), outcome=deed.brief)


def _cut(argument: str, room: int) -> str:
    """Cut an argument between its items or its words."""
    if len(argument) <= room:
        return argument
    if not argument.endswith("]"):
        return cut(argument, room) + '"' * argument.endswith('"')
    return argument[: max(argument.rfind(", ", 0, room), argument.find(", "))] + ", ...]"
