"""A memory on disk: one JSON file, compact even though every original can be restored.

{version: 1, encoding_name, entries[...], extra?{last_report}}, as in other memory files of this form. Histories of
compressed entries are not written inline: `originals` stores them once, packed (zlib, base85), and an entry's
`compression_history` is the number of its records there, in order.

Input      save(store, path, report): any store; load(path): a file of this form, with or without `originals`; opened(path):
           one to change, or to begin.
Output     load returns a store equal to the saved one, including positions and histories, and the report. opened gives the
           store to a block and saves it when the block ends well.
Guarantees written whole or not at all; loading and saving again gives the same bytes; contents are data: checked, never run.
           Processes that change a file with `opened` lose nothing of each other's: each waits until the one before has saved.
Raises     UsageError for a file that is unreadable, not a memory, or has damaged originals: file, field, what.
"""

import contextlib
import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from dspy_programs.atomic_file import write_atomically
from dspy_programs.errors import UsageError, first_fault
from dspy_programs.memory.entry import MemoryEntry
from dspy_programs.memory.file_lock import WAIT_SECONDS, locked
from dspy_programs.memory.packed_originals import BROKEN, LARGEST, dumped, packed, unpack_into
from dspy_programs.memory.store import ENCODING, MemoryStore
from dspy_programs.text_stream import bytes_in
from dspy_programs.tokens import TokenCounter

_VERSION = 1
_LARGEST_FILE = 512_000_000  # bytes


class Loaded(NamedTuple):
    """extra: the file's other content, such as {"last_report": ...}."""

    store: MemoryStore
    extra: dict[str, Any]


def save(store: MemoryStore, path: str | Path, report: dict[str, Any] | None = None) -> Path:
    """Write a store and the report of its last compression, completely or not at all.

    Args:
        store: The memory.
        path: The file to write.
        report: The report of its last compression, to store with it.

    Returns:
        The path of the file.

    Raises:
        UsageError: The file cannot be written, or the originals are too large to read back.
    """
    path = Path(path)
    write_atomically(path, file_of(store, {} if report is None else {"last_report": report}, path))
    return path


@contextlib.contextmanager
def opened(path: str | Path, counter: TokenCounter | None = None, wait: float = WAIT_SECONDS) -> Iterator[MemoryStore]:
    """Give a block the store of a file, alone, and save it when the block ends well: `with opened(path) as store:`.

    Args:
        path: The file; one that does not exist begins empty.
        counter: Token counter to use instead of the file's encoding.
        wait: Seconds to wait for another process that has the file opened.

    Yields:
        The store, to be changed. If the block raises, the file stays as it was.

    Raises:
        UsageError: The file cannot be read or written, or another process does not let it go.
    """
    path = Path(path)
    with locked(path, wait):
        store, extra = load(path, counter) if path.exists() else Loaded(MemoryStore(counter=counter), {})
        yield store
        write_atomically(path, file_of(store, extra, path))


def file_of(store: MemoryStore, extra: dict[str, Any], path: Path) -> bytes:
    """Return a file's content. Raises UsageError, with the path, if it would be too large to read back."""
    content: dict[str, Any] = {"version": _VERSION, "encoding_name": store.encoding_name}
    if extra:
        content["extra"] = extra
    positions = [store.position(entry) for entry in store]
    if positions != list(range(len(positions))):
        content["positions"] = positions
    entries = []
    for entry in store:
        shown = {name: value for name, value in entry if value is not None and value != [] and value != {}}
        if entry.compression_history:
            shown["compression_history"] = len(entry.compression_history)
            shown.pop("metadata", None)
        entries.append(shown)
    if stand_ins := [entry for entry in store if entry.compression_history]:
        content["originals"] = packed(stand_ins)
        if sum(block["size"] for block in content["originals"]) > LARGEST:
            raise UsageError(f"{path}: the originals exceed {LARGEST:,} bytes, the limit for reading back; split the memory")
    content["entries"] = entries
    return as_bytes(content)


def as_bytes(content: dict[str, Any]) -> bytes:
    """Write JSON, one entry per line, readable in every script; a lone surrogate as an escape."""
    rest = [f"{dumped(key)}: {dumped(value)}" for key, value in content.items() if key != "entries"]
    lines = ",\n".join(dumped(entry) for entry in content["entries"])
    return ("{" + ",\n".join([*rest, f'"entries": [\n{lines}\n]']) + "}\n").encode()


def load(path: str | Path, counter: TokenCounter | None = None) -> Loaded:
    """Read a store.

    Args:
        path: The file.
        counter: Token counter to use instead of the file's encoding.

    Returns:
        The store, equal to the saved one, and the rest of the file.

    Raises:
        UsageError: The file cannot be read, is not such a memory, or its originals are damaged.
    """
    path = Path(path)
    try:
        content = json.loads(bytes_in(path, _LARGEST_FILE, "a memory of one session"))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: not JSON: {error}; give a memory's JSON file") from error
    return from_content(content, path, counter)


def from_content(content: Any, path: Path, counter: TokenCounter | None = None) -> Loaded:
    if not isinstance(content, dict) or not isinstance(content.get("entries"), list):
        raise UsageError(
            f"{path}: entries: missing; this is no memory file; if it has messages, `memory restore {path} -o MEMORY` makes one"
        )
    if content.get("version", _VERSION) != _VERSION:
        raise UsageError(
            f"{path}: version: {content['version']!r:.40} is not {_VERSION}; the file was written by a different version"
        )
    encoding = content.get("encoding_name", ENCODING)
    if not isinstance(encoding, str):
        raise UsageError(f"{path}: encoding_name: {encoding!r:.40} is not a name; try {ENCODING!r}")
    raws = [dict(raw) if isinstance(raw, dict) else raw for raw in content["entries"]]
    try:
        unpack_into(raws, content.get("originals", []))
    except BROKEN as error:
        raise UsageError(f"{path}: originals: damaged ({error!r:.200}); restore the file from a backup") from error
    entries = [entry_of(raw, f"{path}: entries[{place}]") for place, raw in enumerate(raws)]
    positions = content.get("positions", list(range(len(entries))))
    if not _is_rising(positions, len(entries)):
        raise UsageError(f"{path}: positions: not {len(entries)} rising numbers; restore the file from a backup")
    store = MemoryStore(encoding, counter)
    for place, (entry, position) in enumerate(zip(entries, positions, strict=True)):
        if entry.id in store:
            raise UsageError(f"{path}: entries[{place}]: id: {entry.id!r} appears twice; give each entry its own")
        store.add_entry(entry, position)
    extra = content.get("extra")
    return Loaded(store, extra if isinstance(extra, dict) else {})


def _is_rising(positions: Any, length: int) -> bool:
    if not isinstance(positions, list) or len(positions) != length or not all(type(p) is int and p >= 0 for p in positions):
        return False
    return all(a < b for a, b in pairwise(positions))


def entry_of(raw: Any, where: str) -> MemoryEntry:
    try:
        return MemoryEntry.model_validate(raw)
    except ValidationError as error:
        raise UsageError(f"{where}: {first_fault(error, 'entry')}; fix that entry") from error
