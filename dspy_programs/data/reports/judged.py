"""What a judge found, in figures: verdicts, by category too, and scores by criterion. Scores are shown from 0 to 10."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from dspy_programs.data.judging.judged import Judgments, overall_of, scores_in

_TOP = 10


@dataclass
class Judged:
    """judged, passed: pairs; overall: pairs by overall score, 0 to 9 (10 is in 9); criteria: name -> mean score."""

    tag: str
    model: str
    judged: int = 0
    passed: int = 0
    failed: int = 0
    overall: Counter[int] = field(default_factory=Counter)
    criteria: dict[str, float] = field(default_factory=dict)
    by_category: dict[str, tuple[int, int]] = field(default_factory=dict)
    """category -> (judged, passed)"""


def judged_in(tag: str, path: Path) -> Judged:
    """Read a file of judgments. Raises UsageError if it has none."""
    judgments = Judgments(path)
    found, models = Judged(tag, ""), set[str]()
    sums, counts = defaultdict[str, float](float), Counter[str]()
    for line in judgments.each():
        found.judged += 1
        found.passed += line.get("passed") is True
        found.overall[min(9, max(0, int(overall_of(line) * _TOP / judgments.scale)))] += 1
        for name, score in scores_in(line).items():
            sums[name] += score * _TOP / judgments.scale
            counts[name] += 1
        if len(models) < 3:
            models.add(str(line.get("judge_model") or ""))
    found.failed = judgments.failed
    found.criteria = {name: sums[name] / counts[name] for name in sorted(sums, key=lambda name: (name == "overall", name))}
    found.model = " or ".join(sorted(models)) if len(models) < 3 else "several"
    return found
