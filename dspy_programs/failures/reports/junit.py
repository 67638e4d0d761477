"""JUnit XML for CI test reports: a test case per trace and per limit, an error per unreadable record.

Guarantees what XML cannot represent (control characters, lone surrogates) becomes a replacement character; cases wait in a
           temporary file, because the counts come first.
"""

import re
import tempfile
from typing import IO
from xml.sax.saxutils import escape, quoteattr

from dspy_programs.failures.batch import Batch, Outcome
from dspy_programs.failures.classifier import FailureReport, FoundMode
from dspy_programs.failures.reports.place import parse_place
from dspy_programs.failures.reports.words import verdict_in_words
from dspy_programs.text import shortened

_LONGEST_GOAL = 300  # characters
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class JUnit:
    """Collects test cases; `finish` writes the document."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.cases = tempfile.TemporaryFile()

    def add(self, outcome: Outcome) -> None:
        report = outcome.report
        if report is None:
            problem = f"<error type={attribute('unreadable')} message={attribute(outcome.problem or '')}/>"
            self.case(parse_place(outcome.source).file, outcome.source, problem)
            return
        name = f"{report.trace_id} ({outcome.source})" if report.trace_id else outcome.source
        self.case(parse_place(outcome.source).file, name, _inside(report))

    def case(self, class_name: str, name: str, inside: str) -> None:
        line = f"<testcase classname={attribute(class_name)} name={attribute(name)}>{inside}</testcase>\n"
        self.cases.write(line.encode("utf-8", "replace"))

    def finish(self, batch: Batch) -> None:
        for check in batch.checks:
            message = "" if check.holds else f"<failure type={attribute('bound')} message={attribute(check.text)}/>"
            self.case("bounds", check.text, message)
        tests = batch.traces + batch.unreadable + len(batch.checks)
        failed = batch.failing.count + sum(not check.holds for check in batch.checks)
        counts = f'tests="{tests}" failures="{failed}" errors="{batch.unreadable}" skipped="0"'
        head = f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites {counts}>\n<testsuite name="failures" {counts}>\n'
        self.file.write(head.encode())
        self.cases.seek(0)
        while piece := self.cases.read(1 << 20):
            self.file.write(piece)
        self.cases.close()
        self.file.write(b"</testsuite>\n</testsuites>\n")


def _inside(report: FailureReport) -> str:
    """Return a failure for what counts as one; what is only possible is said in a test case that passes."""
    if report.counts_as != "none":
        return failure(report)
    if not report.possible:
        return ""
    said = f"{verdict_in_words(report.classified_failure_mode, True)}: {report.root_cause_summary}"
    return f"<system-out>{escape(valid(said))}</system-out>"


def failure(report: FailureReport) -> str:
    goal = f"Goal: {shortened(' '.join(report.original_goal.split()), _LONGEST_GOAL)}"
    text = "\n".join([goal, *map(_seen, report.modes), "", "How to fix it:", *(f"- {fix}" for fix in report.fixes)])
    kind, message = attribute(report.counts_as), attribute(report.root_cause_summary)
    return f"<failure type={kind} message={message}>{escape(valid(text))}</failure>"


def _seen(found: FoundMode) -> str:
    right = "" if found.probability is None else f" (right in {found.probability:.0%} of such cases)"
    name = verdict_in_words(found.mode, found.possible)
    return f"{name} at turn {found.turn}, confidence {found.confidence:.2f}{right}: {found.evidence}"


def attribute(text: str) -> str:
    return quoteattr(valid(text))


def valid(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
