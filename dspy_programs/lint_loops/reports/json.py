"""Findings as JSON: the five keys that the pattern's publisher uses, and more where asked for."""

import json
from collections.abc import Mapping
from typing import Any

from dspy_programs.lint_loops.explaining.explained import Explained
from dspy_programs.lint_loops.finding import Finding
from dspy_programs.lint_loops.measuring.measure import Measured
from dspy_programs.lint_loops.run import Report


def as_json(report: Report, measured: Mapping[Finding, Measured], explained: Mapping[Finding, Explained]) -> str:
    """Return a list, worst first, of {file, line, pattern, estimated_slowdown_pct, suggestion}.

    --measure adds measured_slowdown_pct and growth, --explain adds explanation and explained_by, and rewrite with
    rewrite_lines (first and last, to be replaced) and rewritten_by where there is one; note says why a model's is not shown.
    """
    rows: list[dict[str, Any]] = []
    for each in report.findings:
        row = each.published()
        if timed := measured.get(each):
            row |= {"measured_slowdown_pct": timed.slowdown, "growth": timed.growth}
        if told := explained.get(each):
            row |= {"explanation": told.explanation, "explained_by": told.by}
            if told.rewrite:
                row |= {"rewrite": told.rewrite, "rewrite_lines": [told.first, told.last], "rewritten_by": told.rewritten_by}
            if told.note:
                row["note"] = told.note
        rows.append(row)
    return json.dumps(rows, indent=2, ensure_ascii=True)  # names of files may hold what is no UTF-8
