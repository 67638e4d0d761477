"""One open session: every message, call, task and event of a run, on file before the run goes on.

Guarantees a call is on file before it is made (`intend`) and its result after (`settle`); a call without a result was under
           way when its process died. Appending takes the same time however long the session is.
Raises     UsageError if the file cannot be written; then the call must not be made.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from pydantic import JsonValue

from dspy_programs.agent.planning.ledger import LedgerTask
from dspy_programs.agent.sessions.database import OF_FOLDER, OF_OWNER
from dspy_programs.database import IN_MEMORY, Database
from dspy_programs.jsonable import to_jsonable
from dspy_programs.text import content_stems
from dspy_programs.types import Call, Turn

_MOST_RECALLED = 5
_MOST_NOTES = 10_000  # that are searched, the newest


class PastCall(NamedTuple):
    """A call on file. result: None while it has none."""

    number: int
    task: str
    call: Call
    result: JsonValue | None


class Session:
    """The records of one run. memory: whether `recall` also finds what other sessions remember."""

    def __init__(
        self, database: Database, session_id: str, *, memory: bool = False, on_close: Callable[[], object] = lambda: None
    ) -> None:
        self.id, self.memory = session_id, memory
        self._database, self._on_close = database, on_close
        (row,) = database.rows("SELECT goal FROM sessions WHERE id = ?", [session_id])
        self.goal: str = row["goal"]
        held = database.rows("SELECT name, value FROM state WHERE session = ?", [session_id])
        self._state: dict[str, Any] = {each["name"]: json.loads(each["value"]) for each in held}

    @property
    def is_kept(self) -> bool:
        """Whether it is in a file."""
        return self._database.path != IN_MEMORY

    def set(self, status: str = "", **state: Any) -> None:
        """Keep values under their names, and the status if one is given."""
        keep = "INSERT INTO state VALUES (?, ?, ?) ON CONFLICT (session, name) DO UPDATE SET value = excluded.value"
        with self.together():
            for name, value in state.items():
                self._database.write(keep, [self.id, name, _json(value)])
            self._database.write(
                "UPDATE sessions SET goal = ?, updated = ?, status = coalesce(nullif(?, ''), status) WHERE id = ?",
                [self.goal, time.time(), status, self.id],
            )
        self._state.update(to_jsonable(state))

    def get(self, name: str, default: Any = None) -> Any:
        return self._state.get(name, default)

    def together(self) -> AbstractContextManager[None]:
        """Put what a block writes on file at once: all of it, or nothing."""
        return self._database.together()

    def keep_task(self, task: Mapping[str, Any]) -> None:
        statement = "INSERT INTO tasks VALUES (?, ?, ?) ON CONFLICT (session, id) DO UPDATE SET task = excluded.task"
        self._database.write(statement, [self.id, task["id"], _json(task)])

    def tasks(self) -> list[LedgerTask]:
        rows = self._database.rows("SELECT task FROM tasks WHERE session = ? ORDER BY rowid", [self.id])
        return [LedgerTask.model_validate_json(row["task"]) for row in rows]

    def say(self, task: str, turn: Turn) -> None:
        """Add a turn to the history of a task."""
        self._database.write(
            "INSERT INTO messages (session, task, turn) VALUES (?, ?, ?)",
            [self.id, task, _json(turn.model_dump(exclude_none=True))],
        )

    def turns(self, task: str) -> list[Turn]:
        rows = self._database.rows("SELECT turn FROM messages WHERE session = ? AND task = ? ORDER BY n", [self.id, task])
        return [Turn.model_validate_json(row["turn"]) for row in rows]

    def intend(self, task: str, call: Call) -> int:
        """Put a call on file before it is made; return its number."""
        statement = "INSERT INTO calls (session, task, tool, arguments, started) VALUES (?, ?, ?, ?, ?)"
        return self._database.write(statement, [self.id, task, call.tool, _json(call.arguments), time.time()])

    def settle(self, number: int, result: JsonValue) -> None:
        """Put the result of a call on file."""
        self._database.write("UPDATE calls SET result = ?, ended = ? WHERE n = ?", [_json(result), time.time(), number])

    def unsettled(self) -> list[PastCall]:
        """Return the calls without a result."""
        return self.calls("AND result IS NULL")

    def calls(self, which: str = "") -> list[PastCall]:
        rows = self._database.rows(f"SELECT * FROM calls WHERE session = ? {which} ORDER BY n", [self.id])
        return [_past(row) for row in rows]

    def tell(self, event: Mapping[str, Any]) -> None:
        self._database.write("INSERT INTO events (session, event) VALUES (?, ?)", [self.id, _json(event)])

    def events(self) -> list[dict[str, Any]]:
        rows = self._database.rows("SELECT event FROM events WHERE session = ? ORDER BY n", [self.id])
        return [json.loads(row["event"]) for row in rows]

    def remember(self, text: str) -> None:
        self._database.write("INSERT INTO notes (session, text, at) VALUES (?, ?, ?)", [self.id, text, time.time()])

    def recall(self, query: str) -> list[str]:
        """Return the notes that share most words with the query, at most five; without a query the last ones."""
        whose, values = ("", []) if self.memory else ("WHERE session = ? ", [self.id])
        if self.memory and self.get("recalls") == "folder":  # a client of a server sees no more than its own in this folder
            whose = f"WHERE session IN (SELECT id FROM sessions WHERE {OF_FOLDER} AND {OF_OWNER}) "
            values = [_json(self.get("workspace")), _json(self.get("owner"))]
        rows = self._database.rows(f"SELECT text FROM notes {whose}ORDER BY n DESC LIMIT {_MOST_NOTES}", values)
        notes = [row["text"] for row in rows]
        wanted = set(content_stems(query))
        shared = Counter({text: len(wanted & set(content_stems(text))) for text in reversed(notes)})
        found = [text for text, number in shared.most_common(_MOST_RECALLED) if number] if wanted else notes[:_MOST_RECALLED]
        return found

    def close(self) -> None:
        """End the session's lock; what is on file stays. `with` does it too."""
        self._on_close()

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _past(row: Any) -> PastCall:
    result = None if row["result"] is None else json.loads(row["result"])
    call = Call(tool=row["tool"], arguments=json.loads(row["arguments"]))
    return PastCall(row["n"], row["task"], call, result)


def _json(value: Any) -> str:
    return json.dumps(to_jsonable(value), ensure_ascii=False)
