"""What a compressed memory looks like: system prompts, one note for everything older, and the newest messages as they were.

How it is chosen: protected messages stay, their results as stubs where they are large; the note tells open requests and deeds
in any case, and of the rest what is worth most; what is left over keeps more of the newest messages. Where results compete
with the note for the room, several drafts are made, and the one that tells most is taken.

Input      a Task: the originals, what of them is protected, and the budget.
Output     a Plan; nothing is changed yet.
Guarantees at most the budget. Messages stay besides the protected ones only where the note does not need the room, or has
           half of the older tokens. A tool's result that is large alone, or among the newest but not the last, is a stub; so
           is a long turn of a talk among people.
Raises     UsageError if the protected part does not fit even with its results as stubs.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from dspy_programs.errors import UsageError
from dspy_programs.memory.draft import Draft, stubs_of
from dspy_programs.memory.strategies import Strategy
from dspy_programs.memory.task import Task
from dspy_programs.memory.windows import Older, Written

LARGE = 0.25  # share of the budget from which a tool result is too large alone
SMALLEST = 16  # tokens of a stub
UNREAD, UNREAD_SHARE = 16, 0.1  # tokens of a latest result in any case; the share of the budget that all of them may take
_LEGIBLE = 30  # tokens of a stub that are not taken for the note's sake
_DRAFTS = 3
_HALF = 0.5  # of the older messages' tokens: where the note has room for that, fewer messages become older ones

Write = Callable[[Sequence[Older], int], Written]
"""Asks a model for texts of older units, for a note of so many tokens."""


class Plan(NamedTuple):
    kept: list[int]
    """Of the originals, those that stay: as they are, or as stubs."""
    stubs: dict[int, str]
    older: list[int]
    """The originals that the note stands for."""
    note: str
    strategies: dict[int, Strategy]
    """Of the older originals, how each is in the note: in part, with only its facts, or not at all."""
    written: Written
    """What a model wrote for them."""


def planned(task: Task, budget: int, low: int, beside: int, write: Write | None) -> Plan:
    """Return the plan for a budget.

    Args:
        task: The memory.
        budget: Tokens that are never exceeded.
        low: Tokens to come down to, if the protected part, open requests and deeds fit there.
        beside: Tokens of a request besides those of its entries; they are in the budget too.
        write: Asks a model for texts; None leaves it to the rules.

    Raises:
        UsageError: The protected part is too large, or the furthest strategy does not suffice.
    """
    draft = _best(list(_drafts(task, budget - beside, low - beside)))
    if draft is None:
        raise _too_large(task, budget, beside)
    if write is not None and draft.older:
        draft.use(write([task.older(place) for place in draft.older], draft.left))
    if task.furthest != "archive" and draft.lacks_room:
        raise UsageError(
            f"{task.furthest} leaves every message {'that states something ' * (task.furthest == 'extract_facts')}a place "
            f"in the note, which takes {draft.required} tokens, but there is room for {draft.left}; "
            "allow the strategy archive, or give a larger budget"
        )
    older = sorted(index for place in draft.older for index in task.compressible[place])
    kept = sorted(set(range(len(task.entries))) - set(older))
    return Plan(kept, draft.stubs, older, draft.note.text, draft.strategies() if older else {}, draft.written)


def has_room(task: Task, budget: int) -> bool:
    """Return whether open requests and deeds have room beside what is protected."""
    return any(not draft.lacks_room for draft in _drafts(task, budget, budget))


def _best(drafts: Sequence[Draft]) -> Draft | None:
    """Return the draft that tells most, if there is a choice: of those with room for what must be told, the first one."""
    complete = [draft for draft in drafts if not draft.lacks_room]
    if len(complete) > 1:
        return max(complete, key=Draft.told)
    return next(iter(complete), drafts[-1] if drafts else None)


def _drafts(task: Task, budget: int, low: int) -> Iterator[Draft]:
    """Yield drafts with protected results in fewer and fewer tokens, as long as that may help."""
    rate = budget / max(1, sum(map(task.size, task.entries))) if task.is_talk else 1.0
    complete = 0
    limits = list(_limits(task, budget))
    unread = min(UNREAD, int(UNREAD_SHARE * limits[0] / LARGE) // max(1, len(task.unread)))
    for most in limits:
        stubs, needed = stubs_of(task, task.protected, most, rate, unread)
        if needed > budget and unread:
            stubs, needed = stubs_of(task, task.protected, most, rate)
        task.room = task.room or max(0, budget - needed)
        if needed > budget:
            continue
        draft = _draft(task, stubs, max(0, low - needed))
        if draft.lacks_room:
            draft = _draft(task, stubs, budget - needed)
        yield draft
        complete += not draft.lacks_room
        shortened = any(task.entries[index].role == "tool" for index in stubs)
        if complete == _DRAFTS or most <= _LEGIBLE or (complete and not shortened):
            break


def _limits(task: Task, budget: int) -> Iterator[int]:
    """Yield the tokens from which a protected result becomes a stub, fewer and fewer."""
    systems = sum(task.size(entry) for entry in task.entries if entry.role == "system")
    most = max(SMALLEST, int(LARGE * (budget - systems)))
    yield most
    while most > SMALLEST and any(task.entries[index].role == "tool" for index in task.protected):
        most = max(SMALLEST, most // 2)
        yield most


def _draft(task: Task, stubs: dict[int, str], room: int) -> Draft:
    """Return a draft for a room, with as many of the newest messages as the note can spare."""
    share = 0 if task.has_note or task.is_talk else max(0, int((room - _HALF * task.tokens) / (1 - _HALF)))
    draft = Draft(task, stubs, room, share)
    if draft.lacks_room and draft.newest:
        draft = Draft(task, stubs, room, max(0, room - Draft(task, stubs, room, 0).required))
    if draft.has_facts_to_tell and (filler := draft.filler()):
        draft = Draft(task, stubs, room, draft.newest_tokens - filler)
    if draft.older and draft.spare > 0 and not draft.has_facts_to_tell:
        more = Draft(task, stubs, room, draft.newest_tokens + draft.spare)
        if len(more.newest) > len(draft.newest) and more.spare >= 0 and not more.has_facts_to_tell:
            return more
    return draft


def _too_large(task: Task, budget: int, beside: int) -> UsageError:
    stubs, needed = stubs_of(task, task.protected, SMALLEST)
    return UsageError(
        f"the budget is {budget} tokens, but the protected part alone has {needed + beside}: "
        f"{len(task.protected)} entries (the system prompts, the last {task.recent} and what belongs to them)"
        f"{', with tool results as stubs' * bool(stubs)}; give a larger budget, or protect fewer recent entries"
    )
