"""SARIF for code scanning: each failure mode is a rule; each finding is a result at its trace's file and line.

Output     SARIF 2.1.0. An unreadable record is a tool notification, and the run then counts as unsuccessful.
Guarantees results are written as they come, in constant memory. A result's fingerprint is made from the goal, the mode and
           the tool: the same failure in another run of the same task, with a new trace id, is the same alert.
Source     OASIS SARIF 2.1.0.
"""

import hashlib
import json
import tempfile
from typing import IO, Any

from dspy_programs import __version__
from dspy_programs.failures.batch import MODES, Batch, Outcome
from dspy_programs.failures.classifier import FailureReport, FoundMode, sendable
from dspy_programs.failures.reports.place import parse_place, uri_of
from dspy_programs.programs.failure_judge import REMEDIES, SURE
from dspy_programs.types import FailureMode, Trace

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_HOME = "https://dspy.ai"  # the framework that these programs are written in: this project has no published page yet
RULES = tuple(mode for mode in MODES if mode != "none")


class Sarif:
    """Writes outcomes as they come; `finish` closes the document."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.results = file, 0
        self.notifications = tempfile.TemporaryFile()  # they come after the results
        head = json.dumps({"$schema": _SCHEMA, "version": "2.1.0"})[:-1]
        driver = {"name": "dspy-programs", "version": __version__, "informationUri": _HOME, "rules": list(map(rule, RULES))}
        self.file.write(f'{head}, "runs": [{{"tool": {json.dumps({"driver": driver})}, "results": ['.encode())

    def add(self, outcome: Outcome) -> None:
        if outcome.report is None:
            said = {"level": "error", "message": {"text": outcome.problem}, "locations": [location(outcome.source)]}
            self.notifications.write((b"," if self.notifications.tell() else b"") + json.dumps(said).encode())
            return
        for found in outcome.report.modes:
            line = json.dumps(result(outcome.source, outcome.report, found, _tool_at(outcome.trace, found.turn)))
            self.file.write(f"{',' if self.results else ''}\n{line}".encode())
            self.results += 1

    def finish(self, batch: Batch) -> None:
        self.file.write(
            b'\n], "invocations": [{"executionSuccessful": %b, "toolExecutionNotifications": ['
            % (b"false" if batch.unreadable else b"true")
        )
        self.notifications.seek(0)
        while piece := self.notifications.read(1 << 20):
            self.file.write(piece)
        self.notifications.close()
        self.file.write(b"]}]}]}\n")


def _tool_at(trace: Trace | None, number: int) -> str:
    """Return the tool of the turn with that number; "" if there is none."""
    turns = [] if trace is None else trace.turns
    return next((turn.tool_name for turn in turns if turn.turn_number == number and turn.tool_name), "")


def rule(mode: FailureMode) -> dict[str, Any]:
    remedy = REMEDIES[mode]
    meaning = f"{remedy.cause.partition(': {evidence}')[0].rstrip('.')}."
    return {
        "id": mode,
        "name": "".join(word.capitalize() for word in mode.split("_")),
        "shortDescription": {"text": meaning},
        "fullDescription": {"text": meaning},
        "help": {"text": "\n".join(remedy.fixes), "markdown": "\n".join(f"- {fix}" for fix in remedy.fixes)},
        "defaultConfiguration": {"level": "warning"},
    }


def result(source: str, report: FailureReport, found: FoundMode, tool: str) -> dict[str, Any]:
    is_verdict = found.mode == report.classified_failure_mode
    name = report.trace_id or source
    maybe = "possibly: " if found.possible else ""
    text = f"{name}, turn {found.turn}: {maybe}{REMEDIES[found.mode].cause.format(evidence=found.evidence)}"
    if fixes := REMEDIES[found.mode].fixes_for(found.evidence):
        text += f"\nFirst fix: {fixes[0]}"
    goal = " ".join(report.original_goal.split()) or parse_place(source).file
    same = json.dumps([goal, found.mode, sendable(tool)])
    return {
        "ruleId": found.mode,
        "ruleIndex": RULES.index(found.mode),
        "level": "note" if found.possible else "error" if is_verdict and found.confidence >= SURE else "warning",
        "message": {"text": text.replace("](", "] (")},  # else a viewer makes a link of it
        "locations": [location(source)],
        "partialFingerprints": {"goalModeTool/v1": hashlib.sha256(same.encode()).hexdigest()},
        "properties": {
            "traceId": report.trace_id,
            "turn": found.turn,
            "turns": found.turns,
            "confidence": found.confidence,
            "probability": found.probability,
            "isVerdict": is_verdict,
            "isPossible": found.possible,
        },
    }


def location(source: str) -> dict[str, Any]:
    place = parse_place(source)
    return {"physicalLocation": {"artifactLocation": {"uri": uri_of(place.file)}, "region": {"startLine": place.line}}}
