"""What scoring finds: plain values, as they stand in the JSON.

Holds      a check's score follows from its share and half, `passed` from the score and the pass score, the total from the
           scores and weights, the band from the total and the number of rows: nothing is set apart.
"""

from dataclasses import dataclass, field
from typing import Any

from dspy_programs.data.scorer.config import CheckName
from dspy_programs.data.scorer.scale import band_of, points_lost, score_of, total_of
from dspy_programs.text import quantity


@dataclass(frozen=True)
class Example:
    """A row to look at. other: where a second one is, of duplicates. text: what is wrong, in one line."""

    where: str
    text: str
    other: str = ""

    def as_dict(self) -> dict[str, str]:
        return {"where": self.where, **({"other": self.other} if self.other else {}), "text": self.text}


@dataclass(frozen=True)
class Finding:
    """rows: how many rows of the file have it, 0 if it is of the set as a whole."""

    kind: str
    message: str
    rows: int
    examples: list[Example] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        examples = [example.as_dict() for example in self.examples]
        return {"kind": self.kind, "rows": self.rows, "message": self.message, "examples": examples}


@dataclass(frozen=True)
class CheckScore:
    """share: of bad rows among `of` rows, copies counted once. skipped: why the check says nothing here, else ""."""

    check: CheckName
    weight: float
    half: float
    share: float
    of: int
    pass_score: float
    findings: list[Finding] = field(default_factory=list)
    skipped: str = ""
    note: str = ""

    @property
    def score(self) -> float:
        return round(score_of(self.share, self.half), 4)

    @property
    def passed(self) -> bool:
        return self.score >= self.pass_score

    def as_dict(self, lost: float) -> dict[str, Any]:
        if self.skipped:
            return {"check": self.check, "weight": self.weight, "skipped": self.skipped}
        found = {"check": self.check, "weight": self.weight, "half": self.half, "score": self.score, "passed": self.passed}
        found |= {"points_lost": round(lost, 2), "share": round(self.share, 6), "of": self.of}
        return found | ({"note": self.note} if self.note else {}) | {"findings": [each.as_dict() for each in self.findings]}


@dataclass(frozen=True)
class DatasetScore:
    """digests: the numbers of the distinct rows, to compare two data sets by. fewest_rows: that the highest band needs."""

    name: str
    rows: int
    unreadable: int
    distinct: int
    format: str
    formats: dict[str, int]
    checks: list[CheckScore]
    bands: dict[str, float]
    digests: Any = None
    fewest_rows: int = 0

    @property
    def scored(self) -> dict[str, tuple[float, float]]:
        return {check.check: (check.score, check.weight) for check in self.checks if not check.skipped}

    @property
    def total(self) -> float:
        return round(total_of(self.scored.values()), 2)

    @property
    def band(self) -> str:
        return band_of(self.total, self.bands, few_rows=self.distinct < self.fewest_rows)

    @property
    def held_back(self) -> str:
        """Why the band is not the one that the total reaches; "" if it is."""
        reached = band_of(self.total, self.bands)
        if self.band == reached:
            return ""
        return f"not {reached}: it has {quantity(self.distinct, 'distinct row')}, and {self.fewest_rows:,} are needed to tell"

    @property
    def lost(self) -> dict[str, float]:
        """The points lost to each check."""
        return points_lost(self.scored)

    def check(self, name: CheckName) -> CheckScore:
        return next(check for check in self.checks if check.check == name)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        lost = self.lost
        return {
            "dataset": self.name,
            "score": self.total,
            "band": self.band,
            "held_back": self.held_back,
            "detected_format": self.format,
            "formats": self.formats,
            "rows": self.rows,
            "unreadable": self.unreadable,
            "distinct_rows": self.distinct,
            "bands": self.bands,
            "checks": [check.as_dict(lost.get(check.check, 0.0)) for check in self.checks],
        }
