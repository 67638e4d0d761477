"""A run of judges as it is asked for, by a command or by a step of a pipeline: a file of judgments under a tag.

Raises     UsageError for options that do not fit each other, and what `judge_file` raises.
"""

from collections.abc import Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from dspy_programs.cli import Progress
from dspy_programs.data.folder import DataFolder
from dspy_programs.data.judging.cache import JudgmentCache
from dspy_programs.data.judging.judge_run import Report, Selection, judge_file
from dspy_programs.data.judging.judges import Judge, ModelJudge, RulesJudge
from dspy_programs.data.judging.panel import By, Panel
from dspy_programs.data.judging.which_model import Spec, connected
from dspy_programs.data.limits import Limits, Meter
from dspy_programs.errors import UsageError
from dspy_programs.types import Rubric

AT_ONCE = 4


@dataclass(frozen=True)
class AskedJudging:
    """Who judges, by what, which pairs, and when to stop. specs: the models; none means the rules. fresh: ask again."""

    specs: Sequence[Spec]
    rubric: Rubric
    tag: str
    ensemble: By = "majority"
    selection: Selection = field(default_factory=Selection)
    concurrency: int = AT_ONCE
    temperature: float | None = None
    reply_tokens: int | None = None
    timeout: float | None = None
    limits: Limits = field(default_factory=Limits)
    fresh: bool = False

    def check(self) -> None:
        """Raise UsageError for a limit in money on judges that cost none."""
        if self.limits.usd is not None and all(spec.lm.startswith("local/") for spec in self.specs):
            raise UsageError("--max-usd: these judges are free; limit --max-minutes or --max-pairs instead")

    def run(self, folder: DataFolder, dataset: str, output: Path, progress: Progress | None = None) -> Report:
        """Judge the pairs of a data set into a file."""
        self.check()
        meter = Meter(self.limits)
        judges: list[Judge] = [self._model(spec, meter) for spec in self.specs] or [RulesJudge(self.rubric)]
        cache = JudgmentCache(folder.judgment_cache, reads=not self.fresh) if self.specs else None
        at_once = self.concurrency if self.specs and not any(spec.lm.startswith("local/") for spec in self.specs) else 1
        with closing(cache) if cache else nullcontext():
            panel = Panel(judges, self.rubric, self.ensemble, cache, self.tag)
            return judge_file(
                folder.existing(dataset),
                output,
                panel,
                dataset,
                self.selection,
                at_once,
                meter,
                progress,
                self.fresh and bool(self.specs),
            )

    def _model(self, spec: Spec, meter: Meter) -> ModelJudge:
        return ModelJudge(connected(spec, meter, self.temperature, self.reply_tokens, self.timeout), self.rubric)
