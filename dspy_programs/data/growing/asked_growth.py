"""A growth as it is asked for, by a command or by a step of a pipeline: its options, all with the names of the command line.

Raises     UsageError for options that do not fit each other, and what `grow` raises.
"""

import warnings
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from dspy_programs.cli import Progress
from dspy_programs.data.checks.options import checked_names
from dspy_programs.data.folder import DataFolder
from dspy_programs.data.growing.checking import USUAL, usual_check
from dspy_programs.data.growing.cycle_state import CycleState
from dspy_programs.data.growing.growth import MIN_PASS_RATE, Grown, grow
from dspy_programs.data.growing.growth_files import GrowthFiles, Plan
from dspy_programs.data.growing.models import WRITTEN, judge_by_rules, judge_on, writer_on
from dspy_programs.data.growing.request import Settings
from dspy_programs.data.growing.seed import (
    Seed,
    distinct,
    seeds_in_file,
    seeds_in_pairs,
    seeds_in_reports,
    seeds_in_text,
)
from dspy_programs.data.growing.writing import Writer
from dspy_programs.data.judging.rubric_files import rubric_at
from dspy_programs.data.judging.which_model import Spec
from dspy_programs.data.limits import Limits, Meter
from dspy_programs.errors import UsageError
from dspy_programs.rubric import DEFAULT, rubric_of

AT_ONCE = 5


class GrowthOptions(BaseModel):
    """Where seeds come from, what is made of them, by whom, and when to stop. `dspy-programs data run --help` explains each."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seeds: str | None = None
    seeds_file: Path | None = None
    from_name: str | None = Field(default=None, validation_alias=AliasChoices("from_name", "from"))
    max_seeds: int = Field(default=100, ge=1)
    failures: Path | None = None
    name: str | None = None
    max_cycles: int = Field(default=3, ge=1)
    min_pass_rate: float = Field(default=MIN_PASS_RATE, ge=0, le=1)
    template: list[str] | None = None
    strategy: list[str] | None = None
    per_seed: int | None = None
    checks: str | None = None
    lm: str | None = None
    api_base: str | None = None
    no_llm: bool = False
    judge_lm: str | None = None
    rubric: str | None = None
    concurrency: int | None = Field(default=None, ge=1, le=256)
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0, le=1)
    reply_tokens: int | None = Field(default=None, ge=1)
    timeout: float | None = Field(default=None, ge=0.1)
    max_usd: float | None = Field(default=None, ge=0)
    max_tokens: int | None = Field(default=None, ge=1)
    max_minutes: float | None = Field(default=None, ge=0)
    max_pairs: int | None = Field(default=None, ge=1)


class AskedGrowth:
    """A growth in a folder. resume: what is not given is as it was when the growth began. api_key: for `lm`."""

    def __init__(self, options: GrowthOptions, folder: DataFolder, resume: bool = False, api_key: str | None = None) -> None:
        self.options, self.folder, self.resume = options, folder, resume
        self.files = GrowthFiles(folder, options.name)
        self._before = (self.files.begun() if resume else None) or Plan(seeds=[])
        lm = None if options.no_llm else options.lm or self._before.lm
        api_base = options.api_base or (self._before.api_base if lm == self._before.lm else None)
        judge_lm = None if options.no_llm else options.judge_lm or self._before.judge_lm
        self._writing = Spec(lm, api_base, api_key) if lm else None
        self._judging = Spec(judge_lm) if judge_lm else None if lm and lm.startswith("local/") else self._writing
        self._free = all(spec is None or spec.lm.startswith("local/") for spec in (self._writing, self._judging))
        self._plan = Plan(seeds=[], lm=lm, api_base=api_base, judge_lm=judge_lm, rubric=options.rubric or self._before.rubric)

    @cached_property
    def settings(self) -> Settings:
        before = self._before.settings
        return Settings(
            templates=self.options.template or before.templates,
            strategies=self.options.strategy or before.strategies,
            per_seed=self.options.per_seed or before.per_seed,
        ).checked()

    @cached_property
    def seeds(self) -> list[Seed]:
        """The seeds of all that is given."""
        asked = self.options
        found = seeds_in_text(asked.seeds) if asked.seeds else []
        found += seeds_in_file(asked.seeds_file) if asked.seeds_file else []
        found += seeds_in_pairs(self.folder.existing(asked.from_name), asked.max_seeds) if asked.from_name else []
        found += seeds_in_reports(asked.failures) if asked.failures else []
        return distinct(found)

    def _writer(self, meter: Meter) -> Writer:
        asked = self.options
        return writer_on(self._writing, self.files, meter, asked.temperature, asked.reply_tokens, asked.timeout, asked.top_p)

    def run(self, progress: Progress | None = None, on_cycle: Callable[[CycleState], None] = lambda cycle: None) -> Grown:
        """Grow. on_cycle: told of each cycle that has ended."""
        asked, settings = self.options, self.settings
        if asked.max_usd is not None and self._free:
            raise UsageError("--max-usd: this is free; limit --max-minutes or --max-pairs instead")
        if not self.seeds and not self._before.seeds:
            raise UsageError('nothing to grow from: give -s "a,b", --seeds-file, --from or --failures')
        check = usual_check(checked_names(asked.checks.split(",")) if asked.checks else USUAL)
        rubric = rubric_at(self._plan.rubric) if self._plan.rubric else None
        if asked.failures and self._writing is None:
            warnings.warn("rules make exercises of a failure's goal, but teach nothing about it; give --lm", stacklevel=2)
        meter = Meter(Limits(asked.max_usd, asked.max_tokens, asked.max_minutes))
        return grow(
            self.seeds,
            self.folder,
            name=asked.name,
            write=self._writer(meter),
            check=check,
            judge=judge_on(self._judging, rubric or rubric_of(DEFAULT), self.files, meter)
            if self._judging
            else judge_by_rules(rubric or (WRITTEN if self._writing else None)),
            settings=settings,
            plan=self._plan.model_copy(update={"seeds": self.seeds}),
            max_cycles=asked.max_cycles,
            min_pass_rate=asked.min_pass_rate,
            max_pairs=asked.max_pairs,
            at_once=1 if self._free else asked.concurrency or AT_ONCE,
            resume=self.resume,
            meter=meter,
            progress=progress,
            on_cycle=on_cycle,
        )
