"""Convert sessions of other frameworks to a memory and back, each in its own kind of message.

Input      a session in any dialect (see session.py, and conversation/ for what a message may be).
Output     store_of(session) -> a store with the entries of its messages; messages_of(...) returns them in their original kind.
Guarantees without compression the messages come back equal, objects as the identical ones. What stands for older messages is
           a user's message of the session's own kind, without any key of ours. Its attribute `originals` leads back to them,
           and it is known again when it comes in the next time.
Raises     UsageError for what cannot be read: its place, and the value seen.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from dspy_programs.conversation import as_dict, as_list
from dspy_programs.memory.entry import MemoryEntry, new_id
from dspy_programs.memory.originals import original_of
from dspy_programs.memory.sessions.dialects import Note, note_in, originals_of, shortened, with_originals
from dspy_programs.memory.sessions.entries import Group, grouped, message_of, original_messages, unplaced, with_ids
from dspy_programs.memory.sessions.message_parts import apart
from dspy_programs.memory.sessions.session import Opened, opened
from dspy_programs.memory.store import MemoryStore, as_note
from dspy_programs.tokens import TokenCounter


@dataclass(frozen=True)
class _Session:
    """A store, and the messages that its entries were."""

    store: MemoryStore
    opened: Opened
    groups: Sequence[Group]
    beside: frozenset[str]
    """Ids of the entries for what stands beside the list of messages, and stays there."""

    @property
    def source(self) -> Any:
        return self.opened.source


def store_of(session: object, counter: TokenCounter | None = None) -> _Session:
    """Return a session as a store.

    Args:
        session: A list of messages in any dialect, a dspy.History, an object with `get_messages()`, or a mapping around
            messages.
        counter: The token counter; by default OpenAI's cl100k vocabulary.

    Returns:
        The store, with the messages that its entries were.

    Raises:
        UsageError: A message is none that is known: its place, and the value seen.
    """
    found = opened(session)
    at = time.time()
    messages = with_ids([*found.before, *found.messages, *found.after], _ids_in(found.items))
    first, last = len(found.before), len(found.before) + len(found.messages)
    taken_ids: set[str] = set()
    groups = [
        _apart_from(taken_ids, _with_history(group, found.items[group.places[-1]]))
        for group in grouped(found.raws, messages[first:last], at)
    ]
    spoken = next((place for place, group in enumerate(groups) if group.entries[0].role != "system"), 0)
    for group in groups[spoken : spoken + 1]:
        groups[spoken] = group._replace(entries=[as_note(group.entries[0]), *group.entries[1:]])
    before, after = unplaced(messages[:first], 0, at), unplaced(messages[last:], len(found.raws) + 1, at)
    store = MemoryStore(counter=counter)
    entries = [*before, *(entry for group in groups for entry in group.entries), *after]
    taken = {place for entry in entries for place in _places_of(entry)}
    for entry in entries:
        position = max(store.ever_added, min(_places_of(entry), default=0))
        while not entry.compression_history and position in taken:
            position += 1
        store.add_entry(entry, position)
    return _Session(store, found, groups, frozenset(entry.id for entry in (*before, *after)))


def _apart_from(taken: set[str], group: Group) -> Group:
    """Return a group whose entries have ids of their own, even if one message of an earlier round is given twice."""
    entries = []
    for entry in group.entries:
        entries.append(entry.model_copy(update={"id": new_id()}) if entry.id in taken else entry)
        taken.add(entries[-1].id)
    return group._replace(entries=entries)


def _with_history(group: Group, item: Any) -> Group:
    """Return the entries of a message of an earlier round with what it stands for."""
    history = originals_of(item) or _stored_history(item) or []
    shares = item.shares if isinstance(item, Note) else ()
    if not any(entry.role == "tool" for entry in group.entries) and not shares and history:
        metadata: dict[str, Any] = {"original_role": "user"}
        update = {"role": "compressed", "metadata": metadata, "compression_history": history}
        return group._replace(entries=[group.entries[-1].model_copy(update=update)])
    if len(shares) != len(group.entries):
        shares = [(len(history), None)] if len(group.entries) == 1 else []
    entries, left = [*group.entries], iter(history)
    for place, (count, part) in enumerate(shares):
        entries[place] = _continued(entries[place], list(islice(left, count)), part)
    return group._replace(entries=entries)


def _continued(entry: MemoryEntry, records: list[dict[str, Any]], part: Any) -> MemoryEntry:
    """Return an entry with its original, and as the part that it was."""
    update: dict[str, Any] = {"metadata": {**entry.metadata, "part": part}} if part else {}
    if records:  # a compressor goes on from the original
        id_ = as_dict(records[0].get("original")).get("id")
        update |= {"compression_history": records, "id": id_ if isinstance(id_, str) and id_ else entry.id}
    return entry.model_copy(update=update) if update else entry


def _ids_in(items: Sequence[Any]) -> set[str]:
    """Return the ids of the calls that messages of earlier rounds stand for."""
    records = [record for item in items for record in originals_of(item) or ()]
    calls = [call for record in records for call in as_list(as_dict(record.get("metadata")).get("tool_calls"))]
    return {str(call.get("id")) for call in calls if isinstance(call, dict)}


def _stored_history(item: Any) -> list[Any] | None:
    """Return the originals in a message that an earlier edition wrote: it kept them in the message itself."""
    if not isinstance(item, Mapping) or item.get("compressed") is not True:
        return None
    history = item.get("compression_history")
    return history if isinstance(history, list) and all(isinstance(record, dict) for record in history) else None


def _places_of(entry: MemoryEntry) -> list[int]:
    """Return the session positions of the originals that an entry replaced in an earlier round."""
    return [record["position"] for record in entry.compression_history if type(record.get("position")) is int]


def messages_of(session: _Session) -> Any:
    """Return a store's current messages, in their original kind.

    Args:
        session: The result of `store_of`.

    Returns:
        What was given, with the store's messages: a list, a dspy.History, or the mapping around them. Messages that were not
        changed are the same objects.
    """
    left = {entry.id: entry for entry in session.store}
    group_of = {entry.id: group for group in session.groups for entry in group.entries}
    found: list[Any] = []
    told: set[int] = set()  # groups, by their first place
    added: list[MemoryEntry] = []  # which no message given is: added since, or from a note of an earlier round
    for entry in session.store:
        group = group_of.get(entry.id)
        is_note = entry.role == "compressed" and (group is None or entry not in group.entries)
        if group is None and not is_note:
            added += [entry] if entry.id not in session.beside else []
            continue
        found += _messages_of_added(added)
        added = []
        if is_note and not entry.content:
            continue  # there was no room for a note, and no API takes an empty message
        if is_note:
            found.append(_note(entry, session.opened))
        elif group is not None and group.places.start not in told:
            told.add(group.places.start)
            found += _told(group, [left[one.id] for one in group.entries if one.id in left], session.opened)
    return session.opened.rebuilt([*found, *_messages_of_added(added)])


def _messages_of_added(entries: Sequence[MemoryEntry]) -> list[Any]:
    """Return the messages that entries were, as JSON; a shortened result with its original."""
    pieces = [
        _shortened_piece(entry, original_of(entry.compression_history[0])) if entry.compression_history else entry
        for entry in entries
    ]
    return [message for told in apart(pieces) for message in _with_records(told)]


def _told(group: Group, entries: Sequence[MemoryEntry], found: Opened) -> list[Any]:
    """Return the messages of a group of which these entries are left."""
    now = [entry for entry in entries if entry.role != "compressed" or entry in group.entries]
    before = {entry.id: entry for entry in group.entries}
    is_same = [_is_same(entry, before[entry.id]) for entry in now]
    items = [found.items[place] for place in group.places]
    if len(now) == len(group.entries) and all(is_same):
        return items
    if len(group.entries) == 1:
        made = shortened(items[-1], now[0].content)
        made = message_of(now[0]) if made is None else made
        share = (len(now[0].compression_history), group.entries[0].metadata.get("part"))
        return [with_originals(made, now[0].compression_history, [share])]
    pieces = [entry if same else _shortened_piece(entry, before[entry.id]) for entry, same in zip(now, is_same, strict=True)]
    return _with_records(pieces) if pieces else []


def _with_records(told: Sequence[MemoryEntry]) -> list[Any]:
    """Return the message of these entries, which are its parts, with what it stands for."""
    messages = original_messages(told)
    records = [record for entry in told for record in entry.compression_history]
    shares = [(len(entry.compression_history), entry.metadata.get("part")) for entry in told]
    if len(messages) != 1 or not any(count or part for count, part in shares):
        return messages
    return [with_originals(messages[0], records, shares)]


def _is_same(entry: MemoryEntry, before: MemoryEntry) -> bool:
    return entry is before or (entry.content, entry.role, entry.calls) == (before.content, before.role, before.calls)


def _shortened_piece(entry: MemoryEntry, before: MemoryEntry) -> MemoryEntry:
    message = shortened(message_of(before), entry.content)
    return entry if message is None else entry.model_copy(update={"metadata": {**before.metadata, "message": message}})


def _note(entry: MemoryEntry, found: Opened) -> Any:
    """Return a compressed entry as a message of the session's kind."""
    if found.is_history:
        names = list(found.items[0]) or ["memory"] if found.items else ["memory"]
        return with_originals({**dict.fromkeys(names, ""), names[-1]: entry.content}, entry.compression_history)
    message = note_in(found.items, entry.content)
    if isinstance(message, dict) and "turn_number" in message:
        message["turn_number"] = max(0, entry.turn_number - 1)
    return with_originals(message, entry.compression_history)
