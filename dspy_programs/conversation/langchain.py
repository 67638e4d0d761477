"""LangChain's messages by the names of their classes, and streams whose messages came in chunks.

Source     python.langchain.com: messages_to_dict, dumpd, AIMessageChunk (its pieces are added up as `+` adds them there).
"""

from collections.abc import Sequence
from typing import Any

from dspy_programs.conversation.values import as_dict, as_list


def class_of(name: str) -> str:
    """Return what kind of message a class name or a type says: "AIMessageChunk", "AIMessage" and "ai" are all "ai"."""
    short = name.removesuffix("Chunk").removesuffix("Message")
    return short.lower() if short != name else name


def is_chunk(raw: Any) -> bool:
    return isinstance(raw, dict) and str(raw.get("type")).endswith("MessageChunk")


def joined(raw: Sequence[Any]) -> list[tuple[tuple[int, ...], Any]]:
    """Put chunks that follow each other and are of one message together; everything else stays. With the places of each."""
    found: list[tuple[tuple[int, ...], Any]] = []
    last: dict[str, Any] | None = None
    for place, item in enumerate(raw):
        piece = _plain(item) if is_chunk(item) else None
        if piece is not None and last is not None and _is_same(last, piece):
            last["pieces"] += piece["pieces"]
            last["has_calls"] |= piece["has_calls"]
            found[-1] = ((*found[-1][0], place), last)
            continue
        last = piece
        found.append(((place,), item if piece is None else piece))
    for _, message in found:
        if isinstance(message, dict) and "pieces" in message:
            _finish(message)
    return found


def _plain(raw: dict[str, Any]) -> dict[str, Any]:
    """Return a chunk as a message that may grow."""
    held = {**as_dict(raw.get("data")), **{key: value for key, value in raw.items() if key != "data"}}
    has_calls = bool(as_list(held.get("tool_calls")) or as_list(held.get("tool_call_chunks")))
    return {**held, "type": class_of(str(raw["type"])), "pieces": [held], "has_calls": has_calls}


def _is_same(message: dict[str, Any], piece: dict[str, Any]) -> bool:
    is_ai = message["type"] == piece["type"] == "ai"
    return is_ai and message.get("id") == piece.get("id") and not (message["has_calls"] and _says(piece))


def _says(raw: dict[str, Any]) -> bool:
    """Return whether a chunk without an id begins to talk: behind a call that is a new message."""
    return raw.get("id") is None and bool(raw.get("content"))


def _finish(message: dict[str, Any]) -> None:
    pieces = message.pop("pieces")
    contents = [piece.get("content") for piece in pieces]
    if len(pieces) == 1:
        return
    if all(isinstance(content, str) or content is None for content in contents):
        message["content"] = "".join(content or "" for content in contents)
    else:
        message["content"] = [part for content in contents for part in (content if isinstance(content, list) else [content])]
    calls = [call for piece in pieces for call in as_list(piece.get("tool_call_chunks")) if isinstance(call, dict)]
    whole = [call for piece in pieces for call in as_list(piece.get("tool_calls")) if isinstance(call, dict)]
    message["tool_calls"] = _calls_of(calls) if calls else whole
    message["invalid_tool_calls"] = []  # parts of calls, each no JSON by itself


def _calls_of(chunks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add up the pieces of calls: the same index, or an empty id, goes on with the same call."""
    found: dict[Any, dict[str, Any]] = {}
    for chunk in chunks:
        place = chunk.get("index")
        if not isinstance(place, (int, str)):
            place = chunk.get("id") if isinstance(chunk.get("id"), str) else None
        call = found.setdefault(place, {"name": "", "args": "", "id": chunk.get("id")})
        call["id"] = call["id"] or chunk.get("id")
        for key in ("name", "args"):
            call[key] += chunk[key] if isinstance(chunk.get(key), str) else ""
    return list(found.values())
