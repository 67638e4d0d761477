"""Units: the parts of a prompt that may go alone, and the prompt without some of them.

A unit is a statement (statements.py): a sentence, a list item, a row, a code block; or one whole example (examples.py).
A heading, a tag, a line that introduces a list and a closing tag are frames: each goes with the last unit in it,
and never before.

Input      sections: list[Section].
Output     units_of: the units in order. removals: what may be dropped at once: a unit with the items nested in it and the
           sentences that hang on it (leaning.py); a whole table. without: the sections without some units, or with other
           texts for them; a section without units is gone.
Guarantees a section that loses nothing is unchanged; a paragraph keeps the empty line after it; code is never cut.
"""

import itertools
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from dspy_programs.budget.prompts.examples import statement_runs
from dspy_programs.budget.prompts.leaning import hangs
from dspy_programs.budget.prompts.statements import Statement, introduces, statements
from dspy_programs.types import Section

_OPENING_TAG = re.compile(r"\s*<([^\s<>/]+)[\s>]")
_CLOSING_TAG = re.compile(r"\s*</([^<>\n]+)>\s*")
_MARKER = re.compile(r"[ \t>]*(?:[-*+•]|\w{1,3}[.)])[ \t]+")
_INDENT = re.compile(r"[ \t]*")


class Unit(NamedTuple):
    """One part of a prompt. number: its place in the prompt; place: (section, number among the section's statements).

    frames: numbers of the headings, tags and introducing lines it stands in; is_frame: whether others stand in it.
    """

    number: int
    place: tuple[str, int]
    start: int
    end: int
    said: Statement
    frames: tuple[int, ...]
    is_frame: bool

    @property
    def section(self) -> str:
        return self.place[0]

    @property
    def is_example(self) -> bool:
        return self.place[1] < 0

    @property
    def text(self) -> str:
        return self.said.text


def units_of(sections: Sequence[Section]) -> list[Unit]:
    """Return the units of a prompt, in order."""
    found: list[Unit] = []
    for section in sections:
        found += _framed(section, len(found))
    return found


def _framed(section: Section, first: int) -> list[Unit]:
    """Return a section's statements as units, each with the frames it stands in."""
    found: list[Unit] = []
    headings: list[tuple[str, int]] = []  # (path to it and its own text, number)
    leads: dict[str, int] = {}  # text -> number
    opened: dict[str, int] = {}  # name of a tag -> number
    for place, one in _with_examples(section):
        number = first + len(found)
        headings = [(path, heading) for path, heading in headings if one.heading == path or one.heading.startswith(path + "\n")]
        leads = {text: lead for text, lead in leads.items() if text in one.lead_in}
        frames = (*(heading for _, heading in headings), *leads.values())
        if (tag := _CLOSING_TAG.fullmatch(section.content, one.start, one.end)) and tag[1] in opened:
            frames = (opened[tag[1]],)
        found.append(Unit(number, (section.name, place), one.start, one.end, one, frames, False))
        if one.form == "heading":
            headings.append((f"{one.heading}\n{one.text}" if one.heading else one.text, number))
        elif place >= 0 and introduces(one.text):
            leads[one.text] = number
        if tag := _OPENING_TAG.match(section.content, one.start, one.end):
            opened[tag[1]] = number
    holding = {frame for unit in found if unit.said.form != "rule" for frame in unit.frames}
    return [unit._replace(is_frame=unit.number in holding or unit.said.form in ("heading", "rule")) for unit in found]


def _with_examples(section: Section) -> Iterator[tuple[int, Statement]]:
    """Yield the statements with their numbers, those of an example as one with a negative number."""
    content, said = section.content, statements(section.content)
    after = 0
    for at, run in enumerate(statement_runs(said, content, section.type == "few_shot")):
        yield from ((number, said[number]) for number in range(after, run.start))
        first, after = said[run.start], run.stop
        end = said[after - 1].end
        text = " ".join(content[first.start : end].split())
        yield -1 - at, Statement(first.start, end, text, "sentence", first.lead_in, first.heading)
    yield from ((number, said[number]) for number in range(after, len(said)))


def removals(units: Sequence[Unit], sections: Sequence[Section]) -> Iterator[tuple[Unit, ...]]:
    """Yield what may be dropped at once: a unit with the items nested in it, or the rows of one table, and what hangs on it."""
    contents = {section.name: section.content for section in sections}
    at = 0
    while at < len(units):
        if units[at].is_frame:
            at += 1
            continue
        group = list(_group(units, at, contents[units[at].section]))
        at += len(group)
        while at < len(units) and hangs_on(units[at], units[at - 1], contents[units[at].section]):
            more = list(_framed_by(units, at) if units[at].is_frame else _group(units, at, contents[units[at].section]))
            group += more
            at += len(more)
        yield tuple(unit for unit in group if not unit.is_frame or unit.said.form == "rule")


