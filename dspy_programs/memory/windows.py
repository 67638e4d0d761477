"""The model's texts for the older part of a memory: one per window of consecutive units, kept as long as the window is.

Input      the older units with their sizes in tokens; the windows of earlier rounds; ask: engine.asked.
Output     windows in time order; what they do not cover is left to the rules.
Guarantees a window that still has the same units is not asked again; with what is new, at most CALLS calls.
Calls      one per new window.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from dspy_programs.cli import Progress
from dspy_programs.memory.entry import MemoryEntry
from dspy_programs.memory.strategies import Strategy
from dspy_programs.text import sentences

_SMALLEST = 1500  # tokens of a window, if there is that much
CALLS = 24
_MOST = 0.25  # of a window's tokens, for its text

_MARKS = re.compile(r"^- |\s\[\d+(?:, \d+)*\]$|^(?:Decisions|Facts):$", re.MULTILINE)


class Reply(NamedTuple):
    """What a model gives for entries: a text, or why there is none and the rules have to answer."""

    text: str
    failure: str | None = None


Ask = Callable[[Sequence[MemoryEntry], int, Strategy], Reply]
"""Called with entries, the tokens that their text may have, and the strategy."""


class Window(BaseModel):
    """A text, and the units that it is about: those between two places in the session, so many."""

    first: int
    last: int
    units: int
    turns: tuple[int, int]
    text: str


class Older(NamedTuple):
    """A unit that is compressed."""

    entries: Sequence[MemoryEntry]
    position: int
    tokens: int


class Written(NamedTuple):
    windows: list[Window]
    strategy: Strategy = "summarize"
    fallbacks: int = 0
    """Windows that the model failed to summarize."""
    failure: str | None = None


def statements_of(text: str) -> list[str]:
    """Return the sentences of a model's text, without the marks of a memory's form: titles, bullets, numbers of turns."""
    return [sentence for line in _MARKS.sub("", text).splitlines() for sentence in sentences(line)]


def windows_in(metadata: dict[str, Any]) -> list[Window]:
    """Return the windows that a note's metadata has; those that are damaged are asked again."""
    found = []
    raw = metadata.get("windows")
    for one in raw if isinstance(raw, list) else []:
        try:
            found.append(Window.model_validate(one))
        except ValidationError:
            continue
    return found


def written_by(
    ask: Ask, older: Sequence[Older], before: Sequence[Window], room: int, strategy: Strategy, progress: Progress | None
) -> Written:
    """Return the texts for older units, for a note of `room` tokens."""
    windows = [window for window in before if _count(older, window) == window.units]
    new = [unit for unit in older if not any(window.first <= unit.position <= window.last for window in windows)]
    share = min(_MOST, max(0, room) / max(1, sum(unit.tokens for unit in older)))
    failures = []
    runs = _runs_of(older, new)
    for done, run in enumerate(runs):
        if progress is not None:
            progress(done, len(runs))
        members = [entry for unit in run for entry in unit.entries]
        reply = ask(members, max(1, int(share * sum(unit.tokens for unit in run))), strategy)
        turns = min(entry.turn_number for entry in members), max(entry.turn_number for entry in members)
        if reply.failure is not None:
            failures.append(reply.failure)
        elif reply.text.strip():
            windows.append(Window(first=run[0].position, last=run[-1].position, units=len(run), turns=turns, text=reply.text))
    windows.sort(key=lambda window: window.first)
    return Written(windows, strategy, len(failures), failures[0] if failures else None)


def _count(older: Sequence[Older], window: Window) -> int:
    return sum(window.first <= unit.position <= window.last for unit in older)


def _runs_of(older: Sequence[Older], new: Sequence[Older]) -> list[list[Older]]:
    """Group the new units, those that follow each other together, in windows of about the same size."""
    most = max(_SMALLEST, sum(unit.tokens for unit in new) // CALLS)
    runs: list[list[Older]] = []
    wanted = {unit.position for unit in new}
    size, open_ = 0, False
    for unit in older:
        if unit.position not in wanted:
            open_ = False
            continue
        if not open_ or size >= most:
            runs.append([])
            size, open_ = 0, True
        runs[-1].append(unit)
        size += unit.tokens
    return runs
