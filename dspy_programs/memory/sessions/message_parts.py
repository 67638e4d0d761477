"""A message that became several entries: split into their parts, and put together again.

Output     split(raw, ...): for each entry the message with its part of the content, and the part's places there; None if it is
           not clear which is whose. apart(entries): the entries, those of one message together; joined(...): the message.
Guarantees what was split and not changed is joined to the very message.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from dspy_programs.conversation import as_dict, parts_of
from dspy_programs.memory.entry import MemoryEntry

_LISTS = ("tool_responses", "content", "parts")


def split(raw: Any, results: int, says: bool, own_last: bool) -> list[tuple[list[int], Any]] | None:
    """Split a message into those of its entries: each with its parts of the content, and their places."""
    inner: dict[str, Any] = as_dict(as_dict(raw).get("message")) or as_dict(raw)
    if isinstance(inner.get("tool_responses"), list):
        return None if says else _responses_of(raw, results)
    key = next((key for key in _LISTS if isinstance(inner.get(key), list)), None)
    if key is None:
        return None
    answers: list[list[int]] = []
    own: list[int] = []
    for place, part in enumerate(inner[key]):
        held = parts_of([part])
        if held.results and (held.calls or len(held.results) > 1):
            return None
        if held.results:
            answers.append([place])
        else:
            own.append(place)
    if len(answers) != results or not answers:
        return None
    if not says:
        answers[0] = sorted([*own, *answers[0]])
        order = answers
    else:
        order = [*answers, own] if own_last else [own, *answers]
    return [(places, _with_list(raw, key, [inner[key][place] for place in places])) for places in order]


def _responses_of(raw: dict[str, Any], results: int) -> list[tuple[list[int], Any]] | None:
    """Split AutoGen 0.2's message of several results, whose content says them all once more."""
    answers = [one for one in raw["tool_responses"] if isinstance(one, dict) and isinstance(one.get("content"), str)]
    if len(answers) != len(raw["tool_responses"]) or len(answers) != results or raw.get("content") != _said_by(answers):
        return None
    return [([place], {**raw, "content": one["content"], "tool_responses": [one]}) for place, one in enumerate(answers)]


def _said_by(answers: Sequence[dict[str, Any]]) -> str:
    return "\n\n".join(str(one.get("content")) for one in answers)


def _with_list(raw: dict[str, Any], key: str, parts: list[Any]) -> dict[str, Any]:
    inner = raw.get("message")
    if key == "tool_responses":
        return {**raw, key: parts, "content": _said_by(parts)}
    return {**raw, "message": {**inner, key: parts}} if isinstance(inner, dict) else {**raw, key: parts}


def apart(entries: Iterable[MemoryEntry]) -> list[list[MemoryEntry]]:
    """Return entries that follow each other, those together that are parts of one message."""
    found: list[list[MemoryEntry]] = []
    for entry in entries:
        if found and _whose(entry) and _whose(entry) == _whose(found[-1][-1]):
            found[-1].append(entry)
        else:
            found.append([entry])
    return found


def _whose(entry: MemoryEntry) -> str | None:
    """Return the id of the first entry of the message that an entry is a part of; None for one that is a whole message."""
    part = entry.metadata.get("part")
    return str(part.get("of")) if isinstance(part, dict) and entry.role != "compressed" else None


def part_places(entry: MemoryEntry) -> list[int]:
    """Return the places of an entry's part in the content of its message; [] for the entry that has the whole message."""
    part = entry.metadata.get("part")
    places = part.get("places") if isinstance(part, dict) else None
    return [place for place in places if isinstance(place, int)] if isinstance(places, list) else []


def joined(told: Sequence[tuple[dict[str, Any], list[int]]]) -> dict[str, Any]:
    """Put the parts of a message together, each with its places; the first has it whole if it could not be split."""
    whole = told[0][0]
    key = next((key for key in _LISTS if isinstance(_inner(whole).get(key), list)), None)
    pieces: list[tuple[int, Any]] = []
    for message, places in told:
        if isinstance(parts := _inner(message).get(key or ""), list):
            pieces += zip(places, parts, strict=False)
    if key is None or not pieces:
        return whole
    return _with_list(whole, key, [part for _, part in sorted(pieces, key=lambda pair: pair[0])])


def _inner(message: dict[str, Any]) -> dict[str, Any]:
    return message["message"] if isinstance(message.get("message"), dict) else message
