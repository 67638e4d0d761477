"""The corpora on file: what was ingested under which name, and the jobs that ingest.

Guarantees a corpus is replaced and removed as a whole, or not at all; ids are names, never paths.
Raises     UsageError for an id that is none or is not on file, or a file that cannot be used.
"""

import json
import os
import re
import secrets
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import platformdirs
from pydantic import BaseModel

from dspy_programs.database import Database
from dspy_programs.errors import UsageError
from dspy_programs.text import sendable

FILE_VARIABLE = "DSPY_PROGRAMS_DOCUMENTS"  # moves the file
_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_LONGEST_DESCRIPTION = _LONGEST_NAME = 500  # characters
_FIRST = """
CREATE TABLE corpora (id TEXT PRIMARY KEY, description TEXT, sources TEXT, characters INTEGER, created REAL);
CREATE VIRTUAL TABLE parts USING fts5(corpus UNINDEXED, number UNINDEXED, text, tokenize = 'porter unicode61');
CREATE TABLE jobs (id TEXT PRIMARY KEY, corpus TEXT, state TEXT, message TEXT, updated REAL);
"""

_SECOND = """
CREATE TABLE texts (id INTEGER PRIMARY KEY, corpus TEXT, number INTEGER, text TEXT, UNIQUE (corpus, number));
CREATE VIRTUAL TABLE words USING fts5(text, content = texts, content_rowid = id, tokenize = 'porter unicode61');
CREATE TRIGGER text_in AFTER INSERT ON texts BEGIN
    INSERT INTO words (rowid, text) VALUES (new.id, new.text);
END;
CREATE TRIGGER text_out AFTER DELETE ON texts BEGIN
    INSERT INTO words (words, rowid, text) VALUES ('delete', old.id, old.text);
END;
INSERT INTO texts (corpus, number, text) SELECT corpus, number, text FROM parts;
DROP TABLE parts;
"""
_COUNTED = "SELECT *, (SELECT count(*) FROM texts WHERE corpus = corpora.id) AS parts FROM corpora"

State = Literal["pending", "processing", "completed", "failed"]


class Corpus(BaseModel):
    """One corpus in a list. `characters` of all its parts; `created` in seconds since 1970."""

    id: str
    description: str
    sources: list[str]
    characters: int
    parts: int
    created: float


class Job(BaseModel):
    """An ingestion that goes on by itself. `updated` in seconds since 1970."""

    id: str
    corpus: str
    state: State
    message: str
    updated: float


class NotOnFile(UsageError):
    """There is no such corpus or job."""


def checked_id(corpus: str) -> str:
    """Return an id. Raises UsageError if it is none."""
    if not _ID.fullmatch(corpus):
        raise UsageError(f"{corpus[:80]!r} is not an id: use 1 to 64 of a-z, 0-9, - and _, a letter or digit first")
    return corpus


def default_path() -> Path:
    chosen = os.environ.get(FILE_VARIABLE)
    return Path(chosen) if chosen else platformdirs.user_data_path("dspy-programs") / "documents.sqlite"


class Corpora:
    """All corpora in one file; by default the user's own."""

    def __init__(self, path: str | Path | None = None) -> None:
        self.path = Path(path) if path is not None else default_path()
        self.database = Database(self.path, "documents", (_FIRST, _SECOND), ("corpora", "jobs"))
        self.database.rows("PRAGMA secure_delete = ON")  # what is removed is overwritten

    def put(self, corpus: str, parts: Sequence[str], sources: Sequence[str], description: str = "") -> Corpus:
        """Put a corpus on file; one of the same id is replaced."""
        checked_id(corpus)
        told, now = sendable(description, _LONGEST_DESCRIPTION), time.time()
        with self.database.together():
            self._delete(corpus)
            named = [sendable(source, _LONGEST_NAME) for source in sources]
            values = [corpus, told, json.dumps(named), sum(map(len, parts)), now]
            self.database.write("INSERT INTO corpora VALUES (?, ?, ?, ?, ?)", values)
            for number, text in enumerate(parts):
                self.database.write("INSERT INTO texts (corpus, number, text) VALUES (?, ?, ?)", [corpus, number, text])
            return self.get(corpus)

    def all(self) -> list[Corpus]:
        """Return what is on file, the newest first."""
        return [_corpus_of(row) for row in self.database.rows(f"{_COUNTED} ORDER BY created DESC, id")]

    def get(self, corpus: str) -> Corpus:
        """Return one corpus. Raises NotOnFile."""
        checked_id(corpus)
        for row in self.database.rows(f"{_COUNTED} WHERE id = ?", [corpus]):
            return _corpus_of(row)
        raise self._not_on_file(corpus)

    def texts(self, corpus: str) -> list[str]:
        """Return the parts of a corpus in order. Raises NotOnFile."""
        rows = self.database.rows("SELECT text FROM texts WHERE corpus = ? ORDER BY number", [checked_id(corpus)])
        if not rows:
            raise self._not_on_file(corpus)
        return [row["text"] for row in rows]

    def has(self, corpus: str, number: int, text: str) -> bool:
        """Return whether a part is on file with this very text."""
        return bool(
            self.database.rows("SELECT id FROM texts WHERE corpus = ? AND number = ? AND text = ?", [corpus, number, text])
        )

    def remove(self, corpus: str) -> None:
        """Remove a corpus. Raises NotOnFile."""
        self.get(corpus)
        with self.database.together():
            self._delete(corpus)
            self.database.write("INSERT INTO words (words) VALUES ('optimize')")  # else the index has its words until it grows

    def _not_on_file(self, corpus: str) -> NotOnFile:
        return NotOnFile(f"{self.path}: no corpus {corpus!r}; `dspy-programs documents ls` shows the ids")

    def _delete(self, corpus: str) -> None:
        self.database.write("DELETE FROM corpora WHERE id = ?", [corpus])
        self.database.write("DELETE FROM texts WHERE corpus = ?", [corpus])

    def new_job(self, corpus: str) -> Job:
        """Put a job on file that is to ingest a corpus."""
        job = Job(id=secrets.token_hex(8), corpus=checked_id(corpus), state="pending", message="", updated=time.time())
        self.database.write("INSERT INTO jobs VALUES (?, ?, ?, ?, ?)", [*job.model_dump().values()])
        return job

    def set_job(self, job: str, state: State, message: str = "") -> None:
        values = [state, message, time.time(), job]
        self.database.write("UPDATE jobs SET state = ?, message = ?, updated = ? WHERE id = ?", values)

    def job(self, job: str) -> Job:
        """Return one job. Raises NotOnFile."""
        for row in self.database.rows("SELECT * FROM jobs WHERE id = ?", [job]):
            return Job(**dict(row))
        raise NotOnFile(f"{self.path}: no job {job[:80]!r}")

    def unfinished_jobs(self) -> list[Job]:
        """Return the jobs that a process left, the oldest first."""
        rows = self.database.rows("SELECT * FROM jobs WHERE state IN ('pending', 'processing') ORDER BY updated")
        return [Job(**dict(row)) for row in rows]


def _corpus_of(row: sqlite3.Row) -> Corpus:
    return Corpus(**{**dict(row), "sources": json.loads(row["sources"])})
