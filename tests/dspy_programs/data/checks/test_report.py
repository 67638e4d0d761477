"""The report of a check is written when it says something new, and its time is that of what it says."""

import pytest

from dspy_programs.data.checks.report import Issue, ValidationReport, write_report


def report(when: str, *messages: str) -> ValidationReport:
    issues = [Issue(pair_id="1", check="length", severity="warning", message=message, field="output") for message in messages]
    return ValidationReport(dataset="mine", total_pairs=3, counts={"length": len(issues)}, issues=issues, produced_at=when)


def test_report_that_says_the_same_keeps_its_time(tmp_path):
    path = tmp_path / "mine.report.json"
    write_report(path, report("2026-01-01T00:00:00", "too short"))
    before = path.read_bytes()
    write_report(path, report("2026-01-02T00:00:00", "too short"))
    assert path.read_bytes() == before
    write_report(path, report("2026-01-03T00:00:00", "too short", "too long"))
    assert ValidationReport.model_validate_json(path.read_bytes()) == report("2026-01-03T00:00:00", "too short", "too long")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff"])
def test_file_that_is_no_report_is_replaced(tmp_path, content):
    (path := tmp_path / "mine.report.json").write_bytes(content)
    write_report(path, report("2026-01-01T00:00:00"))
    assert ValidationReport.model_validate_json(path.read_bytes()).total_pairs == 3
