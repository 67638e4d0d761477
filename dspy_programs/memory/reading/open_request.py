"""Which of a user's messages still ask for something: an agent that goes on must have them word for word.

A conversation is read from its beginning. A request opens; an answer of the assistant that asks nothing back closes all that
are open; thanks close them too. What was changed since closes all but the last of them; a first request that is long stays open
until it is said to be done. The last request is open in any case until it is thanked
for, and with it those that nothing has answered, or that the last one refers to ("do the same for Bob"). "Yes" and "ok, go on"
are no requests: what they agree to, the assistant's last message, counts as open with the request; so does a long answer, while
it is the last that the user said.

Input      entries in time order.
Output     the indexes of the messages; a note's, if the request that it marks as open is still so.
Guarantees linear; at most MOST messages. Among people alone (minutes of a meeting) only the last request.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from dspy_programs.conversation import Call, call_of
from dspy_programs.memory.entry import MemoryEntry
from dspy_programs.memory.reading.asking import (
    announces,
    asks,
    asks_back,
    begins_with_yes,
    chooses,
    goes_on,
    is_aside,
    refers_back,
    says_done,
)
from dspy_programs.memory.reading.decisions import is_courtesy
from dspy_programs.memory.reading.deeds import changes
from dspy_programs.memory.reading.endings import ending_of
from dspy_programs.memory.reading.note import STILL_OPEN, is_note
from dspy_programs.memory.reading.replies import agrees_to, is_closing, is_consent, is_output, without_stop
from dspy_programs.memory.reading.sentence_breaks import lines_in
from dspy_programs.memory.reading.talk import is_talk, speaker_of

MOST = 8
_MOST_READ = 40  # messages of the user
_READ = 1500  # characters at a message's beginning and end that are read
_SHORTEST_TASK = 140  # characters
_MOST_OF_RESULT = 2_000  # characters
_LONGEST_SHORT_ANSWER = 60  # characters; a longer one that is the last that the user said says what is wanted, too
_LONGEST_ANSWER = 200
_SHORT = 600
_LONGEST_REFERENCE = 240
_LONGEST_THANKS = 400
_LONGEST_HEAD = 100

_Kind = Literal["request", "answer", "consent", "closing"]


class _Said(NamedTuple):
    """What the assistant did last before a message of the user."""

    place: int = -1
    asks: bool = False
    answers: bool = False
    works: bool = False
    """It called tools and said nothing: that is an answer only if the user speaks next."""
    proposes: bool = False
    completes: bool = False
    """It says that what was asked for is done."""
    text: str = ""


def open_requests(entries: Sequence[MemoryEntry]) -> set[int]:
    """Return the indexes of the messages that are still open."""
    if not any(entry.role == "assistant" for entry in entries):
        return _last_among_people(entries)
    waiting: list[int] = []
    calls: dict[str | None, Call] = {}
    said, agreed_to, last_request, answer, changed = _Said(), -1, -1, -1, False
    for index in range(_start(entries), len(entries)):
        entry = entries[index]
        if entry.role == "tool" and calls:
            changed = _changed(calls, entry) or changed
        elif entry.role == "assistant":
            calls = {call.id: call for raw in entry.calls if isinstance(raw, dict) for call in [call_of(raw)]} or calls
            if entry.content.strip() or entry.calls:
                said = _said(entry, index)
                agreed_to = agreed_to if said.works else -1
        elif _is_of_user(entry):
            note = entry.role == "compressed"
            if (said.answers or said.works) and not note:
                waiting = _left_open(waiting, entry.content, entries, said.completes, changed)
            kind = _note_kind(entry) if note else _kind_of(entry.content, said, not waiting and last_request < 0)
            if kind == "request":
                waiting.append(index)
                last_request = index
            elif kind == "closing":
                waiting, last_request = [], -1
            elif last_request >= 0 and last_request not in waiting:
                waiting.append(last_request)
            answer = index if kind == "answer" and len(entry.content) > _LONGEST_SHORT_ANSWER and not note else -1
            agrees = kind == "consent" or (kind == "answer" and said.proposes and chooses(entry.content))
            agreed_to = said.place if agrees and said.asks and waiting else -1
            said, changed = _Said(), False
    if said.answers or changed:
        meant = [index for index in (waiting[-2:] if changed else []) if index != last_request]
        meant = meant if last_request >= 0 and begins_with_yes(entries[last_request].content) else []
        waiting = [*_briefs(waiting, entries, said.completes), *meant, *([last_request] if last_request >= 0 else [])]
    waiting = list(dict.fromkeys(waiting))
    kept = [*waiting[:1], *waiting[1:][-(MOST - 1) :]]
    return {*kept, *(index for index in (agreed_to, answer) if index >= 0)}


def _changed(calls: dict[str | None, Call], result: MemoryEntry) -> bool:
    """Take the call of a result out of the calls, and return whether it changed something."""
    call = calls.pop(result.answers if result.answers in calls else next(iter(calls)))
    text = result.content[:_MOST_OF_RESULT]
    return changes(call, text) and ending_of(text, True) == "done"


def _left_open(waiting: list[int], text: str, entries: Sequence[MemoryEntry], completed: bool, changed: bool) -> list[int]:
    """Return what is open after an answer: what was set aside for a question meanwhile, and what the next message refers to."""
    if waiting and is_aside(entries[waiting[-1]].content[:_READ]):
        return waiting[:-1]
    if completed:
        return []
    refers = goes_on if changed else refers_back
    meant = waiting[-1:] if len(text) <= _LONGEST_REFERENCE and refers(text) else []
    return [*_briefs(waiting, entries, completed), *meant]


def _briefs(waiting: list[int], entries: Sequence[MemoryEntry], completed: bool) -> list[int]:
    """Return the first request, if it is long: what it asks for takes many steps, and what it forbids holds for all."""
    is_task = not completed and waiting and len(entries[waiting[0]].content) >= _SHORTEST_TASK
    return waiting[:1] if is_task else []


def _start(entries: Sequence[MemoryEntry]) -> int:
    """Return where the last messages of the user begin that are read: what is open is among them."""
    messages = 0
    for index in range(len(entries) - 1, -1, -1):
        messages += entries[index].role == "user"
        if messages == _MOST_READ:
            return index
    return 0


def _is_of_user(entry: MemoryEntry) -> bool:
    return (entry.role == "user" and not is_output(entry.content)) or (entry.role == "compressed" and is_note(entry.content))


def _note_kind(entry: MemoryEntry) -> _Kind:
    lines = entry.content.split("\n")
    return "request" if any(STILL_OPEN in line[:_LONGEST_HEAD] and not line.startswith(" ") for line in lines) else "answer"


def _said(entry: MemoryEntry, index: int) -> _Said:
    """Read an assistant's message: it asks something back, or it answers, or it goes on working."""
    if entry.calls:
        return _Said(index, works=True)
    found = lines_in(entry.content if len(entry.content) <= 2 * _READ else f"{entry.content[:_READ]}\n{entry.content[-_READ:]}")
    near = found if len(entry.content) <= _SHORT else [*found[:3], *found[-4:]]
    last = [sentence for sentence in near if not is_courtesy(sentence)]
    asks_something = any(map(asks_back, last))
    answers = not asks_something and not (last and announces(last[-1]))
    return _Said(
        index,
        asks_something,
        answers,
        completes=answers and says_done(entry.content[:_READ]),
        text=entry.content[-_READ:],
        proposes=len(entry.content) > _LONGEST_ANSWER and any(map(str.isdigit, entry.content)),
    )


