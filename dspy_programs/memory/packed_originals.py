"""The originals in a memory's file: each stored once, packed (zlib, base85) with the file's live text as the dictionary.

Output     packed(entries): blocks for the histories of compressed entries; unpack_into(raws, blocks): the histories back.
           dumped: JSON, readable in every script.
Guarantees unpacking takes no more memory than a block declares, and all together at most LARGEST.
Raises     one of BROKEN for what is damaged.
"""

import base64
import json
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from dspy_programs.memory.entry import MemoryEntry

_WINDOW = 32_000  # bytes that the packer looks back
_COLUMNS = ("strategy", "timestamp", "metadata", "original", "position")
LARGEST = 256_000_000  # bytes of all originals of a file, unpacked: a small file must not exhaust memory
BROKEN = (ValueError, RecursionError, TypeError, KeyError, AttributeError, IndexError, zlib.error)


def packed(entries: Sequence[MemoryEntry]) -> list[dict[str, Any]]:
    """Return the records of entries that have some, in blocks."""
    return [_packed(chunk) for chunk in _chunks_of(entries)]


def _packed(entries: Sequence[MemoryEntry]) -> dict[str, Any]:
    """Store the entries' records by column, so that similar values are adjacent, and each distinct text once.

    The file's live text is the packing dictionary: an extract occurs verbatim in its original, so text that is readable
    there takes almost no space here.
    """
    records = [record for entry in entries for record in entry.compression_history]
    texts: dict[str, int] = {}
    columns: dict[str, list[Any]] = {name: [record.get(name) for record in records] for name in _COLUMNS}
    columns["text"] = [texts.setdefault(record["original_content"], len(texts)) for record in records]
    columns["more"] = [{k: v for k, v in record.items() if k not in _COLUMNS and k != "original_content"} for record in records]
    content = {"texts": list(texts), "columns": columns, "metadata": [entry.metadata for entry in entries]}
    packer = zlib.compressobj(6, zdict=dictionary([dict(entry) for entry in entries]))
    plain = dumped(content).encode()
    data = packer.compress(plain) + packer.flush()
    return {"count": len(records), "size": len(plain), "data": base64.b85encode(data).decode()}


def _unpack_block(raws: Sequence[dict[str, Any]], block: dict[str, Any]) -> None:
    """Give raw entries, whose history is a count, that many records of a block each, and their metadata."""
    unpacker = zlib.decompressobj(zdict=dictionary(raws))
    data = unpacker.decompress(base64.b85decode(block["data"]), block["size"] + 1)
    if not unpacker.eof or len(data) != block["size"]:
        raise ValueError("truncated, or larger than declared")
    content = json.loads(data)
    columns = content["columns"]
    if not all(isinstance(text, str) for text in content["texts"]):
        raise ValueError("a text that is none")
    records = []
    for number, text in enumerate(columns["text"]):
        fields = {name: columns[name][number] for name in _COLUMNS if columns[name][number] is not None}
        records.append({**fields, "original_content": content["texts"][text], **columns["more"][number]})
    if len(records) != block["count"]:
        raise ValueError(f"{block['count']} records declared, {len(records)} found")
    left = iter(records)
    for raw, metadata in zip(raws, content["metadata"], strict=True):
        raw["metadata"], raw["compression_history"] = metadata, list(islice(left, raw["compression_history"]))


def dictionary(entries: Sequence[dict[str, Any]]) -> bytes:
    """Return the text that entries in the file share with their originals."""
    lines = [f"{entry['content']}\n{entry['id']} {entry['timestamp']!r}\n" for entry in entries]
    return dumped("".join(lines))[-_WINDOW:].encode()


def _chunks_of(entries: Sequence[MemoryEntry]) -> Iterator[list[MemoryEntry]]:
    """Group entries with histories so that a group's live text is within the packer's reach."""
    chunk: list[MemoryEntry] = []
    size = 0
    for entry in entries:
        if chunk and size > _WINDOW // 2:
            yield chunk
            chunk, size = [], 0
        chunk.append(entry)
        size += sum(len(record["original_content"]) for record in entry.compression_history)
    if chunk:
        yield chunk


def dumped(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value)
    return text


def unpack_into(raws: list[Any], blocks: Any) -> None:
    """Give each raw entry whose history is a count that many records of the blocks, in order. Raises one of BROKEN."""
    if any(block["size"] < 0 for block in blocks) or sum(block["size"] for block in blocks) > LARGEST:
        raise ValueError("larger than a memory can be")
    waiting = deque(raw for raw in raws if isinstance(raw, dict) and type(raw.get("compression_history")) is int)
    for block in blocks:
        mine: list[dict[str, Any]] = []
        named = 0
        while named < block["count"]:
            mine.append(waiting.popleft())
            named += mine[-1]["compression_history"]
        _unpack_block(mine, block)
    if waiting:
        raise ValueError(f"{len(waiting)} entries have no records")
