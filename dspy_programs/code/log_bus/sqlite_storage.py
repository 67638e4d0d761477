"""The storage in a SQLite file, bounded: the oldest entries of the largest stream make room.

Guarantees a batch is written whole or not at all, also by several processes and if one is killed; readers never wait.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dspy_programs.code.log_bus.storage import Batch, Entry, Stream
from dspy_programs.database import IN_MEMORY, Database

_SCHEMA = [
    """
    CREATE TABLE pairs (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE streams (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, entries INTEGER NOT NULL DEFAULT 0,
        bytes INTEGER NOT NULL DEFAULT 0, appended INTEGER NOT NULL DEFAULT 0, dropped INTEGER NOT NULL DEFAULT 0);
    CREATE TABLE entries (id INTEGER PRIMARY KEY AUTOINCREMENT, stream INTEGER NOT NULL, value TEXT NOT NULL);
    CREATE INDEX entries_of_stream ON entries (stream, id);
    CREATE VIRTUAL TABLE entry_words USING fts5(value, content='entries', content_rowid='id');
    CREATE TRIGGER entry_added AFTER INSERT ON entries BEGIN
        INSERT INTO entry_words (rowid, value) VALUES (new.id, new.value);
    END;
    CREATE TRIGGER entry_dropped AFTER DELETE ON entries BEGIN
        INSERT INTO entry_words (entry_words, rowid, value) VALUES ('delete', old.id, old.value);
    END;
    """
]
_AT_ONCE = 20  # a stream that is too large loses one in so many of its entries


class SqliteStorage:
    """keep_entries, keep_bytes: of all streams together."""

    def __init__(self, path: Path, keep_entries: int = 100_000, keep_bytes: int = 200_000_000) -> None:
        self.path, self.keep_entries, self.keep_bytes = path, keep_entries, keep_bytes
        self.database = Database(path, "events", _SCHEMA, ["pairs", "streams", "entries"])

    @property
    def place(self) -> str:
        return "memory" if self.path == IN_MEMORY else str(self.path)

    def get(self, key: str) -> Any:
        found = self.database.rows("SELECT value FROM pairs WHERE key = ?", (key,))
        return json.loads(found[0][0]) if found else None

    def write(self, batch: Batch) -> bool:
        with self.database.together():
            if any(self.get(key) != value for key, value in batch.expected.items()):
                return False
            put = "INSERT INTO pairs VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
            self.database.write_many(put, ((key, json.dumps(value)) for key, value in batch.puts.items()))
            count = "INSERT INTO counters VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value"
            self.database.write_many(count, batch.counts.items())
            for stream, value in batch.appends:
                self._append(stream, json.dumps(value, ensure_ascii=False))
            if batch.appends:
                self._make_room()
        return True

    def _append(self, stream: str, text: str) -> None:
        text = text.encode("utf-8", "replace").decode("utf-8")  # lone surrogates
        size = len(text.encode("utf-8"))
        self.database.write(
            "INSERT INTO streams (name, entries, bytes, appended) VALUES (?, 1, ?, 1) ON CONFLICT (name) DO UPDATE SET "
            "entries = entries + 1, bytes = bytes + excluded.bytes, appended = appended + 1",
            (stream, size),
        )
        self.database.write("INSERT INTO entries (stream, value) SELECT id, ? FROM streams WHERE name = ?", (text, stream))

    def _make_room(self) -> None:
        """Drop the oldest entries of the largest stream until there are few enough: a quiet log keeps what it has."""
        while True:
            ((entries, size),) = self.database.rows("SELECT sum(entries), sum(bytes) FROM streams")
            if entries <= self.keep_entries and size <= self.keep_bytes:
                return
            measure = "entries" if entries > self.keep_entries else "bytes"
            largest = self.database.rows(f"SELECT id, entries FROM streams ORDER BY {measure} DESC LIMIT 1")[0]
            oldest = self.database.rows(
                "SELECT id, length(CAST(value AS BLOB)) AS size FROM entries WHERE stream = ? ORDER BY id LIMIT ?",
                (largest["id"], largest["entries"] // _AT_ONCE + 1),
            )
            self.database.write_many("DELETE FROM entries WHERE id = ?", ((row["id"],) for row in oldest))
            self.database.write(
                "UPDATE streams SET entries = entries - ?, bytes = bytes - ?, dropped = dropped + ? WHERE id = ?",
                (len(oldest), sum(row["size"] for row in oldest), len(oldest), largest["id"]),
            )

    def read(self, stream: str, after: int = 0, most: int = 1_000) -> list[Entry]:
        return self._entries("name = ? AND entries.id > ? ORDER BY entries.id LIMIT ?", (stream, after, most))

    def last(self, stream: str, most: int = 1_000) -> list[Entry]:
        return self._entries("name = ? ORDER BY entries.id DESC LIMIT ?", (stream, most))[::-1]

    def search(self, words: str, most: int = 100, streams: Sequence[str] = ()) -> list[Entry]:
        asked = " ".join('"' + word.replace('"', '""') + '"' for word in words.split())
        if not asked:
            return []
        wanted = f"SELECT id FROM streams WHERE name IN ({', '.join('?' * len(streams))})"
        only = f"AND rowid IN (SELECT id FROM entries WHERE stream IN ({wanted}))" if streams else ""
        matching = f"SELECT rowid FROM entry_words WHERE entry_words MATCH ? {only} ORDER BY rank LIMIT ?"
        return self._entries(f"entries.id IN ({matching}) ORDER BY entries.id DESC", (asked, *streams, most))

    def _entries(self, where: str, values: Sequence[Any]) -> list[Entry]:
        rows = self.database.rows(
            f"SELECT name, entries.id, value FROM entries JOIN streams ON streams.id = stream WHERE {where}", values
        )
        return [Entry(row[0], row[1], json.loads(row[2])) for row in rows]

    def streams(self) -> list[Stream]:
        rows = self.database.rows("SELECT name, entries, bytes, appended, dropped FROM streams ORDER BY name")
        return [Stream(*row) for row in rows]

    def counts(self) -> dict[str, int]:
        return {row[0]: row[1] for row in self.database.rows("SELECT name, value FROM counters ORDER BY name")}

    def close(self) -> None:
        self.database.close()
