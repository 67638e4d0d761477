"""Chat messages that the strictest APIs accept, in OpenAI's form, from the entries of any memory.

Input      entries, in order; strict: one message a turn, as Anthropic, Gemini and several templates want.
Output     chat_messages(entries, strict) -> messages with only the keys that the API has: role, content, tool_calls,
           tool_call_id, name.
Guarantees system messages come first (strict: as one), then a user's; every call has one result, directly after it and in the
           order of the calls; ids are unique, at most 40 letters, digits, - and _; names are valid; arguments are a JSON
           object; nothing is empty; pictures, sound and files stand in users' messages only, and elsewhere as the marks that
           an entry's text has. Valid ids stay. A result without its call and a call without result have a note that says so.
Source     platform.openai.com/docs/api-reference/chat/create, docs.anthropic.com/en/api/messages, ai.google.dev/api (Content)
"""

import re
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import replace

from dspy_programs.memory.entry import MemoryEntry
from dspy_programs.memory.sending.drafts import NO_TEXT, Draft, Message, drafts_of

NO_RESULT = "[No result of this call is on record.]"
NO_CALL = "[Result of a tool call that is not on record]"
NO_BEGINNING = "[The conversation begins with what follows.]"
_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")


def chat_messages(entries: Iterable[MemoryEntry], strict: bool = False) -> list[Message]:
    """Return a memory as messages for a chat API.

    Args:
        entries: The entries, in order.
        strict: Whether users and assistants must alternate; then one turn's messages become one.

    Returns:
        The messages; [] for no entries.
    """
    messages = completed(entries, strict)
    if messages and messages[-1]["role"] == "assistant" and isinstance(messages[-1]["content"], str):
        messages[-1]["content"] = messages[-1]["content"].rstrip()  # Anthropic refuses a last answer that ends in a space
    return messages


def completed(entries: Iterable[MemoryEntry], strict: bool = False) -> list[Message]:
    """Return the messages, with what an API needs beside what the entries say."""
    drafts = [draft for entry in entries for draft in drafts_of(entry)]
    system = [draft for draft in drafts if draft.role == "system"]
    spoken = _answered([draft for draft in drafts if draft.role != "system"])
    if drafts and (not spoken or spoken[0].role != "user"):
        spoken.insert(0, Draft("user", NO_BEGINNING))
    if strict:
        system, spoken = _merged(system), _merged(spoken)
    return _rendered([*system, *spoken])


def _answered(drafts: list[Draft]) -> list[Draft]:
    """Put every result directly after its call, as a message for each; note what has no call, or no result."""
    waiting: dict[str | None, deque[list[Draft | None]]] = {}
    slots: dict[int, list[list[Draft | None]]] = {}
    strays: set[int] = set()
    for draft in drafts:
        if draft.role == "tool":
            if (slot := _slot_for(waiting, draft.answers)) is None:
                strays.add(id(draft))
            else:
                slot[0] = draft
            continue
        slots[id(draft)] = [[None] for _ in draft.calls]
        for call, one in zip(draft.calls, slots[id(draft)], strict=True):
            waiting.setdefault(call.id, deque()).append(one)
            if call.id is not None:
                waiting.setdefault(None, deque()).append(one)
    found: list[Draft] = []
    for draft in drafts:
        if draft.role != "tool":
            found += [draft, *(slot[0] or Draft("tool", NO_RESULT) for slot in slots[id(draft)])]
        elif id(draft) in strays:
            found.append(_stray(draft))
    return found


def _slot_for(waiting: Mapping[str | None, deque[list[Draft | None]]], id_: str | None) -> list[Draft | None] | None:
    """Return the place of the call that a result answers: of its id, the last that waits; without an id, the first."""
    places = waiting.get(id_, deque())
    order = places if id_ is None else reversed(places)
    return next((slot for slot in order if slot[0] is None), None)


def _stray(draft: Draft) -> Draft:
    return replace(draft, role="user", text=f"{NO_CALL}\n{draft.text.strip() or NO_TEXT}", answers=None, name=None)


def _merged(drafts: list[Draft]) -> list[Draft]:
    """Join messages of one role that follow each other; results of tools stay one for each call."""
    found: list[Draft] = []
    for draft in drafts:
        if not found or found[-1].role != draft.role or draft.role == "tool":
            found.append(draft)
            continue
        last = found.pop()
        joined = replace(
            last,
            text="\n\n".join(text for text in (last.text, draft.text) if text.strip()),
            media=last.media + draft.media,
            parts=last.as_parts() + draft.as_parts() if last.media or draft.media else None,
            calls=last.calls + draft.calls,
            name=last.name if last.name == draft.name else None,
        )
        found.append(joined)
    return found


def _rendered(drafts: list[Draft]) -> list[Message]:
    """Write the messages, each call and its result with one id of their own."""
    messages: list[Message] = []
    ids = _Ids(call.id for draft in drafts for call in draft.calls)
    own: deque[str] = deque()
    for draft in drafts:
        if draft.role == "tool":
            messages.append(replace(draft, answers=own.popleft()).as_message())
            continue
        own = deque(ids.own(call.id) for call in draft.calls)
        messages.append(draft.as_message(list(own)))
    return messages


class _Ids:
    """Ids for calls: their own if they are valid and come for the first time, else short ones that no call has."""

    def __init__(self, known: Iterable[str | None]) -> None:
        self.known = set(known)
        self.taken: set[str] = set()
        self.number = 0

    def own(self, id_: str | None) -> str:
        if id_ is not None and id_ not in self.taken and _ID.fullmatch(id_):
            self.taken.add(id_)
            return id_
        self.number += 1
        while f"call_{self.number}" in self.known:
            self.number += 1
        return f"call_{self.number}"
