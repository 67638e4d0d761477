"""What a run of the checks found, in the data flywheel's shape."""

import contextlib
import json
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from dspy_programs.atomic_file import opened_atomically
from dspy_programs.data.checks.options import Severity


class Issue(BaseModel):
    """One thing that is wrong with one row. spans: where in the field, in characters, with the kind."""

    model_config = ConfigDict(extra="forbid")

    pair_id: str
    check: str
    severity: Severity
    message: str
    field: str = ""
    spans: list[dict[str, Any]] | None = None


class ValidationReport(BaseModel):
    """counts: by check, and as "severity:error" and "severity:warning"; exact even where issues are left out."""

    model_config = ConfigDict(extra="forbid")

    dataset: str
    total_pairs: int
    counts: dict[str, int] = Field(default_factory=dict)
    issues: list[Issue] = Field(default_factory=list)
    issues_left_out: int = 0
    produced_at: str = ""

    @property
    def errors(self) -> int:
        return self.counts.get("severity:error", 0)

    @property
    def warnings(self) -> int:
        return self.counts.get("severity:warning", 0)


class Issues:
    """The first issues of a run as lines of JSON, and how many there are of each kind."""

    def __init__(self, most: int) -> None:
        self.counts: Counter[str] = Counter()
        self.lines: list[bytes] = []
        self.left_out = 0
        self._most = most

    def add(self, lines: Iterable[bytes], counts: dict[str, int]) -> None:
        self.counts.update(counts)
        for line in lines:
            if len(self.lines) < self._most:
                self.lines.append(line)
            else:
                self.left_out += 1

    @property
    def has_room(self) -> bool:
        return len(self.lines) < self._most

    def report(self, dataset: str, total: int) -> ValidationReport:
        issues = [Issue.model_validate_json(line) for line in self.lines]
        counts = {name: self.counts[name] for name in sorted(self.counts)}
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return ValidationReport(
            dataset=dataset, total_pairs=total, counts=counts, issues=issues, issues_left_out=self.left_out, produced_at=now
        )


def write_report(path: Path, report: ValidationReport) -> None:
    """Write a report as JSON, an issue a line; one that says what the file says already keeps its time. Raises UsageError."""
    with contextlib.suppress(OSError, ValueError):  # there is none, or it is none
        before = ValidationReport.model_validate_json(path.read_bytes())
        if before.model_copy(update={"produced_at": report.produced_at}) == report:
            return  # so that a pipeline has nothing to do after it
    head = report.model_dump(exclude={"issues"})
    with opened_atomically(path) as file:
        file.write(b"{\n")
        for name, value in head.items():
            file.write(f" {json.dumps(name)}: {json.dumps(value)},\n".encode())
        file.write(b' "issues": [')
        for number, issue in enumerate(report.issues):
            file.write(b",\n  " if number else b"\n  ")
            file.write(issue.model_dump_json(exclude_none=True).encode("utf-8", "replace"))
        file.write(b"\n ]\n}\n")
