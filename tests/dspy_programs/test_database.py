"""A SQLite file that several processes begin at once."""

import sqlite3
import threading
import time

import pytest

from dspy_programs.database import Database

SCHEMA = ["CREATE TABLE IF NOT EXISTS notes (text)"]


@pytest.mark.parametrize("at", ["DEFERRED", "IMMEDIATE", "EXCLUSIVE"])
def test_a_file_that_another_process_begins_is_waited_for(tmp_path, at):
    other = sqlite3.connect(tmp_path / "x.sqlite", isolation_level=None, check_same_thread=False)
    other.execute(SCHEMA[0])
    other.execute(f"BEGIN {at}")
    other.execute("SELECT * FROM notes").fetchall()
    began = time.monotonic()
    threading.Timer(0.3, other.execute, ["COMMIT"]).start()
    database = Database(tmp_path / "x.sqlite", "notes", SCHEMA, ["notes"])
    assert time.monotonic() - began >= 0.25
    database.write("INSERT INTO notes VALUES (?)", ("a",))
    assert [row["text"] for row in database.rows("SELECT text FROM notes")] == ["a"]
    other.close()
