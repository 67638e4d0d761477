"""What is known of a cycle: its pairs, its judgments, and figures about them, in the data flywheel's keys.

Units      shares in [0, 1]; scores from 0 to 10; times in ISO 8601, durations in seconds. The pass rate is of all new pairs
           with a verdict: one that a check found faulty has failed, one that could not be judged has no verdict.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict, JsonValue

from dspy_programs.data.judging.judgment import OVERALL, Judgment
from dspy_programs.data.pair import DataPair
from dspy_programs.types import Pair


class Refused(BaseModel):
    """What was generated and is not among the pairs, or has no verdict. stage: where."""

    stage: Literal["generation", "diversity", "judge"]
    reason: str
    seed: str
    pair: Pair | None = None
    reply: str = ""
    """The start of one that could not be read."""


class CycleState(BaseModel):
    """One cycle. In a checkpoint of a later cycle its lists are empty."""

    model_config = ConfigDict(extra="ignore")

    cycle_id: int
    status: Literal["completed"] = "completed"
    seeds: list[str]
    generated_pairs: list[DataPair] = []
    judgments: list[Judgment] = []
    passed_pairs: list[DataPair] = []
    passed_judgments: list[Judgment] = []
    failed_checks: dict[str, list[str]] = {}
    """Of generated pairs that were not judged, by id: what the checks found."""
    refused: list[Refused] = []
    refused_counts: dict[str, int] = {}
    eval_metrics: dict[str, float]
    answered_by: dict[str, int] = {}
    """Who wrote the generated pairs: "model" or "rules" -> how many."""
    judged_by: dict[str, int] = {}
    """A judge's name, "rules" for rules, which see form and never truth -> how many judgments."""
    dataset_path: str = ""
    artifacts: dict[str, JsonValue] = {}
    start_time: str
    end_time: str
    duration_seconds: float
    pass_rate: float
    avg_quality_score: float

    def without_pairs(self) -> "CycleState":
        """Return the figures alone."""
        lists = ("generated_pairs", "judgments", "passed_pairs", "passed_judgments", "failed_checks", "refused")
        return self.model_copy(update={name: {} if name == "failed_checks" else [] for name in lists})

    @property
    def passed(self) -> int:
        return int(self.eval_metrics["passed"])

    @property
    def total(self) -> int:
        """The new pairs with a verdict."""
        return int(self.eval_metrics["total"])


def metrics_of(judgments: Iterable[Judgment], failed_checks: int = 0) -> dict[str, float]:
    """Return the figures of judgments: how many passed and failed, the pass rate, and the mean of each score.

    failed_checks: pairs that were not judged, since their checks failed; they failed, too.
    """
    sums: defaultdict[str, float] = defaultdict(float)
    judged = passed = 0
    for judgment in judgments:
        judged, passed = judged + 1, passed + judgment.passed
        for name, score in judgment.scores.items():
            sums[name] += score
    total = judged + failed_checks
    means = {f"avg_{name}": round(value / judged, 4) for name, value in sums.items()}
    means.setdefault(f"avg_{OVERALL}", 0.0)
    rate = passed / total if total else 0.0
    return {"total": total, "passed": passed, "failed": total - passed, "pass_rate": round(rate, 4), **means}
