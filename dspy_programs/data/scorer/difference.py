"""How the scores of two data sets differ: the total, each check, what came and what went, and the rows that both have."""

from typing import Any

import numpy as np

from dspy_programs.data.scorer.result import DatasetScore


def difference_of(before: DatasetScore, after: DatasetScore) -> dict[str, Any]:
    """Return the difference as JSON has it. shared_rows: distinct rows that both have, but for case and spaces."""
    checks = []
    for old, new in zip(before.checks, after.checks, strict=True):
        scores = (None if old.skipped else old.score, None if new.skipped else new.score)
        change = round(scores[1] - scores[0], 4) if scores[0] is not None and scores[1] is not None else None
        checks.append({"check": old.check, "before": scores[0], "after": scores[1], "change": change})
    return {
        "before": _about(before),
        "after": _about(after),
        "change": round(after.total - before.total, 2),
        "shared_rows": len(np.intersect1d(before.digests, after.digests, assume_unique=True)),
        "checks": checks,
        "findings": _findings(before, after),
    }


def _about(score: DatasetScore) -> dict[str, Any]:
    about = {"dataset": score.name, "score": score.total, "band": score.band, "detected_format": score.format}
    return about | {"rows": score.rows, "unreadable": score.unreadable, "distinct_rows": score.distinct}


def _findings(before: DatasetScore, after: DatasetScore) -> list[dict[str, Any]]:
    """Return how many rows had each kind of finding, and how many have it."""
    counts: dict[tuple[str, str], list[int]] = {}
    for place, score in enumerate((before, after)):
        for check in score.checks:
            for finding in check.findings:
                counts.setdefault((check.check, finding.kind), [0, 0])[place] += finding.rows
    return [{"check": check, "kind": kind, "before": old, "after": new} for (check, kind), (old, new) in counts.items()]
