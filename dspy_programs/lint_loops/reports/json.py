"""Findings as JSON: the five keys that the pattern's publisher uses, and more where asked for."""

import json
from collections.abc import Mapping
from typing import Any

from dspy_programs.lint_loops.finding import Finding
from dspy_programs.lint_loops.measuring.measure import Measured
from dspy_programs.lint_loops.run import Report


def as_json(report: Report, measured: Mapping[Finding, Measured], explain: bool) -> str:
    """Return a list, worst first, of {file, line, pattern, estimated_slowdown_pct, suggestion}.

    --measure adds measured_slowdown_pct and growth, --explain adds explanation.
    """
    rows: list[dict[str, Any]] = []
    for each in report.findings:
        row = each.published()
        if timed := measured.get(each):
            row |= {"measured_slowdown_pct": timed.slowdown, "growth": timed.growth}
        if explain:
            row["explanation"] = each.pattern.explanation
        rows.append(row)
    return json.dumps(rows, indent=2, ensure_ascii=True)  # names of files may hold what is no UTF-8