def hangs_on(unit: Unit, before: Unit, content: str) -> bool:
    """Return whether a sentence or list item means something else without the one before it. content: of its section."""
    if unit.said.heading != before.said.heading or unit.is_example or before.is_example:
        return False
    if not {unit.said.form, before.said.form} <= {"sentence", "item"}:
        return False
    is_sentence = unit.section == before.section and unit.said.form == before.said.form == "sentence"
    return hangs(unit.text, goes_on(content, unit) or (is_sentence and "\n\n" not in content[before.start : unit.start]))


def _framed_by(units: Sequence[Unit], at: int) -> Iterator[Unit]:
    """Yield a line like "Otherwise:" and what stands under it."""
    yield units[at]
    yield from itertools.takewhile(lambda other: units[at].number in other.frames, _behind(units, at))


def _behind(units: Sequence[Unit], at: int) -> Iterator[Unit]:
    return (units[number] for number in range(at + 1, len(units)))


def _group(units: Sequence[Unit], at: int, content: str) -> tuple[Unit, ...]:
    unit = units[at]
    group, is_nested = [unit], False
    for other in _behind(units, at):
        if other.section != unit.section:
            break
        if unit.said.form == "row":
            belongs = other.said.form in ("row", "rule") and other.frames[: len(unit.frames)] == unit.frames
        else:
            is_item, is_rest = other.said.form == "item", goes_on(content, other)
            nested = is_item and not is_rest and _indent(content, other) > _indent(content, unit)
            belongs = unit.said.form == "item" and not goes_on(content, unit) and is_item and (is_rest or nested)
            is_nested |= belongs and nested
        if not belongs:
            break
        group.append(other)
    return tuple(group) if is_nested or unit.said.form == "row" else (unit,)


def _indent(content: str, unit: Unit) -> int:
    found = _INDENT.match(content, unit.start)
    return len(found.group().expandtabs(4)) if found else 0


def goes_on(content: str, unit: Unit) -> bool:
    """Return whether a unit begins in the middle of a line."""
    at = unit.start
    while at and content[at - 1] in " \t":
        at -= 1
    return at > 0 and content[at - 1] != "\n"


def closed(units: Sequence[Unit], gone: Collection[int]) -> set[int]:
    """Return the units that go, with every frame that would stay empty."""
    all_gone = set(gone)
    inside: dict[int, list[int]] = {}
    for unit in units:
        if unit.said.form != "rule":
            for frame in unit.frames:
                inside.setdefault(frame, []).append(unit.number)
    for frame in sorted(inside, reverse=True):  # inner frames first
        if all(number in all_gone for number in inside[frame]):
            all_gone.add(frame)
    for unit in units:
        if unit.said.form == "rule" and unit.frames and unit.frames[-1] in all_gone:
            all_gone.add(unit.number)
    return all_gone


def without(
    sections: Sequence[Section], units: Sequence[Unit], gone: Collection[int], new: Mapping[int, str] | None = None
) -> list[Section]:
    """Return the sections without some units; new: number -> another text for a unit's slice."""
    new, all_gone = new or {}, closed(units, gone)
    own: dict[str, list[Unit]] = {}
    for unit in units:
        own.setdefault(unit.section, []).append(unit)
    kept = []
    for section in sections:
        mine = own.get(section.name, [])
        if not any(unit.number in all_gone or unit.number in new for unit in mine):
            kept.append(section)
        elif any(unit.number not in all_gone and unit.said.form not in ("heading", "rule") for unit in mine):
            kept.append(section.model_copy(update={"content": _joined(section.content, mine, all_gone, new)}))
    return kept


def _joined(content: str, units: Sequence[Unit], gone: Collection[int], new: Mapping[int, str]) -> str:
    """Return the slices that stay; the space after a slice that goes replaces a smaller one before it.

    What stays of a list item keeps the item's marker.
    """
    pieces: list[tuple[str, str, bool]] = []  # (text, space after it, whether it stays)
    marker = ""
    for unit in units:
        text = content[unit.start : unit.end]
        body = text.strip() if goes_on(content, unit) else text.rstrip()
        if pieces and goes_on(content, unit):
            before, space, stays = pieces[-1]
            pieces[-1] = (before, space + text[: len(text) - len(text.lstrip())], stays)
        else:
            marker = ""
        stays = unit.number not in gone
        if not stays and (found := _MARKER.match(body)):
            marker = found.group()
        written = new.get(unit.number, body)
        pieces.append((marker + written if stays else "", text[len(text.rstrip()) :], stays))
        marker = "" if stays else marker
    kept: list[list[str]] = []
    for text, space, stays in pieces:
        if stays:
            kept.append([text, space])
        elif kept and space.count("\n") > kept[-1][1].count("\n"):
            kept[-1][1] = space
    return "".join(text + space for text, space in kept).rstrip()
