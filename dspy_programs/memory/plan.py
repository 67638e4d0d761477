"""Which units of a memory shrink, and how far: one at a time, in windows through a model, or merged into one text.

Input      a Task: what may be compressed, and the room for it.
Output     changes; nothing is changed yet.
Guarantees the least important units go first, and no more of them than needed.
Calls      windowed: one per window of consecutive entries, at most CALLS + 1 however long the memory is; the others none.
Raises     UsageError if even no text at all is too much, by a counter that counts tokens for it.
"""

from collections.abc import Callable, Sequence

from dspy_programs.cli import Progress
from dspy_programs.errors import UsageError
from dspy_programs.memory.changes import Change, Strategy, Task
from dspy_programs.memory.entry import MemoryEntry
from dspy_programs.memory.strategies import Extracts

_REPORT_EVERY = 200  # units
_SMALLEST_WINDOW = 1500  # tokens
CALLS = 24
_TARGET = 0.25  # maximum share of a window's tokens in its summary

Ask = Callable[[Sequence[MemoryEntry], int, Strategy], Change]
"""Called with entries, the tokens that their text may have, and the strategy."""


def one_by_one(task: Task, extracts: Extracts, strategy: Strategy, progress: Progress | None) -> tuple[list[Change], int]:
    """Shrink one unit after the other until they fit; return the changes and the tokens of all units then."""
    left, changes = sum(task.sizes), []
    shrink = extracts.summarize if strategy == "summarize" else extracts.extract_facts
    for done, unit in enumerate(task.order()):
        if left <= task.room:
            break
        if progress is not None and done % _REPORT_EVERY == 0:
            progress(done, len(task.units))
        text = shrink(unit)
        saved = task.sizes[unit] - task.count(text) if text else 0  # an empty extract is left to archive: no blank entries
        if saved > 0:
            changes.append(Change(task.units[unit], text, strategy))
            left -= saved
    return changes, left


def windowed(task: Task, strategy: Strategy, ask: Ask, progress: Progress | None) -> list[Change]:
    """Summarize the least important units, window by window, until all fit."""
    chosen, size = _enough_of(task)
    share = min(_TARGET, max(0, task.room - (sum(task.sizes) - size)) / size) if size else 0.0
    windows = _windows_of(task, chosen, max(_SMALLEST_WINDOW, size // CALLS))
    left, changes = sum(task.sizes), list[Change]()
    for done, window in enumerate(windows):
        if progress is not None:
            progress(done, len(windows))
        if left <= task.room:
            break
        tokens = sum(task.sizes[unit] for unit in window)
        changes.append(summarized(task, window, int(tokens * share), strategy, ask))
        left += task.count(changes[-1].text) - tokens
    if left > task.room:  # a counter for which even no text at all is more
        raise UsageError(
            f"summaries reduce the unprotected part to {left} tokens, but only {task.room} fit; give a larger budget"
        )
    return changes


def summarized(task: Task, window: Sequence[int], room: int, strategy: Strategy, ask: Ask) -> Change:
    members = [entry for unit in window for entry in task.units[unit]]
    change = ask(members, room, strategy) if room else Change(members, "", strategy)
    if task.count(change.text) <= room:
        return change
    # the store and the model count tokens differently
    cut = Extracts([[MemoryEntry(role="assistant", content=change.text)]]).archive(room, task.count, "")
    return change._replace(text=cut)


def archived(task: Task, progress: Progress | None) -> list[Change]:
    """Replace the least important units with one text, and restore the latest of them that still fit next to it."""
    if progress is not None:
        progress(0, 1)
    chosen, size = _enough_of(task)
    room = task.room - (sum(task.sizes) - size)
    turns = [entry.turn_number for unit in chosen for entry in task.units[unit]]
    text = Extracts([task.units[unit] for unit in chosen]).archive(
        room, task.count, f"[Archived: turns {min(turns)} to {max(turns)}]"
    )
    left = room - task.count(text)
    if left < 0:  # a counter that counts tokens even for an empty text
        raise UsageError(f"there is room for {room} tokens, but even an empty entry has {room - left}; give a larger budget")
    merging: list[int] = []
    for unit in reversed(chosen):
        if task.sizes[unit] <= left:
            left -= task.sizes[unit]
        else:
            merging.append(unit)
    merged = [entry for unit in reversed(merging) for entry in task.units[unit]]
    return [Change(merged, text, "archive")]


def _enough_of(task: Task) -> tuple[list[int], int]:
    """Return the least important units that suffice if each shrinks to TARGET, in time order, and their tokens."""
    total = sum(task.sizes)
    needed, size, chosen = total - task.room, 0, list[int]()
    if total * (1 - _TARGET) < needed:
        return list(range(len(task.units))), total  # all of them, so no ranking is needed
    for unit in task.order():
        if size * (1 - _TARGET) >= needed:
            break
        chosen.append(unit)
        size += task.sizes[unit]
    return sorted(chosen), size


def _windows_of(task: Task, chosen: Sequence[int], tokens: int) -> list[list[int]]:
    windows: list[list[int]] = []
    size = tokens
    for unit in chosen:
        if size >= tokens:
            windows.append([])
            size = 0
        windows[-1].append(unit)
        size += task.sizes[unit]
    return windows
