"""The tables of the file of all sessions."""

from pathlib import Path

from dspy_programs.database import Database

_FIRST = """
CREATE TABLE IF NOT EXISTS sessions (id TEXT PRIMARY KEY, goal TEXT, created REAL, updated REAL, status TEXT);
CREATE TABLE IF NOT EXISTS state (session TEXT, name TEXT, value TEXT, PRIMARY KEY (session, name));
CREATE TABLE IF NOT EXISTS tasks (session TEXT, id TEXT, task TEXT, PRIMARY KEY (session, id));
CREATE TABLE IF NOT EXISTS messages (n INTEGER PRIMARY KEY, session TEXT, task TEXT, turn TEXT);
CREATE TABLE IF NOT EXISTS calls
    (n INTEGER PRIMARY KEY, session TEXT, task TEXT, tool TEXT, arguments TEXT, result TEXT, started REAL, ended REAL);
CREATE TABLE IF NOT EXISTS events (n INTEGER PRIMARY KEY, session TEXT, event TEXT);
CREATE TABLE IF NOT EXISTS notes (n INTEGER PRIMARY KEY, session TEXT, text TEXT, at REAL);
CREATE INDEX IF NOT EXISTS messages_of ON messages (session, task);
CREATE INDEX IF NOT EXISTS calls_of ON calls (session);
CREATE INDEX IF NOT EXISTS events_of ON events (session);
CREATE INDEX IF NOT EXISTS notes_of ON notes (session);
"""
_SCHEMA = (_FIRST,)
"""What makes schema n + 1 of schema n. Append to it, and change none. Files made before there were numbers have the first."""
OF_FOLDER = "id IN (SELECT session FROM state WHERE name = 'workspace' AND value = ?)"  # conditions on a session
OF_OWNER = "coalesce((SELECT value FROM state WHERE session = id AND name = 'owner'), 'null') = ?"
TABLES = ("state", "tasks", "messages", "calls", "events", "notes")  # with a column `session`


def opened(path: Path) -> Database:
    """Open the file of sessions. Raises UsageError."""
    return Database(path, "sessions", _SCHEMA, TABLES)
