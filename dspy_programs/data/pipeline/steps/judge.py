"""The step `judge`: a file of judgments under a tag, by rules or models."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from dspy_programs.cli import Progress
from dspy_programs.data.folder import checked_name
from dspy_programs.data.judging.asked_judging import AskedJudging
from dspy_programs.data.judging.judge_run import Selection
from dspy_programs.data.judging.judgment import OVERALL
from dspy_programs.data.judging.rubric_files import rubric_at
from dspy_programs.data.judging.which_model import Spec, specs_of, usual_tag
from dspy_programs.data.limits import Limits
from dspy_programs.data.pipeline.step import Outcome, Place, Step
from dspy_programs.errors import UsageError


class Judge(Step):
    """Judge every pair by a rubric. Keys of models are those of the environment. A run that was cut is continued."""

    kind: ClassVar[str] = "judge"
    lm: list[str] | str = Field(default_factory=list)
    api_base: list[str] | str = Field(default_factory=list)
    backend: str | None = None
    model: str | None = None
    no_llm: bool = False
    rubric: str = "quality"
    tag: str | None = None
    ensemble: Literal["majority", "mean"] = "majority"
    sample: float = 1.0
    seed: int = 42
    max_pairs: int | None = Field(default=None, ge=1)
    concurrency: int = Field(default=4, ge=1, le=256)
    temperature: float | None = Field(default=None, ge=0, le=2)
    reply_tokens: int | None = Field(default=None, ge=1)
    timeout: float | None = Field(default=None, ge=0.1)
    max_usd: float | None = Field(default=None, ge=0)
    max_tokens: int | None = Field(default=None, ge=1)
    max_minutes: float | None = Field(default=None, ge=0)

    def check(self, at: Place) -> None:
        checked_name(self._tag(), "tag")
        if not 0 < self.sample <= 1:
            raise UsageError(f"sample {self.sample:g}: give a share above 0, at most 1")
        self._asked().check()

    def _asked(self) -> AskedJudging:
        return AskedJudging(
            self._specs(),
            rubric_at(self.rubric),
            self._tag(),
            self.ensemble,
            Selection(self.sample, self.max_pairs, self.seed),
            self.concurrency,
            self.temperature,
            self.reply_tokens,
            self.timeout,
            Limits(self.max_usd, self.max_tokens, self.max_minutes),
        )

    def _specs(self) -> list[Spec]:
        if self.no_llm:
            return []
        return specs_of(_listed(self.lm), self.backend, self.model, _listed(self.api_base))

    def _tag(self) -> str:
        return self.tag or usual_tag(self._specs())

    def judges(self, at: Place) -> tuple[str, frozenset[str]] | None:
        names = (criterion.name for criterion in rubric_at(self.rubric).criteria)
        return self._tag(), frozenset([*names, OVERALL])

    def settings(self, at: Place) -> Mapping[str, Any]:
        minimums = {name: value for name, value in os.environ.items() if name.startswith("QUALITY_MIN_")}
        judges = [[spec.lm, spec.api_base] for spec in self._specs()]  # no key
        return {"judges": judges, "minimums": minimums, "rubric": rubric_at(self.rubric).model_dump(mode="json")}

    def writes(self, at: Place) -> list[Path]:
        return [at.folder.judgments(at.dataset, self._tag())]

    def run(self, at: Place, progress: Progress | None) -> Outcome:
        report = self._asked().run(at.folder, at.dataset, self.writes(at)[0], progress)
        totals = report.totals
        said = f"{totals.judged:,} judged, {totals.pass_rate:.1%} passed, by {report.judge_model}"
        said += f"; {report.failed:,} failed" if report.failed else ""
        said += f"; stopped: {report.stopped}" if report.stopped else ""
        return Outcome(said, not report.model_stopped, report.complete, report.interrupted)


def _listed(given: list[str] | str) -> list[str]:
    return [given] if isinstance(given, str) else given
