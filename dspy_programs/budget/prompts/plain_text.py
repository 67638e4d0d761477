"""A prompt of plain text as sections.

A Markdown prompt is split at its headings (the highest level that occurs twice), one with XML tags at the outermost tags that
stand alone on their line, other text at empty lines, examples together; never inside a code fence, which ends with as many of
its signs as it began with. Types and priorities are then guessed from the words of headings and tags: `analyze` shows them.
A byte order mark is left out.
"""

import bisect
import itertools
import re
from collections.abc import Sequence

from dspy_programs.budget.prompts.examples import EXAMPLE_HEADING, example_spans
from dspy_programs.budget.prompts.statements import outside_fences
from dspy_programs.types import Section

_HEADING = re.compile(r"(#{1,6})\s+(\S.*)")
_TAG = re.compile(r"\s*<(/?)([A-Za-z_][\w.:-]*)(?:\s[^<>]*)?>\s*")
_EXAMPLES = ("few_shot", 20)
_GUESSES = (  # words of a heading or of the first line, in the order they are looked for -> (type, priority)
    (EXAMPLE_HEADING, _EXAMPLES),
    (re.compile(r"\b(style|tone|voice)\b", re.IGNORECASE), ("system", 10)),
    (re.compile(r"\b(context|background|documents?|sources?|knowledge)\b", re.IGNORECASE), ("context", 40)),
    (re.compile(r"\b(identity|role|system|persona|purpose)\b|^you are\b", re.IGNORECASE), ("system", 30)),
)
_OTHERWISE = ("instruction", 60)


def from_text(text: str) -> list[Section]:
    """Split a text at its headings or outermost tags, or at empty lines if it has none; every line is in one section."""
    parts = cut(re.split(r"\r\n?|\n", text.removeprefix("\ufeff")))
    sections: list[Section] = []
    taken: dict[str, int] = {}  # name -> the number of its last namesake
    for number, part in enumerate(parts, 1):
        first = part.split("\n", 1)[0]
        heading, tag = _HEADING.match(part), _TAG.fullmatch(first)
        title = heading[2] if heading else tag[2] if tag else ""
        shown = () if title else example_spans(part)
        type_, priority = _EXAMPLES if shown and not shown[0][0] else prior(title.replace("_", " ") or part[:200])
        name = _slug(title) or f"part_{number}"
        unique = name
        while unique in taken:
            taken[name] += 1
            unique = f"{name}_{taken[name]}"
        taken[unique] = 1
        sections.append(Section(name=unique, type=type_, content=part, priority=priority))  # type: ignore[arg-type]
    return sections


def cut(lines: Sequence[str]) -> list[str]:
    """Return the parts of a text: at headings and outermost tags outside code fences, else at empty lines."""
    open_lines = outside_fences(lines)
    headings = {number: len(found[1]) for number in open_lines if (found := _HEADING.match(lines[number]))}
    tagged = _outermost_tags(lines, open_lines)
    inside = {number for first, after in tagged for number in range(first + 1, after)}
    levels = sorted(level for number, level in headings.items() if number not in inside)
    highest = next((level for level in levels if levels.count(level) > 1), 6)
    starts = {number for number, level in headings.items() if level <= highest and number not in inside}
    starts |= {number for first, after in tagged for number in (first, after)}
    starts = starts or _at_empty_lines(lines, open_lines)
    parts: list[list[str]] = [[]]
    for number, line in enumerate(lines):
        if number in starts:
            parts.append([])
        parts[-1].append(line)
    return [part for found in parts if (part := "\n".join(found).strip())]


def _at_empty_lines(lines: Sequence[str], open_lines: Sequence[int]) -> set[int]:
    """Return the lines after an empty one; examples that follow each other stay together."""
    spans = example_spans("\n".join(lines))
    offsets = [0, *itertools.accumulate(len(line) + 1 for line in lines)]
    begins = [bisect.bisect_right(offsets, start) - 1 for start, _ in spans]
    ends = [bisect.bisect_left(offsets, end) for _, end in spans]
    starts = {number + 1 for number in open_lines if not lines[number].strip()} | {*begins[:1], *ends[-1:]}
    for begin, after, following in itertools.zip_longest(begins, ends, begins[1:]):
        is_next = following is not None and not any(line.strip() for line in lines[after:following])
        starts.difference_update(range(begin + 1, following + 1 if is_next else after))
        starts |= set() if is_next else {after}
    return starts


def _outermost_tags(lines: Sequence[str], open_lines: Sequence[int]) -> list[tuple[int, int]]:
    """Return (line of the opening tag, line after the closing one) of the outermost pairs that stand alone on their lines."""
    opened: dict[str, list[int]] = {}  # name -> lines of the tags that are still open
    closed: dict[int, int] = {}
    for number in open_lines:
        if tag := _TAG.fullmatch(lines[number]):
            same = opened.setdefault(tag[2], [])
            if not tag[1]:
                same.append(number)
            elif same:
                closed[same.pop()] = number + 1
    pairs: list[tuple[int, int]] = []
    for first in sorted(closed):
        if not pairs or first >= pairs[-1][1]:
            pairs.append((first, closed[first]))
    return pairs


def prior(words: str) -> tuple[str, int]:
    return next((prior for pattern, prior in _GUESSES if pattern.search(words)), _OTHERWISE)


def _slug(title: str) -> str:
    return "_".join(re.findall(r"\w+", title.lower()))[:50]
