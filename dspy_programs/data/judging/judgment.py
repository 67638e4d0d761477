"""A judgment: one line of a file of judgments, in the form of the data flywheel's, with what is new after it.

Formats    scores are on a scale from 0 to 10, one for each criterion and their weighted mean as `overall`. Lines of other
           tools are read too: what they lack has its default, and what is unknown here is ignored.
"""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dspy_programs.errors import DatasetError, first_fault

TOP = 10.0
OVERALL = "overall"
_HIGH, _MEDIUM = 8.0, 6.0  # of `overall`, from where a pair is in that tier

AnsweredBy = Literal["model", "rules"]


class RubricName(BaseModel):
    name: str
    version: str = ""


class Opinion(BaseModel):
    """What one judge found. scores: criterion -> share in [0, 1]; at: when it was asked."""

    model_config = ConfigDict(extra="forbid")

    judge_model: str
    scores: dict[str, float]
    reason: str
    answered_by: AnsweredBy
    at: str


class Member(BaseModel):
    """One judge's part in a judgment of several. scores: as in Judgment."""

    model_config = ConfigDict(extra="ignore")

    judge_model: str
    scores: dict[str, float]
    passed: bool
    judgment_reasoning: str = ""
    answered_by: AnsweredBy = "model"


class Judgment(BaseModel):
    """One pair's judgment."""

    model_config = ConfigDict(extra="ignore")

    pair_id: str
    scores: dict[str, float]
    passed: bool
    judge_model: str = ""
    judgment_reasoning: str = ""
    judged_at: str = ""
    quality_tier: Literal["high", "medium", "low"] = "low"
    rubric: RubricName = Field(default_factory=lambda: RubricName(name=""))
    tag: str = ""
    answered_by: AnsweredBy = "model"
    """Who scored: "rules" if no model was asked, or none had to be: a blank output scores 0."""
    agreement: float | None = None
    """Of several judges, the share whose verdict is the judgment's, in [0, 1]."""
    disagreed: bool | None = None
    """Of several judges, whether their verdicts differ."""
    judges: list[Member] | None = None
    judge: str = ""
    """A digest of all that decides but the pair: models, decoding, program, rubric, minimums."""
    key: str = ""
    """A digest of all that decides, the pair's text too: 16 hexadecimal digits."""
    error: str | None = None
    """Why it failed, in lines of other tools: here a failure is no line."""

    @property
    def overall(self) -> float:
        """From 0 to 10."""
        return self.scores.get(OVERALL, 0.0)


def tier_of(overall: float) -> Literal["high", "medium", "low"]:
    return "high" if overall >= _HIGH else "medium" if overall >= _MEDIUM else "low"


def judgment_in(line: bytes, path: Path, number: int) -> Judgment:
    """Read a line. Raises DatasetError for what is no judgment."""
    try:
        return Judgment.model_validate_json(line)
    except ValidationError as error:
        raise DatasetError(f"{path}:{number}: {first_fault(error, 'the line')}") from None


def as_line(judgment: Judgment) -> bytes:
    return judgment.model_dump_json(exclude_none=True).encode("utf-8", "replace") + b"\n"
