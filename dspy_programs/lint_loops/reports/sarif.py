"""Findings as SARIF 2.1.0, for code scanning: a rule for each pattern, a result for each finding.

A fingerprint is made from the file, the pattern and the suggestion, not from the line: code above may grow.

Source     OASIS SARIF 2.1.0.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from dspy_programs import __version__
from dspy_programs.lint_loops.explaining.explained import Explained
from dspy_programs.lint_loops.finding import Finding
from dspy_programs.lint_loops.patterns import PATTERNS, Pattern
from dspy_programs.lint_loops.run import Report

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_HOME = "https://dspy.ai"  # the framework that these programs are written in: this project has no published page yet


def as_sarif(report: Report, explained: Mapping[Finding, Explained]) -> str:
    """Return the document; an explanation and a rewrite are the Markdown of their result's message.

    A file that could not be checked is a notification, and the run then counts as unsuccessful.
    """
    driver = {"name": "dspy-programs", "version": __version__, "informationUri": _HOME, "rules": list(map(_rule, PATTERNS))}
    notes = [
        {"level": "error", "message": {"text": why}, "locations": [{"physicalLocation": _artifact(file)}]}
        for file, why in report.problems
    ]
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(each, explained.get(each)) for each in report.findings],
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


def _result(finding: Finding, told: Explained | None) -> dict[str, Any]:
    same = json.dumps([PurePath(finding.file).as_posix(), finding.pattern.code, finding.suggestion])
    text = finding.suggestion.replace("](", "] (")  # else a viewer makes a link of it
    message = {"text": text} if told is None else {"text": text, "markdown": _markdown(finding, told)}
    region = {"startLine": finding.line, "startColumn": finding.column, "endLine": finding.end_line}
    return {
        "ruleId": finding.pattern.code,
        "ruleIndex": PATTERNS.index(finding.pattern),
        "level": _level(finding.pattern),
        "message": message,
        "locations": [{"physicalLocation": {**_artifact(finding.file), "region": region}}],
        "partialFingerprints": {"filePatternMend/v1": hashlib.sha256(same.encode()).hexdigest()},
    }


def _markdown(finding: Finding, told: Explained) -> str:
    """Return suggestion, explanation and rewrite; what a model wrote is escaped, so that it links to nothing."""
    parts = [_escaped(finding.suggestion), f"{_escaped(told.explanation)} ({told.who})"]
    if told.note:
        parts.append(_escaped(f"{told.note[:1].upper()}{told.note[1:]}."))
    if told.rewrite:
        fence = "`" * (1 + max((len(run) for run in re.findall("`+", told.rewrite)), default=2))
        parts.append(f"Instead of lines {told.first} to {told.last}:\n\n{fence}python\n{told.rewrite}\n{fence}")
    return "\n\n".join(parts)


def _escaped(text: str) -> str:
    """Escape what Markdown would take for a link, a picture or HTML; names in backticks stay as they are."""
    pieces = text.split("`")
    if len(pieces) % 2 == 0:
        pieces = [text.replace("`", "'")]
    return "`".join(re.sub(r"([\\\[\]<>!*_#|])", r"\\\1", piece) if at % 2 == 0 else piece for at, piece in enumerate(pieces))


def _artifact(file: str) -> dict[str, Any]:
    path = PurePath(file)
    name = quote(path.as_posix().encode("utf-8", "surrogateescape"))
    return {"artifactLocation": {"uri": f"file://{name}" if path.is_absolute() else name}}
