"""The office of WorkBench: its five tables and the plots that were made, all of them text, as its files have them.

Input      raw: the folder that holds actor/workbench/.
Output     Office; `state()` is what two runs are compared by: every record and every plot, in small letters, in any order.
Raises     DatasetError if a file is missing; ToolError for what cannot be done, in the words of the source's tools.
Source     WorkBench (Styles et al. 2024), commit 42f1b6dc18986f47701ca83de2d63dd4f95c59a0, MIT.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from dspy_programs.errors import ToolError
from optimizers.sources.reading import read_csv

Record = dict[str, str]

NOW = "2023-11-30 00:00:00"
_FILES = {
    "visits": "analytics_data",
    "events": "calendar_events",
    "customers": "customer_relationship_manager_data",
    "emails": "emails",
    "tasks": "project_tasks",
}
IDS = {"events": "event_id", "customers": "customer_id", "emails": "email_id", "tasks": "task_id"}


class Office:
    """The tables as they are now."""

    def __init__(self, raw: Path) -> None:
        home = raw / "actor" / "workbench"
        self.tables = {name: read_csv(home / "processed" / f"{file}.csv") for name, file in _FILES.items()}
        self.people = (home / "raw" / "email_addresses.csv").read_text(encoding="utf-8").split()
        self.plots: list[str] = []

    def state(self) -> Counter[str]:
        records = [f"{name} {sorted(record.items())}".lower() for name in IDS for record in self.tables[name]]
        return Counter([*records, *self.plots])

    def found(self, table: str, wanted: Callable[[Record], bool], most: int | None = None) -> list[Record]:
        return [dict(record) for record in self.tables[table] if wanted(record)][:most]

    def record(self, table: str, id_: str) -> Record:
        for record in self.tables[table]:
            if record[IDS[table]] == id_:
                return record
        raise ToolError(f"{_one(table)} not found: {id_}")

    def add(self, table: str, **values: str) -> str:
        key = IDS[table]
        id_ = f"{max(int(record[key]) for record in self.tables[table]) + 1:08}"
        self.tables[table].append({key: id_, **values})
        return id_

    def set(self, table: str, id_: str, field: str, value: str, allowed: Callable[[str, str], str] | None = None) -> str:
        """allowed: returns a value that a field may have, else raises ToolError; None where any may be."""
        record = self.record(table, id_)
        if field not in record or field == IDS[table]:
            known = ", ".join(name for name in record if name != IDS[table])
            raise ToolError(f"Field not valid. Please choose from: {known}")
        record[field] = allowed(field, value) if allowed else value
        return f"{_one(table)} updated successfully."

    def delete(self, table: str, id_: str) -> str:
        self.tables[table].remove(self.record(table, id_))
        return f"{_one(table)} deleted successfully."

    def address(self, email: str) -> str:
        """Return an address as it is stored. Raises ToolError for none."""
        if "@" not in email or "." not in email:
            raise ToolError("Invalid recipient email address.")
        return email.lower()


def _one(table: str) -> str:
    return table.removesuffix("s").capitalize()
