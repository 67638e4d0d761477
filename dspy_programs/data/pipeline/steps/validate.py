"""The step `validate`: a report of what is wrong, and the rows without it."""

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from dspy_programs.cli import Progress
from dspy_programs.data.checks.clean import rejects_of
from dspy_programs.data.checks.options import DEFAULT_CHECKS, CheckOptions, PiiPolicy
from dspy_programs.data.checks.report import write_report
from dspy_programs.data.checks.validator import MOST_ISSUES, Validator
from dspy_programs.data.pipeline.step import Outcome, Place, Step
from dspy_programs.text import quantity

_CLEAN = ".clean"


class Validate(Step):
    """Check a data set. write_clean: a file, or true for the data set NAME.clean, which later steps can name."""

    kind: ClassVar[str] = "validate"
    checks: list[str] | str = Field(default_factory=lambda: list(DEFAULT_CHECKS))
    min_instruction_len: int = 3
    max_output_len: int = 8000
    pii: PiiPolicy = "warn"
    lang: str = "en"
    near_threshold: float = 0.7
    against: list[str] = Field(default_factory=list)
    write_clean: bool | str = False
    redact: bool = False
    fail_on: Literal["error", "warning", "never"] = "never"
    max_issues: int = Field(default=MOST_ISSUES, ge=0)
    output: str | None = None

    def check(self, at: Place) -> None:
        validator = self._validator()
        if self.redact:
            validator.require_redacting(self._clean(at))

    def _validator(self) -> Validator:
        given = self.checks.split(",") if isinstance(self.checks, str) else self.checks
        names = [name.strip() for name in given if name.strip()]
        names += ["contamination"] if self.against and "contamination" not in names else []
        options = CheckOptions(
            tuple(names),
            self.min_instruction_len,
            self.max_output_len,
            self.pii,
            self.lang,
            self.near_threshold,
            tuple(self.against),
        )
        return Validator(options, max_issues=self.max_issues)

    def _clean(self, at: Place) -> Path | None:
        if isinstance(self.write_clean, str):
            return Path(self.write_clean)
        return at.folder.pairs(at.dataset + _CLEAN) if self.write_clean else None

    def _report(self, at: Place) -> Path:
        return Path(self.output) if self.output else at.folder.validation(at.dataset)

    def reads(self, at: Place) -> list[Path]:
        return [at.folder.pairs(at.dataset), *map(Path, self.against)]

    def needs(self, at: Place) -> list[Path]:
        return [*map(Path, self.against)]

    def writes(self, at: Place) -> list[Path]:
        clean = self._clean(at)
        return [self._report(at), *([clean, rejects_of(clean)] if clean else [])]

    def makes(self, at: Place) -> list[str]:
        return [at.dataset + _CLEAN] if self.write_clean is True else []

    def run(self, at: Place, progress: Progress | None) -> Outcome:
        validator, clean = self._validator(), self._clean(at)
        report = validator.validate(at.folder.existing(at.dataset), at.dataset, clean, self.redact, progress)
        write_report(self._report(at), report)
        said = f"{quantity(report.errors, 'error')}, {quantity(report.warnings, 'warning')}"
        if clean and validator.written:
            said += f"; {validator.written.kept:,} kept, {validator.written.dropped:,} dropped"
        closed = (self.fail_on != "never" and report.errors) or (self.fail_on == "warning" and report.warnings)
        return Outcome(said, passed=not closed)
