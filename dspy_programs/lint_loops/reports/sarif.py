"""Findings as SARIF 2.1.0, for code scanning: a rule for each pattern, a result for each finding.

A fingerprint is made from the file, the pattern and the suggestion, not from the line: code above may grow.

Source     OASIS SARIF 2.1.0.
"""

import hashlib
import json
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from dspy_programs import __version__
from dspy_programs.lint_loops.finding import Finding
from dspy_programs.lint_loops.patterns import PATTERNS, Pattern
from dspy_programs.lint_loops.run import Report

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_HOME = "https://dspy.ai"  # the framework that these programs are written in: this project has no published page yet


def as_sarif(report: Report) -> str:
    """Return the document. A file that could not be checked is a notification, and the run then counts as unsuccessful."""
    driver = {"name": "dspy-programs", "version": __version__, "informationUri": _HOME, "rules": list(map(_rule, PATTERNS))}
    notes = [
        {"level": "error", "message": {"text": why}, "locations": [{"physicalLocation": _artifact(file)}]}
        for file, why in report.problems
    ]
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": list(map(_result, report.findings)),
        "invocations": [{"executionSuccessful": not notes, "toolExecutionNotifications": notes}],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1)


def _rule(pattern: Pattern) -> dict[str, Any]:
    return {
        "id": pattern.code,
        "name": pattern.name,
        "shortDescription": {"text": f"{pattern.advice}."},
        "fullDescription": {"text": pattern.explanation},
        "help": {"text": pattern.explanation},
        "defaultConfiguration": {"level": _level(pattern)},
        "properties": {"estimatedSlowdownPct": pattern.slowdown},
    }


def _level(pattern: Pattern) -> str:
    return "warning" if pattern.slowdown >= 20 else "note"


def _result(finding: Finding) -> dict[str, Any]:
    same = json.dumps([PurePath(finding.file).as_posix(), finding.pattern.code, finding.suggestion])
    region = {"startLine": finding.line, "startColumn": finding.column, "endLine": finding.end_line}
    return {
        "ruleId": finding.pattern.code,
        "ruleIndex": PATTERNS.index(finding.pattern),
        "level": _level(finding.pattern),
        "message": {"text": finding.suggestion.replace("](", "] (")},  # else a viewer makes a link of it
        "locations": [{"physicalLocation": {**_artifact(finding.file), "region": region}}],
        "partialFingerprints": {"filePatternMend/v1": hashlib.sha256(same.encode()).hexdigest()},
    }


def _artifact(file: str) -> dict[str, Any]:
    path = PurePath(file)
    name = quote(path.as_posix().encode("utf-8", "surrogateescape"))
    return {"artifactLocation": {"uri": f"file://{name}" if path.is_absolute() else name}}