def _kind_of(text: str, said: _Said, is_first: bool) -> _Kind:
    whole, text = text.strip(), without_stop(text).strip()
    if text != whole and not asks(text):
        return "closing"
    if is_consent(text) or (said.asks and agrees_to(text, said.text)):
        return "consent"
    agrees = said.asks and begins_with_yes(text)
    if not agrees and _closes(text, said):
        return "closing"
    if is_first or not said.asks:
        return "request"
    read = text if len(text) <= 2 * _READ else f"{text[:_READ]}\n{text[-_READ:]}"
    if len(text) > _LONGEST_ANSWER or asks(read):
        return "request"
    return "answer"


def _closes(text: str, said: _Said) -> bool:
    """Return whether a message ends the conversation: thanks alone, or at its end and nothing asked before."""
    if is_closing(text):
        return not said.asks or not text.strip().lower().startswith("no")
    if len(text) > _LONGEST_THANKS or said.asks:
        return False
    *before, last = lines_in(text) or [""]
    return is_closing(last) and not any(map(asks, before))


def _last_among_people(entries: Sequence[MemoryEntry]) -> set[int]:
    if is_talk(entries):  # who is no speaker before them or after them speaks to the assistant
        spoken = [index for index, entry in enumerate(entries) if speaker_of(entry.content) is not None]
        asked = [*range(spoken[0]), *range(spoken[-1] + 1, len(entries))]
        return {index for index in asked if entries[index].role == "user"}
    for index in range(len(entries) - 1, -1, -1):
        entry = entries[index]
        if _is_of_user(entry) and (entry.role == "compressed" or not (is_closing(entry.content) or is_consent(entry.content))):
            return {index}
    return set()
